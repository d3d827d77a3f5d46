//! What the user adds and what was removed: a message that is appended offline stands on the server once, as it was, and so
//! does one that is restored.

use super::lab::client::{Client, Dialect, Held};
use super::lab::corpus::awkward;
use super::lab::rig::{Kind, Rig};
use super::lab::uw::Format;
use super::story::undeleted;

#[test]
fn uw_imapd_with_a_plain_file_takes_each_message_once() {
    brought(Kind::Uw(Format::Mbox));
}

#[test]
fn uw_imapd_with_mbx_takes_each_message_once() {
    brought(Kind::Uw(Format::Mbx));
}

#[test]
fn uw_imapd_with_mix_takes_each_message_once() {
    brought(Kind::Uw(Format::Mix));
}

#[test]
fn dovecot_takes_each_message_once() {
    brought(Kind::DovecotTls);
}

fn brought(kind: Kind) {
    let Some(rig) = Rig::build(kind, "auto", &undeleted(30, 1000)) else {
        return;
    };
    let mut letters = awkward(31, 80);
    letters.retain(|letter| letter.bytes.windows(4).any(|octets| octets == b"\r\n\r\n"));
    rig.lowtide.sync(&[0]);
    let mut user = rig.lowtide.offline_client();
    for letter in &letters {
        user.append("archive", letter);
    }
    user.select("INBOX");
    user.store("3", "+FLAGS (\\Deleted)");
    user.ok("EXPUNGE");
    user.logout();
    let before = held(&mut rig.server.client(), "INBOX");
    // Letters with one header are sent one after the other, so that the second of them comes last.
    letters.sort_by_key(|letter| letter.internal_date);
    for _ in 0..2 {
        rig.lowtide.sync(&[0]);
        let mut there = held(&mut rig.server.client(), "archive");
        there.sort_by_key(|letter| letter.internal_date);
        let dates: Vec<_> = there.iter().map(|there| there.internal_date).collect();
        let appended: Vec<_> = letters.iter().map(|letter| letter.internal_date).collect();
        assert_eq!(dates, appended, "{kind:?}");
        if kind == Kind::DovecotTls {
            let hashes: Vec<_> = there.iter().map(|there| there.hash).collect();
            let sent = letters.iter().map(|letter| blake3::hash(&letter.bytes));
            assert_eq!(hashes, sent.collect::<Vec<_>>());
        }
    }
    let restored = rig.lowtide.run(&["restore", "work", "1"]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    for _ in 0..2 {
        rig.lowtide.sync(&[0]);
        let mut after = held(&mut rig.server.client(), "INBOX");
        assert_eq!(after.len(), before.len());
        let last = after.pop().unwrap();
        assert_eq!(last.hash, before[2].hash);
        assert_eq!(last.internal_date, before[2].internal_date);
        let seen = |letter: &Held| letter.flags.contains("\\Seen");
        assert_eq!(seen(&last), seen(&before[2]));
    }
    assert!(rig.lowtide.journal().is_empty());
}

fn held(client: &mut Client, mailbox: &str) -> Vec<Held> {
    client.examine(mailbox);
    client.messages(Dialect::Imap4rev1)
}
