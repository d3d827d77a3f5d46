//! What the tests of the engine share: chance with a seed, and short words for values.

use super::{Base, BaseMessage, MailboxFacts, Observation, SeenMessage};
use crate::id::{EntryId, MessageId};
use crate::journal::{Action, Attempt, EntryState, HeaderHash, JournalEntry, Mark};
use crate::protocol::types::{FlagDelta, FlagSet, SeqNum};

pub(crate) const SEEN: FlagSet = FlagSet::SEEN;
pub(crate) const ANSWERED: FlagSet = FlagSet::ANSWERED;
pub(crate) const FLAGGED: FlagSet = FlagSet::FLAGGED;
pub(crate) const DELETED: FlagSet = FlagSet::DELETED;
pub(crate) const NONE: FlagSet = FlagSet::EMPTY;

/// The first keyword of a mailbox.
pub(crate) const KEYWORD: FlagSet = FlagSet::from_bits(1 << 5);

/// Numbers that look random and are the same for the same seed.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    /// True in so many cases of a hundred.
    pub(crate) fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A set of flags, each with the same chance.
    pub(crate) fn flags(&mut self, from: &[FlagSet], share: usize) -> FlagSet {
        from.iter()
            .copied()
            .filter(|_| self.percent(share))
            .collect()
    }
}

/// The seeds of a property: a few as a habit, as many as `LOWTIDE_CASES` says, or the one that `LOWTIDE_SEED` names.
pub(crate) fn seeds(habit: u64) -> std::ops::Range<u64> {
    let asked = |name| {
        std::env::var(name)
            .ok()
            .map(|value| value.parse().expect("a number"))
    };
    match asked("LOWTIDE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..asked("LOWTIDE_CASES").unwrap_or(habit),
    }
}

pub(crate) fn id(raw: i64) -> MessageId {
    MessageId::from_raw(raw)
}

pub(crate) fn seq(number: u32) -> SeqNum {
    SeqNum::new(number).expect("not 0")
}

/// The hash of the header with this number, which its first octets show.
pub(crate) fn header(number: u64) -> HeaderHash {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&u32::try_from(number).expect("small").to_be_bytes());
    HeaderHash(hash)
}

/// A mark without a UID; header 0 is one that was not read.
pub(crate) fn mark(instant: i64, size: u32, read: u64) -> Mark {
    Mark {
        instant,
        size,
        header: (read > 0).then(|| header(read)),
        uid: None,
    }
}

/// A base of messages 1, 2, ... without flags.
pub(crate) fn base(marks: &[Mark]) -> Base {
    let message = |(raw, &mark): (i64, &Mark)| BaseMessage {
        id: id(raw),
        mark,
        flags: NONE,
        zone_minutes: 0,
    };
    Base {
        messages: (1..).zip(marks).map(message).collect(),
        ..Base::default()
    }
}

/// An observation of messages without flags.
pub(crate) fn observation(marks: &[Mark]) -> Observation {
    let message = |&mark: &Mark| SeenMessage {
        mark,
        flags: NONE,
        zone_minutes: 0,
    };
    Observation {
        facts: MailboxFacts::default(),
        messages: marks.iter().map(message).collect(),
        ..Observation::default()
    }
}

pub(crate) fn adding(add: FlagSet) -> Action {
    Action::Flags(FlagDelta { add, remove: NONE })
}

pub(crate) fn removing(remove: FlagSet) -> Action {
    Action::Flags(FlagDelta { add: NONE, remove })
}

/// A pending entry.
pub(crate) fn entry(raw: i64, message: i64, action: Action) -> JournalEntry {
    JournalEntry {
        id: EntryId::from_raw(raw),
        message: id(message),
        mark: mark(message, 1, 0),
        flags_before: NONE,
        action,
        state: EntryState::Pending,
        trouble: String::new(),
        accepted_at: 0,
        uid_validity: None,
    }
}

/// The same entry after its command may have left so many times.
pub(crate) fn attempted(entry: JournalEntry, number: u32) -> JournalEntry {
    let attempt = Attempt {
        number,
        equals_before: 0,
    };
    JournalEntry {
        state: EntryState::Attempted(attempt),
        ..entry
    }
}
