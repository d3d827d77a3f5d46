//! What a pass reads before it starts, and what it writes when it is through.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::{Connection, Transaction};

use super::error::StoreError;
use super::file::Fault;
use super::held::Held;
use super::notes::Hold;
use super::{
    BodyIn, HeaderIn, IdBlock, Inner, Store, base, conflict, content, journal, limbo, mailbox,
    notes, stray,
};
use crate::clock;
use crate::id::{EntryId, MailboxId, MessageId};
use crate::journal::{Attempt, EntryState, JournalEntry, Mark};
use crate::mirror::{Arrival, Base, ConflictKind, Delay, Rebinding, Settlement, Trouble};
use crate::protocol::types::{Keyword, Keywords, MailboxName};

/// What a pass over one mailbox starts from.
#[derive(Clone, Debug)]
pub struct PassInput {
    /// The mailbox's name on the server.
    pub name: MailboxName,
    /// The last proven state.
    pub base: Arc<Base>,
    /// Every entry of the mailbox, oldest first, parked ones too.
    pub entries: Vec<JournalEntry>,
    /// What the keyword bits mean.
    pub keywords: Keywords,
    /// What entries of other mailboxes have sent to some mailbox, without knowing whether it arrived.
    pub elsewhere: Vec<(MailboxName, Mark)>,
    /// What it is held for, if it is.
    pub hold: Option<Hold>,
}

