//! Where requests are answered, in a daemon or without one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use tokio::sync::{mpsc, oneshot, watch};

use super::DaemonError;
use super::account::{Link, Standing, Visit};
use super::control::{
    AccountStatus, AccountSync, Answer, Failure, FailureKind, Line, MailboxStatus, Request,
};
use super::error::PassError;
use super::member::{kind_of, unusable};
use super::progress::Progress;
use super::restore::{self, Target};
use super::visit::{self, Errand, Outcome};
use super::words;
use crate::config::Account;
use crate::id::EntryId;
use crate::protocol::types::MailboxName;
use crate::store::{Kind, Store, StoreError, Undone};
use crate::upstream::UpstreamError;

/// The accounts, and how to reach whoever keeps each.
#[derive(Debug, Default)]
pub struct Desk {
    pub(super) counters: BTreeMap<String, Counter>,
}

/// One account at the desk.
#[derive(Debug)]
pub(super) struct Counter {
    pub(super) account: Account,
    /// The files, or why they cannot be used.
    pub(super) files: Result<Store, Failure>,
    /// Whoever keeps the connection, where a daemon runs.
    pub(super) keeper: Option<Handle>,
}

/// How to reach the task that keeps an account's connection.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    pub(super) visits: mpsc::Sender<Visit>,
    pub(super) online: watch::Sender<bool>,
    pub(super) standing: watch::Receiver<Standing>,
}

impl Desk {
    /// A desk without a daemon: visits are made on the spot. An account that cannot be used does not keep the others away.
    ///
    /// # Errors
    /// [`DaemonError::Account`] when not one account's files can be opened.
    pub fn open(
        accounts: impl IntoIterator<Item = (Account, PathBuf)>,
    ) -> Result<Self, DaemonError> {
        let open = |(account, dir): (Account, PathBuf)| {
            let files = Store::open(&dir, kind_of(&account));
            (account, files)
        };
        let opened: Vec<_> = accounts.into_iter().map(open).collect();
        let is_usable = opened.iter().any(|(_, files)| files.is_ok());
        let mut desk = Self::default();
        for (account, files) in opened {
            let name = account.name.to_string();
            let files = match files {
                Err(source) if !is_usable => {
                    return Err(DaemonError::Account {
                        account: name,
                        source,
                    });
                }
                files => files.map_err(|error| unusable(&account, error)),
            };
            let counter = Counter {
                account,
                files,
                keeper: None,
            };
            desk.counters.insert(name, counter);
        }
        Ok(desk)
    }

    /// Reads the files of every account whole.
    ///
    /// # Errors
    /// What is wrong with the first that does not hold together.
    pub async fn verify(&self) -> Result<(), Failure> {
        for counter in self.counters.values() {
            counter
                .files
                .as_ref()
                .map_err(Clone::clone)?
                .verify()
                .await?;
        }
        Ok(())
    }

    /// Answers a request. How far it is goes to `ticks`.
    pub async fn answer(&self, request: Request, ticks: mpsc::Sender<Line>) -> Answer {
        match self.attend(request, ticks).await {
            Ok(answer) => answer,
            Err(failure) => Answer::Failed(failure),
        }
    }

    async fn attend(&self, request: Request, ticks: mpsc::Sender<Line>) -> Result<Answer, Failure> {
        match request {
            Request::Status => self.status().await,
            Request::Sync {
                account,
                mailbox,
                dry_run,
            } => {
                self.sync(account.as_deref(), mailbox.as_deref(), dry_run, &ticks)
                    .await
            }
            Request::Journal => Ok(Answer::Journal(self.of_all(words::journal_of).await?)),
            Request::Conflicts => Ok(Answer::Conflicts(self.of_all(words::conflicts).await?)),
            Request::Undo { account, conflict } => {
                let store = self.store(&account)?;
                undo(store, conflict).await
            }
            Request::Removed => Ok(Answer::Removed(self.of_all(restore::removed).await?)),
            Request::Text { account, removed } => {
                let store = self.store(&account)?;
                Ok(Answer::Text(restore::text(store, removed).await?))
            }
            Request::Restore {
                account,
                removed,
                into,
                mailbox,
            } => {
                let from = self.store(&account)?;
                let into = into.unwrap_or_else(|| account.clone());
                let to = Target {
                    store: self.store(&into)?,
                    account: &into,
                    mailbox: mailbox.as_deref().map(mailbox_name).transpose()?,
                };
                restore::restore(&account, from, removed, to).await
            }
            Request::Retry { account, entry } => {
                let store = self.store(&account)?;
                let changed = store.retry_entry(EntryId::from_raw(entry)).await?;
                Ok(Answer::Done { changed })
            }
            Request::Accept { account } => {
                let changed = self.store(&account)?.confirm_entries().await?;
                Ok(Answer::Done { changed })
            }
            Request::Drop { account, entry } => {
                let store = self.store(&account)?;
                let changed = store.drop_entry(EntryId::from_raw(entry)).await?;
                Ok(Answer::Done { changed })
            }
            Request::Approve { account, mailbox } => {
                let mailbox = mailbox_name(&mailbox)?;
                let store = self.store(&account)?;
                let changed = store.approve(mailbox).await?;
                Ok(Answer::Done { changed })
            }
            Request::SetOnline { account, online } => self.set_online(account.as_deref(), online),
        }
    }

