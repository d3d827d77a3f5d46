//! Glance: what the open mailbox shows, told by a few looks and by sets of flags instead of a line for every message.
//!
//! Where servers give messages no names, [`probe`] says where to look; what lies between is recalled from the base, and
//! the flags of all are read as sets. Whatever does not fit ends the glance, and everything is
//! listed. What is recalled is enough to leave a message alone: the messages that somebody acted on are looked at here,
//! and [`Selected::recognise`] looks at whatever else is about to be acted on.

use std::collections::{BTreeMap, BTreeSet};

use super::error::UpstreamError;
use super::flag_sets::telling_places;
use super::selected::{Map, Recalled, Selected, Slot};
use crate::id::MessageId;
use crate::journal::Mark;
use crate::mirror::{Base, BaseMessage, Probe, Sight, Stretch, first_places, probe};
use crate::protocol::client::Completion;
use crate::protocol::command::{Command, Numbering};
use crate::protocol::response::{Status, Untagged};
use crate::protocol::types::{
    Envelope, FetchItem, FetchRequest, FlagSet, SeqNum, SequenceSet, Tag,
};

/// How to look at a mailbox whose server gives messages no names.
#[derive(Clone, Debug)]
pub enum Effort {
    /// Ask for everything that is not known yet.
    List,
    /// Look here and there, if that can be enough.
    Glance(Glance),
    /// The same, then list everything and count what the glance had wrong.
    Check(Glance),
}

/// What a glance goes by, besides the base.
#[derive(Clone, Debug, Default)]
pub struct Glance {
    /// Messages that somebody acted on; they are looked at wherever they stand.
    pub acted_on: BTreeSet<MessageId>,
    /// The envelope of the last message of the base.
    pub last_envelope: Option<Envelope>,
    /// Whether its size is compared as well, and headers where several messages share date and size: some servers have to
    /// read much for that. Where nothing is at stake it need not be each time; where somebody acted on messages it is.
    pub closely: bool,
    /// Decides about some of the places to look at.
    pub chance: u64,
}

