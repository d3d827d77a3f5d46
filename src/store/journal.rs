//! Rows of the journal.
//!
//! A row stands for itself: flags are written by name and the destination of a copy by its octets, so that it means the
//! same when every other file is gone. A checksum covers what the user asked for; the columns about progress change.

mod row;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params, params_from_iter};

use super::content::{Hashed, Packed};
use super::file::Fault;
use super::mailbox::name_of;
use crate::id::{EntryId, MessageId};
use crate::journal::{Action, Attempt, JournalEntry, Mark, ParkReason};
use crate::protocol::types::{FlagSet, Keywords, MailboxName};
pub(super) use row::{COLUMNS, Sum, is_as_written};
use row::{Checked, names, park_code, payload, read};
pub use row::{EntryRow, NamedAction};
pub(super) use row::{delta_names, system_delta};

/// How much of the journal speaks of one mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Actions that wait to be carried out.
    pub pending_count: usize,
    /// Actions set aside for a person.
    pub parked_count: usize,
}

/// What is about to be written, before it has an id.
pub(super) struct Draft<'a> {
    pub(super) mailbox: &'a MailboxName,
    pub(super) uid_validity: Option<u32>,
    pub(super) keywords: &'a Keywords,
    pub(super) message: MessageId,
    pub(super) mark: Mark,
    pub(super) flags_before: FlagSet,
    pub(super) action: &'a Action,
    /// The message that an APPEND brings along.
    pub(super) pinned: Option<(&'a [u8; 32], &'a Packed)>,
    pub(super) accepted_at: i64,
}

impl<'a> Draft<'a> {
    /// An entry as it is to be written into the journal of a mailbox.
    pub(super) fn of(
        mailbox: &'a MailboxName,
        keywords: &'a Keywords,
        entry: &'a JournalEntry,
    ) -> Self {
        Self {
            mailbox,
            uid_validity: entry.uid_validity,
            keywords,
            message: entry.message,
            mark: entry.mark,
            flags_before: entry.flags_before,
            action: &entry.action,
            pinned: None,
            accepted_at: entry.accepted_at,
        }
    }

    /// The same, with the message that it brings along.
    pub(super) fn with(self, hash: &'a [u8; 32], packed: &'a Packed) -> Self {
        Self {
            pinned: Some((hash, packed)),
            ..self
        }
    }
}

/// Writes an entry and gives it its id.
pub(super) fn insert(transaction: &Transaction<'_>, draft: &Draft<'_>) -> Result<EntryId, Fault> {
    let before = names(draft.keywords, draft.flags_before, "");
    let hash = draft.pinned.map(|(hash, _)| *hash).unwrap_or_default();
    let (kind, payload) = payload(draft.action, draft.keywords, &hash);
    let header = draft.mark.header.map(|hash| hash.0);
    let entry = EntryId::from_raw(
        transaction
            .prepare_cached(NEXT)?
            .query_row([], |row| row.get(0))?,
    );
    let sum = Checked {
        place: Some((entry, draft.message)),
        mailbox: draft.mailbox.as_bytes(),
        mark: draft.mark,
        uid_validity: draft.uid_validity,
        flags_before: &before,
        kind,
        payload: &payload,
        accepted_at: draft.accepted_at,
    };
    transaction.prepare_cached(INSERT)?.execute(params![
        draft.mailbox.as_bytes(),
        draft.message.raw(),
        draft.mark.instant,
        draft.mark.size,
        header,
        draft.mark.uid,
        draft.uid_validity,
        before,
        kind,
        payload,
        draft.accepted_at,
        sum.crc(),
        entry.raw(),
    ])?;
    if let Some((hash, packed)) = draft.pinned
        && !pin(transaction, entry, hash, packed)?
    {
        return Err(Fault::damage("a text of an entry that is not there yet"));
    }
    Ok(entry)
}

/// Keeps a text for as long as an entry is there, if it is. Says whether it was not kept before.
pub(super) fn pin(
    transaction: &Transaction<'_>,
    entry: EntryId,
    hash: &[u8; 32],
    packed: &Packed,
) -> Result<bool, Fault> {
    let sql = "INSERT INTO pinned (entry, hash, size, coding, bytes) SELECT id, ?2, ?3, ?4, ?5 FROM entry WHERE id = ?1 \
               ON CONFLICT DO NOTHING";
    let kept_count = transaction.prepare_cached(sql)?.execute(params![
        entry.raw(),
        hash,
        packed.size(),
        packed.code(),
        packed.as_bytes()
    ])?;
    Ok(kept_count > 0)
}