    async fn status(&self) -> Result<Answer, Failure> {
        let mut accounts = Vec::new();
        for (name, counter) in &self.counters {
            accounts.push(counter.status(name).await?);
        }
        Ok(Answer::Status(accounts))
    }

    async fn sync(
        &self,
        account: Option<&str>,
        mailbox: Option<&str>,
        dry_run: bool,
        ticks: &mpsc::Sender<Line>,
    ) -> Result<Answer, Failure> {
        let errand = Errand {
            mailboxes: mailbox
                .map(|name| mailbox_name(name).map(|name| BTreeSet::from([name])))
                .transpose()?,
            dry_run,
        };
        if let Some(account) = account {
            self.counter(account)?;
        }
        let mut synced = Vec::new();
        for (name, counter) in &self.counters {
            if account.is_none_or(|only| only == name) && counter.account.upstream.is_some() {
                synced.push(counter.sync(name, errand.clone(), ticks.clone()).await?);
            }
        }
        Ok(Answer::Synced(synced))
    }

    fn set_online(&self, account: Option<&str>, online: bool) -> Result<Answer, Failure> {
        if let Some(account) = account {
            self.counter(account)?.store(account)?;
        }
        let mut changed = false;
        for (name, counter) in &self.counters {
            let Some(keeper) = counter
                .keeper
                .as_ref()
                .filter(|_| account.is_none_or(|only| only == name))
            else {
                continue;
            };
            changed |= keeper.online.send_replace(online) != online;
        }
        Ok(Answer::Done { changed })
    }

    /// What every account has of something.
    async fn of_all<T>(
        &self,
        list: impl AsyncFn(&str, &Store) -> Result<Vec<T>, StoreError>,
    ) -> Result<Vec<T>, Failure> {
        let mut all = Vec::new();
        for (name, counter) in &self.counters {
            all.extend(list(name, counter.store(name)?).await?);
        }
        Ok(all)
    }

    /// The files of an account.
    fn store(&self, account: &str) -> Result<&Store, Failure> {
        self.counter(account)?.store(account)
    }

    fn counter(&self, account: &str) -> Result<&Counter, Failure> {
        self.counters.get(account).ok_or_else(|| {
            let what = format!("there is no account {}", account.escape_debug());
            Failure::new(FailureKind::Usage, what)
        })
    }
}

impl Counter {
    /// The account's files; who asks for what is in them and cannot have it is told why.
    fn store(&self, name: &str) -> Result<&Store, Failure> {
        self.files.as_ref().map_err(|failure| Failure {
            what: format!("{name}: {}", failure.what),
            ..failure.clone()
        })
    }

    async fn status(&self, name: &str) -> Result<AccountStatus, Failure> {
        let (state, failure) = self.state();
        let kind = match kind_of(&self.account) {
            Kind::Mirror => "mirror",
            Kind::Local => "local",
        };
        let mut mailboxes = match &self.files {
            Ok(store) => words::mailboxes(store).await?,
            Err(_) => Vec::new(),
        };
        for mailbox in &mut mailboxes {
            self.complete(mailbox);
        }
        Ok(AccountStatus {
            name: name.to_owned(),
            kind: kind.to_owned(),
            state: state.to_owned(),
            failure,
            mailboxes,
        })
    }

