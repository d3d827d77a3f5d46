//! The first sync: every message comes over byte for byte, and the server does not notice.

use super::lab::client::{Dialect, Held};
use super::lab::corpus;
use super::lab::rig::{Kind, PROTOCOLS, Rig};
use super::lab::server_state::{State, assert_same};
use super::lab::uw::Format;

#[test]
fn a_thousand_messages_of_uw_imapd_in_a_plain_file_are_mirrored() {
    mirrored(Kind::Uw(Format::Mbox));
}

#[test]
fn a_thousand_messages_of_uw_imapd_in_mbx_are_mirrored() {
    mirrored(Kind::Uw(Format::Mbx));
}

#[test]
fn a_thousand_messages_of_uw_imapd_in_mix_are_mirrored() {
    mirrored(Kind::Uw(Format::Mix));
}

#[test]
fn a_thousand_messages_of_dovecot_over_tcp_are_mirrored() {
    mirrored(Kind::DovecotTcp);
}

#[test]
fn a_thousand_messages_of_dovecot_over_tls_are_mirrored() {
    mirrored(Kind::DovecotTls);
}

fn mirrored(kind: Kind) {
    for protocol in PROTOCOLS {
        let Some(rig) = Rig::build(kind, protocol, &corpus::awkward(101, 1000)) else {
            return;
        };
        let before = State::read(&mut rig.server.client(), "INBOX");
        rig.lowtide.sync(&[0]);
        let after = State::read(&mut rig.server.client(), "INBOX");
        assert_same(("the server before", &before), ("after", &after));

        let mut client = rig.lowtide.offline_client();
        let mirror = State::read_as(&mut client, "INBOX", Dialect::Imap2);
        client.logout();
        assert_same(("the server", &after), ("the mirror", &mirror));
        assert_eq!(mirror.0.len(), 1000, "{kind:?} {protocol}");
        for (there, here) in after.0.iter().zip(&mirror.0) {
            assert_eq!(
                told(there),
                told(here),
                "{kind:?} {protocol}: #{} {}",
                here.seq,
                here.label
            );
        }

        let again = rig.lowtide.sync(&[0]);
        assert_eq!(
            again.stdout.trim(),
            "work: in sync.",
            "{kind:?} {protocol}: {again:#?}"
        );
        let idle = State::read(&mut rig.server.client(), "INBOX");
        assert_same(
            ("the server before", &before),
            ("after a second sync", &idle),
        );
    }
}

/// What beside text and flags must be equal on both sides.
fn told(held: &Held) -> (super::lab::date::InternalDate, u32) {
    (held.internal_date, held.size)
}
