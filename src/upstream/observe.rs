//! Observe: what the open mailbox shows, whole or not at all.

use super::error::UpstreamError;
use super::selected::{Map, Selected, Slot};
use super::wire::accept;
use crate::journal::HeaderHash;
use crate::message;
use crate::mirror::Observation;
use crate::protocol::command::{Command, Numbering};
use crate::protocol::response::Untagged;
use crate::protocol::types::{FetchItem, FetchRequest, SeqNum, SequenceSet};

impl Selected<'_> {
    /// Lists every message with its flags, date and size.
    ///
    /// # Errors
    /// [`UpstreamError::Desynchronised`] when the server leaves gaps however often it is asked.
    pub async fn observe(&mut self) -> Result<Observation, UpstreamError> {
        for _ in 0..ROUNDS {
            self.map.slots.resize(self.map.exists, Slot::default());
            let missing: Vec<SeqNum> = incomplete(&self.map).collect();
            if missing.is_empty() {
                break;
            }
            for set in SequenceSet::chunked(missing, MAX_RANGES) {
                let fetch = Command::Fetch(Numbering::Sequence, set, self.listing());
                let map = &mut self.map;
                let completion = self.wire.run(fetch, |untagged| map.apply(untagged)).await?;
                accept("FETCH", completion)?;
            }
        }
        let whole = self.map.slots.len() == self.map.exists;
        let seen = self.map.observation().filter(|_| whole);
        seen.ok_or(UpstreamError::Desynchronised {
            problem: "the listing has gaps",
        })
    }

    /// Reads the headers of some messages of the observation, and observes again with what they tell.
    ///
    /// # Errors
    /// [`UpstreamError::Desynchronised`] when messages were removed meanwhile; look again then.
    pub async fn add_evidence(&mut self, seqs: &[SeqNum]) -> Result<Observation, UpstreamError> {
        let generation = self.map.generation;
        for set in SequenceSet::chunked(seqs.iter().copied(), MAX_RANGES) {
            let fetch = Command::Fetch(
                Numbering::Sequence,
                set,
                FetchRequest::Items(vec![FetchItem::Rfc822Header]),
            );
            let map = &mut self.map;
            let hear = |untagged| {
                if let Untagged::Fetch(seq, data) = &untagged
                    && let Some(Some(header)) = &data.header
                    && let Some(slot) = map.slots.get_mut(seq.index())
                {
                    slot.header = Some(HeaderHash(message::header_hash(header)));
                }
                map.apply(untagged)
            };
            let completion = self.wire.run(fetch, hear).await?;
            accept("FETCH", completion)?;
        }
        let told = seqs.iter().all(|seq| {
            self.map
                .slots
                .get(seq.index())
                .is_some_and(|slot| slot.header.is_some())
        });
        if self.map.generation != generation || !told {
            return Err(UpstreamError::Desynchronised {
                problem: "messages were removed while they were looked at",
            });
        }
        self.map.observation().ok_or(UpstreamError::Desynchronised {
            problem: "the listing has gaps",
        })
    }

    /// What to ask for: on servers that have UIDs, those too.
    fn listing(&self) -> FetchRequest {
        if self.dialect.has_uids() {
            FetchRequest::Items(vec![
                FetchItem::Uid,
                FetchItem::Flags,
                FetchItem::InternalDate,
                FetchItem::Rfc822Size,
            ])
        } else {
            FetchRequest::Fast
        }
    }
}

fn incomplete(map: &Map) -> impl Iterator<Item = SeqNum> {
    let open = map
        .slots
        .iter()
        .enumerate()
        .filter(|(_, slot)| slot.mark().is_none() || slot.flags.is_none());
    open.filter_map(|(index, _)| SeqNum::from_index(index))
}

/// How often a listing with gaps is asked to fill them.
const ROUNDS: usize = 4;
/// How many ranges a sequence may have; old servers have short lines.
pub(super) const MAX_RANGES: usize = 20;
