//! Align: which message of the base is which message of the observation.
//!
//! Servers without UIDs promise two things only: survivors keep their order, and new messages come at the end. So an
//! observation reads as *a subsequence of the base, then arrivals*. Several readings may fit. The leftmost pairs every
//! observed message with the earliest base message it can be, the rightmost with the latest; where both agree, every
//! reading agrees, and the pair is certain. Where they differ, marks are missing or messages are equal: first we ask
//! for evidence (their headers), and what stays open then is doubt, which is a result like any other.

mod look;

use std::collections::{BTreeMap, BTreeSet};

use super::observation::{Coverage, Observation, SeenMessage};
use super::view::{Base, BaseMessage, Remote, RemoteState, Stranger};
use crate::id::MessageId;
use crate::journal::Mark;
use crate::protocol::types::{FlagSet, SeqNum};
use look::{Looks, Lost, Twins, agreeing, headers_before, is_like_one_of, look, tied_looks};

/// The outcome of one attempt to align.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aligned {
    /// Every message has its class.
    Done(Alignment),
    /// The headers of these messages are needed first.
    NeedEvidence(Vec<SeqNum>),
}

/// Every message of the base in exactly one class, and where the arrivals begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alignment {
    /// Parallel to [`Base::messages`].
    pub fates: Vec<Fate>,
    /// How many messages at the start of the observation the base accounts for; the others arrived.
    pub known_count: usize,
}

/// What became of a message of the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stands at this number, whichever way the observation is read.
    Present(SeqNum),
    /// No reading of the observation holds it.
    Gone,
    /// It left its place, and exactly one arrival has the same header, date and size.
    Returned(SeqNum),
    /// Some readings hold it and some do not, or they hold it at different numbers.
    Doubtful,
    /// It is one of several equal messages, and is taken for the one at this number.
    Chosen(SeqNum),
}

/// Aligns a base with an observation.
///
/// `expunging` names the messages for which an EXPUNGE may have been carried out without our hearing of it. The
/// hypothesis is used only to settle doubt, and only if it explains the whole observation.
#[must_use]
pub fn align(base: &Base, seen: &Observation, expunging: &BTreeSet<MessageId>) -> Aligned {
    let rule = Rule::of(base, seen);
    let reading = Reading::of(base, seen, &rule);
    let needed = reading.evidence(base, seen, &rule);
    if !needed.is_empty() {
        return Aligned::NeedEvidence(needed);
    }
    let alignment = reading.fates(base, seen, &rule);
    if alignment.fates.contains(&Fate::Doubtful)
        && let Some(settled) = explained_by(base, seen, &rule, expunging)
    {
        return Aligned::Done(settled);
    }
    Aligned::Done(alignment)
}

impl Alignment {
    /// The server's side under our names.
    #[must_use]
    pub fn remote(&self, seen: &Observation) -> Remote {
        let flags_at = |seq: SeqNum| seen.at(seq).map_or(FlagSet::EMPTY, |message| message.flags);
        let states = self.fates.iter().map(|fate| match *fate {
            Fate::Present(seq) | Fate::Chosen(seq) => RemoteState::Present(flags_at(seq)),
            Fate::Gone => RemoteState::Gone,
            Fate::Returned(_) => RemoteState::Returned,
            Fate::Doubtful => RemoteState::Doubtful,
        });
        let paired: BTreeSet<SeqNum> = self.present().map(|(_, seq)| seq).collect();
        let strangers = seen
            .numbered()
            .enumerate()
            .filter(|(_, (seq, _))| !paired.contains(seq));
        Remote {
            states: states.collect(),
            strangers: strangers
                .map(|(index, (seq, message))| Stranger {
                    seq,
                    flags: message.flags,
                    arrived: index >= self.known_count,
                })
                .collect(),
        }
    }

    /// The pairs: index into the base, and sequence number.
    pub fn present(&self) -> impl Iterator<Item = (usize, SeqNum)> {
        self.fates
            .iter()
            .enumerate()
            .filter_map(|(index, fate)| match *fate {
                Fate::Present(seq) | Fate::Chosen(seq) => Some((index, seq)),
                Fate::Gone | Fate::Returned(_) | Fate::Doubtful => None,
            })
    }
}

/// How two marks are compared between this base and this observation: by UID as far as both have them under one
/// UIDVALIDITY, and otherwise by date, size and, where known, the header. A message of the base has lost its UID if the
/// mailbox got another UIDVALIDITY while it was in doubt.
struct Rule {
    has_names: bool,
    /// The UIDs that are somebody's, where not everybody has one.
    taken: BTreeSet<u32>,
}

impl Rule {
    fn of(base: &Base, seen: &Observation) -> Self {
        let validity =
            base.facts.uid_validity.is_some() && base.facts.uid_validity == seen.facts.uid_validity;
        let mut shown = seen.messages.iter().map(|message| message.mark.uid);
        let has_names = validity && shown.all(|uid| uid.is_some());
        let known = || base.messages.iter().map(|message| message.mark.uid);
        let taken = if has_names && known().any(|uid| uid.is_none()) {
            known().flatten().collect()
        } else {
            BTreeSet::new()
        };
        Self { has_names, taken }
    }

