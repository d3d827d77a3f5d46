//! The tag of a command.

use std::fmt;

/// The tag that ties a command to its answer: 1 to 32 of `A-Z a-z 0-9 . _ -`. Row `1064-LEX-TAG`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    octets: [u8; Self::MAX_LEN],
    len: u8,
}

/// The octets are no tag that may be echoed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a tag")]
pub struct BadTag;

impl Tag {
    /// The longest tag, in octets.
    pub const MAX_LEN: usize = 32;

    /// Checks length and characters.
    ///
    /// # Errors
    /// [`BadTag`] when the tag is empty, too long, or holds a character that is never echoed.
    pub fn from_bytes(tag: &[u8]) -> Result<Self, BadTag> {
        let valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        let mut octets = [0; Self::MAX_LEN];
        let room = octets.get_mut(..tag.len()).ok_or(BadTag)?;
        if tag.is_empty() || !tag.iter().all(valid) {
            return Err(BadTag);
        }
        room.copy_from_slice(tag);
        Ok(Self {
            octets,
            len: u8::try_from(tag.len()).map_err(|_| BadTag)?,
        })
    }

    /// The tag of the `n`th command of a client: a letter and seven digits, so that all are equally long.
    #[must_use]
    pub fn nth(n: u32) -> Self {
        let mut octets = [0; Self::MAX_LEN];
        let mut left = n;
        for digit in octets.iter_mut().take(8).rev() {
            *digit = b'0'.wrapping_add(u8::try_from(left % 10).unwrap_or_default());
            left /= 10;
        }
        if let Some(first) = octets.first_mut() {
            *first = b't';
        }
        Self { octets, len: 8 }
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes()
            .iter()
            .try_for_each(|&byte| fmt::Write::write_char(f, char::from(byte)))
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_safe_characters_are_kept() {
        for tag in [
            "a",
            "00000000",
            "A.1_b-2",
            "abcdefghijklmnopqrstuvwxyz012345",
        ] {
            assert_eq!(Tag::from_bytes(tag.as_bytes()).unwrap().to_string(), tag);
        }
    }

    #[test]
    fn tags_that_must_not_be_echoed_are_refused() {
        for tag in [
            "",
            "*",
            "+",
            "a b",
            "a%",
            "<a>",
            "a\\",
            "\u{e9}",
            "abcdefghijklmnopqrstuvwxyz0123456",
        ] {
            assert_eq!(Tag::from_bytes(tag.as_bytes()), Err(BadTag), "{tag}");
        }
    }

    #[test]
    fn a_clients_tags_have_one_width() {
        assert_eq!(Tag::nth(1).to_string(), "t0000001");
        assert_eq!(Tag::nth(1_234_567).to_string(), "t1234567");
    }
}
