//! What must hold of a life, judged by the model alone.

use std::collections::BTreeMap;

use lowtide::journal::EntryState;
use lowtide::mirror::ConflictKind;
use lowtide::protocol::types::FlagSet;
use lowtide::store::{ConflictRow, EntryRow, NamedAction};

use crate::life::{Life, id_of};
use crate::model::{DELETED, Event, Letter, NAMES, Place, SEEN, Who};
use crate::user::{look, undoing};
use crate::wish::{What, Wish};

/// What happened, counted.
#[derive(Default)]
struct Deeds {
    /// What we removed.
    removed: BTreeMap<(Place, Letter), usize>,
    /// What we copied, by what it says: the dates of copies may be any.
    copied: BTreeMap<(Place, u32), usize>,
    /// What we appended.
    appended: BTreeMap<(Place, Letter), usize>,
    /// What came otherwise, by what it says.
    brought_by_others: BTreeMap<(Place, u32), usize>,
    /// What anybody removed. A copy whose answer was lost and whose equal is gone cannot be told from one that never came.
    lost: BTreeMap<(Place, u32), usize>,
}

impl Deeds {
    fn of(events: &[Event]) -> Self {
        let mut deeds = Self::default();
        for event in events {
            match *event {
                Event::Removed {
                    who,
                    mailbox,
                    letter,
                } => {
                    *deeds.lost.entry((mailbox, letter.0)).or_default() += 1;
                    if who == Who::Us {
                        *deeds.removed.entry((mailbox, letter)).or_default() += 1;
                    }
                }
                Event::Copied {
                    who: Who::Us,
                    to,
                    letter,
                } => *deeds.copied.entry((to, letter.0)).or_default() += 1,
                Event::Appended { to, letter } => {
                    *deeds.appended.entry((to, letter)).or_default() += 1;
                    *deeds.brought_by_others.entry((to, letter.0)).or_default() -= 1;
                }
                Event::Arrived { mailbox, letter } => {
                    *deeds
                        .brought_by_others
                        .entry((mailbox, letter.0))
                        .or_default() += 1;
                }
                Event::Copied {
                    who: Who::Others, ..
                } => {}
            }
        }
        deeds
    }

    fn lost(&self, place: Place, text: u32) -> usize {
        self.lost.get(&(place, text)).copied().unwrap_or(0)
    }
}

