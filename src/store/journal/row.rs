//! An entry as a row: what it says in names and octets, and whether it still reads as it was written.

use rusqlite::Row;

use super::super::file::Fault;
use super::super::mailbox::name_of;
use crate::id::{EntryId, MessageId};
use crate::journal::{Action, Attempt, EntryState, HeaderHash, JournalEntry, Mark, ParkReason};
use crate::protocol::types::{Flag, FlagDelta, FlagSet, Keyword, Keywords, MailboxName};

/// An entry as it stands in the file: by names, for any mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Position in the journal.
    pub id: EntryId,
    /// The mailbox acted in.
    pub mailbox: MailboxName,
    /// The message acted on.
    pub message: MessageId,
    /// How to find it again.
    pub mark: Mark,
    /// The UIDVALIDITY under which the mark's UID was given.
    pub uid_validity: Option<u32>,
    /// Its flags before, by name.
    pub flags_before: Vec<Flag>,
    /// What to do.
    pub action: NamedAction,
    /// How far it has come.
    pub state: EntryState,
    /// Why it waits, in words.
    pub trouble: String,
    /// When it was accepted, in seconds since 1970.
    pub accepted_at: i64,
}

/// An action with its flags by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedAction {
    /// Set and clear flags.
    Flags {
        /// Flags to set.
        add: Vec<Flag>,
        /// Flags to clear.
        remove: Vec<Flag>,
    },
    /// Remove the message.
    Expunge,
    /// Copy it.
    Copy {
        /// The receiving mailbox.
        to: MailboxName,
    },
    /// Append a message that the journal holds.
    Append {
        /// The flags it is to have.
        flags: Vec<Flag>,
        /// The zone of its internal date, in minutes east of UTC.
        zone_minutes: i16,
        /// BLAKE3 of its octets.
        hash: [u8; 32],
    },
}

impl EntryRow {
    /// Whether replay looks at this entry at all.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !matches!(self.state, EntryState::Parked(_))
    }

    /// The entry with its flags as bits of a mailbox's keywords; names that it does not have are left out.
    pub(in crate::store) fn entry(&self, keywords: &Keywords) -> JournalEntry {
        let bits = |flags: &[Flag]| keywords.resolve(flags).0;
        let action = match &self.action {
            NamedAction::Flags { add, remove } => Action::Flags(FlagDelta {
                add: bits(add),
                remove: bits(remove),
            }),
            NamedAction::Expunge => Action::Expunge,
            NamedAction::Copy { to } => Action::Copy { to: to.clone() },
            NamedAction::Append {
                flags,
                zone_minutes,
                ..
            } => Action::Append {
                flags: bits(flags),
                zone_minutes: *zone_minutes,
            },
        };
        JournalEntry {
            id: self.id,
            message: self.message,
            mark: self.mark,
            flags_before: bits(&self.flags_before),
            action,
            state: self.state.clone(),
            trouble: self.trouble.clone(),
            accepted_at: self.accepted_at,
            uid_validity: self.uid_validity,
        }
    }

    /// Every keyword that the entry speaks of.
    pub(in crate::store) fn keywords(&self) -> impl Iterator<Item = &Keyword> {
        let (add, remove) = match &self.action {
            NamedAction::Flags { add, remove } => (add.as_slice(), remove.as_slice()),
            NamedAction::Append { flags, .. } => (flags.as_slice(), &[][..]),
            NamedAction::Expunge | NamedAction::Copy { .. } => (&[][..], &[][..]),
        };
        self.flags_before
            .iter()
            .chain(add)
            .chain(remove)
            .filter_map(|flag| match flag {
                Flag::Keyword(keyword) => Some(keyword),
                Flag::Seen
                | Flag::Answered
                | Flag::Flagged
                | Flag::Deleted
                | Flag::Draft
                | Flag::Recent
                | Flag::Extension(_) => None,
            })
    }
}

pub(in crate::store) fn read(row: &Row<'_>) -> Result<EntryRow, Fault> {
    let asked = read_wish(row)?;
    Ok(EntryRow {
        state: state(
            row.get(13)?,
            Attempt {
                number: row.get(14)?,
                equals_before: row.get(15)?,
            },
            row.get(16)?,
            row.get(17)?,
        ),
        trouble: row.get(17)?,
        ..asked
    })
}

/// Whether a row that begins with [`COLUMNS`] is an entry as it was written.
pub(in crate::store) fn is_as_written(row: &Row<'_>) -> bool {
    read_wish(row).is_ok()
}

