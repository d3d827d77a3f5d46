//! Every key of the file, as data: what it accepts, its default, what it is for.
//!
//! This table is the only home of defaults. The reader takes a missing value from it, the check for unknown keys knows
//! names from it, errors quote it, and the manual prints it.

use crate::config::account::{DeletedHere, DeletedThere, Protocol, Tls};
use crate::config::endpoint::Dialect;
use crate::config::kind::Kind;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use toml::Spanned;
use toml::de::DeValue;

/// One key of the file.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The table it stands in, such as `account.NAME.keep`; empty at the top.
    pub table: &'static str,
    /// Its name; `NAME` where the reader of the file chooses it.
    pub name: &'static str,
    /// What it accepts.
    pub kind: Kind,
    /// What holds without it.
    pub default: Fallback,
    /// What it is for, in one sentence without a full stop.
    pub about: &'static str,
}

/// What holds where a key is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// A value, as the file would write it.
    Value(&'static str),
    /// Something that depends on the surroundings, in words.
    Depends(&'static str),
    /// Nothing: it is as if there were no such key.
    Nothing,
}

impl Key {
    /// The default as a parsed value, if it is one.
    pub(super) fn default_value(&self) -> Option<&'static DeValue<'static>> {
        DEFAULTS.get(&(self.table, self.name)).map(Spanned::get_ref)
    }
}

/// The key of this name in this table.
pub(super) fn find(table: &str, name: &str) -> Option<&'static Key> {
    in_table(table).find(|key| key.name == name || key.name == CHOSEN)
}

/// All keys of a table.
pub(super) fn in_table(table: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.table == table)
}

/// The table of keys that a password's source is written with, at an account and at the endpoint.
pub(super) const PASSWORD: &str = "account.NAME.password";
/// The table of keys that limit which bodies are held.
pub(super) const BODIES: &str = "account.NAME.keep.bodies";
/// The table of network waits; an account may have its own, with the same keys.
pub(super) const TIMEOUTS: &str = "limits.timeouts";
pub(super) const ACCOUNT: &str = "account.NAME";
/// The table of mailboxes with conflict rules of their own, and the rules of one.
const CONFLICT_MAILBOXES: &str = "account.NAME.conflict.mailbox";
const CONFLICT_MAILBOX: &str = "account.NAME.conflict.mailbox.NAME";
/// The name of a key that the writer of the file makes up.
const CHOSEN: &str = "NAME";

static DEFAULTS: LazyLock<BTreeMap<(&str, &str), Spanned<DeValue<'static>>>> =
    LazyLock::new(|| {
        let parsed = |key: &Key| match key.default {
            Fallback::Value(text) => DeValue::parse(text)
                .ok()
                .map(|value| ((key.table, key.name), value)),
            Fallback::Depends(_) | Fallback::Nothing => None,
        };
        KEYS.iter().filter_map(parsed).collect()
    });

const fn key(
    table: &'static str,
    name: &'static str,
    kind: Kind,
    default: Fallback,
    about: &'static str,
) -> Key {
    Key {
        table,
        name,
        kind,
        default,
        about,
    }
}

const fn table(
    table: &'static str,
    name: &'static str,
    inner: &'static str,
    about: &'static str,
) -> Key {
    key(table, name, Kind::Table(inner), Nothing, about)
}

use Fallback::{Depends, Nothing, Value};
const SECOND: u64 = 1_000;
const DAY: u64 = 86_400 * SECOND;
const KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;
/// A wait on the network.
const WAIT: Kind = Kind::Duration {
    least: SECOND,
    most: DAY,
};
const AGE: Kind = Kind::Duration {
    least: 3_600 * SECOND,
    most: 36_500 * DAY,
};
const LITERAL: Kind = Kind::Size {
    least: 4 * KIB,
    most: 2 * GIB,
};
const LINE: Kind = Kind::Size {
    least: 8 * KIB,
    most: 16 << 20,
};

