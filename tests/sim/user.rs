//! Our user, who acts on the copy, and what of it is to be seen.

use std::cell::RefCell;
use std::collections::BTreeMap;

use lowtide::endpoint::{Letter as Composed, deliver};
use lowtide::id::MessageId;
use lowtide::journal::{Action, NewEntry};
use lowtide::protocol::types::{Flag, FlagDelta, FlagSet, InternalDate, Keywords};
use lowtide::store::{ConflictRow, Row, Store, StoreError, Undone};

use crate::life::{id_of, trace};
use crate::model::{ALPHABET, DELETED, Letter, Model, NAMES, Place, flags, text_of};
use crate::oracle::is_mistake;
use crate::random::Random;
use crate::wish::What;

/// Who reads mail offline.
#[derive(Clone)]
pub(crate) struct User {
    chance: Random,
    /// Which letter each message was that the copy ever showed.
    pub(crate) letters: BTreeMap<MessageId, (Place, Letter)>,
    pub(crate) wish_count: usize,
}

impl User {
    pub(crate) fn new(chance: Random) -> Self {
        Self {
            chance,
            letters: BTreeMap::new(),
            wish_count: 0,
        }
    }

    /// Does something with the copy.
    pub(crate) async fn act(&mut self, store: &Store, model: &RefCell<Model>) {
        let place = *self.chance.pick(&[0, 0, 0, 1]);
        // The process may have died just now.
        let Ok(shown) = look(store, place).await else {
            return;
        };
        if store.takes_messages() && self.chance.percent(8) {
            return self.write(place, store, model).await;
        }
        let known: Vec<_> = shown
            .into_iter()
            .filter_map(|(id, letter, flags)| Some((id, letter?, flags)))
            .collect();
        let may_be_told = model.borrow().may_be_told();
        if may_be_told && self.chance.percent(50) && self.undo(place, &known, store, model).await {
            return;
        }
        if known.is_empty() {
            return;
        }
        let (message, letter, flags) = known[self.chance.below(known.len())];
        let (action, what) = self.choose(place, flags);
        trace(|| {
            format!(
                "user: {} {message:?} letter {letter:?} {what:?}",
                NAMES[place]
            )
        });
        self.letters.insert(message, (place, letter));
        let accepted = store
            .accept(id_of(store, place), vec![NewEntry { message, action }])
            .await;
        let is_certain = accepted.is_ok();
        if accepted.is_ok_and(|accepted| accepted.accepted_count == 0) {
            return;
        }
        if matches!(what, What::Remove { .. }) {
            let conflicts = store.conflicts().await.unwrap_or_default();
            Model::was_meant(message, letter, &conflicts);
        }
        let count = known
            .iter()
            .filter(|(_, other, _)| *other == letter)
            .count();
        model
            .borrow_mut()
            .wish(place, letter, what, count, is_certain);
        self.wish_count += 1;
    }
}

/// What our user does, and has otherwise.
impl User {
    /// Something to be done with a message that shows these flags.
    fn choose(&mut self, place: Place, flags: FlagSet) -> (Action, What) {
        match self.chance.below(10) {
            0 => {
                let to = NAMES[1 - place].parse().unwrap();
                (Action::Copy { to }, What::Copy { to: 1 - place })
            }
            1..=3 if flags.contains(DELETED) => (Action::Expunge, What::Remove { is_done: false }),
            _ => {
                let flag = *self.chance.pick(&ALPHABET);
                let (add, remove) = if flags.contains(flag) {
                    (FlagSet::EMPTY, flag)
                } else {
                    (flag, FlagSet::EMPTY)
                };
                (
                    Action::Flags(FlagDelta { add, remove }),
                    What::Flags {
                        add,
                        remove,
                        named: flag,
                        unsent: FlagDelta { add, remove },
                    },
                )
            }
        }
    }

    /// Undoes the first mistake that is told of a mailbox. Says whether there is one.
    async fn undo(
        &mut self,
        place: Place,
        known: &[(MessageId, Letter, FlagSet)],
        store: &Store,
        model: &RefCell<Model>,
    ) -> bool {
        let conflicts = store.conflicts().await.unwrap_or_default();
        let stands = |told: &&ConflictRow| {
            is_mistake(told.kind)
                && told.undone_at.is_none()
                && told.mailbox.to_string() == NAMES[place]
        };
        let Some(told) = conflicts.iter().find(stands) else {
            return false;
        };
        let Some(&(_, letter)) = self.letters.get(&told.message) else {
            return false;
        };
        let back = undoing(told);
        let undone = store.undo_conflict(told.id).await;
        trace(|| format!("user: {} undoes {told:?}: {undone:?}", NAMES[place]));
        match undone {
            Ok(Undone::NoConflict | Undone::MessageGone) => return true,
            Ok(Undone::Agreed) => panic!("nobody knows what the server shows: {told:?}"),
            Ok(Undone::Asked) | Err(_) => {}
        }
        let FlagDelta { add, remove } = back;
        let what = What::Flags {
            add,
            remove,
            named: back.touched(),
            unsent: back,
        };
        let alike = known.iter().filter(|(_, other, _)| *other == letter);
        let (count, is_certain) = (alike.count(), undone.is_ok());
        model
            .borrow_mut()
            .wish(place, letter, what, count, is_certain);
        self.wish_count += 1;
        true
    }
}

/// What takes a mistake back that is told.
pub(crate) fn undoing(told: &ConflictRow) -> FlagDelta {
    let flags = |names: &str| {
        let names = names.trim_matches(['(', ')']).split_whitespace();
        let flags: Vec<Flag> = names
            .map(|name| Flag::from_bytes(name.as_bytes()).unwrap())
            .collect();
        Keywords::default().resolve(&flags).0
    };
    FlagDelta::between(flags(&told.there), flags(&told.seen))
}

/// What our user writes.
impl User {
    /// Appends a message.
    async fn write(&mut self, place: Place, store: &Store, model: &RefCell<Model>) {
        let (letter, bytes) = model.borrow_mut().compose(place, &mut self.chance);
        let flags = flags(&mut self.chance, 25).minus(DELETED);
        trace(|| format!("user: {} appends {letter:?} {flags:?}", NAMES[place]));
        let new = Composed {
            flags: Keywords::default().names(flags).collect(),
            date: InternalDate {
                instant_secs: letter.1,
                offset_minutes: 60,
                zone_known: true,
            },
            octets: bytes.to_vec(),
        };
        let accepted = deliver(store, id_of(store, place), new).await;
        let is_certain = accepted.is_ok();
        model
            .borrow_mut()
            .wish(place, letter, What::Append, 0, is_certain);
        self.wish_count += 1;
    }
}

/// What a mail client sees: ids, letters where they are known, and flags.
pub(crate) async fn look(store: &Store, place: Place) -> Result<Vec<Shown>, StoreError> {
    let view = store.view(id_of(store, place)).await?;
    let rows: Vec<(Row, FlagSet)> = view.messages().map(|(row, flags)| (*row, flags)).collect();
    let headers = store
        .headers(rows.iter().map(|(row, _)| row.id).collect())
        .await?;
    let shown = rows.iter().zip(headers).map(|((row, flags), header)| {
        let text = header.map(|header| text_of(&header));
        (row.id, text.map(|text| (text, row.instant)), *flags)
    });
    Ok(shown.collect())
}

/// A message as a mail client sees it: its id, its letter if the header is known, its flags.
pub(crate) type Shown = (MessageId, Option<Letter>, FlagSet);
