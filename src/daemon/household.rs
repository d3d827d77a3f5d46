//! The accounts of a running daemon: which there are, and who keeps each.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::DaemonError;
use super::account::{Keeper, Link};
use super::desk::{Counter, Desk, Handle, kind_of};
use crate::config::{Account, Config};
use crate::endpoint::Accounts;
use crate::id::AccountName;
use crate::store::Store;
use crate::upstream::Backoff;

/// Every account, with its store and the task that keeps its connection.
pub(super) struct Household {
    members: BTreeMap<AccountName, Member>,
    config: Config,
    keepers: JoinSet<()>,
    accounts: watch::Sender<Accounts>,
    desk: watch::Sender<Arc<Desk>>,
}

struct Member {
    account: Account,
    store: Store,
    keeper: Option<Handle>,
}

impl Household {
    /// Opens every account's files.
    pub(super) fn open(config: &Config) -> Result<Self, DaemonError> {
        let mut members = BTreeMap::new();
        for (name, account) in &config.accounts {
            let store = open(config, account)?;
            members.insert(
                name.clone(),
                Member {
                    account: account.clone(),
                    store,
                    keeper: None,
                },
            );
        }
        let household = Self {
            members,
            config: config.clone(),
            keepers: JoinSet::new(),
            accounts: watch::Sender::new(Accounts::new()),
            desk: watch::Sender::new(Arc::default()),
        };
        household.publish();
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

    /// Starts keeping the accounts' connections.
    pub(super) fn start(&mut self) {
        for member in self.members.values_mut() {
            member.keeper = keep(
                &mut self.keepers,
                &self.config,
                &member.account,
                &member.store,
            );
        }
        self.publish();
    }

    /// Takes over another configuration: accounts that did not change are not disturbed.
    pub(super) fn rearrange(&mut self, config: &Config) {
        if config.endpoint != self.config.endpoint || config.storage != self.config.storage {
            tracing::warn!(
                "changes of [endpoint] and [storage] take effect when lowtide is started again"
            );
        }
        let kept = |name: &AccountName, member: &Member| {
            config.accounts.get(name) == Some(&member.account)
        };
        let left: Vec<AccountName> = self
            .members
            .iter()
            .filter(|(name, member)| !kept(name, member))
            .map(|(name, _)| name.clone())
            .collect();
        let mut stores = BTreeMap::new();
        for name in left {
            if let Some(member) = self.members.remove(&name) {
                tracing::info!(account = %name, "the account has changed or is gone");
                release(member.keeper);
                stores.insert(name, (kind_of(&member.account), member.store));
            }
        }
        for (name, account) in &config.accounts {
            if self.members.contains_key(name) {
                continue;
            }
            let store = match stores
                .remove(name)
                .filter(|(kind, _)| *kind == kind_of(account))
            {
                Some((_, store)) => Ok(store),
                None => open(config, account),
            };
            match store {
                Ok(store) => {
                    let keeper = keep(&mut self.keepers, config, account, &store);
                    self.members.insert(
                        name.clone(),
                        Member {
                            account: account.clone(),
                            store,
                            keeper,
                        },
                    );
                }
                Err(error) => {
                    tracing::error!(account = %name, problem = %super::account::chain(&error), "the account cannot be used")
                }
            }
        }
        self.config = config.clone();
        self.publish();
    }

    /// Ends all connections.
    pub(super) async fn stop(mut self) {
        for member in std::mem::take(&mut self.members).into_values() {
            release(member.keeper);
        }
        self.publish();
        while self.keepers.join_next().await.is_some() {}
    }

    fn publish(&self) {
        let accounts = self
            .members
            .iter()
            .map(|(name, member)| (name.clone(), member.store.clone()));
        self.accounts.send_replace(accounts.collect());
        let counter = |member: &Member| Counter {
            account: member.account.clone(),
            store: member.store.clone(),
            keeper: member.keeper.clone(),
        };
        let counters = self
            .members
            .iter()
            .map(|(name, member)| (name.to_string(), counter(member)));
        self.desk.send_replace(Arc::new(Desk {
            counters: counters.collect(),
        }));
    }
}

/// Tells a keeper to stop: what it is doing is dropped, and nobody can ask it for more.
fn release(keeper: Option<Handle>) {
    if let Some(keeper) = keeper {
        keeper.online.send_replace(false);
    }
}

fn open(config: &Config, account: &Account) -> Result<Store, DaemonError> {
    let failed = |source| DaemonError::Account {
        account: account.name.to_string(),
        source,
    };
    Store::open(&config.storage.account_dir(&account.name), kind_of(account)).map_err(failed)
}

/// Starts a task for an account that has a server.
fn keep(
    keepers: &mut JoinSet<()>,
    config: &Config,
    account: &Account,
    store: &Store,
) -> Option<Handle> {
    let upstream = account.upstream.clone()?;
    let (visits, asked) = mpsc::channel(QUEUED_VISITS);
    let (online, link) = (watch::Sender::new(true), watch::Sender::new(Link::Starting));
    let backoff = Backoff {
        first: config.limits.retry_first,
        longest: config.limits.retry_longest,
    };
    let handle = Handle {
        visits,
        online: online.clone(),
        link: link.subscribe(),
    };
    let keeper = Keeper {
        upstream,
        store: store.clone(),
        visits: asked,
        online: online.subscribe(),
        link,
        backoff,
    };
    keepers.spawn(keeper.run());
    Some(handle)
}

/// How many visits may wait for their turn.
const QUEUED_VISITS: usize = 8;
