//! Which mailboxes of an account are mirrored.

use memchr::memmem;

/// The `mailboxes` setting: what to mirror and what to leave out.
///
/// A mailbox passes if one of the plain patterns fits it, or there is none, and no pattern written with `!` fits it.
/// The order of the patterns does not matter. In a pattern `*` stands for any run of bytes, hierarchy separators
/// included; everything else stands for itself, except that INBOX may be written in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailboxFilter {
    wanted: Vec<Pattern>,
    unwanted: Vec<Pattern>,
}

impl MailboxFilter {
    /// Builds a filter from patterns as the file has them; `None` if one of them is empty.
    ///
    /// No pattern at all lets everything pass.
    #[must_use]
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut filter = Self::default();
        for pattern in patterns {
            let (list, text) = match pattern.strip_prefix('!') {
                Some(text) => (&mut filter.unwanted, text),
                None => (&mut filter.wanted, pattern),
            };
            list.push(Pattern::new(text)?);
        }
        Some(filter)
    }

    /// Whether the mailbox of this name is mirrored. Takes time linear in the name for each pattern.
    #[must_use]
    pub fn matches(&self, name: impl AsRef<[u8]>) -> bool {
        let name = fold_inbox(name.as_ref());
        let fits = |pattern: &Pattern| pattern.matches(name);
        (self.wanted.is_empty() || self.wanted.iter().any(fits)) && !self.unwanted.iter().any(fits)
    }

    /// Whether [`MailboxFilter::named`] gives every mailbox that passes.
    #[must_use]
    pub fn names_all(&self) -> bool {
        let is_literal = |pattern: &Pattern| pattern.literal().is_some();
        !self.wanted.is_empty() && self.wanted.iter().all(is_literal)
    }

    /// The mailboxes to try even where the server cannot list any: those written without `*`, by default INBOX.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        let inbox = self.wanted.is_empty().then_some(INBOX);
        let written = self.wanted.iter().filter_map(Pattern::literal);
        inbox
            .into_iter()
            .chain(written)
            .filter(|name| self.matches(name))
    }
}

/// One pattern; its text between the stars must follow one another in the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(String);

impl Pattern {
    /// The pattern of a text that is not empty.
    pub(super) fn new(text: &str) -> Option<Self> {
        let folded = if text.eq_ignore_ascii_case(INBOX) {
            INBOX
        } else {
            text
        };
        (!text.is_empty()).then(|| Self(folded.to_owned()))
    }

    fn literal(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(&self.0)
    }

    /// Whether the mailbox of this name is meant.
    pub(super) fn fits(&self, name: &[u8]) -> bool {
        self.matches(fold_inbox(name))
    }

    /// Takes each piece at its leftmost place: if any choice of places fits, that one does, so nothing is retried.
    fn matches(&self, name: &[u8]) -> bool {
        let mut pieces = self.0.split('*');
        let Some(mut rest) = name.strip_prefix(pieces.next().unwrap_or_default().as_bytes()) else {
            return false;
        };
        let Some(last) = pieces.next_back() else {
            return rest.is_empty();
        };
        for piece in pieces {
            let Some(found) = memmem::find(rest, piece.as_bytes()) else {
                return false;
            };
            rest = rest
                .get(found.saturating_add(piece.len())..)
                .unwrap_or_default();
        }
        rest.ends_with(last.as_bytes())
    }
}

/// The one mailbox name that has no case.
fn fold_inbox(name: &[u8]) -> &[u8] {
    if name.eq_ignore_ascii_case(INBOX.as_bytes()) {
        INBOX.as_bytes()
    } else {
        name
    }
}

const INBOX: &str = "INBOX";

#[cfg(test)]
mod tests {
    use super::{MailboxFilter, Pattern};
    use proptest::prelude::{prop_assert_eq, proptest};

    fn filter(patterns: &str) -> MailboxFilter {
        MailboxFilter::new(patterns.split_whitespace()).expect(patterns)
    }

    #[test]
    fn patterns_pick_mailboxes() {
        for (patterns, name, expected) in [
            ("", "anything", true),
            ("INBOX notes", "notes", true),
            ("INBOX notes", "notes2", false),
            ("INBOX notes", "Notes", false),
            ("inbox", "INBOX", true),
            ("INBOX", "iNbOx", true),
            ("lists/*", "lists/rust/users", true),
            ("lists/*", "lists", false),
            ("*", "", true),
            ("a*b*c", "a-c-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab*ba", "aba", false),
            ("ab*ba", "abba", true),
            ("**x**", "x", true),
            ("a?c", "abc", false),
            ("!trash", "INBOX", true),
            ("!trash", "trash", false),
            ("!inbox", "InBox", false),
            ("lists/* !lists/old*", "lists/older", false),
            ("!lists/old lists/*", "lists/old", false),
            ("lists/* !lists/old*", "lists/new", true),
        ] {
            assert_eq!(
                filter(patterns).matches(name),
                expected,
                "{patterns:?} on {name:?}"
            );
        }
    }

    #[test]
    fn names_need_not_be_text() {
        assert!(filter("x*").matches(b"x\xff\xfe"));
        assert!(!filter("y*").matches(b"x\xff\xfe"));
    }

    #[test]
    fn a_filter_names_what_to_try_without_a_list() {
        for (patterns, names_all, expected) in [
            ("", false, vec!["INBOX"]),
            ("!trash", false, vec!["INBOX"]),
            ("!INBOX", false, vec![]),
            ("inbox notes lists/*", false, vec!["INBOX", "notes"]),
            ("lists/*", false, vec![]),
            ("a b !b", true, vec!["a"]),
            ("a b !c*", true, vec!["a", "b"]),
        ] {
            let filter = filter(patterns);
            assert_eq!(filter.named().collect::<Vec<_>>(), expected, "{patterns:?}");
            assert_eq!(filter.names_all(), names_all, "{patterns:?}");
        }
    }

    #[test]
    fn an_empty_pattern_is_refused() {
        assert_eq!(MailboxFilter::new([""]), None);
        assert_eq!(MailboxFilter::new(["INBOX", "!"]), None);
    }

    #[test]
    fn a_pattern_of_many_stars_is_not_retried() {
        let pattern = Pattern::new(&"a*".repeat(2_000)).unwrap();
        assert!(pattern.matches("a".repeat(100_000).as_bytes()));
        let failing = Pattern::new(&format!("{}b", "a*".repeat(2_000))).unwrap();
        assert!(!failing.matches("a".repeat(100_000).as_bytes()));
    }

    /// The same rule, told slowly: a star eats nothing, or one byte and stays.
    fn naive(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            ([b'*', more @ ..], _) if naive(more, name) => true,
            ([b'*', ..], [_, rest @ ..]) => naive(pattern, rest),
            ([p, more @ ..], [n, rest @ ..]) => p == n && naive(more, rest),
            ([], [_, ..]) | ([_, ..], []) => false,
        }
    }

    proptest! {
        #[test]
        fn patterns_agree_with_the_naive_rule(pattern in "[ab*]{1,8}", name in "[ab]{0,10}") {
            let fast = Pattern::new(&pattern).unwrap().matches(name.as_bytes());
            prop_assert_eq!(fast, naive(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
