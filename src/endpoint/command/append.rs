//! APPEND, where the mailboxes live here or their server takes messages. IMAP2bis, in its base form and with flags and a date;
//! row `2BIS-APPEND`.

use crate::clock;
use crate::endpoint::deliver::{Letter, deliver};
use crate::endpoint::reply::{Reply, Stop};
use crate::endpoint::session::Session;
use crate::endpoint::wire::Wire;
use crate::protocol::types::{Flag, InternalDate, MailboxName};

/// What is to be appended.
pub(super) struct Appended {
    pub(super) flags: Vec<Flag>,
    pub(super) date: Option<InternalDate>,
    pub(super) octets: Vec<u8>,
}

/// The octets are kept as they came.
pub(super) async fn run(
    session: &mut Session,
    wire: &mut Wire,
    to: &MailboxName,
    appended: Appended,
) -> Result<Reply, Stop> {
    if !session.store.takes_messages() {
        return Ok(Reply::no(
            "The server of this account takes no messages, as far as is known",
        ));
    }
    let Some(mailbox) = session.store.mailbox(to) else {
        return Ok(super::try_create(wire));
    };
    let Appended {
        flags,
        date,
        octets,
    } = appended;
    let letter = Letter {
        flags,
        date: date.unwrap_or_else(now),
        octets,
    };
    deliver(&session.store, mailbox, letter).await?;
    Ok(Reply::ok("APPEND completed"))
}

fn now() -> InternalDate {
    InternalDate {
        instant_secs: clock::unix_seconds(),
        offset_minutes: 0,
        zone_known: true,
    }
}
