//! LOGOUT: BYE, the tagged answer, the end. Nothing is removed by it. RFC 1176 LOGOUT; rows `1064-LOGOUT`,
//! `1064-STATE-NOEXPUNGE`.

use crate::endpoint::wire::Wire;
use crate::protocol::response::{Condition, Status};
use crate::protocol::types::Tag;

/// Writes both answers; the caller sends them and closes.
pub(in crate::endpoint) fn run(wire: &mut Wire, tag: &Tag) {
    wire.writer()
        .untagged(Condition::Bye, "lowtide says good-bye");
    wire.writer().tagged(tag, Status::Ok, "LOGOUT completed");
}
