//! Random lives of one mailbox: at any moment the view is the base with the journal over it, here and after a restart.

use super::{Account, NONE, found, mark, name};
use crate::id::{EntryId, MessageId};
use crate::journal::{Action, Attempt, NewEntry, ParkReason};
use crate::mirror::support::{Chance, seeds};
use crate::mirror::{Rebinding, Settlement, fold};
use crate::protocol::types::{FlagDelta, FlagSet};
use crate::store::{BodyIn, HeaderIn, Packed, StoreError};

/// What the store ought to hold, in plain lists.
#[derive(Default)]
struct Model {
    base: Vec<(MessageId, FlagSet)>,
    entries: Vec<(EntryId, MessageId, Action, bool)>,
}

impl Model {
    fn view(&self) -> Vec<(MessageId, FlagSet)> {
        let mut view = self.base.clone();
        for (_, message, action, _) in self.entries.iter().filter(|(_, _, _, parked)| !parked) {
            match action {
                Action::Flags(delta) => {
                    for (_, flags) in view.iter_mut().filter(|(id, _)| id == message) {
                        *flags = delta.apply(*flags);
                    }
                }
                Action::Expunge => view.retain(|(id, _)| id != message),
                Action::Copy { .. } | Action::Append { .. } => {}
            }
        }
        view
    }
}

struct Life {
    account: Account,
    model: Model,
    made: u8,
}

const ALPHABET: [FlagSet; 3] = [FlagSet::SEEN, FlagSet::FLAGGED, FlagSet::DELETED];

impl Life {
    async fn new() -> Self {
        Self {
            account: Account::with(0).await,
            model: Model::default(),
            made: 0,
        }
    }

    async fn step(&mut self, chance: &mut Chance) {
        match chance.below(8) {
            0..=2 => self.accept(chance).await,
            3 | 4 => self.record(chance).await,
            5 => self.keep(chance).await,
            6 => self.rebind(chance).await,
            _ => self.account.reopen().await,
        }
    }

    async fn accept(&mut self, chance: &mut Chance) {
        if self.model.base.is_empty() {
            return;
        }
        let mut wishes = Vec::new();
        for _ in 0..1 + chance.below(4) {
            let message = chance.pick(&self.model.base).0;
            let action = match chance.below(5) {
                0 => Action::Expunge,
                1 => Action::Copy {
                    to: name("archive"),
                },
                _ => Action::Flags(FlagDelta {
                    add: chance.flags(&ALPHABET, 30),
                    remove: chance.flags(&ALPHABET, 30),
                }),
            };
            wishes.push(NewEntry { message, action });
        }
        let accepted = self
            .account
            .store()
            .accept(self.account.inbox, wishes.clone());
        let accepted = accepted.await;
        let before = self.model.entries.len();
        for NewEntry { message, action } in wishes {
            let view = self.model.view();
            let Some(&(_, flags)) = view.iter().find(|(id, _)| *id == message) else {
                if matches!(action, Action::Copy { .. }) {
                    assert!(matches!(accepted, Err(StoreError::MessageGone)));
                    self.model.entries.truncate(before);
                    return;
                }
                continue;
            };
            let action = match action {
                Action::Flags(delta) if delta.holds_in(flags) => continue,
                Action::Flags(delta) => {
                    Action::Flags(FlagDelta::between(flags, delta.apply(flags)))
                }
                Action::Expunge if !flags.contains(FlagSet::DELETED) => continue,
                Action::Expunge | Action::Copy { .. } | Action::Append { .. } => action,
            };
            let unknown = EntryId::from_raw(0);
            self.model.entries.push((unknown, message, action, false));
        }
        let accepted_count = accepted.unwrap().accepted_count;
        assert_eq!(accepted_count, self.model.entries.len() - before);
        let ids = self.account.entries().await;
        assert_eq!(ids.len(), self.model.entries.len());
        for (entry, id) in self.model.entries.iter_mut().zip(ids) {
            entry.0 = id;
        }
    }

