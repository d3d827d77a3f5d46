//! Probe: at which places of a mailbox to look, so that few looks tell what stands at every place.
//!
//! Survivors keep their order and arrivals come last, so between a message and its place in the base lies the number of
//! messages removed before it, and along the mailbox that number never falls. Where it is the same at two places,
//! nothing was removed between them, and what stands there is known without a look. Elsewhere the stretch between the
//! two is looked at in a few more places at once, until everything is either known or looked at.
//!
//! The planner remembers nothing: it judges what is shown *now*, so numbers may move between two rounds.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::view::Base;

/// What was shown of one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// INTERNALDATE in seconds since 1970 UTC.
    pub instant: i64,
    /// RFC822.SIZE; without it a look contradicts, but proves nothing.
    pub size: Option<u32>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Look at the dates and sizes at these places, ascending.
    Look(Vec<usize>),
    /// These stretches of the base stand where they are said to stand. Places in none of them were looked at and can be more
    /// than one message, or hold arrivals.
    Found(Vec<Stretch>),
    /// Too much has changed: listing everything costs less.
    List,
}

/// Messages of the base that stand one behind the other as they did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The place of the first, counted from 1.
    pub place: usize,
    /// Which message of the base that is, counted from 1.
    pub known: usize,
    /// How many there are.
    pub len: usize,
}

/// Where to look before anything is known, besides the last place that the base can reach, and whether dates alone tell
/// enough there.
///
/// The places lie at distances from the last that grow fourfold, and where chance chooses. A removal moves everything behind it,
/// which every such place gives away if the message after it has another date; each is moved to the nearest that has.
#[must_use]
pub fn first_places(base: &Base, count: usize, chance: u64) -> (Vec<usize>, bool) {
    let last = base.messages.len().min(count);
    let growing = std::iter::successors(Some(1_usize), |distance| distance.checked_mul(4));
    let ladder = growing.map_while(|distance| last.checked_sub(distance).filter(|at| *at > 0));
    let chosen = (0..CHOSEN_BY_CHANCE).filter_map(|nth| {
        let drawn = usize::try_from(chance.rotate_left(nth.saturating_mul(21)) >> 1).ok()?;
        drawn.checked_rem(last.checked_sub(1)?)?.checked_add(1)
    });
    let dates_tell = |place: &usize| {
        let date = |at: usize| base.messages.get(at).map(|known| known.mark.instant);
        place.checked_sub(1).and_then(date) != date(*place)
    };
    let mut is_told = true;
    let near = |place: usize| {
        let earliest = place.saturating_sub(NEAR).max(1);
        let telling = (earliest..=place).rev().find(dates_tell);
        is_told &= telling.is_some();
        telling.unwrap_or(place)
    };
    let mut places: Vec<usize> = ladder.chain(chosen).map(near).collect();
    places.sort_unstable();
    places.dedup();
    (places, is_told)
}

/// Plans the next looks into a mailbox of `count` messages, of which `shown` was seen, by place.
#[must_use]
pub fn probe(base: &Base, count: usize, shown: &BTreeMap<usize, Sight>) -> Probe {
    let reading = Reading::of(base, shown);
    let mut found = Vec::new();
    let mut open = Vec::new();
    let mut before = Anchor::default();
    for anchor in reading.anchors() {
        let between = before.place.saturating_add(1)..=anchor.place.saturating_sub(1);
        if before.removed() == anchor.removed() {
            found.push(before.stretch_to(&anchor));
        } else {
            open.extend(Open::of(between, shown));
            found.push(anchor.alone());
        }
        before = anchor;
    }
    open.extend(Open::of(reading.tail(base, count, before), shown));
    if open.is_empty() {
        return Probe::Found(found);
    }
    let at_once = MOST_AT_ONCE
        .checked_div(open.len())
        .unwrap_or(1)
        .clamp(1, MOST_IN_ONE);
    let mut places: Vec<usize> = open.iter().flat_map(|open| open.pick(at_once)).collect();
    places.sort_unstable();
    let looks = places.len().saturating_add(shown.len());
    if looks > (count / 8).max(FEW) {
        Probe::List
    } else {
        Probe::Look(places)
    }
}

/// A place whose message is certain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Anchor {
    place: usize,
    known: usize,
}

impl Anchor {
    /// How many messages were removed before it.
    fn removed(&self) -> usize {
        self.known.saturating_sub(self.place)
    }

