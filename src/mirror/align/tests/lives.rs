//! One base, changed by others in many ways whose truth is known: what may never happen, whatever they did.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Fate, settle};
use crate::journal::Mark;
use crate::mirror::align::Alignment;
use crate::mirror::support::{Chance, base, header, observation, seeds};
use crate::mirror::{Base, Observation};

/// One life of a mailbox, with its truth.
#[derive(Debug)]
struct Life {
    base: Base,
    seen: Observation,
    /// Which message each really is, with everything that can be known of it.
    known: Vec<Message>,
    there: Vec<Message>,
    by_uid: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Message {
    /// Copies share their mark, never their number.
    number: usize,
    mark: Mark,
}

/// Makes messages; the same number is never made twice.
struct Maker {
    made: usize,
    instant: i64,
}

impl Maker {
    fn fresh(&mut self, chance: &mut Chance) -> Message {
        self.instant += chance.pick(&[0, 0, 1, 60]);
        let size = 100 + u32::try_from(chance.below(5)).unwrap();
        self.looking_like(Mark {
            instant: self.instant,
            size,
            header: None,
            uid: None,
        })
    }

    /// Another message of the same date and size.
    fn looking_like(&mut self, mark: Mark) -> Message {
        let other = Mark {
            header: Some(header(self.made as u64 + 1)),
            ..mark
        };
        self.twin_of(other)
    }

    /// Another message with the same octets.
    fn twin_of(&mut self, mark: Mark) -> Message {
        self.made += 1;
        Message {
            number: self.made,
            mark,
        }
    }

    fn base(&mut self, chance: &mut Chance) -> Vec<Message> {
        let size = if chance.percent(5) { 60 } else { 10 };
        let twins = chance.pick(&[5, 5, 30, 100]);
        let mut known: Vec<Message> = Vec::new();
        for _ in 0..chance.below(size) {
            let message = match known.len().checked_sub(1) {
                Some(last) if chance.percent(twins) => self.twin_of(known[last].mark),
                Some(last) if chance.percent(5) => self.twin_of(known[chance.below(last + 1)].mark),
                Some(last) if chance.percent(5) => self.looking_like(known[last].mark),
                Some(_) | None => self.fresh(chance),
            };
            known.push(message);
        }
        known
    }

    fn arrival(&mut self, chance: &mut Chance, known: &[Message]) -> Message {
        match known.len().checked_sub(1) {
            Some(last) if chance.percent(30) => self.looking_like(known[last].mark),
            Some(last) if chance.percent(30) => {
                self.looking_like(known[chance.below(last + 1)].mark)
            }
            Some(last) if chance.percent(10) => self.twin_of(known[chance.below(last + 1)].mark),
            Some(_) | None => self.fresh(chance),
        }
    }
}

impl Life {
    fn new(chance: &mut Chance) -> Self {
        let mut maker = Maker {
            made: 0,
            instant: 1_000,
        };
        let known = maker.base(chance);
        let staying = chance.pick(&[100, 100, 95, 70, 30, 0]);
        let mut there = known.clone();
        there.retain(|_| chance.percent(staying));
        for _ in 0..chance.pick(&[0, 0, 1, 3, 6]) {
            there.push(maker.arrival(chance, &known));
        }
        Self::shown(chance, known, there)
    }

    /// What of the truth the base remembers and a listing shows.
    fn shown(chance: &mut Chance, mut known: Vec<Message>, mut there: Vec<Message>) -> Self {
        let uids = chance.pick(&[None, None, None, Some(true), Some(false)]);
        if uids.is_some() {
            for message in known.iter_mut().chain(&mut there) {
                message.mark.uid = u32::try_from(message.number).ok();
            }
        }
        if uids == Some(false) {
            for (uid, message) in (1..).zip(&mut there) {
                message.mark.uid = Some(uid);
            }
        }
        let forgotten = chance.pick(&[0, 0, 15, 100]);
        let unread = chance.pick(&[100, 100, 90]);
        let mut remember = |messages: &[Message], without: usize| -> Vec<Mark> {
            let mark = |message: &Message| Mark {
                header: message.mark.header.filter(|_| !chance.percent(without)),
                ..message.mark
            };
            messages.iter().map(mark).collect()
        };
        let mut base = base(&remember(&known, forgotten));
        let mut seen = observation(&remember(&there, unread));
        base.facts.uid_validity = uids.map(|_| 1);
        seen.facts.uid_validity = uids.map(|lasting| if lasting { 1 } else { 2 });
        Self {
            base,
            seen,
            known,
            there,
            by_uid: uids == Some(true),
        }
    }