/// The text that an entry brings along, as it is kept.
pub(super) fn pinned(connection: &Connection, entry: EntryId) -> Result<Option<Hashed>, Fault> {
    let sql = "SELECT size, coding, bytes, hash FROM pinned WHERE entry = ?1";
    let read = |row: &Row<'_>| Ok((row.get(3)?, Packed::from_row(row)?));
    Ok(connection.query_row(sql, [entry.raw()], read).optional()?)
}

/// The first message id that was not reserved yet.
pub(super) fn reserved(connection: &Connection) -> Result<i64, Fault> {
    let next = connection.query_row("SELECT next FROM id_block", [], |row| row.get(0));
    Ok(next.optional()?.unwrap_or(1))
}

/// Reserves the message ids below `next`.
pub(super) fn reserve(connection: &Connection, next: i64) -> Result<(), Fault> {
    connection.execute("UPDATE id_block SET next = ?1", [next])?;
    Ok(())
}

/// How much of the journal speaks of each mailbox.
pub(super) fn backlog(connection: &Connection) -> Result<BTreeMap<MailboxName, Backlog>, Fault> {
    let mut statement = connection.prepare_cached(BACKLOG)?;
    let mut rows = statement.query([])?;
    let mut backlogs = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (entry_count, parked_count): (u32, u32) = (row.get(1)?, row.get(2)?);
        let backlog = Backlog {
            pending_count: entry_count.saturating_sub(parked_count) as usize,
            parked_count: parked_count as usize,
        };
        backlogs.insert(name_of(&row.get::<_, Vec<u8>>(0)?)?, backlog);
    }
    Ok(backlogs)
}

/// From where to where something waits to be copied.
pub(super) fn routes_of_copies(
    connection: &Connection,
) -> Result<BTreeSet<(MailboxName, MailboxName)>, Fault> {
    let mut statement = connection.prepare_cached(ROUTES)?;
    let mut rows = statement.query([])?;
    let mut routes = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let name = |column| name_of(&row.get::<_, Vec<u8>>(column)?);
        routes.insert((name(0)?, name(1)?));
    }
    Ok(routes)
}

/// What entries of other mailboxes have sent to some mailbox, without knowing whether it arrived.
pub(super) fn open_elsewhere(
    connection: &Connection,
    mailbox: &MailboxName,
) -> Result<Vec<(MailboxName, Mark)>, Fault> {
    let sql = format!("{SELECT} WHERE state = 1 AND kind IN (3, 4) AND mailbox <> ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([mailbox.as_bytes()])?;
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        let EntryRow {
            mailbox,
            mark,
            action,
            ..
        } = read(row)?;
        open.push(match action {
            NamedAction::Copy { to } => (to, mark),
            _ => (mailbox, mark),
        });
    }
    Ok(open)
}

/// The entries of one mailbox, oldest first; `None` for all mailboxes.
pub(super) fn load(
    connection: &Connection,
    mailbox: Option<&MailboxName>,
) -> Result<Vec<EntryRow>, Fault> {
    let whose = mailbox.map_or("", |_| "WHERE mailbox = ?1");
    let mut statement = connection.prepare_cached(&format!("{SELECT} {whose} ORDER BY id"))?;
    let mut rows = statement.query(params_from_iter(mailbox.map(MailboxName::as_bytes)))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(read(row)?);
    }
    Ok(entries)
}

