//! What a server says it can do.

use std::collections::BTreeSet;

use super::dialect::Dialect;

/// The words of a CAPABILITY list, compared without regard to case. Rows `IMAP4-CAPABILITY`, `R1-CAPABILITY-CASE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(BTreeSet<Box<str>>);

impl Capabilities {
    /// The most words kept.
    pub const MAX_WORDS: usize = 1000;

    /// Reads words separated by spaces; words that are not visible ASCII are dropped.
    #[must_use]
    pub fn from_words(text: &[u8]) -> Self {
        let words = text
            .split(|byte| byte.is_ascii_whitespace())
            .take(Self::MAX_WORDS);
        let visible =
            words.filter(|word| !word.is_empty() && word.iter().all(u8::is_ascii_graphic));
        Self(
            visible
                .map(|word| String::from_utf8_lossy(word).to_ascii_uppercase().into())
                .collect(),
        )
    }

    /// Whether the word is in the list, whatever its case.
    #[must_use]
    pub fn has(&self, word: &str) -> bool {
        self.0.contains(word.to_ascii_uppercase().as_str())
    }

    /// The words in capitals, sorted.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// The protocol level the list names: the highest of those it holds. Row `DETECT-CAP-IMAP2`.
    #[must_use]
    pub fn dialect(&self) -> Option<Dialect> {
        [
            ("IMAP4REV1", Dialect::Imap4rev1),
            ("IMAP4", Dialect::Imap4),
            ("IMAP2BIS", Dialect::Imap2bis),
            ("IMAP2", Dialect::Rfc1176),
        ]
        .into_iter()
        .find_map(|(word, dialect)| self.has(word).then_some(dialect))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_r1_capability_case_words_are_known_in_any_case() {
        let list = Capabilities::from_words(b" Imap4REV1  auth=PLAIN LITERAL+ ");
        assert!(list.has("literal+") && list.has("AUTH=PLAIN") && !list.has("IMAP4"));
        assert_eq!(
            list.words().collect::<Vec<_>>(),
            ["AUTH=PLAIN", "IMAP4REV1", "LITERAL+"]
        );
    }

    #[test]
    fn row_detect_cap_imap2_the_highest_level_named_counts() {
        for (words, dialect) in [
            ("IMAP4 IMAP4rev1 STARTTLS", Some(Dialect::Imap4rev1)),
            ("IMAP4", Some(Dialect::Imap4)),
            ("IMAP2bis", Some(Dialect::Imap2bis)),
            ("IMAP2", Some(Dialect::Rfc1176)),
            ("X-TIDE", None),
            ("", None),
        ] {
            assert_eq!(
                Capabilities::from_words(words.as_bytes()).dialect(),
                dialect,
                "{words}"
            );
        }
    }
}
