//! What waits for a person, and what a person says to it: mailboxes on hold, and entries of the journal.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::error::StoreError;
use super::file::Fault;
use super::mailbox::name_of;
use super::{Backlog, Store, journal, repair};
use crate::clock;
use crate::id::{EntryId, MailboxId};
use crate::mirror::Halt;
use crate::protocol::types::MailboxName;

/// A mailbox of which much would be lost, and that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The mailbox.
    pub mailbox: MailboxName,
    /// Why, in words.
    pub reason: String,
    /// Since when for this reason, in seconds since 1970.
    pub since: i64,
    /// Whether a person approved it already.
    pub approved: bool,
}

impl Hold {
    /// Whether what stopped a pass is no reason to stop any more: a person approved it, or a part of the mailbox was gone ten
    /// minutes ago as well, and no more of it. That everything is gone is never believed without a word.
    #[must_use]
    pub fn lets_pass(&self, halt: &Halt) -> bool {
        let is_part = matches!(halt, Halt::VanishedThere { is_all: false, .. });
        let age = clock::unix_seconds().saturating_sub(self.since);
        let is_old = (BELIEVED_AFTER_SECONDS..NO_AGE_SECONDS).contains(&age);
        halt.is_meant_by(&self.reason) && (self.approved || is_part && is_old)
    }
}

impl Store {
    /// Holds a mailbox until a person approves, or until [`Hold::lets_pass`]. What was approved for other reasons counts no more.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be noted.
    pub async fn hold_mailbox(&self, mailbox: MailboxId, reason: String) -> Result<(), StoreError> {
        let name = self.inner.name(mailbox)?;
        let hold = move |journal: &mut Connection| {
            let sql = "INSERT INTO hold (mailbox, reason, since) VALUES (?1, ?2, ?3) ON CONFLICT (mailbox) DO UPDATE SET \
                       since = CASE WHEN reason = excluded.reason THEN since ELSE excluded.since END, approved = 0, \
                       reason = excluded.reason";
            journal.execute(sql, params![name.as_bytes(), reason, clock::unix_seconds()])?;
            Ok(())
        };
        self.inner.journal.run(hold).await
    }

    /// Lets the next pass do what a mailbox was held for. Says whether it was held.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be noted.
    pub async fn approve(&self, mailbox: MailboxName) -> Result<bool, StoreError> {
        let approve = move |journal: &mut Connection| {
            Ok(journal.execute(
                "UPDATE hold SET approved = 1 WHERE mailbox = ?1",
                [mailbox.as_bytes()],
            )? > 0)
        };
        self.inner.journal.run(approve).await
    }

