//! How a command ends: its tagged answer, or the reason why there is none.

use std::borrow::Cow;

use super::wire::Ended;
use crate::protocol::response::Status;
use crate::protocol::types::SequenceError;
use crate::store::StoreError;

/// The tagged answer to a command. The words may begin with a response code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: Status,
    pub(super) text: Cow<'static, str>,
}

impl Reply {
    pub(super) fn ok(text: &'static str) -> Self {
        Self {
            status: Status::Ok,
            text: text.into(),
        }
    }

    pub(super) fn no(text: &'static str) -> Self {
        Self {
            status: Status::No,
            text: text.into(),
        }
    }

    pub(super) fn bad(text: &'static str) -> Self {
        Self {
            status: Status::Bad,
            text: text.into(),
        }
    }
}

/// Why a command stopped before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// It is answered all the same.
    Reply(Reply),
    /// So is the connection.
    Ended(Ended),
}

impl From<Reply> for Stop {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

impl From<Ended> for Stop {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

impl From<SequenceError> for Stop {
    fn from(error: SequenceError) -> Self {
        Self::Reply(Reply::bad(match error {
            SequenceError::Malformed => "Not a message sequence",
            SequenceError::TooManyRanges => "Too many ranges in the message sequence",
            SequenceError::BeyondMailbox => "There is no message with such a number",
            SequenceError::NoStar => "There is no * in a message sequence of IMAP2",
        }))
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        let text = match &error {
            StoreError::NoMailbox => "There is no such mailbox",
            StoreError::MessageGone => "Some of these messages are gone; nothing was copied",
            StoreError::MailboxExists => "A mailbox of that name is there already",
            StoreError::KeywordsFull => "The mailbox has as many keywords as it can have",
            StoreError::Full | StoreError::NoRoom { .. } => {
                "No space is left on this machine; nothing was changed"
            }
            StoreError::Stopped => {
                "The local store has stopped after a failed write; nothing was changed"
            }
            StoreError::Damaged { .. }
            | StoreError::Io { .. }
            | StoreError::NoDirectory { .. }
            | StoreError::Sqlite { .. }
            | StoreError::Locked { .. }
            | StoreError::Foreign { .. }
            | StoreError::Newer { .. }
            | StoreError::Unsafe { .. }
            | StoreError::Exposed { .. } => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the local store failed"
                );
                "The local store failed; nothing was changed"
            }
        };
        Self::Reply(Reply::no(text))
    }
}
