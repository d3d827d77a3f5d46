//! The connection breaks, or lowtide is killed, at any moment of a sync: trying again leads to the same end.

use std::time::{Duration, Instant};

use super::lab::cut::{Cut, Direction};
use super::lab::lowtide::{Lowtide, Network};
use super::lab::process::pause;
use super::lab::random::Random;
use super::lab::rig::{Kind, NO_TCP, Rig, clear_account, with_protocol};
use super::lab::server_state::{State, assert_same};
use super::lab::uw::Format;
use super::story::{Story, undeleted};

#[test]
fn dovecot_cut_off_at_random_octets_ends_the_same_in_imap2() {
    cut_off(Kind::DovecotTcp, "imap2", 1);
}

#[test]
fn dovecot_cut_off_at_random_octets_ends_the_same_in_imap4rev1() {
    cut_off(Kind::DovecotTcp, "auto", 2);
}

#[test]
fn uw_imapd_cut_off_at_random_octets_ends_the_same() {
    cut_off(Kind::Uw(Format::Mbox), "imap2", 3);
}

#[test]
fn killed_while_it_syncs_with_dovecot_lowtide_ends_the_same() {
    killed(Kind::DovecotTcp, "imap2", "sync", 4);
}

#[test]
fn killed_while_it_syncs_with_uw_imapd_lowtide_ends_the_same() {
    killed(Kind::Uw(Format::Mbox), "imap2", "sync", 5);
}

#[test]
fn the_daemon_killed_at_random_moments_ends_the_same() {
    killed(Kind::DovecotTcp, "auto", "run", 6);
}

/// Twenty cuts: in each of five rounds two in the first mirror and two in the replay.
fn cut_off(kind: Kind, protocol: &str, seed: u64) {
    let mut random = Random::new(seed);
    let mut lengths: Option<[[u64; 2]; 2]> = None;
    for round in 0..=5 {
        let Some(rig) = Rig::build(kind, protocol, &undeleted(505, 300)) else {
            return;
        };
        let cut = rig.server.cut();
        let account = with_protocol(&clear_account(cut.address.port()), protocol);
        rig.lowtide.configure(Network::There, NO_TCP, &account);
        let before = State::read(&mut rig.server.client(), "INBOX");
        let doom = |which: usize, random: &mut Random| {
            let Some(lengths) = lengths else { return };
            for (way, length) in WAYS.into_iter().zip(lengths[which]) {
                cut.next_after(way, random.number() % length);
            }
        };
        doom(0, &mut random);
        let mirroring = sync_until_done(&rig.lowtide, &cut);
        let after = State::read(&mut rig.server.client(), "INBOX");
        assert_same(("before", &before), ("after the mirroring", &after));
        let story = Story::tell(&rig, protocol);
        doom(1, &mut random);
        let replaying = sync_until_done(&rig.lowtide, &cut);
        println!("{kind:?} {protocol} round {round}");
        story.assert_agreed(&rig);
        // The first round is not disturbed; it tells how long the others are.
        lengths.get_or_insert([mirroring, replaying]);
    }
}

/// Syncs until it is through and no cut is left. Returns the octets that passed, to the server and back.
fn sync_until_done(lowtide: &Lowtide, cut: &Cut) -> [u64; 2] {
    let begun = cut.traffic();
    for _ in 0..20 {
        let doomed = cut.doomed_count() > 0;
        let ended = lowtide.sync(&[0, 3, 69]);
        if ended.code != Some(69) && !doomed {
            let traffic = cut.traffic();
            return [
                traffic.to_server - begun.to_server,
                traffic.to_client - begun.to_client,
            ];
        }
    }
    panic!(
        "twenty syncs were not enough: {:#?}",
        lowtide.run(&["sync"])
    );
}

/// Twenty kills: in each of five rounds two in the first mirror and two in the replay.
fn killed(kind: Kind, protocol: &str, verb: &str, seed: u64) {
    let mut random = Random::new(seed);
    let mut lasts: Option<[Duration; 2]> = None;
    for round in 0..=5 {
        let Some(rig) = Rig::build(kind, protocol, &undeleted(606, 300)) else {
            return;
        };
        let before = State::read(&mut rig.server.client(), "INBOX");
        let mut kill = |which: usize| {
            let Some(lasts) = lasts else { return };
            for _ in 0..2 {
                let mut started = rig.lowtide.start(&[verb]);
                pause(
                    lasts[which]
                        .mul_f64(f64::from(u32::try_from(random.below(1000)).unwrap()) / 1000.0),
                );
                started.process.0.kill().unwrap();
                started.process.0.wait().unwrap();
            }
        };
        kill(0);
        let mirroring = timed(|| rig.lowtide.sync(&[0]));
        let after = State::read(&mut rig.server.client(), "INBOX");
        assert_same(("before", &before), ("after the mirroring", &after));
        let story = Story::tell(&rig, protocol);
        kill(1);
        // A conflict that an earlier, killed run has settled is on record, and no news to this one.
        let replaying = timed(|| rig.lowtide.sync(&[0, 3]));
        println!("{kind:?} {protocol} {verb} round {round}");
        story.assert_agreed(&rig);
        lasts.get_or_insert([mirroring, replaying]);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "another program is timed, which knows no paused time"
)]
fn timed<T>(act: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    act();
    begun.elapsed()
}

const WAYS: [Direction; 2] = [Direction::ToServer, Direction::ToClient];
