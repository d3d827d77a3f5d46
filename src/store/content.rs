//! Headers, envelopes and whole messages: compressed on the way in, and on the way out what they were; of a whole message,
//! its hash says so.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use zstd::bulk::{Compressor, Decompressor};

use super::file::Fault;
use crate::id::{MailboxId, MessageId};
use crate::journal::HeaderHash;

/// A header to be kept, as read from a server.
#[derive(Clone, Debug)]
pub struct HeaderIn {
    /// Whose it is.
    pub message: MessageId,
    /// Its hash, which becomes part of the message's mark.
    pub hash: HeaderHash,
    /// The envelope as FETCH shows it.
    pub envelope: Vec<u8>,
    /// The raw header with its blank line.
    pub bytes: Packed,
}

/// A whole message to be kept.
#[derive(Clone, Debug)]
pub struct BodyIn {
    /// Whose it is.
    pub message: MessageId,
    /// BLAKE3 of the octets.
    pub hash: [u8; 32],
    /// The structure as FETCH BODY shows it.
    pub structure: Vec<u8>,
    /// Header and text.
    pub bytes: Packed,
}

/// Octets as they go into a row.
#[derive(Clone, Debug)]
pub struct Packed {
    size: u32,
    coding: Coding,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Plain,
    Zstd,
}

/// Compresses octets. Its tables are set up once for many texts: for short ones that is much of the work.
pub struct Packer(Option<Compressor<'static>>);

impl Packer {
    /// A packer.
    #[must_use]
    pub fn new() -> Self {
        Self(Compressor::new(LEVEL).ok())
    }

    /// Compresses octets, unless that gains too little.
    pub fn pack(&mut self, octets: Vec<u8>) -> Packed {
        let length = octets.len();
        let size = u32::try_from(length).unwrap_or(u32::MAX);
        if length >= WORTHWHILE_BYTES
            && let Some(compressor) = &mut self.0
            && let Ok(packed) = compressor.compress(&octets)
            && packed.len() < length.saturating_sub(length / 8)
        {
            return Packed {
                size,
                coding: Coding::Zstd,
                bytes: packed,
            };
        }
        Packed {
            size,
            coding: Coding::Plain,
            bytes: octets,
        }
    }
}

impl Default for Packer {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Packer")
    }
}

impl Packed {
    /// Compresses the octets of one text.
    #[must_use]
    pub fn new(octets: Vec<u8>) -> Self {
        Packer::new().pack(octets)
    }

    /// The octets as they were. The tables are set up once for many texts: for short ones that is most of the work.
    fn unpack(self, decompressor: &mut Decompressor<'_>) -> Result<Vec<u8>, Fault> {
        let octets = match self.coding {
            Coding::Plain => self.bytes,
            Coding::Zstd => decompressor
                .decompress(&self.bytes, self.size as usize)
                .map_err(|error| Fault::damage(error.to_string()))?,
        };
        if octets.len() == self.size as usize {
            Ok(octets)
        } else {
            Err(Fault::damage("a stored text has the wrong length"))
        }
    }

    /// The octets as they were, if they are: their hash says so.
    pub(super) fn checked(self, hash: &[u8; 32]) -> Result<Vec<u8>, Fault> {
        let octets = self.unpack(&mut decompressor()?)?;
        require_same(hash, &octets)?;
        Ok(octets)
    }

    /// How many octets they were.
    pub(super) fn size(&self) -> u32 {
        self.size
    }

    /// As they stand in a row.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads the first three columns of a row: the size, the coding, the octets.
    pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let coding = if row.get::<_, i64>(1)? == 1 {
            Coding::Zstd
        } else {
            Coding::Plain
        };
        Ok(Self {
            size: row.get(0)?,
            coding,
            bytes: row.get(2)?,
        })
    }

    /// How they are coded in a row.
    pub(super) fn code(&self) -> i64 {
        match self.coding {
            Coding::Plain => 0,
            Coding::Zstd => 1,
        }
    }
}

pub(super) fn save_header(transaction: &Transaction<'_>, header: &HeaderIn) -> Result<(), Fault> {
    let id = header.message.raw();
    let known = transaction
        .prepare_cached("UPDATE message SET header_hash = ?2, has_header = 1 WHERE id = ?1")?
        .execute(params![id, header.hash.0])?;
    if known == 0 {
        return Ok(());
    }
    let sql = "INSERT INTO envelope (message_id, wire) VALUES (?1, ?2) ON CONFLICT (message_id) DO UPDATE SET wire = excluded.wire";
    transaction
        .prepare_cached(sql)?
        .execute(params![id, header.envelope])?;
    let sql = "INSERT INTO header (message_id, size, coding, bytes) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (message_id) DO \
               UPDATE SET size = excluded.size, coding = excluded.coding, bytes = excluded.bytes";
    transaction.prepare_cached(sql)?.execute(params![
        id,
        header.bytes.size,
        header.bytes.code(),
        header.bytes.bytes
    ])?;
    Ok(())
}