impl Store {
    /// What a pass over a mailbox starts from.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn pass_input(&self, mailbox: MailboxId) -> Result<PassInput, StoreError> {
        self.hold(mailbox).await?;
        let (name, base, entries, keywords) = self.inner.with(mailbox, |held| {
            (
                held.name.clone(),
                held.base.clone(),
                held.entries.clone(),
                Keywords::clone(&held.view.keywords),
            )
        })?;
        let holder = name.clone();
        let read = move |journal: &Connection| {
            let elsewhere = journal::open_elsewhere(journal, &holder)?;
            Ok((elsewhere, notes::hold_of(journal, holder)?))
        };
        let (elsewhere, hold) = self.inner.journal_readers.run(read).await?;
        Ok(PassInput {
            name,
            base,
            entries,
            keywords,
            elsewhere,
            hold,
        })
    }

    /// Gives keywords that a server or a client named their bits.
    ///
    /// # Errors
    /// [`StoreError::KeywordsFull`] when there is no bit left for one of them.
    pub async fn define_keywords(
        &self,
        mailbox: MailboxId,
        names: Vec<Keyword>,
    ) -> Result<Keywords, StoreError> {
        self.hold(mailbox).await?;
        let known = self
            .inner
            .with(mailbox, |held| held.view.keywords.clone())?;
        if names.iter().all(|name| known.lookup(name).is_some()) {
            return Ok(Keywords::clone(&known));
        }
        let inner = self.inner.clone();
        let define = move |cache: &mut Connection| {
            let transaction = cache.transaction()?;
            let keywords = mailbox::define_keywords(&transaction, mailbox, &names)?;
            transaction.commit()?;
            inner.publish(mailbox, |held| {
                held.view.keywords = Arc::new(keywords.clone())
            })?;
            Ok(keywords)
        };
        self.inner.cache.run(define).await
    }

    /// Records that commands for these entries are about to leave. Nothing may be sent before this returns, nor if it says
    /// that one of them was given up in the meantime: then nothing is recorded.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing may be sent at all.
    pub async fn begin_attempt(
        &self,
        mailbox: MailboxId,
        attempts: Vec<(EntryId, Attempt)>,
    ) -> Result<bool, StoreError> {
        let inner = self.inner.clone();
        let begin = move |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            if !journal::attempt(&transaction, &attempts)? {
                return Ok(false);
            }
            transaction.commit()?;
            inner.publish(mailbox, |held| {
                for (id, attempt) in attempts {
                    held.set_state(id, EntryState::Attempted(attempt));
                }
            })?;
            Ok(true)
        };
        self.inner.journal.run(begin).await
    }

    /// Records at once that what was just sent for an entry did not arrive: should the pass come to no end, it is not looked for.
    ///
    /// # Errors
    /// [`StoreError`]: then it counts as sent, and is looked for.
    pub async fn note_refusal(&self, mailbox: MailboxId, entry: EntryId) -> Result<(), StoreError> {
        let inner = self.inner.clone();
        let note = move |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            journal::refuse(&transaction, entry)?;
            transaction.commit()?;
            inner.publish(mailbox, |held| held.note_refusal(entry))?;
            Ok(())
        };
        self.inner.journal.run(note).await
    }

    /// Records what a pass has proven: first what is in limbo now, and what may have been hit by mistake, then the new base,
    /// then the entries that it retires.
    ///
    /// Returns the ids of the arrivals, in their order.
    ///
    /// # Errors
    /// [`StoreError`]: the journal, or it and the base, are then as they were, and another pass comes to the same.
    pub async fn record(
        &self,
        mailbox: MailboxId,
        settlement: Settlement,
    ) -> Result<Vec<MessageId>, StoreError> {
        self.keep_in_limbo(mailbox, settlement.removed()).await?;
        let ids = self.new_ids(settlement.arrived.len()).await?;
        self.tell(mailbox, settlement.mistakes.clone(), ids.clone())
            .await?;
        let restored = self
            .new_ids(
                settlement
                    .conflicts
                    .iter()
                    .filter(|settled| settled.restores())
                    .count(),
            )
            .await?;
        let is_less = !settlement.retired.is_empty();
        let settlement = Arc::new(settlement);
        let (inner, changes) = (self.inner.clone(), Arc::clone(&settlement));
        let write = move |cache: &mut Connection| {
            let transaction = cache.transaction()?;
            write_base(&transaction, mailbox, &changes, &ids)?;
            let newest = inner.with(mailbox, Held::newest_entry)?;
            base::is_recorded(&transaction, mailbox, newest)?;
            transaction.commit()?;
            inner.publish(mailbox, |held| held.learn(&changes, &ids))?;
            Ok(ids)
        };
        let ids = self.inner.cache.run(write).await?;
        let inner = self.inner.clone();
        let retire = move |connection: &mut Connection| {
            let name = inner.with(mailbox, |held| held.name.clone())?;
            let transaction = connection.transaction()?;
            let brought = write_journal(&transaction, &inner, mailbox, &settlement, &restored)?;
            notes::release(&transaction, &name, settlement.unremoved.as_ref())?;
            transaction.commit()?;
            Ok(inner.publish(mailbox, |held| {
                held.retire(&settlement);
                held.accept(brought);
            })?)
        };
        self.inner.journal.run(retire).await?;
        if is_less {
            self.count().await?;
        }
        Ok(ids)
    }

    /// Has the cache know how often the journal let go of entries.
    pub(super) async fn count(&self) -> Result<(), StoreError> {
        let epoch = self.inner.journal_readers.run(journal::epoch).await?;
        let count = move |cache: &mut Connection| journal::set_epoch(cache, epoch);
        self.inner.cache.run(count).await
    }

    /// Keeps headers that were read; they become part of the messages' marks.
    ///
    /// # Errors
    /// [`StoreError`] when none was kept.
    pub async fn keep_headers(
        &self,
        mailbox: MailboxId,
        headers: Vec<HeaderIn>,
    ) -> Result<(), StoreError> {
        let inner = self.inner.clone();
        let keep = move |cache: &mut Connection| {
            let transaction = cache.transaction()?;
            for header in &headers {
                content::save_header(&transaction, header)?;
            }
            transaction.commit()?;
            if let Some(held) = inner.memory().held.get_mut(&mailbox) {
                for header in &headers {
                    if let Some(message) = held.base_mut().find_mut(header.message) {
                        message.mark.header = Some(header.hash);
                    }
                }
            }
            Ok(())
        };
        self.inner.cache.run(keep).await
    }

    /// Keeps whole messages.
    ///
    /// # Errors
    /// [`StoreError`] when none was kept.
    pub async fn keep_bodies(&self, bodies: Vec<BodyIn>) -> Result<(), StoreError> {
        let inner = self.inner.clone();
        let keep = move |cache: &mut Connection| {
            let transaction = cache.transaction()?;
            for body in &bodies {
                content::save_body(&transaction, body)?;
            }
            transaction.commit()?;
            inner.wanted.send_if_modified(|wanted| {
                let before = wanted.len();
                wanted.retain(|(_, message)| !bodies.iter().any(|body| body.message == *message));
                wanted.len() != before
            });
            Ok(())
        };
        self.inner.cache.run(keep).await
    }

    /// Ties entries to the messages that their marks were found on, and settles those whose message is gone.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was changed.
    pub async fn rebind(&self, mailbox: MailboxId, rebinding: Rebinding) -> Result<(), StoreError> {
        let inner = self.inner.clone();
        let why = Trouble::Delayed(Delay::Doubtful).to_string();
        let rebind = move |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            for (entry, message) in &rebinding.ties {
                journal::rebind(&transaction, *entry, *message)?;
            }
            for (entry, reason) in &rebinding.lost {
                journal::park(&transaction, *entry, reason)?;
            }
            for entry in &rebinding.open {
                journal::trouble(&transaction, *entry, &why)?;
            }
            journal::retire(&transaction, &rebinding.done)?;
            transaction.commit()?;
            let done: BTreeSet<EntryId> = rebinding.done.into_iter().collect();
            inner.publish(mailbox, |held| {
                for (id, message) in &rebinding.ties {
                    if let Some(entry) = held.entry_mut(*id) {
                        entry.message = *message;
                    }
                }
                for (id, reason) in rebinding.lost {
                    held.set_state(id, EntryState::Parked(reason));
                }
                for id in &rebinding.open {
                    if let Some(entry) = held.entry_mut(*id) {
                        entry.trouble.clone_from(&why);
                    }
                }
                held.entries.retain(|entry| !done.contains(&entry.id));
                held.refresh();
            })?;
            Ok(())
        };
        self.inner.journal.run(rebind).await?;
        let inner = self.inner.clone();
        let confirm = move |cache: &mut Connection| {
            let newest = inner.with(mailbox, Held::newest_entry)?;
            base::is_recorded(cache, mailbox, newest)
        };
        self.inner.cache.run(confirm).await?;
        self.count().await
    }

    /// Ids that were never given before. Their bound is durable before they are.
    pub(super) async fn new_ids(&self, count: usize) -> Result<Vec<MessageId>, StoreError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let mut block = self.inner.ids.lock().await;
        if block.end.saturating_sub(block.next) < count {
            let end = block.next.saturating_add(count).saturating_add(SPARE_IDS);
            let reserve = move |journal: &mut Connection| journal::reserve(journal, end);
            self.inner.journal.run(reserve).await?;
            *block = IdBlock {
                next: block.next,
                end,
            };
        }
        let first = block.next;
        block.next = first.saturating_add(count);
        Ok((first..block.next).map(MessageId::from_raw).collect())
    }
}

