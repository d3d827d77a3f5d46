//! Limbo: messages that were removed, here or by others, can be had back for a while.
//!
//! A text goes into the journal's file before the cache lets go of it. A crash between the two leaves a message that is in
//! both; it was not removed, and is not told of.

use std::vec;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::content::{self, Hashed, Packed};
use super::error::StoreError;
use super::file::Fault;
use super::held::Held;
use super::journal::{self, Draft};
use super::mailbox::name_of;
use super::{Kind, Store};
use crate::clock;
use crate::id::{MailboxId, MessageId};
use crate::journal::{Action, HeaderHash, JournalEntry, Mark};
use crate::mirror::LocalState;
use crate::protocol::types::{Flag, FlagSet, Keywords, MailboxName};

/// A message that was removed and can be had back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Our number for it.
    pub id: i64,
    /// The mailbox it was in.
    pub mailbox: MailboxName,
    /// Internal date, in seconds since 1970 UTC.
    pub instant: i64,
    /// The internal date's zone, in minutes east of UTC.
    pub zone_minutes: i16,
    /// The flags it had, without `\Deleted`.
    pub flags: Vec<Flag>,
    /// Whether it was removed here; otherwise by somebody else.
    pub by_user: bool,
    /// When it was found to be gone, in seconds since 1970.
    pub removed_at: i64,
    /// When it was last had back, in seconds since 1970.
    pub restored_at: Option<i64>,
    /// Its raw header; empty where only the whole is held.
    pub header: Vec<u8>,
    /// Octets of header and text.
    pub size: u32,
}

impl Store {
    /// What was removed and can be had back, oldest first.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub async fn removed(&self) -> Result<Vec<Removed>, StoreError> {
        let rows = self.inner.journal_readers.run(load).await?;
        let there = move |cache: &Connection| still_there(cache, rows);
        self.inner.readers.run(there).await
    }

    /// The octets of a removed message, header and text.
    ///
    /// # Errors
    /// What is wrong with the files; [`StoreError::Damaged`] when the octets are not what they were.
    pub async fn removed_text(&self, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let read = move |journal: &Connection| text(journal, id);
        self.inner.journal_readers.run(read).await
    }

    /// Writes down that a removed message was had back.
    ///
    /// # Errors
    /// [`StoreError`] when it was not written down.
    pub async fn note_restored(&self, id: i64) -> Result<(), StoreError> {
        let note = move |journal: &mut Connection| {
            let sql = "UPDATE limbo SET restored_at = ?2 WHERE id = ?1";
            journal.execute(sql, params![id, clock::unix_seconds()])?;
            Ok(())
        };
        self.inner.journal.run(note).await
    }

    /// Takes in the texts of messages that are about to be removed, as far as they are held. Only then may the cache let go
    /// of them.
    pub(super) async fn keep_in_limbo(
        &self,
        mailbox: MailboxId,
        messages: Vec<MessageId>,
    ) -> Result<(), StoreError> {
        let is_local = self.inner.kind == Kind::Local;
        let leaving = self.inner.with(mailbox, |held| {
            let leaving = |id: &MessageId| held.leaving(*id, is_local);
            messages.iter().filter_map(leaving).collect::<Vec<_>>()
        })?;
        let mut left = leaving.into_iter();
        while left.len() > 0 {
            let read = move |cache: &Connection| Ok((texts(cache, &mut left)?, left));
            let (texts, rest) = self.inner.readers.run(read).await?;
            left = rest;
            if texts.is_empty() {
                continue;
            }
            let keep = move |journal: &mut Connection| {
                let transaction = journal.transaction()?;
                for (leaving, text) in &texts {
                    insert(&transaction, leaving, text)?;
                }
                forget(&transaction, earliest(), KEPT_OCTETS)?;
                transaction.commit()?;
                Ok(())
            };
            self.inner.journal.run(keep).await?;
        }
        Ok(())
    }
}

