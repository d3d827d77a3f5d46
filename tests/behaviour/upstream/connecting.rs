//! From the greeting to the list of mailboxes, and how a connection ends.

use lowtide::daemon::PassError;
use lowtide::journal::EntryState;
use lowtide::protocol::types::{FlagSet, Keywords, MailboxName};
use lowtide::upstream::{Dialect, Level, Security, Session, Transport, UpstreamError};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::world::{LEFT, LOGGED_IN, World, converse, listen, opened};

#[tokio::test]
async fn nothing_but_login_is_sent_before_the_login() {
    let script = format!("{LOGGED_IN}{LEFT}");
    let dialect = async |session: &mut Session| session.features().dialect;
    let spoken = converse(Level::Imap2, &script, dialect).await.unwrap();
    assert_eq!(spoken, Dialect::Rfc1176);
}

#[tokio::test]
async fn a_refused_login_is_told_without_the_password() {
    let script = "S: * OK ready
        C: x LOGIN ada secret
        S: x NO not you";
    let refused = converse(Level::Imap2, script, async |_| ()).await;
    let error = refused.unwrap_err();
    assert!(matches!(error, UpstreamError::LoginRefused { .. }));
    assert!(!format!("{error} {error:?}").contains("secret"));
}

#[tokio::test]
async fn one_unknown_command_is_sent_before_the_login_and_never_three_in_a_row() {
    let script = format!(
        "S: * OK ready
        C: x CAPABILITY
        S: x BAD what?
        C: x LOGIN ada secret
        S: x OK welcome
        C: x FIND ALL.MAILBOXES \"*\"
        S: x BAD what?
        C: x NOOP
        S: x OK
        C: x FIND MAILBOXES \"*\"
        S: x BAD what?
        C: x NOOP
        S: x OK
        {LEFT}"
    );
    let list = async |session: &mut Session| session.list().await.unwrap();
    let listed = converse(Level::Detect, &script, list).await.unwrap();
    assert_eq!(listed, [MailboxName::inbox()]);
}

#[tokio::test]
async fn a_server_that_hangs_up_on_the_probe_is_spoken_to_as_in_1990() {
    let script = format!(
        "S: * OK ready
        C: x CAPABILITY
        HANG UP
        --
        {LOGGED_IN}{LEFT}"
    );
    let dialect = async |session: &mut Session| session.features().dialect;
    let spoken = converse(Level::Detect, &script, dialect).await.unwrap();
    assert_eq!(spoken, Dialect::Rfc1176);
}

#[tokio::test]
async fn a_server_that_always_hangs_up_is_tried_twice_and_no_more() {
    let script = "S: * OK ready
        C: x CAPABILITY
        HANG UP
        --
        S: * OK ready
        C: x LOGIN ada secret
        HANG UP";
    let lost = converse(Level::Detect, script, async |_| ()).await;
    assert!(matches!(lost, Err(UpstreamError::Closed { .. })));
}

#[tokio::test]
async fn inbox_is_listed_always_and_every_other_name_is_selected_as_it_was_found() {
    let script = format!(
        "{LOGGED_IN}
        C: x FIND ALL.MAILBOXES \"*\"
        S: * MAILBOX tide tables
        S: x OK
        C: x SELECT \"tide tables\"
        S: * 0 EXISTS
        S: x OK
        {LEFT}"
    );
    let open = async |session: &mut Session| {
        let listed = session.list().await.unwrap();
        let [inbox, tables] = listed.as_slice() else {
            panic!("{listed:?}")
        };
        assert!(inbox.is_inbox());
        drop(session.select(tables, Keywords::default()).await.unwrap());
    };
    converse(Level::Imap2, &script, open).await.unwrap();
}

#[tokio::test]
async fn nothing_is_sent_after_bye() {
    let world = World::holding(1).await;
    world.set(1, FlagSet::FLAGGED).await;
    let script = format!(
        "{LOGGED_IN}{}
        C: x STORE 1 +FLAGS (\\Flagged)
        S: * BYE closing for the night
        S: x OK",
        opened(&[""])
    );
    let pass = async |session: &mut Session| world.pass(session).await;
    let ended = converse(Level::Imap2, &script, pass).await.unwrap();
    let Err(PassError::Upstream(UpstreamError::Closed { text })) = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(text, "closing for the night");
}

#[tokio::test]
async fn what_a_lost_connection_leaves_open_is_sent_again_on_the_next() {
    let world = World::holding(1).await;
    world.set(1, FlagSet::FLAGGED).await;
    let script = format!(
        "{}
        C: x STORE 1 +FLAGS (\\Flagged)
        HANG UP",
        opened(&[""])
    );
    let ended = world.tries(&script).await;
    assert!(matches!(
        ended,
        Err(PassError::Upstream(
            UpstreamError::Closed { .. } | UpstreamError::Io(_)
        ))
    ));
    let waiting = world.journal().await;
    assert!(matches!(
        waiting.as_slice(),
        [only] if matches!(only.state, EntryState::Attempted(_))
    ));

    let script = format!(
        "{}
        C: x STORE 1 +FLAGS (\\Flagged)
        S: * 1 FETCH (FLAGS (\\Flagged))
        S: x OK
        LOOK 1 (\\Flagged)
        CHECK",
        opened(&[""])
    );
    world.passes_and_proves(&script, &["\\Flagged"]).await;
    assert_eq!(world.journal().await, []);
}

/// Whoever sits between us and the server can put words behind its OK, to be taken for its own once TLS began.
#[tokio::test]
async fn whoever_says_more_before_tls_begins_is_not_trusted() {
    let (listener, mut server) = listen(Level::Imap2).await;
    if let Transport::Tcp { security, .. } = &mut server.transport {
        *security = Security::StartTls { extra_roots: None };
    }
    let forger = async {
        let mut stream = BufReader::new(listener.accept().await.unwrap().0);
        stream.write_all(b"* OK ready\r\n").await.unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let tag = line.strip_suffix(" STARTTLS\r\n").unwrap();
        let words = format!("{tag} OK begin\r\n* PREAUTH you are in\r\n");
        stream.write_all(words.as_bytes()).await.unwrap();
        stream.fill_buf().await.unwrap().len()
    };
    let (session, sent_count) = tokio::join!(Session::connect(&server), forger);
    let error = session.map(drop).unwrap_err();
    assert!(matches!(error, UpstreamError::Insecure { .. }), "{error:?}");
    assert_eq!(sent_count, 0, "TLS was begun with a forger");
}
