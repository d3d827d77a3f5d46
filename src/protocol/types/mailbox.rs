//! Mailbox names as servers spell them.

use std::fmt;
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

impl std::str::FromStr for MailboxName {
    type Err = BadMailboxName;

    fn from_str(name: &str) -> Result<Self, BadMailboxName> {
        Self::from_bytes(name.as_bytes())
    }
}

/// Shows the name to people: printable ASCII as it is, everything else as `\xNN`.
impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(f, &self.0)
    }
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
    fn eight_bit_names_are_kept_and_shown_escaped() {
        let name = MailboxName::from_bytes(b"caf\xe9 \x1b[2J\\").unwrap();
        assert_eq!(name.as_bytes(), b"caf\xe9 \x1b[2J\\");
        assert_eq!(name.to_string(), "caf\\xe9 \\x1b[2J\\\\");
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