/// Has a removed message appended again, under a new id, with the flags that the user last gave it. Nothing if its text is
/// not held.
pub(super) fn bring_back(
    transaction: &Transaction<'_>,
    held: &Held,
    message: MessageId,
    id: MessageId,
) -> Result<Option<JournalEntry>, Fault> {
    let mark = held.entries.iter().find(|entry| entry.message == message);
    let (Some(kept), Some(entry)) = (Kept::find(transaction, message)?, mark) else {
        return Ok(None);
    };
    let keywords = &held.view.keywords;
    let entry = kept.append(transaction, &held.name, keywords, id, entry.mark.header)?;
    transaction.execute(
        "UPDATE limbo SET restored_at = ?2 WHERE message = ?1",
        params![message.raw(), entry.accepted_at],
    )?;
    Ok(Some(entry))
}

/// A text that was kept, with what an APPEND says of it.
pub(super) struct Kept {
    pub(super) packed: Packed,
    pub(super) hash: [u8; 32],
    pub(super) instant: i64,
    pub(super) zone_minutes: i16,
    pub(super) flags: Vec<Flag>,
}

impl Kept {
    /// A text in limbo.
    pub(super) fn find(
        transaction: &Transaction<'_>,
        message: MessageId,
    ) -> Result<Option<Self>, Fault> {
        let sql =
            "SELECT size, coding, bytes, hash, instant, zone, flags FROM limbo WHERE message = ?1";
        let read = |row: &Row<'_>| {
            Ok(Self {
                packed: Packed::from_row(row)?,
                hash: row.get(3)?,
                instant: row.get(4)?,
                zone_minutes: row.get(5)?,
                flags: flags_of(&row.get::<_, String>(6)?),
            })
        };
        let found = transaction.query_row(sql, [message.raw()], read);
        Ok(found.optional()?)
    }

    /// Has it appended to a mailbox, under an id.
    pub(super) fn append(
        self,
        transaction: &Transaction<'_>,
        mailbox: &MailboxName,
        keywords: &Keywords,
        id: MessageId,
        header: Option<HeaderHash>,
    ) -> Result<JournalEntry, Fault> {
        let mark = Mark {
            instant: self.instant,
            size: self.packed.size(),
            header,
            uid: None,
        };
        let action = Action::Append {
            flags: keywords.resolve(&self.flags).0,
            zone_minutes: self.zone_minutes,
        };
        let mut entry = JournalEntry::appending(id, mark, action, clock::unix_seconds());
        let draft = Draft::of(mailbox, keywords, &entry).with(&self.hash, &self.packed);
        entry.id = journal::insert(transaction, &draft)?;
        Ok(entry)
    }
}

/// A message that is about to be removed.
struct Leaving {
    mailbox: MailboxName,
    message: MessageId,
    instant: i64,
    zone_minutes: i16,
    flags: String,
    by_user: bool,
}

/// What the cache holds of it.
struct Text {
    header: Vec<u8>,
    hash: [u8; 32],
    packed: Packed,
}

impl Held {
    fn leaving(&self, message: MessageId, by_user: bool) -> Option<Leaving> {
        let (row, state) = self.view.state(message)?;
        let (LocalState::Present(flags) | LocalState::Expunged { flags }) = state;
        let names = self.view.keywords.names(flags.minus(FlagSet::DELETED));
        let flags: Vec<String> = names.map(|flag| flag.to_string()).collect();
        let mut entries = self.entries.iter();
        Some(Leaving {
            mailbox: self.name.clone(),
            message,
            instant: row.instant,
            zone_minutes: row.zone_minutes,
            flags: flags.join(" "),
            by_user: by_user
                || entries.any(|entry| entry.message == message && entry.action == Action::Expunge),
        })
    }
}

/// What is held of the next messages.
fn texts(
    cache: &Connection,
    leaving: &mut vec::IntoIter<Leaving>,
) -> Result<Vec<(Leaving, Text)>, Fault> {
    let held = content::next_packed(cache, leaving, |one| one.message)?;
    let with_header = |(one, (hash, packed)): (Leaving, Hashed)| {
        // A header that is damaged hides no text.
        let header = content::headers(cache, &[one.message]).unwrap_or_default();
        let header = header.into_iter().flatten().next().unwrap_or_default();
        let text = Text {
            header,
            hash,
            packed,
        };
        (one, text)
    };
    Ok(held.into_iter().map(with_header).collect())
}

