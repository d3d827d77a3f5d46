//! Exit codes: what scripts and service managers are told.

use std::process::ExitCode;

use crate::daemon::control::FailureKind;

/// How a command ended. Where several things are to be told, the greatest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything is in sync, or was done.
    Done,
    /// In sync, but an action is set aside, in conflict, or still waits.
    Attention,
    /// A mailbox waits for `approve`.
    Brake,
    /// The server is out of reach.
    Unreachable,
    /// The server broke the protocol.
    Protocol,
    /// The login was refused, or there is no password.
    Login,
    /// The configuration cannot be used.
    Configuration,
    /// Another process has the files, or had them and stopped.
    Locked,
    /// The local files failed.
    Store,
    /// Something in lowtide itself failed.
    Internal,
    /// The command makes no sense.
    Usage,
}

impl Exit {
    /// Every one, in the order of the numbers.
    pub(super) const ALL: [Self; 11] = [
        Self::Done,
        Self::Usage,
        Self::Attention,
        Self::Brake,
        Self::Unreachable,
        Self::Internal,
        Self::Store,
        Self::Locked,
        Self::Protocol,
        Self::Login,
        Self::Configuration,
    ];

    /// What it tells, in few words.
    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Done => "in sync",
            Self::Usage => "usage",
            Self::Attention => "something is set aside, in conflict or still waits",
            Self::Brake => "a mailbox waits for \"approve\"",
            Self::Unreachable => "server out of reach",
            Self::Internal => "internal error",
            Self::Store => "local store",
            Self::Locked => "in use by another process",
            Self::Protocol => "the server broke the protocol",
            Self::Login => "login refused",
            Self::Configuration => "configuration",
        }
    }

    /// The number; most are those of `sysexits.h`.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 2,
            Self::Attention => 3,
            Self::Brake => 4,
            Self::Unreachable => 69,
            Self::Internal => 70,
            Self::Store => 74,
            Self::Locked => 75,
            Self::Protocol => 76,
            Self::Login => 77,
            Self::Configuration => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<FailureKind> for Exit {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Usage => Self::Usage,
            // On a network that is not what it seems, the server meant is as far away as without any; so it is where
            // the server does not do for us what it does for others.
            FailureKind::Unreachable
            | FailureKind::Insecure
            | FailureKind::Offline
            | FailureKind::Refused => Self::Unreachable,
            FailureKind::Protocol => Self::Protocol,
            FailureKind::Login => Self::Login,
            FailureKind::Store | FailureKind::Cache | FailureKind::DiskFull => Self::Store,
            FailureKind::Locked | FailureKind::Interrupted => Self::Locked,
            FailureKind::Configuration => Self::Configuration,
            FailureKind::Internal => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_told_once_and_in_order() {
        let codes = Exit::ALL.map(Exit::code);
        assert!(codes.is_sorted_by(|one, next| one < next), "{codes:?}");
        assert_eq!(codes, [0, 2, 3, 4, 69, 70, 74, 75, 76, 77, 78]);
    }

    #[test]
    fn the_code_of_the_worst_is_told() {
        let worst = [Exit::Done, Exit::Login, Exit::Attention].into_iter().max();
        assert_eq!(worst, Some(Exit::Login));
        assert!(Exit::Brake > Exit::Attention && Exit::Unreachable > Exit::Brake);
    }
}
