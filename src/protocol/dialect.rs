//! The protocol's versions, and each way in which they differ, by name.

use std::fmt;

use super::capability::Capabilities;
use super::response::Status;
use super::types::{Quoting, StarAllowed, Wildcards, YearDigits};

/// A version of the protocol, oldest first: a later one has what the earlier ones have, except where a method says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// IMAP2 of 1988.
    Rfc1064,
    /// IMAP2 of 1990. What is assumed of a server that does not say.
    Rfc1176,
    /// IMAP2bis of 1992 to 1994, which never became an RFC.
    Imap2bis,
    /// IMAP4 of RFC 1730.
    Imap4,
    /// IMAP4rev1 of RFC 2060 and RFC 3501.
    Imap4rev1,
}

/// How INTERNALDATE is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateForm {
    /// Two-digit year, zone by name.
    Old,
    /// Four-digit year, zone by number.
    New,
}

/// How a text is fetched without marking it as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeekForm {
    /// It cannot be; `\Seen` must be taken back afterwards.
    Never,
    /// `RFC822.PEEK`, which IMAP4rev1 dropped again.
    Rfc822Peek,
    /// `BODY.PEEK[]`.
    BodyPeek,
}

/// Whether a server has a command, as far as a try has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// The command exists, whether or not it did what was asked.
    Present,
    /// The command does not exist.
    Absent,
}

/// Quirks of the wire.
impl Dialect {
    /// Whether a backslash in quotes is an escape.
    #[must_use]
    pub fn quoting(self) -> Quoting {
        if self >= Self::Imap4 {
            Quoting::Escaped
        } else {
            Quoting::Plain
        }
    }

    /// How years are written in SEARCH. Row `1064-SEARCH-DATE2`.
    #[must_use]
    pub fn search_years(self) -> YearDigits {
        if self >= Self::Imap4 {
            YearDigits::Four
        } else {
            YearDigits::Two
        }
    }

    /// Whether `*` may stand in a sequence. Row `IMAP4-STAR`.
    #[must_use]
    pub fn star_in_sequences(self) -> StarAllowed {
        if self >= Self::Imap4 {
            StarAllowed::Yes
        } else {
            StarAllowed::No
        }
    }

    /// The word before the flags in a reply to STORE. Rows `1064-STORE-REPLY`, `1176-STORE-REPLY`.
    #[must_use]
    pub fn store_reply_key(self) -> &'static str {
        if self == Self::Rfc1064 {
            "STORE"
        } else {
            "FETCH"
        }
    }

    /// How INTERNALDATE is sent to clients.
    #[must_use]
    pub fn date_form(self) -> DateForm {
        if self >= Self::Imap2bis {
            DateForm::New
        } else {
            DateForm::Old
        }
    }

    /// Whether `* n COPY` is sent for each copied message. Row `1064-COPY-UNTAGGED`.
    #[must_use]
    pub fn reports_copies(self) -> bool {
        self == Self::Rfc1064
    }

    /// What the wildcards of FIND mean. Rows `1176-FIND-STAR`, `1176-FIND-PERCENT`.
    #[must_use]
    pub fn find_wildcards(self) -> Wildcards {
        if self >= Self::Imap2bis {
            Wildcards::FindBis
        } else {
            Wildcards::Find
        }
    }

    /// Whether FIND MAILBOXES may list INBOX. Row `1176-FIND-NOINBOX`.
    #[must_use]
    pub fn find_lists_inbox(self) -> bool {
        self >= Self::Imap2bis
    }
}

/// What a client may rely on.
impl Dialect {
    /// Whether message texts can be fetched without setting `\Seen`.
    #[must_use]
    pub fn peeks(self) -> PeekForm {
        match self {
            Self::Rfc1064 | Self::Rfc1176 | Self::Imap2bis => PeekForm::Never,
            Self::Imap4 => PeekForm::Rfc822Peek,
            Self::Imap4rev1 => PeekForm::BodyPeek,
        }
    }

