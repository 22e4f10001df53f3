//! Passwords, of which only the SHA-256 is kept.
use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::number::hexadecimal;

/// A password's SHA-256. Written as 64 hexadecimal digits in lower case.
#[derive(Clone, Copy)]
pub(super) struct PasswordHash([u8; 32]);

impl PasswordHash {
    pub(super) fn of(password: &[u8]) -> Self {
        Self(Sha256::digest(password).into())
    }

    /// `None` if these are no 64 hexadecimal digits in lower case.
    pub(super) fn parse(digits: &[u8]) -> Option<Self> {
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let digits: &[u8; 64] = digits.try_into().ok()?;
        let (pairs, _) = digits.as_chunks::<2>();
        let mut hash = [0; 32];
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = value(*high)? << 4 | value(*low)?;
        }
        Some(Self(hash))
    }

    /// Whether it is one of these. Looks at all of them, whichever it is.
    pub(super) fn is_among(self, others: &[Self]) -> bool {
        others.iter().fold(Choice::from(0), |found, other| found | self.0.ct_eq(&other.0)).into()
    }
}

/// Takes as long for hashes that differ in the first byte as for those that differ in the last.
impl PartialEq for PasswordHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal(&self.0))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::PasswordHash;

    #[test]
    fn a_hash_is_written_as_it_is_read() {
        let hash = PasswordHash::of(b"abc");
        let text = hash.to_string();
        assert_eq!(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(PasswordHash::parse(text.as_bytes()) == Some(hash));
        assert!(PasswordHash::of(b"abd") != hash);
    }

    #[test]
    fn what_is_not_64_digits_in_lower_case_is_no_hash() {
        let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for text in
            ["", &digits[1..], &digits.to_uppercase(), &digits.replace('b', "g"), &format!("{digits}0")]
        {
            assert!(PasswordHash::parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn a_hash_is_not_shown_to_who_debugs() {
        assert_eq!(format!("{:?}", PasswordHash::of(b"abc")), "PasswordHash(..)");
    }
}
