//! Which literals are let through, and what becomes of those that are not.

use super::*;

#[test]
fn row_1064_login_literal_two_literals_each_wait() {
    let mut server = server(SessionState::NotAuthenticated);
    assert_eq!(requests(&mut server, b"a1 LOGIN {8}\r\n"), []);
    assert_eq!(output(&mut server), "+ Go ahead\r\n");
    assert_eq!(requests(&mut server, b"ada.l\"lo {5}\r\n"), []);
    assert_eq!(output(&mut server), "+ Go ahead\r\n");
    let [
        Request::Command {
            command: Command::Login { user, password },
            ..
        },
    ] = &requests(&mut server, b"s\\p%d\r\n")[..]
    else {
        panic!("no login")
    };
    assert_eq!(
        (user.as_slice(), password.expose()),
        (&b"ada.l\"lo"[..], &b"s\\p%d"[..])
    );
}

#[test]
fn row_1064_lex_lit_refused_nothing_is_swallowed_after_a_refusal() {
    let mut server = selected();
    for line in [
        "a1 TIDE {5}\r\n",
        "a1 FETCH 1 {5}\r\n",
        "a1 SEARCH TIDE {5}\r\n",
        "a1 STORE 0 FLAGS {5}\r\n",
        "a1 APPEND \"\" {5}\r\n",
        "a1 APPEND x (\\Seen {5}\r\n",
        "a1 NOOP {5}\r\n",
        "a1 PARTIAL 1 RFC822 {5}\r\n",
        "a1 SELECT {2000000}\r\n",
        "a1 SELECT {99999999999999999999999}\r\n",
        "a1 SELECT x{5}\r\n",
    ] {
        let both = [line, "a2 NOOP\r\n"].concat();
        let told = requests(&mut server, both.as_bytes());
        assert!(
            matches!(
                &told[..],
                [
                    Request::Bad { tag: Some(_), .. },
                    Request::Command {
                        command: Command::Noop,
                        ..
                    }
                ]
            ),
            "{line}: {told:?}"
        );
        assert_eq!(output(&mut server), "", "{line}");
    }
}

#[test]
fn row_2bis_append_both_forms() {
    let mut server = server(SessionState::Authenticated);
    for (line, flags, has_date) in [
        ("a1 APPEND notes {4}\r\nHi\r\n\r\n", 0, false),
        ("a1 APPEND notes () {4}\r\nHi\r\n\r\n", 0, false),
        (
            "a1 append \"notes\" (\\Seen tide) \" 7-Feb-1994 21:52:25 -0800\" {4}\r\nHi\r\n\r\n",
            2,
            true,
        ),
        (
            "a1 append {5}\r\nnotes \"7-Feb-94 21:52:25-PST\" {4+}\r\nHi\r\n\r\n",
            0,
            true,
        ),
    ] {
        let told = requests(&mut server, line.as_bytes());
        let [
            Request::Command {
                command:
                    Command::Append {
                        mailbox,
                        flags: told_flags,
                        date,
                        message,
                    },
                ..
            },
        ] = &told[..]
        else {
            panic!("{line}: {told:?}")
        };
        assert_eq!(
            (mailbox.as_bytes(), message.as_slice()),
            (&b"notes"[..], &b"Hi\r\n"[..])
        );
        assert_eq!(
            (told_flags.len(), date.is_some()),
            (flags, has_date),
            "{line}"
        );
    }
    assert!(matches!(
        refused(&mut server, "APPEND notes quick"),
        BadReason::Command(_)
    ));
}

#[test]
fn a_message_larger_than_the_limit_is_refused_before_the_go_ahead() {
    let limits = ServerLimits {
        message: 1000,
        ..ServerLimits::default()
    };
    let mut server = Server::new(limits, Dialect::Rfc1176, SessionState::Authenticated);
    assert_eq!(
        refused(&mut server, "APPEND x {1001}"),
        BadReason::LiteralTooLarge
    );
    assert_eq!(requests(&mut server, b"a1 APPEND x {1000}\r\n"), []);
    assert_eq!(output(&mut server), "+ Go ahead\r\n");
}

