//! What must not be forgotten beside the journal: flags that we may have changed unasked, and mailboxes on hold.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::error::StoreError;
use super::file::Fault;
use super::mailbox::name_of;
use super::{Backlog, Store, journal};
use crate::clock;
use crate::id::{EntryId, MailboxId, MessageId};
use crate::journal::{HeaderHash, Mark};
use crate::mirror::Halt;
use crate::protocol::types::{FlagDelta, Keywords, MailboxName};

/// A message whose flags we may have changed unasked: our own reading may have marked it `\Seen`, or a change may have fallen
/// on it that was meant for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrayNote {
    /// The message, as far as the cache of then is still there.
    pub message: MessageId,
    /// How to find it otherwise.
    pub mark: Mark,
    /// What puts it right. It does not speak of keywords: which bits they have is the cache's business.
    pub back: FlagDelta,
}

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
    /// Notes what may have to be put right on messages, beside what is noted already: before a read that may mark them
    /// `\Seen`, nothing may be read before this returns.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing may be read.
    pub async fn note_strays(
        &self,
        mailbox: MailboxId,
        strays: Vec<(MessageId, FlagDelta)>,
    ) -> Result<(), StoreError> {
        self.hold(mailbox).await?;
        let (name, notes) = self.inner.with(mailbox, |held| {
            let note = |(message, back): &(MessageId, FlagDelta)| {
                let known = held.base.find(*message)?;
                Some(StrayNote {
                    message: known.id,
                    mark: known.mark,
                    back: *back,
                })
            };
            let named = strays.iter().filter(|(_, back)| !back.is_empty());
            let notes: Vec<StrayNote> = named.filter_map(note).collect();
            (held.name.clone(), notes)
        })?;
        let note = move |journal: &mut Connection| {
            let transaction = journal.transaction()?;
            let sql = "INSERT INTO restore_unseen (mailbox, message, instant, size, header_hash, uid, back) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, '') ON CONFLICT DO NOTHING";
            for note in notes {
                let mark = note.mark;
                let header = mark.header.map(|hash| hash.0);
                transaction.prepare_cached(sql)?.execute(params![
                    name.as_bytes(),
                    note.message.raw(),
                    mark.instant,
                    mark.size,
                    header,
                    mark.uid,
                ])?;
                // Of two accidents the first one knew how it was before.
                let both = |earlier| note.back.then(earlier);
                alter(&transaction, name.as_bytes(), note.message, both)?;
            }
            Ok(transaction.commit()?)
        };
        self.inner.journal.run(note).await
    }

    /// What may have to be put right on messages.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn stray_notes(&self, mailbox: MailboxId) -> Result<Vec<StrayNote>, StoreError> {
        let name = self.inner.name(mailbox)?;
        let load = move |journal: &Connection| {
            let sql = "SELECT message, instant, size, header_hash, uid, back FROM restore_unseen WHERE mailbox = ?1";
            let mut statement = journal.prepare_cached(sql)?;
            let rows = statement.query_map([name.as_bytes()], |row| {
                let header = row.get::<_, Option<[u8; 32]>>(3)?.map(HeaderHash);
                let mark = Mark {
                    instant: row.get(1)?,
                    size: row.get(2)?,
                    header,
                    uid: row.get(4)?,
                };
                Ok(StrayNote {
                    message: MessageId::from_raw(row.get(0)?),
                    mark,
                    back: journal::system_delta(row.get_ref(5)?.as_bytes()?),
                })
            })?;
            let notes: Vec<StrayNote> = rows.collect::<rusqlite::Result<_>>()?;
            let notes = notes.into_iter().filter(|note| !note.back.is_empty());
            Ok(notes.collect())
        };
        self.inner.journal_readers.run(load).await
    }

    /// Forgets what was put right, or stands on messages that are gone.
    ///
    /// # Errors
    /// [`StoreError`]: the notes are still there.
    pub async fn drop_strays(
        &self,
        mailbox: MailboxId,
        strays: Vec<(MessageId, FlagDelta)>,
    ) -> Result<(), StoreError> {
        let name = self.inner.name(mailbox)?;
        let forget = move |journal: &mut Connection| {
            let transaction = journal.transaction()?;
            for (message, done) in strays {
                alter(&transaction, name.as_bytes(), message, |back| {
                    back.minus(done)
                })?;
            }
            Ok(transaction.commit()?)
        };
        self.inner.journal.run(forget).await
    }

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
        self.inner.journal.run(reset).await
    }
}

/// The user's own actions are done with these flags of these messages: what was noted of them before counts no more.
pub(super) fn answered(transaction: &Transaction<'_>, entries: &[EntryId]) -> Result<(), Fault> {
    let any = "SELECT EXISTS (SELECT 1 FROM restore_unseen)";
    if !transaction.query_row(any, [], |row| row.get(0))? {
        return Ok(());
    }
    let asked = "SELECT mailbox, message, payload FROM entry WHERE id = ?1 AND kind = 1";
    for entry in entries {
        let mut statement = transaction.prepare_cached(asked)?;
        let mut rows = statement.query([entry.raw()])?;
        while let Some(row) = rows.next()? {
            let mailbox: Vec<u8> = row.get(0)?;
            let flags = journal::system_delta(&row.get::<_, Vec<u8>>(2)?).touched();
            let both = FlagDelta {
                add: flags,
                remove: flags,
            };
            let message = MessageId::from_raw(row.get(1)?);
            alter(transaction, &mailbox, message, |back| back.minus(both))?;
        }
    }
    Ok(())
}

/// Changes the note of a message, if there is one; one that says nothing any more is forgotten.
fn alter(
    transaction: &Transaction<'_>,
    mailbox: &[u8],
    message: MessageId,
    change: impl FnOnce(FlagDelta) -> FlagDelta,
) -> Result<(), Fault> {
    let (key, of) = (
        params![mailbox, message.raw()],
        "WHERE mailbox = ?1 AND message = ?2",
    );
    let read = format!("SELECT back FROM restore_unseen {of}");
    let back = transaction
        .prepare_cached(&read)?
        .query_row(key, |row| {
            Ok(journal::system_delta(row.get_ref(0)?.as_bytes()?))
        })
        .optional()?;
    let Some(back) = back else { return Ok(()) };
    let back = journal::delta_names(&Keywords::default(), change(back));
    if back.is_empty() {
        let forget = format!("DELETE FROM restore_unseen {of}");
        transaction.prepare_cached(&forget)?.execute(key)?;
    } else {
        let write = format!("UPDATE restore_unseen SET back = ?3 {of}");
        let row = params![mailbox, message.raw(), back];
        transaction.prepare_cached(&write)?.execute(row)?;
    }
    Ok(())
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

/// Lifts a hold, with its approval: it was used up.
pub(super) fn release(transaction: &Transaction<'_>, mailbox: &MailboxName) -> Result<(), Fault> {
    transaction.execute("DELETE FROM hold WHERE mailbox = ?1", [mailbox.as_bytes()])?;
    Ok(())
}
