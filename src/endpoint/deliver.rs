//! Deliver: a whole message goes into a mailbox, or into the journal where a server has that.

use super::session::storable_flags;
use crate::id::{MailboxId, MessageId};
use crate::journal::HeaderHash;
use crate::message::{Structure, envelope, header_hash};
use crate::protocol::types::{Flag, FlagSet, InternalDate};
use crate::store::{BodyIn, HeaderIn, Kind, NewMessage, Packed, Store, StoreError};

/// A message on its way into a mailbox.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The flags it is to have.
    pub flags: Vec<Flag>,
    /// Its internal date.
    pub date: InternalDate,
    /// Header and text, kept as they are.
    pub octets: Vec<u8>,
}

/// Delivers a message. When this returns it is durable.
///
/// # Errors
/// [`StoreError`] when it was not delivered.
pub async fn deliver(store: &Store, mailbox: MailboxId, letter: Letter) -> Result<(), StoreError> {
    let flags = flags(store, mailbox, &letter.flags).await?;
    let message = store.work(move || letter.read(flags)).await?;
    match store.kind() {
        Kind::Local => store.append(mailbox, message).await.map(drop),
        Kind::Mirror => store.accept_message(mailbox, message).await,
    }
}

/// The flags as a set. What cannot be stored is left out, as no message is refused for its flags.
async fn flags(store: &Store, mailbox: MailboxId, flags: &[Flag]) -> Result<FlagSet, StoreError> {
    let view = store.view(mailbox).await?;
    let (set, unknown) = view.keywords.resolve(flags);
    if unknown.is_empty() || store.kind() == Kind::Mirror {
        return Ok(set.intersection(storable_flags(store.kind(), &view)));
    }
    let adopted = store.adopt_keywords(mailbox, unknown).await?;
    Ok(adopted.resolve(flags).0)
}

impl Letter {
    /// Looks at the message once: a large one takes its time.
    fn read(self, flags: FlagSet) -> NewMessage {
        let octets = self.octets;
        let structure = Structure::of(&octets);
        let header = structure.header().to_vec();
        let (mut envelope_wire, mut structure_wire) = (Vec::new(), Vec::new());
        envelope(&header).encode(&mut envelope_wire);
        structure.body().encode(&mut structure_wire);
        NewMessage {
            flags,
            instant: self.date.instant_secs,
            zone_minutes: self.date.offset_minutes,
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
}

/// The store gives the message its id.
const UNNAMED: MessageId = MessageId::from_raw(0);
