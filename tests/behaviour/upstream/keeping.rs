//! What the user removes can be had back, and what the user appends comes to the server, once.

use lowtide::daemon::{PassError, PassOptions, Report};
use lowtide::id::MessageId;
use lowtide::journal::{EntryState, HeaderHash};
use lowtide::message::header_hash;
use lowtide::mirror::MailboxFacts;
use lowtide::protocol::types::FlagSet;
use lowtide::store::{BodyIn, HeaderIn, NewMessage, Packed};
use lowtide::upstream::{Level, Session};

use super::world::{LEFT, OPTIONS, World, converse, opened};

const RESCUES: PassOptions = PassOptions {
    rescue_up_to: 1000,
    ..OPTIONS
};

/// Letter 2 is marked deleted, and nothing else is.
const MARKED: &str = "C: x STORE 2 +FLAGS (\\Deleted)
        S: * 2 FETCH (FLAGS (\\Deleted))
        S: x OK
        LOOK 2 (\\Deleted)
        CHECK
        C: x SEARCH DELETED
        S: * SEARCH 2
        S: x OK
        C: x EXPUNGE
        S: * 2 EXPUNGE
        S: x OK
        CHECK";

/// Letter 2 is removed, and its text is asked for first, which is answered so.
async fn removes(told: &str) -> World {
    let world = World::holding(3).await;
    world.delete(2).await;
    let script = format!(
        "{}
        C: x FETCH 2 RFC822
        {told}
        C: x STORE 2 -FLAGS (\\Seen)
        S: x OK
        LOOK 2 ()
        CHECK
        {MARKED}",
        opened(&["", "", ""])
    );
    let report = world.tries_with(&script, &RESCUES).await.unwrap();
    assert_eq!(report.counts.gone, 1);
    world
}

#[tokio::test]
async fn a_text_that_is_not_held_is_read_before_its_letter_is_removed() {
    let text = "S: * 2 FETCH (RFC822 «Subject: letter 2¶¶ebb» FLAGS (\\Seen))\nS: x OK";
    let world = removes(text).await;
    let removed = world.store.removed().await.unwrap();
    assert_eq!((removed.len(), removed[0].by_user), (1, true));
    let text = world.store.removed_text(removed[0].id).await.unwrap();
    assert_eq!(text.unwrap(), b"Subject: letter 2\r\n\r\nebb");
}

#[tokio::test]
async fn a_letter_that_cannot_be_read_is_removed_all_the_same() {
    let world = removes("S: x NO the disk creaks").await;
    assert_eq!(world.store.removed().await.unwrap(), []);
}

/// A message that the user appends, 26 octets, of noon on 3 February 1994 an hour east of Greenwich.
async fn appends(world: &World) {
    let (header, text) = (
        b"Subject: neap\r\n\r\n".to_vec(),
        b"Subject: neap\r\n\r\nlow water",
    );
    let message = MessageId::from_raw(0);
    let new = NewMessage {
        flags: FlagSet::FLAGGED,
        instant: 760_276_800,
        zone_minutes: 60,
        size: 26,
        header: HeaderIn {
            message,
            hash: HeaderHash(header_hash(&header)),
            envelope: Vec::new(),
            bytes: Packed::new(header),
        },
        body: BodyIn {
            message,
            hash: *blake3::hash(text).as_bytes(),
            structure: Vec::new(),
            bytes: Packed::new(text.to_vec()),
        },
    };
    world.store.accept_message(world.inbox, new).await.unwrap();
}

async fn passes(world: &World, script: &str) -> Result<Report, PassError> {
    let script = format!("{LOGGED_IN}{script}{LEFT}");
    let pass = async |session: &mut Session| world.pass(session).await;
    converse(Level::Imap4rev1, &script, pass).await.unwrap()
}

const LOGGED_IN: &str = "S: * OK [CAPABILITY IMAP4rev1] ready
    C: x LOGIN ada secret
    S: x OK [CAPABILITY IMAP4rev1] welcome
    ";

/// INBOX is opened, with so many letters.
fn inbox(count: usize) -> String {
    format!(
        "C: x SELECT INBOX
        S: * {count} EXISTS
        S: * OK [UIDVALIDITY 5] the same
        S: x OK
        "
    )
}

/// A letter as it is listed, of which nothing was known.
fn listed(seq: usize, date: &str, size: usize, flags: &str) -> String {
    format!(
        "S: * {seq} FETCH (UID {seq} FLAGS ({flags}) INTERNALDATE \"{date}\" RFC822.SIZE {size})
        "
    )
}

/// INBOX with one letter, to which the user has appended another; and what is said until the server lets it come.
async fn appending() -> (World, String) {
    let facts = MailboxFacts {
        uid_validity: Some(5),
        ..MailboxFacts::default()
    };
    let world = World::at(facts, 1).await;
    appends(&world).await;
    let script = format!(
        "{}C: x FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE)
        {}S: x OK
        {}C: x FETCH 1 (UID FLAGS)
        S: * 1 FETCH (UID 1 FLAGS ())
        S: x OK
        C: x APPEND INBOX (\\Flagged) \" 3-Feb-1994 13:00:00 +0100\" {{26}}",
        inbox(1),
        listed(1, FIRST, 101, ""),
        inbox(1)
    );
    (world, script)
}

const FIRST: &str = " 1-Feb-1994 12:00:00 +0000";

/// The line breaks before the message was let through: it cannot have arrived, however often that happens.
#[tokio::test]
async fn a_message_that_never_left_is_sent_until_it_does() {
    let (world, before) = appending().await;
    let broken = format!(
        "{LOGGED_IN}{before}
        HANG UP"
    );
    for number in 1..=5 {
        let pass = async |session: &mut Session| world.pass(session).await;
        let passed = converse(Level::Imap4rev1, &broken, pass).await.unwrap();
        assert!(passed.is_err());
        let entries = world.journal().await;
        let EntryState::Refused(attempt) = entries[0].state else {
            panic!("{entries:?}")
        };
        assert_eq!((attempt.number, attempt.equals_before), (number, 0));
    }
}

#[tokio::test]
async fn what_the_user_appends_is_sent_and_proven_by_the_next_look() {
    let (world, before) = appending().await;
    let script = format!(
        "{before}
        S: + go on
        C: Subject: neap¶¶low water
        S: * 2 EXISTS
        S: x OK
        CHECK"
    );
    let report = passes(&world, &script).await.unwrap();
    assert_eq!((report.counts.retired, report.unproven), (0, true));
    let known = listed(1, FIRST, 101, "");
    let new = listed(2, " 3-Feb-1994 12:00:00 +0000", 28, "\\Flagged");
    let header = "C: x FETCH 2 RFC822.HEADER
        S: * 2 FETCH (RFC822.HEADER «Subject: neap¶¶»)
        S: x OK
        ";
    let script = format!(
        "{}C: x FETCH 1:2 (UID FLAGS INTERNALDATE RFC822.SIZE)
        {known}{new}S: x OK
        {header}{}C: x FETCH 1:2 (UID FLAGS)
        S: * 1 FETCH (UID 1 FLAGS ())
        S: * 2 FETCH (UID 2 FLAGS (\\Flagged))
        S: x OK
        C: x FETCH 2 (UID FLAGS INTERNALDATE RFC822.SIZE)
        {new}S: x OK
        {header}",
        inbox(2),
        inbox(2)
    );
    let report = passes(&world, &script).await.unwrap();
    assert_eq!((report.counts.retired, report.unproven), (1, false));
    assert_eq!(world.base().await, [FlagSet::EMPTY, FlagSet::FLAGGED]);
    assert_eq!(world.journal().await, []);
}
