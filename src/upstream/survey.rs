//! Survey: how many equals of a message its copy's destination holds.

use std::collections::BTreeMap;

use super::error::UpstreamError;
use super::session::Session;
use crate::id::EntryId;
use crate::journal::Mark;
use crate::mirror::{Base, Sighting};
use crate::protocol::types::{Keywords, MailboxName, SeqNum};

impl Session {
    /// Looks for messages in another mailbox. Only as many headers are read as there are messages of the right size.
    ///
    /// # Errors
    /// [`UpstreamError`] when the mailbox is there and could not be looked at.
    pub async fn survey(
        &mut self,
        mailbox: &MailboxName,
        wanted: &[(EntryId, Mark)],
    ) -> Result<BTreeMap<EntryId, Sighting>, UpstreamError> {
        let listed = self.list().await?;
        let mut selected = match self.select(mailbox, Keywords::default()).await {
            Err(UpstreamError::NotOpened { .. }) if !listed.contains(mailbox) => {
                return Ok(wanted
                    .iter()
                    .map(|(entry, _)| (*entry, Sighting::NoMailbox))
                    .collect());
            }
            opened => opened?,
        };
        let seen = selected.observe(&Base::default()).await?;
        let sized = seen.numbered().filter(|(_, message)| {
            wanted
                .iter()
                .any(|(_, mark)| mark.size == message.mark.size)
        });
        let candidates: Vec<SeqNum> = sized.map(|(seq, _)| seq).collect();
        let seen = if candidates.is_empty() {
            seen
        } else {
            selected.add_evidence(&candidates).await?
        };
        let held = |mark: &Mark| {
            let equal = seen.messages.iter().filter(|message| match mark.header {
                Some(_) => message.mark.size == mark.size && message.mark.header == mark.header,
                None => message.mark.weak() == mark.weak(),
            });
            u32::try_from(equal.count()).unwrap_or(u32::MAX)
        };
        Ok(wanted
            .iter()
            .map(|(entry, mark)| (*entry, Sighting::Holds(held(mark))))
            .collect())
    }
}
