//! Mailboxes that live here and nowhere else: what a client does is carried out at once.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction};

use super::accept::{Accepted, drafts};
use super::content::{self, BodyIn, HeaderIn};
use super::error::StoreError;
use super::held::Held;
use super::{Kind, Store, base, mailbox, ring};
use crate::id::{MailboxId, MessageId};
use crate::journal::{Action, JournalEntry, Mark, NewEntry};
use crate::mirror::BaseMessage;
use crate::protocol::types::{FlagSet, MailboxName};

/// A message to be appended to a local mailbox.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Its flags.
    pub flags: FlagSet,
    /// Internal date, in seconds since 1970 UTC.
    pub instant: i64,
    /// The internal date's zone, in minutes east of UTC.
    pub zone_minutes: i16,
    /// RFC822.SIZE in octets.
    pub size: u32,
    /// Its header; the message id in it is filled in.
    pub header: HeaderIn,
    /// Header and text; the message id in it is filled in.
    pub body: BodyIn,
}

impl Store {
    /// Appends a message to a local mailbox.
    ///
    /// # Errors
    /// [`StoreError`] when it was not appended.
    pub async fn append(
        &self,
        mailbox: MailboxId,
        message: NewMessage,
    ) -> Result<MessageId, StoreError> {
        self.hold(mailbox).await?;
        let _turn = self.inner.arrivals.lock().await;
        let ids = self.new_ids(1).await?;
        let &[id] = ids.as_slice() else {
            return Err(StoreError::Stopped);
        };
        let NewMessage {
            flags,
            instant,
            zone_minutes,
            size,
            header,
            body,
        } = message;
        let mark = Mark {
            instant,
            size,
            header: Some(header.hash),
            uid: None,
        };
        let row = BaseMessage {
            id,
            mark,
            flags,
            zone_minutes,
        };
        let inner = self.inner.clone();
        let append = move |file: &mut Connection| {
            let transaction = file.transaction()?;
            base::insert(&transaction, mailbox, &row)?;
            content::save_header(
                &transaction,
                &HeaderIn {
                    message: id,
                    ..header
                },
            )?;
            content::save_body(
                &transaction,
                &BodyIn {
                    message: id,
                    ..body
                },
            )?;
            transaction.commit()?;
            inner.publish(mailbox, |held| {
                held.base.messages.push(row);
                held.refresh();
            })?;
            Ok(id)
        };
        self.inner.cache.run(append).await
    }

    /// Makes a local mailbox.
    ///
    /// # Errors
    /// [`StoreError::MailboxExists`].
    pub async fn create_mailbox(&self, name: MailboxName) -> Result<MailboxId, StoreError> {
        let inner = self.inner.clone();
        let create = move |file: &mut Connection| {
            let transaction = file.transaction()?;
            let id = mailbox::create(&transaction, &name)?;
            transaction.commit()?;
            inner.memory().names.insert(name, id);
            ring(&inner.changed);
            Ok(id)
        };
        self.inner.cache.run(create).await
    }

    /// Removes a local mailbox with everything in it.
    ///
    /// # Errors
    /// [`StoreError::NoMailbox`].
    pub async fn delete_mailbox(&self, name: MailboxName) -> Result<(), StoreError> {
        let id = self.mailbox(&name).ok_or(StoreError::NoMailbox)?;
        let inner = self.inner.clone();
        let delete = move |file: &mut Connection| {
            let transaction = file.transaction()?;
            let messages: Vec<MessageId> = base::load(&transaction, id)?
                .into_iter()
                .map(|message| message.id)
                .collect();
            content::remove(&transaction, &messages)?;
            mailbox::remove(&transaction, id)?;
            transaction.commit()?;
            let mut memory = inner.memory();
            memory.names.remove(&name);
            memory.held.remove(&id);
            drop(memory);
            ring(&inner.changed);
            Ok(())
        };
        self.inner.cache.run(delete).await
    }

    /// Gives a local mailbox another name.
    ///
    /// # Errors
    /// [`StoreError::NoMailbox`], [`StoreError::MailboxExists`].
    pub async fn rename_mailbox(
        &self,
        from: MailboxName,
        to: MailboxName,
    ) -> Result<(), StoreError> {
        let id = self.mailbox(&from).ok_or(StoreError::NoMailbox)?;
        let inner = self.inner.clone();
        let rename = move |file: &mut Connection| {
            let transaction = file.transaction()?;
            mailbox::rename(&transaction, id, &to)?;
            transaction.commit()?;
            let mut memory = inner.memory();
            memory.names.remove(&from);
            memory.names.insert(to.clone(), id);
            if let Some(held) = memory.held.get_mut(&id) {
                held.name = to;
            }
            drop(memory);
            ring(&inner.changed);
            Ok(())
        };
        self.inner.cache.run(rename).await
    }

