//! The known and deliberate differences from Redis: those that COMPATIBILITY.md lists, and no others.
//!
//! Its section "Differences" has a fenced list with a line `COMMAND WORDS: reason` for each.
use crate::words;

/// The beginnings of commands that redlet answers differently on purpose.
#[derive(Clone, Debug, Default)]
pub struct Deliberate(Vec<Vec<Vec<u8>>>);

impl Deliberate {
    /// Reads them from COMPATIBILITY.md at the top of the workspace. A document that is not there lists none.
    pub fn from_document() -> Self {
        let path = crate::package_path("../COMPATIBILITY.md");
        if path.is_file() { Self::parse(&crate::read_file(&path)) } else { Self::default() }
    }

    /// Reads them from the document's text.
    pub fn parse(document: &str) -> Self {
        let section = document.lines().skip_while(|line| !is_heading(line, "Differences")).skip(1);
        let section = section.take_while(|line| !line.starts_with("## ") && !line.starts_with("# "));
        let mut fenced = false;
        let listed = section.filter(|line| {
            let fence = line.starts_with("```");
            fenced ^= fence;
            fenced && !fence
        });
        let prefixes = listed.filter_map(|line| line.split_once(": "));
        Self(prefixes.filter_map(|(prefix, _)| words::parse(prefix).ok()).filter(|p| !p.is_empty()).collect())
    }

    /// Whether the command begins with one of the listed ones, whatever the case of its letters.
    pub fn covers(&self, command: &[Vec<u8>]) -> bool {
        self.0.iter().any(|prefix| {
            command.len() >= prefix.len()
                && prefix.iter().zip(command).all(|(a, b)| a.eq_ignore_ascii_case(b))
        })
    }
}

fn is_heading(line: &str, title: &str) -> bool {
    line.starts_with('#') && line.trim_start_matches('#').trim() == title
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fenced_list_of_the_section_counts() {
        let document = "# C\n```\nGET k: no\n```\n## Differences\nSET a: no\n```\nOBJECT FREQ: why\n```\n## More\n```\nDEL: no\n```\n";
        let deliberate = Deliberate::parse(document);
        let words = |line| words::parse(line).unwrap();
        assert!(deliberate.covers(&words("object freq k")));
        for other in ["OBJECT ENCODING k", "OBJECT", "GET k", "SET a", "DEL"] {
            assert!(!deliberate.covers(&words(other)), "{other}");
        }
    }
}