/// What an entry asks for, which never changes.
fn read_wish(row: &Row<'_>) -> Result<EntryRow, Fault> {
    let id = EntryId::from_raw(row.get(0)?);
    let damaged = || Fault::damage(format!("entry {id} does not read as it was written"));
    let (sum, checksum): (_, u32) = (Checked::from_row(row)?, row.get(12)?);
    let is_sound = sum.crc() == checksum || sum.without_place().crc() == checksum;
    if !is_sound {
        return Err(damaged());
    }
    Ok(EntryRow {
        id,
        mailbox: name_of(sum.mailbox)?,
        message: MessageId::from_raw(row.get(2)?),
        mark: sum.mark,
        uid_validity: sum.uid_validity,
        flags_before: sum
            .flags_before
            .split_ascii_whitespace()
            .filter_map(|name| Flag::from_bytes(name.as_bytes()).ok())
            .collect(),
        action: action(sum.kind, sum.payload).ok_or_else(damaged)?,
        state: EntryState::Pending,
        trouble: String::new(),
        accepted_at: sum.accepted_at,
    })
}

/// The columns that progress does not change, for the checksum.
#[derive(Clone, Copy)]
pub(in crate::store) struct Checked<'a> {
    /// Where the entry stands, and whom it is about. Journals of the first versions were summed without.
    pub(in crate::store) place: Option<(EntryId, MessageId)>,
    pub(in crate::store) mailbox: &'a [u8],
    pub(in crate::store) mark: Mark,
    pub(in crate::store) uid_validity: Option<u32>,
    pub(in crate::store) flags_before: &'a str,
    pub(in crate::store) kind: i64,
    pub(in crate::store) payload: &'a [u8],
    pub(in crate::store) accepted_at: i64,
}

impl<'a> Checked<'a> {
    /// The columns of a row that begins with [`COLUMNS`].
    fn from_row(row: &'a Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            place: Some((
                EntryId::from_raw(row.get(0)?),
                MessageId::from_raw(row.get(2)?),
            )),
            mailbox: row.get_ref(1)?.as_blob()?,
            mark: Mark {
                instant: row.get(3)?,
                size: row.get(4)?,
                header: row.get::<_, Option<[u8; 32]>>(5)?.map(HeaderHash),
                uid: row.get(6)?,
            },
            uid_validity: row.get(7)?,
            flags_before: row.get_ref(8)?.as_str()?,
            kind: row.get(9)?,
            payload: row.get_ref(10)?.as_blob()?,
            accepted_at: row.get(11)?,
        })
    }

    fn without_place(self) -> Self {
        Self {
            place: None,
            ..self
        }
    }

    pub(in crate::store) fn crc(&self) -> u32 {
        let mut sum = Sum::default();
        if let Some((entry, message)) = self.place {
            sum.part(&entry.raw().to_le_bytes());
            sum.part(&message.raw().to_le_bytes());
        }
        sum.part(self.mailbox);
        sum.mark(&self.mark);
        sum.part(&self.uid_validity.map_or([0; 5], numbered));
        sum.part(self.flags_before.as_bytes());
        sum.part(&self.kind.to_le_bytes());
        sum.part(self.payload);
        sum.part(&self.accepted_at.to_le_bytes());
        sum.finish()
    }
}

/// A CRC-32 of what a row says, column by column.
#[derive(Default)]
pub(in crate::store) struct Sum(crc32fast::Hasher);

impl Sum {
    pub(in crate::store) fn part(&mut self, octets: &[u8]) {
        let length = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        self.0.update(&length.to_le_bytes());
        self.0.update(octets);
    }

    pub(in crate::store) fn mark(&mut self, mark: &Mark) {
        self.part(&mark.instant.to_le_bytes());
        self.part(&mark.size.to_le_bytes());
        self.part(mark.header.as_ref().map_or(&[], |hash| &hash.0));
        self.part(&mark.uid.map_or([0; 5], numbered));
    }

    pub(in crate::store) fn finish(self) -> u32 {
        self.0.finalize()
    }
}

fn numbered(number: u32) -> [u8; 5] {
    let [a, b, c, d] = number.to_le_bytes();
    [1, a, b, c, d]
}

/// The checksum of a row that begins with [`COLUMNS`], once it is about another message.
pub(in crate::store) fn crc_about(row: &Row<'_>, message: MessageId) -> rusqlite::Result<u32> {
    let sum = Checked::from_row(row)?;
    let place = sum.place.map(|(entry, _)| (entry, message));
    Ok(Checked { place, ..sum }.crc())
}

