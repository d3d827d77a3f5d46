//! Mailboxes that live here and nowhere else: what a client does is carried out at once.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, Transaction};

use super::accept::{Accepted, drafts};
use super::content::{self, BodyIn, HeaderIn};
use super::error::StoreError;
use super::file::Fault;
use super::held::Held;
use super::{Inner, Kind, Store, base, mailbox};
use crate::id::{ChangeNum, MailboxId, MessageId};
use crate::journal::{Action, JournalEntry, Mark, NewEntry};
use crate::mirror::BaseMessage;
use crate::protocol::types::{Flag, FlagSet, Keyword, Keywords, MailboxName};

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
                held.base_mut().messages.push(row);
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
            Ok(id)
        };
        self.inner.cache.run(create).await
    }

    /// Makes keywords known to a local mailbox, as many as it has room for.
    ///
    /// # Errors
    /// [`StoreError`] when none was made known.
    pub async fn adopt_keywords(
        &self,
        mailbox: MailboxId,
        names: Vec<Keyword>,
    ) -> Result<Arc<Keywords>, StoreError> {
        self.hold(mailbox).await?;
        let inner = self.inner.clone();
        let adopt = move |file: &mut Connection| {
            let transaction = file.transaction()?;
            let keywords = mailbox::adopt_keywords(&transaction, mailbox, &names)?;
            transaction.commit()?;
            let keywords = Arc::new(keywords);
            inner.publish(mailbox, |held| held.view.keywords = keywords.clone())?;
            Ok(keywords)
        };
        self.inner.cache.run(adopt).await
    }

    /// Removes a local mailbox with everything in it.
    ///
    /// # Errors
    /// [`StoreError::NoMailbox`].
    pub async fn delete_mailbox(&self, name: MailboxName) -> Result<(), StoreError> {
        let mailbox = self.inner.named(&name)?;
        let messages = self
            .view(mailbox)
            .await?
            .messages()
            .map(|(row, _)| row.id)
            .collect();
        self.keep_in_limbo(mailbox, messages).await?;
        let inner = self.inner.clone();
        let delete = move |file: &mut Connection| {
            let id = inner.named(&name)?;
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
        let inner = self.inner.clone();
        let rename = move |file: &mut Connection| {
            let id = inner.named(&from)?;
            let transaction = file.transaction()?;
            mailbox::rename(&transaction, id, &to)?;
            transaction.commit()?;
            let mut memory = inner.memory();
            memory.names.remove(&from);
            memory.names.insert(to.clone(), id);
            if let Some(held) = memory.held.get_mut(&id) {
                held.name = to;
            }
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
        let expunged = wishes.iter().filter(|wish| wish.action == Action::Expunge);
        let expunged = expunged.map(|wish| wish.message).collect();
        self.keep_in_limbo(source, expunged).await?;
        let mut targets = Vec::new();
        for wish in &wishes {
            if let Action::Copy { to } = &wish.action {
                let target = self.mailbox(to).ok_or(StoreError::NoMailbox)?;
                self.hold(target).await?;
                targets.push(target);
            }
        }
        let _turn = match targets.len() {
            0 => None,
            _ => Some(self.inner.arrivals.lock().await),
        };
        let ids = self.new_ids(targets.len()).await?;
        let inner = self.inner.clone();
        let apply = move |file: &mut Connection| {
            let look = |held: &Held| (held.view.keywords.clone(), zoned(held, &wishes));
            let (keywords, entries) = inner.with(source, look)?;
            let entries = entries?;
            let transaction = file.transaction()?;
            let mut effects = Effects::new(keywords, ids);
            for (entry, zone_minutes) in &entries {
                effects.apply(&transaction, &inner, entry, *zone_minutes)?;
            }
            transaction.commit()?;
            Ok(Accepted {
                change: effects.publish(&inner, source)?,
                accepted_count: entries.len(),
                left_out_count: 0,
            })
        };
        self.inner.cache.run(apply).await
    }
}

impl Inner {
    /// A mailbox by its name. Names change on the writer's thread alone, so for a job there it is the name's mailbox to the
    /// job's end.
    fn named(&self, name: &MailboxName) -> Result<MailboxId, StoreError> {
        let id = self.memory().names.get(name).copied();
        id.ok_or(StoreError::NoMailbox)
    }
}

/// Wishes as entries, each with the zone of its message's internal date.
fn zoned(held: &Held, wishes: &[NewEntry]) -> Result<Vec<(JournalEntry, i16)>, StoreError> {
    let zone = |entry: &JournalEntry| {
        held.base
            .find(entry.message)
            .map(|known| known.zone_minutes)
    };
    let drafts = drafts(held, wishes, 0, Held::flags)?.into_iter();
    let zoned = drafts.filter_map(|entry| Some((zone(&entry)?, entry)));
    Ok(zoned.map(|(zone, entry)| (entry, zone)).collect())
}

/// What a batch of actions has done to the files, to be done in memory once they are committed.
struct Effects {
    /// The keywords of the mailbox that the messages are in.
    keywords: Arc<Keywords>,
    /// Ids for copies.
    ids: std::vec::IntoIter<MessageId>,
    flags: BTreeMap<MessageId, FlagSet>,
    removed: BTreeSet<MessageId>,
    copied: BTreeMap<MailboxId, Copied>,
}

/// What has come into one mailbox.
struct Copied {
    keywords: Keywords,
    messages: Vec<BaseMessage>,
}

impl Effects {
    fn new(keywords: Arc<Keywords>, ids: Vec<MessageId>) -> Self {
        Self {
            keywords,
            ids: ids.into_iter(),
            flags: BTreeMap::new(),
            removed: BTreeSet::new(),
            copied: BTreeMap::new(),
        }
    }

    fn apply(
        &mut self,
        transaction: &Transaction<'_>,
        inner: &Inner,
        entry: &JournalEntry,
        zone_minutes: i16,
    ) -> Result<(), Fault> {
        let known = self.flags.get(&entry.message).copied();
        let now = known.unwrap_or(entry.flags_before);
        match &entry.action {
            Action::Flags(delta) => {
                let flags = delta.apply(now);
                base::set_flags(transaction, entry.message, flags)?;
                self.flags.insert(entry.message, flags);
            }
            Action::Expunge => {
                content::remove(transaction, &[entry.message])?;
                self.removed.insert(entry.message);
            }
            Action::Copy { to } => {
                let target = inner.named(to)?;
                let copy = BaseMessage {
                    id: self.ids.next().ok_or(StoreError::Stopped)?,
                    mark: entry.mark,
                    flags: self.carry(transaction, inner, target, now)?,
                    zone_minutes,
                };
                base::insert(transaction, target, &copy)?;
                content::copy(transaction, entry.message, copy.id)?;
                if let Some(copied) = self.copied.get_mut(&target) {
                    copied.messages.push(copy);
                }
            }
            // What is appended here is carried out at once, and never an entry.
            Action::Append { .. } => {}
        }
        Ok(())
    }

    /// The flags of a copy: those of its original, by name, but for `\Deleted`. A keyword for which the mailbox has no
    /// room is left out.
    fn carry(
        &mut self,
        transaction: &Transaction<'_>,
        inner: &Inner,
        target: MailboxId,
        flags: FlagSet,
    ) -> Result<FlagSet, Fault> {
        let copied = match self.copied.entry(target) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Copied {
                keywords: inner.with(target, |held| Keywords::clone(&held.view.keywords))?,
                messages: Vec::new(),
            }),
        };
        let names: Vec<Flag> = self.keywords.names(flags.minus(FlagSet::DELETED)).collect();
        let (carried, unknown) = copied.keywords.resolve(&names);
        if unknown.is_empty() {
            return Ok(carried);
        }
        copied.keywords = mailbox::adopt_keywords(transaction, target, &unknown)?;
        Ok(copied.keywords.resolve(&names).0)
    }

    /// Shows clients what was committed. Returns the moment at which the mailbox shows it.
    fn publish(self, inner: &Inner, source: MailboxId) -> Result<ChangeNum, StoreError> {
        for (target, Copied { keywords, messages }) in self.copied {
            inner.publish(target, |held| {
                held.view.keywords = Arc::new(keywords);
                held.base_mut().messages.extend(messages);
                held.refresh();
            })?;
        }
        let has_changed = !(self.flags.is_empty() && self.removed.is_empty());
        inner.publish(source, |held| {
            let base = held.base_mut();
            for (id, flags) in self.flags {
                if let Some(message) = base.find_mut(id) {
                    message.flags = flags;
                }
            }
            base.messages
                .retain(|message| !self.removed.contains(&message.id));
            if has_changed {
                held.refresh();
            }
            held.view.change
        })
    }
}

#[cfg(test)]
mod tests;
