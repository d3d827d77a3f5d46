//! Servers that have UIDs, and what is believed of them.

use lowtide::daemon::Report;
use lowtide::mirror::MailboxFacts;
use lowtide::protocol::types::FlagSet;
use lowtide::upstream::{Level, Session};

use super::world::{LEFT, World, converse, header_read, last_headers_read, shown};

const LOGGED_IN: &str = "S: * OK [CAPABILITY IMAP4rev1 UIDPLUS CONDSTORE] ready
    C: x LOGIN ada secret
    S: x OK [CAPABILITY IMAP4rev1 UIDPLUS CONDSTORE] welcome
    ";

async fn passes(world: &World, script: &str) -> Report {
    let script = format!("{LOGGED_IN}{script}{LEFT}");
    let pass = async |session: &mut Session| world.pass(session).await;
    let passed = converse(Level::Detect, &script, pass).await.unwrap();
    passed.unwrap()
}

fn facts(mod_seq: Option<u64>) -> MailboxFacts {
    MailboxFacts {
        uid_validity: Some(5),
        mod_seq,
        ..MailboxFacts::default()
    }
}

/// A letter with its UID.
fn named(seq: usize, letter: usize, flags: &str) -> String {
    shown(seq, letter, flags).replace("(FLAGS", &format!("(UID {letter} FLAGS"))
}

/// What is looked at before letter 1 is copied to the empty mailbox `notes`; INBOX is opened with these words.
fn before_a_copy(opened: &str) -> String {
    format!(
        "C: x SELECT notes (CONDSTORE)
        S: * 0 EXISTS
        S: * OK [UIDVALIDITY 8] notes
        S: x OK
        C: x SELECT INBOX (CONDSTORE)
        S: * OK [CLOSED] notes
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 5] the same
        S: x OK {opened}
        C: x FETCH 1 (UID FLAGS)
        S: * 1 FETCH (UID 1 FLAGS ())
        S: x OK
        C: x FETCH 1 UID
        S: * 1 FETCH (UID 1)
        S: x OK
        "
    )
}

#[tokio::test]
async fn uids_are_names_as_long_as_uidvalidity_stays_and_no_longer() {
    let world = World::at(facts(None), 2).await;
    let script = "C: x SELECT INBOX (CONDSTORE)
        S: * 2 EXISTS
        S: * OK [UIDVALIDITY 5] the same
        S: x OK
        C: x FETCH 1:2 (UID FLAGS)
        S: * 1 FETCH (UID 1 FLAGS (\\Seen))
        S: * 2 FETCH (UID 2 FLAGS ())
        S: x OK";
    passes(&world, script).await;
    assert_eq!(world.base().await, [FlagSet::SEEN, FlagSet::EMPTY]);

    let script = format!(
        "C: x SELECT INBOX (CONDSTORE)
        S: * 2 EXISTS
        S: * OK [UIDVALIDITY 6] another
        S: x OK
        C: x FETCH 1:2 (UID FLAGS INTERNALDATE RFC822.SIZE)
        {}
        {}
        S: x OK
        {}",
        named(1, 1, ""),
        named(2, 2, ""),
        last_headers_read(2)
    );
    let report = passes(&world, &script).await;
    assert_eq!((report.counts.arrived, report.counts.gone), (0, 0));
}

#[tokio::test]
async fn nothing_is_listed_while_highestmodseq_stays() {
    let world = World::at(facts(Some(7)), 2).await;
    let script = "C: x SELECT INBOX (CONDSTORE)
        S: * 2 EXISTS
        S: * OK [UIDVALIDITY 5] the same
        S: * OK [HIGHESTMODSEQ 7] the same
        S: x OK";
    let report = passes(&world, script).await;
    assert!(report.counts.is_empty());
}

/// One was removed, which HIGHESTMODSEQ does not tell; one came after it was told: as many as before, and not the same.
#[tokio::test]
async fn a_count_of_changes_older_than_the_last_news_vouches_for_nothing() {
    let world = World::at(facts(Some(7)), 2).await;
    let script = format!(
        "C: x SELECT INBOX (CONDSTORE)
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 5] the same
        S: * OK [HIGHESTMODSEQ 7] the same
        S: * 2 EXISTS
        S: x OK
        C: x FETCH 1:2 (UID FLAGS)
        S: * 1 FETCH (UID 2 FLAGS ())
        S: * 2 FETCH (UID 3 FLAGS ())
        S: x OK
        C: x FETCH 2 (UID FLAGS INTERNALDATE RFC822.SIZE)
        {}
        S: x OK
        {}",
        named(2, 3, ""),
        header_read(2, 3)
    );
    let report = passes(&world, &script).await;
    assert_eq!((report.counts.arrived, report.counts.gone), (1, 1));
}

