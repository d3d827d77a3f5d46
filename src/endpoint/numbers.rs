//! The numbers of one connection: which message its client means by each, and which flags the client was told.
//!
//! The store shows views, and each later view may lack messages or have more of them. The client's numbers change only when
//! it is told, so they are kept here: messages that are gone keep their number until EXPUNGE may be said; new ones get
//! theirs at the end, together with EXISTS.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::id::{ChangeNum, MessageId};
use crate::protocol::types::{FlagSet, SeqNum, SequenceError, SequenceSet, StarAllowed};
use crate::store::{Row, View};

/// What one client believes of the mailbox it has open.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    /// The messages by number.
    shown: Vec<Shown>,
    /// Positions of messages that are gone and were not yet said to be, ascending.
    gone: Vec<usize>,
    /// Ids of messages that are `\Recent` to this client: past the first, up to the second.
    recent: Vec<(MessageId, MessageId)>,
    /// The view that all this was last compared with.
    change: ChangeNum,
}

/// A message as the client knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) id: MessageId,
    pub(super) flags: FlagSet,
}

/// Whether the command being answered is one that may take messages away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expunges {
    /// NOOP, CHECK, EXPUNGE.
    Told,
    /// Every other command.
    Held,
}

/// What the client has to be told, in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Messages that are gone, each counted after the ones before it were taken away.
    pub(super) expunged: Vec<SeqNum>,
    /// Whether messages have come.
    pub(super) has_grown: bool,
    /// Messages whose flags are different, by their numbers after all of the above.
    pub(super) changed: Vec<SeqNum>,
}

impl Shown {
    fn of((row, flags): (&Row, FlagSet)) -> Self {
        Self { id: row.id, flags }
    }
}

impl Numbers {
    /// What a client gets that opens the mailbox now.
    pub(super) fn new(view: &View) -> Self {
        // To the size it needs: there are as many of these as there are clients.
        let mut shown = Vec::with_capacity(view.messages().count());
        shown.extend(view.messages().map(Shown::of));
        Self {
            shown,
            gone: Vec::new(),
            recent: Vec::new(),
            change: view.change,
        }
    }

    /// How many messages the client knows of.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.shown.len()).unwrap_or(u32::MAX)
    }

    /// The newest message the client knows of.
    pub(super) fn newest(&self) -> Option<MessageId> {
        self.shown.iter().map(|shown| shown.id).max()
    }

    /// The messages that a command means: ascending ranges of numbers that all exist.
    pub(super) fn resolve(
        &self,
        set: &SequenceSet,
    ) -> Result<Vec<RangeInclusive<u32>>, SequenceError> {
        set.resolve(self.count(), StarAllowed::No)
    }

    /// The message with this number.
    pub(super) fn get(&self, number: u32) -> Option<Shown> {
        self.shown.get(SeqNum::new(number)?.index()).copied()
    }

    /// All messages with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SeqNum, Shown)> {
        let numbered = |(index, shown): (usize, &Shown)| Some((SeqNum::from_index(index)?, *shown));
        self.shown.iter().enumerate().filter_map(numbered)
    }

    /// Notes the flags that the client is about to be told.
    pub(super) fn told(&mut self, seq: SeqNum, flags: FlagSet) {
        if let Some(shown) = self.shown.get_mut(seq.index()) {
            shown.flags = flags;
        }
    }

    /// Notes that the messages past `after`, up to `newest`, are `\Recent` to this client.
    pub(super) fn add_recent(&mut self, after: MessageId, newest: MessageId) {
        match self.recent.last_mut() {
            Some((_, end)) if after <= *end => *end = newest.max(*end),
            _ if after < newest => self.recent.push((after, newest)),
            _ => {}
        }
    }

    /// Whether a message is `\Recent` to this client.
    pub(super) fn is_recent(&self, id: MessageId) -> bool {
        self.recent
            .iter()
            .any(|(after, newest)| *after < id && id <= *newest)
    }

    /// How many messages are `\Recent`.
    pub(super) fn recent_count(&self) -> u32 {
        if self.recent.is_empty() {
            return 0;
        }
        let count = self
            .shown
            .iter()
            .filter(|shown| self.is_recent(shown.id))
            .count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Compares with what the store shows now, and takes over what the client is going to be told.
    pub(super) fn compare(&mut self, view: &View, expunges: Expunges) -> News {
        let mut news = News::default();
        let mut changed = Vec::new();
        if view.change != self.change {
            self.change = view.change;
            let arrived = self.walk(view, &mut changed);
            news.has_grown = !arrived.is_empty();
            self.shown.reserve_exact(arrived.len());
            self.shown.extend(arrived);
        }
        if expunges == Expunges::Told && !self.gone.is_empty() {
            news.expunged = self.take_away(&mut changed);
        }
        news.changed = changed.into_iter().filter_map(SeqNum::from_index).collect();
        news
    }

    /// Finds what has changed and what is gone; returns what has come.
    ///
    /// Ids grow with the numbers, so both lists are walked side by side. A message that came back after it was gone has a
    /// number at the end, out of that order, and is looked up.
    fn walk(&mut self, view: &View, changed: &mut Vec<usize>) -> Vec<Shown> {
        let mut rows = view.messages().map(Shown::of).peekable();
        let mut unknown = Vec::new();
        let mut returned = BTreeSet::new();
        self.gone.clear();
        for (index, shown) in self.shown.iter_mut().enumerate() {
            while let Some(row) = rows.next_if(|row| row.id < shown.id) {
                unknown.push(row);
            }
            let found = rows
                .next_if(|row| row.id == shown.id)
                .map(|row| row.flags)
                .or_else(|| {
                    let (row, flags) = view.find(shown.id)?;
                    returned.insert(row.id);
                    Some(flags)
                });
            match found {
                Some(flags) if flags != shown.flags => {
                    shown.flags = flags;
                    changed.push(index);
                }
                Some(_) => {}
                None => self.gone.push(index),
            }
        }
        unknown.extend(rows);
        unknown.retain(|row| !returned.contains(&row.id));
        unknown
    }

    /// Removes what is gone, and says how to tell it. Positions in `changed` move up.
    fn take_away(&mut self, changed: &mut [usize]) -> Vec<SeqNum> {
        let gone = std::mem::take(&mut self.gone);
        for position in changed {
            let before = gone.partition_point(|index| index < position);
            *position = position.saturating_sub(before);
        }
        let mut index = 0usize;
        let mut leaving = gone.iter().copied().peekable();
        self.shown.retain(|_| {
            let stays = leaving.next_if_eq(&index).is_none();
            index = index.saturating_add(1);
            stays
        });
        let renumbered =
            |(taken, index): (usize, usize)| SeqNum::from_index(index.saturating_sub(taken));
        gone.into_iter()
            .enumerate()
            .filter_map(renumbered)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_in_a_mailbox_that_is_only_read_are_one_range() {
        let id = MessageId::from_raw;
        let mut numbers = Numbers {
            shown: Vec::new(),
            gone: Vec::new(),
            recent: Vec::new(),
            change: ChangeNum::from_raw(1),
        };
        // Nobody else looks, so all that has come since is recent, each time.
        for newest in [12, 13, 13, 20] {
            numbers.add_recent(id(10), id(newest));
        }
        assert_eq!(numbers.recent, [(id(10), id(20))]);
        // Somebody else was told of what came up to 25.
        numbers.add_recent(id(25), id(25));
        numbers.add_recent(id(25), id(27));
        assert_eq!(numbers.recent, [(id(10), id(20)), (id(25), id(27))]);
        assert!(numbers.is_recent(id(20)) && !numbers.is_recent(id(25)));
    }
}
