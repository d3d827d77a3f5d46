//! The kernel's list of all TCP connections, for kernels that answer no questions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::End;

/// Looks for the end of a connection that has the address `local`, once through the whole list.
pub(super) fn find(local: SocketAddr, remote: SocketAddr) -> Option<End> {
    let path = match local {
        SocketAddr::V4(_) => "/proc/net/tcp",
        SocketAddr::V6(_) => "/proc/net/tcp6",
    };
    let table = std::fs::read_to_string(path).ok()?;
    let mut sockets = table.lines().filter_map(Socket::parse);
    let found = sockets.find(|socket| (socket.local, socket.remote) == (local, remote))?;
    Some(found.end)
}

/// One line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    end: End,
}

impl Socket {
    /// Reads `sl: local remote state queues timer retransmits uid timeout inode ...`.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let local = address(fields.next()?)?;
        let remote = address(fields.next()?)?;
        let state = u8::from_str_radix(fields.next()?, 16).ok()?;
        let uid = fields.nth(3)?.parse().ok()?;
        let inode: u64 = fields.nth(1)?.parse().ok()?;
        Some(Self {
            local,
            remote,
            end: End::new(uid, state, inode),
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernels_list_is_read() {
        let line = "   3: 0100007F:C0A8 0100007F:0477 01 00000000:00000000 00:00000000 00000000  1000        0 54321 1 x";
        let socket = Socket {
            local: "127.0.0.1:49320".parse().unwrap(),
            remote: "127.0.0.1:1143".parse().unwrap(),
            end: End::Held { uid: 1000 },
        };
        assert_eq!(Socket::parse(line), Some(socket));
        let six = address("00000000000000000000000001000000:0477");
        assert_eq!(six, Some("[::1]:1143".parse().unwrap()));
    }

    #[test]
    fn a_socket_that_nobody_holds_counts_for_nothing() {
        let closed = "   3: 0100007F:C0A8 0100007F:0477 06 00000000:00000000 00:00000000 00000000     0        0 0 1 x";
        let orphan = "   3: 0100007F:C0A8 0100007F:0477 01 00000000:00000000 00:00000000 00000000     0        0 0 1 x";
        for line in [closed, orphan] {
            assert_eq!(Socket::parse(line).unwrap().end, End::Loose);
        }
        for other in ["", "  sl  local_address rem_address   st", "0: x y"] {
            assert_eq!(Socket::parse(other), None);
        }
    }
}
