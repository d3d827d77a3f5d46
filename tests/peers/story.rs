//! What the user does offline and what another client does meanwhile, and what both sides must come to.

mod oracle;

use super::lab::client::{Client, Dialect};
use super::lab::corpus::{self, Message};
use super::lab::rig::{Rig, Server};
use super::lab::server_state::{State, assert_same};
use oracle::{Changes, Expected, Wishes};

/// A story that was told, and its end.
pub(crate) struct Story {
    expected: Expected,
}

impl Story {
    /// Acts on both sides of a mailbox that is in sync.
    pub(crate) fn tell(rig: &Rig, protocol: &str) -> Self {
        let before = State::read(&mut rig.server.client(), "INBOX");
        let (wishes, changes) = oracle::draw(303, &before);
        let mut client = rig.lowtide.offline_client();
        act(&mut client, &wishes);
        client.logout();
        change(rig, &changes);
        let changed = State::read(&mut rig.server.client(), "INBOX");
        let is_uw = matches!(rig.server, Server::Uw(_));
        let scoped = protocol == "auto";
        // UW imapd is known for what it is, and takes messages in IMAP2bis.
        let takes = scoped || is_uw;
        let mut expected = Expected::of(&before, &changed, &wishes, &changes, scoped, takes);
        if is_uw {
            drop_keywords(&mut expected.archive);
        }
        Self { expected }
    }

    /// Both sides are what the rules make of it, and what was not carried out is listed.
    #[track_caller]
    pub(crate) fn assert_agreed(&self, rig: &Rig) {
        let expected = &self.expected;
        let there = State::read(&mut rig.server.client(), "INBOX");
        assert_same(("the rules", &expected.server), ("the server", &there));
        let mut client = rig.lowtide.offline_client();
        let here = State::read_as(&mut client, "INBOX", Dialect::Imap2);
        assert_same(("the rules", &expected.mirror), ("the mirror", &here));

        let archive = State::read(&mut rig.server.client(), "archive");
        assert_same(("the rules", &expected.archive), ("the archive", &archive));
        let mirrored = State::read_as(&mut client, "archive", Dialect::Imap2);
        client.logout();
        assert_same(("the archive", &archive), ("its mirror", &mirrored));
        listed(rig, expected);
    }
}

/// What was not carried out is in the journal or among the conflicts, and nothing else is.
fn listed(rig: &Rig, expected: &Expected) {
    let (journal, conflicts) = (rig.lowtide.journal(), rig.lowtide.conflicts());
    assert!(
        journal.iter().all(|entry| entry["reason"].is_string()),
        "{journal:#?}"
    );
    let count = |action: &str, state: &str| {
        let like = |entry: &&serde_json::Value| {
            let words = entry["action"].as_str().unwrap();
            words.starts_with(action) && entry["state"] == state
        };
        journal.iter().filter(like).count()
    };
    assert_eq!(
        count("expunge", "pending"),
        expected.waiting_count,
        "{journal:#?}"
    );
    assert_eq!(
        count("flags +\\Deleted", "pending"),
        expected.waiting_count + expected.held_back_count,
        "{journal:#?}"
    );
    assert_eq!(
        count("copy to archive", "parked"),
        expected.lost_copy_count,
        "{journal:#?}"
    );
    let known = 2 * expected.waiting_count + expected.held_back_count + expected.lost_copy_count;
    assert_eq!(journal.len(), known, "{journal:#?}");
    assert_eq!(conflicts.len(), expected.conflict_count, "{conflicts:#?}");
}

/// The user's mail program.
fn act(client: &mut Client, wishes: &Wishes) {
    client.select("INBOX");
    let none = Default::default();
    for (messages, change) in [
        (&wishes.read, "+FLAGS (\\Seen)"),
        (&wishes.flagged, "+FLAGS (\\Flagged)"),
        (&wishes.answered, "+FLAGS (\\Answered)"),
        (&wishes.unread, "-FLAGS (\\Seen)"),
    ] {
        client.store(&oracle::numbers(messages, &none), change);
    }
    client.ok(&format!(
        "COPY {} archive",
        oracle::numbers(&wishes.copied, &none)
    ));
    client.store(
        &oracle::numbers(&wishes.expunged, &none),
        "+FLAGS (\\Deleted)",
    );
    client.ok("EXPUNGE");
    let deleted = oracle::numbers(&wishes.deleted, &wishes.expunged);
    client.store(&deleted, "+FLAGS (\\Deleted)");
}

/// The other client.
fn change(rig: &Rig, changes: &Changes) {
    let mut client = rig.server.client();
    client.select("INBOX");
    client.store(
        &oracle::numbers(&changes.expunged, &Default::default()),
        "+FLAGS (\\Deleted)",
    );
    client.ok("EXPUNGE");
    client.store(
        &oracle::numbers(&changes.flagged, &changes.expunged),
        "+FLAGS (\\Flagged)",
    );
    client.store(
        &oracle::numbers(&changes.deleted, &changes.expunged),
        "+FLAGS (\\Deleted)",
    );
    client.logout();
    rig.server.fill("INBOX", &undeleted(404, 15));
}

/// UW imapd does not copy keywords that the destination has not met.
fn drop_keywords(state: &mut State) {
    for held in &mut state.0 {
        held.flags.retain(|flag| flag.starts_with('\\'));
    }
}

/// Awkward mail of which nothing is marked deleted.
pub(crate) fn undeleted(seed: u64, count: usize) -> Vec<Message> {
    let mut messages = corpus::awkward(seed, count);
    for message in &mut messages {
        message.flags.remove("\\Deleted");
    }
    messages
}
