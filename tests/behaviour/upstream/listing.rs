//! What an open mailbox shows, and when that is not to be believed.

use lowtide::daemon::{self, PassError, Progress};
use lowtide::id::MailboxId;
use lowtide::protocol::types::FlagSet;
use lowtide::upstream::{Level, Session, UpstreamError};

use super::world::{LEFT, LOGGED_IN, OPTIONS, World, converse, headed, header_read, opened, shown};

async fn notes(world: &World, session: &mut Session) -> Result<MailboxId, PassError> {
    let notes = world.store.mailbox(&"notes".parse().unwrap()).unwrap();
    let silent = Progress::silent();
    daemon::pass(session, &world.store, notes, &OPTIONS, false, &silent).await?;
    Ok(notes)
}

#[tokio::test]
async fn a_second_select_begins_with_no_numbers() {
    let world = World::holding(3).await;
    let script = format!(
        "{LOGGED_IN}{}
        C: x SELECT notes
        S: * 1 EXISTS
        S: x OK
        C: x FETCH 1 FAST
        {}
        S: x OK
        {}
        {LEFT}",
        opened(&["", "", ""]),
        shown(1, 7, ""),
        header_read(1, 7)
    );
    let both = async |session: &mut Session| {
        world.pass(session).await.unwrap();
        notes(&world, session).await.unwrap()
    };
    let notes = converse(Level::Imap2, &script, both).await.unwrap();
    let input = world.store.pass_input(notes).await.unwrap();
    assert_eq!(
        (input.base.messages.len(), world.base().await.len()),
        (1, 3)
    );
}

#[tokio::test]
async fn after_a_select_that_failed_a_mailbox_is_opened_before_anything_is_asked() {
    let world = World::holding(1).await;
    let script = format!(
        "{LOGGED_IN}{}
        C: x SELECT notes
        S: x NO no such mailbox
        {}
        {LEFT}",
        opened(&[""]),
        opened(&[""])
    );
    let act = async |session: &mut Session| {
        world.pass(session).await.unwrap();
        let failed = notes(&world, session).await.unwrap_err();
        assert!(matches!(
            failed,
            PassError::Upstream(UpstreamError::NotOpened { .. })
        ));
        world.pass(session).await.unwrap();
    };
    converse(Level::Imap2, &script, act).await.unwrap();
}

#[tokio::test]
async fn numbers_that_make_no_sense_end_the_connection_and_the_next_looks_again() {
    for nonsense in [
        "S: * 1 EXISTS",
        "S: * 3 EXISTS\nS: * 2 EXISTS",
        "S: * 0 EXPUNGE",
        "S: * 3 EXPUNGE",
    ] {
        let world = World::holding(2).await;
        world.set(2, FlagSet::FLAGGED).await;
        let script = format!(
            "{}
            C: x STORE 2 +FLAGS (\\Flagged)
            {nonsense}",
            opened(&["", ""])
        );
        world.loses_numbers(&script).await;
        world.passes(&opened(&["", "\\Flagged"])).await;
        assert_eq!(world.journal().await, []);
    }
}

#[tokio::test]
async fn an_item_that_the_server_does_not_know_records_nothing() {
    let world = World::holding(1).await;
    let script = "C: x SELECT INBOX
        S: * 2 EXISTS
        S: x OK
        C: x FETCH 1:2 FAST
        S: x BAD what?";
    let refused = world.tries(script).await;
    assert!(matches!(
        refused,
        Err(PassError::Upstream(UpstreamError::Refused { .. }))
    ));
    assert_eq!(world.base().await.len(), 1);
}

#[tokio::test]
async fn messages_that_an_ok_says_nothing_of_are_asked_for_again_after_noop() {
    let world = World::holding(3).await;
    let script = format!(
        "C: x SELECT INBOX
        S: * 3 EXISTS
        S: x OK
        C: x FETCH 1:3 FAST
        {}
        S: x OK
        C: x NOOP
        S: * 2 EXPUNGE
        S: x OK
        C: x FETCH 2 FAST
        {}
        S: x OK
        C: x FETCH 1:2 RFC822.HEADER
        {}
        {}
        S: x OK",
        shown(1, 1, ""),
        shown(2, 3, ""),
        headed(1, 1),
        headed(2, 3)
    );
    let report = world.passes(&script).await;
    assert_eq!((report.counts.gone, report.counts.arrived), (1, 0));
}