#[tokio::test]
async fn from_a_mailbox_that_can_only_be_read_a_copy_is_made_and_nothing_is_marked() {
    let world = World::at(facts(None), 1).await;
    world.set(1, FlagSet::FLAGGED).await;
    world.copy(1, "notes").await;
    let before = before_a_copy("[READ-ONLY] you may look");
    let script = format!("{before}C: x COPY 1 notes\nS: x OK copied\nCHECK");
    assert!(passes(&world, &script).await.unproven);
    assert_eq!(world.journal().await.len(), 2);
}

#[tokio::test]
async fn a_message_that_has_lost_its_uid_is_proven_by_its_header() {
    let world = World::at(facts(None), 3).await;
    world.forget_uids(2).await;
    world.set(1, FlagSet::DELETED).await;
    let script = format!(
        "C: x SELECT INBOX (CONDSTORE)
        S: * 3 EXISTS
        S: * OK [UIDVALIDITY 5] the same
        S: x OK
        C: x FETCH 1:3 (UID FLAGS)
        S: * 1 FETCH (UID 1 FLAGS ())
        S: * 2 FETCH (UID 2 FLAGS ())
        S: * 3 FETCH (UID 3 FLAGS ())
        S: x OK
        C: x FETCH 1:2 (UID FLAGS INTERNALDATE RFC822.SIZE)
        {}
        {}
        S: x OK
        {}
        C: x FETCH 1 UID
        S: * 1 FETCH (UID 1)
        S: x OK
        C: x STORE 1 +FLAGS (\\Deleted)
        S: x OK
        LOOK 1 (\\Deleted)
        CHECK",
        named(1, 1, ""),
        named(2, 2, ""),
        last_headers_read(2)
    );
    assert!(passes(&world, &script).await.unproven);
}

#[tokio::test]
async fn what_comes_before_closed_speaks_of_the_mailbox_before() {
    let world = World::at(facts(None), 1).await;
    let script = "C: x SELECT INBOX (CONDSTORE)
        S: * 9 EXISTS
        S: * 4 EXPUNGE
        S: * OK [CLOSED] the one before
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 5] the same
        S: x OK
        C: x FETCH 1 (UID FLAGS)
        S: * 1 FETCH (UID 1 FLAGS (\\Seen))
        S: x OK";
    passes(&world, script).await;
    assert_eq!(world.base().await, [FlagSet::SEEN]);
}

#[tokio::test]
async fn a_server_with_uidplus_is_told_what_to_remove() {
    let world = World::at(facts(None), 2).await;
    world.delete(2).await;
    let script = "C: x SELECT INBOX (CONDSTORE)
        S: * 2 EXISTS
        S: * OK [UIDVALIDITY 5] the same
        S: x OK
        C: x FETCH 1:2 (UID FLAGS)
        S: * 1 FETCH (UID 1 FLAGS (\\Deleted))
        S: * 2 FETCH (UID 2 FLAGS ())
        S: x OK
        C: x FETCH 2 UID
        S: * 2 FETCH (UID 2)
        S: x OK
        C: x STORE 2 +FLAGS (\\Deleted)
        S: x OK
        LOOK 2 (\\Deleted)
        CHECK
        C: x FETCH 2 UID
        S: * 2 FETCH (UID 2)
        S: x OK
        C: x UID EXPUNGE 2
        S: * 2 EXPUNGE
        S: x OK
        CHECK";
    passes(&world, script).await;
    assert_eq!(world.base().await, [FlagSet::DELETED]);
}

#[tokio::test]
async fn a_receipt_for_a_copy_is_not_believed_and_the_copy_is_looked_for() {
    let world = World::at(facts(None), 1).await;
    world.copy(1, "notes").await;
    let before = before_a_copy("[READ-WRITE] welcome");
    let script = format!(
        "{before}C: x COPY 1 notes
        S: x OK [COPYUID 8 1 1] copied
        LOOK 1 ()
        CHECK"
    );
    let report = passes(&world, &script).await;
    assert!(report.unproven);
    assert_eq!(world.journal().await.len(), 1);
}

#[tokio::test]
async fn a_mailbox_with_uidvalidity_shows_a_newer_server_than_its_capabilities_do() {
    let world = World::holding(1).await;
    let script = format!(
        "S: * OK ready
        C: x CAPABILITY
        S: x BAD what?
        C: x LOGIN ada secret
        S: x OK welcome
        C: x SELECT INBOX
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 5] there are names
        S: x OK
        C: x FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE)
        {}
        S: x OK
        {}
        {LEFT}",
        named(1, 1, ""),
        header_read(1, 1)
    );
    let pass = async |session: &mut Session| world.pass(session).await;
    let passed = converse(Level::Detect, &script, pass).await.unwrap();
    passed.unwrap();
}
