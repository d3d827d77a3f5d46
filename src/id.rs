//! Names and row ids of our own; never a number that a server gave us.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of an account: 1 to 32 of `a-z`, `0-9`, `_` and `-`, so that it can name a directory and a login.
///
/// Cloning is cheap: the text is shared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(Arc<str>);

impl AccountName {
    /// The most bytes a name may have.
    pub const MAX_LEN: usize = 32;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = InvalidAccountName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if (1..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAccountName)
        }
    }
}

/// A text that cannot be an [`AccountName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an account name is 1 to 32 of a-z, 0-9, _ and -")]
pub struct InvalidAccountName;

/// Lets maps keyed by `AccountName` be asked with a `&str`; order and equality are those of the text.
impl Borrow<str> for AccountName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Declares a number newtype without arithmetic: it is read from the store, compared, shown and written back.
macro_rules! number {
    ($(#[$meta:meta])* $name:ident($raw:ty)) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($raw);

        impl $name {
            /// Wraps a number that the store gave.
            #[must_use]
            pub const fn from_raw(raw: $raw) -> Self {
                Self(raw)
            }

            /// The number as the store keeps it.
            #[must_use]
            pub const fn raw(self) -> $raw {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number! {
    /// A mailbox in our store: never reused, and the same across a rename.
    MailboxId(i64)
}

number! {
    /// A message in our store: never reused, never sent to anyone.
    MessageId(i64)
}

number! {
    /// A journal entry: ascending in the order in which the user acted, never reused.
    EntryId(i64)
}

number! {
    /// A state of the store: each commit that a client could notice has a higher one.
    ChangeNum(u64)
}

#[cfg(test)]
mod tests {
    use super::{AccountName, ChangeNum, EntryId, MessageId};
    use std::collections::BTreeMap;

    #[test]
    fn account_names_can_be_directories() {
        let longest = "a".repeat(32);
        for good in ["a", "work", "my_mail-2", "-", longest.as_str()] {
            assert_eq!(good.parse::<AccountName>().expect(good).as_str(), good);
        }
        let too_long = "a".repeat(33);
        for bad in [
            "",
            "Work",
            "a b",
            "a.b",
            "..",
            "a/b",
            "\u{e4}",
            "a\0",
            too_long.as_str(),
        ] {
            assert!(bad.parse::<AccountName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn maps_of_accounts_are_asked_by_text() {
        let name: AccountName = "work".parse().unwrap();
        let map = BTreeMap::from([(name.clone(), 1)]);
        assert_eq!(map.get("work"), Some(&1));
        assert_eq!(format!("{name}|{name:?}|{name:>6}"), "work|\"work\"|  work");
    }

    #[test]
    fn ids_keep_their_number_and_order() {
        assert_eq!(MessageId::from_raw(7).raw(), 7);
        assert!(EntryId::from_raw(-1) < EntryId::from_raw(3));
        assert_eq!(
            ChangeNum::from_raw(u64::MAX).to_string(),
            "18446744073709551615"
        );
    }
}
