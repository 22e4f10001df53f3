//! The longest common subsequence of two strings, by the textbook's table.
//!
//! Where several are longest, the one that Redis's walk through the table finds: from the end, towards the longer of the two
//! neighbours, and back in the second string when both are as long.

/// A stretch of the common subsequence without gaps in either string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its first and last byte in the first string.
    pub first: (usize, usize),
    /// Its first and last byte in the second string.
    pub second: (usize, usize),
    /// How many bytes it has.
    pub length: usize,
}

/// What two strings have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lcs {
    /// The common subsequence.
    pub text: Vec<u8>,
    /// Its stretches, the last one first.
    pub matches: Vec<Match>,
}

/// Finds the longest common subsequence. Takes four bytes for each pair of places in the strings, and as much time.
pub fn lcs(first: &[u8], second: &[u8]) -> Lcs {
    let width = second.len() + 1;
    let mut table = vec![0_u32; (first.len() + 1) * width];
    for (i, a) in first.iter().enumerate() {
        for (j, b) in second.iter().enumerate() {
            table[(i + 1) * width + j + 1] = if a == b {
                table[i * width + j] + 1
            } else {
                table[i * width + j + 1].max(table[(i + 1) * width + j])
            };
        }
    }
    let (mut i, mut j) = (first.len(), second.len());
    let mut text = Vec::with_capacity(table[i * width + j] as usize);
    let mut matches: Vec<Match> = Vec::new();
    while i > 0 && j > 0 {
        if first[i - 1] == second[j - 1] {
            (i, j) = (i - 1, j - 1);
            text.push(first[i]);
            match matches.last_mut() {
                Some(last) if last.first.0 == i + 1 && last.second.0 == j + 1 => {
                    (last.first.0, last.second.0, last.length) = (i, j, last.length + 1);
                }
                _ => matches.push(Match { first: (i, i), second: (j, j), length: 1 }),
            }
        } else if table[(i - 1) * width + j] > table[i * width + j - 1] {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    text.reverse();
    Lcs { text, matches }
}