    fn remembered(&self, index: usize) -> &Mark {
        &self.base.messages[index].mark
    }

    fn may_be(&self, index: usize, seen: usize) -> bool {
        let (known, shown) = (self.remembered(index), &self.seen.messages[seen].mark);
        if self.by_uid {
            known.uid == shown.uid
        } else {
            known.agrees(shown)
        }
    }

    fn is_proof(&self, index: usize, seen: usize) -> bool {
        self.by_uid
            || self
                .remembered(index)
                .proves(&self.seen.messages[seen].mark)
    }

    /// The truth as `number:instant,size,header`, with an exclamation mark where the base has forgotten the header.
    fn told(&self) -> String {
        let one = |message: &Message| {
            let Mark {
                instant,
                size,
                header,
                ..
            } = message.mark;
            format!(" {}:{instant},{size},{header:?}", message.number)
        };
        let known = self.known.iter().enumerate().map(|(index, message)| {
            let forgotten = self.remembered(index).header.is_none();
            one(message) + if forgotten { "!" } else { "" }
        });
        let there: String = self.there.iter().map(one).collect();
        format!(
            "by uid {}; base{}; there{there}",
            self.by_uid,
            known.collect::<String>()
        )
    }

    /// Whether an identical message is not called gone.
    fn has_twin(&self, index: usize, alignment: &Alignment) -> bool {
        let mut others = self.known.iter().zip(&alignment.fates);
        !self.by_uid
            && others.any(|(other, &fate)| {
                fate != Fate::Gone && other.mark.agrees(&self.known[index].mark)
            })
    }
}

/// What the lives came to, for people to read.
#[derive(Debug, Default)]
struct Tally {
    lives: u64,
    messages: u64,
    doubtful: u64,
    lives_in_doubt: u64,
    returned: u64,
    headers_asked: u64,
    lives_by_rounds: [u64; 4],
    /// Pairs; none of different messages.
    paired: u64,
    /// Survivors called gone because an identical twin stands in for them.
    stood_in_for: u64,
}

impl Tally {
    fn live(&mut self, life: &mut Life) {
        let truth: Vec<Mark> = life.there.iter().map(|message| message.mark).collect();
        let (alignment, rounds) = settle(&life.base, &mut life.seen, &truth, &BTreeSet::new());
        assert!(rounds.len() <= 3, "asked too often: {rounds:?}");
        assert_eq!(alignment.fates.len(), life.known.len());
        assert!(alignment.known_count <= life.there.len());
        assert!(rounds.is_empty() || !life.by_uid, "UIDs need no evidence");
        places_are_used_once_and_in_order(&alignment);
        for index in 0..life.known.len() {
            self.weigh(life, &alignment, index);
        }
        nothing_new_is_hidden(life, &alignment);
        if life.known.len() <= 10 {
            every_reading_agrees(life, &alignment);
        }
        self.count(life, &alignment, &rounds);
    }

    fn count(&mut self, life: &Life, alignment: &Alignment, rounds: &[Vec<u32>]) {
        let doubtful = alignment
            .fates
            .iter()
            .filter(|&&fate| fate == Fate::Doubtful)
            .count();
        self.lives += 1;
        self.messages += life.known.len() as u64;
        self.doubtful += doubtful as u64;
        self.lives_in_doubt += u64::from(doubtful > 0);
        self.lives_by_rounds[rounds.len()] += 1;
        self.headers_asked += rounds.iter().map(Vec::len).sum::<usize>() as u64;
    }