    /// Whether a message of the base is found by its UID alone.
    fn names(&self, known: &BaseMessage) -> bool {
        self.has_names && known.mark.uid.is_some()
    }

    fn may_be(&self, known: &BaseMessage, seen: &SeenMessage) -> bool {
        if self.names(known) {
            return known.mark.uid == seen.mark.uid;
        }
        let is_anothers = seen.mark.uid.is_some_and(|uid| self.taken.contains(&uid));
        !is_anothers && known.mark.agrees(&seen.mark)
    }
}

/// The leftmost and the rightmost way to find the start of an observation in the base.
struct Reading {
    /// For each known observed message, the earliest base message it can be.
    left: Vec<usize>,
    /// For each known observed message, the latest.
    right: Vec<usize>,
}

impl Reading {
    fn of(base: &Base, seen: &Observation, rule: &Rule) -> Self {
        let mut left = Vec::with_capacity(seen.messages.len());
        let mut candidates = base.messages.iter().enumerate();
        for message in &seen.messages {
            match candidates.find(|(_, known)| rule.may_be(known, message)) {
                Some((index, _)) => left.push(index),
                None => break,
            }
        }
        let mut candidates = base.messages.iter().enumerate().rev();
        let mut right: Vec<usize> = seen
            .messages
            .iter()
            .take(left.len())
            .rev()
            .filter_map(|message| candidates.find(|(_, known)| rule.may_be(known, message)))
            .map(|(index, _)| index)
            .collect();
        right.reverse();
        assert_eq!(
            left.len(),
            right.len(),
            "what can be read from the left can be read from the right"
        );
        Self { left, right }
    }

    fn known_count(&self) -> usize {
        self.left.len()
    }

    /// Which headers would tell more: of ambiguous messages, of the last known ones, of all that look like a message that
    /// is gone, and of those whose date and size several known messages share.
    fn evidence(&self, base: &Base, seen: &Observation, rule: &Rule) -> Vec<SeqNum> {
        if base.messages.iter().all(|known| rule.names(known)) {
            return Vec::new();
        }
        let lost = self.lost_looks(base, rule);
        let last = self.unproven_end(base, seen, &lost, rule);
        let tied = match seen.coverage {
            Coverage::Glance { closely: false } => BTreeSet::new(),
            Coverage::Glance { closely: true } => tied_looks(base, Twins::LeftOut),
            Coverage::Whole | Coverage::Check { .. } => tied_looks(base, Twins::Counted),
        };
        let headers_before = headers_before(base);
        let any_header = |first: usize, last: usize| {
            headers_before.get(first) != headers_before.get(last.saturating_add(1))
        };
        let telling = |index: usize, message: &SeenMessage| match (
            self.left.get(index),
            self.right.get(index),
        ) {
            (Some(left), Some(right)) if left == right => {
                let known = base.messages.get(*left);
                if known.is_some_and(|known| rule.names(known)) {
                    return false;
                }
                last.contains(&index)
                    || is_like_one_of(&lost, &message.mark)
                    || tied.contains(&message.mark.weak())
            }
            (Some(&left), Some(&right)) => any_header(left, right),
            _ => is_like_one_of(&lost, &message.mark),
        };
        seen.numbered()
            .enumerate()
            .filter(|(index, (_, message))| {
                message.mark.header.is_none() && telling(*index, message)
            })
            .map(|(_, (seq, _))| seq)
            .collect()
    }

    /// The last known messages, as far as they have to be proven: one proof shows that everything before it is as old.
    /// An arrival may have the date and size of a message that is gone; where one was found out, look for more.
    fn unproven_end(
        &self,
        base: &Base,
        seen: &Observation,
        lost: &Lost,
        rule: &Rule,
    ) -> BTreeSet<usize> {
        let unread = |index: &usize| {
            let message = seen.messages.get(*index);
            message.is_some_and(|message| message.mark.header.is_none())
        };
        let arrivals = seen.messages.iter().skip(self.known_count());
        let found_out = arrivals
            .take_while(|message| {
                message.mark.header.is_some() && is_like_one_of(lost, &message.mark)
            })
            .count();
        let comparable = self.left.iter().enumerate().rev().filter(|(_, known)| {
            let known = base.messages.get(**known);
            known.is_some_and(|known| known.mark.header.is_some() && !rule.names(known))
        });
        comparable
            .map(|(index, _)| index)
            .take_while(unread)
            .take(found_out.saturating_mul(8).saturating_add(1))
            .collect()
    }

    /// The base messages that no certain pair holds and whose header is known, by what they look like.
    fn lost_looks(&self, base: &Base, rule: &Rule) -> Lost {
        let mut lost = Lost::new();
        let mut certain = self.certain().map(|(_, index)| index).peekable();
        for (index, known) in base.messages.iter().enumerate() {
            if certain.next_if_eq(&index).is_none()
                && !rule.names(known)
                && let Some(header) = known.mark.header
            {
                let (instant, size) = known.mark.weak();
                lost.entry((instant, size, header)).or_default().push(index);
            }
        }
        lost
    }

