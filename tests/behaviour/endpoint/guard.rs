//! Limits of one connection: what is refused, when it ends, and what it can cost the others.

use std::sync::mpsc;
use std::time::Duration;

use lowtide::endpoint::{EndpointLimits, EndpointSettings, PasswordDigest, Peer};
use lowtide::id::{MailboxId, MessageId};
use lowtide::protocol::server::ServerLimits;
use lowtide::store::Kind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::world::{Held, PATIENCE, World, date, sample};

fn settings(limits: EndpointLimits) -> EndpointSettings {
    EndpointSettings {
        password: Some(PasswordDigest::of(b"low water")),
        limits,
        ..EndpointSettings::default()
    }
}

fn world() -> World {
    World::with(Kind::Local, settings(EndpointLimits::default()))
}

const GREETING: &str = "* OK lowtide IMAP2 ready";

#[tokio::test(start_paused = true)]
async fn a_wrong_password_costs_time_and_the_third_the_connection() {
    let mut world = world();
    let mut client = world.connect(Peer::Unknown);
    assert_eq!(client.line().await, GREETING);
    let start = Instant::now();
    for (user, waited) in [("ada", 1), ("nobody", 3), ("ada", 7)] {
        client
            .send(format!("a LOGIN {user} high\r\n").as_bytes())
            .await;
        assert!(client.line().await.starts_with("a NO LOGIN failed"));
        assert_eq!(start.elapsed().as_secs(), waited);
    }
    assert_eq!(client.line().await, "* BYE Too many failed logins");
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn a_web_page_runs_no_command_and_gets_nothing_back() {
    for posted in [
        "POST / HTTP/1.1\r\nHost: localhost:1143\r\nContent-Length: 60\r\n\r\na1 LOGIN ada \"low water\"\r\na2 DELETE x\r\n",
        "GET /a1 HTTP/1.0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\na1 LOGIN ada \"low water\"\r\n",
        "\r\na1 LOGIN ada \"low water\"\r\n",
        "<script>alert(1)</script>\r\n",
        "a1 NOOP\r\nContent-Type: text/plain\r\na2 LOGIN ada \"low water\"\r\n",
        "\u{16}\u{3}\u{1}\u{2}\r\na2 LOGIN ada \"low water\"\r\n",
    ] {
        let mut world = world();
        let mut client = world.connect(Peer::Unknown);
        client.send(posted.as_bytes()).await;
        let said = String::from_utf8(client.rest().await).unwrap();
        let said = said.replace("a1 OK NOOP completed\r\n", "");
        assert_eq!(
            said,
            format!("{GREETING}\r\n* BYE This is an IMAP server\r\n"),
            "{posted}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_before_login_is_finished_in_time() {
    let mut world = world();
    let mut client = world.connect(Peer::Unknown);
    assert_eq!(client.line().await, GREETING);
    let start = Instant::now();
    for octet in b"a1 LOGIN ada \"low wat" {
        tokio::time::sleep(Duration::from_secs(5)).await;
        if client.io.write_all(&[*octet]).await.is_err() {
            break;
        }
        if start.elapsed() >= Duration::from_secs(60) {
            break;
        }
    }
    assert_eq!(client.line().await, "* BYE Autologout; idle for too long");
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn an_idle_client_is_logged_out_after_half_an_hour() {
    let mut world = world();
    let mut client = world.owner();
    assert!(client.line().await.starts_with("* PREAUTH"));
    tokio::time::sleep(Duration::from_secs(29 * 60)).await;
    assert_eq!(client.command("NOOP").await, ["x OK NOOP completed"]);
    let start = Instant::now();
    // The client's own patience is shorter; the paused clock goes on by itself.
    tokio::time::sleep(Duration::from_secs(30 * 60 + 1)).await;
    assert_eq!(client.line().await, "* BYE Autologout; idle for too long");
    assert!(start.elapsed() < Duration::from_secs(31 * 60));
}

#[tokio::test]
async fn row_1064_lex_longline_one_too_many_after_login_and_before() {
    let long = |len: usize| {
        let mut line = b"a1 NOOP".to_vec();
        line.resize(len, b' ');
        line.extend_from_slice(b"\r\n");
        line
    };
    let mut world = world();
    let mut client = world.owner();
    client.line().await;
    for (len, answer) in [
        (64 * 1024, "a1 OK NOOP completed"),
        (64 * 1024 + 1, "a1 BAD The line is too long"),
        (200, "a1 OK NOOP completed"),
    ] {
        client.send(&long(len)).await;
        assert_eq!(client.line().await, answer);
    }
    let mut client = world.connect(Peer::Unknown);
    client.line().await;
    client.send(&long(8 * 1024)).await;
    assert_eq!(client.line().await, "a1 OK NOOP completed");
    client.send(&long(8 * 1024 + 1)).await;
    assert_eq!(client.line().await, "* BYE The line is too long");
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn a_literal_beyond_the_limit_is_refused_before_it_is_sent() {
    let mut world = world();
    world.mailbox("INBOX").await;
    let mut client = world.owner();
    client.line().await;
    for (line, answer) in [
        ("a1 SELECT {102401}", "a1 BAD literal too large"),
        ("a2 SELECT {2147483648}", "a2 BAD literal too large"),
        ("a3 APPEND INBOX {67108865}", "a3 BAD literal too large"),
        ("a4 SELECT {102400}", "+ Go ahead"),
    ] {
        client.send(format!("{line}\r\n").as_bytes()).await;
        assert_eq!(client.line().await, answer);
    }
    let mut client = world.owner();
    client.line().await;
    client.send(b"a1 SELECT {999999999+}\r\na2 NOOP\r\n").await;
    assert_eq!(client.line().await, "* BYE The literal is too large");
    assert!(client.rest().await.is_empty());
}

/// Lets everybody go as far as they can.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Takes the only thread for blocking work once it is free, until the sender is used. Says when it has it.
fn take_the_thread() -> (oneshot::Receiver<()>, mpsc::Sender<()>, JoinHandle<()>) {
    let (has_it, told) = oneshot::channel();
    let (release, wait) = mpsc::channel();
    let hold = tokio::task::spawn_blocking(move || {
        has_it.send(()).unwrap();
        wait.recv().unwrap();
    });
    (told, release, hold)
}

#[test]
fn a_search_through_texts_holds_up_nobody() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = world();
        let inbox = world.mailbox("INBOX").await;
        let date = date("4-Mar-91 07:15:09-GMT");
        let octets = sample("low-water.eml");
        world.message(inbox, &octets, date, &[], Held::Text).await;
        let (mut seeker, mut other) = (world.owner(), world.owner());
        for client in [&mut seeker, &mut other] {
            client.line().await;
            client.command("SELECT INBOX").await;
        }
        // The text is read, and then nothing is done that needs the thread: the text cannot be looked through.
        let (busy, read, first) = take_the_thread();
        busy.await.unwrap();
        seeker.send(b"a SEARCH BODY water\r\n").await;
        settle().await;
        let (was_read, look, second) = take_the_thread();
        read.send(()).unwrap();
        was_read.await.unwrap();
        settle().await;
        assert_eq!(
            other.command("NOOP").await.last().unwrap(),
            "x OK NOOP completed"
        );
        let mut octet = [0];
        let nothing = tokio::time::timeout(Duration::ZERO, seeker.io.read(&mut octet)).await;
        assert!(nothing.is_err(), "the text was looked through on the way");
        look.send(()).unwrap();
        assert_eq!(seeker.line().await, "* SEARCH 1");
        assert_eq!(seeker.line().await, "a OK SEARCH completed");
        for holder in [first, second] {
            holder.await.unwrap();
        }
    });
}

#[tokio::test]
async fn a_message_that_no_mailbox_takes_is_a_no_and_no_bad_line() {
    let mut world = World::with(Kind::Mirror, settings(EndpointLimits::default()));
    world.mailbox("INBOX").await;
    let mut client = world.owner();
    client.line().await;
    for _ in 0..25 {
        assert_eq!(
            client.command("APPEND INBOX {5}").await,
            ["x NO messages cannot be appended to these mailboxes"]
        );
    }
}

#[tokio::test]
async fn all_clients_together_append_no_more_than_there_is_room_for() {
    let limits = EndpointLimits {
        messages: 1000,
        sizes: ServerLimits {
            message: 900,
            ..ServerLimits::default()
        },
        ..EndpointLimits::default()
    };
    let mut world = World::with(Kind::Local, settings(limits));
    let (mut one, mut other) = (world.owner(), world.owner());
    for client in [&mut one, &mut other] {
        client.line().await;
    }
    one.send(b"a APPEND INBOX {900}\r\n").await;
    assert_eq!(one.line().await, "+ Go ahead");
    let no_room = "x NO too many messages are on their way already; try again";
    assert_eq!(other.command("APPEND INBOX {900}").await, [no_room]);
    other.send(b"b APPEND INBOX {100}\r\n").await;
    assert_eq!(other.line().await, "+ Go ahead");
    one.send(&[b'w'; 900]).await;
    one.send(b"\r\n").await;
    assert_eq!(one.line().await, "a OK APPEND completed");
    // What was taken is given back, also by whoever leaves in the middle.
    one.send(b"a APPEND INBOX {900}\r\n").await;
    assert_eq!(one.line().await, "+ Go ahead");
    drop(one);
    let mut next = world.owner();
    next.line().await;
    // The endpoint learns of the end in its own time.
    loop {
        next.send(b"x APPEND INBOX {900}\r\n").await;
        match next.line().await {
            answer if answer == no_room => tokio::task::yield_now().await,
            answer => break assert_eq!(answer, "+ Go ahead"),
        }
    }
}

#[tokio::test]
async fn twenty_lines_in_a_row_that_are_no_commands_are_too_many() {
    let mut world = world();
    let mut client = world.owner();
    client.line().await;
    for _ in 0..3 {
        for _ in 0..19 {
            assert_eq!(client.command("TIDE").await, ["x BAD unknown command"]);
        }
        assert_eq!(client.command("NOOP").await, ["x OK NOOP completed"]);
    }
    for _ in 0..19 {
        client.command("TIDE").await;
    }
    client.send(b"x TIDE\r\n").await;
    assert_eq!(
        client.line().await,
        "* BYE Too many lines in a row that are no commands"
    );
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let limits = EndpointLimits {
        connection_count: 3,
        newcomer_count: 2,
        ..EndpointLimits::default()
    };
    let mut world = World::with(Kind::Local, settings(limits));
    let mut owner = world.owner();
    assert!(owner.line().await.starts_with("* PREAUTH"));
    let mut newcomers = [world.connect(Peer::Unknown), world.connect(Peer::Unknown)];
    for newcomer in &mut newcomers {
        assert_eq!(newcomer.line().await, GREETING);
    }
    let refused = "* BYE Too many connections; close some and try again";
    assert_eq!(world.connect(Peer::Unknown).line().await, refused);
    assert_eq!(
        newcomers[0].command("LOGIN ada \"low water\"").await,
        ["x OK LOGIN completed"]
    );
    // There is room among the newcomers, and none at all.
    assert_eq!(world.owner().line().await, refused);
    owner.command("LOGOUT").await;
    assert!(owner.rest().await.starts_with(b""));
    let mut next = world.connect(Peer::Unknown);
    assert_eq!(next.line().await, GREETING);
}

#[tokio::test]
async fn a_client_with_several_accounts_names_one_and_needs_no_password_on_the_socket() {
    let mut world = world();
    world.add_account("ben").await;
    let mut client = world.connect(Peer::Trusted);
    assert_eq!(client.line().await, GREETING);
    assert_eq!(
        client.command("LOGIN ben \"\"").await,
        ["x OK LOGIN completed"]
    );
    let mut stranger = world.connect(Peer::Unknown);
    assert_eq!(stranger.line().await, GREETING);
    assert_eq!(
        stranger.command("LOGIN ben \"low water\"").await,
        ["x OK LOGIN completed"]
    );
}

#[tokio::test]
async fn every_client_hears_of_the_end() {
    let mut world = world();
    let (mut owner, mut newcomer) = (world.owner(), world.connect(Peer::Unknown));
    assert!(owner.line().await.starts_with("* PREAUTH"));
    assert_eq!(newcomer.line().await, GREETING);
    world.shutdown.send(true).unwrap();
    for mut client in [owner, newcomer] {
        assert_eq!(client.rest().await, b"* BYE lowtide is shutting down\r\n");
    }
}

/// A mail client may forget a password that it is told to be wrong.
#[tokio::test(start_paused = true)]
async fn nobody_hears_of_a_wrong_password_because_the_accounts_are_closed() {
    let mut world = world();
    let mut client = world.connect(Peer::Unknown);
    assert_eq!(client.line().await, GREETING);
    let told = client.command("LOGIN nobody \"low water\"").await;
    assert!(told[0].starts_with("x NO LOGIN failed; it is not the password"));
    client.send(b"a LOGIN nobody \"low water\"\r\n").await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    world.shutdown.send(true).unwrap();
    assert_eq!(client.rest().await, b"* BYE lowtide is shutting down\r\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_is_let_go_and_holds_up_nobody() {
    let limits = EndpointLimits {
        progress: Duration::from_millis(300),
        ..EndpointLimits::default()
    };
    let mut world = World::with(Kind::Local, settings(limits));
    let inbox = world.mailbox("INBOX").await;
    let mut large = sample("low-water.eml");
    large.resize(400_000, b'w');
    for _ in 0..5 {
        let date = date("4-Mar-91 07:15:09-GMT");
        world.message(inbox, &large, date, &[], Held::Text).await;
    }
    let mut lazy = world.owner();
    lazy.line().await;
    lazy.send(b"a1 SELECT INBOX\r\na2 FETCH 1:5 RFC822\r\n")
        .await;
    let mut other = world.owner();
    other.line().await;
    other.command("SELECT INBOX").await;
    assert_eq!(
        other
            .command("STORE 5 +FLAGS (\\Flagged)")
            .await
            .last()
            .unwrap(),
        "x OK STORE completed"
    );
    // It is not served to the end: the connection is closed in the middle of a message.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let got = lazy.rest().await;
    assert!(got.len() < 1_000_000, "{}", got.len());
    assert_eq!(
        other.command("NOOP").await.last().unwrap(),
        "x OK NOOP completed"
    );
}

async fn is_wanted(world: &World, mailbox: MailboxId, message: MessageId) {
    let mut wanted = world.store.wanted();
    let wish = wanted.wait_for(|wanted| wanted.contains(&(mailbox, message)));
    let came = tokio::time::timeout(PATIENCE, wish).await;
    assert!(came.is_ok(), "nobody asks for the text");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_is_not_held_is_waited_for_and_then_refused() {
    let limits = EndpointLimits {
        text: Duration::from_millis(500),
        sizes: ServerLimits::default(),
        ..EndpointLimits::default()
    };
    let mut world = World::with(Kind::Mirror, settings(limits));
    let inbox = world.mailbox("INBOX").await;
    let octets = sample("bare.eml");
    let date = date("4-Mar-91 07:15:09-GMT");
    let first = world.message(inbox, &octets, date, &[], Held::Header).await;
    let second = world.message(inbox, &octets, date, &[], Held::Header).await;
    world.message(inbox, &octets, date, &[], Held::Text).await;
    let mut client = world.owner();
    client.line().await;
    client.command("SELECT INBOX").await;

    // Nobody brings it: what there is comes, and a sentence.
    let start = Instant::now();
    let said = client.command("FETCH 2:3 RFC822.TEXT").await;
    assert_eq!(
        said,
        [
            "* 3 FETCH (RFC822.TEXT {18}",
            "no header at all",
            ")",
            "* 3 FETCH (FLAGS (\\Seen \\Recent))",
            "x NO Some texts are not held here, and their server could not be asked in time"
        ]
    );
    assert!(start.elapsed() >= Duration::from_millis(500));
    assert!(world.store.wanted().borrow().is_empty());

    // The upstream brings it while the client waits.
    client.send(b"a FETCH 1 RFC822.TEXT\r\n").await;
    is_wanted(&world, inbox, first).await;
    world.keep_body(first, &octets).await;
    for line in [
        "* 1 FETCH (RFC822.TEXT {18}",
        "no header at all",
        ")",
        "* 1 FETCH (FLAGS (\\Seen \\Recent))",
        "a OK FETCH completed",
    ] {
        assert_eq!(client.line().await, line);
    }

    // The upstream says that it cannot: no need to wait.
    client.send(b"b FETCH 2 BODY\r\n").await;
    is_wanted(&world, inbox, second).await;
    world.store.cannot_fetch(&[(inbox, second)].into());
    assert!(client.line().await.starts_with("* NO The structure"));
    assert_eq!(client.line().await, "b OK FETCH completed");
}
