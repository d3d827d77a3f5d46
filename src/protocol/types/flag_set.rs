//! Sets of flags as bits, and changes of such sets.

use std::fmt;

/// A set of storable flags: five system flags and up to 58 keywords of one mailbox.
///
/// Which keyword a bit means is known to the mailbox's [`Keywords`](super::Keywords). `\Recent` is never a member. The
/// highest bit is never set, so that the set fits a signed 64-bit column.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlagSet(u64);

impl FlagSet {
    /// No flag.
    pub const EMPTY: Self = Self(0);
    /// `\Seen`.
    pub const SEEN: Self = Self(1);
    /// `\Answered`.
    pub const ANSWERED: Self = Self(1 << 1);
    /// `\Flagged`.
    pub const FLAGGED: Self = Self(1 << 2);
    /// `\Deleted`.
    pub const DELETED: Self = Self(1 << 3);
    /// `\Draft`.
    pub const DRAFT: Self = Self(1 << 4);
    /// The five system flags.
    pub const SYSTEM: Self = Self(0b1_1111);
    /// How many keywords a set can hold.
    pub const KEYWORD_COUNT: u32 = 58;

    const SYSTEM_COUNT: u32 = 5;
    const ALL: u64 = u64::MAX >> 1;

    /// The set with these bits; the highest bit is dropped.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & Self::ALL)
    }

    /// The bits, as stored.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The set that holds the keyword of this position alone, counted from 0.
    #[must_use]
    pub const fn keyword(position: u32) -> Option<Self> {
        if position >= Self::KEYWORD_COUNT {
            return None;
        }
        match 1u64.checked_shl(position.saturating_add(Self::SYSTEM_COUNT)) {
            Some(bit) => Some(Self(bit)),
            None => None,
        }
    }

    /// The keyword position of the lowest flag, if that is a keyword.
    #[must_use]
    pub const fn keyword_position(self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        self.0.trailing_zeros().checked_sub(Self::SYSTEM_COUNT)
    }

    /// What is in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether every flag of the other set is in this one.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        other.minus(self).is_empty()
    }

    /// Whether the sets share a flag.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        !self.intersection(other).is_empty()
    }

    /// Whether no flag is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many flags are in the set.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// The flags one by one, system flags first, each as a set of one.
    pub fn iter(self) -> impl Iterator<Item = Self> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let lowest = left & left.wrapping_neg();
            left ^= lowest;
            (lowest != 0).then_some(Self(lowest))
        })
    }
}

impl fmt::Debug for FlagSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = f.debug_set();
        for flag in self.iter() {
            match flag {
                Self::SEEN => names.entry(&format_args!("Seen")),
                Self::ANSWERED => names.entry(&format_args!("Answered")),
                Self::FLAGGED => names.entry(&format_args!("Flagged")),
                Self::DELETED => names.entry(&format_args!("Deleted")),
                Self::DRAFT => names.entry(&format_args!("Draft")),
                keyword => names.entry(&format_args!(
                    "k{}",
                    keyword.keyword_position().unwrap_or_default()
                )),
            };
        }
        names.finish()
    }
}

impl FromIterator<FlagSet> for FlagSet {
    fn from_iter<I: IntoIterator<Item = FlagSet>>(sets: I) -> Self {
        sets.into_iter().fold(Self::EMPTY, Self::union)
    }
}

/// A change of a message's flags: what to set and what to clear. Everything else stays as it is, whoever set it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlagDelta {
    /// Flags to set.
    pub add: FlagSet,
    /// Flags to clear; a flag that is also in `add` is set.
    pub remove: FlagSet,
}

impl FlagDelta {
    /// Changes nothing.
    pub const NONE: Self = Self {
        add: FlagSet::EMPTY,
        remove: FlagSet::EMPTY,
    };

    /// Takes `\Seen` off.
    pub const UNREAD: Self = Self {
        add: FlagSet::EMPTY,
        remove: FlagSet::SEEN,
    };

    /// The change that leads from one set to another.
    #[must_use]
    pub const fn between(from: FlagSet, to: FlagSet) -> Self {
        Self {
            add: to.minus(from),
            remove: from.minus(to),
        }
    }

    /// The set after the change.
    #[must_use]
    pub const fn apply(self, flags: FlagSet) -> FlagSet {
        flags.minus(self.remove).union(self.add)
    }

    /// This change followed by a later one, as one change.
    #[must_use]
    pub const fn then(self, later: Self) -> Self {
        let add = later.apply(self.add);
        Self {
            add,
            remove: self.remove.union(later.remove).minus(add),
        }
    }

    /// What of this change another change does not already do.
    #[must_use]
    pub const fn minus(self, done: Self) -> Self {
        Self {
            add: self.add.minus(done.add),
            remove: self.remove.minus(done.remove),
        }
    }

    /// The part of the change that concerns these flags.
    #[must_use]
    pub const fn within(self, flags: FlagSet) -> Self {
        Self {
            add: self.add.intersection(flags),
            remove: self.remove.intersection(flags),
        }
    }

    /// Every flag the change speaks of.
    #[must_use]
    pub const fn touched(self) -> FlagSet {
        self.add.union(self.remove)
    }

    /// Whether the set already is as the change wants it.
    #[must_use]
    pub fn holds_in(self, flags: FlagSet) -> bool {
        self.apply(flags) == flags
    }

    /// Whether the change speaks of no flag.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.touched().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sets() -> impl Strategy<Value = FlagSet> {
        any::<u64>().prop_map(FlagSet::from_bits)
    }

    fn deltas() -> impl Strategy<Value = FlagDelta> {
        (sets(), sets()).prop_map(|(add, remove)| FlagDelta { add, remove })
    }

    #[test]
    fn keyword_bits_lie_between_the_system_flags_and_the_sign() {
        assert_eq!(FlagSet::keyword(0).unwrap().bits(), 1 << 5);
        assert_eq!(FlagSet::keyword(57).unwrap().bits(), 1 << 62);
        assert_eq!(FlagSet::keyword(58), None);
        assert_eq!(FlagSet::keyword(7).unwrap().keyword_position(), Some(7));
        assert_eq!(FlagSet::DRAFT.keyword_position(), None);
        assert_eq!(FlagSet::from_bits(u64::MAX).len(), 63);
        assert_eq!(FlagSet::EMPTY.keyword_position(), None);
    }

    #[test]
    fn sets_print_their_names() {
        let set = FlagSet::SEEN.union(FlagSet::keyword(3).unwrap());
        assert_eq!(format!("{set:?}"), "{Seen, k3}");
    }

    proptest! {
        #[test]
        fn a_set_is_the_union_of_its_members(set in sets()) {
            prop_assert_eq!(set.iter().collect::<FlagSet>(), set);
            prop_assert!(set.iter().all(|flag| flag.len() == 1 && set.contains(flag)));
        }

        #[test]
        fn the_change_between_two_sets_leads_from_one_to_the_other(from in sets(), to in sets()) {
            let delta = FlagDelta::between(from, to);
            prop_assert_eq!(delta.apply(from), to);
            prop_assert!(!delta.add.intersects(delta.remove));
            prop_assert!(delta.holds_in(to));
        }

        #[test]
        fn one_change_after_another_is_their_composition(set in sets(), first in deltas(), second in deltas()) {
            prop_assert_eq!(first.then(second).apply(set), second.apply(first.apply(set)));
        }

        #[test]
        fn applying_a_change_twice_is_applying_it_once(set in sets(), delta in deltas()) {
            prop_assert_eq!(delta.apply(delta.apply(set)), delta.apply(set));
        }
    }
}
