//! What a client's line means to the server.

use crate::protocol::command::{BadCommand, Command, CommandName};
use crate::protocol::dialect::Dialect;
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
    /// A command that is well formed and cannot be carried out, answered with NO before its message was sent.
    Refused {
        /// The line's tag, if it has one that may be echoed.
        tag: Option<Tag>,
        /// Why not.
        reason: NoReason,
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
    /// The command needs a login. Row `1064-STATE-NOAUTH`.
    #[error("log in first")]
    NotLoggedIn,
    /// The command is for clients that have not logged in.
    #[error("logged in already")]
    LoggedIn,
    /// The command needs an open mailbox. Row `1064-STATE-NOBOX`.
    #[error("select a mailbox first")]
    NoMailboxOpen,
    /// The command came after what is spoken here.
    #[error("IMAP2 has no such command")]
    NotOffered,
    /// Not a command.
    #[error("{0}")]
    Command(#[from] BadCommand),
    /// A literal beyond the limit; it was not let through.
    #[error("literal too large")]
    LiteralTooLarge,
    /// More literals than a command may have; the last was not let through.
    #[error("too many literals")]
    TooManyLiterals,
}

/// Why a command is answered with NO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReason {
    /// No mailbox takes messages.
    #[error("messages cannot be appended to these mailboxes")]
    NoMailbox,
    /// There are as many messages on their way as may be.
    #[error("too many messages are on their way already; try again")]
    NoRoom,
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
    /// Why a command is not allowed now, if it is not.
    pub(super) fn forbids(self, name: CommandName) -> Option<BadReason> {
        match self {
            Self::NotAuthenticated if ANYTIME.contains(&name) || name == CommandName::Login => None,
            Self::NotAuthenticated | Self::Logout => Some(BadReason::NotLoggedIn),
            _ if BEFORE_LOGIN.contains(&name) => Some(BadReason::LoggedIn),
            Self::Authenticated if WITH_MAILBOX.contains(&name) => Some(BadReason::NoMailboxOpen),
            Self::Authenticated | Self::Selected => None,
        }
    }
}

/// Where a dialect is the newest to be spoken: since which one a command is offered. EXAMINE and FIND, by which clients find
/// their way, always are.
pub(super) fn offered_since(name: CommandName) -> Dialect {
    match name {
        CommandName::Noop
        | CommandName::Login
        | CommandName::Logout
        | CommandName::Select
        | CommandName::Examine
        | CommandName::Find
        | CommandName::Check
        | CommandName::Expunge
        | CommandName::Copy
        | CommandName::Fetch
        | CommandName::Store
        | CommandName::Search => Dialect::Rfc1064,
        CommandName::Bboard => Dialect::Rfc1176,
        CommandName::Capability
        | CommandName::Create
        | CommandName::Delete
        | CommandName::Rename
        | CommandName::Append
        | CommandName::Subscribe
        | CommandName::Unsubscribe
        | CommandName::Partial => Dialect::Imap2bis,
        CommandName::Close | CommandName::List | CommandName::Lsub | CommandName::Uid => {
            Dialect::Imap4
        }
        CommandName::StartTls => Dialect::Imap4rev1,
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
