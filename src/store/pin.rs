//! Pins: the texts of messages that are to be copied, kept until the copy is proven. With them a copy can still be made when
//! others have removed the message, also where the cache was lost in the meantime.
//!
//! They lie beside the texts of messages to be appended. No checksum of an entry covers them; what they are is checked by their
//! own hash when they are sent.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::Store;
use super::content::{self, Packed};
use super::error::StoreError;
use super::file::Fault;
use super::journal::{self, EntryRow, NamedAction};
use super::limbo::{KEPT_AT_ONCE, Kept};
use crate::id::{EntryId, MessageId};
use crate::protocol::types::{Flag, Keywords};

impl Store {
    /// Pins the texts of messages that wait to be copied, as far as they are held here, there is room for them, and they do not
    /// become too many. Those that were pinned by the time that it is dropped stay so.
    ///
    /// # Errors
    /// [`StoreError`] when some were not pinned; nothing else depends on it.
    pub async fn pin_sources(&self) -> Result<(), StoreError> {
        let mut sources = self.inner.journal_readers.run(unpinned).await?;
        let mut pinned_octets = self.inner.journal_readers.run(octets).await?;
        while !sources.is_empty() && pinned_octets < MOST_OCTETS {
            let read = move |cache: &Connection| texts(cache, sources);
            let (texts, rest) = self.inner.readers.run(read).await?;
            sources = rest;
            let sizes = texts.iter().map(|text| text.packed.as_bytes().len() as u64);
            let more: u64 = sizes.sum();
            pinned_octets = pinned_octets.saturating_add(more);
            match self.require_room(more) {
                Err(StoreError::NoRoom { .. }) => return Ok(()),
                enough => enough?,
            }
            let pin = move |journal: &mut Connection| {
                let transaction = journal.transaction()?;
                for text in &texts {
                    text.insert(&transaction)?;
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

/// The text of a message that an entry wants to be copied.
struct Source {
    entry: EntryId,
    hash: [u8; 32],
    packed: Packed,
}

impl Source {
    /// Unless the entry is gone by now.
    fn insert(&self, transaction: &Transaction<'_>) -> Result<(), Fault> {
        let sql = "INSERT INTO pinned (entry, hash, size, coding, bytes) SELECT id, ?2, ?3, ?4, ?5 FROM entry WHERE id = ?1 \
                   ON CONFLICT DO NOTHING";
        transaction.prepare_cached(sql)?.execute(params![
            self.entry.raw(),
            self.hash,
            self.packed.size(),
            self.packed.code(),
            self.packed.as_bytes(),
        ])?;
        Ok(())
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

/// What is held of the messages, as much as is kept at a time, and those that are left.
#[expect(clippy::type_complexity, reason = "a list with its rest")]
fn texts(
    cache: &Connection,
    sources: Vec<(EntryId, MessageId)>,
) -> Result<(Vec<Source>, Vec<(EntryId, MessageId)>), Fault> {
    let (mut held, mut octets) = (Vec::new(), 0);
    let mut sources = sources.into_iter();
    while octets < KEPT_AT_ONCE
        && let Some((entry, message)) = sources.next()
    {
        let Some((hash, packed)) = content::packed(cache, message)? else {
            continue;
        };
        octets = octets.saturating_add(packed.as_bytes().len());
        held.push(Source {
            entry,
            hash,
            packed,
        });
    }
    Ok((held, sources.collect()))
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
    let sql = "SELECT size, coding, bytes, hash FROM pinned WHERE entry = ?1";
    let flags = row.flags_before.iter();
    let read = |pinned: &Row<'_>| {
        Ok(Kept {
            packed: Packed::from_row(pinned)?,
            hash: pinned.get(3)?,
            instant: row.mark.instant,
            zone_minutes: 0,
            flags: flags
                .filter(|flag| **flag != Flag::Deleted)
                .cloned()
                .collect(),
        })
    };
    let found = transaction.query_row(sql, [row.id.raw()], read);
    Ok(found.optional()?)
}

/// How much is pinned at most, compressed, and one batch more: the journal is read whole at each start.
const MOST_OCTETS: u64 = 256 << 20;