/// Records that commands for these entries are about to leave. Says whether all of them are still there.
pub(super) fn attempt(
    transaction: &Transaction<'_>,
    attempts: &[(EntryId, Attempt)],
) -> Result<bool, Fault> {
    let sql = "UPDATE entry SET state = 1, attempts = ?2, copies_before = ?3 WHERE id = ?1";
    for (entry, attempt) in attempts {
        let row = params![entry.raw(), attempt.number, attempt.equals_before];
        if transaction.prepare_cached(sql)?.execute(row)? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Lets go of entries, and counts that.
pub(super) fn retire(transaction: &Transaction<'_>, entries: &[EntryId]) -> Result<(), Fault> {
    for entry in entries {
        transaction
            .prepare_cached("DELETE FROM entry WHERE id = ?1")?
            .execute([entry.raw()])?;
    }
    if !entries.is_empty() {
        transaction.execute("UPDATE epoch SET number = number + 1", [])?;
    }
    Ok(())
}

pub(super) fn park(
    transaction: &Transaction<'_>,
    entry: EntryId,
    reason: &ParkReason,
) -> Result<(), Fault> {
    let text = match reason {
        ParkReason::Refused { text } => text.as_str(),
        ParkReason::NotKept
        | ParkReason::NoDestination
        | ParkReason::SourceGone
        | ParkReason::NoReceipt
        | ParkReason::Unbound
        | ParkReason::Stale
        | ParkReason::Salvaged
        | ParkReason::Old => "",
    };
    let sql = "UPDATE entry SET state = 2, park = ?2, trouble = ?3 WHERE id = ?1";
    transaction
        .prepare_cached(sql)?
        .execute(params![entry.raw(), park_code(reason), text])?;
    Ok(())
}

/// Makes a parked entry active again, as if it had never been tried; where nothing spoke against it, what may have been sent for
/// it counts as sent.
pub(super) fn retry(transaction: &Transaction<'_>, entry: EntryId) -> Result<bool, Fault> {
    let sql = "UPDATE entry SET state = park IN (7, 8, 9) AND attempts > 0, attempts = iif(park IN (7, 8, 9), attempts, 0), park = 0, \
               trouble = '', confirmed = 1 WHERE id = ?1 AND state = 2";
    Ok(transaction.execute(sql, [entry.raw()])? > 0)
}

/// The mailboxes that something waits to be appended to.
pub(super) fn appended_to(connection: &Connection) -> Result<Vec<MailboxName>, Fault> {
    let sql = "SELECT DISTINCT mailbox FROM entry WHERE kind = 4 AND state <> 2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut names = Vec::new();
    while let Some(row) = rows.next()? {
        names.push(name_of(&row.get::<_, Vec<u8>>(0)?)?);
    }
    Ok(names)
}

/// Sets aside what is to be appended to a mailbox: there is none.
pub(super) fn park_appends(
    transaction: &Transaction<'_>,
    mailbox: &MailboxName,
) -> Result<(), Fault> {
    let sql = "UPDATE entry SET state = 2, park = 3 WHERE kind = 4 AND state <> 2 AND mailbox = ?1";
    transaction.execute(sql, [mailbox.as_bytes()])?;
    Ok(())
}

/// Makes entries active again that only waited for a person to say that they are meant. What may have been sent for them
/// before counts as sent.
pub(super) fn confirm(transaction: &Transaction<'_>) -> Result<bool, Fault> {
    let sql = "UPDATE entry SET state = attempts > 0, park = 0, trouble = '', confirmed = 1 WHERE state = 2 AND park IN (7, 8, 9)";
    Ok(transaction.execute(sql, [])? > 0)
}

/// Sets every entry aside that is not: the journal is older than what the cache knows of.
pub(super) fn distrust(connection: &Connection) -> Result<usize, Fault> {
    let sql = "UPDATE entry SET state = 2, park = 7 WHERE state <> 2";
    Ok(connection.execute(sql, [])?)
}

/// Sets entries aside that were accepted before a moment, unless a person said that they are meant; with them what was done to
/// the same messages since, which means something else alone.
pub(super) fn set_old_aside(connection: &Connection, before: i64) -> Result<usize, Fault> {
    let sql = "UPDATE entry SET state = 2, park = 9 WHERE state <> 2 AND confirmed = 0 AND (mailbox, message) IN (SELECT mailbox, \
               message FROM entry WHERE state <> 2 AND confirmed = 0 AND accepted_at < ?1)";
    Ok(connection.execute(sql, [before])?)
}

/// Whether entries were accepted before a moment, and nobody said since that they are meant.
pub(super) fn has_old(connection: &Connection, before: i64) -> Result<bool, Fault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM entry WHERE state <> 2 AND confirmed = 0 AND accepted_at < ?1)";
    Ok(connection.query_row(sql, [before], |row| row.get(0))?)
}

