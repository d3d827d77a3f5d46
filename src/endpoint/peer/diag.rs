//! One question to the kernel: who has this end of a TCP connection? It looks up that one, however many there are.
//!
//! The question is `SOCK_DIAG_BY_FAMILY` of netlink with an `inet_diag_req_v2`; the answer is an `inet_diag_msg`.

use std::net::{IpAddr, SocketAddr};

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};

use super::End;

/// Asks for the end of a connection that has the address `local`. `None` if there is no such end, or no answer.
pub(super) fn find(local: SocketAddr, remote: SocketAddr) -> Option<End> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        flags,
        Some(SOCK_DIAG),
    );
    let socket = socket.ok()?;
    let kernel = SocketAddrNetlink::new(0, 0);
    sendto(
        &socket,
        &question(local, remote),
        SendFlags::empty(),
        &kernel,
    )
    .ok()?;
    // The kernel has answered before the question is sent.
    let mut answer = [0; ANSWER_ROOM];
    let (count, _) = recv(&socket, &mut answer, RecvFlags::empty()).ok()?;
    read(answer.get(..count)?, local, remote)
}

fn question(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let mut request = vec![family(local), IPPROTO_TCP, 0, 0];
    request.extend(ALL_STATES.to_ne_bytes());
    request.extend(connection(local, remote));
    request.extend(0u32.to_ne_bytes()); // any interface
    request.extend([0xff; 8]); // no cookie
    let length = u32::try_from(request.len().saturating_add(HEADER)).unwrap_or(u32::MAX);
    let mut message = Vec::new();
    message.extend(length.to_ne_bytes());
    message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message.extend(NLM_F_REQUEST.to_ne_bytes());
    message.extend([0; 8]); // sequence and port
    message.extend(request);
    message
}

/// The ports, then the addresses in 16 octets each.
fn connection(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let ports = [local, remote].map(|end| end.port().to_be_bytes());
    let mut octets = ports.concat();
    for end in [local, remote] {
        match end.ip() {
            IpAddr::V4(ip) => octets.extend([&ip.octets()[..], &[0; 12]].concat()),
            IpAddr::V6(ip) => octets.extend(ip.octets()),
        }
    }
    octets
}

/// An answer counts if it is about exactly the end that was asked for: where there is none, the kernel may tell of a socket
/// that listens there.
fn read(answer: &[u8], local: SocketAddr, remote: SocketAddr) -> Option<End> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let found = answer.get(HEADER..)?;
    let asked = connection(local, remote);
    let is_it = kind == SOCK_DIAG_BY_FAMILY
        && found.first() == Some(&family(local))
        && found.get(4..40)? == asked.as_slice();
    let word = |at: usize| {
        let octets = found.get(at..at.checked_add(4)?)?;
        Some(u32::from_ne_bytes(octets.try_into().ok()?))
    };
    is_it.then_some(End::new(word(64)?, *found.get(1)?, word(68)?.into()))
}

fn family(address: SocketAddr) -> u8 {
    match address {
        SocketAddr::V4(_) => 2,
        SocketAddr::V6(_) => 10,
    }
}

/// The length of a netlink message's header.
const HEADER: usize = 16;
/// Room for an answer with all its attributes.
const ANSWER_ROOM: usize = 1024;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const IPPROTO_TCP: u8 = 6;
const ALL_STATES: u32 = u32::MAX;
