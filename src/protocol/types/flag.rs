//! One flag, as a name on the wire.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::FlagSet;

/// A flag of a message: a system flag, or a keyword that somebody defined.
///
/// RFC 1176 section "flag"; RFC 3501 2.3.2; row `1064-LEX-CASE`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// `\Seen`: the text was read.
    Seen,
    /// `\Answered`: a reply was sent.
    Answered,
    /// `\Flagged`: marked for attention.
    Flagged,
    /// `\Deleted`: goes with the next EXPUNGE.
    Deleted,
    /// `\Draft`: not finished (IMAP4 on).
    Draft,
    /// `\Recent`: new since the mailbox was last read. Never stored, never in a [`FlagSet`].
    Recent,
    /// Another name behind a backslash, which servers may send and clients must bear. Held without the backslash.
    Extension(Keyword),
    /// A name without a backslash.
    Keyword(Keyword),
}

/// A validated atom that names a keyword. Compares without regard to ASCII case and keeps its first spelling.
#[derive(Clone)]
pub struct Keyword(Arc<str>);

/// The name is not a keyword: empty, longer than [`Keyword::MAX_LEN`], or with a character no atom may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a keyword name")]
pub struct BadKeyword;

impl Flag {
    /// Reads a flag with or without its backslash, in any case.
    ///
    /// # Errors
    /// [`BadKeyword`] when the name is no atom.
    pub fn from_bytes(name: &[u8]) -> Result<Self, BadKeyword> {
        match name.strip_prefix(b"\\") {
            Some(system) => Self::system(system),
            None => Keyword::from_bytes(name).map(Self::Keyword),
        }
    }

    fn system(name: &[u8]) -> Result<Self, BadKeyword> {
        let known = SYSTEM
            .iter()
            .find(|(spelling, _)| spelling.as_bytes().eq_ignore_ascii_case(name));
        match known {
            Some((_, flag)) => Ok(flag.clone()),
            None => Keyword::from_bytes(name).map(Self::Extension),
        }
    }

    /// The set that holds this flag alone, for the five storable system flags.
    #[must_use]
    pub fn system_set(&self) -> Option<FlagSet> {
        match self {
            Self::Seen => Some(FlagSet::SEEN),
            Self::Answered => Some(FlagSet::ANSWERED),
            Self::Flagged => Some(FlagSet::FLAGGED),
            Self::Deleted => Some(FlagSet::DELETED),
            Self::Draft => Some(FlagSet::DRAFT),
            Self::Recent | Self::Extension(_) | Self::Keyword(_) => None,
        }
    }

    /// Appends the flag as it goes on the wire.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if !matches!(self, Self::Keyword(_)) {
            out.push(b'\\');
        }
        out.extend_from_slice(self.bare_name().as_bytes());
    }

    fn bare_name(&self) -> &str {
        match self {
            Self::Seen => "Seen",
            Self::Answered => "Answered",
            Self::Flagged => "Flagged",
            Self::Deleted => "Deleted",
            Self::Draft => "Draft",
            Self::Recent => "Recent",
            Self::Extension(name) | Self::Keyword(name) => name.as_str(),
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !matches!(self, Self::Keyword(_)) {
            f.write_str("\\")?;
        }
        f.write_str(self.bare_name())
    }
}

impl Keyword {
    /// The longest name accepted, in octets.
    pub const MAX_LEN: usize = 250;

    /// Checks that the octets are an atom.
    ///
    /// # Errors
    /// [`BadKeyword`] when they are not.
    pub fn from_bytes(name: &[u8]) -> Result<Self, BadKeyword> {
        if name.is_empty() || name.len() > Self::MAX_LEN || !name.iter().copied().all(is_atom_char)
        {
            return Err(BadKeyword);
        }
        std::str::from_utf8(name)
            .map(|name| Self(name.into()))
            .map_err(|_| BadKeyword)
    }

    /// The name in its first spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn folded(&self) -> impl Iterator<Item = u8> {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

/// `atom_char`: visible 7-bit octets except `( ) { % * " \`.
fn is_atom_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"(){%*\"\\".contains(&byte)
}

impl std::str::FromStr for Keyword {
    type Err = BadKeyword;

    fn from_str(name: &str) -> Result<Self, BadKeyword> {
        Self::from_bytes(name.as_bytes())
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

impl PartialOrd for Keyword {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keyword {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl Hash for Keyword {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.folded() {
            state.write_u8(byte);
        }
        state.write_u8(0xff);
    }
}

impl fmt::Debug for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const SYSTEM: [(&str, Flag); 6] = [
    ("Seen", Flag::Seen),
    ("Answered", Flag::Answered),
    ("Flagged", Flag::Flagged),
    ("Deleted", Flag::Deleted),
    ("Draft", Flag::Draft),
    ("Recent", Flag::Recent),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_in_any_case_and_written_in_the_rfcs_spelling() {
        for (input, expected) in [
            ("\\SEEN", "\\Seen"),
            ("\\deleted", "\\Deleted"),
            ("\\XXXX", "\\XXXX"),
            ("Harbour", "Harbour"),
            ("$Forwarded", "$Forwarded"),
            ("\\Recent", "\\Recent"),
        ] {
            let flag = Flag::from_bytes(input.as_bytes()).unwrap();
            let mut wire = Vec::new();
            flag.encode(&mut wire);
            assert_eq!(wire, expected.as_bytes());
            assert_eq!(flag.to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_atom_is_no_keyword() {
        for name in [
            "",
            "a b",
            "a(",
            "\\*",
            "\\",
            "a\"",
            "schl\u{fc}ssel",
            "x%",
            "nul\0",
        ] {
            assert_eq!(
                Flag::from_bytes(name.as_bytes()),
                Err(BadKeyword),
                "{name:?}"
            );
        }
        assert!(Keyword::from_bytes(&[b'k'; Keyword::MAX_LEN]).is_ok());
        assert!(Keyword::from_bytes(&[b'k'; Keyword::MAX_LEN + 1]).is_err());
    }

    #[test]
    fn keywords_compare_without_case_and_keep_their_first_spelling() {
        let first: Keyword = "Tide".parse().unwrap();
        let second: Keyword = "tIDE".parse().unwrap();
        assert_eq!(first, second);
        assert_eq!(first.cmp(&second), Ordering::Equal);
        assert_eq!(first.as_str(), "Tide");
    }
}