impl Life<'_> {
    /// What must hold at any time: nothing goes that our user did not ask to remove, and nothing comes that nobody asked for.
    pub(super) async fn is_safe(&mut self) {
        let brought = self.brought(|_| true).await;
        let model = self.model.borrow();
        let deeds = Deeds::of(&model.events);
        let seed = self.seed;
        let asked = |is_meant: &dyn Fn(&Wish) -> bool| {
            model.wishes.iter().filter(|wish| is_meant(wish)).count()
        };
        for (&(place, letter), count) in &deeds.removed {
            let asked = asked(&|wish| {
                (wish.place, wish.letter) == (place, letter)
                    && matches!(wish.what, What::Remove { .. })
            });
            let place = NAMES[place];
            assert!(
                *count <= asked,
                "{seed}: letter {letter:?} was removed from {place} without being asked to"
            );
        }
        // A letter that is gone before it was copied is appended instead.
        let instead = |to: Place, text: u32| -> usize {
            let appended = deeds.appended.iter();
            let more = appended.filter(|((place, letter), _)| (*place, letter.0) == (to, text));
            let more = more
                .map(|(key, count)| count.saturating_sub(brought.get(key).copied().unwrap_or(0)));
            more.sum()
        };
        let copies_asked = |to: Place, text: u32| {
            asked(&|wish| {
                wish.letter.0 == text
                    && matches!(wish.what, What::Copy { to: asked } if asked == to)
            })
        };
        for (&(to, text), count) in &deeds.copied {
            let asked = copies_asked(to, text);
            let count = count + instead(to, text);
            let (excused, place) = (deeds.lost(to, text), NAMES[to]);
            assert!(
                count <= asked + excused,
                "{seed}: text {text} was copied {count} times to {place}, and asked for {asked} times"
            );
        }
        for (&(to, letter), count) in &deeds.appended {
            let asked =
                brought.get(&(to, letter)).copied().unwrap_or(0) + copies_asked(to, letter.0);
            let (excused, place) = (deeds.lost(to, letter.0), NAMES[to]);
            assert!(
                *count <= asked + excused,
                "{seed}: {letter:?} was appended {count} times to {place}, and asked for {asked} times"
            );
        }
    }

    /// How often each letter is to be appended: because our user wrote it, or because others removed it and it is to go back.
    async fn brought(
        &mut self,
        is_meant: impl Fn(&Wish) -> bool,
    ) -> BTreeMap<(Place, Letter), usize> {
        let conflicts = self.store().await.conflicts().await.unwrap();
        let back = conflicts
            .iter()
            .filter(|conflict| conflict.kind == ConflictKind::ChangedHereRestoredThere)
            .filter_map(|conflict| self.user.letters.get(&conflict.message).copied());
        let model = self.model.borrow();
        let wishes = model.wishes.iter();
        let written = wishes
            .filter(|wish| matches!(wish.what, What::Append) && is_meant(wish))
            .map(|wish| (wish.place, wish.letter));
        let mut brought = BTreeMap::new();
        for letter in back.chain(written) {
            *brought.entry(letter).or_default() += 1;
        }
        brought
    }

    /// At the end all of them have come, but for those that wait.
    async fn is_brought(&mut self) {
        let brought = self.brought(|wish| wish.is_certain).await;
        let entries = self.store().await.entries().await.unwrap();
        let deeds = Deeds::of(&self.model.borrow().events);
        for ((place, letter), count) in brought {
            let waiting = entries.iter().filter(|entry| {
                matches!(entry.action, NamedAction::Append { .. })
                    && entry.mark.instant == letter.1
                    && entry.mailbox.to_string() == NAMES[place]
            });
            let came = deeds.appended.get(&(place, letter)).copied().unwrap_or(0);
            // What others put there of its like cannot be told from it.
            let alike = deeds.brought_by_others.get(&(place, letter.0)).copied();
            assert!(
                count <= came + alike.unwrap_or(0) + waiting.count(),
                "{}: {letter:?} was to be appended to {} {count} times, and was {came} times: {entries:?}",
                self.seed,
                NAMES[place]
            );
        }
    }

    /// Whether the copy is what the server holds, apart from letters of which something still waits.
    pub(super) async fn is_mirrored(&mut self) -> bool {
        let store = self.store().await;
        let entries = store.entries().await.unwrap();
        // Where something waits in doubt, nothing of the same date and size can be told.
        let mut waiting: Vec<(i64, u32)> = entries.iter().map(|entry| entry.mark.weak()).collect();
        for place in 0..NAMES.len() {
            let notes = store.stray_notes(id_of(&store, place)).await.unwrap();
            waiting.extend(notes.iter().map(|note| note.mark.weak()));
        }
        for place in 0..NAMES.len() {
            let view = store.view(id_of(&store, place)).await.unwrap();
            let listed = look(&store, place).await.unwrap();
            let model = self.model.borrow();
            let there = model.mailboxes[place].iter();
            let there = there.map(|message| (message.look(), message.flags));
            let shown = view
                .messages()
                .map(|(row, flags)| ((row.instant, row.size), flags));
            let is_settled = |(look, _): &((i64, u32), FlagSet)| !waiting.contains(look);
            if shown.filter(is_settled).ne(there.filter(is_settled)) {
                return false;
            }
            if waiting.is_empty() {
                let shown = listed.iter().map(|(_, letter, _)| *letter);
                if shown.ne(model.mailboxes[place]
                    .iter()
                    .map(|message| Some(message.letter)))
                {
                    return false;
                }
            }
        }
        true
    }

    /// At the end: every wish came true, or it is told why not; and nothing else was changed.
    pub(super) async fn is_fulfilled(&mut self) {
        let store = self.store().await;
        let conflicts = store.conflicts().await.unwrap();
        let entries = store.entries().await.unwrap();
        self.tally.conflicts += conflicts.len();
        self.tally.waiting += entries.len();
        let decides = |kind| kind != ConflictKind::MarkedHereDeletedThere && !is_mistake(kind);
        let mut spoken_of = self.letters_told(&conflicts, decides);
        spoken_of.extend(entries.iter().flat_map(|entry| self.letters_of(entry)));
        self.is_brought().await;
        let seed = self.seed;
        for entry in &entries {
            let parked = matches!(entry.state, EntryState::Parked(_));
            assert!(
                parked || !entry.trouble.is_empty(),
                "{seed}: nobody says why it waits: {entry:?}"
            );
        }
        let model = self.model.borrow();
        for wish in &model.wishes {
            let is_told = spoken_of.contains(&(wish.place, wish.letter));
            let is_lost = match wish.what {
                What::Flags { add, remove, .. } => {
                    let left = add.union(remove);
                    !left.is_empty() && !wish.may_be_gone && !model.may_take_back(wish, left)
                }
                What::Remove { is_done } => !is_done,
                What::Copy { to } => {
                    let is_meant = |other: &&Wish| {
                        matches!(other.what, What::Copy { to: also } if also == to)
                            && other.letter.0 == wish.letter.0
                            && other.is_certain
                            && !spoken_of.contains(&(other.place, other.letter))
                    };
                    let came = model.events.iter().filter(|event| {
                        matches!(event, Event::Arrived { mailbox, letter }
                            if (*mailbox, letter.0) == (to, wish.letter.0))
                    });
                    // What is gone before it was copied is to be appended, whichever date its like has.
                    let is_its_like = |instant: i64| {
                        let mut alike = model.wishes.iter().map(|other| other.letter);
                        alike.any(|letter| letter == (wish.letter.0, instant))
                    };
                    let coming = entries.iter().filter(|entry| {
                        matches!(entry.action, NamedAction::Append { .. })
                            && is_its_like(entry.mark.instant)
                            && entry.mailbox.to_string() == NAMES[to]
                    });
                    let wished = model.wishes.iter().filter(is_meant);
                    came.count() + coming.count() < wished.count()
                }
                What::Append => false,
            };
            assert!(
                !is_lost || is_told || !wish.is_certain,
                "{seed}: a wish was lost: {wish:?}\nconflicts {conflicts:?}\nentries {entries:?}\n{:?}",
                model.mailboxes
            );
        }
        drop(model);
        let mistakes = self.mistakes_told(&conflicts);
        self.tally.mistakes += mistakes.len();
        self.tally.accusations += self.accusations(&mistakes);
        self.is_nothing_else_changed(&mistakes);
    }

    /// The letters that mistakes are told of, and the flags.
    fn mistakes_told(&self, conflicts: &[ConflictRow]) -> Vec<((Place, Letter), FlagSet)> {
        let told = conflicts.iter().filter(|told| is_mistake(told.kind));
        let of = |told: &ConflictRow| {
            let letter = self.user.letters.get(&told.message)?;
            Some((*letter, undoing(told).touched()))
        };
        told.filter_map(of).collect()
    }

    /// How often a mistake is told of a letter that we never hit: others did there what was asked of another letter.
    fn accusations(&self, mistakes: &[((Place, Letter), FlagSet)]) -> usize {
        let model = self.model.borrow();
        let was_hit = |(place, letter): (Place, Letter)| {
            let mut alike = model.mailboxes[place].iter();
            let gone = model.events.iter().any(|event| {
                matches!(event, Event::Removed { mailbox, letter: removed, .. }
                    if (*mailbox, *removed) == (place, letter))
            });
            gone || alike.any(|message| message.letter == letter && message.is_mistaken.is_some())
        };
        let told = mistakes.iter().map(|(told, _)| *told);
        told.filter(|told| !was_hit(*told)).count()
    }

    /// The letters that conflicts of some kinds speak of.
    fn letters_told(
        &self,
        conflicts: &[ConflictRow],
        is_kind: impl Fn(ConflictKind) -> bool,
    ) -> Vec<(Place, Letter)> {
        let told = conflicts.iter().filter(|conflict| is_kind(conflict.kind));
        let letters = told.filter_map(|conflict| self.user.letters.get(&conflict.message));
        letters.copied().collect()
    }

    /// Which letter an entry speaks of. Where the cache was lost before its header was read, any of its date.
    fn letters_of(&self, entry: &EntryRow) -> Vec<(Place, Letter)> {
        if let Some(known) = self.user.letters.get(&entry.message) {
            return vec![*known];
        }
        let model = self.model.borrow();
        let wished = model.wishes.iter().map(|wish| (wish.place, wish.letter));
        let is_it = |(place, letter): &(Place, Letter)| {
            entry.mailbox.to_string() == NAMES[*place] && entry.mark.instant == letter.1
        };
        wished.filter(is_it).collect()
    }

    /// No flag is otherwise than others left it, but for those that our user asked for, and mistakes that are told.
    fn is_nothing_else_changed(&self, told: &[((Place, Letter), FlagSet)]) {
        let seed = self.seed;
        let model = self.model.borrow();
        for (place, mailbox) in model.mailboxes.iter().enumerate() {
            for message in mailbox {
                let wishes = model
                    .wishes
                    .iter()
                    .filter(|wish| wish.letter.0 == message.letter.0);
                let named: FlagSet = wishes
                    .map(|wish| match wish.what {
                        What::Flags { named, .. } => named,
                        What::Remove { .. } => DELETED,
                        What::Copy { .. } | What::Append => FlagSet::EMPTY,
                    })
                    .collect();
                let differs = message
                    .flags
                    .minus(message.theirs)
                    .union(message.theirs.minus(message.flags))
                    .minus(named)
                    .minus(message.contested);
                // Where numbers move at any time, a mark of ours can hit what others have just put there.
                // Where nothing can be taken off, it stays on record.
                let is_noted = model.noted.contains(&(place, message.look()));
                let is_anyones = message.is_anyones || is_noted;
                // Nor can what we read by mistake be unmarked where nothing can.
                let is_excused = (is_anyones || self.manners.denies) && differs == SEEN;
                // A copy of ours has what its source had, of which it is told.
                let of_it = told.iter().filter(|((there, letter), _)| {
                    *letter == message.letter && (*there == place || message.is_copy)
                });
                let told: FlagSet = of_it.map(|(_, flags)| *flags).collect();
                let is_mistaken = message.is_mistaken.is_some() && differs.minus(told).is_empty();
                let is_kept = is_mistaken || is_excused || differs.is_empty();
                assert!(
                    is_kept,
                    "{seed}: {} {:?} has {:?}, and others left it with {:?}",
                    NAMES[place], message.letter, message.flags, message.theirs
                );
            }
        }
    }
}

pub(crate) fn is_mistake(kind: ConflictKind) -> bool {
    kind == ConflictKind::ChangedThereLikeAnother
}
