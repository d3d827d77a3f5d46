//! COPY: append copies to another mailbox of the account. RFC 1176 COPY; rows `1064-COPY`, `1064-COPY-CREATE`,
//! `1064-COPY-UNTAGGED`.

use crate::endpoint::reply::{Reply, Stop};
use crate::endpoint::session::Session;
use crate::endpoint::wire::Wire;
use crate::journal::{Action, NewEntry};
use crate::protocol::types::{MailboxName, SeqNum, SequenceSet};

/// Copies all or none, in the order of the numbers.
///
/// A destination that does not exist is never made: it may be a typing error, and could not be told from one later.
pub(super) async fn run(
    session: &mut Session,
    wire: &mut Wire,
    set: &SequenceSet,
    to: MailboxName,
) -> Result<Reply, Stop> {
    let exists = session.store.mailbox(&to).is_some();
    let selected = session.selected()?;
    let ranges = selected.numbers.resolve(set)?;
    if !exists {
        return Ok(super::try_create(wire));
    }
    let numbers = || ranges.iter().cloned().flatten();
    let wishes = numbers()
        .filter_map(|number| selected.numbers.get(number))
        .map(|shown| NewEntry {
            message: shown.id,
            action: Action::Copy { to: to.clone() },
        })
        .collect();
    let mailbox = selected.mailbox;
    session.store.accept(mailbox, wishes).await?;
    for seq in numbers().filter_map(SeqNum::new) {
        wire.writer().copied(seq);
        wire.make_room().await?;
    }
    Ok(Reply::ok("COPY completed"))
}
