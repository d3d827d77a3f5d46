//! What is read of messages, several at a time: what is damaged counts as not held, and hides nothing else.

use bytes::Bytes;

use crate::id::MessageId;
use crate::store::{Store, StoreError};

/// What can be read of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The envelope, ready for the wire.
    Envelope,
    /// The structure, ready for the wire.
    Structure,
    /// The header with its blank line.
    Header,
    /// Header and text.
    Whole,
}

impl Part {
    /// Reads this part of each message; `None` where it is not held.
    pub(super) async fn read(
        self,
        store: &Store,
        ids: &[MessageId],
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        match self.ask(store, ids.to_vec()).await {
            Err(StoreError::Damaged { .. }) => self.read_singly(store, ids).await,
            Ok(read) => Ok(read
                .into_iter()
                .map(|octets| octets.map(Bytes::from))
                .collect()),
            Err(error) => Err(error),
        }
    }

    async fn read_singly(
        self,
        store: &Store,
        ids: &[MessageId],
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        let mut parts = Vec::new();
        for &id in ids {
            match self.ask(store, vec![id]).await {
                Ok(mut read) => parts.push(read.pop().flatten().map(Bytes::from)),
                Err(StoreError::Damaged { detail, .. }) => {
                    tracing::error!(message = id.raw(), part = ?self, detail, "what is stored is damaged");
                    parts.push(None);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(parts)
    }

    async fn ask(
        self,
        store: &Store,
        ids: Vec<MessageId>,
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        match self {
            Self::Envelope => store.envelopes(ids).await,
            Self::Structure => store.structures(ids).await,
            Self::Header => store.headers(ids).await,
            Self::Whole => store.bodies(ids).await,
        }
    }
}
