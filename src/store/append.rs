//! Messages that a client appends to a mailbox of a server: kept whole until the server is proven to have them.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::error::StoreError;
use super::file::Fault;
use super::journal::{self, Draft};
use super::local::NewMessage;
use super::{Store, ring};
use crate::clock;
use crate::id::{EntryId, MailboxId, MessageId};
use crate::journal::{Action, JournalEntry, Mark};
use crate::protocol::types::MailboxName;

impl Store {
    /// Whether the server takes messages, as far as it was ever asked. Mailboxes without a server always do.
    #[must_use]
    pub fn takes_messages(&self) -> bool {
        self.inner.memory().takes_messages
    }

    /// Writes down whether the server takes messages.
    ///
    /// # Errors
    /// [`StoreError`] when it was not written down.
    pub async fn learn_server(&self, takes_messages: bool) -> Result<(), StoreError> {
        if self.takes_messages() == takes_messages {
            return Ok(());
        }
        let inner = self.inner.clone();
        let learn = move |cache: &mut Connection| {
            cache.execute("UPDATE server SET takes_messages = ?1", [takes_messages])?;
            inner.memory().takes_messages = takes_messages;
            Ok(())
        };
        self.inner.cache.run(learn).await
    }

    /// Accepts a message that is to be appended on the server. When this returns it is durable, whole; it is shown once the
    /// server has it.
    ///
    /// # Errors
    /// [`StoreError`] when it was not accepted.
    pub async fn accept_message(
        &self,
        mailbox: MailboxId,
        message: NewMessage,
    ) -> Result<(), StoreError> {
        self.hold(mailbox).await?;
        let ids = self.new_ids(1).await?;
        let &[id] = ids.as_slice() else {
            return Err(StoreError::Stopped);
        };
        let inner = self.inner.clone();
        let accept = move |journal: &mut Connection| {
            let mut entry = message.entry(id);
            let transaction = journal.transaction()?;
            entry.id = inner.with(mailbox, |held| {
                let draft = Draft::of(&held.name, &held.view.keywords, &entry)
                    .with(&message.body.hash, &message.body.bytes);
                journal::insert(&transaction, &draft)
            })??;
            transaction.commit()?;
            Ok(inner.publish(mailbox, |held| held.accept(vec![entry]))?)
        };
        self.inner.journal.run(accept).await?;
        ring(&self.inner.accepted);
        Ok(())
    }

    /// Sets messages aside that are to be appended to mailboxes which are not among those that are passed over.
    ///
    /// # Errors
    /// [`StoreError`] when they still wait.
    pub async fn park_stranded(&self, passed_over: &[MailboxName]) -> Result<(), StoreError> {
        let waiting = self.inner.journal_readers.run(journal::appended_to).await?;
        let is_stranded = |name: &MailboxName| !passed_over.contains(name);
        let stranded: Vec<MailboxName> = waiting.into_iter().filter(is_stranded).collect();
        if stranded.is_empty() {
            return Ok(());
        }
        let park = move |transaction: &Transaction<'_>| {
            for mailbox in &stranded {
                journal::park_appends(transaction, mailbox)?;
            }
            Ok(true)
        };
        self.reset(park).await.map(drop)
    }

    /// The octets of a message that an entry asks to append.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when they are not what they were.
    pub async fn pinned(&self, entry: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        let read = move |journal: &Connection| {
            let pinned = journal::pinned(journal, entry)?;
            pinned
                .map(|(hash, packed)| packed.checked(&hash))
                .transpose()
        };
        self.inner.journal_readers.run(read).await
    }
}

impl NewMessage {
    /// The entry that asks for it, before it has an id of its own.
    fn entry(&self, id: MessageId) -> JournalEntry {
        let mark = Mark {
            instant: self.instant,
            size: self.size,
            header: Some(self.header.hash),
            uid: None,
        };
        let action = Action::Append {
            flags: self.flags,
            zone_minutes: self.zone_minutes,
        };
        JournalEntry::appending(id, mark, action, clock::unix_seconds())
    }
}

/// Whether the server took messages when it was last asked.
pub(super) fn takes_messages(cache: &Connection) -> Result<bool, Fault> {
    let found = cache.query_row("SELECT takes_messages FROM server", [], |row| row.get(0));
    Ok(found.optional()?.unwrap_or(false))
}
