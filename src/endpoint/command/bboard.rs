//! BBOARD: there are no bulletin boards here, so none can be opened. RFC 1176 BBOARD; row `1176-BBOARD`.

use crate::endpoint::reply::Reply;
use crate::endpoint::session::Session;

/// Like a SELECT that fails: no mailbox is open afterwards.
pub(super) fn run(session: &mut Session) -> Reply {
    session.selected = None;
    Reply::no("There are no bulletin boards here")
}
