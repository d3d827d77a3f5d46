mod literals;

use proptest::prelude::*;

use super::*;
use crate::protocol::command::Numbering;
use crate::protocol::support::protocol_soup;
use crate::protocol::types::{FetchRequest, MailboxName, StoreMode};

fn server(state: SessionState) -> Server {
    Server::new(ServerLimits::default(), Dialect::Rfc1176, state)
}

fn selected() -> Server {
    server(SessionState::Selected)
}

fn requests(server: &mut Server, octets: &[u8]) -> Vec<Request> {
    server.receive(octets);
    std::iter::from_fn(|| server.next_request()).collect()
}

fn output(server: &mut Server) -> String {
    String::from_utf8(server.take_output()).unwrap()
}

fn tag(text: &str) -> Tag {
    Tag::from_bytes(text.as_bytes()).unwrap()
}

fn command(server: &mut Server, line: &str) -> Command {
    match requests(server, format!("a1 {line}\r\n").as_bytes()).as_slice() {
        [Request::Command { command, .. }] => command.clone(),
        other => panic!("{line}: {other:?}"),
    }
}

fn refused(server: &mut Server, line: &str) -> BadReason {
    match requests(server, format!("a1 {line}\r\n").as_bytes()).as_slice() {
        [
            Request::Bad {
                tag: Some(_),
                reason,
            },
        ] => *reason,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn row_1064_lex_lf_case_and_spaces_are_borne() {
    let mut server = selected();
    for line in ["a1 noop\n", "a1 NOOP\r\n", "a1  NoOp  \r\n"] {
        assert_eq!(
            requests(&mut server, line.as_bytes()),
            [Request::Command {
                tag: tag("a1"),
                command: Command::Noop
            }]
        );
    }
}

#[test]
fn row_1064_lex_emptyline_and_bad_tags() {
    let mut server = selected();
    for (line, reason) in [
        ("\r\n", BadReason::EmptyLine),
        ("\n", BadReason::EmptyLine),
        ("* NOOP\r\n", BadReason::BadTag),
        ("+ NOOP\r\n", BadReason::BadTag),
        (" NOOP\r\n", BadReason::BadTag),
        ("<script> NOOP\r\n", BadReason::BadTag),
        (
            "abcdefghijklmnopqrstuvwxyz0123456 NOOP\r\n",
            BadReason::BadTag,
        ),
    ] {
        assert_eq!(
            requests(&mut server, line.as_bytes()),
            [Request::Bad { tag: None, reason }],
            "{line}"
        );
    }
    assert_eq!(
        requests(&mut server, b"a1\r\na2 \r\n"),
        [
            Request::Bad {
                tag: Some(tag("a1")),
                reason: BadReason::NoCommand
            },
            Request::Bad {
                tag: Some(tag("a2")),
                reason: BadReason::NoCommand
            },
        ]
    );
}

#[test]
fn row_1064_state_noauth_little_is_allowed_before_login() {
    let mut server = server(SessionState::NotAuthenticated);
    for line in ["LOGIN ada x", "LOGOUT", "NOOP", "CAPABILITY"] {
        command(&mut server, line);
    }
    for line in [
        "SELECT INBOX",
        "FETCH 1 FAST",
        "STARTTLS",
        "APPEND x {5}",
        "FIND MAILBOXES *",
        "EXPUNGE",
    ] {
        assert_eq!(refused(&mut server, line), BadReason::NotLoggedIn, "{line}");
    }
    assert_eq!(
        output(&mut server),
        "",
        "no go-ahead for a command that is refused"
    );
}

#[test]
fn row_1064_state_nobox_some_need_a_mailbox() {
    let mut server = server(SessionState::Authenticated);
    for line in [
        "FETCH 1 FAST",
        "STORE 1 FLAGS x",
        "SEARCH ALL",
        "COPY 1 x",
        "EXPUNGE",
        "CHECK",
        "UID FETCH 1 UID",
    ] {
        assert_eq!(
            refused(&mut server, line),
            BadReason::NoMailboxOpen,
            "{line}"
        );
    }
    assert_eq!(refused(&mut server, "LOGIN a b"), BadReason::LoggedIn);
    command(&mut server, "SELECT INBOX");
}

#[test]
fn what_came_after_the_newest_dialect_is_not_offered() {
    let old = ["EXPUNGE", "EXAMINE x", "FIND MAILBOXES *"];
    let of_1990 = ["BBOARD x"];
    let bis = [
        "CAPABILITY",
        "CREATE x",
        "DELETE x",
        "RENAME x y",
        "SUBSCRIBE MAILBOX x",
        "UNSUBSCRIBE MAILBOX x",
        "APPEND x {5}",
    ];
    for (newest, offered, not_offered) in [
        (Dialect::Rfc1064, &old[..], &[&of_1990[..], &bis].concat()),
        (Dialect::Rfc1176, &of_1990[..], &bis.to_vec()),
        (
            Dialect::Imap2bis,
            &bis[..6],
            &vec!["UID FETCH 1 UID", "CLOSE"],
        ),
    ] {
        let mut server = selected();
        server.offer_up_to(newest);
        for line in offered {
            command(&mut server, line);
        }
        for line in not_offered {
            assert_eq!(refused(&mut server, line), BadReason::NotOffered, "{line}");
        }
        assert_eq!(output(&mut server), "");
    }
}

#[test]
fn row_1064_unknown_and_2bis_purge() {
    let mut server = selected();
    for line in [
        "TIDE",
        "PURGE ALWAYS",
        "VERSION 4",
        "SELECT.VERSION (3 0)",
        "FETCHED 1 FAST",
        "UID TIDE 1",
    ] {
        assert_eq!(
            refused(&mut server, line),
            BadReason::Command(BadCommand::Unknown),
            "{line}"
        );
    }
}

#[test]
fn row_1064_lex_longline_the_connection_survives_after_login_alone() {
    let long = |len: usize| {
        let mut line = b"a1 NOOP".to_vec();
        line.resize(len, b' ');
        line.extend_from_slice(b"\r\na2 NOOP\r\n");
        line
    };
    let mut server = selected();
    assert_eq!(requests(&mut server, &long(64 * 1024)).len(), 2);
    let told = requests(&mut server, &long(64 * 1024 + 1));
    assert!(
        matches!(
            &told[..],
            [Request::TooLong { tag: Some(_) }, Request::Command { .. }]
        ),
        "{told:?}"
    );

    let mut server = Server::new(
        ServerLimits::default(),
        Dialect::Rfc1176,
        SessionState::NotAuthenticated,
    );
    assert_eq!(requests(&mut server, &long(8 * 1024)).len(), 2);
    assert_eq!(
        requests(&mut server, &long(8 * 1024 + 1)),
        [Request::TooLong {
            tag: Some(tag("a1"))
        }]
    );
    assert!(server.is_closed());
}

#[test]
fn octets_that_follow_a_long_line_unasked_end_the_connection() {
    let mut line = vec![b'x'; 70_000];
    line.extend_from_slice(b" {3000+}\r\na1 EXPUNGE\r\n");
    for chunk in [1, 7, line.len()] {
        let mut server = selected();
        let told: Vec<_> = line
            .chunks(chunk)
            .flat_map(|chunk| requests(&mut server, chunk))
            .collect();
        assert_eq!(told.last(), Some(&Request::OutOfStep));
        assert!(
            !told
                .iter()
                .any(|request| matches!(request, Request::Command { .. }))
        );
    }
}

#[test]
fn what_is_no_mail_client_is_shut_out() {
    for line in [
        "GET / HTTP/1.1\r\n",
        "POST /x HTTP/1.1\r\nContent-Type: text/plain\r\n\r\na1 LOGIN ada low-tide\r\n",
        "Host: localhost\r\n",
        "\r\na1 NOOP\r\n",
        "\x16\x03\x01\x02\r\n",
        "a1\r\n",
        "* LOGIN ada low-tide\r\n",
        "OPTIONS * {5+}\r\n",
    ] {
        let mut server = server(SessionState::NotAuthenticated);
        assert_eq!(
            requests(&mut server, line.as_bytes()),
            [Request::NotImap],
            "{line}"
        );
        assert_eq!(requests(&mut server, b"a1 LOGIN ada low-tide\r\n"), []);
        assert_eq!(output(&mut server), "");
    }
    let mut server = server(SessionState::NotAuthenticated);
    assert_eq!(
        requests(
            &mut server,
            b"a1 NOOP\r\nOrigin: http://x.example\r\na2 NOOP\r\n"
        )
        .last(),
        Some(&Request::NotImap)
    );
}

#[test]
fn an_unknown_first_command_is_merely_bad() {
    let mut server = server(SessionState::NotAuthenticated);
    assert_eq!(
        refused(&mut server, "ID NIL"),
        BadReason::Command(BadCommand::Unknown)
    );
    assert_eq!(
        requests(&mut server, b"\r\n"),
        [Request::Bad {
            tag: None,
            reason: BadReason::EmptyLine
        }]
    );
}

#[test]
fn row_1176_pipeline_each_command_is_read_in_the_state_the_one_before_left() {
    let mut server = server(SessionState::NotAuthenticated);
    server.receive(b"a1 LOGIN ada x\r\na2 SELECT INBOX\r\na3 FETCH 1 FAST\r\n");
    assert!(matches!(
        server.next_request(),
        Some(Request::Command {
            command: Command::Login { .. },
            ..
        })
    ));
    server.set_state(SessionState::Authenticated);
    assert_eq!(
        server.next_request(),
        Some(Request::Command {
            tag: tag("a2"),
            command: Command::Select(MailboxName::inbox())
        })
    );
    server.set_state(SessionState::Selected);
    let Some(Request::Command {
        command: Command::Fetch(Numbering::Sequence, _, request),
        ..
    }) = server.next_request()
    else {
        panic!("no fetch")
    };
    assert_eq!(request, FetchRequest::Fast);
    server.set_state(SessionState::Logout);
    assert_eq!(requests(&mut server, b"a4 NOOP\r\n"), []);
}

#[test]
fn row_cclient_store_bare_and_case() {
    let mut server = selected();
    for (line, mode, names) in [
        (
            "STORE 1,3:2 +Flags (\\DELETED)",
            StoreMode::Add,
            vec!["\\Deleted"],
        ),
        ("STORE 2 -FLAGS \\Seen", StoreMode::Remove, vec!["\\Seen"]),
        (
            "STORE 2 FLAGS \\Seen Harbour",
            StoreMode::Replace,
            vec!["\\Seen", "Harbour"],
        ),
        ("STORE 2 FLAGS ()", StoreMode::Replace, vec![]),
        (
            "STORE 2 +FLAGS (\\Recent)",
            StoreMode::Add,
            vec!["\\Recent"],
        ),
    ] {
        let Command::Store {
            mode: told, flags, ..
        } = command(&mut server, line)
        else {
            panic!("{line}")
        };
        let told_names: Vec<_> = flags.iter().map(ToString::to_string).collect();
        assert_eq!(
            (told, told_names),
            (mode, names.iter().map(ToString::to_string).collect()),
            "{line}"
        );
    }
    for line in [
        "STORE 2 FLAGS",
        "STORE 2 FLAGS ",
        "STORE 2 FLAGS (\\Seen",
        "STORE 2 FLAGS \\*",
        "STORE 2 \\Seen",
    ] {
        refused(&mut server, line);
    }
}

#[test]
fn the_words_of_a_refusal_hold_nothing_of_the_clients() {
    let mut server = selected();
    for line in [
        "<b>tide</b> x",
        "FETCH <b> FAST",
        "SEARCH <b>",
        "SELECT {<b>}",
        "FIND <b> x",
        "STORE 1 <b> x",
    ] {
        let reason = refused(&mut server, line);
        assert!(!reason.to_string().contains('<'), "{reason}");
        server.writer().bad(Some(&tag("a1")), &reason.to_string());
    }
    assert!(!output(&mut server).contains('<'));
}

/// Everything a session tells of these octets, and what it sends by itself.
fn told(chunks: &[&[u8]], state: SessionState) -> (Vec<String>, String) {
    let limits = ServerLimits {
        line_before_login: 60,
        line: 100,
        literals_before_login: 4,
        literal: 6,
        literals: 10,
        literal_count: 3,
        message: 12,
    };
    let mut server = Server::new(limits, Dialect::Imap4, state);
    let told = chunks
        .iter()
        .flat_map(|chunk| requests(&mut server, chunk))
        .map(|request| format!("{request:?}"));
    (told.collect(), output(&mut server))
}

proptest! {
    #[test]
    fn any_octets_are_told_the_same_in_any_chunks(octets in protocol_soup(), size in 1usize..20, logged_in in any::<bool>()) {
        let state = if logged_in { SessionState::Selected } else { SessionState::NotAuthenticated };
        let octets = [b"a0 NOOP\r\n", octets.as_slice()].concat();
        let chunks: Vec<_> = octets.chunks(size).collect();
        prop_assert_eq!(told(&chunks, state), told(&[&octets], state));
    }

    #[test]
    fn random_octets_are_told_the_same_in_any_chunks(octets in prop::collection::vec(any::<u8>(), 0..80), size in 1usize..20) {
        let chunks: Vec<_> = octets.chunks(size).collect();
        for state in [SessionState::NotAuthenticated, SessionState::Selected] {
            prop_assert_eq!(told(&chunks, state), told(&[&octets], state));
        }
    }
}
