//! The local store: everything lowtide remembers of one account, in two SQLite files.
//!
//! `journal.db` holds what cannot be fetched again: what the user did. `cache.db` holds what can: the last proven state of
//! the mailboxes and the content of messages. No rule needs both to commit together. An action is accepted by one commit of
//! the journal; it is retired by one commit of the cache (the new base), then one of the journal. A crash between the two
//! leaves an entry whose wish the base already shows, and applying it again changes nothing.
//!
//! An account without a server keeps its mailboxes in `mail.db`, of the cache's shape; what clients do there is the base.
//!
//! Methods are named by intent and each is one transaction. Nothing is shown to a client before it is committed.

mod accept;
mod append;
mod base;
mod commit;
mod conflict;
mod content;
mod doubt;
mod error;
mod file;
mod held;
mod journal;
mod limbo;
mod local;
mod mailbox;
mod migrate;
mod notes;
mod open;
mod pin;
mod read;
mod repair;
mod room;
mod stray;
mod thread;
mod view;
mod wish;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::watch;

pub use accept::Accepted;
pub use commit::PassInput;
pub use conflict::{ConflictRow, Undone};
pub use content::{BodyIn, HeaderIn, Packed, Packer};
pub use error::StoreError;
pub use file::FileKind;
pub use journal::{Backlog, EntryRow, NamedAction};
pub use limbo::Removed;
pub use local::NewMessage;
pub use mailbox::MailboxRow;
pub use notes::Hold;
pub use stray::StrayNote;
pub(crate) use stray::in_place_of;
pub use view::{Row, View};

use crate::id::{MailboxId, MessageId};
use crate::mirror::Base;
use crate::protocol::types::MailboxName;
use file::{Fault, StoreFile};
use held::Held;
pub use thread::Execution;
use thread::{Readers, Writer};

/// A handle on one account's files; cheap to clone. The files are closed when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

/// Where an account's mail comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A server holds the mailboxes; this is a copy with a journal.
    Mirror,
    /// The mailboxes live here and nowhere else.
    Local,
}

impl Kind {
    /// The file that the mailboxes are in.
    fn of_mailboxes(self) -> FileKind {
        match self {
            Self::Mirror => FileKind::Cache,
            Self::Local => FileKind::Mail,
        }
    }
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    kind: Kind,
    lost: Vec<Range<MessageId>>,
    journal: Writer,
    journal_readers: Readers,
    cache: Writer,
    readers: Readers,
    memory: Mutex<Memory>,
    ids: tokio::sync::Mutex<IdBlock>,
    /// Held from taking ids until their messages are in, so that messages come in the order of their ids.
    arrivals: tokio::sync::Mutex<()>,
    accepted: watch::Sender<u64>,
    wanted: watch::Sender<BTreeSet<wish::Wish>>,
    waiting: Mutex<wish::Waiters>,
    execution: Execution,
    _lock: open::Lock,
    /// Gone once the lock is, and with it whoever else might use the files.
    in_use: watch::Sender<()>,
}

/// What of the files is held in memory.
#[derive(Debug, Default)]
struct Memory {
    names: BTreeMap<MailboxName, MailboxId>,
    held: BTreeMap<MailboxId, Held>,
    /// How often the journal was changed behind the mailboxes' back.
    resets: u64,
    /// Whether the server has APPEND, as far as is known.
    takes_messages: bool,
}

/// Message ids that may be given without another commit.
#[derive(Debug)]
struct IdBlock {
    next: i64,
    end: i64,
}

/// What is known as soon as the files are open.
struct Known {
    names: BTreeMap<MailboxName, MailboxId>,
    /// The first id that no client can have seen: past the block of the last run, and past every message there is.
    next: i64,
    /// Ids of messages that this file of mailboxes cannot know.
    lost: Vec<Range<MessageId>>,
    takes_messages: bool,
}

