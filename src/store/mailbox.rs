//! Rows of mailboxes and their keywords.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error::StoreError;
use super::file::Fault;
use crate::id::{MailboxId, MessageId};
use crate::mirror::{Access, Coverage, MailboxFacts};
use crate::protocol::types::{FlagSet, Keyword, Keywords, MailboxName};

/// A mailbox as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxRow {
    /// Our name for it.
    pub id: MailboxId,
    /// The server's name for it.
    pub name: MailboxName,
    /// Whether the server still lists it.
    pub on_server: bool,
    /// When a pass over it last came to its end, in seconds since 1970; `None` for never.
    pub last_pass_at: Option<i64>,
    /// When every message of it was last shown by the server, in seconds since 1970; `None` for never.
    pub listed_at: Option<i64>,
    /// How many messages such listings found to be otherwise than looking here and there had told.
    pub missed_count: u64,
}

pub(super) fn all(connection: &Connection) -> Result<Vec<MailboxRow>, Fault> {
    let mut statement = connection
        .prepare("SELECT id, name, on_server, last_pass_at, listed_at, missed_count FROM mailbox ORDER BY name")?;
    let mut rows = statement.query([])?;
    let mut mailboxes = Vec::new();
    while let Some(row) = rows.next()? {
        let time = |column| row.get(column).map(|at: i64| (at > 0).then_some(at));
        mailboxes.push(MailboxRow {
            id: MailboxId::from_raw(row.get(0)?),
            name: name_of(&row.get::<_, Vec<u8>>(1)?)?,
            on_server: row.get(2)?,
            last_pass_at: time(3)?,
            listed_at: time(4)?,
            missed_count: row.get::<_, i64>(5)?.cast_unsigned(),
        });
    }
    Ok(mailboxes)
}

/// When every message was last shown by the server, in seconds since 1970; 0 for never.
pub(super) fn listed_at(connection: &Connection, id: MailboxId) -> Result<i64, Fault> {
    let sql = "SELECT listed_at FROM mailbox WHERE id = ?1";
    Ok(connection.query_row(sql, [id.raw()], |row| row.get(0))?)
}

/// Writes down how much was looked at.
pub(super) fn save_coverage(
    transaction: &Transaction<'_>,
    id: MailboxId,
    coverage: Coverage,
    at: i64,
) -> Result<(), Fault> {
    let missed_count = match coverage {
        Coverage::Glance { .. } => return Ok(()),
        Coverage::Whole => 0,
        Coverage::Check { missed_count } => missed_count,
    };
    let missed_count = i64::try_from(missed_count).unwrap_or(i64::MAX);
    let sql = "UPDATE mailbox SET listed_at = ?2, missed_count = missed_count + ?3 WHERE id = ?1";
    transaction
        .prepare_cached(sql)?
        .execute([id.raw(), at, missed_count])?;
    Ok(())
}

/// Adds a mailbox, or finds it.
pub(super) fn adopt(transaction: &Transaction<'_>, name: &MailboxName) -> Result<MailboxId, Fault> {
    let sql = "INSERT INTO mailbox (name) VALUES (?1) ON CONFLICT (name) DO UPDATE SET on_server = 1 RETURNING id";
    let id = transaction.query_row(sql, [name.as_bytes()], |row| row.get(0))?;
    Ok(MailboxId::from_raw(id))
}