impl Held {
    pub(super) fn set_state(&mut self, id: EntryId, state: EntryState) {
        if let Some(entry) = self.entry_mut(id) {
            entry.state = state;
        }
    }

    /// Takes in a base that was just written. Its journal follows, unless something comes between.
    fn learn(&mut self, settlement: &Settlement, ids: &[MessageId]) {
        let Settlement {
            facts,
            flags,
            marks,
            gone,
            ..
        } = settlement;
        let new = !(flags.is_empty() && marks.is_empty() && gone.is_empty() && ids.is_empty());
        if !new && self.base.facts == *facts {
            return;
        }
        let base = self.base_mut();
        base.facts = *facts;
        for &(id, flags) in flags {
            if let Some(message) = base.find_mut(id) {
                message.flags = flags;
            }
        }
        for &(id, mark) in marks {
            if let Some(message) = base.find_mut(id) {
                message.mark = mark;
            }
        }
        let gone: BTreeSet<MessageId> = gone.iter().copied().collect();
        base.messages.retain(|message| !gone.contains(&message.id));
        let arrived = || settlement.arrived.iter().zip(ids);
        base.messages
            .extend(arrived().map(|(arrival, &id)| arrival.recorded(id)));
        let came_back = |(arrival, &id): (&Arrival, &MessageId)| Some((arrival.was?, id));
        self.follow(&arrived().filter_map(came_back).collect());
        self.refresh();
    }