    /// Carries out actions on a local mailbox, all or none.
    pub(super) async fn applied(
        &self,
        source: MailboxId,
        wishes: Vec<NewEntry>,
    ) -> Result<Accepted, StoreError> {
        debug_assert_eq!(
            self.inner.kind,
            Kind::Local,
            "a mirror journals what it is asked for"
        );
        let mut targets = BTreeMap::new();
        for wish in &wishes {
            if let Action::Copy { to } = &wish.action {
                let id = self.mailbox(to).ok_or(StoreError::NoMailbox)?;
                self.hold(id).await?;
                targets.insert(to.clone(), id);
            }
        }
        let copies = wishes
            .iter()
            .filter(|wish| matches!(wish.action, Action::Copy { .. }))
            .count();
        let _turn = match copies {
            0 => None,
            _ => Some(self.inner.arrivals.lock().await),
        };
        let ids = self.new_ids(copies).await?;
        let inner = self.inner.clone();
        let apply = move |file: &mut Connection| {
            let entries: Vec<(JournalEntry, i16)> =
                inner.with(source, |held| zoned(held, &wishes))?;
            let transaction = file.transaction()?;
            let mut effects = Effects::default();
            let mut ids = ids.into_iter();
            for (entry, zone_minutes) in &entries {
                effects.apply(&transaction, entry, *zone_minutes, &targets, &mut ids)?;
            }
            transaction.commit()?;
            for (target, copied) in effects.copied {
                inner.publish(target, |held| {
                    held.base.messages.extend(copied);
                    held.refresh();
                })?;
            }
            let change = inner.publish(source, |held| {
                for (id, flags) in effects.flags {
                    if let Some(message) = held.find_mut(id) {
                        message.flags = flags;
                    }
                }
                held.base
                    .messages
                    .retain(|message| !effects.removed.contains(&message.id));
                if !entries.is_empty() {
                    held.refresh();
                }
                held.view.change
            })?;
            Ok(Accepted {
                change,
                accepted_count: entries.len(),
            })
        };
        self.inner.cache.run(apply).await
    }
}

/// Wishes as entries, each with the zone of its message's internal date.
fn zoned(held: &Held, wishes: &[NewEntry]) -> Vec<(JournalEntry, i16)> {
    let zone = |entry: &JournalEntry| held.find(entry.message).map(|known| known.zone_minutes);
    drafts(held, wishes, 0)
        .into_iter()
        .filter_map(|entry| Some((zone(&entry)?, entry)))
        .map(|(zone, entry)| (entry, zone))
        .collect()
}

/// What a batch of actions has done to the files, to be done in memory once they are committed.
#[derive(Default)]
struct Effects {
    flags: BTreeMap<MessageId, FlagSet>,
    removed: Vec<MessageId>,
    copied: BTreeMap<MailboxId, Vec<BaseMessage>>,
}

impl Effects {
    fn apply(
        &mut self,
        transaction: &Transaction<'_>,
        entry: &JournalEntry,
        zone_minutes: i16,
        targets: &BTreeMap<MailboxName, MailboxId>,
        ids: &mut impl Iterator<Item = MessageId>,
    ) -> Result<(), StoreError> {
        let now = self
            .flags
            .get(&entry.message)
            .copied()
            .unwrap_or(entry.flags_before);
        match &entry.action {
            Action::Flags(delta) => {
                let flags = delta.apply(now);
                base::set_flags(transaction, entry.message, flags)?;
                self.flags.insert(entry.message, flags);
            }
            Action::Expunge => {
                content::remove(transaction, &[entry.message])?;
                self.removed.push(entry.message);
            }
            Action::Copy { to } => {
                let (Some(&target), Some(id)) = (targets.get(to), ids.next()) else {
                    return Err(StoreError::NoMailbox);
                };
                let keep = FlagSet::SYSTEM.minus(FlagSet::DELETED);
                let copy = BaseMessage {
                    id,
                    mark: entry.mark,
                    flags: now.intersection(keep),
                    zone_minutes,
                };
                base::insert(transaction, target, &copy)?;
                content::copy(transaction, entry.message, id)?;
                self.copied.entry(target).or_default().push(copy);
            }
        }
        Ok(())
    }
}
