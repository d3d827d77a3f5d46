//! Writing one FETCH response, and marking as `\Seen` what it shows.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::content::Content;
use super::{Fetch, Missing, Target};
use crate::endpoint::session::Selected;
use crate::endpoint::wire::{Ended, Wire};
use crate::id::MessageId;
use crate::journal::{Action, NewEntry};
use crate::message::{Structure, header};
use crate::protocol::response::FetchWriter;
use crate::protocol::types::{FetchItem, FlagDelta, FlagSet, InternalDate};

impl Fetch {
    /// Marks the messages whose text is about to be sent, durably, before it is. Says which.
    ///
    /// If they cannot be marked, they are shown all the same, and stay unread.
    pub(super) async fn mark_seen(
        &self,
        chunk: &mut [Target],
        content: &[Content],
    ) -> BTreeSet<MessageId> {
        if !self.plan.sets_seen || !self.may_mark_seen {
            return BTreeSet::new();
        }
        let is_new = |(target, content): &(&Target, &Content)| {
            content.text.is_some() && target.row.is_some() && !target.flags.contains(FlagSet::SEEN)
        };
        let unseen: BTreeSet<MessageId> = chunk
            .iter()
            .zip(content)
            .filter(is_new)
            .map(|(target, _)| target.id)
            .collect();
        if unseen.is_empty() {
            return unseen;
        }
        let wish = |&message| NewEntry {
            message,
            action: Action::Flags(FlagDelta {
                add: FlagSet::SEEN,
                remove: FlagSet::EMPTY,
            }),
        };
        match self
            .store
            .accept(self.mailbox, unseen.iter().map(wish).collect())
            .await
        {
            Ok(_) => {
                for target in chunk
                    .iter_mut()
                    .filter(|target| unseen.contains(&target.id))
                {
                    target.flags = target.flags.union(FlagSet::SEEN);
                }
                unseen
            }
            Err(error) => {
                tracing::warn!(%error, "messages that were read stay unread");
                BTreeSet::new()
            }
        }
    }
}

/// Writes what there is of a message, and notes what is missing.
pub(super) async fn message(
    fetch: &Fetch,
    selected: &mut Selected,
    wire: &mut Wire,
    target: &Target,
    content: &Content,
    names_flags: bool,
    missing: &mut Missing,
) -> Result<(), Ended> {
    let served: Vec<&FetchItem> = fetch
        .plan
        .items
        .iter()
        .filter(|item| serves(item, target, content, missing))
        .collect();
    if served.is_empty() {
        return Ok(());
    }
    let structure = content
        .text
        .as_deref()
        .filter(|_| has_parts(&served))
        .map(Structure::of);
    let mut writer = wire.writer().into_fetch(target.seq);
    if names_flags {
        selected.numbers.told(target.seq, target.flags);
        writer = writer.flags(target.flags, selected.recent(target.id), &selected.names);
    }
    for item in served {
        let text = match item {
            FetchItem::Section { section, .. } => {
                let part = structure
                    .as_ref()
                    .and_then(|structure| structure.section(section));
                if part.is_none() {
                    writer = writer.section(section, None);
                }
                part
            }
            _ => plain_text(item, content),
        };
        match text {
            Some(text) => {
                writer.announce(item, text.len());
                wire.send_text(&text).await?;
                writer = wire.writer().into_rest_of_fetch();
            }
            None => writer = small(writer, item, target, content),
        }
    }
    writer.finish();
    Ok(())
}

/// Whether there is something to say to an item; FLAGS is said whatever else is missing.
fn serves(item: &FetchItem, target: &Target, content: &Content, missing: &mut Missing) -> bool {
    if target.row.is_none() && *item != FetchItem::Flags {
        missing.gone = true;
        return false;
    }
    let (is_there, lack) = match item {
        FetchItem::Envelope => (content.envelope.is_some(), &mut missing.header),
        FetchItem::Rfc822Header => (
            content.header.is_some() || content.text.is_some(),
            &mut missing.header,
        ),
        FetchItem::Body => (content.structure.is_some(), &mut missing.structure),
        FetchItem::Rfc822 | FetchItem::Rfc822Text | FetchItem::Section { .. } => {
            (content.text.is_some(), &mut missing.text)
        }
        FetchItem::Flags
        | FetchItem::InternalDate
        | FetchItem::Rfc822Size
        | FetchItem::BodyStructure
        | FetchItem::Uid
        | FetchItem::ModSeq => return true,
    };
    *lack |= !is_there;
    is_there
}

fn has_parts(items: &[&FetchItem]) -> bool {
    items
        .iter()
        .any(|item| matches!(item, FetchItem::Section { .. }))
}

/// The octets of an item that is sent as a literal.
fn plain_text<'a>(item: &FetchItem, content: &'a Content) -> Option<Cow<'a, [u8]>> {
    let text = content.text.as_deref();
    let octets = match item {
        FetchItem::Rfc822 => text?,
        FetchItem::Rfc822Text => header::split(text?).1,
        FetchItem::Rfc822Header => match content.header.as_deref() {
            Some(header) => header,
            None => header::split(text?).0,
        },
        FetchItem::Envelope
        | FetchItem::Flags
        | FetchItem::InternalDate
        | FetchItem::Rfc822Size
        | FetchItem::Body
        | FetchItem::BodyStructure
        | FetchItem::Uid
        | FetchItem::ModSeq
        | FetchItem::Section { .. } => return None,
    };
    Some(Cow::Borrowed(octets))
}

/// Writes an item that is short, or ready for the wire. FLAGS were written before.
fn small<'a>(
    writer: FetchWriter<'a>,
    item: &FetchItem,
    target: &Target,
    content: &Content,
) -> FetchWriter<'a> {
    match (item, target.row) {
        (FetchItem::InternalDate, Some(row)) => writer.internal_date(&InternalDate {
            instant_secs: row.instant,
            offset_minutes: row.zone_minutes,
            zone_known: true,
        }),
        (FetchItem::Rfc822Size, Some(row)) => writer.size(row.size),
        (FetchItem::Envelope, _) => {
            writer.envelope_rendered(content.envelope.as_deref().unwrap_or_default())
        }
        (FetchItem::Body, _) => {
            writer.body_rendered(content.structure.as_deref().unwrap_or_default())
        }
        _ => writer,
    }
}
