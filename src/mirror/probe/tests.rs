use std::collections::BTreeMap;

use super::{Probe, Sight, Stretch, first_places, probe};
use crate::journal::Mark;
use crate::mirror::Base;
use crate::mirror::support::{Chance, base, mark, seeds};

/// What a server shows of a place.
fn sight(mark: &Mark) -> Sight {
    Sight {
        instant: mark.instant,
        size: Some(mark.size),
    }
}

/// A mailbox that is looked at until the planner is content.
struct Looking {
    base: Base,
    there: Vec<Mark>,
    shown: BTreeMap<usize, Sight>,
    rounds: usize,
}

impl Looking {
    fn at(known: &[Mark], there: &[Mark], chance: u64) -> Self {
        let mut looking = Self {
            base: base(known),
            there: there.to_vec(),
            shown: BTreeMap::new(),
            rounds: 0,
        };
        let (places, dates_tell) = first_places(&looking.base, there.len(), chance);
        for place in places {
            let seen = sight(&looking.there[place - 1]);
            let size = seen.size.filter(|_| !dates_tell);
            looking.shown.insert(place, Sight { size, ..seen });
        }
        looking.see(known.len().min(there.len()));
        looking
    }

    fn see(&mut self, place: usize) {
        if place > 0 {
            self.shown.insert(place, sight(&self.there[place - 1]));
        }
    }

    /// The stretches, or nothing where everything is better listed.
    fn find(&mut self) -> Option<Vec<Stretch>> {
        loop {
            self.rounds += 1;
            assert!(self.rounds < 60, "it comes to no end: {:?}", self.shown);
            match probe(&self.base, self.there.len(), &self.shown) {
                Probe::Look(places) => {
                    for place in places {
                        let seen = sight(&self.there[place - 1]);
                        let before = self.shown.insert(place, seen);
                        assert_ne!(before, Some(seen), "place {place} was seen");
                    }
                }
                Probe::Found(found) => return Some(found),
                Probe::List => return None,
            }
        }
    }

    /// That what was found is what stands there, and that everything known is found or was seen.
    fn is_right(&self, found: &[Stretch], survivor_count: usize) {
        let mut told: Vec<bool> = (1..=self.there.len())
            .map(|place| {
                self.shown
                    .get(&place)
                    .is_some_and(|seen| seen.size.is_some())
            })
            .collect();
        for stretch in found {
            for nth in 0..stretch.len {
                let known = self.base.messages[stretch.known + nth - 1].mark;
                let place = stretch.place + nth;
                assert_eq!(known.weak(), self.there[place - 1].weak(), "place {place}");
                told[place - 1] = true;
            }
        }
        let untold = told.iter().take(survivor_count).position(|told| !told);
        assert_eq!(untold, None, "of {survivor_count} survivors");
    }
}

fn dates(numbers: impl IntoIterator<Item = i64>) -> Vec<Mark> {
    numbers.into_iter().map(|at| mark(at, 1, 0)).collect()
}

#[test]
fn an_unchanged_mailbox_is_known_at_once() {
    let all = dates(0..10_000);
    let mut looking = Looking::at(&all, &all, 7);
    let found = looking.find().unwrap();
    looking.is_right(&found, 10_000);
    assert_eq!(looking.rounds, 1);
    assert!(looking.shown.len() < 20, "{}", looking.shown.len());
}

#[test]
fn new_mail_changes_nothing_before_it() {
    let (known, there) = (dates(0..10_000), dates(0..10_005));
    let mut looking = Looking::at(&known, &there, 7);
    let found = looking.find().unwrap();
    looking.is_right(&found, 10_000);
    assert_eq!(looking.rounds, 1);
}

#[test]
fn one_gap_in_ten_thousand_takes_four_rounds_wherever_it_is() {
    let known = dates(0..10_000);
    for gone in (0..10_000).step_by(37).chain([1, 9_997, 9_998, 9_999]) {
        let there = dates((0..10_000).filter(|at| *at != gone));
        let mut looking = Looking::at(&known, &there, gone.unsigned_abs());
        let found = looking.find().unwrap();
        looking.is_right(&found, 9_999);
        // The first round is that of the first places.
        assert!(looking.rounds <= 6, "{gone}: {} rounds", looking.rounds);
        assert!(looking.shown.len() <= 64, "{gone}: {}", looking.shown.len());
    }
}

