//! Wires the parts together: one task for each account, the endpoint for mail clients, the control socket for the command
//! line, and a watch on the configuration file.
//!
//! [`pass`] is the whole of synchronisation on one screen. A [`Desk`] answers the command line's requests, with a daemon
//! behind it or without.

mod account;
mod agenda;
mod carry;
mod content;
pub mod control;
mod desk;
mod error;
mod glance;
mod household;
mod lost;
mod member;
mod pass;
mod progress;
mod queue;
mod reload;
mod report;
mod restore;
mod rules;
mod settings;
mod stray;
mod unread;
mod visit;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

pub use desk::Desk;
pub use error::{PassError, chain};
pub use pass::{PassOptions, pass};
pub use progress::{Part, Progress, Tick};
pub use queue::Keep;
pub use report::{Counts, Report};
pub use rules::conflict_rules;
pub use settings::endpoint as endpoint_settings;
pub use visit::{Errand, Outcome, probe, until_quiet, visit};
pub use words::journal_of;

use crate::config::{Account, Config, SecretError};
use crate::endpoint::{Endpoint, ListenError, Listener, Peer, after_refusal, stopped};
use crate::store::StoreError;
use household::{Household, News};

/// Why the daemon could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// An account's files cannot be used, or no longer.
    #[error("the files of the account {account} cannot be used")]
    Account {
        /// The account.
        account: String,
        /// The cause.
        source: StoreError,
    },
    /// Mail clients could not connect.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The password that mail clients log in with cannot be had.
    #[error("the password for mail clients could not be had: {0}")]
    Password(SecretError),
    /// The command line could not connect.
    #[error("could not listen on {}", path.display())]
    Control {
        /// The socket.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Signals cannot be had from the system.
    #[error("could not wait for signals")]
    Signals(#[source] std::io::Error),
    /// An account's task came upon something that cannot be.
    #[error("the task of the account {account} failed")]
    Panicked {
        /// The account.
        account: String,
        /// How it ended.
        source: JoinError,
    },
}

/// Runs the daemon until it is told to stop by a signal, or an account cannot go on.
///
/// # Errors
/// [`DaemonError`] when it could not start, or had to stop; nothing is left running then.
pub async fn run(path: &Path, config: Config) -> Result<(), DaemonError> {
    let password = config
        .endpoint
        .password
        .fetch()
        .await
        .map_err(DaemonError::Password)?;
    let settings = settings::endpoint(&config, Some(password.expose()));
    let mut household = Household::open(&config).await?;
    let mut listener = Listener::new();
    listener.bind_tcp(&config.endpoint.listen)?;
    listener.bind_unix(&config.endpoint.socket)?;
    let control = bind_control(&config.storage.data_dir)?;
    let mut signals = Signals::new()?;

    household.start();
    let stop = watch::Sender::new(false);
    let mut tasks = JoinSet::new();
    for address in listener.tcp_addresses() {
        tracing::info!(%address, "mail clients can connect");
    }
    tasks.spawn(listener.run(
        Endpoint::new(settings, household.accounts()),
        stop.subscribe(),
    ));
    tasks.spawn(answer_all(control, household.desk(), stop.subscribe()));
    let mut reloads = reload::watch(path.to_owned(), config, stop.subscribe(), &mut tasks);
    notify_systemd(&[sd_notify::NotifyState::Ready]);
    let ended = loop {
        tokio::select! {
            () = signals.stop() => break Ok(()),
            Some(config) = reloads.recv() => household.rearrange(&config).await,
            news = household.news() => match news {
                News::Retry => household.retry().await,
                News::Ended(error) => break Err(error),
            },
        }
    };
    tracing::info!("stopping");
    notify_systemd(&[sd_notify::NotifyState::Stopping]);
    stop.send_replace(true);
    let finish = async {
        let stopped = household.stop().await;
        while tasks.join_next().await.is_some() {}
        stopped
    };
    ended.and(within_time(finish).await)
}

/// The signals that tell the daemon to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, DaemonError> {
        let hear = |kind| signal(kind).map_err(DaemonError::Signals);
        Ok(Self {
            terminate: hear(SignalKind::terminate())?,
            interrupt: hear(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Serves one client of one account until it leaves. Meanwhile the account is kept as by a daemon: what the client does
/// is carried out at once where the server can be reached.
///
/// # Errors
/// [`DaemonError::Account`] when the account's files cannot be opened, or cannot be written any more.
pub async fn serve_one<I>(config: &Config, account: &Account, io: I) -> Result<(), DaemonError>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let alone = Config {
        accounts: BTreeMap::from([(account.name.clone(), account.clone())]),
        ..config.clone()
    };
    let mut household = Household::open(&alone).await?;
    household.start();
    let endpoint = Endpoint::new(settings::endpoint(config, None), household.accounts());
    let stop = watch::Sender::new(false);
    let owner = Peer::Owner(account.name.clone());
    let client = endpoint.serve(io, owner, stop.subscribe());
    tokio::pin!(client);
    let ended = loop {
        tokio::select! {
            () = &mut client => break Ok(()),
            news = household.news() => match news {
                News::Retry => household.retry().await,
                News::Ended(error) => {
                    stop.send_replace(true);
                    client.await;
                    break Err(error);
                }
            },
        }
    };
    ended.and(within_time(household.stop()).await)
}

/// Waits for the end of all tasks, but not for ever.
async fn within_time(
    finish: impl Future<Output = Result<(), DaemonError>>,
) -> Result<(), DaemonError> {
    timeout(STOP_WITHIN, finish).await.unwrap_or_else(|_| {
        tracing::warn!("some tasks did not stop in time; nothing depends on their end");
        Ok(())
    })
}

/// The command line's socket. Whoever holds the accounts' locks may replace what an earlier run left.
fn bind_control(data_dir: &Path) -> Result<UnixListener, DaemonError> {
    let path = control::socket_path(data_dir);
    let failed = |source| DaemonError::Control {
        path: path.clone(),
        source,
    };
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    UnixListener::bind(&path).map_err(failed)
}

/// Serves the command line, one task for each connection. The directory lets nobody else in. When told to stop, those who
/// wait for an answer get theirs first: the accounts' tasks end, and with them what they were asked for.
async fn answer_all(
    listener: UnixListener,
    desk: watch::Receiver<Arc<Desk>>,
    mut stop: watch::Receiver<bool>,
) {
    let mut conversations = JoinSet::new();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            Some(_) = conversations.join_next() => {}
            accepted = listener.accept(), if conversations.len() < MAX_CONVERSATIONS => match accepted {
                Ok((stream, _)) => {
                    conversations.spawn(converse(stream, desk.clone(), stop.clone()));
                }
                Err(error) => after_refusal(&error).await,
            },
        }
    }
    while conversations.join_next().await.is_some() {}
}

async fn converse(
    stream: UnixStream,
    desk: watch::Receiver<Arc<Desk>>,
    stop: watch::Receiver<bool>,
) {
    if let Err(error) = control::serve(stream, &desk, &stop).await {
        tracing::debug!(%error, "a conversation with the command line broke off");
    }
}

fn notify_systemd(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd could not be told");
    }
}

/// How long a stop may take.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How many command lines may talk at once.
const MAX_CONVERSATIONS: usize = 16;