    /// What was sent for an entry was refused.
    fn note_refusal(&mut self, id: EntryId) {
        if let Some(entry) = self.entry_mut(id)
            && let EntryState::Attempted(attempt) = entry.state
        {
            entry.state = EntryState::Refused(attempt);
        }
    }

    /// Takes in what became of the entries.
    fn retire(&mut self, settlement: &Settlement) {
        let retired: BTreeSet<EntryId> = settlement.retired.iter().copied().collect();
        self.entries.retain(|entry| !retired.contains(&entry.id));
        for (id, attempt) in &settlement.recounted {
            self.set_state(*id, EntryState::Attempted(*attempt));
        }
        for (id, reason) in &settlement.parked {
            self.set_state(*id, EntryState::Parked(reason.clone()));
        }
        for (id, trouble) in &settlement.troubled {
            if let Some(entry) = self.entry_mut(*id) {
                entry.trouble = trouble.to_string();
            }
            if let Trouble::Refused(_) = trouble {
                self.note_refusal(*id);
            }
        }
        if !(retired.is_empty() && settlement.parked.is_empty()) {
            self.refresh();
        }
    }
}

fn write_base(
    transaction: &Transaction<'_>,
    mailbox: MailboxId,
    settlement: &Settlement,
    ids: &[MessageId],
) -> Result<(), Fault> {
    let now = clock::unix_seconds();
    mailbox::save_facts(transaction, mailbox, &settlement.facts, now)?;
    mailbox::save_coverage(transaction, mailbox, settlement.coverage, now)?;
    for &(id, flags) in &settlement.flags {
        base::set_flags(transaction, id, flags)?;
    }
    for (id, mark) in &settlement.marks {
        base::set_mark(transaction, *id, mark)?;
    }
    content::forget_mistakable(transaction, mailbox, &settlement.chosen)?;
    for (arrival, &id) in settlement.arrived.iter().zip(ids) {
        base::insert(transaction, mailbox, &arrival.recorded(id))?;
        if let Some(old) = arrival.was {
            base::follow(transaction, old, id)?;
        }
    }
    if let Some(&newest) = ids.iter().max() {
        base::knows(transaction, newest)?;
    }
    content::remove(transaction, &settlement.gone)
}

/// Writes what became of the entries. Gives the new ones, which bring back what others removed.
fn write_journal(
    transaction: &Transaction<'_>,
    inner: &Inner,
    mailbox: MailboxId,
    settlement: &Settlement,
    restored: &[MessageId],
) -> Result<Vec<JournalEntry>, Fault> {
    let takes_messages = inner.memory().takes_messages;
    let mut ids = restored.iter().filter(|_| takes_messages);
    let mut brought = Vec::new();
    inner.with(mailbox, |held| {
        for settled in &settlement.conflicts {
            let mut settled = settled.clone();
            if settled.restores() {
                let back = ids.next();
                let back =
                    back.map(|&id| limbo::bring_back(transaction, held, settled.message, id));
                match back.transpose()?.flatten() {
                    Some(entry) => brought.push(entry),
                    None => settled.kind = ConflictKind::ChangedHereDeletedThere,
                }
            }
            conflict::add(transaction, held, &settled, None)?;
        }
        Ok::<_, Fault>(())
    })??;
    stray::answered(transaction, &settlement.retired)?;
    journal::retire(transaction, &settlement.retired)?;
    // What the user has dropped meanwhile needs no count.
    for attempt in &settlement.recounted {
        journal::attempt(transaction, std::slice::from_ref(attempt))?;
    }
    for (entry, reason) in &settlement.parked {
        journal::park(transaction, *entry, reason)?;
    }
    for (entry, trouble) in &settlement.troubled {
        journal::trouble(transaction, *entry, &trouble.to_string())?;
        if let Trouble::Refused(_) = trouble {
            journal::refuse(transaction, *entry)?;
        }
    }
    Ok(brought)
}

/// How many ids are reserved beyond those needed, so that not every pass has to reserve.
const SPARE_IDS: i64 = 1000;
