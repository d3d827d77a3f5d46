//! Glance: what the open mailbox shows, told by a few looks and by sets of flags instead of a line for every message.
//!
//! Where servers give messages no names, [`probe`] says where to look; what lies between is recalled from the base, and
//! the flags of all are read with SEARCH, a set for each flag. Whatever does not fit ends the glance, and everything is
//! listed. What is recalled is enough to leave a message alone: the messages that somebody acted on are looked at here,
//! and [`Selected::recognise`] looks at whatever else is about to be acted on.

use std::collections::{BTreeMap, BTreeSet};

use super::error::UpstreamError;
use super::selected::{Map, Recalled, Selected, Slot};
use crate::id::MessageId;
use crate::journal::Mark;
use crate::mirror::{Base, Probe, Sight, Stretch, first_places, probe};
use crate::protocol::command::{Command, Numbering};
use crate::protocol::response::{Status, Untagged};
use crate::protocol::types::{
    Envelope, FetchItem, FetchRequest, Flag, FlagSet, SearchKey, SeqNum, SequenceSet, Tag,
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
        let (first, dates_tell) = first_places(base, self.map.slots.len(), glance.chance);
        let items = if dates_tell {
            FetchRequest::Items(vec![FetchItem::Flags, FetchItem::InternalDate])
        } else {
            FetchRequest::Fast
        };
        // Both are sent at once: reading can be. Row `1176-PIPELINE`.
        let first = SequenceSet::chunked(seqs_of(&first), LOOKS_AT_ONCE);
        let first: Vec<Tag> = first
            .into_iter()
            .map(|set| {
                self.wire
                    .send(Command::Fetch(Numbering::Sequence, set, items.clone()))
            })
            .collect::<Result<_, _>>()?;
        let is_last_told = self.look_at_last(base, glance).await?;
        for tag in first {
            let map = &mut self.map;
            let completion = self
                .wire
                .finish(tag, |untagged| map.apply(untagged))
                .await?;
            if completion.status != Status::Ok {
                return Ok(false);
            }
        }
        if !is_last_told {
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

    /// Looks at the last place that the base can reach. If its last message is there, the envelope tells as much as its
    /// header would, and many servers have it at hand. Says whether the server was willing.
    async fn look_at_last(&mut self, base: &Base, glance: &Glance) -> Result<bool, UpstreamError> {
        let place = base.messages.len().min(self.map.exists);
        let Some(seq) = seq_of(place) else {
            return Ok(true);
        };
        let Some(known) = base
            .messages
            .last()
            .filter(|_| place == base.messages.len())
        else {
            return self.look(&[seq], FetchRequest::Fast).await;
        };
        let mut shown = None;
        let generation = self.map.generation;
        let sizes = glance.closely || self.map.exists != base.messages.len();
        let request = if sizes {
            FetchRequest::All
        } else {
            FetchRequest::Items(vec![
                FetchItem::Flags,
                FetchItem::InternalDate,
                FetchItem::Envelope,
            ])
        };
        let fetch = Command::Fetch(Numbering::Sequence, SequenceSet::single(seq), request);
        let map = &mut self.map;
        let hear = |mut untagged| {
            if let Untagged::Fetch(at, data) = &mut untagged
                && *at == seq
            {
                shown = data.envelope.take().or(shown.take());
            }
            map.apply(untagged)
        };
        let completion = self.wire.run(fetch, hear).await?;
        if self.map.generation != generation {
            return Ok(true);
        }
        let is_same = shown
            .zip(glance.last_envelope.as_ref())
            .is_some_and(|(shown, known)| name_one_message(&shown, known));
        if is_same
            && let Some(slot) = self.map.slots.get_mut(seq.index())
            && slot.instant.map(|(instant, _)| instant) == Some(known.mark.instant)
            && slot.size.is_none_or(|size| size == known.mark.size)
        {
            slot.recalled.size |= slot.size.is_none();
            slot.size = Some(known.mark.size);
            slot.recalled.header |= slot.header.is_none();
            slot.header = slot.header.or(known.mark.header);
            return Ok(true);
        }
        let is_shown = self
            .map
            .slots
            .get(seq.index())
            .is_some_and(|slot| slot.size.is_some());
        if is_shown && completion.status == Status::Ok {
            return Ok(true);
        }
        self.look(&[seq], FetchRequest::Fast).await
    }

    /// Reads the flags of all messages as sets. Says whether what came can be believed.
    async fn read_flag_sets(&mut self, base: &Base) -> Result<bool, UpstreamError> {
        for _ in 0..TRIES {
            let generation = self.map.generation;
            let Some(sets) = self.search_flags(base).await? else {
                return Ok(false);
            };
            if self.map.generation == generation {
                return Ok(self.map.take_flags(&sets));
            }
        }
        Ok(false)
    }

    /// Which messages have a flag, or which do not, whichever are fewer in the base.
    async fn search_flags(
        &mut self,
        base: &Base,
    ) -> Result<Option<Vec<FlaggedSet>>, UpstreamError> {
        let is_rare = |flag: &FlagSet| {
            let messages = base.messages.iter();
            let with = messages.filter(|known| known.flags.contains(*flag)).count();
            with.saturating_mul(2) <= base.messages.len()
        };
        let wanted = self
            .map
            .searched()
            .iter()
            .map(|flag| (flag, is_rare(&flag)));
        let Some(mut sets) = self.search_sets(wanted.collect()).await? else {
            return Ok(None);
        };
        // That no message is without a flag is believed only if it is said: `\Seen` above all.
        let is_unsaid = |set: &mut FlaggedSet| !set.has_it && set.numbers.is_none();
        let unsaid = sets.extract_if(.., is_unsaid).map(|set| (set.flag, true));
        let Some(said) = self.search_sets(unsaid.collect()).await? else {
            return Ok(None);
        };
        let is_said = said.iter().all(|set| set.numbers.is_some());
        sets.extend(said);
        Ok(is_said.then_some(sets))
    }

    /// Asks for sets: all at once, and one after the other where that does not say which answer is whose.
    async fn search_sets(
        &mut self,
        wanted: Vec<(FlagSet, bool)>,
    ) -> Result<Option<Vec<FlaggedSet>>, UpstreamError> {
        let key = |(flag, has_it): &(FlagSet, bool)| {
            key_of(self.map.keywords.names(*flag).next()?, *has_it)
        };
        let keys: Option<Vec<SearchKey>> = wanted.iter().map(key).collect();
        let Some(keys) = keys else { return Ok(None) };
        let told = match self.search_at_once(&keys).await? {
            Some(told) => told.into_iter().map(Some).collect(),
            None => {
                let mut told = Vec::with_capacity(keys.len());
                for key in keys {
                    let (completion, numbers) = self.search(key).await?;
                    if completion.status != Status::Ok {
                        return Ok(None);
                    }
                    told.push(numbers);
                }
                told
            }
        };
        let set = |((flag, has_it), numbers)| FlaggedSet {
            flag,
            has_it,
            numbers,
        };
        Ok(Some(wanted.into_iter().zip(told).map(set).collect()))
    }

    /// Sends every SEARCH before the first answer. A line of numbers does not say what it answers, and some servers search
    /// for several things at a time. But it comes before the end of its command: where one line came before each end, and the
    /// ends in turn, each is the answer to its own.
    async fn search_at_once(
        &mut self,
        keys: &[SearchKey],
    ) -> Result<Option<Vec<Vec<u32>>>, UpstreamError> {
        if !self.wire.searches_in_turn {
            return Ok(None);
        }
        let tags = keys.iter().map(|key| self.send_search(key.clone()));
        let tags: Vec<Tag> = tags.collect::<Result<_, _>>()?;
        let mut told = Vec::with_capacity(keys.len());
        for tag in tags {
            let (completion, mut lines) = self.found(tag).await?;
            let line = lines.pop().filter(|_| lines.is_empty());
            let is_in_turn = completion.status == Status::Ok && self.wire.is_in_turn();
            told.extend(line.filter(|_| is_in_turn));
        }
        self.wire.searches_in_turn = told.len() == keys.len();
        Ok(self.wire.searches_in_turn.then_some(told))
    }
}

/// The answer to a SEARCH for one flag.
#[derive(Clone, Debug)]
struct FlaggedSet {
    flag: FlagSet,
    /// Whether the numbers are of messages with it, or of those without.
    has_it: bool,
    /// The numbers, if a line with some or none came. Silence means that there are none. Row `1064-SEARCH-SILENT`.
    numbers: Option<Vec<u32>>,
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

    /// The flags that messages here can have, as far as the server says.
    fn searched(&self) -> FlagSet {
        self.named.unwrap_or_default().union(ALWAYS_SEARCHED)
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

    fn sized_count(&self) -> usize {
        let sized = |slot: &&Slot| slot.size.is_some() && !slot.recalled.size;
        self.slots.iter().filter(sized).count()
    }

    /// The places of messages in stretches that nobody looked at.
    fn unseen(&self, base: &Base, found: &[Stretch], messages: &BTreeSet<MessageId>) -> Vec<usize> {
        let place = |message: &MessageId| {
            let at = base
                .messages
                .binary_search_by_key(message, |known| known.id)
                .ok()?
                .checked_add(1)?;
            found.iter().find_map(|stretch| {
                let nth = at.checked_sub(stretch.known)?;
                (nth < stretch.len).then(|| stretch.place.saturating_add(nth))
            })
        };
        let is_unseen = |place: &usize| {
            let slot = place.checked_sub(1).and_then(|at| self.slots.get(at));
            slot.is_some_and(|slot| slot.instant.is_none() || slot.size.is_none())
        };
        let mut places: Vec<usize> = messages
            .iter()
            .filter_map(place)
            .filter(is_unseen)
            .collect();
        places.sort_unstable();
        places
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
                slot.recalled.instant |= slot.instant.is_none();
                slot.recalled.size |= slot.size.is_none();
                slot.instant = slot.instant.or(Some((instant, known.zone_minutes)));
                slot.size = Some(size);
            }
        }
        true
    }

    /// Takes over the flags of messages that were recalled. Says whether those that were shown one by one agree.
    fn take_flags(&mut self, sets: &[FlaggedSet]) -> bool {
        let without: FlagSet = sets
            .iter()
            .filter(|set| !set.has_it)
            .map(|set| set.flag)
            .collect();
        let mut told = vec![without; self.slots.len()];
        for set in sets {
            for number in set.numbers.iter().flatten() {
                let Some(seq) = SeqNum::new(*number).filter(|seq| seq.index() < self.exists) else {
                    return false;
                };
                // Beyond what is known stand messages that came meanwhile; those are listed.
                if let Some(flags) = told.get_mut(seq.index()) {
                    *flags = if set.has_it {
                        flags.union(set.flag)
                    } else {
                        flags.minus(set.flag)
                    };
                }
            }
        }
        let disagrees =
            |(slot, told): (&Slot, &FlagSet)| slot.flags.is_some_and(|flags| flags != *told);
        if self.slots.iter().zip(&told).any(disagrees) {
            return false;
        }
        for (slot, flags) in self.slots.iter_mut().zip(told) {
            if slot.recalled.in_part() {
                slot.flags = Some(flags);
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

fn key_of(flag: Flag, has_it: bool) -> Option<SearchKey> {
    Some(match (flag, has_it) {
        (Flag::Seen, true) => SearchKey::Seen,
        (Flag::Seen, false) => SearchKey::Unseen,
        (Flag::Answered, true) => SearchKey::Answered,
        (Flag::Answered, false) => SearchKey::Unanswered,
        (Flag::Flagged, true) => SearchKey::Flagged,
        (Flag::Flagged, false) => SearchKey::Unflagged,
        (Flag::Deleted, true) => SearchKey::Deleted,
        (Flag::Deleted, false) => SearchKey::Undeleted,
        (Flag::Draft, true) => SearchKey::Draft,
        (Flag::Draft, false) => SearchKey::Undraft,
        (Flag::Keyword(keyword), true) => SearchKey::Keyword(keyword),
        (Flag::Keyword(keyword), false) => SearchKey::Unkeyword(keyword),
        (Flag::Recent | Flag::Extension(_), _) => return None,
    })
}

fn seq_of(place: usize) -> Option<SeqNum> {
    SeqNum::from_index(place.checked_sub(1)?)
}

fn seqs_of(places: &[usize]) -> Vec<SeqNum> {
    places.iter().filter_map(|place| seq_of(*place)).collect()
}

/// Flags that every server has, whatever it names.
const ALWAYS_SEARCHED: FlagSet = FlagSet::SEEN
    .union(FlagSet::ANSWERED)
    .union(FlagSet::FLAGGED)
    .union(FlagSet::DELETED);
/// So many searches are always worth it, and one more for so many messages.
const FEW_SEARCHES: usize = 12;
const MESSAGES_WORTH_A_SEARCH: usize = 500;
/// How many places one command names: its line stays below 1,000 octets.
const LOOKS_AT_ONCE: usize = 100;
/// How many rounds of looks are worth their while.
const MOST_ROUNDS: usize = 24;
/// How often flags are read anew because messages were removed meanwhile.
const TRIES: usize = 3;