    /// Pairs that every reading agrees on: index into the observation, index into the base.
    fn certain(&self) -> impl Iterator<Item = (usize, usize)> {
        self.left
            .iter()
            .zip(&self.right)
            .enumerate()
            .filter(|(_, (left, right))| left == right)
            .map(|(seen, (&left, _))| (seen, left))
    }

    fn fates(&self, base: &Base, seen: &Observation, rule: &Rule) -> Alignment {
        let mut fates = vec![Fate::Gone; base.messages.len()];
        for (seen_index, base_index) in self.certain() {
            if let (Some(fate), Some(seq)) =
                (fates.get_mut(base_index), SeqNum::from_index(seen_index))
            {
                *fate = Fate::Present(seq);
            }
        }
        let doubt = Doubt::of(self, seen);
        let returned = self.returned(base, seen, rule);
        for (index, (fate, known)) in fates.iter_mut().zip(&base.messages).enumerate() {
            if *fate == Fate::Gone && !rule.names(known) {
                if doubt.covers(index, &known.mark) {
                    *fate = Fate::Doubtful;
                } else if let Some(&seq) = returned.get(&index) {
                    *fate = Fate::Returned(seq);
                }
            }
        }
        Alignment {
            fates,
            known_count: self.known_count(),
        }
    }

    /// Lost base messages that exactly one arrival proves to be, and that no other lost message equals.
    fn returned(&self, base: &Base, seen: &Observation, rule: &Rule) -> BTreeMap<usize, SeqNum> {
        let lost = self.lost_looks(base, rule);
        let mut found: BTreeMap<usize, Vec<SeqNum>> = BTreeMap::new();
        for (seq, message) in seen.numbered().skip(self.known_count()) {
            let Some(header) = message.mark.header else {
                continue;
            };
            let (instant, size) = message.mark.weak();
            if let Some([only]) = lost.get(&(instant, size, header)).map(Vec::as_slice) {
                found.entry(*only).or_default().push(seq);
            }
        }
        found
            .into_iter()
            .filter_map(|(index, seqs)| {
                <[SeqNum; 1]>::try_from(seqs).ok().map(|[seq]| (index, seq))
            })
            .collect()
    }
}

/// For every look that is in doubt, the stretch of the base in which its messages may be.
struct Doubt(Looks<(usize, usize)>);

impl Doubt {
    fn of(reading: &Reading, seen: &Observation) -> Self {
        let mut spans = Looks::new();
        for ((&left, &right), message) in
            reading.left.iter().zip(&reading.right).zip(&seen.messages)
        {
            if left != right {
                let span = spans.entry(look(&message.mark)).or_insert((left, right));
                *span = (span.0.min(left), span.1.max(right));
            }
        }
        Self(spans)
    }

    fn covers(&self, index: usize, mark: &Mark) -> bool {
        agreeing(&self.0, mark).any(|&(first, last)| (first..=last).contains(&index))
    }
}

/// The alignment under which exactly the messages of `expunging` are gone, if it explains the whole observation: no
/// arrival, and no message equal to one of them still shows `\Deleted`.
fn explained_by(
    base: &Base,
    seen: &Observation,
    rule: &Rule,
    expunging: &BTreeSet<MessageId>,
) -> Option<Alignment> {
    let survivors = || {
        base.messages
            .iter()
            .enumerate()
            .filter(|(_, known)| !expunging.contains(&known.id))
    };
    if expunging.is_empty() || survivors().count() != seen.messages.len() {
        return None;
    }
    let marked: Looks = seen
        .messages
        .iter()
        .filter(|message| message.flags.contains(FlagSet::DELETED))
        .map(|message| (look(&message.mark), ()))
        .collect();
    let removed = || {
        let known = base.messages.iter();
        known.filter(|known| expunging.contains(&known.id))
    };
    // Whose header was never read could be any of its date and size, also one that was to be removed and was not.
    let is_blank = |known: &BaseMessage, message: &SeenMessage| {
        let is_unread = known.mark.header.is_none() && !rule.names(known);
        is_unread && removed().any(|gone| gone.mark.agrees(&message.mark))
    };
    let explains = |((_, known), message): ((usize, &BaseMessage), &SeenMessage)| {
        rule.may_be(known, message) && !is_blank(known, message)
    };
    let mut marks = removed().map(|known| agreeing(&marked, &known.mark));
    if marks.any(|mut marked| marked.next().is_some())
        || !survivors().zip(&seen.messages).all(explains)
    {
        return None;
    }
    let mut fates = vec![Fate::Gone; base.messages.len()];
    for ((index, _), (seq, _)) in survivors().zip(seen.numbered()) {
        if let Some(fate) = fates.get_mut(index) {
            *fate = Fate::Present(seq);
        }
    }
    Some(Alignment {
        fates,
        known_count: seen.messages.len(),
    })
}

#[cfg(test)]
mod tests;
