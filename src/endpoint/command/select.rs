//! SELECT and EXAMINE: open a mailbox. RFC 1176 SELECT; rows `1064-SELECT-FLAGS`, `1064-SELECT-EXISTS`,
//! `1176-SELECT-RECENT`, `1176-SELECT-ACCESS`, `2BIS-EXAMINE`.

use crate::endpoint::reply::{Reply, Stop};
use crate::endpoint::session::{Opened, Selected, Session};
use crate::endpoint::wire::Wire;
use crate::protocol::types::MailboxName;

/// The mailbox that was open is closed whatever comes: rows `1064-STATE-RESELECT`, `1064-STATE-SELECTFAIL`.
pub(super) async fn run(
    session: &mut Session,
    wire: &mut Wire,
    name: &MailboxName,
    opened: Opened,
) -> Result<Reply, Stop> {
    session.selected = None;
    let Some(mailbox) = session.store.mailbox(name) else {
        return Ok(Reply::no(if session.store.is_unvisited() {
            "No mailbox is known yet: the server was not reached since this account was set up, or its cache was lost"
        } else {
            "There is no such mailbox"
        }));
    };
    let view = session.store.view(mailbox).await?;
    let selected = Selected::open(&session.store, mailbox, opened, &view, wire).await?;
    let writable = selected.is_writable(&view);
    session.selected = Some(selected);
    Ok(Reply::ok(match (opened, writable) {
        (Opened::ToWrite, true) => "[READ-WRITE] SELECT completed",
        (Opened::ToWrite, false) => "[READ-ONLY] SELECT completed",
        (Opened::ToRead, _) => "[READ-ONLY] EXAMINE completed",
    }))
}