#[test]
fn messages_share_a_budget_until_they_are_answered() {
    let budget = Budget::new(1000);
    let connect = || {
        let mut server = server(SessionState::Authenticated);
        server.share_messages(budget.clone());
        server
    };
    let (mut one, mut other) = (connect(), connect());
    let no_room = [Request::Refused {
        tag: Some(tag("a1")),
        reason: NoReason::NoRoom,
    }];
    assert_eq!(requests(&mut one, b"a1 APPEND x {600}\r\n"), []);
    assert_eq!(requests(&mut other, b"a1 APPEND x {600}\r\n"), no_room);
    assert_eq!(requests(&mut other, b"a1 APPEND x {400}\r\n"), []);
    // Being answered, it is still there.
    one.receive(&[b'x'; 600]);
    one.receive(b"\r\n");
    assert!(matches!(one.next_request(), Some(Request::Command { .. })));
    assert_eq!(requests(&mut connect(), b"a1 APPEND x {1}\r\n"), no_room);
    assert_eq!(one.next_request(), None);
    assert_eq!(requests(&mut one, b"a1 APPEND x {600}\r\n"), []);
    // Whoever leaves in the middle gives back its share, and so does a line that goes wrong behind its message.
    drop(one);
    requests(&mut other, &[b'x'; 400]);
    requests(&mut other, b" {10}\r\n");
    assert_eq!(other.next_request(), None);
    assert_eq!(requests(&mut connect(), b"a1 APPEND x {1000}\r\n"), []);
}

#[test]
fn a_message_that_no_mailbox_takes_is_refused_before_the_go_ahead() {
    let mut server = server(SessionState::Authenticated);
    server.refuse_messages();
    let told = requests(&mut server, b"a1 APPEND x {5}\r\na2 NOOP\r\n");
    let refused = Request::Refused {
        tag: Some(tag("a1")),
        reason: NoReason::NoMailbox,
    };
    assert_eq!(told[0], refused);
    assert!(matches!(told[1], Request::Command { .. }));
    assert_eq!(output(&mut server), "");
}

#[test]
fn one_literal_may_have_more_than_all_of_them_were_given() {
    let limits = ServerLimits {
        literal: 3_000_000,
        ..ServerLimits::default()
    };
    let mut server = Server::new(limits, Dialect::Rfc1176, SessionState::Authenticated);
    assert_eq!(requests(&mut server, b"a1 SELECT {3000000}\r\n"), []);
    assert_eq!(output(&mut server), "+ Go ahead\r\n");
    let told = requests(&mut server, &[&vec![b'x'; 3_000_000][..], b"\r\n"].concat());
    assert_eq!(told.len(), 1);
}

#[test]
fn nothing_may_follow_a_message() {
    let mut server = server(SessionState::Authenticated);
    for size in [10, 2_000_000] {
        requests(
            &mut server,
            format!("a1 APPEND x {{{size}}}\r\n").as_bytes(),
        );
        requests(&mut server, &vec![b'x'; size]);
        let told = requests(&mut server, b" {10}\r\na2 NOOP\r\n");
        assert!(
            matches!(
                &told[..],
                [Request::Bad { tag: Some(_), .. }, Request::Command { .. }]
            ),
            "{told:?}"
        );
        assert_eq!(output(&mut server), "+ Go ahead\r\n");
    }
}

#[test]
fn a_client_that_does_not_wait_is_read_or_cut_off() {
    let mut server = selected();
    let told = requests(&mut server, b"a1 TIDE {5+}\r\na2 NO OP\r\na3 NOOP\r\n");
    assert!(
        matches!(
            &told[..],
            [
                Request::Bad { tag: Some(_), .. },
                Request::Command {
                    command: Command::Noop,
                    ..
                }
            ]
        ),
        "{told:?}"
    );
    assert_eq!(
        requests(&mut server, b"a4 SELECT {200000+}\r\na5 EXPUNGE\r\n"),
        [Request::OutOfStep]
    );
    assert!(server.is_closed());
    assert_eq!(requests(&mut server, b"a6 EXPUNGE\r\n"), []);
}

#[test]
fn literals_before_login_share_four_kibibytes() {
    let mut server = server(SessionState::NotAuthenticated);
    assert_eq!(
        refused(&mut server, "LOGIN {4097}"),
        BadReason::LiteralTooLarge
    );
    requests(&mut server, b"a1 LOGIN {4000}\r\n");
    requests(&mut server, &[b'x'; 4000]);
    assert_eq!(output(&mut server), "+ Go ahead\r\n");
    let told = requests(&mut server, b" {97}\r\n");
    assert!(
        matches!(
            &told[..],
            [Request::Bad {
                reason: BadReason::LiteralTooLarge,
                ..
            }]
        ),
        "{told:?}"
    );
}

#[test]
fn only_so_many_literals_fit_into_a_command() {
    let mut server = selected();
    server.receive(b"a1 SEARCH");
    for _ in 0..64 {
        assert_eq!(requests(&mut server, b" TO {1}\r\nx"), []);
    }
    let told = requests(&mut server, b" TO {1}\r\n");
    assert!(
        matches!(
            &told[..],
            [Request::Bad {
                reason: BadReason::TooManyLiterals,
                ..
            }]
        ),
        "{told:?}"
    );
}
