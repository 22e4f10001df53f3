//! Bytes as they are written: numbers, lengths, strings.
use super::form::{length, special};
use super::{Compression, lzf};
use crate::number::parse_i64;

/// What was written so far.
pub(super) struct Output {
    bytes: Vec<u8>,
    compression: Compression,
    compressor: lzf::Compressor,
}

/// The longest text that Redis looks at for an integer of 32 bits.
const INTEGER_TEXT_MAX: usize = 11;
/// The longest string that is not worth an attempt at compression.
const UNCOMPRESSED_MAX: usize = 20;
/// So many bytes at least must be won.
const WON_MIN: usize = 4;

impl Output {
    pub(super) fn new(compression: Compression) -> Self {
        Self { bytes: Vec::new(), compression, compressor: lzf::Compressor::default() }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// A length, or another number that is not negative.
    pub(super) fn length(&mut self, length: u64) {
        match length {
            0..=0x3f => self.byte(length::SIX << 6 | length as u8),
            0x40..=0x3fff => {
                let [high, low] = (length as u16).to_be_bytes();
                self.bytes(&[length::FOURTEEN << 6 | high, low]);
            }
            0x4000..=0xffff_ffff => {
                self.byte(length::FOUR_BYTES);
                self.bytes(&(length as u32).to_be_bytes());
            }
            _ => {
                self.byte(length::EIGHT_BYTES);
                self.bytes(&length.to_be_bytes());
            }
        }
    }

    fn special(&mut self, how: u8) {
        self.byte(length::SPECIAL << 6 | how);
    }

    /// A string in the shortest way there is.
    pub(super) fn string(&mut self, string: &[u8]) {
        if string.len() <= INTEGER_TEXT_MAX
            && let Some(value) = parse_i64(string)
        {
            self.integer(value);
        } else {
            self.text(string);
        }
    }

    /// A string that is an integer.
    pub(super) fn integer(&mut self, value: i64) {
        if let Ok(value) = i8::try_from(value) {
            self.special(special::INTEGER_1);
            self.bytes(&value.to_le_bytes());
        } else if let Ok(value) = i16::try_from(value) {
            self.special(special::INTEGER_2);
            self.bytes(&value.to_le_bytes());
        } else if let Ok(value) = i32::try_from(value) {
            self.special(special::INTEGER_4);
            self.bytes(&value.to_le_bytes());
        } else {
            self.text(value.to_string().as_bytes());
        }
    }

    fn text(&mut self, text: &[u8]) {
        let is_tried = self.compression == Compression::Lzf && text.len() > UNCOMPRESSED_MAX;
        match is_tried.then(|| self.compressor.compress(text, text.len() - WON_MIN)).flatten() {
            Some(compressed) => {
                self.special(special::LZF);
                self.length(compressed.len() as u64);
                self.length(text.len() as u64);
                self.bytes(&compressed);
            }
            None => {
                self.length(text.len() as u64);
                self.bytes(text);
            }
        }
    }
}
