//! Whole lives of a mailbox: a user, other clients and a server that fails, with the stages strung together as passes.

mod client;
mod server;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::LocalState;
use super::support::{Chance, seeds};
use crate::journal::{Action, EntryState, Mark};
use crate::protocol::types::FlagSet;
use client::{Client, Ended, Record, Weather};
use server::Server;

struct Life {
    server: Server,
    client: Client,
}

impl Life {
    fn new(chance: &mut Chance) -> Self {
        let mut life = Self {
            server: Server::new(chance),
            client: Client::default(),
        };
        life.pass(Weather::default(), chance);
        life
    }

    /// One pass, and what must hold after each.
    fn pass(&mut self, weather: Weather, chance: &mut Chance) -> Option<Record> {
        let ended = self.client.pass(&mut self.server, weather, chance);
        self.nothing_else_was_removed();
        let Ended::Recorded(record) = ended else {
            return None;
        };
        if weather.others == 0 {
            self.retired_entries_are_carried_out(&record);
        }
        self.client
            .fetch_headers(&self.server, &record.local.unbound);
        Some(*record)
    }

    /// As many messages of one content went through us as the user asked to remove.
    fn nothing_else_was_removed(&self) {
        for gone in &self.server.gone_by_us {
            let equal = |marks: &[Mark]| {
                marks
                    .iter()
                    .filter(|mark| mark.header == gone.header)
                    .count()
            };
            let asked = equal(&self.client.removals);
            assert!(
                equal(&self.server.gone_by_us) <= asked,
                "{gone:?} was removed more than {asked} times"
            );
        }
    }

    fn retired_entries_are_carried_out(&mut self, record: &Record) {
        for retired in &record.settlement.retired {
            let entry = record
                .entries
                .iter()
                .find(|entry| entry.id == *retired)
                .expect("it was folded");
            let answered = record
                .settlement
                .conflicts
                .iter()
                .any(|conflict| conflict.entries.contains(retired));
            let Some(&number) = record.numbers.get(&entry.message) else {
                continue; // it was gone already
            };
            if answered || entry.is_copy() {
                continue;
            }
            let there = self.server.find(number).map(|there| there.flags);
            let local = &record.local.changed[&entry.message];
            let base = record
                .base
                .messages
                .iter()
                .find(|known| known.id == entry.message)
                .expect("in the base");
            match (local.state, there) {
                (LocalState::Expunged { .. }, there) => {
                    assert_eq!(there, None, "{entry:?} is not carried out")
                }
                (LocalState::Present(_), None) => panic!("nobody asked to remove {entry:?}"),
                (LocalState::Present(mine), Some(there)) => {
                    let differs =
                        |one: FlagSet, other: FlagSet| one.minus(other).union(other.minus(one));
                    let lost = differs(base.flags, mine).intersection(differs(mine, there));
                    assert!(lost.is_empty(), "{entry:?} is not carried out: {there:?}");
                }
            }
        }
    }

    /// Good weather until nothing is left to do.
    fn settle(&mut self, chance: &mut Chance) -> bool {
        let mut doubt = true;
        let mut steps = Vec::new();
        for _ in 0..7 {
            let record = self
                .pass(Weather::default(), chance)
                .expect("the weather is good");
            doubt = record.doubt;
            steps = record.steps;
        }
        assert!(steps.is_empty(), "still at work: {steps:?}");
        for entry in &self.client.journal {
            let parked = matches!(entry.state, EntryState::Parked(_));
            assert!(
                parked || !entry.trouble.is_empty(),
                "{entry:?} waits for no reason"
            );
        }
        if !doubt {
            let here: Vec<_> = self
                .client
                .base
                .messages
                .iter()
                .map(|message| (message.mark.header, message.flags))
                .collect();
            let there: Vec<_> = self
                .server
                .messages
                .iter()
                .map(|message| (message.mark.header, message.flags))
                .collect();
            assert_eq!(here, there, "the base is not what the server has");
        }
        doubt
    }
}

/// Runs one life for each seed, and names the seed that fails.
fn lives(habit: u64, life: impl Fn(&mut Chance)) {
    for seed in seeds(habit) {
        let outcome = catch_unwind(AssertUnwindSafe(|| life(&mut Chance::new(seed))));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}

fn storm(chance: &mut Chance) -> Weather {
    let badly = chance.pick(&[0, 5, 20]);
    Weather {
        refused: badly,
        ignored: badly,
        lost_before: badly,
        lost_after: badly,
        torn: badly,
        others: 0,
    }
}

/// Nobody but the user, and a server that fails: in the end it holds what the user asked for, and nothing else.
#[test]
fn what_the_user_did_alone_is_done_once_whatever_fails() {
    lives(3_000, |chance| {
        let mut life = Life::new(chance);
        let mut expected: BTreeMap<u32, FlagSet> = BTreeMap::new();
        for message in &life.server.messages {
            expected.insert(message.number, message.flags);
        }
        let mut copied = 0;
        let weather = storm(chance);
        for _ in 0..chance.below(4) {
            for _ in 0..chance.below(4) {
                for (message, action) in life.client.act(chance) {
                    let number =
                        u32::try_from(message.raw()).expect("the first listing was in order");
                    match action {
                        Action::Flags(delta) => {
                            expected
                                .entry(number)
                                .and_modify(|flags| *flags = delta.apply(*flags));
                        }
                        Action::Expunge => drop(expected.remove(&number)),
                        Action::Copy { .. } => copied += 1,
                        Action::Append { .. } => panic!("nothing was appended"),
                    }
                }
            }
            life.pass(weather, chance);
        }
        let doubt = life.settle(chance);
        let parked = life.client.journal.len();
        let arrived = life.server.archive.len();
        assert!(
            arrived <= copied && arrived + parked >= copied,
            "{arrived} of {copied}, {parked} parked"
        );
        if !doubt && parked == 0 {
            let there: BTreeMap<u32, FlagSet> = life
                .server
                .messages
                .iter()
                .map(|message| (message.number, message.flags))
                .collect();
            assert_eq!(there, expected);
            assert!(
                life.client.conflicts.is_empty(),
                "there was nobody to be in conflict with"
            );
        }
    });
}

/// Others change everything all the time: nothing is removed that was not to be, and in the end both sides are one.
#[test]
fn among_others_nothing_is_lost_and_both_sides_come_to_one() {
    lives(5_000, |chance| {
        let mut life = Life::new(chance);
        let mut weather = storm(chance);
        weather.others = chance.pick(&[0, 0, 30]);
        for _ in 0..1 + chance.below(5) {
            for _ in 0..chance.below(3) {
                life.client.act(chance);
            }
            for _ in 0..chance.below(4) {
                life.server.other_client(chance);
            }
            life.pass(weather, chance);
        }
        life.settle(chance);
    });
}

/// The share of lives that end in doubt, with one message in twenty a twin of its neighbour.
#[test]
fn few_lives_end_in_doubt() {
    let doubtful = std::cell::Cell::new(0);
    let count = seeds(1_000).count();
    lives(1_000, |chance| {
        let mut life = Life::new(chance);
        for _ in 0..3 {
            life.client.act(chance);
            life.server.other_client(chance);
            life.pass(Weather::default(), chance);
        }
        if life.settle(chance) {
            doubtful.set(doubtful.get() + 1);
        }
    });
    println!("{} of {count} lives end in doubt", doubtful.get());
    assert!(doubtful.get() * 5 < count, "{} of {count}", doubtful.get());
}
