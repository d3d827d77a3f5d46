//! Whose program is at the other end of a TCP connection on this machine.
//!
//! The kernel knows the owner of each socket. The one that counts has exactly our two addresses, swapped; it is established,
//! and a process holds it. (A socket whose process is gone is said to be root's.) Strangers may come in any number, so the
//! look costs the same however many connections there are.

mod diag;
mod table;

use std::net::SocketAddr;

/// What the kernel says of one end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// A process of this user has it open.
    Held { uid: u32 },
    /// Nobody has it open any more, or it is no longer connected.
    Loose,
}

/// Whether the other end of a connection, which is accepted and open, belongs to the user we run as. What cannot be found out
/// is a no.
pub(super) async fn is_ours(local: SocketAddr, remote: SocketAddr) -> bool {
    let uid = rustix::process::geteuid().as_raw();
    find(local, remote).await == Some(End::Held { uid })
}

async fn find(local: SocketAddr, remote: SocketAddr) -> Option<End> {
    let other = diag::find(remote, local);
    // If the kernel does not find our own end either, it answers no such questions.
    if other.is_some() || diag::find(local, remote).is_some() {
        return other;
    }
    let look = move || table::find(remote, local);
    tokio::task::spawn_blocking(look).await.ok().flatten()
}

impl End {
    fn new(uid: u32, state: u8, inode: u64) -> Self {
        if state == ESTABLISHED && inode != 0 {
            Self::Held { uid }
        } else {
            Self::Loose
        }
    }
}

const ESTABLISHED: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_end_is_found_by_exactly_its_two_addresses() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = tokio::net::TcpListener::bind(any).await else {
                println!("skipped: this machine has no {any}");
                continue;
            };
            let local = listener.local_addr().unwrap();
            let client = tokio::net::TcpStream::connect(local).await.unwrap();
            let (_server, remote) = listener.accept().await.unwrap();
            assert!(is_ours(local, remote).await);
            let uid = rustix::process::geteuid().as_raw();
            assert_eq!(table::find(remote, local), Some(End::Held { uid }));
            let elsewhere = SocketAddr::new(local.ip(), local.port() ^ 1);
            for (local, remote) in [(elsewhere, remote), (local, elsewhere), (local, local)] {
                assert!(!is_ours(local, remote).await);
                assert_eq!(table::find(remote, local), None);
            }
            drop(client);
            for found in [diag::find(remote, local), table::find(remote, local)] {
                assert_ne!(found, Some(End::Held { uid }), "its program has closed it");
            }
        }
    }
}
