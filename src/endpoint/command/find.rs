//! FIND: names of mailboxes. RFC 1176 FIND, and in every dialect also FIND ALL of IMAP2bis, without which c-client browses
//! nothing; rows `1176-FIND-MAILBOXES`, `2BIS-FIND-ALL.MAILBOXES`, `1176-FIND-BBOARDS`, `2BIS-FIND-ALL.BBOARDS`.

use crate::endpoint::reply::{Reply, Stop};
use crate::endpoint::session::Session;
use crate::endpoint::wire::Wire;
use crate::protocol::command::{FindKind, FindScope};
use crate::protocol::types::MailboxPattern;

/// Every mailbox is subscribed to, so both scopes find the same, except that RFC 1176 leaves out INBOX.
pub(super) async fn run(
    session: &mut Session,
    wire: &mut Wire,
    kind: FindKind,
    scope: FindScope,
    pattern: &[u8],
) -> Result<Reply, Stop> {
    let wildcards = wire.dialect().find_wildcards();
    let pattern = MailboxPattern::new(pattern, wildcards)
        .map_err(|_| Reply::bad("The pattern is too long"))?;
    if kind == FindKind::Bboards {
        return Ok(Reply::ok(
            "FIND completed; there are no bulletin boards here",
        ));
    }
    let with_inbox = scope == FindScope::All || wire.dialect().find_lists_inbox();
    for mailbox in session.store.mailboxes().await? {
        if pattern.matches(&mailbox.name) && (with_inbox || !mailbox.name.is_inbox()) {
            wire.writer().mailbox(&mailbox.name);
            wire.make_room().await?;
        }
    }
    Ok(Reply::ok("FIND completed"))
}
