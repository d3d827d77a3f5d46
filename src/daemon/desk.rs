//! Where requests are answered, in a daemon or without one.

use std::collections::BTreeMap;

use tokio::sync::{mpsc, oneshot, watch};

use super::DaemonError;
use super::account::{Link, Visit};
use super::control::{AccountStatus, AccountSync, Answer, Failure, FailureKind, Line, Request};
use super::error::PassError;
use super::progress::Progress;
use super::visit::{self, Errand, Outcome};
use super::words;
use crate::config::Account;
use crate::id::EntryId;
use crate::protocol::types::MailboxName;
use crate::store::{Kind, Store};
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
    pub(super) store: Store,
    /// Whoever keeps the connection, where a daemon runs.
    pub(super) keeper: Option<Handle>,
}

/// How to reach the task that keeps an account's connection.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    pub(super) visits: mpsc::Sender<Visit>,
    pub(super) online: watch::Sender<bool>,
    pub(super) link: watch::Receiver<Link>,
}

impl Desk {
    /// A desk without a daemon: visits are made on the spot.
    ///
    /// # Errors
    /// [`DaemonError::Account`] when an account's files cannot be opened.
    pub fn open(
        accounts: impl IntoIterator<Item = (Account, std::path::PathBuf)>,
    ) -> Result<Self, DaemonError> {
        let mut desk = Self::default();
        for (account, dir) in accounts {
            let failed = |source| DaemonError::Account {
                account: account.name.to_string(),
                source,
            };
            let store = Store::open(&dir, kind_of(&account)).map_err(failed)?;
            desk.counters.insert(
                account.name.to_string(),
                Counter {
                    account,
                    store,
                    keeper: None,
                },
            );
        }
        Ok(desk)
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
            Request::Journal => {
                let mut entries = Vec::new();
                for (name, counter) in &self.counters {
                    entries.extend(words::journal_of(name, &counter.store).await?);
                }
                Ok(Answer::Journal(entries))
            }
            Request::Conflicts => {
                let mut conflicts = Vec::new();
                for (name, counter) in &self.counters {
                    conflicts.extend(words::conflicts(name, &counter.store).await?);
                }
                Ok(Answer::Conflicts(conflicts))
            }
            Request::Retry { account, entry } => {
                let changed = self
                    .counter(&account)?
                    .store
                    .retry_entry(EntryId::from_raw(entry))
                    .await?;
                Ok(Answer::Done { changed })
            }
            Request::Drop { account, entry } => {
                let changed = self
                    .counter(&account)?
                    .store
                    .drop_entry(EntryId::from_raw(entry))
                    .await?;
                Ok(Answer::Done { changed })
            }
            Request::Approve { account, mailbox } => {
                let mailbox = mailbox_name(&mailbox)?;
                Ok(Answer::Done {
                    changed: self.counter(&account)?.store.approve(mailbox).await?,
                })
            }
            Request::SetOnline { account, online } => self.set_online(account.as_deref(), online),
        }
    }

    async fn status(&self) -> Result<Answer, Failure> {
        let mut accounts = Vec::new();
        for (name, counter) in &self.counters {
            let (state, problem) = counter.state();
            let kind = match counter.store.kind() {
                Kind::Mirror => "mirror",
                Kind::Local => "local",
            };
            accounts.push(AccountStatus {
                name: name.clone(),
                kind: kind.to_owned(),
                state: state.to_owned(),
                problem,
                mailboxes: words::mailboxes(&counter.store).await?,
            });
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
            mailbox: mailbox.map(mailbox_name).transpose()?,
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
            self.counter(account)?;
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

    fn counter(&self, account: &str) -> Result<&Counter, Failure> {
        self.counters.get(account).ok_or_else(|| Failure {
            kind: FailureKind::Usage,
            what: format!("there is no account {}", account.escape_debug()),
        })
    }
}

impl Counter {
    async fn sync(
        &self,
        name: &str,
        errand: Errand,
        ticks: mpsc::Sender<Line>,
    ) -> Result<AccountSync, Failure> {
        let account = name.to_owned();
        // A listener that is slow misses ticks; the next one says more.
        let progress = Progress::to(move |tick| {
            drop(ticks.try_send(Line::Tick {
                account: account.clone(),
                tick,
            }))
        });
        let only = errand.mailbox.clone();
        let (outcomes, failure) = if self.is_offline() {
            let kept = Failure {
                kind: FailureKind::Offline,
                what: "the account is kept offline".to_owned(),
            };
            (Vec::new(), Some(kept))
        } else {
            match self.visit(errand, progress).await {
                Ok(outcomes) => (outcomes, None),
                Err(error) => (Vec::new(), Some(Failure::from(&error))),
            }
        };
        let unknown = only
            .filter(|_| failure.is_none() && outcomes.is_empty())
            .map(|mailbox| Failure {
                kind: FailureKind::Usage,
                what: format!("the account {name} mirrors no mailbox {mailbox}"),
            });
        let entries = self.store.entries().await?;
        let parked_count = entries.iter().filter(|row| !row.is_active()).count();
        Ok(AccountSync {
            account: name.to_owned(),
            mailboxes: words::passes(&self.store, outcomes).await?,
            failure: failure.or(unknown),
            pending_count: entries.len().saturating_sub(parked_count),
            parked_count,
        })
    }

    async fn visit(&self, errand: Errand, progress: Progress) -> Result<Vec<Outcome>, PassError> {
        let Some(keeper) = &self.keeper else {
            let upstream = self
                .account
                .upstream
                .as_ref()
                .ok_or(UpstreamError::NotOffered {
                    what: "a server for this account",
                })?;
            return visit::visit(upstream, &self.store, &errand, &progress).await;
        };
        let stopped = || {
            PassError::from(UpstreamError::Closed {
                text: "the daemon is stopping".to_owned(),
            })
        };
        let (answer, outcome) = oneshot::channel();
        keeper
            .visits
            .send(Visit {
                errand,
                progress,
                answer,
            })
            .await
            .map_err(|_| stopped())?;
        outcome.await.map_err(|_| stopped())?
    }

    /// Whether a person has taken the account offline.
    fn is_offline(&self) -> bool {
        let keeper = self.keeper.as_ref();
        keeper.is_some_and(|keeper| !*keeper.online.borrow())
    }

    fn state(&self) -> (&'static str, Option<String>) {
        let Some(keeper) = &self.keeper else {
            return (
                if self.account.upstream.is_some() {
                    "stopped"
                } else {
                    "local"
                },
                None,
            );
        };
        match &*keeper.link.borrow() {
            Link::Starting => ("starting", None),
            Link::Online => ("online", None),
            Link::Offline => ("offline", None),
            Link::Failed { problem } => ("failed", Some(problem.clone())),
        }
    }
}

/// Whether an account mirrors a server or has its mailboxes here.
pub(super) fn kind_of(account: &Account) -> Kind {
    if account.upstream.is_some() {
        Kind::Mirror
    } else {
        Kind::Local
    }
}

fn mailbox_name(name: &str) -> Result<MailboxName, Failure> {
    MailboxName::from_bytes(name.as_bytes()).map_err(|_| Failure {
        kind: FailureKind::Usage,
        what: format!("{} cannot be a mailbox", name.escape_debug()),
    })
}