    /// Adds what the files do not know of a mailbox.
    fn complete(&self, mailbox: &mut MailboxStatus) {
        let Some(upstream) = &self.account.upstream else {
            return;
        };
        let Ok(name) = mailbox.name.parse::<MailboxName>() else {
            return;
        };
        mailbox.is_mirrored = upstream.mailboxes.matches(name.as_bytes());
        if let Some(keeper) = &self.keeper {
            let troubles = &keeper.standing.borrow().troubles;
            mailbox.failure = troubles.get(&name).cloned();
        }
    }

    async fn sync(
        &self,
        name: &str,
        errand: Errand,
        ticks: mpsc::Sender<Line>,
    ) -> Result<AccountSync, Failure> {
        let mut sync = AccountSync {
            account: name.to_owned(),
            mailboxes: Vec::new(),
            failure: None,
            pending_count: 0,
            parked_count: 0,
        };
        let store = match &self.files {
            Ok(store) => store,
            Err(failure) => {
                sync.failure = Some(failure.clone());
                return Ok(sync);
            }
        };
        let account = name.to_owned();
        // A listener that is slow misses ticks; the next one says more.
        let progress = Progress::to(move |tick| {
            drop(ticks.try_send(Line::Tick {
                account: account.clone(),
                tick,
            }))
        });
        let only = errand
            .mailboxes
            .clone()
            .and_then(|mut only| only.pop_first());
        match (self.visit(store, errand, progress).await, only) {
            (Ok(outcomes), Some(mailbox)) if outcomes.is_empty() => {
                let what = format!("the account {name} mirrors no mailbox {mailbox}");
                sync.failure = Some(Failure::new(FailureKind::Usage, what));
            }
            (Ok(outcomes), _) => sync.mailboxes = words::passes(store, outcomes).await?,
            (Err(error), _) => sync.failure = Some(Failure::from(&error)),
        }
        let backlog = store.backlog().await?;
        sync.pending_count = backlog.values().map(|backlog| backlog.pending_count).sum();
        sync.parked_count = backlog.values().map(|backlog| backlog.parked_count).sum();
        Ok(sync)
    }

    async fn visit(
        &self,
        store: &Store,
        errand: Errand,
        progress: Progress,
    ) -> Result<Vec<Outcome>, PassError> {
        let Some(keeper) = &self.keeper else {
            let upstream = self
                .account
                .upstream
                .as_ref()
                .ok_or(UpstreamError::NotOffered {
                    what: "a server for this account",
                })?;
            return visit::visit(upstream, store, &errand, &progress).await;
        };
        // Said at once, since whoever keeps the account may still be busy with hanging up.
        if !*keeper.online.borrow() {
            return Err(PassError::Offline);
        }
        let (answer, outcome) = oneshot::channel();
        let visit = Visit {
            errand,
            progress,
            answer,
        };
        let asked = keeper.visits.send(visit).await;
        asked.map_err(|_| PassError::Released)?;
        outcome.await.map_err(|_| PassError::Released)?
    }

    fn state(&self) -> (&'static str, Option<Failure>) {
        if let Err(failure) = &self.files {
            return ("closed", Some(failure.clone()));
        }
        let Some(keeper) = &self.keeper else {
            let state = match kind_of(&self.account) {
                Kind::Mirror => "stopped",
                Kind::Local => "local",
            };
            return (state, None);
        };
        // The user's word, whether or not it has been heard yet.
        if !*keeper.online.borrow() {
            return ("offline", None);
        }
        match &keeper.standing.borrow().link {
            Link::Starting => ("starting", None),
            Link::Online => ("online", None),
            Link::Failed(failure) => ("failed", Some(failure.clone())),
        }
    }
}

fn mailbox_name(name: &str) -> Result<MailboxName, Failure> {
    name.parse().map_err(|_| {
        let what = format!("{} cannot be a mailbox", name.escape_debug());
        Failure::new(FailureKind::Usage, what)
    })
}

async fn undo(store: &Store, conflict: i64) -> Result<Answer, Failure> {
    match store.undo_conflict(conflict).await? {
        Undone::Asked | Undone::Agreed => Ok(Answer::Done { changed: true }),
        Undone::NoConflict => Ok(Answer::Done { changed: false }),
        Undone::MessageGone => {
            let what = "the message is gone, or cannot be told from others any more";
            Err(Failure::new(FailureKind::Usage, what))
        }
    }
}
