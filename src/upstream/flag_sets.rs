//! Flags of all messages, read as sets: a SEARCH for each flag, or for its absence, whichever finds less.

use super::error::UpstreamError;
use super::selected::{Map, Selected, Slot};
use crate::mirror::{Base, BaseMessage};
use crate::protocol::response::Status;
use crate::protocol::types::{Flag, FlagSet, SearchKey, SeqNum, Tag};

impl Selected<'_> {
    /// Reads the flags of all messages as sets. Says whether what came can be believed.
    pub(super) async fn read_flag_sets(&mut self, base: &Base) -> Result<bool, UpstreamError> {
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
        let searched = self.map.searched();
        let wanted = searched.iter().map(|flag| (flag, is_rare(base, flag)));
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
        let told = match self.search_at_once(&wanted, &keys).await? {
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
    /// for several things at a time. But it comes before the end of its command: where one line came before each end, in the
    /// order in which they were sent, each is the answer to its own. Elsewhere the flags that were shown may tell.
    async fn search_at_once(
        &mut self,
        wanted: &[(FlagSet, bool)],
        keys: &[SearchKey],
    ) -> Result<Option<Vec<Vec<u32>>>, UpstreamError> {
        if !self.wire.searches_at_once {
            return Ok(None);
        }
        let tags = keys.iter().map(|key| self.send_search(key.clone()));
        let tags: Vec<Tag> = tags.collect::<Result<_, _>>()?;
        let generation = self.map.generation;
        let mut told = Vec::with_capacity(keys.len());
        let (mut is_willing, mut is_in_turn) = (true, true);
        for tag in tags {
            let (completion, lines) = self.found(tag).await?;
            is_willing &= completion.status == Status::Ok;
            is_in_turn &= lines.len() == 1;
            told.extend(lines);
        }
        let told = if is_in_turn {
            Some(told)
        } else {
            self.map.assign(wanted, told)
        };
        let told = told.filter(|_| is_willing);
        // Where numbers moved, that says nothing of the server.
        if self.map.generation == generation {
            self.wire.searches_at_once = told.is_some();
        }
        Ok(told)
    }
}

/// Places of the base that tell the sets apart, if flags are shown there: for each flag one message of its smaller set that
/// is in as few others as can be.
pub(super) fn telling_places(base: &Base, count: usize) -> Vec<usize> {
    let used: FlagSet = base.messages.iter().map(|known| known.flags).collect();
    let rare: Vec<(FlagSet, bool)> = used
        .iter()
        .map(|flag| (flag, is_rare(base, flag)))
        .collect();
    let is_in = |known: &BaseMessage, (flag, has_it): &(FlagSet, bool)| {
        known.flags.contains(*flag) == *has_it
    };
    let places = rare.iter().filter_map(|set| {
        let latest_first = base.messages.iter().enumerate().take(count).rev();
        let members = latest_first.filter(|(_, known)| is_in(known, set));
        let others = |known: &BaseMessage| rare.iter().filter(|other| is_in(known, other)).count();
        members.min_by_key(|(_, known)| others(known))
    });
    places.map(|(index, _)| index.saturating_add(1)).collect()
}

/// Whether fewer messages of the base have a flag than have it not.
fn is_rare(base: &Base, flag: FlagSet) -> bool {
    let messages = base.messages.iter();
    let with = messages.filter(|known| known.flags.contains(flag)).count();
    with.saturating_mul(2) <= base.messages.len()
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
    /// The flags that messages here can have, as far as the server says.
    pub(super) fn searched(&self) -> FlagSet {
        self.named.unwrap_or_default().union(ALWAYS_SEARCHED)
    }

    /// Which line of numbers answers which question, where the flags that were shown leave one way only: whether a message is
    /// in a set, they say. Lines that say the same may be taken for each other.
    fn assign(
        &self,
        wanted: &[(FlagSet, bool)],
        mut lines: Vec<Vec<u32>>,
    ) -> Option<Vec<Vec<u32>>> {
        let slots = (1_u32..).zip(&self.slots);
        let shown = slots.filter_map(|(number, slot)| Some((number, slot.flags?)));
        let shown: Vec<(u32, FlagSet)> = shown.collect();
        lines.iter_mut().for_each(|line| line.sort_unstable());
        // A line that holds none of them may be a part of an answer.
        let is_told = |line: &[u32]| {
            let mut held = shown.iter().map(|(number, _)| line.binary_search(number));
            line.is_empty() || held.any(|place| place.is_ok())
        };
        if !lines.iter().all(|line| is_told(line)) {
            return None;
        }
        let answers = |(flag, has_it): &(FlagSet, bool), line: &[u32]| {
            shown.iter().all(|(number, flags)| {
                line.binary_search(number).is_ok() == (flags.contains(*flag) == *has_it)
            })
        };
        let mut left = lines.clone();
        let mut told = Vec::with_capacity(wanted.len());
        for question in wanted {
            let mut possible = lines.iter().filter(|line| answers(question, line));
            let only = possible.next()?;
            if possible.any(|line| line != only) {
                return None;
            }
            let taken = left.iter().position(|line| line == only)?;
            told.push(left.swap_remove(taken));
        }
        left.is_empty().then_some(told)
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

/// Flags that every server has, whatever it names.
const ALWAYS_SEARCHED: FlagSet = FlagSet::SEEN
    .union(FlagSet::ANSWERED)
    .union(FlagSet::FLAGGED)
    .union(FlagSet::DELETED);
/// How often flags are read anew because messages were removed meanwhile.
const TRIES: usize = 3;
