//! What messages look like beside their UID, and collections that are searched by it.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{HeaderHash, Mark};
use crate::mirror::Base;

/// What a mark shows beside its UID.
type Look = (i64, u32, Option<HeaderHash>);

/// Something about each look.
pub(super) type Looks<T = ()> = BTreeMap<Look, T>;

/// Lost messages of the base by what they look like.
pub(super) type Lost = BTreeMap<(i64, u32, HeaderHash), Vec<usize>>;

pub(super) fn look(mark: &Mark) -> Look {
    (mark.instant, mark.size, mark.header)
}

/// What is kept for every look that agrees with a mark.
pub(super) fn agreeing<'a, T>(looks: &'a Looks<T>, mark: &Mark) -> impl Iterator<Item = &'a T> {
    let (instant, size, header) = look(mark);
    let unread = looks.get(&(instant, size, None));
    let (first, last) = header.map_or((LOWEST, HIGHEST), |hash| (hash, hash));
    let read = looks.range((instant, size, Some(first))..=(instant, size, Some(last)));
    unread.into_iter().chain(read.map(|(_, kept)| kept))
}

/// Whether a lost message has the date and size of this mark.
pub(super) fn is_like_one_of(lost: &Lost, mark: &Mark) -> bool {
    let (instant, size) = mark.weak();
    let mut alike = lost.range((instant, size, LOWEST)..=(instant, size, HIGHEST));
    alike.next().is_some()
}

/// Whether messages that nobody can tell apart count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twins {
    Counted,
    LeftOut,
}

/// Dates and sizes that several messages of the base share although their headers differ, or also those of twins: one of
/// them may have made room for another of their look. Where there are many, mail was brought in bulk, and to read all those
/// headers each time would cost more than it tells.
pub(super) fn tied_looks(base: &Base, twins: Twins) -> BTreeSet<(i64, u32)> {
    let marks = base.messages.iter().map(|known| known.mark);
    let mut read: Vec<Look> = marks
        .filter(|mark| mark.header.is_some())
        .map(|mark| look(&mark))
        .collect();
    read.sort_unstable();
    if twins == Twins::LeftOut {
        read.dedup();
    }
    let shared = read.windows(2).filter_map(|pair| match pair {
        [(instant, size, _), (other_instant, other_size, _)]
            if (instant, size) == (other_instant, other_size) =>
        {
            Some((*instant, *size))
        }
        _ => None,
    });
    let shared: BTreeSet<(i64, u32)> = shared.collect();
    if shared.len() > MOST_TIED {
        return BTreeSet::new();
    }
    shared
}

/// How many headers are known before each message of the base, and before its end.
pub(super) fn headers_before(base: &Base) -> Vec<usize> {
    let known = base.messages.iter().map(|known| known.mark.header);
    std::iter::once(0)
        .chain(known.scan(0_usize, |count, header| {
            *count = count.saturating_add(usize::from(header.is_some()));
            Some(*count)
        }))
        .collect()
}

const LOWEST: HeaderHash = HeaderHash([0; 32]);
const HIGHEST: HeaderHash = HeaderHash([u8::MAX; 32]);
/// So many dates and sizes with several headers are worth reading them.
const MOST_TIED: usize = 16;
