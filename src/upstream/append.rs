//! Append: a message of the user's own goes to the server.

use super::error::UpstreamError;
use super::selected::Selected;
use crate::journal::{Action, JournalEntry};
use crate::mirror::StepOutcome;
use crate::protocol::command::Command;
use crate::protocol::response::Status;
use crate::protocol::types::{InternalDate, MailboxName};

impl Selected<'_> {
    /// Whether a part of the last command never left: then the server cannot have carried it out.
    #[must_use]
    pub fn has_unsent(&self) -> bool {
        self.wire.has_unsent()
    }

    /// Appends a message to the open mailbox, with the flags and the date of its entry. RFC 3501 6.3.11; row `2BIS-APPEND`.
    ///
    /// That the server said OK proves nothing that lasts; the next look at the mailbox does.
    ///
    /// # Errors
    /// [`UpstreamError`] when it is not known whether the server has the message.
    pub async fn append(
        &mut self,
        mailbox: &MailboxName,
        entry: &JournalEntry,
        octets: Vec<u8>,
    ) -> Result<StepOutcome, UpstreamError> {
        let Action::Append {
            flags,
            zone_minutes,
        } = entry.action
        else {
            return Err(UpstreamError::Desynchronised {
                problem: "an entry brings no message along",
            });
        };
        let kept = flags.minus(self.map.unkept(flags));
        let append = Command::Append {
            mailbox: mailbox.clone(),
            flags: self.map.keywords.names(kept).collect(),
            date: Some(InternalDate {
                instant_secs: entry.mark.instant,
                offset_minutes: zone_minutes,
                zone_known: true,
            }),
            message: octets,
        };
        let map = &mut self.map;
        let answer = self
            .wire
            .run(append, |untagged| map.apply(untagged))
            .await?;
        Ok(match answer.status {
            Status::Ok => StepOutcome::Done(Vec::new()),
            Status::No | Status::Bad => StepOutcome::Refused {
                text: answer.text.to_string(),
                of: Vec::new(),
                seen: Vec::new(),
            },
        })
    }
}
