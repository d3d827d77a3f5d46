//! What FETCH marks as read, what it waits for, and what it leaves out.

use std::time::Duration;

use lowtide::endpoint::{EndpointLimits, EndpointSettings};
use lowtide::id::{MailboxId, MessageId};
use lowtide::protocol::types::FlagSet;
use lowtide::store::Kind;

use super::world::{Client, Held, PATIENCE, World, date, header, sample};

async fn add(world: &World, mailbox: MailboxId, octets: &[u8], held: Held) -> MessageId {
    let date = date("4-Mar-91 07:15:09-GMT");
    world.message(mailbox, octets, date, &[], held).await
}

async fn selecting(world: &mut World) -> Client {
    let mut client = world.owner();
    client.line().await;
    client.command("SELECT INBOX").await;
    client
}

/// Which messages are `\Seen`, by number.
async fn seen(world: &World, mailbox: MailboxId) -> Vec<usize> {
    let view = world.store.view(mailbox).await.unwrap();
    let numbered = view.messages().zip(1..);
    numbered
        .filter(|((_, flags), _)| flags.contains(FlagSet::SEEN))
        .map(|(_, number)| number)
        .collect()
}

/// Waits until somebody wants the text.
async fn is_wanted(world: &World, mailbox: MailboxId, message: MessageId) {
    let mut wanted = world.store.wanted();
    let wish = wanted.wait_for(|wanted| wanted.contains(&(mailbox, message)));
    let came = tokio::time::timeout(PATIENCE, wish).await;
    assert!(came.is_ok(), "nobody asks for the text");
}

fn impatient() -> EndpointSettings {
    EndpointSettings {
        limits: EndpointLimits {
            text: Duration::from_millis(200),
            ..EndpointLimits::default()
        },
        ..EndpointSettings::default()
    }
}

