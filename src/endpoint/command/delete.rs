//! DELETE, for accounts whose mailboxes live here. IMAP2bis; row `2BIS-DELETE`.

use crate::endpoint::reply::{Reply, Stop};
use crate::endpoint::session::Session;
use crate::protocol::types::MailboxName;

/// Neither INBOX nor the mailbox that this client has open; other clients that have it open lose their connection.
pub(super) async fn run(session: &mut Session, name: MailboxName) -> Result<Reply, Stop> {
    if name.is_inbox() {
        return Ok(Reply::no("INBOX cannot be deleted"));
    }
    super::require_local(session)?;
    let open = session.selected.as_ref().map(|selected| selected.mailbox);
    if open.is_some() && open == session.store.mailbox(&name) {
        return Ok(Reply::no("The mailbox is open; select another one first"));
    }
    session.store.delete_mailbox(name).await?;
    Ok(Reply::ok("DELETE completed"))
}
