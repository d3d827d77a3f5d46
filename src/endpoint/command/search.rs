//! SEARCH: the numbers of messages for which all keys hold. RFC 1176 SEARCH; rows `1064-SEARCH-*`,
//! `1176-SEARCH-SUBSTRING`.
//!
//! Keys that need no reading go first; headers are read for what they leave, and whole messages for what is left then.

mod keys;

use crate::endpoint::reply::{Reply, Stop};
use crate::endpoint::session::{Session, Tell};
use crate::endpoint::wire::Wire;
use crate::id::MessageId;
use crate::message::Structure;
use crate::protocol::response::Condition;
use crate::protocol::types::{SearchKey, SeqNum};
use crate::store::{Store, StoreError, View};
use keys::{Criteria, HeaderKey, TextKey};

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
    let mut found: Vec<Candidate> = selected
        .numbers
        .iter()
        .filter(|(_, shown)| criteria.admits(shown, &selected.numbers, &view))
        .map(|(seq, shown)| Candidate { seq, id: shown.id })
        .collect();
    let mut unread = false;
    if !criteria.header.is_empty() {
        found = by_header(&session.store, found, &criteria.header, &mut unread).await?;
    }
    if !criteria.text.is_empty() {
        found = by_text(&session.store, &view, found, &criteria.text, &mut unread).await?;
    }
    if unread {
        let warning = "Messages whose text is not held here were not searched";
        wire.writer().untagged(Condition::No, warning);
    }
    wire.writer().begin_search();
    for candidate in found {
        wire.writer().search_match(candidate.seq);
        wire.make_room().await?;
    }
    wire.writer().end_search();
    Ok(Reply::ok("SEARCH completed"))
}

/// A message that may be found.
#[derive(Clone, Copy)]
struct Candidate {
    seq: SeqNum,
    id: MessageId,
}

async fn by_header(
    store: &Store,
    candidates: Vec<Candidate>,
    keys: &[HeaderKey],
    unread: &mut bool,
) -> Result<Vec<Candidate>, StoreError> {
    let mut found = Vec::new();
    for chunk in candidates.chunks(CHUNK_MESSAGES) {
        let ids = chunk.iter().map(|candidate| candidate.id).collect();
        let headers = store.headers(ids).await?;
        for (candidate, header) in chunk.iter().zip(headers) {
            match header {
                Some(header) if keys.iter().all(|key| key.holds(&header)) => found.push(*candidate),
                Some(_) => {}
                None => *unread = true,
            }
        }
    }
    Ok(found)
}

async fn by_text(
    store: &Store,
    view: &View,
    candidates: Vec<Candidate>,
    keys: &[TextKey],
    unread: &mut bool,
) -> Result<Vec<Candidate>, StoreError> {
    let mut found = Vec::new();
    let mut rest = candidates.as_slice();
    while !rest.is_empty() {
        let (chunk, behind) = split_chunk(rest, view);
        rest = behind;
        let ids = chunk.iter().map(|candidate| candidate.id).collect();
        let texts = store.bodies(ids).await?;
        for (candidate, text) in chunk.iter().zip(texts) {
            let Some(text) = text else {
                *unread = true;
                continue;
            };
            let structure = Structure::of(&text);
            if keys.iter().all(|key| key.holds(&structure)) {
                found.push(*candidate);
            }
        }
        tokio::task::yield_now().await;
    }
    Ok(found)
}

/// As many messages as are read in one go.
fn split_chunk<'a>(candidates: &'a [Candidate], view: &View) -> (&'a [Candidate], &'a [Candidate]) {
    let mut octet_count = 0usize;
    let full = candidates
        .iter()
        .take(CHUNK_MESSAGES)
        .position(|candidate| {
            let size = view.find(candidate.id).map_or(0, |(row, _)| row.size);
            octet_count = octet_count.saturating_add(size as usize);
            octet_count >= CHUNK_OCTETS
        });
    let end = full.map_or(CHUNK_MESSAGES, |last| last.saturating_add(1));
    candidates
        .split_at_checked(end)
        .unwrap_or((candidates, &[]))
}

const CHUNK_MESSAGES: usize = 500;
const CHUNK_OCTETS: usize = 512 * 1024;
