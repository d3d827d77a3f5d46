//! Reading what a chunk of messages needs, and waiting for texts that are not held here.

use std::time::Duration;

use tokio::time::Instant;

use super::{Fetch, Target};
use crate::endpoint::reply::Stop;
use crate::id::MessageId;
use crate::store::{Store, StoreError};

/// What was read for one message; only what the plan asks for, and only where it is held.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub(super) envelope: Option<Vec<u8>>,
    pub(super) structure: Option<Vec<u8>>,
    pub(super) header: Option<Vec<u8>>,
    /// The whole message.
    pub(super) text: Option<Vec<u8>>,
}

/// Reads a chunk.
pub(super) async fn load(fetch: &Fetch, chunk: &[Target]) -> Result<Vec<Content>, Stop> {
    let mut content = vec![Content::default(); chunk.len()];
    if fetch.plan.needs_nothing() || chunk.is_empty() {
        return Ok(content);
    }
    let ids: Vec<MessageId> = chunk.iter().map(|target| target.id).collect();
    let store = &fetch.store;
    if fetch.plan.needs_envelope {
        let envelopes = store.envelopes(ids.clone()).await?;
        fill(&mut content, envelopes, |content| &mut content.envelope);
    }
    if fetch.plan.needs_header {
        let headers = store.headers(ids.clone()).await?;
        fill(&mut content, headers, |content| &mut content.header);
    }
    if fetch.plan.needs_structure {
        let structures = store.structures(ids.clone()).await?;
        fill(&mut content, structures, |content| &mut content.structure);
    }
    if fetch.plan.needs_text {
        let texts = texts(store, &ids).await?;
        fill(&mut content, texts, |content| &mut content.text);
    }
    wait(fetch, chunk, &mut content).await?;
    Ok(content)
}

/// Waits for what is missing, and reads it once it has come.
async fn wait(fetch: &Fetch, chunk: &[Target], content: &mut [Content]) -> Result<(), Stop> {
    let awaited: Vec<usize> = (0..chunk.len())
        .filter(|&index| {
            let pair = chunk.get(index).zip(content.get(index));
            pair.is_some_and(|(target, content)| is_awaited(fetch, target, content))
        })
        .collect();
    let ids: Vec<MessageId> = awaited
        .iter()
        .filter_map(|&index| Some(chunk.get(index)?.id))
        .collect();
    let patience = fetch
        .give_up
        .map_or(Duration::ZERO, |at| at.duration_since(Instant::now()));
    if ids.is_empty() || patience.is_zero() {
        return Ok(());
    }
    fetch.store.want_bodies(fetch.mailbox, &ids, patience).await;
    let mut structures = Vec::new();
    if fetch.plan.needs_structure {
        structures = fetch.store.structures(ids.clone()).await?;
    }
    let mut texts_held = Vec::new();
    if fetch.plan.needs_text {
        texts_held = texts(&fetch.store, &ids).await?;
    }
    let (mut structures, mut texts_held) = (structures.into_iter(), texts_held.into_iter());
    for index in awaited {
        let (structure, text) = (structures.next().flatten(), texts_held.next().flatten());
        if let Some(content) = content.get_mut(index) {
            content.structure = structure.or(content.structure.take());
            content.text = text.or(content.text.take());
        }
    }
    Ok(())
}

/// A text is always waited for. A structure is, for the message the user waits for; of a whole list, those that are
/// not known are left out, and the client asks again for the one that it opens.
fn is_awaited(fetch: &Fetch, target: &Target, content: &Content) -> bool {
    let lacks_text = fetch.plan.needs_text && content.text.is_none();
    let lacks_structure = fetch.plan.needs_structure && content.structure.is_none();
    let is_first = fetch.first == Some(target.seq.get());
    target.row.is_some() && (lacks_text || (lacks_structure && is_first))
}

fn fill(
    content: &mut [Content],
    read: Vec<Option<Vec<u8>>>,
    field: impl Fn(&mut Content) -> &mut Option<Vec<u8>>,
) {
    for (content, octets) in content.iter_mut().zip(read) {
        *field(content) = octets;
    }
}

/// Reads texts. One that is damaged counts as not held, and hides no other.
async fn texts(store: &Store, ids: &[MessageId]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
    match store.bodies(ids.to_vec()).await {
        Err(StoreError::Damaged { .. }) => {}
        read => return read,
    }
    let mut texts = Vec::new();
    for id in ids {
        match store.bodies(vec![*id]).await {
            Ok(mut read) => texts.push(read.pop().flatten()),
            Err(StoreError::Damaged { detail, .. }) => {
                tracing::error!(message = id.raw(), detail, "a stored text is damaged");
                texts.push(None);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(texts)
}
