//! What a server sends: its values, read liberally and written strictly.

mod code;
mod fetch;
mod parse;
mod write;

use std::fmt;

pub use code::Code;
pub use fetch::FetchData;
pub use write::{Condition, FetchWriter, FlagNames, Recent, ResponseWriter};

use super::capability::Capabilities;
use super::types::{Flag, Keyword, MailboxName, SeqNum, SequenceSet, Tag, write_escaped};

/// One line of a server, with its literals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The end of a command.
    Tagged {
        /// The command's tag; `None` if it is no tag that we would ever send.
        tag: Option<Tag>,
        /// How the command ended.
        status: Status,
        /// What the server says about it.
        text: StatusText,
    },
    /// Data or a message, asked for or not.
    Untagged(Untagged),
    /// `+`: the go-ahead for a literal, or a challenge. Row `1064-RESP-CONT`.
    GoAhead(StatusText),
}

/// How a command ended. Rows `1064-RESP-OK`, `-NO`, `-BAD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Done, as far as the server claims.
    Ok,
    /// Understood and refused.
    No,
    /// Not understood.
    Bad,
}

/// A response code, if there is one, and words for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusText {
    /// What stands in brackets.
    pub code: Option<Code>,
    /// The rest of the line, as it came. `Display` makes it safe to show, and short.
    pub text: Vec<u8>,
}

/// A line that begins with `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untagged {
    /// `OK`, `NO` or `BAD`: information, a warning, trouble. Never the end of a command. Rows `1064-RESP-U-*`.
    Status(Status, StatusText),
    /// `BYE`: the server is about to close.
    Bye(StatusText),
    /// `PREAUTH`: only as a greeting.
    PreAuth(StatusText),
    /// `FLAGS`: every flag the mailbox has; replaces the list known before. Row `1064-RESP-FLAGS`.
    Flags(Vec<Flag>),
    /// `n EXISTS`: the mailbox now has `n` messages. Row `1064-RESP-EXISTS`.
    Exists(u32),
    /// `n RECENT`. Row `1064-RESP-RECENT`.
    Recent(u32),
    /// `n EXPUNGE`: message `n` is gone and those behind it move up. As it came: `n` may be 0 or too high, which means
    /// that the server and we have lost one another. Rows `1064-RESP-EXPUNGE`, `1064-NUM-RANGE`.
    Expunge(u32),
    /// `n FETCH` or the obsolete `n STORE`. Rows `1064-RESP-FETCH`, `1064-RESP-STORE`.
    Fetch(SeqNum, Box<FetchData>),
    /// `n COPY`: says nothing that is needed. Row `1064-RESP-COPY`.
    Copy(u32),
    /// `SEARCH`: the matches; perhaps none. Rows `1064-RESP-SEARCH`, `1064-SEARCH-EMPTY`.
    Search(Vec<u32>),
    /// `MAILBOX`: an answer to FIND. Row `1176-RESP-MAILBOX`.
    Mailbox(MailboxName),
    /// `BBOARD`: an answer to FIND. Row `1176-RESP-BBOARD`.
    Bboard(MailboxName),
    /// `CAPABILITY`.
    Capability(Capabilities),
    /// `LIST`.
    List(ListedMailbox),
    /// `LSUB`.
    Lsub(ListedMailbox),
    /// `VANISHED`: messages that are gone, by UID (QRESYNC).
    Vanished {
        /// Whether they went before this session, so that no number moves.
        earlier: bool,
        /// Their UIDs.
        uids: SequenceSet,
    },
    /// Something this client does not know; skipped. Row `1064-RESP-UNKNOWN`.
    Unknown {
        /// Its keyword, as it came.
        keyword: Vec<u8>,
    },
}

/// One mailbox of a LIST or LSUB answer. Rows `IMAP4-LIST`, `IMAP4-LSUB`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedMailbox {
    /// `\Noselect`, `\HasChildren` ...
    pub attributes: Vec<Flag>,
    /// What separates the levels of names; `None` where there are none.
    pub delimiter: Option<u8>,
    /// The name.
    pub name: MailboxName,
}

impl ListedMailbox {
    /// Whether the mailbox can be opened.
    #[must_use]
    pub fn is_selectable(&self) -> bool {
        let unselectable = |name: &Keyword| {
            UNSELECTABLE
                .iter()
                .any(|no| name.as_str().eq_ignore_ascii_case(no))
        };
        !self
            .attributes
            .iter()
            .any(|flag| matches!(flag, Flag::Extension(name) if unselectable(name)))
    }
}

/// Printable ASCII as it is, everything else escaped, and the beginning alone of what is too long to be a sentence: a
/// server's words, safe in a log, in the journal or on a terminal.
impl fmt::Display for StatusText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text.get(..MAX_SHOWN_OCTETS) {
            Some(beginning) if beginning.len() < self.text.len() => {
                write_escaped(f, beginning)?;
                f.write_str(" ...")
            }
            Some(_) | None => write_escaped(f, &self.text),
        }
    }
}

impl Status {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
        }
    }
}

/// How much of a server's words is shown.
const MAX_SHOWN_OCTETS: usize = 200;
const UNSELECTABLE: [&str; 2] = ["Noselect", "NonExistent"];

#[cfg(test)]
mod tests;
