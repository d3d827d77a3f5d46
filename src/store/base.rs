//! Rows of messages: the base of a mailbox, out of its file and back.

use std::collections::BTreeMap;
use std::ops::Range;

use rusqlite::{Connection, Row, Transaction, params};

use super::file::Fault;
use crate::id::{EntryId, MailboxId, MessageId};
use crate::journal::{Action, HeaderHash, JournalEntry, Mark};
use crate::mirror::BaseMessage;
use crate::protocol::types::FlagSet;

/// Every message of a mailbox, in the server's order.
pub(super) fn load(connection: &Connection, mailbox: MailboxId) -> Result<Vec<BaseMessage>, Fault> {
    let sql = "SELECT id, instant, size, header_hash, uid, flags, zone FROM message WHERE mailbox_id = ?1 ORDER BY id";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([mailbox.raw()], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<BaseMessage> {
    Ok(BaseMessage {
        id: MessageId::from_raw(row.get(0)?),
        mark: Mark {
            instant: row.get(1)?,
            size: row.get(2)?,
            header: row.get::<_, Option<[u8; 32]>>(3)?.map(HeaderHash),
            uid: row.get(4)?,
        },
        flags: FlagSet::from_bits(row.get::<_, i64>(5)?.cast_unsigned()),
        zone_minutes: row.get(6)?,
    })
}

/// The messages of a mailbox that left their place, and the ids under which they came back.
pub(super) fn moved(
    connection: &Connection,
    mailbox: MailboxId,
) -> Result<BTreeMap<MessageId, MessageId>, Fault> {
    let sql = "SELECT old_id, new_id FROM moved JOIN message ON message.id = new_id WHERE mailbox_id = ?1";
    let mut statement = connection.prepare(sql)?;
    let id = |row: &Row<'_>, column| row.get(column).map(MessageId::from_raw);
    let rows = statement.query_map([mailbox.raw()], |row| Ok((id(row, 0)?, id(row, 1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Writes down that a message came back under another id. Must come before the message is removed under its old one.
pub(super) fn follow(
    transaction: &Transaction<'_>,
    old: MessageId,
    new: MessageId,
) -> Result<(), Fault> {
    let (old, new) = (old.raw(), new.raw());
    transaction
        .prepare_cached("UPDATE moved SET new_id = ?2 WHERE new_id = ?1")?
        .execute([old, new])?;
    transaction
        .prepare_cached("INSERT INTO moved (old_id, new_id) VALUES (?1, ?2)")?
        .execute([old, new])?;
    Ok(())
}

/// The id past every message there is.
pub(super) fn past_newest(connection: &Connection) -> Result<i64, Fault> {
    let sql = "SELECT coalesce(max(id), 0) + 1 FROM message";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// Ids of messages that this file cannot know: those below `next`, if it is new; and those that came after it was copied, if
/// somebody acted on a message that it should know and does not. Then an earlier state of it was put back. Where nobody acted,
/// `acted` is 0.
pub(super) fn lost(
    connection: &Connection,
    next: i64,
    acted: i64,
) -> Result<Vec<Range<MessageId>>, Fault> {
    let sql = "INSERT INTO first_message (only, id) VALUES (1, ?1) ON CONFLICT (only) DO NOTHING";
    connection.execute(sql, [next])?;
    let sql = "INSERT INTO lost (from_id, to_id) SELECT max(id, past), ?1 FROM first_message \
               WHERE past <= ?2 AND id <= ?2 ON CONFLICT DO NOTHING";
    if connection.execute(sql, [next, acted])? > 0 {
        tracing::warn!("the copy of the mail is older than what was done to it");
        connection.execute("UPDATE first_message SET past = ?1", [next])?;
    }
    let sql = "SELECT ?1, id FROM first_message UNION ALL SELECT from_id, to_id FROM lost";
    let mut statement = connection.prepare(sql)?;
    let range = |row: &Row<'_>| {
        let (from, to) = (row.get(0)?, row.get(1)?);
        Ok(MessageId::from_raw(from)..MessageId::from_raw(to))
    };
    let rows = statement.query_map([i64::MIN], range)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Notes the newest message that this file knows, for [`lost`].
pub(super) fn knows(transaction: &Transaction<'_>, newest: MessageId) -> Result<(), Fault> {
    let sql = "UPDATE first_message SET past = ?1 + 1 WHERE past <= ?1";
    transaction.prepare_cached(sql)?.execute([newest.raw()])?;
    Ok(())
}

/// Notes the newest action that waits while a mailbox is recorded, for [`believe`]: of what waits now, nothing is doubted.
pub(super) fn is_recorded(
    cache: &Connection,
    mailbox: MailboxId,
    newest: EntryId,
) -> Result<(), Fault> {
    let sql = "UPDATE mailbox SET acted = ?2 WHERE id = ?1";
    let row = [mailbox.raw(), newest.raw()];
    cache.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// What waits now says nothing about any mailbox: it is the journal that was put back.
pub(super) fn doubt_nothing(cache: &Connection) -> Result<(), Fault> {
    cache.execute("UPDATE mailbox SET acted = ?1", [i64::MAX])?;
    Ok(())
}

/// Puts flags right that an earlier state of the file has otherwise: the first action on a flag says how its user saw it, and
/// that is what was recorded, unless something was recorded since. Says whether there were any: then the server has to be asked for
/// all flags.
pub(super) fn believe(
    transaction: &Transaction<'_>,
    mailbox: MailboxId,
    messages: &mut [BaseMessage],
    entries: &[JournalEntry],
) -> Result<bool, Fault> {
    let mut is_earlier = false;
    let sql = "SELECT acted FROM mailbox WHERE id = ?1";
    let mut statement = transaction.prepare_cached(sql)?;
    let recorded = statement.query_row([mailbox.raw()], |row| row.get(0).map(EntryId::from_raw))?;
    let mut told: BTreeMap<MessageId, FlagSet> = BTreeMap::new();
    for entry in entries {
        let named = match &entry.action {
            Action::Flags(delta) => delta.touched(),
            Action::Expunge => FlagSet::from_bits(u64::MAX),
            Action::Copy { .. } | Action::Append { .. } => FlagSet::EMPTY,
        };
        let told = told.entry(entry.message).or_default();
        let first = named.minus(*told);
        *told = told.union(named);
        let found = messages.binary_search_by_key(&entry.message, |known| known.id);
        let known = found.ok().and_then(|index| messages.get_mut(index));
        let Some(known) = known.filter(|_| entry.id > recorded) else {
            continue;
        };
        let seen = entry.flags_before.intersection(first);
        let flags = known.flags.minus(first).union(seen);
        if flags != known.flags {
            known.flags = flags;
            set_flags(transaction, known.id, flags)?;
            is_earlier = true;
        }
    }
    if is_earlier {
        let sql = "UPDATE mailbox SET mod_seq = NULL WHERE id = ?1";
        transaction.execute(sql, [mailbox.raw()])?;
    }
    Ok(is_earlier)
}

pub(super) fn insert(
    transaction: &Transaction<'_>,
    mailbox: MailboxId,
    message: &BaseMessage,
) -> Result<(), Fault> {
    let sql = "INSERT INTO message (mailbox_id, id, instant, zone, size, flags, uid, header_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    transaction.prepare_cached(sql)?.execute(params![
        mailbox.raw(),
        message.id.raw(),
        message.mark.instant,
        message.zone_minutes,
        message.mark.size,
        message.flags.bits().cast_signed(),
        message.mark.uid,
        message.mark.header.map(|hash| hash.0),
    ])?;
    Ok(())
}

pub(super) fn set_flags(
    transaction: &Transaction<'_>,
    message: MessageId,
    flags: FlagSet,
) -> Result<(), Fault> {
    let sql = "UPDATE message SET flags = ?2 WHERE id = ?1";
    transaction
        .prepare_cached(sql)?
        .execute([message.raw(), flags.bits().cast_signed()])?;
    Ok(())
}

pub(super) fn set_mark(
    transaction: &Transaction<'_>,
    message: MessageId,
    mark: &Mark,
) -> Result<(), Fault> {
    let sql =
        "UPDATE message SET instant = ?2, size = ?3, header_hash = ?4, uid = ?5 WHERE id = ?1";
    let header = mark.header.map(|hash| hash.0);
    transaction.prepare_cached(sql)?.execute(params![
        message.raw(),
        mark.instant,
        mark.size,
        header,
        mark.uid
    ])?;
    Ok(())
}

/// Messages whose header is not held, in the server's order.
pub(super) fn without_header(
    connection: &Connection,
    mailbox: MailboxId,
) -> Result<Vec<BaseMessage>, Fault> {
    let sql = "SELECT id, instant, size, header_hash, uid, flags, zone FROM message INDEXED BY message_without_header \
        WHERE mailbox_id = ?1 AND has_header = 0 ORDER BY id";
    listed(connection, sql, mailbox)
}

/// Messages whose text is not held, in the server's order.
pub(super) fn without_body(
    connection: &Connection,
    mailbox: MailboxId,
) -> Result<Vec<BaseMessage>, Fault> {
    // Left to itself SQLite would read every message of the mailbox, since the order is theirs.
    let sql = "SELECT id, instant, size, header_hash, uid, flags, zone FROM message INDEXED BY message_without_blob \
        WHERE mailbox_id = ?1 AND blob_id IS NULL ORDER BY id";
    listed(connection, sql, mailbox)
}

fn listed(
    connection: &Connection,
    sql: &str,
    mailbox: MailboxId,
) -> Result<Vec<BaseMessage>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([mailbox.raw()], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
