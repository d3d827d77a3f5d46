//! CAPABILITY: how a client asks what is spoken here. RFC 1176 does not have it; rows `IMAP4-CAPABILITY`,
//! `CCLIENT-CAPABILITY`.

use crate::endpoint::reply::Reply;
use crate::endpoint::wire::Wire;
use crate::protocol::dialect::Dialect;

/// Whoever asks gets IMAP2bis. Where an older protocol is pinned, the command is not offered.
pub(in crate::endpoint) fn run(wire: &mut Wire) -> Reply {
    wire.set_dialect(Dialect::Imap2bis);
    wire.writer().capability("IMAP2bis");
    Reply::ok("CAPABILITY completed")
}
