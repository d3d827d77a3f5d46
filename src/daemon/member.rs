//! One account of the household: its files, and the task that keeps it.

use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use super::account::{Keeper, Standing};
use super::agenda::Agenda;
use super::control::Failure;
use super::desk::{Counter, Handle};
use super::error::chain;
use crate::config::{Account, Limits, Storage, Upstream};
use crate::endpoint::stopped;
use crate::store::{Kind, Store, StoreError};
use crate::upstream::Backoff;

/// An account, whether or not its files can be used.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) account: Account,
    /// The files, or why they cannot be used.
    pub(super) files: Result<Store, Failure>,
    /// Whether to talk to its server. It is the user's word, and outlasts the task that heeds it.
    online: watch::Sender<bool>,
    keeping: Option<Keeping>,
}

/// The task that keeps an account, and how to reach it.
#[derive(Debug)]
struct Keeping {
    /// For an account that has a server.
    handle: Option<Handle>,
    release: watch::Sender<bool>,
    /// One task; ends when released, or when the files cannot be written any more.
    task: JoinSet<Result<(), StoreError>>,
}

/// Why an account's task ended without being told to.
pub(super) type Ended = Result<StoreError, JoinError>;

impl Member {
    pub(super) fn new(account: Account, files: Result<Store, Failure>) -> Self {
        Self {
            account,
            files,
            online: watch::Sender::new(true),
            keeping: None,
        }
    }

    /// Opens the files of an account.
    pub(super) async fn open(account: &Account, storage: &Storage) -> Result<Store, StoreError> {
        let (dir, kind) = (storage.account_dir(&account.name), kind_of(account));
        tokio::task::spawn_blocking(move || Store::open(&dir, kind))
            .await
            .unwrap_or(Err(StoreError::Stopped))
    }

    /// Opens the files again that could not be used; says whether they can be now.
    pub(super) async fn reopen(&mut self, storage: &Storage) -> bool {
        let Err(known) = &self.files else {
            return false;
        };
        let account = &self.account.name;
        match Self::open(&self.account, storage).await {
            Ok(store) => {
                tracing::info!(%account, "the account can be used again");
                self.files = Ok(store);
                true
            }
            Err(error) => {
                let failure = Failure::from(error);
                if failure != *known {
                    tracing::error!(%account, problem = %failure.what, "the account cannot be used");
                }
                self.files = Err(failure);
                false
            }
        }
    }

    /// Starts the task, unless there is one or the files cannot be used.
    pub(super) fn start(&mut self, limits: &Limits) {
        if let (Ok(store), None) = (&self.files, &self.keeping) {
            self.keeping = Some(keep(&self.account, store, &self.online, limits));
        }
    }

    /// Tells the task to stop: what it is doing is dropped, and whoever waits for it is told so.
    pub(super) fn release(&self) {
        if let Some(keeping) = &self.keeping {
            keeping.release.send_replace(true);
        }
    }

    /// Waits for the end of the task, once it is released. Gives what was wrong then, if anything was.
    pub(super) async fn rest(&mut self) -> Option<Ended> {
        let mut keeping = self.keeping.take()?;
        let mut wrong = None;
        while let Some(ended) = keeping.task.join_next().await {
            wrong = wrong.or(what_is_wrong(ended));
        }
        wrong
    }

    /// Ends the task and closes the files. A client that does not let go of them in time keeps them for as long as it stays.
    pub(super) async fn leave(mut self) {
        self.release();
        drop(self.rest().await);
        if let Ok(store) = self.files
            && timeout(LET_GO_WITHIN, store.close()).await.is_err()
        {
            tracing::warn!(account = %self.account.name, "a mail client still uses the account's files");
        }
    }

    /// Whether another configuration of the account can do with the files that are open.
    pub(super) fn fits(&self, account: Option<&Account>) -> bool {
        account.is_some_and(|account| kind_of(account) == kind_of(&self.account))
    }

