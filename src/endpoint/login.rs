//! LOGIN: the account's name, and the password that was made for mail clients on this machine.
//!
//! A wrong name and a wrong password take the same path and the same time. Each failure makes the next answer slower,
//! and the third is the last on its connection.

use std::fmt;
use std::time::Duration;

use subtle::ConstantTimeEq;

/// What is kept of the password: its BLAKE3 digest. The password is random, so nothing slower is needed.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordDigest([u8; 32]);

impl PasswordDigest {
    /// Digests a password.
    #[must_use]
    pub fn of(password: &[u8]) -> Self {
        Self(blake3::derive_key(CONTEXT, password))
    }

    /// Compares in a time that does not depend on what is equal.
    fn admits(&self, password: &[u8]) -> bool {
        self.0.ct_eq(&Self::of(password).0).into()
    }
}

/// Whether a password is the right one. Where there is none, no password is, and finding out takes as long.
pub(super) fn is_password(wanted: Option<&PasswordDigest>, given: &[u8]) -> bool {
    let nobodys = PasswordDigest([0; 32]);
    let equal = wanted.unwrap_or(&nobodys).admits(given);
    wanted.is_some() && equal
}

/// How often LOGIN was refused on one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Failures(u32);

impl Failures {
    /// Counts a failure: how long to wait before it is told.
    pub(super) fn count(&mut self) -> Duration {
        let wait = Duration::from_secs(1).saturating_mul(1 << self.0.min(2));
        self.0 = self.0.saturating_add(1);
        wait
    }

    /// Whether the client has had its last try.
    pub(super) fn are_too_many(self) -> bool {
        self.0 >= MOST_FAILURES
    }
}

impl fmt::Debug for PasswordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordDigest(..)")
    }
}

const CONTEXT: &str = "lowtide endpoint password, version 1";
const MOST_FAILURES: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_itself_is_admitted() {
        let digest = PasswordDigest::of(b"low water");
        for (given, right) in [
            (&b"low water"[..], true),
            (b"low wate", false),
            (b"low water ", false),
            (b"", false),
        ] {
            assert_eq!(is_password(Some(&digest), given), right);
            assert!(!is_password(None, given));
        }
        assert_eq!(format!("{digest:?}"), "PasswordDigest(..)");
    }

    #[test]
    fn each_failure_is_told_later_and_the_third_is_the_last() {
        let mut failures = Failures::default();
        for (seconds, last) in [(1, false), (2, false), (4, true)] {
            assert_eq!(failures.count(), Duration::from_secs(seconds));
            assert_eq!(failures.are_too_many(), last);
        }
    }
}
