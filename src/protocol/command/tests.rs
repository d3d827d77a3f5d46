use proptest::prelude::*;

use super::*;
use crate::protocol::client::{Client, ClientLiterals};
use crate::protocol::dialect::Dialect;
use crate::protocol::framer::Frame;
use crate::protocol::server::{Request, Server, ServerLimits, SessionState};
use crate::protocol::support::{commands, octets};
use crate::protocol::types::{FetchItem, Keyword, SearchDate, SeqNum};

const DIALECTS: [Dialect; 3] = [Dialect::Rfc1064, Dialect::Imap2bis, Dialect::Imap4rev1];

/// A client and a server, each fed what the other says until both are silent.
fn carried(
    command: &Command,
    dialect: Dialect,
    literals: ClientLiterals,
    state: SessionState,
) -> (Vec<u8>, Option<Request>) {
    let mut client = Client::after_starttls(Client::DEFAULT_LIMITS);
    client.set_dialect(dialect);
    client.set_literals(literals);
    let mut server = Server::new(ServerLimits::default(), dialect, state);
    client.send(command.clone());
    let mut wire = Vec::new();
    loop {
        let octets = client.take_output();
        if octets.is_empty() {
            return (wire, None);
        }
        server.receive(&octets);
        wire.extend(octets);
        if let Some(request) = server.next_request() {
            assert!(
                !server.has_backlog() && server.next_request().is_none(),
                "one command is one request"
            );
            assert_eq!(client.take_output(), b"", "nothing is left to say");
            return (wire, Some(request));
        }
        client.receive(&server.take_output());
        while let Ok(Some(_)) = client.next_event() {}
    }
}

fn wire(command: &Command, dialect: Dialect) -> String {
    let (wire, _) = carried(
        command,
        dialect,
        ClientLiterals::Wait,
        SessionState::Selected,
    );
    String::from_utf8(wire).unwrap()
}

fn set(text: &str) -> SequenceSet {
    SequenceSet::parse(text.as_bytes()).unwrap()
}

fn name(text: &str) -> MailboxName {
    text.parse().unwrap()
}

fn store(mode: StoreMode, flags: &[&str]) -> Command {
    Command::Store {
        numbering: Numbering::Sequence,
        set: set("2,4:7,9"),
        mode,
        reply: StoreReply::Report,
        flags: flags
            .iter()
            .map(|flag| Flag::from_bytes(flag.as_bytes()).unwrap())
            .collect(),
    }
}

fn fetch(sequence: &str, request: FetchRequest) -> Command {
    Command::Fetch(Numbering::Sequence, set(sequence), request)
}

#[test]
fn commands_are_written_as_the_oldest_servers_read_them() {
    let header_and_flags = FetchRequest::Items(vec![FetchItem::Flags, FetchItem::Rfc822Header]);
    let search = |keys| Command::Search {
        numbering: Numbering::Sequence,
        charset: None,
        keys,
    };
    let find = |kind, scope| Command::Find {
        kind,
        scope,
        pattern: b"*".to_vec(),
    };
    for (command, expected) in [
        (Command::Noop, "NOOP"),
        (Command::Select(name("inbox")), "SELECT INBOX"),
        (Command::Select(name("low tide")), "SELECT \"low tide\""),
        (
            Command::SelectCounting(name("low tide")),
            "SELECT \"low tide\" (CONDSTORE)",
        ),
        (Command::Examine(name("x")), "EXAMINE x"),
        (fetch("1:99", FetchRequest::Fast), "FETCH 1:99 FAST"),
        (
            fetch("3", header_and_flags),
            "FETCH 3 (FLAGS RFC822.HEADER)",
        ),
        (
            store(StoreMode::Add, &["\\deleted"]),
            "STORE 2,4:7,9 +FLAGS (\\Deleted)",
        ),
        (
            store(StoreMode::Remove, &["\\Seen", "Harbour"]),
            "STORE 2,4:7,9 -FLAGS (\\Seen Harbour)",
        ),
        (
            store(StoreMode::Replace, &["\\Recent", "\\Seen"]),
            "STORE 2,4:7,9 FLAGS (\\Seen)",
        ),
        (
            search(vec![SearchKey::Unseen, SearchKey::From(b"ada l".to_vec())]),
            "SEARCH UNSEEN FROM \"ada l\"",
        ),
        (
            search(vec![SearchKey::Since(
                SearchDate::new(1987, 10, 1).unwrap(),
            )]),
            "SEARCH SINCE 1-Oct-87",
        ),
        (
            Command::Copy(Numbering::Sequence, set("1"), name("notes")),
            "COPY 1 notes",
        ),
        (
            find(FindKind::Mailboxes, FindScope::All),
            "FIND ALL.MAILBOXES \"*\"",
        ),
        (
            find(FindKind::Bboards, FindScope::Subscribed),
            "FIND BBOARDS \"*\"",
        ),
        (
            Command::Subscribe(NameSpace::Mailbox, name("x")),
            "SUBSCRIBE MAILBOX x",
        ),
    ] {
        assert_eq!(
            wire(&command, Dialect::Rfc1176),
            format!("t0000001 {expected}\r\n")
        );
    }
}

