//! What all connections share: the accounts, the settings, and how many there may be.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::connection::Connection;
use super::session::Session;
use super::settings::{Accounts, EndpointSettings};
use crate::id::AccountName;
use crate::protocol::server::Budget;

/// The IMAP server for mail clients on this machine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Endpoint {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: EndpointSettings,
    accounts: watch::Receiver<Accounts>,
    connections: Arc<Semaphore>,
    newcomers: Arc<Semaphore>,
    messages: Budget,
}

/// What is known of a client before it says anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// It belongs to our user, and has to log in with the endpoint's password.
    Unknown,
    /// It belongs to our user beyond doubt; it names an account with LOGIN, unless there is only one.
    Trusted,
    /// It belongs to our user beyond doubt, and wants this account.
    Owner(AccountName),
}

/// Room for one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct Room {
    _connection: OwnedSemaphorePermit,
    newcomer: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// The client has logged in.
    pub(super) fn settle(&mut self) {
        self.newcomer = None;
    }
}

impl Endpoint {
    /// An endpoint for the accounts, whichever they are at the time of a login.
    #[must_use]
    pub fn new(settings: EndpointSettings, accounts: watch::Receiver<Accounts>) -> Self {
        let limits = settings.limits;
        let shared = Shared {
            settings,
            accounts,
            connections: Arc::new(Semaphore::new(limits.connection_count)),
            newcomers: Arc::new(Semaphore::new(limits.newcomer_count)),
            messages: Budget::new(limits.messages.max(limits.sizes.message)),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Serves one client until it leaves, is told BYE, or is gone; on `shutdown` it is told BYE.
    ///
    /// This is all there is to a session over standard input and output: see [`tokio::io::join`].
    pub async fn serve<I>(&self, io: I, peer: Peer, shutdown: watch::Receiver<bool>)
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Connection::new(self.clone(), Box::new(io), peer, shutdown)
            .run()
            .await;
    }

    pub(super) fn settings(&self) -> &EndpointSettings {
        &self.shared.settings
    }

    /// What all clients together may append at one time.
    pub(super) fn messages(&self) -> Budget {
        self.shared.messages.clone()
    }

    /// Room for another connection, if there is any.
    pub(super) fn room(&self) -> Option<Room> {
        Some(Room {
            _connection: self.shared.connections.clone().try_acquire_owned().ok()?,
            newcomer: Some(self.shared.newcomers.clone().try_acquire_owned().ok()?),
        })
    }

    /// A session with an account, if there is one of that name.
    pub(super) fn session(&self, name: &str) -> Option<Session> {
        let accounts = self.shared.accounts.borrow();
        let (account, store) = accounts.get_key_value(name)?;
        Some(Session {
            account: account.clone(),
            store: store.clone(),
            accounts: self.shared.accounts.clone(),
            dialect: self.shared.settings.dialect,
            limits: self.shared.settings.limits,
            selected: None,
        })
    }

    /// The session of a client that need not log in.
    pub(super) fn session_without_login(&self, peer: &Peer) -> Option<Session> {
        match peer {
            Peer::Unknown => None,
            Peer::Owner(account) => self.session(account.as_str()),
            Peer::Trusted => {
                let accounts = self.shared.accounts.borrow().clone();
                let mut names = accounts.into_keys();
                let only = names.next().filter(|_| names.next().is_none())?;
                self.session(only.as_str())
            }
        }
    }
}
