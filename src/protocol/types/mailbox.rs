//! Mailbox names as servers spell them.

use std::fmt::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use super::text::write_escaped;

/// The name of a mailbox: octets, because servers send 8-bit names, and `INBOX` for INBOX in any case.
///
/// Rows `1064-SELECT-INBOX`, `1064-LEX-8BIT`. A name is data: it never becomes a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxName(Arc<[u8]>);

/// Why octets are no mailbox name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMailboxName {
    /// No octets.
    #[error("a mailbox name cannot be empty")]
    Empty,
    /// More than [`MailboxName::MAX_LEN`] octets.
    #[error("the mailbox name is too long")]
    TooLong,
    /// CR, LF or NUL.
    #[error("a mailbox name cannot hold CR, LF or NUL")]
    ForbiddenOctet,
}

impl MailboxName {
    /// The longest name accepted, in octets.
    pub const MAX_LEN: usize = 1000;

    /// Checks the octets and spells INBOX in capitals.
    ///
    /// # Errors
    /// [`BadMailboxName`] says what is wrong.
    pub fn from_bytes(name: &[u8]) -> Result<Self, BadMailboxName> {
        if name.is_empty() {
            return Err(BadMailboxName::Empty);
        }
        if name.len() > Self::MAX_LEN {
            return Err(BadMailboxName::TooLong);
        }
        if name.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(BadMailboxName::ForbiddenOctet);
        }
        Ok(if name.eq_ignore_ascii_case(INBOX) {
            Self::inbox()
        } else {
            Self(name.into())
        })
    }

    /// The mailbox that every account has.
    #[must_use]
    pub fn inbox() -> Self {
        Self(INBOX.into())
    }

    /// Whether this is INBOX.
    #[must_use]
    pub fn is_inbox(&self) -> bool {
        *self.0 == *INBOX
    }

    /// The octets as the server spells them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Reads a name as people write it, which is as it is shown.
impl FromStr for MailboxName {
    type Err = BadMailboxName;

    fn from_str(name: &str) -> Result<Self, BadMailboxName> {
        let mut octets = Vec::with_capacity(name.len());
        let mut rest = name;
        while let Some((before, after)) = rest.split_once('\\') {
            octets.extend_from_slice(before.as_bytes());
            let (octet, after) = escaped(after);
            octets.push(octet);
            rest = after;
        }
        octets.extend_from_slice(rest.as_bytes());
        Self::from_bytes(&octets)
    }
}

/// The octet that stands behind a backslash, and what follows; the backslash itself if that is no escape.
fn escaped(text: &str) -> (u8, &str) {
    if let Some(rest) = text.strip_prefix('\\') {
        return (b'\\', rest);
    }
    let digits = text
        .strip_prefix('x')
        .and_then(|rest| rest.split_at_checked(2));
    let octet = digits.and_then(|(digits, rest)| {
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let octet = u8::from_str_radix(digits, 16).ok()?;
        is_hex.then_some((octet, rest))
    });
    octet.unwrap_or((b'\\', text))
}

/// Shows the name to people: what can be seen as it is, a backslash doubled, every other octet as `\xNN`.
impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.utf8_chunks() {
            for character in part.valid().chars() {
                if is_seen(character) {
                    f.write_char(character)?;
                } else {
                    write_escaped(f, character.encode_utf8(&mut [0; 4]).as_bytes())?;
                }
            }
            write_escaped(f, part.invalid())?;
        }
        Ok(())
    }
}

/// Whether a character shows, and for what it is.
fn is_seen(character: char) -> bool {
    matches!(character, '"' | '\'') || character.escape_debug().eq([character])
}

impl fmt::Debug for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailboxName({self})")
    }
}

const INBOX: &[u8] = b"INBOX";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inbox_is_one_name_in_any_case() {
        for name in ["inbox", "InBox", "INBOX"] {
            let name: MailboxName = name.parse().unwrap();
            assert!(name.is_inbox());
            assert_eq!(name, MailboxName::inbox());
        }
        assert_ne!(
            "inbox2".parse::<MailboxName>().unwrap(),
            "INBOX2".parse().unwrap()
        );
    }

    #[test]
    fn names_are_shown_so_that_they_can_be_seen_and_written_back() {
        for (octets, shown) in [
            (&b"caf\xe9 \x1b[2J\\"[..], "caf\\xe9 \\x1b[2J\\\\"),
            ("Entwürfe/\u{4e0b}書き".as_bytes(), "Entwürfe/\u{4e0b}書き"),
            (b"it's \"so\"", "it's \"so\""),
            ("a\u{202e}b".as_bytes(), "a\\xe2\\x80\\xaeb"),
            (b"a\\x41\\", "a\\\\x41\\\\"),
        ] {
            let name = MailboxName::from_bytes(octets).unwrap();
            assert_eq!(name.as_bytes(), octets);
            assert_eq!(name.to_string(), shown);
            assert_eq!(shown.parse(), Ok(name));
        }
    }

    #[test]
    fn a_backslash_that_escapes_nothing_is_one() {
        for name in ["a\\b", "a\\x+1", "a\\xg0", "a\\x1", "a\\"] {
            let read: MailboxName = name.parse().unwrap();
            assert_eq!(read.as_bytes(), name.as_bytes());
        }
    }

    #[test]
    fn names_that_could_break_a_line_are_refused() {
        for (name, error) in [
            (&b""[..], BadMailboxName::Empty),
            (b"a\r\nb", BadMailboxName::ForbiddenOctet),
            (b"a\0", BadMailboxName::ForbiddenOctet),
            (&[b'x'; MailboxName::MAX_LEN + 1], BadMailboxName::TooLong),
        ] {
            assert_eq!(MailboxName::from_bytes(name), Err(error));
        }
    }
}
