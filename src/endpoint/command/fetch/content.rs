//! Reading what a chunk of messages needs, and waiting for what is not held here.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{Fetch, Target};
use crate::endpoint::reply::Stop;
use crate::endpoint::stored::Part;
use crate::id::MessageId;
use crate::store::StoreError;

/// What was read for one message; only what the plan asks for, and only where it is held.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub(super) envelope: Option<Bytes>,
    pub(super) structure: Option<Bytes>,
    pub(super) header: Option<Bytes>,
    /// The whole message.
    pub(super) text: Option<Bytes>,
}

/// Reads a chunk. What is missing and worth it is waited for with what is left of the patience, and read once more.
pub(super) async fn load(
    fetch: &Fetch,
    chunk: &[Target],
    patience: &mut Duration,
) -> Result<Vec<Content>, Stop> {
    let mut content = read(fetch, chunk).await?;
    let awaited: Vec<(&Target, &mut Content)> = chunk
        .iter()
        .zip(&mut content)
        .filter(|(target, content)| is_awaited(fetch, target, content))
        .collect();
    if awaited.is_empty() || patience.is_zero() {
        return Ok(content);
    }
    let targets: Vec<Target> = awaited.iter().map(|(target, _)| **target).collect();
    let start = Instant::now();
    let wishes = ids(&targets);
    fetch
        .store
        .want_bodies(fetch.mailbox, &wishes, *patience)
        .await;
    *patience = patience.saturating_sub(start.elapsed());
    let came = read(fetch, &targets).await?;
    for ((_, content), came) in awaited.into_iter().zip(came) {
        *content = came;
    }
    Ok(content)
}

async fn read(fetch: &Fetch, targets: &[Target]) -> Result<Vec<Content>, StoreError> {
    let mut content = vec![Content::default(); targets.len()];
    let (plan, store, messages) = (&fetch.plan, &fetch.store, ids(targets));
    if plan.needs_envelope {
        let envelopes = Part::Envelope.read(store, &messages).await?;
        fill(&mut content, envelopes, |content| &mut content.envelope);
    }
    if plan.needs_header {
        let headers = Part::Header.read(store, &messages).await?;
        fill(&mut content, headers, |content| &mut content.header);
    }
    if plan.needs_structure {
        let structures = Part::Structure.read(store, &messages).await?;
        fill(&mut content, structures, |content| &mut content.structure);
    }
    if plan.needs_text {
        // Two readers at a time: to unpack texts and to check them costs more than to send them.
        let (ones, others) = messages.split_at(half(targets));
        let (ones, others) = tokio::join!(
            Part::Whole.read(store, ones),
            Part::Whole.read(store, others)
        );
        let texts = ones?.into_iter().chain(others?);
        fill(&mut content, texts, |content| &mut content.text);
    }
    Ok(content)
}

fn ids(targets: &[Target]) -> Vec<MessageId> {
    targets.iter().map(|target| target.id).collect()
}

/// How many of the messages come to no more than half of the octets.
fn half(targets: &[Target]) -> usize {
    let add = |sum: usize, target: &Target| sum.saturating_add(target.size());
    let total = targets.iter().fold(0, add);
    let mut sum = 0;
    targets
        .iter()
        .take_while(|target| {
            sum = add(sum, target);
            sum <= total / 2
        })
        .count()
}

/// A text is always waited for. Anything else is, for the message the user waits for; of a whole list, what is not known
/// is left out, and the client asks again for the one that it opens.
fn is_awaited(fetch: &Fetch, target: &Target, content: &Content) -> bool {
    let plan = &fetch.plan;
    let lacks_text = plan.needs_text && content.text.is_none();
    let lacks_more = (plan.needs_envelope && content.envelope.is_none())
        || (plan.needs_header && content.header.is_none())
        || (plan.needs_structure && content.structure.is_none());
    let is_first = fetch.first == Some(target.seq.get());
    target.row.is_some() && (lacks_text || (lacks_more && is_first))
}

fn fill(
    content: &mut [Content],
    read: impl IntoIterator<Item = Option<Bytes>>,
    field: impl Fn(&mut Content) -> &mut Option<Bytes>,
) {
    for (content, octets) in content.iter_mut().zip(read) {
        *field(content) = octets;
    }
}