fn insert(transaction: &Transaction<'_>, leaving: &Leaving, text: &Text) -> Result<(), Fault> {
    let sql = "INSERT INTO limbo (mailbox, message, instant, zone, flags, by_user, removed_at, header, hash, size, coding, bytes) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (message) DO \
               UPDATE SET flags = excluded.flags, by_user = excluded.by_user, removed_at = excluded.removed_at";
    transaction.prepare_cached(sql)?.execute(params![
        leaving.mailbox.as_bytes(),
        leaving.message.raw(),
        leaving.instant,
        leaving.zone_minutes,
        leaving.flags,
        leaving.by_user,
        clock::unix_seconds(),
        text.header,
        text.hash,
        text.packed.size(),
        text.packed.code(),
        text.packed.as_bytes(),
    ])?;
    Ok(())
}

/// Lets go of what was kept for long enough, and of the oldest when it becomes too much.
pub(super) fn forget(transaction: &Transaction<'_>, since: i64, most: i64) -> Result<(), Fault> {
    transaction.execute("DELETE FROM limbo WHERE removed_at < ?1", [since])?;
    let sql = "DELETE FROM limbo WHERE id IN (SELECT id FROM (SELECT id, sum(length(bytes)) OVER (ORDER BY id DESC) AS octets FROM \
               limbo) WHERE octets > ?1)";
    transaction.execute(sql, [most])?;
    Ok(())
}

fn load(journal: &Connection) -> Result<Vec<(MessageId, Removed)>, Fault> {
    let sql = "SELECT id, mailbox, message, instant, zone, flags, by_user, removed_at, restored_at, header, size FROM limbo \
               WHERE removed_at >= ?1 ORDER BY id";
    let mut statement = journal.prepare(sql)?;
    let mut rows = statement.query([earliest()])?;
    let mut removed = Vec::new();
    while let Some(row) = rows.next()? {
        removed.push((MessageId::from_raw(row.get(2)?), read(row)?));
    }
    Ok(removed)
}

fn read(row: &Row<'_>) -> Result<Removed, Fault> {
    let flags: String = row.get(5)?;
    Ok(Removed {
        id: row.get(0)?,
        mailbox: name_of(&row.get::<_, Vec<u8>>(1)?)?,
        instant: row.get(3)?,
        zone_minutes: row.get(4)?,
        flags: flags_of(&flags),
        by_user: row.get(6)?,
        removed_at: row.get(7)?,
        restored_at: row.get(8)?,
        header: row.get(9)?,
        size: row.get(10)?,
    })
}

fn flags_of(names: &str) -> Vec<Flag> {
    let named = |name: &str| Flag::from_bytes(name.as_bytes()).ok();
    names.split_ascii_whitespace().filter_map(named).collect()
}

/// Leaves out what the cache still has: its removal was not carried through.
fn still_there(
    cache: &Connection,
    removed: Vec<(MessageId, Removed)>,
) -> Result<Vec<Removed>, Fault> {
    let mut statement = cache.prepare_cached("SELECT 1 FROM message WHERE id = ?1")?;
    let mut gone = Vec::new();
    for (message, removed) in removed {
        if !statement.exists([message.raw()])? {
            gone.push(removed);
        }
    }
    Ok(gone)
}

fn text(journal: &Connection, id: i64) -> Result<Option<Vec<u8>>, Fault> {
    let sql = "SELECT size, coding, bytes, hash FROM limbo WHERE id = ?1";
    let read = |row: &Row<'_>| Ok((Packed::from_row(row)?, row.get::<_, [u8; 32]>(3)?));
    let found = journal.query_row(sql, [id], read).optional()?;
    found
        .map(|(packed, hash)| packed.checked(&hash))
        .transpose()
}

/// What was removed before this moment is not kept any more.
fn earliest() -> i64 {
    clock::unix_seconds().saturating_sub(KEPT_SECONDS)
}

/// For how long a removed message can be had back.
const KEPT_SECONDS: i64 = 30 * 24 * 60 * 60;
/// How much removed messages may take up, compressed.
const KEPT_OCTETS: i64 = 256 << 20;
