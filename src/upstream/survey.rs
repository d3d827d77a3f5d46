//! Survey: how many equals of a message its copy's destination holds.

use std::collections::{BTreeMap, BTreeSet};

use super::error::UpstreamError;
use super::glance::Effort;
use super::session::Session;
use crate::id::EntryId;
use crate::journal::{HeaderHash, Mark};
use crate::mirror::{Base, Observation, SeenMessage, Sighting};
use crate::protocol::types::{Keywords, MailboxName, SeqNum};

impl Session {
    /// Looks for messages in another mailbox. Only as many headers are read as there are messages of the right size. Nothing
    /// is said of a mailbox that is there and cannot be looked at.
    ///
    /// # Errors
    /// [`UpstreamError`] when the connection is of no further use.
    pub async fn survey(
        &mut self,
        mailbox: &MailboxName,
        wanted: &[(EntryId, Mark)],
    ) -> Result<BTreeMap<EntryId, Sighting>, UpstreamError> {
        let listed = self.list().await?;
        let mut selected = match self.select(mailbox, Keywords::default()).await {
            Err(UpstreamError::NotOpened { .. }) if !listed.contains(mailbox) => {
                let missing = |(entry, _): &(EntryId, Mark)| (*entry, Sighting::NoMailbox);
                return Ok(wanted.iter().map(missing).collect());
            }
            Err(error @ UpstreamError::NotOpened { .. }) => {
                tracing::warn!(%error, "something waits to be copied there");
                return Ok(BTreeMap::new());
            }
            opened => opened?,
        };
        let seen = selected.observe(&Base::default(), &Effort::List).await?;
        let sizes: BTreeSet<u32> = wanted.iter().map(|(_, mark)| mark.size).collect();
        let sized = seen
            .numbered()
            .filter(|(_, message)| sizes.contains(&message.mark.size));
        let candidates: Vec<SeqNum> = sized.map(|(seq, _)| seq).collect();
        let seen = if candidates.is_empty() {
            seen
        } else {
            selected.add_evidence(&candidates).await?
        };
        let held = Census::of(&seen);
        let sighting =
            |(entry, mark): &(EntryId, Mark)| (*entry, Sighting::Holds(held.count(mark)));
        Ok(wanted.iter().map(sighting).collect())
    }
}

/// How many messages of a mailbox are alike: in size and header, or in date and size where no header is known.
struct Census {
    by_header: BTreeMap<(u32, Option<HeaderHash>), u32>,
    by_date: BTreeMap<(i64, u32), u32>,
}

impl Census {
    fn of(seen: &Observation) -> Self {
        let mut census = Self {
            by_header: BTreeMap::new(),
            by_date: BTreeMap::new(),
        };
        for SeenMessage { mark, .. } in &seen.messages {
            let alike = census.by_header.entry((mark.size, mark.header));
            alike.and_modify(increase).or_insert(1);
            let alike = census.by_date.entry(mark.weak());
            alike.and_modify(increase).or_insert(1);
        }
        census
    }

    fn count(&self, mark: &Mark) -> u32 {
        let alike = match mark.header {
            Some(_) => self.by_header.get(&(mark.size, mark.header)),
            None => self.by_date.get(&mark.weak()),
        };
        alike.copied().unwrap_or(0)
    }
}

fn increase(count: &mut u32) {
    *count = count.saturating_add(1);
}
