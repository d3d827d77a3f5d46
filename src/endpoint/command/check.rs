//! CHECK: what is in the mailbox now. Everything is on disk already, so the counts are all there is to do, and those come
//! with what is told after the command. RFC 1176 CHECK; rows `1064-CHECK-EXISTS`, `1176-CHECK-RECENT`.

use crate::endpoint::reply::Reply;

pub(super) fn run() -> Reply {
    Reply::ok("CHECK completed")
}
