//! Message sequence numbers, and sets of numbers as commands write them.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use crate::protocol::parse::push_number;

/// A position in a mailbox as the server counts now: 1 is the oldest. Valid on one connection, until the next EXPUNGE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeqNum(NonZeroU32);

impl SeqNum {
    /// The sequence number `number`, unless that is 0.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number of the message at an index counted from 0.
    #[must_use]
    pub fn from_index(index: usize) -> Option<Self> {
        u32::try_from(index)
            .ok()?
            .checked_add(1)
            .and_then(Self::new)
    }

    /// The number, counted from 1.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The index, counted from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        (self.get() as usize).saturating_sub(1)
    }
}

impl fmt::Display for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A set of numbers as a command writes it: `2,4:7,9:*`. Serves sequence numbers and UIDs alike.
///
/// RFC 1176 "sequence"; rows `1064-LEX-SEQ`, `1064-LEX-SEQ-REVERSE`, `1064-LEX-SEQ-BAD`, `IMAP4-STAR`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceSet(Vec<(Bound, Bound)>);

/// One end of a range. `*` is the highest number there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Bound {
    Number(NonZeroU32),
    Star,
}

/// Whether `*` may stand for the highest number, as from IMAP4 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StarAllowed {
    /// IMAP4 and later.
    Yes,
    /// IMAP2.
    No,
}

/// Why a sequence cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SequenceError {
    /// Not numbers and ranges: empty, a zero, `1:2:3`, a number above 32 bits, or an unknown character.
    #[error("not a message sequence")]
    Malformed,
    /// More than [`SequenceSet::MAX_RANGES`] ranges.
    #[error("too many ranges in a message sequence")]
    TooManyRanges,
    /// A number above the number of messages.
    #[error("no such message")]
    BeyondMailbox,
    /// `*` in a dialect that does not have it.
    #[error("this protocol level has no * in a sequence")]
    NoStar,
}

impl SequenceSet {
    /// The most ranges one set may have.
    pub const MAX_RANGES: usize = 4096;

    /// The set of one number.
    #[must_use]
    pub fn single(number: SeqNum) -> Self {
        Self(vec![(Bound::Number(number.0), Bound::Number(number.0))])
    }

    /// The set of all numbers from one to another.
    #[must_use]
    pub fn range(first: SeqNum, last: SeqNum) -> Self {
        Self(vec![(Bound::Number(first.0), Bound::Number(last.0))])
    }

    /// The set of a number and all above it, `n:*`. Only for servers from IMAP4 on.
    #[must_use]
    pub fn starting_at(first: SeqNum) -> Self {
        Self(vec![(Bound::Number(first.0), Bound::Star)])
    }

    /// Sets that together hold these ascending numbers, each of at most `max_ranges` ranges.
    pub fn chunked(ascending: impl IntoIterator<Item = SeqNum>, max_ranges: usize) -> Vec<Self> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for number in ascending {
            let number = number.get();
            match ranges.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
                Some((_, last)) if *last >= number => {}
                _ => ranges.push((number, number)),
            }
        }
        let bound = |number| NonZeroU32::new(number).map(Bound::Number);
        let set = |chunk: &[(u32, u32)]| {
            Self(
                chunk
                    .iter()
                    .filter_map(|&(first, last)| Some((bound(first)?, bound(last)?)))
                    .collect(),
            )
        };
        ranges.chunks(max_ranges.max(1)).map(set).collect()
    }

    /// Reads `sequence = item *("," item)`, `item = bound [":" bound]`.
    ///
    /// # Errors
    /// [`SequenceError::Malformed`] or [`SequenceError::TooManyRanges`].
    pub fn parse(text: &[u8]) -> Result<Self, SequenceError> {
        let mut ranges = Vec::new();
        for item in text.split(|&byte| byte == b',') {
            if ranges.len() >= Self::MAX_RANGES {
                return Err(SequenceError::TooManyRanges);
            }
            let mut ends = item.split(|&byte| byte == b':');
            let first = Bound::parse(ends.next().unwrap_or_default())?;
            let last = ends.next().map_or(Ok(first), Bound::parse)?;
            if ends.next().is_some() {
                return Err(SequenceError::Malformed);
            }
            ranges.push((first, last));
        }
        Ok(Self(ranges))
    }

    /// Appends the set as it goes on the wire.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for (index, (first, last)) in self.0.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            first.encode(out);
            if first != last {
                out.push(b':');
                last.encode(out);
            }
        }
    }

    /// The messages meant in a mailbox of `exists` messages: ranges merged and ascending.
    ///
    /// # Errors
    /// [`SequenceError::BeyondMailbox`] when any number is above `exists`, [`SequenceError::NoStar`] for a `*` that is
    /// not allowed. Nothing may be done then, not even for the numbers that exist.
    pub fn resolve(
        &self,
        exists: u32,
        star: StarAllowed,
    ) -> Result<Vec<RangeInclusive<u32>>, SequenceError> {
        let highest = exists;
        let mut ranges = Vec::with_capacity(self.0.len());
        for (first, last) in &self.0 {
            let (first, last) = (first.resolve(highest, star)?, last.resolve(highest, star)?);
            if first.max(last) > highest || first.min(last) == 0 {
                return Err(SequenceError::BeyondMailbox);
            }
            ranges.push((first.min(last), first.max(last)));
        }
        Ok(merged(ranges))
    }

    /// The numbers meant when the highest is `highest`: numbers above it are allowed and stay, as UIDs may be.
    #[must_use]
    pub fn uids(&self, highest: u32) -> Vec<RangeInclusive<u32>> {
        let end = |bound: &Bound| {
            bound
                .resolve(highest.max(1), StarAllowed::Yes)
                .unwrap_or(highest)
        };
        merged(
            self.0
                .iter()
                .map(|(a, b)| (end(a).min(end(b)), end(a).max(end(b))))
                .collect(),
        )
    }
}

fn merged(mut ranges: Vec<(u32, u32)>) -> Vec<RangeInclusive<u32>> {
    ranges.sort_unstable();
    let mut merged: Vec<RangeInclusive<u32>> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if first <= before.end().saturating_add(1) => {
                *before = *before.start()..=last.max(*before.end());
            }
            _ => merged.push(first..=last),
        }
    }
    merged
}

impl Bound {
    fn parse(text: &[u8]) -> Result<Self, SequenceError> {
        if text == b"*" {
            return Ok(Self::Star);
        }
        if text.is_empty() || text.len() > 10 || !text.iter().all(u8::is_ascii_digit) {
            return Err(SequenceError::Malformed);
        }
        let digits = std::str::from_utf8(text).map_err(|_| SequenceError::Malformed)?;
        digits
            .parse()
            .map(Self::Number)
            .map_err(|_| SequenceError::Malformed)
    }

    fn encode(self, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => push_number(out, u64::from(number.get())),
            Self::Star => out.push(b'*'),
        }
    }

    fn resolve(self, highest: u32, star: StarAllowed) -> Result<u32, SequenceError> {
        match (self, star) {
            (Self::Number(number), _) => Ok(number.get()),
            (Self::Star, StarAllowed::Yes) => Ok(highest),
            (Self::Star, StarAllowed::No) => Err(SequenceError::NoStar),
        }
    }
}

impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.encode(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

#[cfg(test)]
mod tests;
