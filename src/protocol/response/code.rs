//! Response codes: what a server says in brackets before its words.

use crate::protocol::capability::Capabilities;
use crate::protocol::parse::{Cursor, ParseError};
use crate::protocol::types::{Flag, Quoting, SequenceSet};

/// A response code. One that is unknown or cannot be read is `Other` and never an error.
///
/// Rows `IMAP4-CODE-*`, `2BIS-TRYCREATE`, `R1-COPYUID`, `R1-CLOSED`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// `ALERT`: the words must be shown.
    Alert,
    /// `PARSE`: a message's header could not be read.
    Parse,
    /// `READ-ONLY`.
    ReadOnly,
    /// `READ-WRITE`.
    ReadWrite,
    /// `TRYCREATE`: the destination does not exist and could be made.
    TryCreate,
    /// `UNSEEN n`: the first unread message.
    Unseen(u32),
    /// `PERMANENTFLAGS`: what outlives the session.
    PermanentFlags {
        /// The flags listed.
        flags: Vec<Flag>,
        /// Whether `\*` is among them: new keywords can be made.
        new_keywords: bool,
    },
    /// `UIDVALIDITY n`.
    UidValidity(u32),
    /// `UIDNEXT n`.
    UidNext(u32),
    /// `CAPABILITY`.
    Capability(Capabilities),
    /// `CLOSED`: what follows is of the newly opened mailbox.
    Closed,
    /// `EXPUNGEISSUED`: messages asked for are gone.
    ExpungeIssued,
    /// `APPENDUID validity uid`.
    AppendUid {
        /// The mailbox's UIDVALIDITY.
        validity: u32,
        /// The new message's UID.
        uid: u32,
    },
    /// `COPYUID validity source copies`.
    CopyUid {
        /// The destination's UIDVALIDITY.
        validity: u32,
        /// The UIDs copied.
        source: SequenceSet,
        /// The UIDs they got, in the same order.
        copies: SequenceSet,
    },
    /// `HIGHESTMODSEQ n`.
    HighestModSeq(u64),
    /// `NOMODSEQ`.
    NoModSeq,
    /// `MODIFIED set`: what a conditional STORE did not touch.
    Modified(SequenceSet),
    /// `AUTHENTICATIONFAILED`.
    AuthenticationFailed,
    /// Anything else: the first word, in capitals.
    Other(Vec<u8>),
}

impl Code {
    /// Takes `"[" code "]"` and the space behind it, if a code comes next.
    pub(super) fn take(cursor: &mut Cursor<'_>) -> Option<Self> {
        let inside = cursor.lookahead().strip_prefix(b"[")?;
        let end = code_end(inside)?;
        let code = Self::read(inside.get(..end)?);
        cursor.skip(end.saturating_add(2));
        cursor.spaces();
        Some(code)
    }

    fn read(inside: &[u8]) -> Self {
        let mut cursor = Cursor::over(inside, Quoting::Plain);
        let word = cursor.word().to_ascii_uppercase();
        cursor.spaces();
        Self::read_argument(&word, &mut cursor).unwrap_or(Self::Other(word))
    }

    fn read_argument(word: &[u8], cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        Ok(match word {
            b"ALERT" => Self::Alert,
            b"PARSE" => Self::Parse,
            b"READ-ONLY" => Self::ReadOnly,
            b"READ-WRITE" => Self::ReadWrite,
            b"TRYCREATE" => Self::TryCreate,
            b"CLOSED" => Self::Closed,
            b"EXPUNGEISSUED" => Self::ExpungeIssued,
            b"NOMODSEQ" => Self::NoModSeq,
            b"AUTHENTICATIONFAILED" => Self::AuthenticationFailed,
            b"UNSEEN" => Self::Unseen(cursor.number()?),
            b"UIDVALIDITY" => Self::UidValidity(cursor.number()?),
            b"UIDNEXT" => Self::UidNext(cursor.number()?),
            b"HIGHESTMODSEQ" => Self::HighestModSeq(cursor.long_number()?),
            b"CAPABILITY" => Self::Capability(Capabilities::from_words(cursor.rest_of_line())),
            b"PERMANENTFLAGS" => {
                let (flags, new_keywords) = permanent_flags(cursor)?;
                Self::PermanentFlags {
                    flags,
                    new_keywords,
                }
            }
            b"APPENDUID" => Self::AppendUid {
                validity: cursor.number()?,
                uid: next_number(cursor)?,
            },
            b"COPYUID" => Self::CopyUid {
                validity: cursor.number()?,
                source: next_set(cursor)?,
                copies: next_set(cursor)?,
            },
            b"MODIFIED" => Self::Modified(next_set(cursor)?),
            _ => return cursor.expected("a known response code"),
        })
    }
}

/// Where the closing bracket stands. A list may hold a bracket of its own, in the name of a keyword.
fn code_end(inside: &[u8]) -> Option<usize> {
    let first = memchr::memchr(b']', inside)?;
    if inside.get(..first)?.contains(&b'(') {
        let after_list = memchr::memmem::find(inside, b")]")?;
        return after_list.checked_add(1);
    }
    Some(first)
}

fn permanent_flags(cursor: &mut Cursor<'_>) -> Result<(Vec<Flag>, bool), ParseError> {
    cursor.open()?;
    let (mut flags, mut new_keywords) = (Vec::new(), false);
    while !cursor.close() {
        match cursor.word() {
            b"" => return cursor.expected("a flag"),
            b"\\*" => new_keywords = true,
            name => flags.extend(Flag::from_bytes(name)),
        }
    }
    Ok((flags, new_keywords))
}

fn next_number(cursor: &mut Cursor<'_>) -> Result<u32, ParseError> {
    cursor.want_space()?;
    cursor.number()
}

fn next_set(cursor: &mut Cursor<'_>) -> Result<SequenceSet, ParseError> {
    cursor.spaces();
    let at = cursor.position();
    SequenceSet::parse(cursor.word()).map_err(|_| ParseError::Expected {
        what: "a set of UIDs",
        at,
    })
}