/// Every key, table by table, in the order of the manual.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    table("", "endpoint", "endpoint", "The server on this machine that mail clients connect to"),
    table("", "account", "account", "The accounts, each a table [account.NAME]"),
    table("", "storage", "storage", "Where mail is kept"),
    table("", "limits", "limits", "How long to wait and how much to accept"),

    key("endpoint", "listen", Kind::Addresses, Value(r#"["127.0.0.1:1143", "[::1]:1143"]"#),
        "Addresses for TCP, loopback only; [] turns TCP off"),
    key("endpoint", "socket", Kind::Path, Depends("imap.sock in $XDG_RUNTIME_DIR/lowtide, or without that in data-dir"),
        "Path of the Unix socket, where the user is logged in already"),
    key("endpoint", "password", Kind::Password, Value(r#"{ file = "endpoint-password" }"#),
        "What mail clients log in with over TCP; made by \"lowtide run\", worth only the mail on this machine"),
    key("endpoint", "dialect", Kind::Word(Dialect::WORDS), Value(r#""auto""#),
        "The IMAP to speak: as the client asks, or one dialect always"),

    table("account", CHOSEN, ACCOUNT, "An account; the name is 1 to 32 of a-z, 0-9, _ and -"),

    key(ACCOUNT, "host", Kind::Text, Depends("none; an account with neither host nor tunnel is a mailbox store on this machine"),
        "The server, by name or address"),
    key(ACCOUNT, "port", Kind::Count { least: 1, most: 65_535 }, Depends("993 with tls \"implicit\", otherwise 143"),
        "The server's port"),
    key(ACCOUNT, "tls", Kind::Word(Tls::WORDS), Value(r#""implicit""#),
        "TLS from the first byte, after STARTTLS, or not at all; never tried without if it fails"),
    key(ACCOUNT, "allow-cleartext", Kind::Flag, Value("false"),
        "With tls \"none\": the password and all mail may cross the network readable by anyone"),
    key(ACCOUNT, "ca-file", Kind::Path, Nothing,
        "PEM file of certificates to trust beside the system's"),
    key(ACCOUNT, "user", Kind::Text, Depends("none; needed with host"),
        "The user name on the server"),
    key(ACCOUNT, "password", Kind::Password, Depends("none; needed with host"),
        "Where the password for the server is kept"),
    key(ACCOUNT, "tunnel", Kind::Command(r#"["ssh", "mail.example.org", "imapd"]"#), Nothing,
        "A command whose standard input and output are the connection, usually logged in already"),
    key(ACCOUNT, "protocol", Kind::Word(Protocol::WORDS), Value(r#""auto""#),
        "The protocol of the server: found out, or as said here"),
    key(ACCOUNT, "mailboxes", Kind::Mailboxes, Depends("INBOX and what the server lists"),
        "What to mirror: names, \"*\" for anything, \"!\" to leave out"),
    key(ACCOUNT, "poll", Kind::Duration { least: 10 * SECOND, most: 30 * DAY }, Value(r#""5m""#),
        "The longest time between two looks at the server"),
    key(ACCOUNT, "scrub", AGE, Value(r#""7d""#),
        "How often every message is compared, where the server gives them no UIDs; in between a few tell of all"),
    table(ACCOUNT, "keep", "account.NAME.keep", "What to hold offline"),
    table(ACCOUNT, "conflict", "account.NAME.conflict", "What to do where both sides changed one message"),
    table(ACCOUNT, "brake", "account.NAME.brake", "How many messages may go at once before a person is asked"),
    table(ACCOUNT, "timeouts", TIMEOUTS, "Waits for this account; keys as in [limits.timeouts], which holds for those left out"),

    key(PASSWORD, "command", Kind::Command(r#"["pass", "show", "work"]"#), Nothing,
        "A command that prints it; it has 30 seconds"),
    key(PASSWORD, "file", Kind::Path, Nothing,
        "A file that holds nothing else, is yours, and has mode 0600"),
    key(PASSWORD, "credential", Kind::Text, Nothing,
        "A credential that systemd passes, such as by LoadCredential=work:/path"),
    key(PASSWORD, "keyring", Kind::Flag, Nothing,
        "The desktop's keyring; not in this build"),

    key("account.NAME.keep", "bodies", Kind::Bodies(&["all", "headers"]), Value(r#""all""#),
        "Which message bodies to hold; headers are always held"),
    key("account.NAME.keep", "before-removal", Kind::Size { least: 0, most: 4 * GIB }, Value(r#""1MB""#),
        "Bodies up to this size are read before their message is removed, so that it can be restored"),
    key(BODIES, "newer-than", AGE, Nothing,
        "Only bodies of messages that arrived within this time"),
    key(BODIES, "smaller-than", Kind::Size { least: 1, most: 4 * GIB }, Nothing,
        "Only bodies of messages below this size"),

    key("account.NAME.conflict", "deleted-here-changed-there", Kind::Word(DeletedHere::WORDS), Value(r#""keep""#),
        "Expunged here, changed there by another client: keep the message, or delete it there"),
    key("account.NAME.conflict", "changed-here-deleted-there", Kind::Word(DeletedThere::WORDS), Value(r#""accept""#),
        "Flagged or undeleted here, expunged there by another client: let it go, or put it back where the server takes messages"),
    table("account.NAME.conflict", "mailbox", CONFLICT_MAILBOXES, "Other rules for some mailboxes"),

    key("account.NAME.brake", "few", Kind::Count { least: 1, most: 1_000_000 }, Value("20"),
        "Half of a mailbox or more, gone here or there, is asked about from this many messages on; a part that stays away there for ten minutes is believed to be gone; where all of a mailbox is gone there, it is asked about always"),
    key("account.NAME.brake", "many", Kind::Count { least: 1, most: 1_000_000 }, Value("500"),
        "Messages removed here are asked about from this many on, however large the mailbox is"),

    table(CONFLICT_MAILBOXES, CHOSEN, CONFLICT_MAILBOX, "A mailbox, or several by a pattern with \"*\"; where several fit, the longest name holds"),

    key(CONFLICT_MAILBOX, "deleted-here-changed-there", Kind::Word(DeletedHere::WORDS), Value(r#""keep""#),
        "As above; without it, what is said above holds"),
    key(CONFLICT_MAILBOX, "changed-here-deleted-there", Kind::Word(DeletedThere::WORDS), Value(r#""accept""#),
        "The same"),

    key("storage", "data-dir", Kind::Path, Depends("lowtide in $XDG_DATA_HOME, or without that in ~/.local/share"),
        "Directory of the mail and of what waits to be sent; one directory per account in it"),

    table("limits", "timeouts", TIMEOUTS, "Waits on a server, for all accounts"),
    key("limits", "retry-first", WAIT, Value(r#""2s""#),
        "Wait after the first failed connection; it doubles from there"),
    key("limits", "retry-longest", WAIT, Value(r#""15m""#),
        "Longest wait between two tries to connect"),
    key("limits", "attempts", Kind::Count { least: 1, most: 100 }, Value("5"),
        "Tries for one action before it is parked for you to decide"),
    key("limits", "upstream-line", LINE, Value(r#""16MiB""#),
        "Longest line from a server, without its literals"),
    key("limits", "upstream-literal", LITERAL, Value(r#""256MiB""#),
        "Largest literal from a server, and so the largest message"),
    key("limits", "endpoint-connections", Kind::Count { least: 1, most: 1_000 }, Value("32"),
        "Mail clients connected at one time"),
    key("limits", "endpoint-line", LINE, Value(r#""64KiB""#),
        "Longest line from a logged-in client, without its literals"),
    key("limits", "endpoint-literal", LITERAL, Value(r#""100KiB""#),
        "Largest literal from a logged-in client, except a message it appends"),
    key("limits", "endpoint-append", LITERAL, Value(r#""64MiB""#),
        "Largest message that a client may append"),

    key(TIMEOUTS, "connect", WAIT, Value(r#""15s""#), "For the connection"),
    key(TIMEOUTS, "tls", WAIT, Value(r#""15s""#), "For the TLS handshake"),
    key(TIMEOUTS, "greeting", WAIT, Value(r#""30s""#), "For the server's greeting"),
    key(TIMEOUTS, "command", WAIT, Value(r#""60s""#), "For the next byte of the answer to a command"),
    key(TIMEOUTS, "logout", WAIT, Value(r#""5s""#), "For the answer to LOGOUT"),
];