#[test]
fn row_imap4_what_newer_servers_get() {
    let since = vec![
        SearchKey::Since(SearchDate::new(1987, 10, 1).unwrap()),
        SearchKey::Not(Box::new(SearchKey::Keyword(
            "Tide".parse::<Keyword>().unwrap(),
        ))),
        SearchKey::Uid(SequenceSet::starting_at(SeqNum::new(7).unwrap())),
    ];
    for (command, expected) in [
        (Command::UidExpunge(set("4,9")), "UID EXPUNGE 4,9"),
        (
            Command::List {
                reference: Vec::new(),
                pattern: b"%".to_vec(),
            },
            "LIST \"\" \"%\"",
        ),
        (
            Command::Search {
                numbering: Numbering::Uid,
                charset: None,
                keys: since,
            },
            "UID SEARCH SINCE 1-Oct-1987 NOT KEYWORD Tide UID 7:*",
        ),
        (
            Command::Store {
                numbering: Numbering::Uid,
                set: set("4"),
                mode: StoreMode::Add,
                reply: StoreReply::Silent,
                flags: vec![Flag::Seen],
            },
            "UID STORE 4 +FLAGS.SILENT (\\Seen)",
        ),
    ] {
        assert_eq!(
            wire(&command, Dialect::Imap4rev1),
            format!("t0000001 {expected}\r\n")
        );
    }
}

#[test]
fn row_2bis_append_has_a_base_form() {
    let append = |flags, date| Command::Append {
        mailbox: name("notes"),
        flags,
        date,
        message: b"Hi\r\n".to_vec(),
    };
    let base = append(Vec::new(), None);
    assert_eq!(
        wire(&base, Dialect::Imap2bis),
        "t0000001 APPEND notes {4}\r\nHi\r\n\r\n"
    );
    let date = InternalDate {
        instant_secs: 0,
        offset_minutes: -480,
        zone_known: true,
    };
    let full = append(vec![Flag::Seen], Some(date));
    assert_eq!(
        wire(&full, Dialect::Imap4rev1),
        "t0000001 APPEND notes (\\Seen) \"31-Dec-1969 16:00:00 -0800\" {4}\r\nHi\r\n\r\n"
    );
}

proptest! {
    #[test]
    fn what_a_client_sends_is_what_a_server_reads(command in commands(), plus in any::<bool>()) {
        let literals = if plus { ClientLiterals::Plus } else { ClientLiterals::Wait };
        for dialect in DIALECTS {
            let (_, request) = carried(&command, dialect, literals, SessionState::Selected);
            let Some(Request::Command { command: read, .. }) = request else {
                return Err(TestCaseError::fail(format!("{request:?}")));
            };
            prop_assert_eq!(&read, &command);
        }
    }

    #[test]
    fn row_1064_lex_quoted_lines_for_imap2_hold_nothing_that_imap2_cannot_read(user in octets(), password in octets()) {
        let command = Command::Login { user, password: Password::new(password) };
        let (wire, _) = carried(&command, Dialect::Rfc1176, ClientLiterals::Wait, SessionState::NotAuthenticated);
        let frame = Frame::of(&wire);
        let braces = frame.text.iter().filter(|octet| **octet == b'{').count();
        prop_assert_eq!(braces, frame.literals.len());
        prop_assert!(frame.text.iter().all(|octet| octet.is_ascii() && !b"\\%\0".contains(octet)));
    }

    #[test]
    fn credentials_of_any_octets_arrive(user in prop::collection::vec(any::<u8>(), 0..30), password in prop::collection::vec(any::<u8>(), 0..30)) {
        let command = Command::Login { user, password: Password::new(password) };
        for dialect in DIALECTS {
            let (_, request) = carried(&command, dialect, ClientLiterals::Wait, SessionState::NotAuthenticated);
            let Some(Request::Command { command: read, .. }) = request else {
                return Err(TestCaseError::fail(format!("{request:?}")));
            };
            prop_assert_eq!(&read, &command);
        }
    }
}
