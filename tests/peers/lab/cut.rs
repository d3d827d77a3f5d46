//! A connection that breaks where a test wants it to: a proxy in front of a server.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use super::process::{answer, pause};
use super::stream::Stream;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

/// How many bytes passed, over all connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) connections: u64,
    pub(crate) to_server: u64,
    pub(crate) to_client: u64,
    /// How often the client spoke after the server had: round trips, where the line is slow enough.
    pub(crate) turns: u64,
}

/// A proxy on loopback. Connections pass untouched, except those that [`Cut::next_after`] dooms.
pub(crate) struct Cut {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    open: Box<dyn Fn() -> io::Result<Upstream> + Send + Sync>,
    doomed: Mutex<VecDeque<(Direction, u64)>>,
    /// After how many octets of the next connections the server talks nonsense.
    babble: Mutex<VecDeque<u64>>,
    traffic: Mutex<Traffic>,
    is_servers_turn: AtomicBool,
    /// How long octets take each way.
    delay: Mutex<Duration>,
    over: AtomicBool,
}

/// A connection to the server behind, and what must live as long as it does.
type Upstream = (Stream, Option<super::process::Running>);

impl Cut {
    /// In front of a server on TCP.
    pub(crate) fn before(server: SocketAddr) -> Self {
        Self::new(move || Ok((Stream::connect(server)?, None)))
    }

    /// In front of a server that speaks on stdin and stdout: each connection starts one.
    pub(crate) fn before_command(server: impl Fn() -> Command + Send + Sync + 'static) -> Self {
        Self::new(move || {
            let (stream, child) =
                Stream::spawn(&mut server()).map_err(|absent| io::Error::other(absent.0))?;
            Ok((stream, Some(child)))
        })
    }

