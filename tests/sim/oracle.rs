//! What must hold of a life, judged by the model alone.

use std::collections::BTreeMap;

use lowtide::journal::EntryState;
use lowtide::mirror::ConflictKind;
use lowtide::protocol::types::FlagSet;
use lowtide::store::NamedAction;

use crate::life::{Life, id_of};
use crate::model::{DELETED, Event, Letter, NAMES, Place, SEEN, What, Who, Wish};
use crate::user::look;

impl Life<'_> {
    /// What must hold at any time.
    pub(super) async fn is_safe(&mut self) {
        let put_back = self.put_back().await;
        let model = self.model.borrow();
        // Nothing goes that our user did not ask to remove.
        let mut removed: BTreeMap<(Place, Letter), usize> = BTreeMap::new();
        // Copies are counted by what they say: their dates may be any.
        let mut copied: BTreeMap<(Place, u32), usize> = BTreeMap::new();
        let mut appended: BTreeMap<(Place, u32), usize> = BTreeMap::new();
        // A copy whose answer was lost and whose equal is gone cannot be told from one that never came.
        let mut lost: BTreeMap<(Place, u32), usize> = BTreeMap::new();
        for event in &model.events {
            match *event {
                Event::Removed {
                    who: Who::Us,
                    mailbox,
                    letter,
                } => {
                    *removed.entry((mailbox, letter)).or_default() += 1;
                    *lost.entry((mailbox, letter.0)).or_default() += 1;
                }
                Event::Copied {
                    who: Who::Us,
                    to,
                    letter,
                } => *copied.entry((to, letter.0)).or_default() += 1,
                Event::Appended { to, letter } => {
                    *appended.entry((to, letter.0)).or_default() += 1;
                }
                Event::Removed {
                    who: Who::Others,
                    mailbox,
                    letter,
                } => *lost.entry((mailbox, letter.0)).or_default() += 1,
                Event::Copied {
                    who: Who::Others, ..
                }
                | Event::Arrived { .. } => {}
            }
        }
        for ((place, letter), count) in &removed {
            let asked = model.wishes.iter().filter(|wish| {
                (wish.place, wish.letter) == (*place, *letter)
                    && matches!(wish.what, What::Remove { .. })
            });
            assert!(
                *count <= asked.count(),
                "{}: letter {letter:?} was removed from {} without being asked to",
                self.seed,
                NAMES[*place]
            );
        }
        for ((to, text), count) in &copied {
            let asked = model
                .wishes
                .iter()
                .filter(|wish| {
                    wish.letter.0 == *text
                        && matches!(wish.what, What::Copy { to: asked } if asked == *to)
                })
                .count();
            let excused = lost.get(&(*to, *text)).copied().unwrap_or(0);
            assert!(
                *count <= asked + excused,
                "{}: text {text} was copied {count} times to {}, and asked for {asked} times",
                self.seed,
                NAMES[*to]
            );
        }
        for ((to, text), count) in &appended {
            let wishes = model.wishes.iter();
            let asked = wishes.filter(|wish| {
                (wish.place, wish.letter.0) == (*to, *text) && matches!(wish.what, What::Append)
            });
            let asked = asked.count() + put_back.get(&(*to, *text)).copied().unwrap_or(0);
            let excused = lost.get(&(*to, *text)).copied().unwrap_or(0);
            assert!(
                *count <= asked + excused,
                "{}: text {text} was appended {count} times to {}, and asked for {asked} times",
                self.seed,
                NAMES[*to]
            );
        }
    }

    /// What others removed and is to go back, by what it says.
    async fn put_back(&mut self) -> BTreeMap<(Place, u32), usize> {
        let conflicts = self.store().await.conflicts().await.unwrap();
        let mut texts = BTreeMap::new();
        for conflict in conflicts {
            if conflict.kind == ConflictKind::ChangedHereRestoredThere {
                let (place, letter) = self.user.letters[&conflict.message];
                *texts.entry((place, letter.0)).or_default() += 1;
            }
        }
        texts
    }

    /// Whether the copy is what the server holds, apart from letters of which something still waits.
    pub(super) async fn is_mirrored(&mut self) -> bool {
        let store = self.store().await;
        let entries = store.entries().await.unwrap();
        // Where something waits in doubt, nothing of the same date and size can be told.
        let waiting: Vec<(i64, u32)> = entries.iter().map(|entry| entry.mark.weak()).collect();
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
        let spoken_of: Vec<(Place, Letter)> = conflicts
            .iter()
            .filter(|conflict| conflict.kind != ConflictKind::MarkedHereDeletedThere)
            .map(|conflict| conflict.message)
            .chain(entries.iter().map(|entry| entry.message))
            .filter_map(|message| self.user.letters.get(&message).copied())
            .collect();
        let put_back = self.put_back().await;
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
                    !add.union(remove).is_empty() && !wish.may_be_gone
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
                    came.count() < model.wishes.iter().filter(is_meant).count()
                }
                What::Append => {
                    let is_meant = |other: &&Wish| {
                        matches!(other.what, What::Append)
                            && (other.place, other.letter) == (wish.place, wish.letter)
                            && other.is_certain
                    };
                    let asked = model.wishes.iter().filter(is_meant).count();
                    let waits = entries.iter().filter(|entry| {
                        matches!(entry.action, NamedAction::Append { .. })
                            && entry.mark.instant == wish.letter.1
                    });
                    let came = model.events.iter().filter(|event| {
                        matches!(event, Event::Appended { to, letter }
                            if (*to, *letter) == (wish.place, wish.letter))
                    });
                    let back = put_back.get(&(wish.place, wish.letter.0)).copied();
                    came.count() + waits.count() < asked + back.unwrap_or(0)
                }
            };
            let is_told = is_told && !matches!(wish.what, What::Append);
            assert!(
                !is_lost || is_told || !wish.is_certain,
                "{seed}: a wish was lost: {wish:?}\nconflicts {conflicts:?}\nentries {entries:?}\n{:?}",
                model.mailboxes
            );
        }
        drop(model);
        self.is_nothing_else_changed();
    }

    /// No flag is otherwise than others left it, but for those that our user asked for.
    fn is_nothing_else_changed(&self) {
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
                    .minus(named);
                // Where numbers move at any time, a mark of ours can hit what others have just put there.
                let is_excused = (message.is_anyones || self.was_eager) && differs == SEEN;
                let is_kept = message.is_mistaken.is_some() || is_excused || differs.is_empty();
                assert!(
                    is_kept,
                    "{seed}: {} {:?} has {:?}, and others left it with {:?}",
                    NAMES[place], message.letter, message.flags, message.theirs
                );
            }
        }
    }
}