impl Known {
    fn read(cache: &Connection, kind: Kind, reserved: i64, acted: i64) -> Result<Self, Fault> {
        if kind == Kind::Local {
            mailbox::provide_inbox(cache)?;
        }
        let rows = mailbox::all(cache)?.into_iter();
        let next = reserved.max(base::past_newest(cache)?);
        Ok(Self {
            names: rows.map(|row| (row.name, row.id)).collect(),
            next,
            lost: base::lost(cache, next, acted)?,
            takes_messages: kind == Kind::Local || append::takes_messages(cache)?,
        })
    }
}

impl Store {
    /// Opens an account's directory, making what is missing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another process has it; otherwise what is wrong with the directory or its files.
    pub fn open(dir: &Path, kind: Kind) -> Result<Self, StoreError> {
        Self::open_with(dir, kind, Execution::Threads)
    }

    /// The same, working on the files where it is told to.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(dir: &Path, kind: Kind, execution: Execution) -> Result<Self, StoreError> {
        open::require_library()?;
        open::private_dir(dir)?;
        let (lock, before) = open::Lock::take(dir)?;
        let in_use = watch::Sender::new(());
        let journal_file = StoreFile::of(dir, FileKind::Journal);
        let cache_file = StoreFile::of(dir, kind.of_mailboxes());
        let journal = repair::journal(&journal_file)?;
        let cache = match kind {
            Kind::Mirror => repair::cache(&cache_file, before)?,
            Kind::Local => repair::whole(&cache_file, &migrate::CACHE)?,
        };
        repair::hold_back(&journal, &cache).map_err(|fault| journal_file.told(fault))?;
        let reserved = journal::reserved(&journal).map_err(|fault| journal_file.told(fault))?;
        let acted = journal::newest_acted(&journal).map_err(|fault| journal_file.told(fault))?;
        let Known {
            names,
            next,
            lost,
            takes_messages,
        } = Known::read(&cache, kind, reserved, acted).map_err(|fault| cache_file.told(fault))?;
        let at = |source| StoreError::io(dir, source);
        let inner = Inner {
            dir: dir.to_owned(),
            kind,
            lost,
            journal: Writer::start(&execution, &journal_file, journal, in_use.clone())
                .map_err(at)?,
            journal_readers: Readers::new(&execution, journal_file),
            cache: Writer::start(&execution, &cache_file, cache, in_use.clone()).map_err(at)?,
            readers: Readers::new(&execution, cache_file),
            memory: Mutex::new(Memory {
                names,
                held: BTreeMap::new(),
                resets: 0,
                takes_messages,
            }),
            ids: tokio::sync::Mutex::new(IdBlock { next, end: next }),
            arrivals: tokio::sync::Mutex::new(()),
            accepted: watch::Sender::new(0),
            wanted: watch::Sender::new(BTreeSet::new()),
            waiting: Mutex::default(),
            execution,
            _lock: lock,
            in_use,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Does work that takes its time and needs no file, such as compressing.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] when it came to no end.
    pub async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        self.inner.execution.work(work).await
    }

    /// Whether the account is a mirror or has its mailboxes here.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.inner.kind
    }

    /// Returns once nothing more can be written: a write has failed in a way after which nothing can be believed.
    pub async fn stopped(&self) {
        tokio::select! {
            () = self.inner.journal.ended() => {}
            () = self.inner.cache.ended() => {}
        }
    }

    /// Whether nothing more can be written.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.inner.journal.has_ended() || self.inner.cache.has_ended()
    }

    /// Gives this handle up, and returns once all others are given up too and the files can be opened again.
    pub async fn close(self) {
        let mut in_use = self.inner.in_use.subscribe();
        drop(self);
        while in_use.changed().await.is_ok() {}
    }

    /// The doorbell of the journal: changes whenever an action was accepted.
    #[must_use]
    pub fn accepted(&self) -> watch::Receiver<u64> {
        self.inner.accepted.subscribe()
    }

    /// A mailbox by its name.
    #[must_use]
    pub fn mailbox(&self, name: &MailboxName) -> Option<MailboxId> {
        self.inner.memory().names.get(name).copied()
    }

    /// Whether the server, that has the mailboxes, was not reached since the account was set up or its cache was lost.
    #[must_use]
    pub fn is_unvisited(&self) -> bool {
        self.kind() == Kind::Mirror && self.inner.memory().names.is_empty()
    }

    /// What clients see of a mailbox now.
    ///
    /// # Errors
    /// [`StoreError::NoMailbox`], or what is wrong with the files.
    pub async fn view(&self, mailbox: MailboxId) -> Result<View, StoreError> {
        self.hold(mailbox).await?;
        self.inner.with(mailbox, |held| held.view.clone())
    }

    /// Brings a mailbox into memory if it is not there; again, if the journal was changed while it was read.
    async fn hold(&self, mailbox: MailboxId) -> Result<(), StoreError> {
        while !self.inner.memory().held.contains_key(&mailbox) {
            let name = self.inner.name(mailbox)?;
            let resets = self.inner.memory().resets;
            let load = move |journal: &Connection| journal::load(journal, Some(&name));
            let rows = self.inner.journal_readers.run(load).await?;
            let inner = self.inner.clone();
            let hold = move |cache: &mut Connection| {
                let held = inner.read(cache, mailbox, &rows)?;
                let mut memory = inner.memory();
                if memory.resets == resets {
                    memory.held.entry(mailbox).or_insert(held);
                }
                Ok(())
            };
            self.inner.cache.run(hold).await?;
        }
        Ok(())
    }
}