    /// Mailboxes on hold.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        let load = |journal: &Connection| {
            let mut statement = journal
                .prepare("SELECT mailbox, reason, since, approved FROM hold ORDER BY mailbox")?;
            let mut rows = statement.query([])?;
            let mut holds = Vec::new();
            while let Some(row) = rows.next()? {
                let mailbox = name_of(&row.get::<_, Vec<u8>>(0)?)?;
                holds.push(Hold {
                    mailbox,
                    reason: row.get(1)?,
                    since: row.get(2)?,
                    approved: row.get(3)?,
                });
            }
            Ok(holds)
        };
        self.inner.journal_readers.run(load).await
    }

    /// Every journal entry, oldest first.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn entries(&self) -> Result<Vec<journal::EntryRow>, StoreError> {
        self.inner
            .journal_readers
            .run(|journal| journal::load(journal, None))
            .await
    }

    /// How much of the journal speaks of each mailbox.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn backlog(&self) -> Result<BTreeMap<MailboxName, Backlog>, StoreError> {
        self.inner.journal_readers.run(journal::backlog).await
    }

    /// From where to where something waits to be copied.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn routes_of_copies(
        &self,
    ) -> Result<BTreeSet<(MailboxName, MailboxName)>, StoreError> {
        let load = journal::routes_of_copies;
        self.inner.journal_readers.run(load).await
    }

    /// Makes a parked entry pending again. Says whether there was one.
    ///
    /// # Errors
    /// [`StoreError`] when it is still parked.
    pub async fn retry_entry(&self, entry: EntryId) -> Result<bool, StoreError> {
        self.reset(move |transaction| journal::retry(transaction, entry))
            .await
    }

    /// Makes entries active again that only waited for a person to say that they are meant. Says whether there were any.
    ///
    /// # Errors
    /// [`StoreError`] when they still wait.
    pub async fn confirm_entries(&self) -> Result<bool, StoreError> {
        self.reset(journal::confirm).await
    }

    /// Sets entries aside that are too old to be carried out without a question.
    ///
    /// # Errors
    /// [`StoreError`] when none was.
    pub async fn set_old_aside(&self) -> Result<(), StoreError> {
        if self.inner.journal_readers.run(repair::has_old).await? {
            let set_aside = |journal: &Transaction<'_>| repair::set_old_aside(journal);
            self.reset(set_aside).await?;
        }
        Ok(())
    }

    /// Gives an entry up: what it asked for is not carried out. Says whether there was one.
    ///
    /// # Errors
    /// [`StoreError`] when it is still there.
    pub async fn drop_entry(&self, entry: EntryId) -> Result<bool, StoreError> {
        let drop = move |transaction: &Transaction<'_>| {
            let there = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM entry WHERE id = ?1)",
                [entry.raw()],
                |row| row.get(0),
            )?;
            journal::retire(transaction, &[entry])?;
            Ok(there)
        };
        self.reset(drop).await
    }

    /// Changes the journal behind the mailboxes' back, and has them read it again.
    pub(super) async fn reset(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<bool, Fault> + Send + 'static,
    ) -> Result<bool, StoreError> {
        let inner = self.inner.clone();
        let reset = move |journal: &mut Connection| {
            let transaction = journal.transaction()?;
            let changed = change(&transaction)?;
            let rows = journal::load(&transaction, None)?;
            transaction.commit()?;
            let mut memory = inner.memory();
            memory.resets = memory.resets.wrapping_add(1);
            for held in memory.held.values_mut() {
                let keywords = held.view.keywords.clone();
                let entries = rows
                    .iter()
                    .filter(|row| row.mailbox == held.name)
                    .map(|row| row.entry(&keywords));
                held.reload(entries.collect());
            }
            drop(memory);
            super::ring(&inner.accepted);
            Ok(changed)
        };
        let changed = self.inner.journal.run(reset).await?;
        self.count().await?;
        Ok(changed)
    }
}

/// What a mailbox is held for.
pub(super) fn hold_of(journal: &Connection, mailbox: MailboxName) -> Result<Option<Hold>, Fault> {
    let sql = "SELECT reason, since, approved FROM hold WHERE mailbox = ?1";
    let hold = |row: &Row<'_>| {
        Ok(Hold {
            mailbox: mailbox.clone(),
            reason: row.get(0)?,
            since: row.get(1)?,
            approved: row.get(2)?,
        })
    };
    Ok(journal
        .query_row(sql, [mailbox.as_bytes()], hold)
        .optional()?)
}

/// How long a part of a mailbox has to be gone before that is believed without a word.
const BELIEVED_AFTER_SECONDS: i64 = 600;
/// An age of thirty days is none: the clock was wrong, then or now.
const NO_AGE_SECONDS: i64 = 30 * 86_400;

/// Lifts a hold, with its approval, except for what was approved and is still to be removed.
pub(super) fn release(
    transaction: &Transaction<'_>,
    mailbox: &MailboxName,
    unremoved: Option<&Halt>,
) -> Result<(), Fault> {
    let approved = hold_of(transaction, mailbox.clone())?.filter(|hold| hold.approved);
    let left = unremoved.filter(|left| approved.is_some_and(|hold| left.is_meant_by(&hold.reason)));
    let mailbox = mailbox.as_bytes();
    match left {
        Some(left) => transaction.execute(
            "UPDATE hold SET reason = ?2 WHERE mailbox = ?1",
            params![mailbox, left.to_string()],
        )?,
        None => transaction.execute("DELETE FROM hold WHERE mailbox = ?1", [mailbox])?,
    };
    Ok(())
}
