//! Pins: the texts of messages that are to be copied, kept until the copy is proven. With them a copy can still be made when
//! others have removed the message, also where the cache was lost in the meantime.
//!
//! They lie beside the texts of messages to be appended. No checksum of an entry covers them; what they are is checked by their
//! own hash when they are sent.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, Transaction};

use super::Store;
use super::content;
use super::error::StoreError;
use super::file::Fault;
use super::journal::{self, EntryRow, NamedAction};
use super::limbo::Kept;
use crate::id::{EntryId, MessageId};
use crate::protocol::types::{Flag, Keywords};

impl Store {
    /// Pins the texts of messages that wait to be copied, as far as they are held here, there is room for them, and they do not
    /// become too many. Those that were pinned by the time that it is dropped stay so.
    ///
    /// # Errors
    /// [`StoreError`] when some were not pinned; nothing else depends on it.
    pub async fn pin_sources(&self) -> Result<(), StoreError> {
        let sources = self.inner.journal_readers.run(unpinned).await?;
        let mut pinned_octets = self.inner.journal_readers.run(octets).await?;
        let mut left = sources.into_iter();
        while left.len() > 0 && pinned_octets < MOST_OCTETS {
            let read = move |cache: &Connection| {
                let texts = content::next_packed(cache, &mut left, |(_, message)| *message)?;
                Ok((texts, left))
            };
            let (texts, rest) = self.inner.readers.run(read).await?;
            left = rest;
            let sizes = texts
                .iter()
                .map(|(_, (_, packed))| packed.as_bytes().len() as u64);
            let more: u64 = sizes.sum();
            pinned_octets = pinned_octets.saturating_add(more);
            match self.require_room(more) {
                Err(StoreError::NoRoom { .. }) => return Ok(()),
                enough => enough?,
            }
            let pin = move |journal: &mut Connection| {
                let transaction = journal.transaction()?;
                for ((entry, _), (hash, packed)) in &texts {
                    journal::pin(&transaction, *entry, hash, packed)?;
                }
                transaction.commit()?;
                Ok(())
            };
            self.inner.journal.run(pin).await?;
        }
        Ok(())
    }

    /// Has messages appended that were to be copied and are gone, where their texts were kept and the server takes messages. Says
    /// whether there were any.
    ///
    /// # Errors
    /// [`StoreError`] when they still wait for a person.
    pub async fn append_instead(&self) -> Result<bool, StoreError> {
        if !self.takes_messages() {
            return Ok(false);
        }
        let copies = self.inner.journal_readers.run(sourceless).await?;
        if copies.is_empty() {
            return Ok(false);
        }
        let ids = self.new_ids(copies.len()).await?;
        let copies: BTreeMap<EntryId, MessageId> = copies.into_iter().zip(ids).collect();
        let append = move |transaction: &Transaction<'_>| {
            append_instead(transaction, &copies).map(|()| true)
        };
        self.reset(append).await
    }
}

/// How much is pinned, compressed.
fn octets(journal: &Connection) -> Result<u64, Fault> {
    let sql = "SELECT coalesce(sum(length(bytes)), 0) FROM pinned";
    let sum: i64 = journal.query_row(sql, [], |row| row.get(0))?;
    Ok(sum.unsigned_abs())
}

/// Copies that wait, and have no pin.
fn unpinned(journal: &Connection) -> Result<Vec<(EntryId, MessageId)>, Fault> {
    let sql = "SELECT id, message FROM entry WHERE kind = 3 AND state <> 2 AND \
               NOT EXISTS (SELECT 1 FROM pinned WHERE entry = id) ORDER BY id";
    let mut statement = journal.prepare_cached(sql)?;
    let ids = |row: &Row<'_>| {
        let (entry, message) = (row.get(0)?, row.get(1)?);
        Ok((EntryId::from_raw(entry), MessageId::from_raw(message)))
    };
    let rows = statement.query_map([], ids)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Copies that cannot be made, since the message is gone, while its text was kept.
fn sourceless(journal: &Connection) -> Result<Vec<EntryId>, Fault> {
    let sql = "SELECT id FROM entry WHERE kind = 3 AND state = 2 AND park = 4 AND header_hash IS NOT NULL AND \
               (EXISTS (SELECT 1 FROM limbo WHERE limbo.message = entry.message) OR \
                EXISTS (SELECT 1 FROM pinned WHERE entry = id))";
    let mut statement = journal.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| row.get(0).map(EntryId::from_raw))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Has the texts appended where they were to be copied to, each under an id of its own.
fn append_instead(
    transaction: &Transaction<'_>,
    copies: &BTreeMap<EntryId, MessageId>,
) -> Result<(), Fault> {
    for row in journal::load(transaction, None)? {
        let (Some(&id), NamedAction::Copy { to }) = (copies.get(&row.id), &row.action) else {
            continue;
        };
        let kept = match Kept::find(transaction, row.message)? {
            None => pinned(transaction, &row)?,
            kept => kept,
        };
        let Some(kept) = kept else { continue };
        let mut keywords = Keywords::default();
        for flag in &kept.flags {
            if let Flag::Keyword(keyword) = flag {
                // One more than a mailbox can have is left out, as there.
                keywords.define(keyword).ok();
            }
        }
        kept.append(transaction, to, &keywords, id, row.mark.header)?;
        journal::retire(transaction, &[row.id])?;
    }
    Ok(())
}

/// The text that is pinned for an entry, with the flags that the message had when it was to be copied.
fn pinned(transaction: &Transaction<'_>, row: &EntryRow) -> Result<Option<Kept>, Fault> {
    let flags = row.flags_before.iter();
    let flags = flags.filter(|flag| **flag != Flag::Deleted).cloned();
    let kept = |(hash, packed)| Kept {
        packed,
        hash,
        instant: row.mark.instant,
        zone_minutes: 0,
        flags: flags.collect(),
    };
    Ok(journal::pinned(transaction, row.id)?.map(kept))
}

/// How much is pinned at most, compressed, and one batch more: the journal is read whole at each start.
const MOST_OCTETS: u64 = 256 << 20;
