//! PARTIAL, which no two servers of IMAP2bis ever answered alike, is not offered. Row `2BIS-PARTIAL`.

use crate::endpoint::reply::Reply;

pub(super) fn run() -> Reply {
    Reply::bad("There is no PARTIAL here; use FETCH")
}
