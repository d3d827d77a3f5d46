//! Align: which message of the base is which message of the observation.
//!
//! Servers without UIDs promise two things only: survivors keep their order, and new messages come at the end. So an
//! observation reads as *a subsequence of the base, then arrivals*. Several readings may fit. The leftmost pairs every
//! observed message with the earliest base message it can be, the rightmost with the latest; where both agree, every
//! reading agrees, and the pair is certain. Where they differ, marks are missing or messages are equal: first we ask
//! for evidence (their headers), and what stays open then is doubt, which is a result like any other.
//!
//! Behind the last message that is known for sure, also what looks known may have arrived: of a message whose header was
//! never read, date and size alone prove nothing. Before it, the order does.

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

    /// Whether nothing but its date and size can tell what a message of the base is.
    fn is_blank(&self, known: &BaseMessage) -> bool {
        known.mark.header.is_none() && !self.names(known)
    }

    /// Whether a message is shown to be this one: by its UID, or by its header.
    fn proves(&self, known: &BaseMessage, seen: &SeenMessage) -> bool {
        self.may_be(known, seen) && (self.names(known) || known.mark.proves(&seen.mark))
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
        let right = rightmost(base, seen, rule, left.len());
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

    /// The last known messages, as far as they have to be proven: one proof shows that everything before it is as old,
    /// unless the last ones are copies that somebody brought back. An arrival may have the date and size of a message
    /// that is gone; where one was found out, look for more.
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
        let has_blanks = base.messages.iter().any(|known| rule.is_blank(known));
        let proofs = match seen.coverage {
            _ if has_blanks => PROOFS,
            Coverage::Glance { .. } => 1,
            Coverage::Whole | Coverage::Check { .. } => PROOFS_OF_A_LISTING,
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
        let last = comparable.map(|(index, _)| index);
        let last = last.take(found_out.saturating_mul(8).saturating_add(proofs));
        let mut lacking = proofs;
        let mut asked = BTreeSet::new();
        for index in last {
            if unread(&index) {
                asked.insert(index);
            } else {
                lacking = lacking.saturating_sub(1);
            }
            if lacking == 0 {
                break;
            }
        }
        asked
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

    /// Pairs that every reading agrees on which takes for known what can be: index into the observation, index into the base.
    fn certain(&self) -> impl Iterator<Item = (usize, usize)> {
        pairs_of(&self.left, &self.right)
    }

    /// For each known observed message, the latest base message it can be if as little is known as is proven: up to the
    /// last one whose header is one of the base. What date and size alone say is believed where several such stand behind
    /// it, since somebody may have brought back a copy. Otherwise it may be any that is later, or none.
    fn surely(&self, base: &Base, seen: &Observation, rule: &Rule) -> Vec<usize> {
        let spans = self.left.iter().zip(&self.right).zip(&seen.messages);
        let is_proof = |((&left, &right), message): ((&usize, &usize), &SeenMessage)| {
            let is_shown = rule.has_names || message.mark.header.is_some();
            let range = base.messages.get(left..=right).filter(|_| is_shown);
            range.is_some_and(|range| range.iter().any(|known| rule.proves(known, message)))
        };
        let proofs: Vec<bool> = spans.map(is_proof).collect();
        let last = proofs.iter().rposition(|is_proof| *is_proof);
        let known_count = last.map_or(0, |last| last.saturating_add(1));
        let mut latest = rightmost(base, seen, rule, known_count);
        latest.resize(self.known_count(), usize::MAX);
        let mut behind = 0_usize;
        for ((&left, latest), is_proof) in self.left.iter().zip(&mut latest).zip(proofs).rev() {
            let known = base.messages.get(left);
            if is_proof {
                behind = behind.saturating_add(1);
            } else if behind < PROOFS && known.is_some_and(|known| rule.is_blank(known)) {
                *latest = usize::MAX;
            }
        }
        latest
    }

    fn fates(&self, base: &Base, seen: &Observation, rule: &Rule) -> Alignment {
        let mut fates = vec![Fate::Gone; base.messages.len()];
        let surely = self.surely(base, seen, rule);
        for (seen_index, base_index) in pairs_of(&self.left, &surely) {
            if let (Some(fate), Some(seq)) =
                (fates.get_mut(base_index), SeqNum::from_index(seen_index))
            {
                *fate = Fate::Present(seq);
            }
        }
        let doubt = Doubt::of(&self.left, &surely, seen);
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

/// The latest messages of the base that the first `count` of the observation can be, if the others arrived.
fn rightmost(base: &Base, seen: &Observation, rule: &Rule, count: usize) -> Vec<usize> {
    let mut candidates = base.messages.iter().enumerate().rev();
    let known = seen.messages.iter().take(count).rev();
    let mut right: Vec<usize> = known
        .filter_map(|message| candidates.find(|(_, known)| rule.may_be(known, message)))
        .map(|(index, _)| index)
        .collect();
    right.reverse();
    assert_eq!(
        right.len(),
        count,
        "what can be read from the left can be read from the right"
    );
    right
}

/// Where the leftmost and the rightmost reading agree: index into the observation, index into the base.
fn pairs_of(left: &[usize], right: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    let both = left.iter().zip(right).enumerate();
    both.filter(|(_, (left, right))| left == right)
        .map(|(seen, (&left, _))| (seen, left))
}

/// For every look that is in doubt, the stretch of the base in which its messages may be.
struct Doubt(Looks<(usize, usize)>);

impl Doubt {
    fn of(left: &[usize], surely: &[usize], seen: &Observation) -> Self {
        let mut spans = Looks::new();
        for ((&left, &right), message) in left.iter().zip(surely).zip(&seen.messages) {
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
    let gone: Looks = removed().map(|known| (look(&known.mark), ())).collect();
    let explains = |((_, known), message): ((usize, &BaseMessage), &SeenMessage)| {
        let is_open = rule.is_blank(known) && agreeing(&gone, &message.mark).next().is_some();
        rule.may_be(known, message) && !is_open
    };
    // Nor does it say of the last ones that they did not arrive.
    let last = survivors().zip(&seen.messages).last();
    let is_proven = last.is_none_or(|((_, known), message)| rule.proves(known, message));
    let mut marks = removed().map(|known| agreeing(&marked, &known.mark));
    if !is_proven
        || marks.any(|mut marked| marked.next().is_some())
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

/// How many headers of the last known messages are compared where messages are listed: one could be a copy that somebody
/// brought back, behind a message that looks like the one before it.
const PROOFS_OF_A_LISTING: usize = 2;
/// How many headers prove that what date and size alone say of the messages before them is right.
const PROOFS: usize = 4;

#[cfg(test)]
mod tests;