/// A message larger than what is read in one go.
fn great() -> Vec<u8> {
    let mut octets = sample("low-water.eml");
    octets.resize(1024 * 1024, b'w');
    octets
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_was_sent_is_read() {
    let mut world = World::new(Kind::Mirror);
    let inbox = world.mailbox("INBOX").await;
    for _ in 0..3 {
        add(&world, inbox, &great(), Held::Text).await;
    }
    for _ in 0..40 {
        add(&world, inbox, &sample("low-water.eml"), Held::Text).await;
    }
    let mut client = selecting(&mut world).await;
    client.send(b"a FETCH 1:43 RFC822\r\n").await;
    // The first went out whole, as the second has begun; of the second there is more than the connection holds.
    client.read(1024 * 1024 + 200).await;
    let mut accepted = world.store.accepted();
    while seen(&world, inbox).await.is_empty() {
        tokio::time::timeout(PATIENCE, accepted.changed())
            .await
            .expect("the first is read")
            .unwrap();
    }
    drop(client);
    world.ended().await;
    assert_eq!(seen(&world, inbox).await, [1]);
    let entries = world.store.entries().await.unwrap();
    assert_eq!(entries.len(), 1, "and so the journal says: {entries:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_is_read_before_the_client_hears_ok() {
    let mut world = World::new(Kind::Local);
    let inbox = world.mailbox("INBOX").await;
    for _ in 0..600 {
        add(&world, inbox, &sample("low-water.eml"), Held::Text).await;
    }
    let mut client = selecting(&mut world).await;
    let said = client.command("FETCH 1:600 RFC822.TEXT").await;
    assert_eq!(said.last().unwrap(), "x OK FETCH completed");
    assert_eq!(seen(&world, inbox).await.len(), 600);
    let told = said
        .iter()
        .filter(|line| line.ends_with("FETCH (FLAGS (\\Seen \\Recent))"));
    assert_eq!(told.count(), 600);
}

/// Mail is not missing there: nobody has looked yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_server_was_reached_a_client_hears_why_there_is_no_inbox() {
    let mut world = World::new(Kind::Mirror);
    let mut client = world.owner();
    client.line().await;
    let said = client.command("SELECT INBOX").await;
    let unvisited = "x NO No mailbox is known yet: the server was not reached since this account was set up, or its cache was lost";
    assert_eq!(said, [unvisited]);
    world.mailbox("notes").await;
    let said = client.command("SELECT INBOX").await;
    assert_eq!(said, ["x NO There is no such mailbox"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_is_on_its_way_is_waited_for_and_shown() {
    let mut world = World::new(Kind::Mirror);
    let inbox = world.mailbox("INBOX").await;
    let octets = sample("low-water.eml");
    let message = add(&world, inbox, &octets, Held::Listed).await;
    let mut client = selecting(&mut world).await;
    client
        .send(b"a FETCH 1 (ENVELOPE BODY RFC822.SIZE)\r\n")
        .await;
    is_wanted(&world, inbox, message).await;
    let headers = vec![header(message, &octets)];
    world.store.keep_headers(inbox, headers).await.unwrap();
    world.keep_body(message, &octets).await;
    let line = client.line().await;
    assert!(line.starts_with("* 1 FETCH (ENVELOPE (\"Mon, 4 Mar 91"));
    assert!(line.contains(" BODY (\"TEXT\" \"PLAIN\""), "{line}");
    assert_eq!(client.line().await, "a OK FETCH completed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_does_not_come_is_left_out_of_what_there_is() {
    let mut world = World::with(Kind::Mirror, impatient());
    let inbox = world.mailbox("INBOX").await;
    add(&world, inbox, &sample("low-water.eml"), Held::Listed).await;
    let mut client = selecting(&mut world).await;
    let warning = "* NO Some headers were not read from their server yet";
    assert_eq!(
        client.command("FETCH 1 (ENVELOPE RFC822.SIZE)").await,
        [
            "* 1 FETCH (RFC822.SIZE 221)",
            warning,
            "x OK FETCH completed"
        ]
    );
    assert_eq!(
        client.command("FETCH 1 RFC822.HEADER").await,
        ["x NO Some headers were not read from their server yet"]
    );
}

#[tokio::test]
async fn patience_is_for_waiting_alone() {
    let mut world = World::with(
        Kind::Mirror,
        EndpointSettings {
            limits: EndpointLimits {
                progress: Duration::from_hours(1),
                ..EndpointLimits::default()
            },
            ..EndpointSettings::default()
        },
    );
    let inbox = world.mailbox("INBOX").await;
    for _ in 0..2 {
        add(&world, inbox, &great(), Held::Text).await;
    }
    let octets = sample("low-water.eml");
    let missing = add(&world, inbox, &octets, Held::Header).await;
    let mut client = selecting(&mut world).await;
    client.send(b"a FETCH 1:3 RFC822.TEXT\r\n").await;
    client.read(1000).await;
    // The client takes ten minutes over the first message; only then is the third looked for.
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(10)).await;
    tokio::time::resume();
    let mut wanted = world.store.wanted();
    let wish = wanted.wait_for(|wanted| wanted.contains(&(inbox, missing)));
    let (_, came) = tokio::join!(
        client.read(2 * 1024 * 1024),
        tokio::time::timeout(PATIENCE, wish)
    );
    assert!(came.is_ok(), "the text is not asked for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_is_wanted_for_as_long_as_one_client_waits_for_it() {
    let mut world = World::with(Kind::Mirror, impatient());
    let inbox = world.mailbox("INBOX").await;
    let octets = sample("bare.eml");
    let message = add(&world, inbox, &octets, Held::Header).await;
    let store = world.store.clone();
    let wished = [message];
    let patient = store.want_bodies(inbox, &wished, Duration::from_hours(1));
    let mut client = selecting(&mut world).await;
    let hurried = async {
        is_wanted(&world, inbox, message).await;
        let said = client.command("FETCH 1 RFC822.TEXT").await;
        assert!(said[0].starts_with("x NO Some texts"), "{said:?}");
        assert_eq!(world.store.waited_for(inbox), [message].into());
        world.keep_body(message, &octets).await;
    };
    tokio::join!(patient, hurried);
    assert!(world.store.wanted().borrow().is_empty());
}

/// What is said to a command whose answer has empty lines in it.
async fn told(client: &mut Client, command: &str) -> Vec<String> {
    client.send(format!("x {command}\r\n").as_bytes()).await;
    let mut lines = vec![client.line().await];
    while !lines.last().unwrap().starts_with("x ") {
        lines.push(client.line().await);
    }
    lines
}

/// Makes what is stored of a message unreadable, as a failing disk would.
fn damage(world: &World, table: &str, key: &str, message: MessageId) {
    let file = rusqlite::Connection::open(world.dir().join("cache.db")).unwrap();
    let sql = format!("UPDATE {table} SET size = size + 1 WHERE {key}");
    assert_eq!(file.execute(&sql, [message.raw()]).unwrap(), 1, "{sql}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_text_or_header_hides_no_other() {
    let mut world = World::with(Kind::Mirror, impatient());
    let inbox = world.mailbox("INBOX").await;
    let mut messages = Vec::new();
    for name in ["low-water.eml", "awkward.eml", "parts.eml"] {
        messages.push(add(&world, inbox, &sample(name), Held::Text).await);
    }
    damage(&world, "header", "message_id = ?1", messages[1]);
    let blob = "id = (SELECT blob_id FROM message WHERE id = ?1)";
    damage(&world, "blob", blob, messages[2]);
    let mut client = selecting(&mut world).await;
    let said = told(&mut client, "FETCH 1:3 RFC822.HEADER").await;
    let shown = |said: &[String]| {
        let shown = said.iter().filter(|line| line.contains(" FETCH ("));
        shown.map(|line| line[2..3].to_owned()).collect::<String>()
    };
    assert_eq!(shown(&said), "13", "{said:?}");
    assert_eq!(said.last().unwrap(), "x OK FETCH completed");
    let warning = "* NO Messages whose text is not held here were not searched";
    assert_eq!(
        client.command("SEARCH FROM example").await,
        [warning, "* SEARCH 1 3", "x OK SEARCH completed"]
    );
    assert_eq!(
        client.command("SEARCH BODY water").await,
        [warning, "* SEARCH 1", "x OK SEARCH completed"]
    );
    let said = told(&mut client, "FETCH 1:3 RFC822.TEXT").await;
    assert!(
        said.last().unwrap().starts_with("x NO Some texts"),
        "{said:?}"
    );
}
