//! Whose program is at the other end of a TCP connection on this machine.
//!
//! The kernel's list of sockets names the owner of each. The one that counts has exactly our two addresses, swapped; it is
//! established, and a process holds it. (A socket whose process is gone is listed as root's, without an inode.)

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::sync::Semaphore;

/// Whether the other end of a connection belongs to the user we run as. What cannot be found out is a no.
pub(super) async fn is_ours(local: SocketAddr, remote: SocketAddr) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    for try_count in 0..TRIES {
        if try_count > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        if let Some(uid) = owner(local, remote).await {
            return uid == ours;
        }
    }
    false
}

async fn owner(local: SocketAddr, remote: SocketAddr) -> Option<u32> {
    let _turn = LOOKUPS.acquire().await.ok()?;
    for path in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let Ok(table) = tokio::fs::read_to_string(path).await else {
            continue;
        };
        let uid = table
            .lines()
            .filter_map(Socket::parse)
            .find(|socket| socket.is_held && socket.joins(remote, local))
            .map(|socket| socket.uid);
        if uid.is_some() {
            return uid;
        }
    }
    None
}

/// One line of the kernel's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    uid: u32,
    /// Established, and some process has it open.
    is_held: bool,
}

impl Socket {
    /// Reads `sl: local remote state queues timer retransmits uid timeout inode ...`.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let local = address(fields.next()?)?;
        let remote = address(fields.next()?)?;
        let state = fields.next()?;
        let uid = fields.nth(3)?.parse().ok()?;
        let inode: u64 = fields.nth(1)?.parse().ok()?;
        Some(Self {
            local,
            remote,
            uid,
            is_held: state == ESTABLISHED && inode != 0,
        })
    }

    fn joins(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        let same = |a: SocketAddr, b: SocketAddr| {
            a.port() == b.port() && a.ip().to_canonical() == b.ip().to_canonical()
        };
        same(self.local, local) && same(self.remote, remote)
    }
}

/// Reads `0100007F:0477`: words of the address as they lie in memory, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = address.get(at..at.checked_add(8)?)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let octets: [u8; 16] = words.as_flattened().try_into().ok()?;
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The list is long on a busy machine, and strangers can make us read it: only so many read it at once.
static LOOKUPS: Semaphore = Semaphore::const_new(2);

const ESTABLISHED: &str = "01";
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernels_list_is_read() {
        let line = "   3: 0100007F:C0A8 0100007F:0477 01 00000000:00000000 00:00000000 00000000  1000        0 54321 1 x";
        let socket = Socket::parse(line).unwrap();
        assert_eq!(
            socket,
            Socket {
                local: "127.0.0.1:49320".parse().unwrap(),
                remote: "127.0.0.1:1143".parse().unwrap(),
                uid: 1000,
                is_held: true,
            }
        );
        let mapped = "   3: 0000000000000000FFFF00000100007F:C0A8 0000000000000000FFFF00000100007F:0477 01 \
                      00000000:00000000 00:00000000 00000000  1000        0 54321 1 x";
        let socket = Socket::parse(mapped).unwrap();
        assert!(socket.joins(
            "127.0.0.1:49320".parse().unwrap(),
            "127.0.0.1:1143".parse().unwrap()
        ));
        let six = address("00000000000000000000000001000000:0477").unwrap();
        assert_eq!(six, "[::1]:1143".parse().unwrap());
    }

    #[test]
    fn a_socket_that_nobody_holds_counts_for_nothing() {
        let closed = "   3: 0100007F:C0A8 0100007F:0477 06 00000000:00000000 00:00000000 00000000     0        0 0 1 x";
        assert!(!Socket::parse(closed).unwrap().is_held);
        let orphan = "   3: 0100007F:C0A8 0100007F:0477 01 00000000:00000000 00:00000000 00000000     0        0 0 1 x";
        assert!(!Socket::parse(orphan).unwrap().is_held);
        for other in ["", "  sl  local_address rem_address   st", "0: x y"] {
            assert_eq!(Socket::parse(other), None);
        }
    }

    #[tokio::test]
    async fn our_own_connection_is_ours_and_another_port_is_not() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let local = listener.local_addr().unwrap();
        let client = tokio::net::TcpStream::connect(local).await.unwrap();
        let (_server, remote) = listener.accept().await.unwrap();
        assert!(is_ours(local, remote).await);
        let elsewhere = SocketAddr::new(local.ip(), local.port() ^ 1);
        assert!(!is_ours(elsewhere, remote).await);
        drop(client);
    }
}