    /// Whether messages can be appended. Row `2BIS-APPEND`.
    #[must_use]
    pub fn takes_messages(self) -> bool {
        self >= Self::Imap2bis
    }

    /// Whether messages have UIDs.
    #[must_use]
    pub fn has_uids(self) -> bool {
        self >= Self::Imap4
    }

    /// Whether `.SILENT` can be asked for. Row `IMAP4-STORE-SILENT`.
    #[must_use]
    pub fn silent_store(self) -> bool {
        self >= Self::Imap4
    }

    /// Whether `FLAGS ()` can be sent. Row `IMAP4-STORE-EMPTY`.
    #[must_use]
    pub fn empty_flag_list(self) -> bool {
        self >= Self::Imap4
    }

    /// Whether SEARCH has OR, NOT, parentheses, sequences and sizes.
    #[must_use]
    pub fn search_combines(self) -> bool {
        self >= Self::Imap4
    }

    /// Whether mailboxes are listed with LIST rather than FIND.
    #[must_use]
    pub fn lists_with_list(self) -> bool {
        self >= Self::Imap4
    }

    /// Whether APPEND takes flags and a date. Late IMAP2bis servers do too; row `2BIS-APPEND-FALLBACK`.
    #[must_use]
    pub fn append_takes_flags(self) -> bool {
        self >= Self::Imap4
    }

    /// Whether COPY makes a missing destination. Row `1064-COPY-CREATE`.
    #[must_use]
    pub fn copy_creates(self) -> bool {
        self <= Self::Rfc1176
    }

    /// Whether EXPUNGE never comes while FETCH, STORE or SEARCH is answered, or unasked. Row `IMAP4-EXPUNGE-TIMING`.
    #[must_use]
    pub fn expunge_is_timed(self) -> bool {
        self >= Self::Imap4
    }

    /// Whether a mailbox may be kept selected between passes, rather than given back by LOGOUT.
    #[must_use]
    pub fn mailboxes_are_shared(self) -> bool {
        self >= Self::Imap4
    }
}

/// Conclusions from what a server answers. Evidence only ever raises the level.
impl Dialect {
    /// What the answer to CAPABILITY says. Rows `DETECT-CAP-BAD`, `DETECT-CAP-NONE`, `DETECT-CAP-IMAP2`.
    #[must_use]
    pub fn from_capability(status: Status, list: Option<&Capabilities>) -> Self {
        match status {
            Status::Ok => list
                .and_then(Capabilities::dialect)
                .unwrap_or(Self::Imap2bis),
            Status::No | Status::Bad => Self::Rfc1176,
        }
    }

    /// A server that greets with PREAUTH is no older than IMAP2bis.
    #[must_use]
    pub fn after_preauth(self) -> Self {
        self.max(Self::Imap2bis)
    }

    /// A server that has UIDVALIDITY is no older than IMAP4. Row `DETECT-UIDVALIDITY`.
    #[must_use]
    pub fn after_uidvalidity(self) -> Self {
        self.max(Self::Imap4)
    }

    /// A server that has EXAMINE, CREATE or APPEND is no older than IMAP2bis.
    #[must_use]
    pub fn after_probe(self, support: Support) -> Self {
        match support {
            Support::Present => self.max(Self::Imap2bis),
            Support::Absent => self,
        }
    }
}

impl Support {
    /// What the first use of a command shows: BAD means there is none. Rows `DETECT-CREATE-INBOX`, `DETECT-EXAMINE`,
    /// `DETECT-FIND`.
    #[must_use]
    pub fn from_answer(status: Status) -> Self {
        match status {
            Status::Ok | Status::No => Self::Present,
            Status::Bad => Self::Absent,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rfc1064 => "IMAP2 (RFC 1064)",
            Self::Rfc1176 => "IMAP2 (RFC 1176)",
            Self::Imap2bis => "IMAP2bis",
            Self::Imap4 => "IMAP4",
            Self::Imap4rev1 => "IMAP4rev1",
        })
    }
}

#[cfg(test)]
mod tests;