    /// What stands behind this place up to another, if nothing was removed there.
    fn stretch_to(&self, next: &Self) -> Stretch {
        Stretch {
            place: self.place.saturating_add(1),
            known: self.known.saturating_add(1),
            len: next.place.saturating_sub(self.place),
        }
    }

    fn alone(&self) -> Stretch {
        Stretch {
            place: self.place,
            known: self.known,
            len: 1,
        }
    }
}

/// What was shown, read as messages of the base, as far as it can be.
struct Reading {
    /// What stands at the places that were shown, by place.
    known: Vec<Candidates>,
    /// The first place that can be no message of the base.
    first_new: Option<usize>,
}

/// The messages of the base that one place can hold.
struct Candidates {
    place: usize,
    first: usize,
    last: usize,
    /// Whether its size was seen.
    is_sized: bool,
}

impl Reading {
    fn of(base: &Base, shown: &BTreeMap<usize, Sight>) -> Self {
        let may_be = |known: usize, sight: &Sight| {
            let known = known.checked_sub(1).and_then(|at| base.messages.get(at));
            known.is_some_and(|known| {
                known.mark.instant == sight.instant
                    && sight.size.is_none_or(|size| size == known.mark.size)
            })
        };
        let mut known = Vec::new();
        let mut first_new = None;
        let mut before = Anchor::default();
        for (&place, sight) in shown {
            let least = place.saturating_add(before.removed());
            match (least..=base.messages.len()).find(|known| may_be(*known, sight)) {
                Some(first) => {
                    known.push(Candidates {
                        place,
                        first,
                        last: first,
                        is_sized: sight.size.is_some(),
                    });
                    before = Anchor {
                        place,
                        known: first,
                    };
                }
                None => {
                    first_new = Some(place);
                    break;
                }
            }
        }
        let mut most_removed = usize::MAX;
        for one in known.iter_mut().rev() {
            let most = one.place.saturating_add(most_removed);
            let sight = shown.get(&one.place);
            let latest = (one.first..=most.min(base.messages.len()))
                .rev()
                .find(|known| sight.is_some_and(|sight| may_be(*known, sight)));
            one.last = latest.unwrap_or(one.first);
            most_removed = one.last.saturating_sub(one.place);
        }
        Self { known, first_new }
    }

    /// The places where every reading agrees.
    fn anchors(&self) -> impl Iterator<Item = Anchor> {
        let certain = |one: &Candidates| {
            (one.first == one.last && one.is_sized).then_some(Anchor {
                place: one.place,
                known: one.first,
            })
        };
        self.known.iter().filter_map(certain)
    }

    /// The places behind the last anchor that may still hold a message of the base.
    fn tail(&self, base: &Base, count: usize, last: Anchor) -> RangeInclusive<usize> {
        let left = base.messages.len().saturating_sub(last.known);
        let reachable = last.place.saturating_add(left).min(count);
        let end = self
            .first_new
            .map_or(reachable, |new| reachable.min(new.saturating_sub(1)));
        last.place.saturating_add(1)..=end
    }
}

/// Places of a stretch that were not looked at, and have to be narrowed down.
struct Open(Vec<usize>);

impl Open {
    fn of(places: RangeInclusive<usize>, shown: &BTreeMap<usize, Sight>) -> Option<Self> {
        let unseen = |place: &usize| shown.get(place).is_none_or(|sight| sight.size.is_none());
        let places: Vec<usize> = places.filter(unseen).collect();
        (!places.is_empty()).then_some(Self(places))
    }

    /// So many of them, at equal distances; all of them, if they are few.
    fn pick(&self, count: usize) -> Vec<usize> {
        if self.0.len() <= ALL_AT_ONCE {
            return self.0.clone();
        }
        let parts = count.saturating_add(1);
        let at = |nth: usize| self.0.len().saturating_mul(nth).checked_div(parts);
        let picked = (1..=count).filter_map(|nth| self.0.get(at(nth)?));
        picked.copied().collect()
    }
}

/// How far from where it was meant to be a look may be.
const NEAR: usize = 16;
/// How many places chance chooses.
const CHOSEN_BY_CHANCE: u32 = 3;
/// About how many looks make one round, shared by the stretches that are open.
const MOST_AT_ONCE: usize = 64;
/// How many looks one stretch gets in a round. More narrow it down faster, and cost more.
const MOST_IN_ONE: usize = 9;
/// A stretch of so few is looked at whole.
const ALL_AT_ONCE: usize = 9;
/// So many looks are never too many.
const FEW: usize = 64;

#[cfg(test)]
mod tests;