impl Selected<'_> {
    /// Fills in what the base knows. Says whether that was possible; otherwise nothing is filled in.
    pub(super) async fn glance(
        &mut self,
        base: &Base,
        glance: &Glance,
    ) -> Result<bool, UpstreamError> {
        let is_done = self.map.is_worth_a_glance(base)
            && self.find_places(base, glance).await?
            && self.map.is_worth_a_glance(base)
            && self.read_flag_sets(base).await?;
        if !is_done {
            tracing::debug!("a glance was not enough; everything is listed");
            self.map.forget_recalled();
        }
        Ok(is_done)
    }

    /// Looks whether messages stand where they were taken to stand, as far as that was only recalled. One that was removed
    /// meanwhile stands nowhere, and is in nobody's way.
    ///
    /// # Errors
    /// [`UpstreamError`] when the connection is of no further use.
    pub async fn recognise(
        &mut self,
        messages: &[MessageId],
        mark_of: impl Fn(MessageId) -> Option<Mark>,
    ) -> Result<bool, UpstreamError> {
        let numbers = self.map.numbers();
        let recalled = messages.iter().filter_map(|message| {
            let slot = self.map.slot(&numbers, *message)?;
            slot.recalled.in_part().then_some(*message)
        });
        let recalled: Vec<MessageId> = recalled.collect();
        let mut seqs = self.seqs(&recalled);
        self.map.forget_recalled_at(&seqs);
        for _ in 0..TRIES {
            if seqs.is_empty() {
                break;
            }
            self.look(&seqs, FetchRequest::Fast).await?;
            seqs = self.seqs(&recalled);
            seqs.retain(|seq| {
                self.map
                    .slots
                    .get(seq.index())
                    .is_some_and(|slot| slot.mark().is_none())
            });
        }
        let numbers = self.map.numbers();
        let is_right = |message: &MessageId| {
            let Some(slot) = self.map.slot(&numbers, *message) else {
                return true;
            };
            let (shown, known) = (slot.mark(), mark_of(*message));
            shown.is_some() && shown.map(|mark| mark.weak()) == known.map(|mark| mark.weak())
        };
        let is_right = recalled.iter().all(is_right);
        if !is_right {
            tracing::warn!("a message is not where a glance took it to be");
        }
        Ok(is_right)
    }

    /// Finds out what stands where, and recalls what needs no look.
    async fn find_places(&mut self, base: &Base, glance: &Glance) -> Result<bool, UpstreamError> {
        if !self.look_first(base, glance).await? {
            return Ok(false);
        }
        for _ in 0..MOST_ROUNDS {
            let before = (self.map.sized_count(), self.map.generation);
            self.map.slots.resize(self.map.exists, Slot::default());
            let places = match probe(base, self.map.slots.len(), &self.map.sights()) {
                Probe::Look(places) => places,
                Probe::List => return Ok(false),
                Probe::Found(found) => {
                    let unseen = self.map.unseen(base, &found, &glance.acted_on);
                    if unseen.is_empty() {
                        return Ok(self.map.recall(base, &found));
                    }
                    unseen
                }
            };
            let is_told = self.look(&seqs_of(&places), FetchRequest::Fast).await?;
            if !is_told || before == (self.map.sized_count(), self.map.generation) {
                break;
            }
        }
        Ok(false)
    }

    /// Asks for items of messages, until numbers move. Says whether the server was willing.
    async fn look(&mut self, seqs: &[SeqNum], items: FetchRequest) -> Result<bool, UpstreamError> {
        let generation = self.map.generation;
        for set in SequenceSet::chunked(seqs.iter().copied(), LOOKS_AT_ONCE) {
            let fetch = Command::Fetch(Numbering::Sequence, set, items.clone());
            let map = &mut self.map;
            let completion = self.wire.run(fetch, |untagged| map.apply(untagged)).await?;
            if self.map.generation != generation {
                break;
            }
            if completion.status != Status::Ok {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Looks here and there, and at the last place that the base can reach, all at once: reading can be. Row `1176-PIPELINE`.
    /// Says whether the server was willing.
    async fn look_first(&mut self, base: &Base, glance: &Glance) -> Result<bool, UpstreamError> {
        let place = base.messages.len().min(self.map.exists);
        let known = base.messages.last();
        let known = known.filter(|_| place == base.messages.len());
        let Some(seq) = seq_of(place) else {
            return Ok(true);
        };
        let (mut places, dates_tell) = first_places(base, self.map.slots.len(), glance.chance);
        places.extend(telling_places(base, place.saturating_sub(1)));
        places.sort_unstable();
        places.dedup();
        let items = if dates_tell {
            FetchRequest::Items(vec![FetchItem::Flags, FetchItem::InternalDate])
        } else {
            FetchRequest::Fast
        };
        let generation = self.map.generation;
        let mut looks = Vec::new();
        for set in SequenceSet::chunked(seqs_of(&places), LOOKS_AT_ONCE) {
            looks.push(self.send_look(set, items.clone())?);
        }
        let request = known.map_or(FetchRequest::Fast, |_| self.last_request(base, glance));
        let last_look = self.send_look(SequenceSet::single(seq), request)?;
        let (mut envelope, mut is_willing) = (None, true);
        for look in looks {
            let completion = self.hear_look(look, seq, &mut envelope).await?;
            is_willing &= completion.status == Status::Ok;
        }
        let completion = self.hear_look(last_look, seq, &mut envelope).await?;
        if !is_willing || self.map.generation != generation {
            return Ok(is_willing);
        }
        let is_shown = completion.status == Status::Ok && self.map.is_sized(seq);
        let is_known = known.is_some_and(|known| {
            let names = envelope.zip(glance.last_envelope.as_ref());
            let is_named = names.is_some_and(|(shown, known)| name_one_message(&shown, known));
            is_named && self.map.recall_last(seq, known)
        });
        if is_known || is_shown {
            return Ok(true);
        }
        self.look(&[seq], FetchRequest::Fast).await
    }

    /// What to ask of the last message: its envelope tells as much as its header would, and many servers have it at hand.
    fn last_request(&self, base: &Base, glance: &Glance) -> FetchRequest {
        if glance.closely || self.map.exists != base.messages.len() {
            return FetchRequest::All;
        }
        FetchRequest::Items(vec![
            FetchItem::Flags,
            FetchItem::InternalDate,
            FetchItem::Envelope,
        ])
    }

    fn send_look(&mut self, set: SequenceSet, items: FetchRequest) -> Result<Tag, UpstreamError> {
        let fetch = Command::Fetch(Numbering::Sequence, set, items);
        self.wire.send(fetch)
    }

    /// Reads up to the end of a look, and keeps the envelope of one message.
    async fn hear_look(
        &mut self,
        look: Tag,
        seq: SeqNum,
        envelope: &mut Option<Box<Envelope>>,
    ) -> Result<Completion, UpstreamError> {
        let map = &mut self.map;
        let hear = |mut untagged| {
            if let Untagged::Fetch(at, data) = &mut untagged
                && *at == seq
            {
                *envelope = data.envelope.take().or(envelope.take());
            }
            map.apply(untagged)
        };
        self.wire.finish(look, hear).await
    }
}

impl Map {
    /// Whether everything that a glance leaves out can be known without it.
    fn is_worth_a_glance(&self, base: &Base) -> bool {
        // A message without a header is read by its number soon, and must be at it.
        let is_read = base
            .messages
            .iter()
            .all(|known| known.mark.header.is_some());
        let used: FlagSet = base.messages.iter().map(|known| known.flags).collect();
        let searched = self.searched();
        let most = base.messages.len() / MESSAGES_WORTH_A_SEARCH;
        let few =
            usize::try_from(searched.len()).is_ok_and(|count| count <= most.max(FEW_SEARCHES));
        is_read && self.named.is_some() && searched.contains(used) && few
    }

    /// What was shown on this connection, by place. Where an envelope told which message it is, that stands for the size.
    fn sights(&self) -> BTreeMap<usize, Sight> {
        let shown = (1_usize..).zip(&self.slots).filter_map(|(place, slot)| {
            let (instant, _) = slot.instant.filter(|_| !slot.recalled.instant)?;
            let size = slot
                .size
                .filter(|_| !slot.recalled.size || slot.recalled.header);
            Some((place, Sight { instant, size }))
        });
        shown.collect()
    }

    fn is_sized(&self, seq: SeqNum) -> bool {
        let slot = self.slots.get(seq.index());
        slot.is_some_and(|slot| slot.size.is_some())
    }

    /// Takes over what the base knows of a message that its envelope names. Says whether what was shown agrees.
    fn recall_last(&mut self, seq: SeqNum, known: &BaseMessage) -> bool {
        let Some(slot) = self.slots.get_mut(seq.index()) else {
            return false;
        };
        let agrees = slot.instant.map(|(instant, _)| instant) == Some(known.mark.instant)
            && slot.size.is_none_or(|size| size == known.mark.size);
        if agrees {
            slot.recalled.size |= slot.size.is_none();
            slot.size = Some(known.mark.size);
            slot.recalled.header |= slot.header.is_none();
            slot.header = slot.header.or(known.mark.header);
        }
        agrees
    }

    fn sized_count(&self) -> usize {
        let sized = |slot: &&Slot| slot.size.is_some() && !slot.recalled.size;
        self.slots.iter().filter(sized).count()
    }

    /// The places of messages, and of those before them, in stretches that nobody looked at: a copy of a message may stand
    /// where it would stand, but hardly behind a copy of the one before it.
    fn unseen(&self, base: &Base, found: &[Stretch], messages: &BTreeSet<MessageId>) -> Vec<usize> {
        let at = |message: &MessageId| {
            let known = &base.messages;
            let index = known.binary_search_by_key(message, |known| known.id).ok()?;
            Some([index, index.saturating_add(1)])
        };
        let place = |at: usize| {
            found.iter().find_map(|stretch| {
                let nth = at.checked_sub(stretch.known)?;
                (nth < stretch.len).then(|| stretch.place.saturating_add(nth))
            })
        };
        let is_unseen = |place: &usize| {
            let slot = place.checked_sub(1).and_then(|at| self.slots.get(at));
            slot.is_some_and(|slot| slot.instant.is_none() || slot.size.is_none())
        };
        let places = messages.iter().filter_map(at).flatten().filter_map(place);
        let places: BTreeSet<usize> = places.filter(is_unseen).collect();
        places.into_iter().collect()
    }

    /// Fills the stretches in. Says whether what was shown there agrees.
    fn recall(&mut self, base: &Base, found: &[Stretch]) -> bool {
        for stretch in found {
            let slots = self.slots.iter_mut().skip(stretch.place.saturating_sub(1));
            let known = base.messages.iter().skip(stretch.known.saturating_sub(1));
            for (slot, known) in slots.zip(known).take(stretch.len) {
                let (instant, size) = known.mark.weak();
                let shown = slot.instant.map_or(instant, |(instant, _)| instant);
                if (shown, slot.size.unwrap_or(size)) != (instant, size) {
                    return false;
                }
                slot.recalled.message = Some(known.id);
                slot.recalled.instant |= slot.instant.is_none();
                slot.recalled.size |= slot.size.is_none();
                slot.instant = slot.instant.or(Some((instant, known.zone_minutes)));
                slot.size = Some(size);
            }
        }
        true
    }

    /// Leaves only what was shown.
    pub(super) fn forget_recalled(&mut self) {
        self.slots.iter_mut().for_each(Slot::forget_recalled);
    }

    fn forget_recalled_at(&mut self, seqs: &[SeqNum]) {
        for seq in seqs {
            self.slots.get_mut(seq.index()).map(Slot::forget_recalled);
        }
    }
}

impl Slot {
    fn forget_recalled(&mut self) {
        let Recalled {
            message: _,
            instant,
            size,
            header,
        } = std::mem::take(&mut self.recalled);
        self.instant = self.instant.filter(|_| !instant);
        self.size = self.size.filter(|_| !size);
        self.header = self.header.filter(|_| !header);
    }
}

/// Whether two envelopes are of one message, for certain. Fields that servers read in their own ways do not count.
fn name_one_message(shown: &Envelope, known: &Envelope) -> bool {
    let told = |envelope: &Envelope| {
        (
            envelope.message_id.clone(),
            envelope.date.clone(),
            envelope.subject.clone(),
            envelope.in_reply_to.clone(),
        )
    };
    let is_named = shown.message_id.as_ref().is_some_and(|id| !id.is_empty());
    is_named && told(shown) == told(known)
}

fn seq_of(place: usize) -> Option<SeqNum> {
    SeqNum::from_index(place.checked_sub(1)?)
}

fn seqs_of(places: &[usize]) -> Vec<SeqNum> {
    places.iter().filter_map(|place| seq_of(*place)).collect()
}

/// So many searches are always worth it, and one more for so many messages.
const FEW_SEARCHES: usize = 12;
const MESSAGES_WORTH_A_SEARCH: usize = 500;
/// How many places one command names: its line stays below 1,000 octets.
const LOOKS_AT_ONCE: usize = 100;
/// How many rounds of looks are worth their while.
const MOST_ROUNDS: usize = 24;
/// How often a message is looked for because numbers moved meanwhile.
const TRIES: usize = 3;
