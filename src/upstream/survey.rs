//! Survey: how many equals of a message the mailbox holds that it is to come into.

use std::collections::{BTreeMap, BTreeSet};

use super::error::UpstreamError;
use super::glance::Effort;
use super::session::Session;
use crate::id::EntryId;
use crate::journal::{HeaderHash, Mark};
use crate::mirror::{Base, Observation, SeenMessage, Sighting};
use crate::protocol::types::{Keywords, MailboxName, SeqNum};

impl Session {
    /// Looks for messages in another mailbox. Only as many headers are read as there are messages of
    /// the right size or date. Nothing
    /// is said of a mailbox that is there and cannot be looked at.
    ///
    /// # Errors
    /// [`UpstreamError`] when the connection is of no further use.
    pub async fn survey(
        &mut self,
        mailbox: &MailboxName,
        wanted: &[(EntryId, Mark)],
    ) -> Result<BTreeMap<EntryId, Sighting>, UpstreamError> {
        let mut selected = match self.select(mailbox, Keywords::default()).await {
            Err(error @ UpstreamError::NotOpened { .. }) => {
                if self.list().await?.contains(mailbox) {
                    tracing::warn!(%error, "something is to come into it");
                    return Ok(BTreeMap::new());
                }
                let missing = |(entry, _): &(EntryId, Mark)| (*entry, Sighting::NoMailbox);
                return Ok(wanted.iter().map(missing).collect());
            }
            opened => opened?,
        };
        let seen = selected.observe(&Base::default(), &Effort::List).await?;
        let sizes: BTreeSet<u32> = wanted.iter().map(|(_, mark)| mark.size).collect();
        let dates: BTreeSet<i64> = wanted.iter().map(|(_, mark)| mark.instant).collect();
        let may_be = seen.numbered().filter(|(_, SeenMessage { mark, .. })| {
            sizes.contains(&mark.size) || dates.contains(&mark.instant)
        });
        let candidates: Vec<SeqNum> = may_be.map(|(seq, _)| seq).collect();
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

/// The messages of a mailbox, to be counted by what they resemble.
struct Census {
    by_header: BTreeMap<Option<HeaderHash>, Vec<Mark>>,
    by_date: BTreeMap<(i64, u32), u32>,
}

impl Census {
    fn of(seen: &Observation) -> Self {
        let mut census = Self {
            by_header: BTreeMap::new(),
            by_date: BTreeMap::new(),
        };
        for SeenMessage { mark, .. } in &seen.messages {
            if mark.header.is_some() {
                census.by_header.entry(mark.header).or_default().push(*mark);
            }
            let alike = census.by_date.entry(mark.weak()).or_default();
            *alike = alike.saturating_add(1);
        }
        census
    }

    fn count(&self, mark: &Mark) -> u32 {
        if mark.header.is_none() {
            return self.by_date.get(&mark.weak()).copied().unwrap_or(0);
        }
        let alike = self.by_header.get(&mark.header).into_iter().flatten();
        let count = alike.filter(|other| other.resembles(mark)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}