pub(in crate::store) fn payload(
    action: &Action,
    keywords: &Keywords,
    hash: &[u8; 32],
) -> (i64, Vec<u8>) {
    match action {
        Action::Flags(delta) => (1, delta_names(keywords, *delta).into_bytes()),
        Action::Expunge => (2, Vec::new()),
        Action::Copy { to } => (3, to.as_bytes().to_vec()),
        Action::Append {
            flags,
            zone_minutes,
        } => {
            let mut payload = hash.to_vec();
            payload.extend(zone_minutes.to_le_bytes());
            payload.extend(names(keywords, *flags, "").into_bytes());
            (4, payload)
        }
    }
}

fn action(kind: i64, payload: &[u8]) -> Option<NamedAction> {
    match kind {
        1 => {
            let (add, remove) = named_delta(payload)?;
            Some(NamedAction::Flags { add, remove })
        }
        2 => Some(NamedAction::Expunge),
        3 => Some(NamedAction::Copy {
            to: MailboxName::from_bytes(payload).ok()?,
        }),
        4 => {
            let (hash, rest) = payload.split_first_chunk()?;
            let (zone, names) = rest.split_first_chunk()?;
            let names = std::str::from_utf8(names).ok()?;
            let named = |name: &str| Flag::from_bytes(name.as_bytes()).ok();
            Some(NamedAction::Append {
                flags: names.split_ascii_whitespace().filter_map(named).collect(),
                zone_minutes: i16::from_le_bytes(*zone),
                hash: *hash,
            })
        }
        _ => None,
    }
}

/// A change of flags by their names: `+\Flagged -\Seen`.
pub(in crate::store) fn delta_names(keywords: &Keywords, delta: FlagDelta) -> String {
    let added = names(keywords, delta.add, "+");
    let removed = names(keywords, delta.remove, "-");
    format!("{added} {removed}").trim().to_owned()
}

/// The flags that are set, and those that are cleared.
fn named_delta(words: &[u8]) -> Option<(Vec<Flag>, Vec<Flag>)> {
    let (mut add, mut remove) = (Vec::new(), Vec::new());
    for word in std::str::from_utf8(words).ok()?.split_ascii_whitespace() {
        match word.split_at_checked(1)? {
            ("+", name) => add.push(Flag::from_bytes(name.as_bytes()).ok()?),
            ("-", name) => remove.push(Flag::from_bytes(name.as_bytes()).ok()?),
            _ => return None,
        }
    }
    Some((add, remove))
}

/// What a change by names says of flags that every mailbox has. What does not read as one says nothing.
pub(in crate::store) fn system_delta(words: &[u8]) -> FlagDelta {
    let (add, remove) = named_delta(words).unwrap_or_default();
    FlagDelta {
        add: add.iter().filter_map(Flag::system_set).collect(),
        remove: remove.iter().filter_map(Flag::system_set).collect(),
    }
}

pub(in crate::store) fn names(keywords: &Keywords, flags: FlagSet, sign: &str) -> String {
    let words: Vec<String> = keywords
        .names(flags)
        .map(|flag| format!("{sign}{flag}"))
        .collect();
    words.join(" ")
}

fn state(code: i64, attempt: Attempt, park: i64, text: String) -> EntryState {
    match code {
        0 => EntryState::Pending,
        1 => EntryState::Attempted(attempt),
        3 => EntryState::Refused(attempt),
        _ => EntryState::Parked(match park {
            2 => ParkReason::NotKept,
            3 => ParkReason::NoDestination,
            4 => ParkReason::SourceGone,
            5 => ParkReason::NoReceipt,
            6 => ParkReason::Unbound,
            7 => ParkReason::Stale,
            8 => ParkReason::Salvaged,
            9 => ParkReason::Old,
            _ => ParkReason::Refused { text },
        }),
    }
}

pub(in crate::store) fn park_code(reason: &ParkReason) -> i64 {
    match reason {
        ParkReason::Refused { .. } => 1,
        ParkReason::NotKept => 2,
        ParkReason::NoDestination => 3,
        ParkReason::SourceGone => 4,
        ParkReason::NoReceipt => 5,
        ParkReason::Unbound => 6,
        ParkReason::Stale => 7,
        ParkReason::Salvaged => 8,
        ParkReason::Old => 9,
    }
}

/// What of an entry is worth saving, in the order of [`SELECT`].
pub(in crate::store) const COLUMNS: &str = "id, mailbox, message, instant, size, header_hash, uid, uid_validity, flags_before, kind, payload, \
                                  accepted_at, checksum, attempts, copies_before";
