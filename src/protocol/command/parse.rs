//! A client's line to a command.

use super::{Command, FindKind, FindScope, NameSpace, Numbering};
use crate::protocol::parse::{Capitals, Cursor, LiteralUse, ParseError};
use crate::protocol::types::{
    FetchRequest, Flag, InternalDate, MailboxName, Password, SearchKey, SequenceError, SequenceSet,
    StoreMode,
};

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCommand {
    /// No command has this name. Rows `1064-UNKNOWN`, `2BIS-PURGE`.
    #[error("unknown command")]
    Unknown,
    /// The command exists, and its arguments are not what it takes.
    #[error("bad arguments: {0}")]
    Arguments(#[from] ParseError),
    /// The message sequence is not one.
    #[error("bad message sequence: {0}")]
    Sequence(#[from] SequenceError),
}

/// The name of a command, known before its arguments are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the protocol's own words")]
pub enum CommandName {
    Append,
    Bboard,
    Capability,
    Check,
    Close,
    Copy,
    Create,
    Delete,
    Examine,
    Expunge,
    Fetch,
    Find,
    List,
    Login,
    Logout,
    Lsub,
    Noop,
    Partial,
    Rename,
    Search,
    Select,
    StartTls,
    Store,
    Subscribe,
    Uid,
    Unsubscribe,
}

impl CommandName {
    /// Takes the name of a command.
    ///
    /// # Errors
    /// [`BadCommand::Unknown`].
    pub fn take(cursor: &mut Cursor<'_>) -> Result<Self, BadCommand> {
        let word = cursor.word();
        let known = NAMES
            .iter()
            .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word));
        known.map(|(_, name)| *name).ok_or(BadCommand::Unknown)
    }
}

/// Reads the arguments of a command to the end of the line.
///
/// # Errors
/// [`BadCommand`]; [`ParseError::AwaitsLiteral`] inside it means that nothing is wrong so far.
pub fn parse_arguments(name: CommandName, cursor: &mut Cursor<'_>) -> Result<Command, BadCommand> {
    let command = match name {
        CommandName::Noop => Command::Noop,
        CommandName::Logout => Command::Logout,
        CommandName::Capability => Command::Capability,
        CommandName::StartTls => Command::StartTls,
        CommandName::Check => Command::Check,
        CommandName::Expunge => Command::Expunge,
        CommandName::Close => Command::Close,
        CommandName::Login => Command::Login {
            user: string(cursor)?,
            password: Password::new(string(cursor)?),
        },
        CommandName::Select => select(cursor)?,
        CommandName::Examine => Command::Examine(mailbox(cursor)?),
        CommandName::Bboard => Command::Bboard(mailbox(cursor)?),
        CommandName::Create => Command::Create(mailbox(cursor)?),
        CommandName::Delete => Command::Delete(mailbox(cursor)?),
        CommandName::Rename => Command::Rename {
            from: mailbox(cursor)?,
            to: mailbox(cursor)?,
        },
        CommandName::Subscribe => {
            let (space, name) = subscription(cursor)?;
            Command::Subscribe(space, name)
        }
        CommandName::Unsubscribe => {
            let (space, name) = subscription(cursor)?;
            Command::Unsubscribe(space, name)
        }
        CommandName::Find => find(cursor)?,
        CommandName::List => Command::List {
            reference: string(cursor)?,
            pattern: string(cursor)?,
        },
        CommandName::Lsub => Command::Lsub {
            reference: string(cursor)?,
            pattern: string(cursor)?,
        },
        CommandName::Append => append(cursor)?,
        CommandName::Copy => copy(cursor, Numbering::Sequence)?,
        CommandName::Fetch => fetch(cursor, Numbering::Sequence)?,
        CommandName::Store => store(cursor, Numbering::Sequence)?,
        CommandName::Search => search(cursor, Numbering::Sequence)?,
        CommandName::Uid => uid(cursor)?,
        CommandName::Partial => {
            cursor.rest_of_line();
            Command::Partial
        }
    };
    cursor.want_end()?;
    Ok(command)
}

