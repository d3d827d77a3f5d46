//! Mailbox name patterns of FIND and LIST, matched in one pass over the name.

use super::MailboxName;

/// A pattern of mailbox names. Matching takes time linear in the name, whatever the pattern.
///
/// Rows `1176-FIND-STAR`, `1176-FIND-PERCENT`, `IMAP4-LIST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxPattern {
    octets: Vec<u8>,
    /// One bit per position: how much of the pattern is matched so far.
    any_char: Bits,
    /// Positions that may swallow any octet.
    stay: Bits,
    /// Positions that may swallow any octet except the hierarchy delimiter.
    stay_in_level: Bits,
    delimiter: Option<u8>,
    end: usize,
}

/// What the characters of a pattern mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wildcards {
    /// FIND of RFC 1176: `*` is any run of characters, `%` exactly one.
    Find,
    /// FIND of IMAP2bis: `*` is any run of characters, `%` and `?` exactly one.
    FindBis,
    /// LIST of IMAP4: `*` is any run, `%` any run within one level of the hierarchy.
    List {
        /// The octet that separates levels; `None` for a flat name space.
        delimiter: Option<u8>,
    },
}

/// The pattern has more than [`MailboxPattern::MAX_LEN`] characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mailbox pattern is too long")]
pub struct PatternTooLong;

type Bits = [u64; 4];

impl MailboxPattern {
    /// The longest pattern, runs of `*` not counted.
    pub const MAX_LEN: usize = 255;

    /// Prepares a pattern.
    ///
    /// # Errors
    /// [`PatternTooLong`].
    pub fn new(pattern: &[u8], wildcards: Wildcards) -> Result<Self, PatternTooLong> {
        let delimiter = match wildcards {
            Wildcards::List { delimiter } => delimiter,
            Wildcards::Find | Wildcards::FindBis => None,
        };
        let mut compiled = Self {
            octets: Vec::new(),
            any_char: [0; 4],
            stay: [0; 4],
            stay_in_level: [0; 4],
            delimiter,
            end: 0,
        };
        for &byte in pattern {
            let here = compiled.octets.len();
            match (byte, wildcards) {
                (b'*', _) => set(&mut compiled.stay, here),
                (b'%', Wildcards::List { .. }) => set(&mut compiled.stay_in_level, here),
                (b'%', Wildcards::Find | Wildcards::FindBis) | (b'?', Wildcards::FindBis) => {
                    set(&mut compiled.any_char, here);
                    compiled.octets.push(byte);
                }
                _ => compiled.octets.push(byte),
            }
            if compiled.octets.len() > Self::MAX_LEN {
                return Err(PatternTooLong);
            }
        }
        compiled.end = compiled.octets.len();
        Ok(compiled)
    }

    /// Whether the pattern means this mailbox. INBOX is met in any case.
    #[must_use]
    pub fn matches(&self, name: &MailboxName) -> bool {
        let mut reached = [0; 4];
        set(&mut reached, 0);
        for &octet in name.as_bytes() {
            reached = self.step(&reached, octet, name.is_inbox());
        }
        has(&reached, self.end)
    }

    /// Every position reachable after one more octet of the name.
    fn step(&self, reached: &Bits, octet: u8, any_case: bool) -> Bits {
        let mut next = [0; 4];
        let in_level = self.delimiter != Some(octet);
        for position in ones(reached) {
            if has(&self.stay, position) || (in_level && has(&self.stay_in_level, position)) {
                set(&mut next, position);
            }
            let Some(expected) = self.octets.get(position) else {
                continue;
            };
            let equal = *expected == octet || (any_case && expected.eq_ignore_ascii_case(&octet));
            if has(&self.any_char, position) || (equal && !has(&self.any_char, position)) {
                set(&mut next, position.saturating_add(1));
            }
        }
        next
    }
}

fn ones(bits: &Bits) -> impl Iterator<Item = usize> {
    bits.iter().enumerate().flat_map(|(word_index, &word)| {
        let mut left = word;
        std::iter::from_fn(move || {
            let lowest = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (lowest < 64).then(|| word_index.saturating_mul(64).saturating_add(lowest))
        })
    })
}

fn set(bits: &mut Bits, position: usize) {
    if let Some(word) = bits.get_mut(position / 64) {
        *word |= 1 << (position % 64);
    }
}

fn has(bits: &Bits, position: usize) -> bool {
    bits.get(position / 64)
        .is_some_and(|word| word & (1 << (position % 64)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, wildcards: Wildcards, yes: &[&str], no: &[&str]) {
        let compiled = MailboxPattern::new(pattern.as_bytes(), wildcards).unwrap();
        for name in yes {
            assert!(
                compiled.matches(&name.parse().unwrap()),
                "{pattern} should match {name}"
            );
        }
        for name in no {
            assert!(
                !compiled.matches(&name.parse().unwrap()),
                "{pattern} should not match {name}"
            );
        }
    }

    #[test]
    fn row_1176_find_star_is_any_run() {
        check("*", Wildcards::Find, &["a", "a/b", "INBOX"], &[]);
        check("**", Wildcards::Find, &["a", "a/b"], &[]);
        check(
            "a*c",
            Wildcards::Find,
            &["ac", "abc", "abbcc"],
            &["abcd", "bac"],
        );
        check(
            "*tide*",
            Wildcards::Find,
            &["low-tide", "tides", "tide"],
            &["tid"],
        );
    }

    #[test]
    fn row_1176_find_percent_is_one_character() {
        check(
            "a%c",
            Wildcards::Find,
            &["abc", "a/c", "a%c"],
            &["ac", "abbc"],
        );
        check("a?c", Wildcards::Find, &["a?c"], &["abc"]);
        check("a?c", Wildcards::FindBis, &["abc"], &["ac"]);
    }

    #[test]
    fn list_patterns_stay_within_a_level() {
        let slash = Wildcards::List {
            delimiter: Some(b'/'),
        };
        check("%", slash, &["a", "INBOX"], &["a/b"]);
        check("a/%", slash, &["a/b"], &["a/b/c", "a"]);
        check("*b", slash, &["a/b", "b"], &["a/c"]);
        check("%", Wildcards::List { delimiter: None }, &["a/b"], &[]);
        check("%*", slash, &["a/b"], &[]);
    }

    #[test]
    fn inbox_is_met_in_any_case() {
        check(
            "inb*",
            Wildcards::Find,
            &["INBOX"],
            &["INBOX2", "Inbetween"],
        );
    }

    #[test]
    fn long_patterns_are_refused_and_hostile_ones_are_quick() {
        let long = vec![b'a'; MailboxPattern::MAX_LEN + 1];
        assert_eq!(
            MailboxPattern::new(&long, Wildcards::Find),
            Err(PatternTooLong)
        );
        let hostile = "*a".repeat(MailboxPattern::MAX_LEN);
        let pattern = MailboxPattern::new(hostile.as_bytes(), Wildcards::Find).unwrap();
        let name = MailboxName::from_bytes(&[b'a'; MailboxName::MAX_LEN]).unwrap();
        assert!(pattern.matches(&name));
    }
}
