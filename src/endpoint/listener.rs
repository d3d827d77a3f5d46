//! Where clients connect: TCP on loopback addresses, and a Unix socket.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use super::peer;
use super::service::{Endpoint, Peer};
use super::socket::SocketFile;

/// Sockets that listen. Nobody is served before [`Listener::run`].
#[derive(Debug, Default)]
pub struct Listener {
    tcp: Vec<TcpListener>,
    unix: Option<SocketFile>,
}

/// Why the endpoint cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program has the address, or an address that clients could take for it.
    #[error("{address} is taken by another program")]
    Taken {
        /// The address or path.
        address: String,
    },
    /// Other machines could connect there.
    #[error("{address} can be reached from other machines")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// This machine has none of the addresses.
    #[error("this machine has none of the addresses to listen on")]
    NoAddress,
    /// TCP failed otherwise.
    #[error("could not listen on {address}")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The directory of the socket is not ours alone.
    #[error("{} must belong to you and have mode 0700", path.display())]
    Exposed {
        /// The directory.
        path: PathBuf,
    },
    /// The socket's file or directory could not be made.
    #[error("could not make {}", path.display())]
    Socket {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl Listener {
    /// Listens on nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens on TCP addresses, all of them: an address left to others would let them be taken for us. One that this
    /// machine does not have is left out.
    ///
    /// # Errors
    /// [`ListenError`] naming the address.
    pub fn bind_tcp(&mut self, addresses: &[SocketAddr]) -> Result<(), ListenError> {
        let mut bound = Vec::new();
        for &address in addresses {
            bound.extend(bind(address)?);
        }
        if bound.is_empty() && !addresses.is_empty() {
            return Err(ListenError::NoAddress);
        }
        self.tcp.append(&mut bound);
        Ok(())
    }

    /// Listens on a Unix socket, for our user alone; its directory is made if it is missing.
    ///
    /// # Errors
    /// [`ListenError`] naming the path.
    pub fn bind_unix(&mut self, path: &Path) -> Result<(), ListenError> {
        self.unix = Some(SocketFile::bind(path)?);
        Ok(())
    }

    /// The TCP addresses that clients can connect to.
    #[must_use]
    pub fn tcp_addresses(&self) -> Vec<SocketAddr> {
        self.tcp
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect()
    }

    /// Serves until `shutdown` becomes true, or its sender is gone; then tells every client BYE and returns within
    /// seconds. A connection that fails takes down no other.
    pub async fn run(self, endpoint: Endpoint, shutdown: watch::Receiver<bool>) {
        let mut doors = JoinSet::new();
        for listener in self.tcp {
            doors.spawn(accept_all(
                Door::Tcp(listener),
                endpoint.clone(),
                shutdown.clone(),
            ));
        }
        if let Some(socket) = self.unix {
            doors.spawn(accept_all(Door::Unix(socket), endpoint, shutdown));
        }
        while doors.join_next().await.is_some() {}
    }
}

/// One socket that listens.
enum Door {
    Tcp(TcpListener),
    Unix(SocketFile),
}

/// Someone at the door.
enum Visitor {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Door {
    async fn accept(&self) -> io::Result<Visitor> {
        match self {
            Self::Tcp(listener) => listener
                .accept()
                .await
                .map(|(stream, remote)| Visitor::Tcp(stream, remote)),
            Self::Unix(socket) => socket
                .listener
                .accept()
                .await
                .map(|(stream, _)| Visitor::Unix(stream)),
        }
    }
}

async fn accept_all(door: Door, endpoint: Endpoint, shutdown: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let mut closing = shutdown.clone();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut closing) => break,
            Some(ended) = connections.join_next() => note_panic(ended),
            visitor = door.accept() => match visitor {
                // Whoever comes in such numbers is not told anything.
                Ok(_) if connections.len() >= MOST_VISITORS => {}
                Ok(visitor) => {
                    connections.spawn(serve(visitor, endpoint.clone(), shutdown.clone()));
                }
                Err(error) => after_refusal(&error).await,
            },
        }
    }
    drop(door);
    let farewell = async { while connections.join_next().await.is_some() {} };
    if timeout(FAREWELL, farewell).await.is_err() {
        connections.shutdown().await;
    }
}

/// Says that nobody could be let in, and waits a moment if trying again at once would fail again at once.
pub async fn after_refusal(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    if is_exhaustion(error) {
        sleep(PAUSE).await;
    }
}

/// Returns once `shutdown` is true, or nobody is left who could make it so.
pub async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    drop(shutdown.wait_for(|stop| *stop).await);
}

/// Serves a visitor whose user is ours; everybody else finds the door shut, without a word.
async fn serve(visitor: Visitor, endpoint: Endpoint, shutdown: watch::Receiver<bool>) {
    match visitor {
        Visitor::Tcp(stream, remote) => {
            let Ok(local) = stream.local_addr() else {
                return;
            };
            if !peer::is_ours(local, remote).await {
                tracing::warn!("a program of another user was turned away");
                return;
            }
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "set_nodelay");
            }
            let span = tracing::debug_span!("conn", peer = %remote);
            endpoint
                .serve(stream, Peer::Unknown, shutdown)
                .instrument(span)
                .await;
        }
        Visitor::Unix(stream) => {
            let ours = rustix::process::geteuid().as_raw();
            if stream.peer_cred().is_ok_and(|peer| peer.uid() == ours) {
                let span = tracing::debug_span!("conn", peer = "socket");
                endpoint
                    .serve(stream, Peer::Trusted, shutdown)
                    .instrument(span)
                    .await;
            } else {
                tracing::warn!("a program of another user was turned away");
            }
        }
    }
}

fn note_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection failed; the others go on");
    }
}

/// Whether this machine has run out of something.
fn is_exhaustion(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// `None` where the machine has no such address.
fn bind(address: SocketAddr) -> Result<Option<TcpListener>, ListenError> {
    if !address.ip().is_loopback() {
        return Err(ListenError::NotLoopback { address });
    }
    match listening(address) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT) => Ok(None),
            Some(Errno::ADDRINUSE) => Err(ListenError::Taken {
                address: address.to_string(),
            }),
            _ => Err(ListenError::Tcp {
                address,
                source: error,
            }),
        },
    }
}

fn listening(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Only so that a port can be taken again soon after a restart; two programs can never share it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

const BACKLOG: u32 = 64;
/// Connections at one door that are being looked at, served, or told that there are too many.
const MOST_VISITORS: usize = 256;
/// How long to accept nobody when this machine has run out of something.
const PAUSE: Duration = Duration::from_secs(1);
/// How long clients may take to hear BYE.
const FAREWELL: Duration = Duration::from_secs(3);