#[test]
fn removals_and_arrivals_together() {
    let known = dates(0..10_000);
    let there = dates((0..5_000).chain(5_100..9_998).chain(20_000..20_050));
    let mut looking = Looking::at(&known, &there, 3);
    let found = looking.find().unwrap();
    looking.is_right(&found, 9_898);
    assert!(looking.rounds <= 7, "{}", looking.rounds);
    assert!(looking.shown.len() < 120, "{}", looking.shown.len());
}

#[test]
fn what_was_taken_out_and_put_back_behind_others_is_found_out() {
    // Message 40 was removed, one arrived, and the last message stands last again.
    let known = dates(0..1_000);
    let there = dates(
        (0..1_000)
            .filter(|at| *at != 40 && *at != 999)
            .chain([2_000, 999]),
    );
    for chance in 0..100 {
        let mut looking = Looking::at(&known, &there, chance);
        if let Some(found) = looking.find() {
            looking.is_right(&found, 998);
        }
    }
}

#[test]
fn in_a_run_of_equal_dates_the_places_around_it_tell() {
    // The last hundred came in one second. One of them was removed, and the last stands there twice.
    let date = |at: i64| at.min(900);
    let known: Vec<Mark> = (0..1_000)
        .map(|at| mark(date(at), 1 + u32::try_from(at % 97).unwrap(), 0))
        .collect();
    let mut there = known.clone();
    there.push(known[999]);
    there.remove(950);
    for chance in 0..100 {
        let mut looking = Looking::at(&known, &there, chance);
        if let Some(found) = looking.find() {
            looking.is_right(&found, 999);
        }
    }
}

#[test]
fn a_mailbox_of_equals_is_listed() {
    let all = dates(std::iter::repeat_n(5, 1_000));
    let mut looking = Looking::at(&all, &all[..900], 1);
    assert_eq!(looking.find(), None);
    // Unless nothing is missing: the last place can only be the last message.
    let mut looking = Looking::at(&all, &all, 1);
    let found = looking.find().unwrap();
    looking.is_right(&found, 1_000);
}

#[test]
fn empty_mailboxes() {
    let some = dates(0..3);
    assert_eq!(Looking::at(&[], &some, 1).find(), Some(Vec::new()));
    assert_eq!(Looking::at(&some, &[], 1).find(), Some(Vec::new()));
    assert_eq!(Looking::at(&[], &[], 1).find(), Some(Vec::new()));
}

#[test]
fn a_mailbox_that_was_replaced_is_looked_at_no_further() {
    let mut looking = Looking::at(&dates(0..5_000), &dates(10_000..15_000), 9);
    let found = looking.find().unwrap();
    assert_eq!(found, Vec::new());
}

#[test]
fn whatever_was_removed_and_however_alike_messages_are_no_place_is_told_wrong() {
    let (mut found_count, mut listed_count) = (0, 0);
    for seed in seeds(4_000) {
        let mut chance = Chance::new(seed);
        let count = 1 + chance.below(600);
        let alike = 1 + chance.below(400);
        let known: Vec<Mark> = (0..count)
            .map(|at| {
                let date = if chance.percent(30) {
                    chance.below(alike)
                } else {
                    1_000 + at
                };
                let size = u32::try_from(1 + chance.below(2)).unwrap();
                mark(i64::try_from(date).unwrap(), size, 0)
            })
            .collect();
        let share = chance.pick(&[0, 1, 2, 10, 50]);
        let mut there: Vec<Mark> = known
            .iter()
            .copied()
            .filter(|_| !chance.percent(share))
            .collect();
        let survivor_count = there.len();
        let arrivals = chance.below(20);
        there.extend(dates(
            (0..arrivals).map(|at| 1_000_000 + i64::try_from(at).unwrap()),
        ));
        let mut looking = Looking::at(&known, &there, seed);
        match looking.find() {
            Some(found) => {
                looking.is_right(&found, survivor_count);
                found_count += 1;
            }
            None => listed_count += 1,
        }
    }
    println!("{found_count} found, {listed_count} to be listed");
    assert!(found_count * 4 > listed_count, "many are worth a glance");
}
