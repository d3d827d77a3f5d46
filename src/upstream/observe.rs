//! Observe: what the open mailbox shows, whole or not at all.

use super::error::UpstreamError;
use super::glance::Effort;
use super::selected::{Map, Selected, Slot};
use super::wire::accept;
use crate::journal::{HeaderHash, Mark};
use crate::message;
use crate::mirror::{Base, BaseMessage, Coverage, Observation, SeenMessage};
use crate::protocol::command::{Command, Numbering};
use crate::protocol::response::Untagged;
use crate::protocol::types::{FetchItem, FetchRequest, FlagSet, SeqNum, SequenceSet};

impl Selected<'_> {
    /// Finds out about every message its flags, date and size. What the base knows is not asked for again where the server
    /// vouches for it: a UID names its date and size, and as long as HIGHESTMODSEQ stays, everything is as it was. Elsewhere
    /// a glance may be enough.
    ///
    /// # Errors
    /// [`UpstreamError::Desynchronised`] when the server leaves gaps however often it is asked.
    pub async fn observe(
        &mut self,
        base: &Base,
        effort: &Effort,
    ) -> Result<Observation, UpstreamError> {
        self.map.slots.resize(self.map.exists, Slot::default());
        let named = self.dialect.has_uids() && self.map.has_names_of(base);
        if named && self.map.is_unchanged_since(base) {
            self.map.recall_all(base);
        } else if named {
            let names = vec![FetchItem::Uid, FetchItem::Flags];
            self.list(FetchRequest::Items(names)).await?;
            self.map.recall_by_uid(base);
        } else if let Effort::Glance(glance) | Effort::Check(glance) = effort
            && !self.dialect.has_uids()
            && self.glance(base, glance).await?
        {
            self.map.coverage = Coverage::Glance {
                closely: glance.closely,
            };
            if let Effort::Check(_) = effort {
                return self.check_glance().await;
            }
        }
        self.fill_in().await
    }

    /// Lists what was only recalled, and counts where that was wrong.
    async fn check_glance(&mut self) -> Result<Observation, UpstreamError> {
        let generation = self.map.generation;
        let slots = self.map.slots.iter();
        let told: Vec<_> = slots.map(|slot| (slot.mark(), slot.flags)).collect();
        let seen = self.list_recalled().await?;
        let is_other = |told: &(Option<Mark>, Option<FlagSet>), shown: &SeenMessage| {
            told.0.is_some_and(|mark| mark.weak() != shown.mark.weak())
                || told.1.is_some_and(|flags| flags != shown.flags)
        };
        let pairs = told.iter().zip(&seen.messages);
        let missed = pairs.filter(|(told, shown)| is_other(told, shown));
        let missed_count = if self.map.generation == generation {
            missed.count()
        } else {
            0
        };
        if missed_count > 0 {
            tracing::warn!(missed_count, "a glance had messages wrong");
        }
        self.map.coverage = Coverage::Check { missed_count };
        Ok(Observation {
            coverage: self.map.coverage,
            ..seen
        })
    }

    /// Forgets what was only recalled, and lists it.
    ///
    /// # Errors
    /// As [`Selected::observe`].
    pub async fn list_recalled(&mut self) -> Result<Observation, UpstreamError> {
        self.map.forget_recalled();
        self.map.coverage = Coverage::Whole;
        self.fill_in().await
    }

    /// Asks for everything that is not known yet.
    async fn fill_in(&mut self) -> Result<Observation, UpstreamError> {
        for round in 0..ROUNDS {
            self.map.slots.resize(self.map.exists, Slot::default());
            if incomplete(&self.map).next().is_none() {
                break;
            }
            if round > 0 {
                self.hear_news().await?;
            }
            self.list(self.listing()).await?;
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
        for seq in seqs {
            if let Some(slot) = self.map.slots.get_mut(seq.index())
                && std::mem::take(&mut slot.recalled.header)
            {
                slot.header = None;
            }
        }
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

    /// What a server says nothing of may be gone without its having said so yet. Row `1064-FETCH-EMPTYOK`.
    async fn hear_news(&mut self) -> Result<(), UpstreamError> {
        let map = &mut self.map;
        let hear = |untagged| map.apply(untagged);
        self.wire.demand("NOOP", Command::Noop, hear).await?;
        self.map.slots.resize(self.map.exists, Slot::default());
        Ok(())
    }

    /// Asks for items of every message of which not everything is known.
    async fn list(&mut self, items: FetchRequest) -> Result<(), UpstreamError> {
        let generation = self.map.generation;
        let missing: Vec<SeqNum> = incomplete(&self.map).collect();
        for set in SequenceSet::chunked(missing, MAX_RANGES) {
            if self.map.generation != generation {
                break;
            }
            let fetch = Command::Fetch(Numbering::Sequence, set, items.clone());
            let map = &mut self.map;
            let completion = self.wire.run(fetch, |untagged| map.apply(untagged)).await?;
            accept("FETCH", completion)?;
        }
        Ok(())
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

impl Map {
    /// Whether a UID means here what it means in the base.
    pub(super) fn has_names_of(&self, base: &Base) -> bool {
        self.facts.uid_validity.is_some() && self.facts.uid_validity == base.facts.uid_validity
    }

    /// Whether the server vouches that the mailbox is what the base says. HIGHESTMODSEQ need not grow when messages are
    /// removed, but it does when others come in their place.
    fn is_unchanged_since(&self, base: &Base) -> bool {
        self.facts.mod_seq.is_some()
            && self.facts.mod_seq == base.facts.mod_seq
            && self.exists == base.messages.len()
            && base.messages.iter().all(|known| known.mark.uid.is_some())
    }

    fn recall_all(&mut self, base: &Base) {
        for (slot, known) in self.slots.iter_mut().zip(&base.messages) {
            slot.recall(known);
            slot.uid = known.mark.uid;
            slot.flags = slot.flags.or(Some(known.flags));
        }
    }

    /// The base is in the server's order, and so are UIDs; a message out of that order is asked for.
    fn recall_by_uid(&mut self, base: &Base) {
        for slot in self.slots.iter_mut().filter(|slot| slot.uid.is_some()) {
            let found = base
                .messages
                .binary_search_by_key(&slot.uid, |known| known.mark.uid);
            if let Some(known) = found.ok().and_then(|index| base.messages.get(index)) {
                slot.recall(known);
            }
        }
    }
}

impl Slot {
    /// Takes over what never changes about a message.
    fn recall(&mut self, known: &BaseMessage) {
        self.instant = Some((known.mark.instant, known.zone_minutes));
        self.size = Some(known.mark.size);
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
