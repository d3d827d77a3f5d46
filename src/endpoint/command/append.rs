//! APPEND, where the mailboxes live here or their server takes messages. IMAP2bis, in its base form and with flags and a date;
//! row `2BIS-APPEND`.

use crate::clock;
use crate::endpoint::reply::{Reply, Stop};
use crate::endpoint::session::{Session, storable_flags};
use crate::endpoint::wire::Wire;
use crate::id::{MailboxId, MessageId};
use crate::journal::HeaderHash;
use crate::message::{Structure, envelope, header_hash};
use crate::protocol::types::{Flag, FlagSet, InternalDate, MailboxName};
use crate::store::{BodyIn, HeaderIn, Kind, NewMessage, Packed, Store};

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
    let flags = flags(&session.store, mailbox, &appended.flags).await?;
    let message = tokio::task::spawn_blocking(move || read(appended, flags))
        .await
        .map_err(|_| Reply::no("The message could not be read; nothing was appended"))?;
    match session.store.kind() {
        Kind::Local => drop(session.store.append(mailbox, message).await?),
        Kind::Mirror => session.store.accept_message(mailbox, message).await?,
    }
    Ok(Reply::ok("APPEND completed"))
}

/// The flags as a set. What cannot be stored is left out, as no message is refused for its flags.
async fn flags(store: &Store, mailbox: MailboxId, flags: &[Flag]) -> Result<FlagSet, Stop> {
    let view = store.view(mailbox).await?;
    let (set, unknown) = view.keywords.resolve(flags);
    if unknown.is_empty() || store.kind() == Kind::Mirror {
        return Ok(set.intersection(storable_flags(store.kind(), &view)));
    }
    let adopted = store.adopt_keywords(mailbox, unknown).await?;
    Ok(adopted.resolve(flags).0)
}

/// Looks at the message once: a large one takes its time.
fn read(appended: Appended, flags: FlagSet) -> NewMessage {
    let Appended { date, octets, .. } = appended;
    let structure = Structure::of(&octets);
    let header = structure.header().to_vec();
    let (mut envelope_wire, mut structure_wire) = (Vec::new(), Vec::new());
    envelope(&header).encode(&mut envelope_wire);
    structure.body().encode(&mut structure_wire);
    NewMessage {
        flags,
        instant: date.map_or_else(clock::unix_seconds, |date| date.instant_secs),
        zone_minutes: date.map_or(0, |date| date.offset_minutes),
        size: u32::try_from(octets.len()).unwrap_or(u32::MAX),
        header: HeaderIn {
            message: UNNAMED,
            hash: HeaderHash(header_hash(&header)),
            envelope: envelope_wire,
            bytes: Packed::new(header),
        },
        body: BodyIn {
            message: UNNAMED,
            hash: blake3::hash(&octets).into(),
            structure: structure_wire,
            bytes: Packed::new(octets),
        },
    }
}

/// The store gives the message its id.
const UNNAMED: MessageId = MessageId::from_raw(0);
