//! Writing one FETCH response.

use std::borrow::Cow;

use bytes::Bytes;

use super::content::Content;
use super::{Fetch, Target, Verdict};
use crate::endpoint::session::Selected;
use crate::endpoint::wire::Wire;
use crate::message::{Structure, header};
use crate::protocol::response::FetchWriter;
use crate::protocol::types::{FetchItem, InternalDate};

/// What a client got to see of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Text by which it has read the message.
    Text,
    /// Nothing, or only what is written on the outside.
    Outside,
}

/// Writes what there is of a message, and notes what is missing.
pub(super) fn message(
    fetch: &Fetch,
    selected: &mut Selected,
    wire: &mut Wire,
    target: &Target,
    content: &Content,
    verdict: &mut Verdict,
) -> Shown {
    let served: Vec<&FetchItem> = fetch
        .plan
        .items
        .iter()
        .filter(|item| serves(item, target, content, verdict))
        .collect();
    let mut shown = Shown::Outside;
    if served.is_empty() {
        return shown;
    }
    verdict.served = true;
    let structure = content
        .text
        .as_deref()
        .filter(|_| has_parts(&served))
        .map(Structure::of);
    let mut writer = wire.writer().into_fetch(target.seq);
    for item in served {
        match text(item, content, structure.as_ref()) {
            Some(text) => {
                writer.announce(item, text.len());
                wire.send_text(text);
                writer = wire.writer().into_rest_of_fetch();
                if item.sets_seen() {
                    shown = Shown::Text;
                }
            }
            None => writer = small(writer, item, selected, target, content),
        }
    }
    writer.finish();
    shown
}

/// Whether there is something to say to an item; FLAGS is said whatever else is missing.
fn serves(item: &FetchItem, target: &Target, content: &Content, verdict: &mut Verdict) -> bool {
    if target.row.is_none() && *item != FetchItem::Flags {
        verdict.gone = true;
        return false;
    }
    let (is_there, lack) = match item {
        FetchItem::Envelope => (content.envelope.is_some(), &mut verdict.lacks_header),
        FetchItem::Rfc822Header => (
            content.header.is_some() || content.text.is_some(),
            &mut verdict.lacks_header,
        ),
        FetchItem::Body => (content.structure.is_some(), &mut verdict.lacks_structure),
        FetchItem::Rfc822 | FetchItem::Rfc822Text | FetchItem::Section { .. } => {
            (content.text.is_some(), &mut verdict.lacks_text)
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

/// The octets of an item that is sent as a literal: a piece of what was read, not a copy.
fn text(item: &FetchItem, content: &Content, structure: Option<&Structure<'_>>) -> Option<Bytes> {
    let text = || content.text.as_ref();
    match item {
        FetchItem::Rfc822 => text().cloned(),
        FetchItem::Rfc822Text => text().map(|text| text.slice_ref(header::split(text).1)),
        FetchItem::Rfc822Header => match &content.header {
            Some(header) => Some(header.clone()),
            None => text().map(|text| text.slice_ref(header::split(text).0)),
        },
        FetchItem::Section { section, .. } => Some(match structure?.section(section)? {
            Cow::Borrowed(part) => text()?.slice_ref(part),
            Cow::Owned(part) => part.into(),
        }),
        FetchItem::Envelope
        | FetchItem::Flags
        | FetchItem::InternalDate
        | FetchItem::Rfc822Size
        | FetchItem::Body
        | FetchItem::BodyStructure
        | FetchItem::Uid
        | FetchItem::ModSeq => None,
    }
}

/// Writes an item that is short, or ready for the wire.
fn small<'a>(
    writer: FetchWriter<'a>,
    item: &FetchItem,
    selected: &mut Selected,
    target: &Target,
    content: &Content,
) -> FetchWriter<'a> {
    match (item, target.row) {
        (FetchItem::Flags, _) => {
            selected.numbers.told(target.seq, target.flags);
            writer.flags(target.flags, selected.recent(target.id), &selected.names)
        }
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
        // A part that the message does not have.
        (FetchItem::Section { section, .. }, _) => writer.section(section, None),
        _ => writer,
    }
}