/// The newest message that entries and notes speak of, or 0. What was appended is not meant: it was in no mailbox when it was
/// acted on.
pub(super) fn newest_acted(connection: &Connection) -> Result<i64, Fault> {
    let sql = "SELECT coalesce(max(message), 0) FROM (SELECT message FROM entry WHERE message NOT IN \
               (SELECT message FROM entry WHERE kind = 4) UNION ALL SELECT message FROM restore_unseen)";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// How often entries were let go of: as the journal has it, or as the cache knew it.
pub(super) fn epoch(connection: &Connection) -> Result<i64, Fault> {
    Ok(connection.query_row("SELECT number FROM epoch", [], |row| row.get(0))?)
}

/// Writes down how often entries were let go of.
pub(super) fn set_epoch(connection: &Connection, number: i64) -> Result<(), Fault> {
    connection.execute("UPDATE epoch SET number = ?1 WHERE number <> ?1", [number])?;
    Ok(())
}

/// Records that the server said NO to what was last sent for an entry.
pub(super) fn refuse(transaction: &Transaction<'_>, entry: EntryId) -> Result<(), Fault> {
    transaction
        .prepare_cached("UPDATE entry SET state = 3 WHERE id = ?1 AND state = 1")?
        .execute([entry.raw()])?;
    Ok(())
}

pub(super) fn trouble(
    transaction: &Transaction<'_>,
    entry: EntryId,
    words: &str,
) -> Result<(), Fault> {
    transaction
        .prepare_cached("UPDATE entry SET trouble = ?2 WHERE id = ?1")?
        .execute(params![entry.raw(), words])?;
    Ok(())
}

/// Ties an entry to the message that its mark was found on.
pub(super) fn rebind(
    transaction: &Transaction<'_>,
    entry: EntryId,
    message: MessageId,
) -> Result<(), Fault> {
    let checksum = transaction
        .prepare_cached(&format!("{SELECT} WHERE id = ?1"))?
        .query_row([entry.raw()], |row| row::crc_about(row, message))
        .optional()?;
    transaction
        .prepare_cached("UPDATE entry SET message = ?2, checksum = ?3 WHERE id = ?1")?
        .execute(params![entry.raw(), message.raw(), checksum])?;
    Ok(())
}

const INSERT: &str = "INSERT INTO entry (mailbox, message, instant, size, header_hash, uid, uid_validity, flags_before, kind, \
                      payload, accepted_at, checksum, id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
/// The id of the next entry: none is given twice, even if the last one is gone.
const NEXT: &str = "SELECT max(coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = 'entry'), 0), \
                    coalesce((SELECT max(id) FROM entry), 0)) + 1";
const SELECT: &str = "SELECT id, mailbox, message, instant, size, header_hash, uid, uid_validity, flags_before, kind, payload, \
                      accepted_at, checksum, state, attempts, copies_before, park, trouble FROM entry";
/// Each mailbox with the number of its entries, and of those that are parked.
const BACKLOG: &str = "SELECT mailbox, count(*), (SELECT count(*) FROM entry parked WHERE parked.mailbox = entry.mailbox AND \
                       parked.state = 2) FROM entry GROUP BY mailbox";
const ROUTES: &str = "SELECT DISTINCT mailbox, payload FROM entry WHERE kind = 3 AND state <> 2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_journal_is_asked_by_its_indexes() {
        let file = Connection::open_in_memory().unwrap();
        let shape = include_str!("../../migrations/journal/0001_journal.sql");
        file.execute_batch(shape).unwrap();
        let of_mailbox = format!("{SELECT} WHERE mailbox = x'00' ORDER BY id");
        for sql in [BACKLOG, ROUTES, &of_mailbox] {
            let plan = format!("EXPLAIN QUERY PLAN {sql}");
            let mut statement = file.prepare(&plan).unwrap();
            let steps = statement
                .query_map([], |row| row.get::<_, String>(3))
                .unwrap();
            for step in steps.map(Result::unwrap) {
                let reads = step.starts_with("SCAN") || step.starts_with("SEARCH");
                assert!(!reads || step.contains("INDEX entry_"), "{sql}: {step}");
                assert!(!step.contains("TEMP B-TREE"), "{sql}: {step}");
            }
        }
    }
}
