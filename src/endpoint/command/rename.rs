//! RENAME, for accounts whose mailboxes live here. IMAP2bis; row `2BIS-RENAME`.

use crate::endpoint::reply::{Reply, Stop};
use crate::endpoint::session::Session;
use crate::protocol::types::MailboxName;

/// INBOX keeps its name. A client that has the mailbox open keeps it open.
pub(super) async fn run(
    session: &mut Session,
    from: MailboxName,
    to: MailboxName,
) -> Result<Reply, Stop> {
    if from.is_inbox() || to.is_inbox() {
        return Ok(Reply::no("INBOX can be neither renamed nor replaced"));
    }
    super::require_local(session)?;
    session.store.rename_mailbox(from, to).await?;
    Ok(Reply::ok("RENAME completed"))
}
