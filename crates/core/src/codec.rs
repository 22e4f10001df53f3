//! Effects as bytes and back: the only file that names the encoding crate, so that it can be replaced here.
//!
//! The encoding is bincode 2's standard configuration (little-endian, variable-length integers) through serde.
use crate::effect::Effect;

/// The bytes are not what [`encode`] wrote.
#[derive(Debug, thiserror::Error)]
#[error("not an effect at byte {offset}: {source}")]
pub struct DecodeError {
    /// Where in the bytes given.
    pub offset: usize,
    source: bincode::error::DecodeError,
}

/// Appends one effect to `buffer`.
pub fn encode(effect: &Effect<'_>, buffer: &mut Vec<u8>) {
    bincode::serde::encode_into_std_write(effect, buffer, bincode::config::standard())
        .expect("a Vec takes every write and an effect has no value that cannot be encoded");
}

/// The effects in `bytes`, in order. Ends after the first error.
pub fn decode(bytes: &[u8]) -> impl Iterator<Item = Result<Effect<'_>, DecodeError>> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        if offset >= bytes.len() {
            return None;
        }
        match bincode::serde::borrow_decode_from_slice(&bytes[offset..], bincode::config::standard()) {
            Ok((effect, length)) => {
                offset += length;
                Some(Ok(effect))
            }
            Err(source) => {
                let at = std::mem::replace(&mut offset, bytes.len());
                Some(Err(DecodeError { offset: at, source }))
            }
        }
    })
}