impl Inner {
    /// A mailbox as the cache's file has it, with these entries of the journal.
    fn read(
        &self,
        cache: &mut Connection,
        mailbox: MailboxId,
        rows: &[EntryRow],
    ) -> Result<Held, Fault> {
        let named: Vec<_> = rows.iter().flat_map(EntryRow::keywords).cloned().collect();
        let transaction = cache.transaction()?;
        let keywords = mailbox::define_keywords(&transaction, mailbox, &named)?;
        let (name, mut facts, seen_to) = mailbox::load(&transaction, mailbox)?;
        let entries: Vec<_> = rows.iter().map(|row| row.entry(&keywords)).collect();
        let mut messages = base::load(&transaction, mailbox)?;
        if base::believe(&transaction, mailbox, &mut messages, &entries)? {
            facts.mod_seq = None;
        }
        let moved = base::moved(&transaction, mailbox)?;
        transaction.commit()?;
        let base = Base {
            messages,
            lost: self.lost.clone(),
            facts,
        };
        Ok(Held::new(name, base, keywords, seen_to, moved, entries))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self, mailbox: MailboxId) -> Result<MailboxName, StoreError> {
        let memory = self.memory();
        let named = memory.names.iter().find(|(_, id)| **id == mailbox);
        named
            .map(|(name, _)| name.clone())
            .ok_or(StoreError::NoMailbox)
    }

    /// Looks at a mailbox in memory.
    fn with<T>(&self, mailbox: MailboxId, look: impl FnOnce(&Held) -> T) -> Result<T, StoreError> {
        self.memory()
            .held
            .get(&mailbox)
            .map(look)
            .ok_or(StoreError::NoMailbox)
    }

    /// Raises the newest message that clients know of, and says which it was.
    fn raise_seen_to(
        &self,
        mailbox: MailboxId,
        newest: MessageId,
    ) -> Result<MessageId, StoreError> {
        let mut memory = self.memory();
        let held = memory.held.get_mut(&mailbox).ok_or(StoreError::NoMailbox)?;
        let before = held.view.seen_to;
        held.view.seen_to = before.max(newest);
        Ok(before)
    }

    /// Changes a mailbox in memory: from here on it is shown so.
    fn publish<T>(
        &self,
        mailbox: MailboxId,
        change: impl FnOnce(&mut Held) -> T,
    ) -> Result<T, StoreError> {
        let mut memory = self.memory();
        let held = memory.held.get_mut(&mailbox);
        held.map(change).ok_or(StoreError::NoMailbox)
    }
}

fn ring(bell: &watch::Sender<u64>) {
    bell.send_modify(|count| *count = count.wrapping_add(1));
}

#[cfg(test)]
mod tests;
