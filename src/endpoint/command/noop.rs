//! NOOP: nothing by itself, and the moment to hear what others did. RFC 1176 NOOP; row `1064-NOOP`.

use crate::endpoint::reply::Reply;

pub(super) fn run() -> Reply {
    Reply::ok("NOOP completed")
}
