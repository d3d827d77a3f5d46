//! The mirror can be thrown away at any time: what the user did is in the journal, and finds its messages again.

use super::lab::client::{Dialect, Held};
use super::lab::rig::{Kind, PROTOCOLS, Rig};
use super::lab::server_state::{State, assert_same};
use super::lab::uw::Format;
use super::story::undeleted;

#[test]
fn twenty_actions_for_dovecot_outlive_the_cache() {
    outlive(Kind::DovecotTcp);
}

#[test]
fn twenty_actions_for_uw_imapd_outlive_the_cache() {
    outlive(Kind::Uw(Format::Mix));
}

fn outlive(kind: Kind) {
    for protocol in PROTOCOLS {
        let Some(rig) = Rig::build(kind, protocol, &undeleted(707, 200)) else {
            return;
        };
        rig.lowtide.sync(&[0]);
        let before = State::read(&mut rig.server.client(), "INBOX");
        let single = match protocol {
            "imap2" => single(&before),
            _ => before.0.iter().map(|held| held.seq).collect(),
        };
        let unflagged = |seq: &&u32| !before.0[index(**seq)].flags.contains("\\Flagged");
        let flagged: Vec<u32> = single[50..]
            .iter()
            .filter(unflagged)
            .copied()
            .take(8)
            .collect();
        let (expunged, marked, copied) = (&single[10..13], &single[20..22], &single[30..34]);
        let mut client = rig.lowtide.offline_client();
        client.select("INBOX");
        client.store(&list(&flagged, 0), "+FLAGS (\\Flagged)");
        client.ok(&format!("COPY {} archive", list(copied, 0)));
        client.store(&list(expunged, 0), "+FLAGS (\\Deleted)");
        client.ok("EXPUNGE");
        // Three messages before these have gone.
        client.store(&list(marked, 3), "+FLAGS (\\Deleted)");
        client.logout();
        let journal = rig.lowtide.journal();
        assert_eq!(journal.len(), 20, "{kind:?} {protocol}: {journal:#?}");

        rig.lowtide.wipe_cache();
        rig.lowtide.sync(&[0]);
        let mut expected = before.clone();
        for held in &mut expected.0 {
            if flagged.contains(&held.seq) {
                held.flags.insert("\\Flagged".to_owned());
            }
            if marked.contains(&held.seq) {
                held.flags.insert("\\Deleted".to_owned());
            }
        }
        let mut copies: Vec<Held> = copied
            .iter()
            .map(|seq| expected.0[index(*seq)].clone())
            .collect();
        expected.0.retain(|held| !expunged.contains(&held.seq));
        if matches!(kind, Kind::Uw(_)) {
            // UW imapd does not copy keywords that the destination has not met.
            copies
                .iter_mut()
                .for_each(|held| held.flags.retain(|flag| flag.starts_with('\\')));
        }
        println!("{kind:?} {protocol}");
        let there = State::read(&mut rig.server.client(), "INBOX");
        assert_same(("what was wished", &expected), ("the server", &there));
        let archive = State::read(&mut rig.server.client(), "archive");
        assert_same(
            ("what was copied", &State(copies)),
            ("the archive", &archive),
        );
        let mut client = rig.lowtide.offline_client();
        let here = State::read_as(&mut client, "INBOX", Dialect::Imap2);
        client.logout();
        assert_same(("the server", &there), ("the mirror", &here));
        assert_eq!(rig.lowtide.journal().len(), 0);
    }
}

fn index(seq: u32) -> usize {
    usize::try_from(seq).unwrap() - 1
}

/// Message numbers as a sequence, so many lower.
fn list(seqs: &[u32], less: u32) -> String {
    let words: Vec<String> = seqs.iter().map(|seq| (seq - less).to_string()).collect();
    words.join(",")
}

/// The numbers of messages that no other equals: without UIDs what is done to the others waits for a person.
fn single(state: &State) -> Vec<u32> {
    let alone = |held: &&Held| {
        let equal = state.0.iter().filter(|other| other.hash == held.hash);
        equal.count() == 1
    };
    state.0.iter().filter(alone).map(|held| held.seq).collect()
}