pub(super) fn save_body(transaction: &Transaction<'_>, body: &BodyIn) -> Result<(), Fault> {
    let id = body.message.raw();
    let sql = "SELECT EXISTS (SELECT 1 FROM message WHERE id = ?1)";
    let known: bool = transaction
        .prepare_cached(sql)?
        .query_row([id], |row| row.get(0))?;
    if !known {
        return Ok(());
    }
    let blob = save_blob(transaction, &body.hash, &body.bytes)?;
    let sql = "UPDATE message SET blob_id = ?2 WHERE id = ?1";
    transaction.prepare_cached(sql)?.execute([id, blob])?;
    let sql = "INSERT INTO structure (message_id, wire) VALUES (?1, ?2) ON CONFLICT (message_id) DO UPDATE SET wire = excluded.wire";
    transaction
        .prepare_cached(sql)?
        .execute(params![id, body.structure])?;
    Ok(())
}

fn save_blob(transaction: &Transaction<'_>, hash: &[u8; 32], bytes: &Packed) -> Result<i64, Fault> {
    let known = transaction
        .prepare_cached("SELECT id FROM blob WHERE hash = ?1")?
        .query_row([hash], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let sql = "INSERT INTO blob (hash, size, coding, bytes) VALUES (?1, ?2, ?3, ?4)";
    transaction.prepare_cached(sql)?.execute(params![
        hash,
        bytes.size,
        bytes.code(),
        bytes.bytes
    ])?;
    Ok(transaction.last_insert_rowid())
}

/// Gives `to` the header, envelope, structure and body of `from`.
pub(super) fn copy(
    transaction: &Transaction<'_>,
    from: MessageId,
    to: MessageId,
) -> Result<(), Fault> {
    for sql in [
        "INSERT INTO envelope (message_id, wire) SELECT ?2, wire FROM envelope WHERE message_id = ?1",
        "INSERT INTO header (message_id, size, coding, bytes) SELECT ?2, size, coding, bytes FROM header WHERE message_id = ?1",
        "INSERT INTO structure (message_id, wire) SELECT ?2, wire FROM structure WHERE message_id = ?1",
        "UPDATE message SET has_header = 1, blob_id = (SELECT blob_id FROM message WHERE id = ?1) WHERE id = ?2",
    ] {
        transaction
            .prepare_cached(sql)?
            .execute([from.raw(), to.raw()])?;
    }
    Ok(())
}

/// Lets go of the texts of messages that could be taken for one another and have different ones; they are read again.
pub(super) fn forget_mistakable(
    transaction: &Transaction<'_>,
    mailbox: MailboxId,
    messages: &[MessageId],
) -> Result<(), Fault> {
    if messages.is_empty() {
        return Ok(());
    }
    let mistakable = mistakable(transaction, mailbox)?;
    for message in messages.iter().filter(|id| mistakable.contains(id)) {
        let blob = blob_of(transaction, *message)?;
        transaction
            .prepare_cached("UPDATE message SET blob_id = NULL WHERE id = ?1")?
            .execute([message.raw()])?;
        remove_unused(transaction, blob)?;
    }
    Ok(())
}

/// The messages of a mailbox that have the same mark as another one, but not the same text.
fn mistakable(
    transaction: &Transaction<'_>,
    mailbox: MailboxId,
) -> Result<BTreeSet<MessageId>, Fault> {
    let sql = "SELECT id FROM (SELECT id, min(coalesce(blob_id, 0)) OVER equals AS least, max(coalesce(blob_id, 0)) OVER equals AS \
               most FROM message WHERE mailbox_id = ?1 AND header_hash IS NOT NULL WINDOW equals AS (PARTITION BY instant, size, \
               header_hash)) WHERE least <> most";
    let mut statement = transaction.prepare_cached(sql)?;
    let ids = statement.query_map([mailbox.raw()], |row| row.get(0).map(MessageId::from_raw))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

/// Removes messages, and the texts that no other message has.
pub(super) fn remove(transaction: &Transaction<'_>, messages: &[MessageId]) -> Result<(), Fault> {
    for message in messages {
        let blob = blob_of(transaction, *message)?;
        transaction
            .prepare_cached("DELETE FROM message WHERE id = ?1")?
            .execute([message.raw()])?;
        remove_unused(transaction, blob)?;
    }
    Ok(())
}

fn blob_of(transaction: &Transaction<'_>, message: MessageId) -> Result<Option<i64>, Fault> {
    let blob: Option<Option<i64>> = transaction
        .prepare_cached("SELECT blob_id FROM message WHERE id = ?1")?
        .query_row([message.raw()], |row| row.get(0))
        .optional()?;
    Ok(blob.flatten())
}

fn remove_unused(transaction: &Transaction<'_>, blob: Option<i64>) -> Result<(), Fault> {
    let sql =
        "DELETE FROM blob WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM message WHERE blob_id = ?1)";
    if let Some(blob) = blob {
        transaction.prepare_cached(sql)?.execute([blob])?;
    }
    Ok(())
}

/// The envelopes of messages, as FETCH shows them; `None` where the header was not read yet.
pub(super) fn envelopes(
    connection: &Connection,
    messages: &[MessageId],
) -> Result<Vec<Option<Vec<u8>>>, Fault> {
    wires(
        connection,
        "SELECT wire FROM envelope WHERE message_id = ?1",
        messages,
    )
}

/// The structures of messages, as FETCH BODY shows them; `None` where the text was not read yet.
pub(super) fn structures(
    connection: &Connection,
    messages: &[MessageId],
) -> Result<Vec<Option<Vec<u8>>>, Fault> {
    wires(
        connection,
        "SELECT wire FROM structure WHERE message_id = ?1",
        messages,
    )
}

fn wires(
    connection: &Connection,
    sql: &str,
    messages: &[MessageId],
) -> Result<Vec<Option<Vec<u8>>>, Fault> {
    // One snapshot for all: locking the file anew for each row would cost more than reading it.
    let snapshot = connection.unchecked_transaction()?;
    let mut statement = snapshot.prepare_cached(sql)?;
    let wire = |message: &MessageId| {
        Ok(statement
            .query_row([message.raw()], |row| row.get(0))
            .optional()?)
    };
    messages.iter().map(wire).collect()
}

/// Raw headers; `None` where the header was not read yet.
pub(super) fn headers(
    connection: &Connection,
    messages: &[MessageId],
) -> Result<Vec<Option<Vec<u8>>>, Fault> {
    let sql = "SELECT size, coding, bytes FROM header WHERE message_id = ?1";
    texts(connection, sql, messages, |_, _| Ok(()))
}

/// Whole messages, octet for octet as they were kept; `None` where the text is not held.
pub(super) fn bodies(
    connection: &Connection,
    messages: &[MessageId],
) -> Result<Vec<Option<Vec<u8>>>, Fault> {
    let sql = "SELECT size, coding, bytes, hash FROM blob WHERE id = (SELECT blob_id FROM message WHERE id = ?1)";
    texts(connection, sql, messages, |row, octets| {
        require_same(&row.get(3)?, octets)
    })
}

fn require_same(hash: &[u8; 32], octets: &[u8]) -> Result<(), Fault> {
    if hash == blake3::hash(octets).as_bytes() {
        Ok(())
    } else {
        Err(Fault::damage("a stored text is not what it was"))
    }
}

/// A whole message as it is kept, with the hash of its octets.
pub(super) type Hashed = ([u8; 32], Packed);

/// The next texts of those that are wanted, as far as they are held: as many as are in memory, and committed, at a time.
pub(super) fn next_packed<T>(
    connection: &Connection,
    wanted: &mut std::vec::IntoIter<T>,
    message_of: impl Fn(&T) -> MessageId,
) -> Result<Vec<(T, Hashed)>, Fault> {
    let (mut held, mut octets) = (Vec::new(), 0_usize);
    while octets < OCTETS_AT_ONCE
        && let Some(one) = wanted.next()
    {
        if let Some((hash, packed)) = packed(connection, message_of(&one))? {
            octets = octets.saturating_add(packed.as_bytes().len());
            held.push((one, (hash, packed)));
        }
    }
    Ok(held)
}

/// A whole message; `None` where it is not held.
fn packed(connection: &Connection, message: MessageId) -> Result<Option<Hashed>, Fault> {
    let sql = "SELECT size, coding, bytes, hash FROM blob WHERE id = (SELECT blob_id FROM message WHERE id = ?1)";
    let read = |row: &Row<'_>| Ok((row.get(3)?, Packed::from_row(row)?));
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row([message.raw()], read).optional()?)
}

fn texts(
    connection: &Connection,
    sql: &str,
    messages: &[MessageId],
    check: impl Fn(&Row<'_>, &[u8]) -> Result<(), Fault>,
) -> Result<Vec<Option<Vec<u8>>>, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let mut statement = snapshot.prepare_cached(sql)?;
    let mut decompressor = decompressor()?;
    let mut text = |message: &MessageId| {
        let mut rows = statement.query([message.raw()])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let octets = Packed::from_row(row)?.unpack(&mut decompressor)?;
        check(row, &octets)?;
        Ok(Some(octets))
    };
    messages.iter().map(&mut text).collect()
}

fn decompressor() -> Result<Decompressor<'static>, Fault> {
    Decompressor::new().map_err(|error| Fault::damage(error.to_string()))
}

/// How many octets of texts are in memory, and committed, at a time, and one text more.
const OCTETS_AT_ONCE: usize = 4 << 20;
/// Texts below this size are kept as they are.
const WORTHWHILE_BYTES: usize = 256;
/// The zstd level: fast enough to keep up with a server on the same machine.
const LEVEL: i32 = 1;