    fn new(open: impl Fn() -> io::Result<Upstream> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            open: Box::new(open),
            doomed: Mutex::default(),
            babble: Mutex::default(),
            traffic: Mutex::default(),
            is_servers_turn: AtomicBool::new(false),
            delay: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let acceptor = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// The next connection not yet doomed ends, both ways, once exactly so many bytes have gone this way.
    pub(crate) fn next_after(&self, direction: Direction, bytes: u64) {
        lock(&self.shared.doomed).push_back((direction, bytes));
    }

    /// How many connections are still to be cut.
    pub(crate) fn doomed_count(&self) -> usize {
        lock(&self.shared.doomed).len()
    }

    /// The next connection hears nonsense, behind the end of a command once the server has sent so many octets.
    pub(crate) fn next_babbles_after(&self, octets: u64) {
        lock(&self.shared.babble).push_back(octets);
    }

    /// From now on connections are left alone, but for those that are open.
    pub(crate) fn spare(&self) {
        lock(&self.shared.doomed).clear();
        lock(&self.shared.babble).clear();
    }

    /// What has passed so far; an undisturbed run tells at which points a later one can be cut.
    pub(crate) fn traffic(&self) -> Traffic {
        *lock(&self.shared.traffic)
    }

    /// What passes while something is done.
    pub(crate) fn during(&self, act: impl FnOnce()) -> Traffic {
        let before = self.traffic();
        act();
        let after = self.traffic();
        Traffic {
            connections: after.connections - before.connections,
            to_server: after.to_server - before.to_server,
            to_client: after.to_client - before.to_client,
            turns: after.turns - before.turns,
        }
    }

    /// Makes the line slow: octets take so long each way.
    pub(crate) fn delay(&self, each_way: Duration) {
        *lock(&self.shared.delay) = each_way;
    }
}

impl Shared {
    fn pass(&self, way: Direction, octets: u64) {
        let is_clients = way == Direction::ToServer;
        let is_turn = self.is_servers_turn.swap(is_clients, Ordering::SeqCst) != is_clients;
        let mut traffic = lock(&self.traffic);
        match way {
            Direction::ToServer => {
                traffic.to_server += octets;
                traffic.turns += u64::from(is_turn);
            }
            Direction::ToClient => traffic.to_client += octets,
        }
        drop(traffic);
        let delay = *lock(&self.delay);
        if !delay.is_zero() {
            pause(delay);
        }
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees that it is over.
        TcpStream::connect(self.address).ok();
        self.acceptor.take().map(JoinHandle::join);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.over.load(Ordering::SeqCst) {
            return;
        }
        // A client that is gone again, or a server that cannot be had, closes this connection and no other.
        if let (Ok(client), Ok((server, child))) =
            (client.and_then(Stream::of_tcp), (shared.open)())
        {
            lock(&shared.traffic).connections += 1;
            let doom = lock(&shared.doomed).pop_front();
            let shared = Arc::clone(shared);
            std::thread::spawn(move || {
                carry_both_ways(&client, &server, &shared, doom).ok();
                // It hears that nobody is there any more, as at the end of an ssh, and ends by itself. A plain mailbox
                // file would stay locked for minutes if it were killed while it writes.
                if let Some(mut child) = child {
                    answer(|| child.0.try_wait().unwrap());
                }
            });
        }
    }
}

fn carry_both_ways(
    client: &Stream,
    server: &Stream,
    shared: &Shared,
    doom: Option<(Direction, u64)>,
) -> io::Result<()> {
    let limit = |way| {
        doom.filter(|(direction, _)| *direction == way)
            .map(|(_, bytes)| bytes)
    };
    let (requests, answers) = (
        (client.try_clone()?, server.try_clone()?),
        (server.try_clone()?, client.try_clone()?),
    );
    std::thread::scope(|scope| {
        let pass = |way| move |octets| shared.pass(way, octets);
        scope.spawn(move || {
            let way = Direction::ToServer;
            carry(requests, limit(way), None, pass(way));
        });
        let way = Direction::ToClient;
        let babble = lock(&shared.babble).pop_front();
        carry(answers, limit(way), babble, pass(way));
    });
    Ok(())
}

/// Carries bytes until the source ends or the limit is reached. An end is passed on; the limit ends both ways. Nonsense comes
/// once, behind a line that ends a command.
fn carry(
    (mut from, mut to): (Stream, Stream),
    limit: Option<u64>,
    mut babble: Option<u64>,
    mut count: impl FnMut(u64),
) {
    let mut passed = 0;
    let mut left = limit.unwrap_or(u64::MAX);
    let mut buffer = vec![0; 1 << 16];
    while left > 0 {
        let room = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let Ok(size @ 1..) = from.read(&mut buffer[..room]) else {
            to.shutdown(Shutdown::Write).ok();
            return;
        };
        // Counted before they are on their way, so that whoever has received them finds them counted.
        count(u64::try_from(size).unwrap());
        if to.write_all(&buffer[..size]).is_err() {
            break;
        }
        left -= u64::try_from(size).unwrap();
        passed += u64::try_from(size).unwrap();
        if babble.is_some_and(|after| passed > after) && ends_a_command(&buffer[..size]) {
            babble = None;
            to.write_all(NONSENSE).ok();
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

fn ends_a_command(octets: &[u8]) -> bool {
    let last = octets
        .strip_suffix(b"\r\n")
        .and_then(|octets| octets.rsplit(|octet| *octet == b'\n').next());
    last.is_some_and(|line| line.starts_with(b"t0") && line.windows(4).any(|word| word == b" OK "))
}

/// No IMAP at all, an answer to nobody, messages that do not exist, flags of nobody, a line that goes on too long.
const NONSENSE: &[u8] = b"\x00\xff{}(\r\n* \r\nx9 OK nobody asked\r\n* 4000000000 FETCH (FLAGS (\\Deleted))\r\n* 0 EXPUNGE\r\n\
                          * SEARCH 1 2 3 99999\r\n* FLAGS\r\n* OK [UIDVALIDITY nonsense] (((((\r\n";