/// Adds a mailbox that must be new.
pub(super) fn create(
    transaction: &Transaction<'_>,
    name: &MailboxName,
) -> Result<MailboxId, Fault> {
    let sql = "INSERT INTO mailbox (name, access) VALUES (?1, 1) ON CONFLICT (name) DO NOTHING RETURNING id";
    let id: Option<i64> = transaction
        .query_row(sql, [name.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(id
        .map(MailboxId::from_raw)
        .ok_or(StoreError::MailboxExists)?)
}

/// Adds INBOX to mailboxes that live here, unless it is there: every account has one, and no client can make it.
pub(super) fn provide_inbox(file: &Connection) -> Result<(), Fault> {
    let sql = "INSERT INTO mailbox (name, access) VALUES (?1, 1) ON CONFLICT (name) DO NOTHING";
    file.execute(sql, [MailboxName::inbox().as_bytes()])?;
    Ok(())
}

pub(super) fn remove(transaction: &Transaction<'_>, id: MailboxId) -> Result<(), Fault> {
    transaction.execute("DELETE FROM mailbox WHERE id = ?1", [id.raw()])?;
    Ok(())
}

pub(super) fn rename(
    transaction: &Transaction<'_>,
    id: MailboxId,
    to: &MailboxName,
) -> Result<(), Fault> {
    let taken: bool = transaction.query_row(
        "SELECT EXISTS (SELECT 1 FROM mailbox WHERE name = ?1)",
        [to.as_bytes()],
        |row| row.get(0),
    )?;
    if taken {
        return Err(StoreError::MailboxExists.into());
    }
    transaction.execute(
        "UPDATE mailbox SET name = ?2 WHERE id = ?1",
        params![id.raw(), to.as_bytes()],
    )?;
    Ok(())
}

/// Marks which mailboxes the server lists.
pub(super) fn listed(
    transaction: &Transaction<'_>,
    names: &[MailboxName],
) -> Result<Vec<MailboxId>, Fault> {
    transaction.execute("UPDATE mailbox SET on_server = 0", [])?;
    names.iter().map(|name| adopt(transaction, name)).collect()
}

/// The mailbox's own row: name, facts, and up to which message clients have seen it.
pub(super) fn load(
    connection: &Connection,
    id: MailboxId,
) -> Result<(MailboxName, MailboxFacts, MessageId), Fault> {
    let sql =
        "SELECT name, uid_validity, access, permanent, seen_to, mod_seq FROM mailbox WHERE id = ?1";
    let row = connection.query_row(sql, [id.raw()], |row| {
        let facts = MailboxFacts {
            uid_validity: row.get(1)?,
            access: access_from(row.get(2)?),
            permanent: row
                .get::<_, Option<i64>>(3)?
                .map(|bits| FlagSet::from_bits(bits.cast_unsigned())),
            mod_seq: row.get::<_, Option<i64>>(5)?.map(i64::cast_unsigned),
            scoped_expunge: false,
        };
        Ok((
            row.get::<_, Vec<u8>>(0)?,
            facts,
            MessageId::from_raw(row.get(4)?),
        ))
    });
    let (name, facts, seen_to) = row.optional()?.ok_or(StoreError::NoMailbox)?;
    Ok((name_of(&name)?, facts, seen_to))
}

pub(super) fn save_facts(
    transaction: &Transaction<'_>,
    id: MailboxId,
    facts: &MailboxFacts,
    at: i64,
) -> Result<(), Fault> {
    let sql = "UPDATE mailbox SET uid_validity = ?2, access = ?3, permanent = ?4, last_pass_at = ?5, mod_seq = ?6 WHERE id = ?1";
    let permanent = facts.permanent.map(|flags| flags.bits().cast_signed());
    transaction.prepare_cached(sql)?.execute(params![
        id.raw(),
        facts.uid_validity,
        access_code(facts.access),
        permanent,
        at,
        facts.mod_seq.map(u64::cast_signed),
    ])?;
    Ok(())
}

pub(super) fn save_seen_to(
    connection: &Connection,
    id: MailboxId,
    seen_to: MessageId,
) -> Result<(), Fault> {
    connection.execute(
        "UPDATE mailbox SET seen_to = max(seen_to, ?2) WHERE id = ?1",
        [id.raw(), seen_to.raw()],
    )?;
    Ok(())
}

pub(super) fn keywords(connection: &Connection, id: MailboxId) -> Result<Keywords, Fault> {
    let mut statement = connection
        .prepare("SELECT position, name FROM keyword WHERE mailbox_id = ?1 ORDER BY position")?;
    let rows = statement.query_map([id.raw()], |row| {
        Ok((row.get(0)?, row.get::<_, String>(1)?))
    })?;
    let mut positions = Vec::new();
    for row in rows {
        let (position, name) = row?;
        positions.extend(
            name.parse::<Keyword>()
                .ok()
                .map(|keyword| (position, keyword)),
        );
    }
    Ok(Keywords::from_positions(positions))
}

/// Gives every name a bit, keeping those that have one.
pub(super) fn define_keywords(
    transaction: &Transaction<'_>,
    id: MailboxId,
    names: &[Keyword],
) -> Result<Keywords, Fault> {
    let keywords = adopt_keywords(transaction, id, names)?;
    if names.iter().all(|name| keywords.lookup(name).is_some()) {
        Ok(keywords)
    } else {
        Err(StoreError::KeywordsFull.into())
    }
}

/// As [`define_keywords`], for as many as there are bits for: the others are left out.
pub(super) fn adopt_keywords(
    transaction: &Transaction<'_>,
    id: MailboxId,
    names: &[Keyword],
) -> Result<Keywords, Fault> {
    let mut keywords = keywords(transaction, id)?;
    for name in names {
        if keywords.define(name).is_err() {
            break;
        }
    }
    let sql = "INSERT INTO keyword (mailbox_id, position, name) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    for (position, keyword) in keywords.positions() {
        transaction
            .prepare_cached(sql)?
            .execute(params![id.raw(), position, keyword.as_str()])?;
    }
    Ok(keywords)
}

/// A name that came out of the store.
pub(super) fn name_of(octets: &[u8]) -> Result<MailboxName, Fault> {
    MailboxName::from_bytes(octets).map_err(|_| Fault::damage("a mailbox name cannot be one"))
}

fn access_code(access: Access) -> i64 {
    match access {
        Access::Unsaid => 0,
        Access::ReadWrite => 1,
        Access::ReadOnly => 2,
    }
}

fn access_from(code: i64) -> Access {
    match code {
        1 => Access::ReadWrite,
        2 => Access::ReadOnly,
        _ => Access::Unsaid,
    }
}
