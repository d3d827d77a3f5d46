//! The store as its users see it: what is promised is there, also after it was closed, cut off, damaged or filled up.

mod content;
mod files;
mod journal;
mod limbo;
mod lives;
mod local;
mod notes;
mod repair;
mod space;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Kind, Store, View};
use crate::id::{EntryId, MailboxId, MessageId};
use crate::journal::{Action, HeaderHash, Mark, NewEntry};
use crate::mirror::{Arrival, SeenMessage, Settlement};
use crate::protocol::types::{FlagDelta, FlagSet, MailboxName, SeqNum};

const SEEN: FlagSet = FlagSet::SEEN;
const FLAGGED: FlagSet = FlagSet::FLAGGED;
const DELETED: FlagSet = FlagSet::DELETED;
const NONE: FlagSet = FlagSet::EMPTY;

fn name(text: &str) -> MailboxName {
    MailboxName::from_bytes(text.as_bytes()).unwrap()
}

fn open(dir: &Path) -> Store {
    Store::open(dir, Kind::Mirror).expect("the store opens")
}

/// A mark whose header is known.
fn mark(number: u8) -> Mark {
    Mark {
        instant: i64::from(number),
        size: 100,
        header: Some(HeaderHash([number; 32])),
        uid: None,
    }
}

/// Messages that a pass found, in a mailbox without any.
fn arrivals(marks: &[Mark]) -> Vec<Arrival> {
    let arrival = |(index, &mark): (usize, &Mark)| Arrival {
        seq: SeqNum::from_index(index).unwrap(),
        seen: SeenMessage {
            mark,
            flags: NONE,
            zone_minutes: 60,
        },
        was: None,
    };
    marks.iter().enumerate().map(arrival).collect()
}

/// What a pass records that found these messages and nothing else.
fn found(marks: &[Mark]) -> Settlement {
    Settlement {
        arrived: arrivals(marks),
        ..Settlement::default()
    }
}

fn adding(message: MessageId, add: FlagSet) -> NewEntry {
    let delta = FlagDelta { add, remove: NONE };
    NewEntry {
        message,
        action: Action::Flags(delta),
    }
}

fn removing(message: MessageId, remove: FlagSet) -> NewEntry {
    let delta = FlagDelta { add: NONE, remove };
    NewEntry {
        message,
        action: Action::Flags(delta),
    }
}

fn expunging(message: MessageId) -> NewEntry {
    NewEntry {
        message,
        action: Action::Expunge,
    }
}

/// What a view shows.
fn shown(view: &View) -> Vec<(MessageId, FlagSet)> {
    view.messages()
        .map(|(row, flags)| (row.id, flags))
        .collect()
}

/// An account with an INBOX of so many messages, in a directory of its own.
struct Account {
    dir: TempDir,
    store: Option<Store>,
    inbox: MailboxId,
    messages: Vec<MessageId>,
}

impl Account {
    async fn with(count: u8) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir.path().join("account"));
        let inbox = store.adopt_list(vec![MailboxName::inbox()]).await.unwrap()[0];
        store.view(inbox).await.unwrap();
        let marks: Vec<Mark> = (1..=count).map(mark).collect();
        let messages = store.record(inbox, found(&marks)).await.unwrap();
        Self {
            dir,
            store: Some(store),
            inbox,
            messages,
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("account")
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("open")
    }

    /// Closes the files and opens them again.
    async fn reopen(&mut self) {
        self.close().await;
        self.store = Some(open(&self.path()));
    }

    async fn close(&mut self) {
        if let Some(store) = self.store.take() {
            store.close().await;
        }
    }

    /// Closes, loses the cache, and opens again; the INBOX is there again and empty.
    async fn lose_cache(&mut self) {
        self.close().await;
        for file in ["cache.db", "cache.db-wal", "cache.db-shm"] {
            match std::fs::remove_file(self.path().join(file)) {
                Ok(()) => {}
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
            }
        }
        self.store = Some(open(&self.path()));
        self.inbox = self
            .store()
            .adopt_list(vec![MailboxName::inbox()])
            .await
            .unwrap()[0];
    }

    async fn view(&self) -> Vec<(MessageId, FlagSet)> {
        shown(&self.store().view(self.inbox).await.unwrap())
    }

    async fn accept(&self, wishes: Vec<NewEntry>) -> usize {
        self.store()
            .accept(self.inbox, wishes)
            .await
            .unwrap()
            .accepted_count
    }

    async fn record(&self, settlement: Settlement) -> Vec<MessageId> {
        self.store().record(self.inbox, settlement).await.unwrap()
    }

    async fn entries(&self) -> Vec<EntryId> {
        let rows = self.store().entries().await.unwrap();
        rows.into_iter().map(|row| row.id).collect()
    }
}
