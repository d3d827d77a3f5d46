//! The accounts of a running daemon: which there are, and who keeps each.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::DaemonError;
use super::desk::Desk;
use super::member::{Ended, Member, unusable};
use crate::config::{Config, Limits};
use crate::endpoint::Accounts;
use crate::id::AccountName;

/// Every account, with its files and the task that keeps it.
#[derive(Debug)]
pub(super) struct Household {
    members: BTreeMap<AccountName, Member>,
    /// The configuration of the start; only the accounts of a later one are taken over.
    config: Config,
    /// When to try again to open what could not be opened.
    retry_at: Instant,
    accounts: watch::Sender<Accounts>,
    desk: watch::Sender<Arc<Desk>>,
}

/// What a household cannot see to by itself.
pub(super) enum News {
    /// It is time to [`retry`](Household::retry).
    Retry,
    /// An account cannot go on, and neither can the daemon: only another process sees what the disk really has.
    Ended(DaemonError),
}

impl Household {
    /// Opens every account's files. One that cannot be used is a member all the same, and tried again later. Nobody is
    /// served before [`Household::start`].
    ///
    /// # Errors
    /// [`DaemonError::Account`] when not one can be used.
    pub(super) async fn open(config: &Config) -> Result<Self, DaemonError> {
        let mut household = Self {
            members: BTreeMap::new(),
            config: config.clone(),
            retry_at: next_retry(),
            accounts: watch::Sender::new(Accounts::new()),
            desk: watch::Sender::new(Arc::default()),
        };
        let mut opened = Vec::new();
        for account in config.accounts.values() {
            opened.push((account, Member::open(account, &config.storage).await));
        }
        let is_usable = opened.iter().any(|(_, files)| files.is_ok());
        for (account, files) in opened {
            let files = match files {
                Err(source) if !is_usable => {
                    let account = account.name.to_string();
                    return Err(DaemonError::Account { account, source });
                }
                files => files.map_err(|error| unusable(account, error)),
            };
            let member = Member::new(account.clone(), files);
            household.members.insert(account.name.clone(), member);
        }
        Ok(household)
    }

    /// The stores that mail clients may use, as they come and go.
    pub(super) fn accounts(&self) -> watch::Receiver<Accounts> {
        self.accounts.subscribe()
    }

    /// Where the command line's requests are answered.
    pub(super) fn desk(&self) -> watch::Receiver<Arc<Desk>> {
        self.desk.subscribe()
    }

    /// Starts keeping the accounts that can be used and are not kept yet, and serves them: in this order, since a desk that
    /// finds nobody who keeps an account would make its visits itself.
    pub(super) fn start(&mut self) {
        for member in self.members.values_mut() {
            member.start(&self.config.limits);
        }
        self.publish();
    }

    /// Takes over the accounts of another configuration; those that did not change are not disturbed.
    ///
    /// The files of an account that goes, or that becomes of another kind, are closed by everybody before anything is opened.
    pub(super) async fn rearrange(&mut self, config: &Config) {
        self.say_what_waits(config);
        let goes =
            |name: &AccountName, member: &mut Member| !member.fits(config.accounts.get(name));
        let going: Vec<_> = self.members.extract_if(.., goes).collect();
        self.publish();
        for (_, member) in &going {
            member.release();
        }
        for (name, member) in going {
            tracing::info!(account = %name, "the account is gone, or another kind of account");
            member.leave().await;
        }
        self.alter(config).await;
        self.admit(config).await;
        self.retry_at = next_retry();
        self.start();
    }

    /// Gives the accounts that stay their new settings; their files stay open, and the user's word about them holds.
    async fn alter(&mut self, config: &Config) {
        let mut changed = Vec::new();
        for (name, member) in &mut self.members {
            if let Some(account) = config.accounts.get(name)
                && *account != member.account
            {
                member.release();
                changed.push((account, member));
            }
        }
        for (account, member) in changed {
            tracing::info!(account = %account.name, "the account has changed");
            member.rest().await;
            member.account = account.clone();
        }
    }

    /// Opens the accounts that are new.
    async fn admit(&mut self, config: &Config) {
        for (name, account) in &config.accounts {
            if self.members.contains_key(name) {
                continue;
            }
            tracing::info!(account = %name, "the account is new");
            let files = Member::open(account, &self.config.storage).await;
            let files = files.map_err(|error| unusable(account, error));
            let member = Member::new(account.clone(), files);
            self.members.insert(name.clone(), member);
        }
    }

    fn say_what_waits(&self, config: &Config) {
        // What is borne of servers is taken over with the accounts.
        let limits = Limits {
            timeouts: self.config.limits.timeouts,
            ..config.limits.clone()
        };
        let same = config.endpoint == self.config.endpoint
            && config.storage == self.config.storage
            && limits == self.config.limits;
        if !same {
            tracing::warn!(
                "changes of [endpoint], of [storage], and of retry-* and endpoint-* in [limits] take effect when lowtide is started again"
            );
        }
    }

    /// Waits until there is something to do about the members. Nothing is lost if the wait is given up.
    pub(super) async fn news(&mut self) -> News {
        let has_closed = self.members.values().any(|member| member.files.is_err());
        let retry_at = self.retry_at;
        tokio::select! {
            error = self.ended() => News::Ended(error),
            () = sleep_until(retry_at), if has_closed => News::Retry,
        }
    }

    /// Waits for the end of a task that was not told to end.
    async fn ended(&mut self) -> DaemonError {
        let (name, ended) = poll_fn(|cx| {
            for (name, member) in &mut self.members {
                if let Poll::Ready(ended) = member.poll_ended(cx) {
                    return Poll::Ready((name.to_string(), ended));
                }
            }
            Poll::Pending
        })
        .await;
        fault(name, ended)
    }

    /// Tries again to open what could not be opened.
    pub(super) async fn retry(&mut self) {
        let mut has_opened = false;
        for member in self.members.values_mut() {
            has_opened |= member.reopen(&self.config.storage).await;
        }
        self.retry_at = next_retry();
        if has_opened {
            self.start();
        } else {
            self.publish();
        }
    }

    /// Ends all connections.
    ///
    /// # Errors
    /// [`DaemonError`] where files could not be written any more.
    pub(super) async fn stop(mut self) -> Result<(), DaemonError> {
        let members = std::mem::take(&mut self.members);
        self.publish();
        for member in members.values() {
            member.release();
        }
        let mut stopped = Ok(());
        for (name, mut member) in members {
            let wrong = member.rest().await;
            stopped =
                stopped.and(wrong.map_or(Ok(()), |wrong| Err(fault(name.to_string(), wrong))));
        }
        stopped
    }

    fn publish(&self) {
        let mut accounts = Accounts::new();
        let mut desk = Desk::default();
        for (name, member) in &self.members {
            if let Ok(store) = &member.files {
                accounts.insert(name.clone(), store.clone());
            }
            desk.counters.insert(name.to_string(), member.counter());
        }
        self.accounts.send_replace(accounts);
        self.desk.send_replace(Arc::new(desk));
    }
}

fn fault(account: String, ended: Ended) -> DaemonError {
    match ended {
        Ok(source) => DaemonError::Account { account, source },
        Err(source) => DaemonError::Panicked { account, source },
    }
}

fn next_retry() -> Instant {
    let now = Instant::now();
    now.checked_add(RETRY_EVERY).unwrap_or(now)
}

/// How often to try accounts whose files could not be used.
const RETRY_EVERY: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