fn string(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, ParseError> {
    cursor.want_space()?;
    cursor.string()
}

fn mailbox(cursor: &mut Cursor<'_>) -> Result<MailboxName, ParseError> {
    cursor.want_space()?;
    let at = cursor.position();
    let name = cursor.string()?;
    MailboxName::from_bytes(&name).map_err(|_| ParseError::Expected {
        what: "a mailbox name",
        at,
    })
}

fn select(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    let name = mailbox(cursor)?;
    cursor.spaces();
    if cursor.peek() != Some(b'(') {
        return Ok(Command::Select(name));
    }
    cursor.open()?;
    if !cursor.eat_word(b"CONDSTORE") {
        return cursor.expected("CONDSTORE");
    }
    cursor.want_close()?;
    Ok(Command::SelectCounting(name))
}

fn sequence(cursor: &mut Cursor<'_>) -> Result<SequenceSet, BadCommand> {
    cursor.want_space()?;
    Ok(SequenceSet::parse(cursor.word())?)
}

/// `["MAILBOX" / "BBOARD"] mailbox`. A mailbox may itself be called MAILBOX: the keyword is one only if a name follows.
fn subscription(cursor: &mut Cursor<'_>) -> Result<(NameSpace, MailboxName), ParseError> {
    cursor.want_space()?;
    let has_two = cursor.lookahead().trim_ascii_end().contains(&b' ');
    for (word, space) in [
        (&b"MAILBOX"[..], NameSpace::Mailbox),
        (b"BBOARD", NameSpace::Bboard),
    ] {
        if has_two && cursor.eat_word(word) {
            return Ok((space, mailbox(cursor)?));
        }
    }
    let at = cursor.position();
    let name = cursor.string()?;
    let name = MailboxName::from_bytes(&name).map_err(|_| ParseError::Expected {
        what: "a mailbox name",
        at,
    })?;
    Ok((NameSpace::Bare, name))
}

/// `("MAILBOXES" / "BBOARDS" / "ALL.MAILBOXES" / "ALL.BBOARDS") SP pattern`.
fn find(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    cursor.want_space()?;
    let at = cursor.position();
    let (kind, scope) = match Capitals::of(cursor.word()).as_bytes() {
        b"MAILBOXES" => (FindKind::Mailboxes, FindScope::Subscribed),
        b"BBOARDS" => (FindKind::Bboards, FindScope::Subscribed),
        b"ALL.MAILBOXES" => (FindKind::Mailboxes, FindScope::All),
        b"ALL.BBOARDS" => (FindKind::Bboards, FindScope::All),
        _ => {
            return Err(ParseError::Expected {
                what: "MAILBOXES or BBOARDS",
                at,
            });
        }
    };
    Ok(Command::Find {
        kind,
        scope,
        pattern: string(cursor)?,
    })
}

/// `mailbox [SP flag-list] [SP date] SP literal`.
fn append(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    let mailbox = mailbox(cursor)?;
    cursor.want_space()?;
    let mut flags = Vec::new();
    if cursor.peek() == Some(b'(') {
        flags = flag_list(cursor)?;
        cursor.want_space()?;
    }
    let mut date = None;
    if cursor.peek() == Some(b'"') {
        let at = cursor.position();
        let text = cursor.quoted()?;
        date = Some(
            InternalDate::parse(&text).map_err(|_| ParseError::Expected { what: "a date", at })?,
        );
        cursor.want_space()?;
    }
    let message = cursor.literal(LiteralUse::Message)?;
    Ok(Command::Append {
        mailbox,
        flags,
        date,
        message,
    })
}

fn uid(cursor: &mut Cursor<'_>) -> Result<Command, BadCommand> {
    cursor.want_space()?;
    match Capitals::of(cursor.word()).as_bytes() {
        b"COPY" => copy(cursor, Numbering::Uid),
        b"FETCH" => fetch(cursor, Numbering::Uid),
        b"STORE" => store(cursor, Numbering::Uid),
        b"SEARCH" => search(cursor, Numbering::Uid),
        b"EXPUNGE" => sequence(cursor).map(Command::UidExpunge),
        _ => Err(BadCommand::Unknown),
    }
}

fn copy(cursor: &mut Cursor<'_>, numbering: Numbering) -> Result<Command, BadCommand> {
    Ok(Command::Copy(
        numbering,
        sequence(cursor)?,
        mailbox(cursor)?,
    ))
}

fn fetch(cursor: &mut Cursor<'_>, numbering: Numbering) -> Result<Command, BadCommand> {
    let set = sequence(cursor)?;
    cursor.want_space()?;
    Ok(Command::Fetch(numbering, set, FetchRequest::parse(cursor)?))
}

/// `sequence SP ["+" / "-"] "FLAGS" [".SILENT"] SP (flag-list / flag *(SP flag))`.
fn store(cursor: &mut Cursor<'_>, numbering: Numbering) -> Result<Command, BadCommand> {
    let set = sequence(cursor)?;
    cursor.want_space()?;
    let at = cursor.position();
    let (mode, reply) = StoreMode::parse(cursor.word()).ok_or(ParseError::Expected {
        what: "FLAGS, +FLAGS or -FLAGS",
        at,
    })?;
    cursor.want_space()?;
    let flags = if cursor.peek() == Some(b'(') {
        flag_list(cursor)?
    } else {
        bare_flags(cursor)?
    };
    Ok(Command::Store {
        numbering,
        set,
        mode,
        reply,
        flags,
    })
}

/// Old clients send flags without parentheses. Rows `1064-LEX-FLAGBARE`, `CCLIENT-STORE-BARE`.
fn bare_flags(cursor: &mut Cursor<'_>) -> Result<Vec<Flag>, ParseError> {
    let mut flags = vec![flag(cursor)?];
    while cursor.spaces() && !cursor.is_end() {
        check_count(&flags)?;
        flags.push(flag(cursor)?);
    }
    Ok(flags)
}

fn flag_list(cursor: &mut Cursor<'_>) -> Result<Vec<Flag>, ParseError> {
    cursor.open()?;
    let mut flags = Vec::new();
    while !cursor.close() {
        check_count(&flags)?;
        flags.push(flag(cursor)?);
    }
    Ok(flags)
}

fn check_count(flags: &[Flag]) -> Result<(), ParseError> {
    if flags.len() < MAX_FLAGS {
        Ok(())
    } else {
        Err(ParseError::TooMany { what: "flags" })
    }
}

fn flag(cursor: &mut Cursor<'_>) -> Result<Flag, ParseError> {
    let at = cursor.position();
    Flag::from_bytes(cursor.word()).map_err(|_| ParseError::Expected { what: "a flag", at })
}

/// `["CHARSET" SP string] 1*(SP key)`.
fn search(cursor: &mut Cursor<'_>, numbering: Numbering) -> Result<Command, BadCommand> {
    cursor.want_space()?;
    let mut charset = None;
    if cursor.eat_word(b"CHARSET") {
        charset = Some(string(cursor)?);
        cursor.want_space()?;
    }
    Ok(Command::Search {
        numbering,
        charset,
        keys: SearchKey::parse_all(cursor)?,
    })
}

/// More than a mailbox can have.
const MAX_FLAGS: usize = 256;

const NAMES: [(&str, CommandName); 26] = [
    ("APPEND", CommandName::Append),
    ("BBOARD", CommandName::Bboard),
    ("CAPABILITY", CommandName::Capability),
    ("CHECK", CommandName::Check),
    ("CLOSE", CommandName::Close),
    ("COPY", CommandName::Copy),
    ("CREATE", CommandName::Create),
    ("DELETE", CommandName::Delete),
    ("EXAMINE", CommandName::Examine),
    ("EXPUNGE", CommandName::Expunge),
    ("FETCH", CommandName::Fetch),
    ("FIND", CommandName::Find),
    ("LIST", CommandName::List),
    ("LOGIN", CommandName::Login),
    ("LOGOUT", CommandName::Logout),
    ("LSUB", CommandName::Lsub),
    ("NOOP", CommandName::Noop),
    ("PARTIAL", CommandName::Partial),
    ("RENAME", CommandName::Rename),
    ("SEARCH", CommandName::Search),
    ("SELECT", CommandName::Select),
    ("STARTTLS", CommandName::StartTls),
    ("STORE", CommandName::Store),
    ("SUBSCRIBE", CommandName::Subscribe),
    ("UID", CommandName::Uid),
    ("UNSUBSCRIBE", CommandName::Unsubscribe),
];