    fn weigh(&mut self, life: &Life, alignment: &Alignment, index: usize) {
        let truth = life.known[index];
        match alignment.fates[index] {
            Fate::Present(seq) if life.by_uid => {
                assert_eq!(life.there[seq.index()].number, truth.number);
            }
            Fate::Present(seq) => {
                let taken_for = life.there[seq.index()].mark.header;
                assert_eq!(
                    taken_for, truth.mark.header,
                    "message {index} is taken for another at {seq}"
                );
                self.paired += 1;
            }
            Fate::Gone => {
                if life.there.iter().any(|there| there.number == truth.number) {
                    let twin = life.has_twin(index, alignment);
                    assert!(twin, "message {index} is there, and called gone");
                    self.stood_in_for += 1;
                }
            }
            Fate::Returned(seq) => {
                assert!(seq.index() >= alignment.known_count && !life.by_uid);
                assert_eq!(life.there[seq.index()].mark.header, truth.mark.header);
                self.returned += 1;
            }
            Fate::Doubtful => assert!(!life.by_uid, "UIDs leave no doubt"),
            Fate::Chosen(_) => panic!("align does not choose"),
        }
    }
}

fn places_are_used_once_and_in_order(alignment: &Alignment) {
    let present: Vec<_> = alignment.present().map(|(_, seq)| seq).collect();
    assert!(
        present.is_sorted_by(|earlier, later| earlier < later),
        "{present:?}"
    );
    assert!(
        present
            .iter()
            .all(|seq| seq.index() < alignment.known_count)
    );
    let came_back = alignment.fates.iter().filter_map(|fate| match fate {
        Fate::Returned(seq) => Some(*seq),
        Fate::Present(_) | Fate::Gone | Fate::Doubtful | Fate::Chosen(_) => None,
    });
    let mut places = BTreeSet::new();
    assert!(
        came_back.into_iter().all(|seq| places.insert(seq)),
        "two came back as one"
    );
}

/// What is new is shown as new, unless it looks like a message of the base as far as the base can tell.
fn nothing_new_is_hidden(life: &Life, alignment: &Alignment) {
    for (seen, arrival) in life.there.iter().enumerate().take(alignment.known_count) {
        if life
            .known
            .iter()
            .all(|known| known.number != arrival.number)
        {
            let alike = (0..life.known.len()).any(|index| life.may_be(index, seen));
            assert!(alike, "the arrival at index {seen} is hidden");
        }
    }
}

/// Compares with every way to find the known part of the observation in the base. At least what is proven is known, and at
/// most what can be.
fn every_reading_agrees(life: &Life, alignment: &Alignment) {
    let mut readings = Readings {
        life,
        known_count: alignment.known_count,
        proofs: BTreeSet::new(),
        places: vec![None; life.known.len()],
        held: vec![BTreeSet::new(); life.known.len()],
    };
    readings.from(0, 0);
    let proofs = readings.proofs.clone();
    let proven_count = proofs.last().map_or(0, |last| last + 1);
    for known_count in proven_count..alignment.known_count {
        readings.known_count = known_count;
        readings.from(0, 0);
    }
    let held = readings.held;
    // Date and size alone are not enough, unless several proofs follow.
    let is_blank = |index: usize| {
        let is_weak = |place: &Option<usize>| {
            place.is_some_and(|place| !proofs.contains(&place) && proofs.range(place..).count() < 4)
        };
        life.remembered(index).header.is_none() && !life.by_uid && held[index].iter().all(is_weak)
    };
    for (index, fate) in alignment.fates.iter().enumerate() {
        let certain = held[index].len() == 1;
        let nowhere = certain && held[index].contains(&None);
        match fate {
            Fate::Present(seq) => {
                let only = BTreeSet::from([Some(seq.index())]);
                assert_eq!(held[index], only, "message {index}");
                assert!(!is_blank(index), "message {index} is not proven");
            }
            Fate::Gone | Fate::Returned(_) => assert!(nowhere, "message {index} may be there"),
            Fate::Chosen(_) => panic!("align does not choose"),
            Fate::Doubtful => {
                let alike = |other: &usize| life.remembered(*other).agrees(life.remembered(index));
                let reason = (0..held.len())
                    .filter(alike)
                    .any(|other| held[other].len() > 1 || is_blank(other));
                assert!(
                    reason && (!certain || nowhere || is_blank(index)),
                    "message {index} is not in doubt"
                );
            }
        }
    }
}

struct Readings<'a> {
    life: &'a Life,
    known_count: usize,
    /// Where one stood whose header is known to be its own.
    proofs: BTreeSet<usize>,
    places: Vec<Option<usize>>,
    held: Vec<BTreeSet<Option<usize>>>,
}

impl Readings<'_> {
    fn from(&mut self, seen: usize, first: usize) {
        if seen == self.known_count {
            for (index, place) in self.places.iter().enumerate() {
                self.held[index].insert(*place);
                let proof = place.filter(|place| self.life.is_proof(index, *place));
                self.proofs.extend(proof);
            }
            return;
        }
        for index in first..self.places.len() {
            if self.life.may_be(index, seen) {
                self.places[index] = Some(seen);
                self.from(seen + 1, index + 1);
                self.places[index] = None;
            }
        }
    }
}

#[test]
fn whatever_others_did_every_message_has_its_true_class_or_is_in_doubt() {
    let mut tally = Tally::default();
    for seed in seeds(5_000) {
        let mut life = Life::new(&mut Chance::new(seed));
        let outcome = catch_unwind(AssertUnwindSafe(|| tally.live(&mut life)));
        assert!(outcome.is_ok(), "seed {seed}: {}", life.told());
    }
    println!("{tally:?}");
    assert!(
        tally.doubtful > 0 && tally.returned > 0,
        "the lives are too quiet"
    );
}
