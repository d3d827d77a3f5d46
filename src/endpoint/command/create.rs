//! CREATE, for accounts whose mailboxes live here. IMAP2bis; row `2BIS-CREATE`.

use crate::endpoint::reply::{Reply, Stop};
use crate::endpoint::session::Session;
use crate::protocol::types::MailboxName;

/// INBOX always counts as being there already.
pub(super) async fn run(session: &mut Session, name: MailboxName) -> Result<Reply, Stop> {
    if name.is_inbox() {
        return Ok(Reply::no("INBOX cannot be created"));
    }
    super::require_local(session)?;
    session.store.create_mailbox(name).await?;
    Ok(Reply::ok("CREATE completed"))
}
