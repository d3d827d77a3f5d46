//! SEARCH: the numbers of messages for which all keys hold. RFC 1176 SEARCH; rows `1064-SEARCH-*`,
//! `1176-SEARCH-SUBSTRING`.
//!
//! Keys that need no reading go first; headers are read for what they leave, and whole messages for what is left then.

mod keys;

use std::sync::Arc;

use crate::endpoint::reply::{Reply, Stop};
use crate::endpoint::session::{Session, Tell};
use crate::endpoint::stored::Part;
use crate::endpoint::wire::Wire;
use crate::id::MessageId;
use crate::protocol::response::Condition;
use crate::protocol::types::{SearchKey, SeqNum};
use crate::store::{Store, View};
use keys::Criteria;

/// Searches by what the client has been told, and tells it what is new first.
pub(super) async fn run(
    session: &mut Session,
    wire: &mut Wire,
    keys: Vec<SearchKey>,
) -> Result<Reply, Stop> {
    let criteria = Criteria::new(keys)?;
    session.tell(wire, Tell::Changes).await?;
    let view = session.view().await?;
    let selected = session.selected()?;
    let found = selected
        .numbers
        .iter()
        .filter(|(_, shown)| criteria.admits(shown, &selected.numbers, &view))
        .map(|(seq, shown)| Candidate { seq, id: shown.id })
        .collect();
    let mut search = Search {
        store: session.store.clone(),
        view,
        found,
        unread: false,
    };
    let criteria = Arc::new(criteria);
    for part in criteria.parts() {
        search.sift(&criteria, part).await?;
    }
    if search.unread {
        let warning = "Messages whose text is not held here were not searched";
        wire.writer().untagged(Condition::No, warning);
    }
    wire.writer().begin_search();
    for candidate in search.found {
        wire.writer().search_match(candidate.seq);
        wire.make_room().await?;
    }
    wire.writer().end_search();
    Ok(Reply::ok("SEARCH completed"))
}

/// A SEARCH on its way.
struct Search {
    store: Store,
    view: View,
    found: Vec<Candidate>,
    /// Whether something could not be looked at.
    unread: bool,
}

/// A message that may be found.
#[derive(Clone, Copy)]
struct Candidate {
    seq: SeqNum,
    id: MessageId,
}

impl Search {
    /// Leaves the candidates for which the keys hold that need this part of a message. To look through texts takes its time,
    /// so it is done where it holds up nobody else.
    async fn sift(&mut self, criteria: &Arc<Criteria>, part: Part) -> Result<(), Stop> {
        let candidates = std::mem::take(&mut self.found);
        let mut rest = candidates.as_slice();
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(self.chunk_len(rest, part));
            rest = behind;
            let ids: Vec<MessageId> = chunk.iter().map(|candidate| candidate.id).collect();
            let read = part.read(&self.store, &ids).await?;
            let criteria = criteria.clone();
            let look = move || -> Vec<Option<bool>> {
                let holds = |octets: bytes::Bytes| criteria.hold_in(part, &octets);
                read.into_iter().map(|octets| octets.map(holds)).collect()
            };
            let seen = tokio::task::spawn_blocking(look).await;
            let seen = seen.map_err(|_| Reply::no("The search failed"))?;
            for (candidate, holds) in chunk.iter().zip(seen) {
                match holds {
                    Some(true) => self.found.push(*candidate),
                    Some(false) => {}
                    None => self.unread = true,
                }
            }
        }
        Ok(())
    }

    /// How many messages are looked through in one go.
    fn chunk_len(&self, candidates: &[Candidate], part: Part) -> usize {
        let most = candidates.len().min(CHUNK_MESSAGES);
        if part != Part::Whole {
            return most;
        }
        let mut octet_count = 0usize;
        let full = candidates.iter().take(most).position(|candidate| {
            let size = self.view.find(candidate.id).map_or(0, |(row, _)| row.size);
            octet_count = octet_count.saturating_add(size as usize);
            octet_count >= CHUNK_OCTETS
        });
        full.map_or(most, |last| last.saturating_add(1))
    }
}

const CHUNK_MESSAGES: usize = 500;
const CHUNK_OCTETS: usize = 512 * 1024;
