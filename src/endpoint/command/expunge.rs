//! EXPUNGE: remove what is `\Deleted`. RFC 1176 EXPUNGE; rows `1064-EXPUNGE`, `1064-EXPUNGE-READONLY`.

use crate::endpoint::reply::{Reply, Stop};
use crate::endpoint::session::Session;
use crate::journal::{Action, NewEntry};
use crate::protocol::types::FlagSet;

/// Removes exactly the messages that this client was shown as `\Deleted` and that still are: what somebody else has marked
/// without this client knowing is not asked for, and the store leaves what somebody else has unmarked, or a mistake of ours
/// may have marked.
pub(super) async fn run(session: &mut Session) -> Result<Reply, Stop> {
    let view = session.view().await?;
    let selected = session.selected()?;
    if !selected.is_writable(&view) {
        return Ok(Reply::no("The mailbox is read-only; nothing was removed"));
    }
    let mailbox = selected.mailbox;
    let wishes: Vec<NewEntry> = selected
        .numbers
        .iter()
        .filter(|(_, shown)| shown.flags.contains(FlagSet::DELETED))
        .map(|(_, shown)| NewEntry {
            message: shown.id,
            action: Action::Expunge,
        })
        .collect();
    if !wishes.is_empty() {
        let accepted = session.store.accept(mailbox, wishes).await?;
        if accepted.left_out_count > 0 {
            return Ok(Reply::ok(LEFT));
        }
    }
    Ok(Reply::ok("EXPUNGE completed"))
}

const LEFT: &str = "EXPUNGE completed, but what may be marked by mistake stays: see \"lowtide conflicts\", or mark it deleted \
     once more";
