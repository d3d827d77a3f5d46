//! Away from the server the user reads, flags, answers, deletes and copies; meanwhile another client changes the same
//! mailbox. One sync brings both together: each wish is carried out or listed with its reason, and nothing else changes.

use super::lab::rig::{Kind, PROTOCOLS, Rig};
use super::lab::uw::Format;
use super::story::{Story, undeleted};

#[test]
fn uw_imapd_with_a_plain_file_agrees_after_one_sync() {
    replayed(Kind::Uw(Format::Mbox));
}

#[test]
fn uw_imapd_with_mbx_agrees_after_one_sync() {
    replayed(Kind::Uw(Format::Mbx));
}

#[test]
fn uw_imapd_with_mix_agrees_after_one_sync() {
    replayed(Kind::Uw(Format::Mix));
}

#[test]
fn dovecot_over_tcp_agrees_after_one_sync() {
    replayed(Kind::DovecotTcp);
}

#[test]
fn dovecot_over_tls_agrees_after_one_sync() {
    replayed(Kind::DovecotTls);
}

fn replayed(kind: Kind) {
    for protocol in PROTOCOLS {
        let Some(rig) = Rig::build(kind, protocol, &undeleted(202, 1000)) else {
            return;
        };
        rig.lowtide.sync(&[0]);
        let story = Story::tell(&rig, protocol);
        rig.lowtide.sync(&[3]);
        println!("{kind:?} {protocol}");
        story.assert_agreed(&rig);
    }
}