    async fn record(&mut self, chance: &mut Chance) {
        let mut settlement = Settlement::default();
        for _ in 0..chance.below(3) {
            self.made = self.made.wrapping_add(1);
            settlement.arrived.extend(found(&[mark(self.made)]).arrived);
        }
        for (message, _) in self.model.base.clone() {
            match chance.below(10) {
                0 => settlement.gone.push(message),
                1 | 2 => settlement
                    .flags
                    .push((message, chance.flags(&ALPHABET, 40))),
                3 => settlement.marks.push((message, mark(200))),
                _ => {}
            }
        }
        for (entry, _, _, _) in &self.model.entries {
            match chance.below(6) {
                0 | 1 => settlement.retired.push(*entry),
                2 => settlement.parked.push((*entry, ParkReason::NotKept)),
                _ => {}
            }
        }
        if let ([gone, ..], [arrival, ..]) = (&*settlement.gone, &mut *settlement.arrived)
            && chance.percent(50)
        {
            arrival.was = Some(*gone);
        }
        let ids = self.account.record(settlement.clone()).await;
        let Model { base, entries } = &mut self.model;
        for (message, flags) in &settlement.flags {
            base.iter_mut()
                .filter(|(id, _)| id == message)
                .for_each(|(_, known)| *known = *flags);
        }
        base.retain(|(id, _)| !settlement.gone.contains(id));
        base.extend(ids.iter().map(|id| (*id, NONE)));
        entries.retain(|(id, _, _, _)| !settlement.retired.contains(id));
        for (id, message, _, parked) in entries {
            *parked |= settlement.parked.iter().any(|(entry, _)| entry == id);
            for (arrival, arrived) in settlement.arrived.iter().zip(&ids) {
                if arrival.was == Some(*message) {
                    *message = *arrived;
                }
            }
        }
    }

    async fn keep(&mut self, chance: &mut Chance) {
        if self.model.base.is_empty() {
            return;
        }
        let message = chance.pick(&self.model.base).0;
        let octets = vec![self.made; chance.below(600)];
        let header = HeaderIn {
            message,
            hash: crate::journal::HeaderHash([self.made; 32]),
            envelope: b"()".to_vec(),
            bytes: Packed::new(octets.clone()),
        };
        self.account
            .store()
            .keep_headers(self.account.inbox, vec![header])
            .await
            .unwrap();
        let body = BodyIn {
            message,
            hash: *blake3::hash(&octets).as_bytes(),
            structure: b"()".to_vec(),
            bytes: Packed::new(octets.clone()),
        };
        self.account.store().keep_bodies(vec![body]).await.unwrap();
        assert_eq!(
            self.account.store().bodies(vec![message]).await.unwrap(),
            [Some(octets)]
        );
        let entry = chance
            .percent(50)
            .then(|| self.model.entries.first().cloned())
            .flatten();
        if let Some((id, _, _, false)) = entry {
            let attempt = Attempt {
                number: 1,
                equals_before: 0,
            };
            self.account
                .store()
                .begin_attempt(self.account.inbox, vec![(id, attempt)])
                .await
                .unwrap();
        }
    }

    async fn rebind(&mut self, chance: &mut Chance) {
        let Some((entry, _, _, _)) = self.model.entries.first().cloned() else {
            return;
        };
        let mut rebinding = Rebinding::default();
        match (chance.below(3), self.model.base.first().copied()) {
            (0, Some((message, _))) => {
                rebinding.ties.push((entry, message));
                self.model.entries[0].1 = message;
            }
            (1, _) => {
                rebinding.done.push(entry);
                self.model.entries.remove(0);
            }
            _ => {
                rebinding.lost.push((entry, ParkReason::Unbound));
                self.model.entries[0].3 = true;
            }
        }
        self.account
            .store()
            .rebind(self.account.inbox, rebinding)
            .await
            .unwrap();
    }

    async fn check(&self, seed: u64) {
        let view = self.account.view().await;
        assert_eq!(view, self.model.view(), "seed {seed}");
        let input = self
            .account
            .store()
            .pass_input(self.account.inbox)
            .await
            .unwrap();
        let local = fold(&input.base, &input.entries);
        let folded: Vec<_> = input
            .base
            .messages
            .iter()
            .filter_map(|message| match local.changed.get(&message.id) {
                None => Some((message.id, message.flags)),
                Some(changed) => match changed.state {
                    crate::mirror::LocalState::Present(flags) => Some((message.id, flags)),
                    crate::mirror::LocalState::Expunged { .. } => None,
                },
            })
            .collect();
        assert_eq!(view, folded, "seed {seed}: fold and view are one");
    }
}

#[tokio::test]
async fn the_view_is_the_base_with_the_journal_over_it() {
    for seed in seeds(40) {
        let chance = &mut Chance::new(seed);
        let mut life = Life::new().await;
        for _ in 0..25 {
            life.step(chance).await;
            life.check(seed).await;
        }
        let before = life
            .account
            .store()
            .pass_input(life.account.inbox)
            .await
            .unwrap();
        life.account.reopen().await;
        life.check(seed).await;
        let after = life
            .account
            .store()
            .pass_input(life.account.inbox)
            .await
            .unwrap();
        assert_eq!(before.base, after.base, "seed {seed}");
        assert_eq!(before.entries, after.entries, "seed {seed}");
    }
}
