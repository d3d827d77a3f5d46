//! What a client's line means to the server.

use crate::protocol::command::{BadCommand, Command, CommandName};
use crate::protocol::parse::ParseError;
use crate::protocol::types::Tag;

/// What a client asks for, or how it failed to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A command that is well formed and allowed in the session's state.
    Command {
        /// Its tag.
        tag: Tag,
        /// What it asks.
        command: Command,
    },
    /// A line to be answered with BAD: tagged where there is a tag, else `* BAD`. Nothing of it was done.
    Bad {
        /// The line's tag, if it has one that may be echoed.
        tag: Option<Tag>,
        /// What is wrong. Its words hold nothing of what the client sent.
        reason: BadReason,
    },
    /// A line beyond the limit. Before login the connection ends; after it, BAD and the rest of the line is skipped.
    TooLong {
        /// The line's tag, if it has one that may be echoed.
        tag: Option<Tag>,
    },
    /// Before login: what speaks here is no mail client. Answer BYE without echoing anything; nothing more is read.
    NotImap,
    /// The client sends, without waiting, more than may be read. Answer BYE; nothing more is read.
    OutOfStep,
}

/// Why a line is answered with BAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReason {
    /// Nothing on the line. Row `1064-LEX-EMPTYLINE`.
    #[error("empty line")]
    EmptyLine,
    /// The tag is missing or cannot be echoed. Row `1064-LEX-TAG`.
    #[error("a tag is 1 to 32 letters, digits, full stops, hyphens and underscores")]
    BadTag,
    /// A tag, and no command.
    #[error("no command")]
    NoCommand,
    /// The command exists and is not allowed now. Rows `1064-STATE-NOAUTH`, `1064-STATE-NOBOX`.
    #[error("{}", .0.refusal())]
    WrongState(SessionState),
    /// Not a command.
    #[error("{0}")]
    Command(#[from] BadCommand),
    /// A literal beyond the limit; it was not let through.
    #[error("literal too large")]
    LiteralTooLarge,
    /// No mailbox here takes messages; the message was not let through.
    #[error("messages cannot be appended to these mailboxes")]
    NoMessages,
    /// More literals than a command may have; the last was not let through.
    #[error("too many literals")]
    TooManyLiterals,
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionState {
    /// Login is wanted.
    NotAuthenticated,
    /// Logged in, no mailbox open.
    Authenticated,
    /// A mailbox is open.
    Selected,
    /// Over.
    Logout,
}

impl Request {
    pub(super) fn bad(tag: Option<Tag>, error: ParseError) -> Self {
        Self::Bad {
            tag,
            reason: BadReason::Command(BadCommand::Arguments(error)),
        }
    }
}

impl SessionState {
    pub(super) fn allows(self, name: CommandName) -> bool {
        match self {
            Self::NotAuthenticated => ANYTIME.contains(&name) || name == CommandName::Login,
            Self::Authenticated => !BEFORE_LOGIN.contains(&name) && !WITH_MAILBOX.contains(&name),
            Self::Selected => !BEFORE_LOGIN.contains(&name),
            Self::Logout => false,
        }
    }

    fn refusal(self) -> &'static str {
        match self {
            Self::NotAuthenticated => "log in first",
            Self::Authenticated => "not while logged in without a mailbox",
            Self::Selected => "not while logged in",
            Self::Logout => "logged out",
        }
    }
}

const ANYTIME: [CommandName; 3] = [
    CommandName::Capability,
    CommandName::Noop,
    CommandName::Logout,
];

const BEFORE_LOGIN: [CommandName; 2] = [CommandName::Login, CommandName::StartTls];

const WITH_MAILBOX: [CommandName; 9] = [
    CommandName::Check,
    CommandName::Close,
    CommandName::Copy,
    CommandName::Expunge,
    CommandName::Fetch,
    CommandName::Partial,
    CommandName::Search,
    CommandName::Store,
    CommandName::Uid,
];
