//! Where clients connect: TCP on loopback addresses, and a Unix socket.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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

    /// Listens on TCP addresses, and on the same port of both `127.0.0.1` and `::1`: a client that is told `localhost` tries
    /// either, and whoever had the one that is left would get our password. An address that this machine does not have is
    /// left out.
    ///
    /// # Errors
    /// [`ListenError`] naming the address.
    pub fn bind_tcp(&mut self, addresses: &[SocketAddr]) -> Result<(), ListenError> {
        let mut ports: BTreeMap<u16, BTreeSet<IpAddr>> = BTreeMap::new();
        for &address in addresses {
            if !address.ip().is_loopback() {
                return Err(ListenError::NotLoopback { address });
            }
            let localhost = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            let ips = ports.entry(address.port()).or_insert(localhost.into());
            ips.insert(address.ip());
        }
        let mut bound = Vec::new();
        for (port, ips) in ports {
            let mut port_bound = match port {
                0 => bind_free_port(&ips)?,
                _ => bind_port(&ips, port)?,
            };
            if port_bound.is_empty() {
                return Err(ListenError::NoAddress);
            }
            bound.append(&mut port_bound);
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
                Ok(visitor) if !visitor.is_ours().await => {
                    tracing::warn!("a program of another user was turned away");
                }
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

impl Visitor {
    /// Whether it is a program of our user. Everybody else finds the door shut, without a word, and takes up nobody's room.
    async fn is_ours(&self) -> bool {
        match self {
            Self::Tcp(stream, remote) => match stream.local_addr() {
                Ok(local) => peer::is_ours(local, *remote).await,
                Err(_) => false,
            },
            Self::Unix(stream) => {
                let ours = rustix::process::geteuid().as_raw();
                stream.peer_cred().is_ok_and(|peer| peer.uid() == ours)
            }
        }
    }
}

/// Serves a visitor whose user is ours.
async fn serve(visitor: Visitor, endpoint: Endpoint, shutdown: watch::Receiver<bool>) {
    match visitor {
        Visitor::Tcp(stream, remote) => {
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
            let span = tracing::debug_span!("conn", peer = "socket");
            endpoint
                .serve(stream, Peer::Trusted, shutdown)
                .instrument(span)
                .await;
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

/// Listens on one port of several addresses. For port 0 that is whichever the first of them is given.
fn bind_port(ips: &BTreeSet<IpAddr>, mut port: u16) -> Result<Vec<TcpListener>, ListenError> {
    let mut bound = Vec::new();
    for &ip in ips {
        let listener = bind(SocketAddr::new(ip, port))?;
        if let Some(Ok(given)) = listener.as_ref().map(TcpListener::local_addr) {
            port = given.port();
        }
        bound.extend(listener);
    }
    Ok(bound)
}

/// Listens on a port that is free on all of the addresses.
fn bind_free_port(ips: &BTreeSet<IpAddr>) -> Result<Vec<TcpListener>, ListenError> {
    for _ in 1..FREE_PORT_TRIES {
        match bind_port(ips, 0) {
            Err(ListenError::Taken { .. }) => {}
            bound => return bound,
        }
    }
    bind_port(ips, 0)
}

/// `None` where the machine has no such address.
fn bind(address: SocketAddr) -> Result<Option<TcpListener>, ListenError> {
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
/// How often to look for a port that is free everywhere.
const FREE_PORT_TRIES: u32 = 16;
/// Connections of our user at one door that are being served, or told that there are too many.
const MOST_VISITORS: usize = 256;
/// How long to accept nobody when this machine has run out of something.
const PAUSE: Duration = Duration::from_secs(1);
/// How long clients may take to hear BYE.
const FAREWELL: Duration = Duration::from_secs(3);
