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
    let view = session.view().await?;
    let exists = session.store.mailbox(&to).is_some();
    let selected = session.selected()?;
    let ranges = selected.numbers.resolve(set)?;
    if !exists {
        return Ok(super::try_create(wire));
    }
    let mut wishes = Vec::new();
    let mut copied = Vec::new();
    for number in ranges.into_iter().flatten() {
        let message = selected.numbers.get(number).map(|shown| shown.id);
        match message.filter(|id| view.find(*id).is_some()) {
            Some(message) => wishes.push(NewEntry {
                message,
                action: Action::Copy { to: to.clone() },
            }),
            None => {
                return Ok(Reply::no(
                    "Some of these messages are gone; nothing was copied",
                ));
            }
        }
        copied.extend(SeqNum::new(number));
    }
    let mailbox = selected.mailbox;
    session.store.accept(mailbox, wishes).await?;
    for seq in copied {
        wire.writer().copied(seq);
        wire.make_room().await?;
    }
    Ok(Reply::ok("COPY completed"))
}