    pub(super) fn counter(&self) -> Counter {
        let keeping = self.keeping.as_ref();
        Counter {
            account: self.account.clone(),
            files: self.files.clone(),
            keeper: keeping.and_then(|keeping| keeping.handle.clone()),
        }
    }

    /// Ready once the task has ended without being told to.
    pub(super) fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let Some(keeping) = &mut self.keeping else {
            return Poll::Pending;
        };
        match keeping.task.poll_join_next(cx) {
            Poll::Ready(Some(ended)) => what_is_wrong(ended).map_or(Poll::Pending, Poll::Ready),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

fn what_is_wrong(ended: Result<Result<(), StoreError>, JoinError>) -> Option<Ended> {
    match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Ok(error)),
        Err(error) => Some(Err(error)),
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

/// Says once that an account cannot be used, and gives what people are told of it.
pub(super) fn unusable(account: &Account, error: StoreError) -> Failure {
    tracing::error!(account = %account.name, problem = %chain(&error), "the account cannot be used");
    Failure::from(error)
}

/// Starts the task of an account: with a server it keeps the connection, and always an eye on the files.
fn keep(
    account: &Account,
    store: &Store,
    online: &watch::Sender<bool>,
    limits: &Limits,
) -> Keeping {
    let release = watch::Sender::new(false);
    let mut released = release.subscribe();
    let (handle, keeper) = account
        .upstream
        .clone()
        .map(|upstream| keeper(upstream, store, online, release.subscribe(), limits))
        .unzip();
    let (files, mut task) = (store.clone(), JoinSet::new());
    task.spawn(async move {
        let kept = async {
            match keeper {
                Some(keeper) => keeper.run().await,
                None => stopped(&mut released).await,
            }
        };
        tokio::select! {
            () = files.stopped() => {}
            () = kept => {}
        }
        // Released or not: whoever is waited for is told what was wrong.
        if files.is_stopped() {
            Err(StoreError::Stopped)
        } else {
            Ok(())
        }
    });
    Keeping {
        handle,
        release,
        task,
    }
}

/// Whoever keeps the connection to a server, and how to reach them.
fn keeper(
    upstream: Upstream,
    store: &Store,
    online: &watch::Sender<bool>,
    released: watch::Receiver<bool>,
    limits: &Limits,
) -> (Handle, Keeper) {
    let (visits, asked) = mpsc::channel(QUEUED_VISITS);
    let standing = watch::Sender::new(Standing::default());
    let backoff = Backoff {
        first: limits.retry_first,
        longest: limits.retry_longest,
    };
    let handle = Handle {
        visits,
        online: online.clone(),
        standing: standing.subscribe(),
    };
    let keeper = Keeper {
        agenda: Agenda::new(upstream.poll, backoff, Instant::now()),
        upstream,
        store: store.clone(),
        visits: asked,
        online: online.subscribe(),
        released,
        standing,
    };
    (handle, keeper)
}

/// How many visits may wait for their turn.
const QUEUED_VISITS: usize = 8;
/// How long mail clients may take to let go of an account's files.
const LET_GO_WITHIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    fn member(task: impl Future<Output = Result<(), StoreError>> + Send + 'static) -> Member {
        let name: crate::id::AccountName = "attic".parse().unwrap();
        let account = Account {
            name,
            upstream: None,
        };
        let mut member = Member::new(account, Err(Failure::from(StoreError::Stopped)));
        let mut tasks = JoinSet::new();
        tasks.spawn(task);
        member.keeping = Some(Keeping {
            handle: None,
            release: watch::Sender::new(false),
            task: tasks,
        });
        member
    }

    #[tokio::test]
    async fn a_task_that_ends_without_being_told_to_is_noticed() {
        let mut stopped = member(async { Err(StoreError::Stopped) });
        let ended = poll_fn(|cx| stopped.poll_ended(cx)).await;
        assert!(matches!(ended, Ok(StoreError::Stopped)));
        let mut failed = member(async { panic!("on purpose") });
        let ended = poll_fn(|cx| failed.poll_ended(cx)).await;
        assert!(ended.is_err_and(|error| error.is_panic()));
    }
}
