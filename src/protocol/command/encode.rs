//! A command to the lines a server gets.

use super::{Command, FindKind, FindScope, InitialResponse, NameSpace, Numbering};
use crate::protocol::base64;
use crate::protocol::dialect::Dialect;
use crate::protocol::outgoing::{CommandWriter, Piece, StringRules};
use crate::protocol::types::{Flag, InternalDate, MailboxName, SearchKey, SequenceSet, Tag};

impl Command {
    /// The octets to send, cut where the server must first say `+`. A message to append is moved, not copied.
    pub(crate) fn encode(self, tag: &Tag, dialect: Dialect, rules: StringRules) -> Vec<Piece> {
        let mut writer = CommandWriter::new(rules);
        writer.line().extend_from_slice(tag.as_bytes());
        writer.raw(" ");
        self.encode_body(&mut writer, dialect);
        writer.finish()
    }

    fn encode_body(self, writer: &mut CommandWriter, dialect: Dialect) {
        match self {
            Self::Noop => writer.raw("NOOP"),
            Self::Logout => writer.raw("LOGOUT"),
            Self::Capability => writer.raw("CAPABILITY"),
            Self::StartTls => writer.raw("STARTTLS"),
            Self::Check => writer.raw("CHECK"),
            Self::Expunge => writer.raw("EXPUNGE"),
            Self::Close => writer.raw("CLOSE"),
            Self::Partial => writer.raw("PARTIAL"),
            Self::Login { user, password } => strings(writer, "LOGIN", &[&user, password.expose()]),
            Self::AuthenticatePlain {
                user,
                password,
                initial,
            } => {
                authenticate_plain(writer, &user, password.expose(), initial);
            }
            Self::Select(name) => strings(writer, "SELECT", &[name.as_bytes()]),
            Self::SelectCounting(name) => select_counting(writer, &name),
            Self::Examine(name) => strings(writer, "EXAMINE", &[name.as_bytes()]),
            Self::Bboard(name) => strings(writer, "BBOARD", &[name.as_bytes()]),
            Self::Create(name) => strings(writer, "CREATE", &[name.as_bytes()]),
            Self::Delete(name) => strings(writer, "DELETE", &[name.as_bytes()]),
            Self::Rename { from, to } => {
                strings(writer, "RENAME", &[from.as_bytes(), to.as_bytes()])
            }
            Self::Subscribe(space, name) => subscription(writer, "SUBSCRIBE", space, &name),
            Self::Unsubscribe(space, name) => subscription(writer, "UNSUBSCRIBE", space, &name),
            Self::Find {
                kind,
                scope,
                pattern,
            } => strings(writer, find_words(kind, scope), &[&pattern]),
            Self::List { reference, pattern } => strings(writer, "LIST", &[&reference, &pattern]),
            Self::Lsub { reference, pattern } => strings(writer, "LSUB", &[&reference, &pattern]),
            Self::Append {
                mailbox,
                flags,
                date,
                message,
            } => append(writer, &mailbox, &flags, date, message),
            Self::UidExpunge(set) => numbered(writer, Numbering::Uid, "EXPUNGE", &set),
            Self::Copy(numbering, set, mailbox) => {
                numbered(writer, numbering, "COPY", &set);
                writer.string(mailbox.as_bytes());
            }
            Self::Fetch(numbering, set, request) => {
                numbered(writer, numbering, "FETCH", &set);
                writer.raw(" ");
                request.encode(writer.line());
            }
            Self::Store {
                numbering,
                set,
                mode,
                reply,
                flags,
            } => {
                numbered(writer, numbering, "STORE", &set);
                writer.raw(" ");
                writer.raw(mode.word(reply));
                push_flags(writer, &flags);
            }
            Self::Search {
                numbering,
                charset,
                keys,
            } => search(writer, numbering, charset, &keys, dialect),
        }
    }
}

fn select_counting(writer: &mut CommandWriter, name: &MailboxName) {
    strings(writer, "SELECT", &[name.as_bytes()]);
    writer.raw(" (CONDSTORE)");
}

fn strings(writer: &mut CommandWriter, word: &str, arguments: &[&[u8]]) {
    writer.raw(word);
    arguments
        .iter()
        .for_each(|argument| writer.string(argument));
}

fn numbered(writer: &mut CommandWriter, numbering: Numbering, word: &str, set: &SequenceSet) {
    writer.raw(numbering.prefix());
    writer.raw(word);
    writer.raw(" ");
    set.encode(writer.line());
}

/// Always in parentheses; `\Recent` is not a client's to store.
fn push_flags(writer: &mut CommandWriter, flags: &[Flag]) {
    writer.raw(" (");
    for (index, flag) in flags
        .iter()
        .filter(|flag| **flag != Flag::Recent)
        .enumerate()
    {
        if index > 0 {
            writer.raw(" ");
        }
        flag.encode(writer.line());
    }
    writer.raw(")");
}

fn subscription(writer: &mut CommandWriter, word: &str, space: NameSpace, name: &MailboxName) {
    writer.raw(word);
    strings(writer, space.word(), &[name.as_bytes()]);
}

/// Flags and date are written only if there are any, so that the base form is what is left without them.
fn append(
    writer: &mut CommandWriter,
    mailbox: &MailboxName,
    flags: &[Flag],
    date: Option<InternalDate>,
    message: Vec<u8>,
) {
    strings(writer, "APPEND", &[mailbox.as_bytes()]);
    if !flags.is_empty() {
        push_flags(writer, flags);
    }
    if let Some(date) = date {
        writer.raw(" \"");
        date.encode_new(writer.line());
        writer.raw("\"");
    }
    writer.message(message);
}

fn search(
    writer: &mut CommandWriter,
    numbering: Numbering,
    charset: Option<Vec<u8>>,
    keys: &[SearchKey],
    dialect: Dialect,
) {
    writer.raw(numbering.prefix());
    writer.raw("SEARCH");
    if let Some(charset) = charset {
        writer.raw(" CHARSET");
        writer.string(&charset);
    }
    for key in keys {
        writer.raw(" ");
        key.encode(writer, dialect.search_years());
    }
}

/// RFC 4616: no authorisation identity, the user, the password, NULs between, in base64.
fn authenticate_plain(
    writer: &mut CommandWriter,
    user: &[u8],
    password: &[u8],
    initial: InitialResponse,
) {
    writer.raw("AUTHENTICATE PLAIN");
    match initial {
        InitialResponse::Sent => writer.raw(" "),
        InitialResponse::Waits => writer.end_line_and_wait(),
    }
    let message = [b"\0", user, b"\0", password].concat();
    base64::encode(&message, writer.line());
}

fn find_words(kind: FindKind, scope: FindScope) -> &'static str {
    match (kind, scope) {
        (FindKind::Mailboxes, FindScope::Subscribed) => "FIND MAILBOXES",
        (FindKind::Mailboxes, FindScope::All) => "FIND ALL.MAILBOXES",
        (FindKind::Bboards, FindScope::Subscribed) => "FIND BBOARDS",
        (FindKind::Bboards, FindScope::All) => "FIND ALL.BBOARDS",
    }
}

impl NameSpace {
    fn word(self) -> &'static str {
        match self {
            Self::Mailbox => " MAILBOX",
            Self::Bboard => " BBOARD",
            Self::Bare => "",
        }
    }
}

impl Numbering {
    fn prefix(self) -> &'static str {
        match self {
            Self::Sequence => "",
            Self::Uid => "UID ",
        }
    }
}
