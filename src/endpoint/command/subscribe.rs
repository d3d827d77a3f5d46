//! SUBSCRIBE and UNSUBSCRIBE: every mailbox counts as subscribed, so that FIND MAILBOXES hides none. IMAP2bis; rows
//! `2BIS-SUBSCRIBE-MAILBOX`, `2BIS-UNSUBSCRIBE-MAILBOX`, `2BIS-SUBSCRIBE-BBOARD`, `2BIS-UNSUBSCRIBE-BBOARD`.

use crate::endpoint::reply::{Reply, Stop};
use crate::endpoint::session::Session;
use crate::protocol::command::NameSpace;
use crate::protocol::types::MailboxName;

/// Says yes to what is so already.
pub(super) fn subscribe(
    session: &Session,
    space: NameSpace,
    name: &MailboxName,
) -> Result<Reply, Stop> {
    refuse_bboards(space)?;
    Ok(match session.store.mailbox(name) {
        Some(_) => Reply::ok("SUBSCRIBE completed"),
        None => Reply::no("There is no such mailbox"),
    })
}

/// Says no, rather than yes to what will not be remembered.
pub(super) fn unsubscribe(
    session: &Session,
    space: NameSpace,
    name: &MailboxName,
) -> Result<Reply, Stop> {
    refuse_bboards(space)?;
    Ok(Reply::no(match session.store.mailbox(name) {
        Some(_) => "Every mailbox here stays subscribed",
        None => "There is no such mailbox",
    }))
}

fn refuse_bboards(space: NameSpace) -> Result<(), Stop> {
    match space {
        NameSpace::Mailbox | NameSpace::Bare => Ok(()),
        NameSpace::Bboard => Err(Reply::bad("There are no bulletin boards here").into()),
    }
}
