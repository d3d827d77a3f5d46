//! What a client asks for: parsed by the endpoint, written by the client, side by side.

mod encode;
mod parse;

pub use parse::{BadCommand, CommandName, parse_arguments};

use super::types::{
    FetchRequest, Flag, InternalDate, MailboxName, Password, SearchKey, SequenceSet, StoreMode,
    StoreReply,
};

/// A command without its tag.
///
/// RFC 1064, RFC 1176 and IMAP2bis in full; of IMAP4 what lowtide's client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `NOOP`: nothing, or news. Row `1064-NOOP`.
    Noop,
    /// `LOGOUT`. Row `1064-LOGOUT`.
    Logout,
    /// `CAPABILITY` (IMAP4 on; the probe for the dialect). Row `IMAP4-CAPABILITY`.
    Capability,
    /// `STARTTLS` (IMAP4rev1).
    StartTls,
    /// `LOGIN`. Row `1064-LOGIN`.
    Login {
        /// The user's name.
        user: Vec<u8>,
        /// The password.
        password: Password,
    },
    /// `AUTHENTICATE PLAIN` (IMAP4 on). Row `IMAP4-AUTHENTICATE`.
    AuthenticatePlain {
        /// The user's name.
        user: Vec<u8>,
        /// The password.
        password: Password,
        /// Whether the credentials go on the command's line (SASL-IR) or wait for `+`.
        initial: InitialResponse,
    },
    /// `SELECT`. Row `1064-SELECT`.
    Select(MailboxName),
    /// `SELECT name (CONDSTORE)`: SELECT that also tells HIGHESTMODSEQ (CONDSTORE). Row `R1-CONDSTORE`.
    SelectCounting(MailboxName),
    /// `EXAMINE`: SELECT without changing anything (IMAP2bis on). Row `2BIS-EXAMINE`.
    Examine(MailboxName),
    /// `BBOARD`: SELECT in the name space of shared boards. Row `1176-BBOARD`.
    Bboard(MailboxName),
    /// `CHECK`. Row `1064-CHECK`.
    Check,
    /// `EXPUNGE`. Row `1064-EXPUNGE`.
    Expunge,
    /// `UID EXPUNGE`: only these messages (UIDPLUS). Row `R1-UIDEXPUNGE`.
    UidExpunge(SequenceSet),
    /// `CLOSE`: an EXPUNGE that does not tell. Read, never sent. Row `IMAP4-CLOSE`.
    Close,
    /// `CREATE`. Row `2BIS-CREATE`.
    Create(MailboxName),
    /// `DELETE`. Row `2BIS-DELETE`.
    Delete(MailboxName),
    /// `RENAME`. Row `2BIS-RENAME`.
    Rename {
        /// The old name.
        from: MailboxName,
        /// The new name.
        to: MailboxName,
    },
    /// `SUBSCRIBE`. Row `2BIS-SUBSCRIBE-MAILBOX`.
    Subscribe(NameSpace, MailboxName),
    /// `UNSUBSCRIBE`. Row `2BIS-UNSUBSCRIBE-MAILBOX`.
    Unsubscribe(NameSpace, MailboxName),
    /// `FIND`. Rows `1176-FIND-MAILBOXES`, `2BIS-FIND-ALL.MAILBOXES`.
    Find {
        /// What to look for.
        kind: FindKind,
        /// Which of them.
        scope: FindScope,
        /// The pattern, wildcards as the dialect has them.
        pattern: Vec<u8>,
    },
    /// `LIST` (IMAP4 on). Row `IMAP4-LIST`.
    List {
        /// What the pattern is relative to; usually empty.
        reference: Vec<u8>,
        /// The pattern.
        pattern: Vec<u8>,
    },
    /// `LSUB` (IMAP4 on). Row `IMAP4-LSUB`.
    Lsub {
        /// What the pattern is relative to; usually empty.
        reference: Vec<u8>,
        /// The pattern.
        pattern: Vec<u8>,
    },
    /// `APPEND` (IMAP2bis on). The base form has neither flags nor date. Row `2BIS-APPEND`.
    Append {
        /// The receiving mailbox.
        mailbox: MailboxName,
        /// Flags of the new message; empty is not written at all.
        flags: Vec<Flag>,
        /// Its internal date.
        date: Option<InternalDate>,
        /// The message.
        message: Vec<u8>,
    },
    /// `COPY` or `UID COPY`. Row `1064-COPY`.
    Copy(Numbering, SequenceSet, MailboxName),
    /// `FETCH` or `UID FETCH`.
    Fetch(Numbering, SequenceSet, FetchRequest),
    /// `STORE` or `UID STORE`.
    Store {
        /// What the set counts.
        numbering: Numbering,
        /// Which messages.
        set: SequenceSet,
        /// Replace, add or remove.
        mode: StoreMode,
        /// Whether the new flags are wanted.
        reply: StoreReply,
        /// The flags. `\Recent` is read and never written: row `1064-STORE-RECENT`.
        flags: Vec<Flag>,
    },
    /// `SEARCH` or `UID SEARCH`.
    Search {
        /// What the answer counts.
        numbering: Numbering,
        /// `CHARSET`, where one is named. Row `IMAP4-SEARCH-CHARSET`.
        charset: Option<Vec<u8>>,
        /// What must all hold.
        keys: Vec<SearchKey>,
    },
    /// `PARTIAL`: read so that it can be refused, never sent. Row `2BIS-PARTIAL`.
    Partial,
}

/// What a set of numbers counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// Positions in the mailbox.
    Sequence,
    /// UIDs (IMAP4 on): the command has `UID` before it.
    Uid,
}

/// Where the credentials of AUTHENTICATE go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialResponse {
    /// On the command's line, for servers with SASL-IR.
    Sent,
    /// After the server has said `+`.
    Waits,
}

/// Which subscriptions are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameSpace {
    /// `MAILBOX name`, as IMAP2bis says.
    Mailbox,
    /// `BBOARD name`, as IMAP2bis says.
    Bboard,
    /// The name alone, as IMAP4 says.
    Bare,
}

/// What FIND looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindKind {
    /// Mailboxes.
    Mailboxes,
    /// Bulletin boards.
    Bboards,
}

/// Among which names FIND looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindScope {
    /// Those the user subscribed to; in RFC 1176, all.
    Subscribed,
    /// `ALL.`: all there are (IMAP2bis on).
    All,
}

#[cfg(test)]
mod tests;
