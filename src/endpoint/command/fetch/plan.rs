//! What a FETCH asks for, and what has to be read for it.

use crate::endpoint::reply::Reply;
use crate::endpoint::settings::DialectPin;
use crate::protocol::types::{FetchItem, FetchRequest};

/// The items of a FETCH and what they need.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) items: Vec<FetchItem>,
    /// ENVELOPE is among them.
    pub(super) needs_envelope: bool,
    /// BODY is.
    pub(super) needs_structure: bool,
    /// RFC822.HEADER is, and nothing that brings the header along.
    pub(super) needs_header: bool,
    /// RFC822, RFC822.TEXT or a part is.
    pub(super) needs_text: bool,
    /// The messages become `\Seen` by it.
    pub(super) sets_seen: bool,
}

impl Plan {
    /// Looks at the items; those that the dialect does not have make the whole FETCH wrong. Rows
    /// `1064-FETCH-BADITEM`, `CCLIENT-FETCHLIST`.
    pub(super) fn new(request: &FetchRequest, dialect: DialectPin) -> Result<Self, Reply> {
        let mut plan = Self::default();
        for item in request.items() {
            match item {
                FetchItem::Envelope => plan.needs_envelope = true,
                FetchItem::Flags | FetchItem::InternalDate | FetchItem::Rfc822Size => {}
                FetchItem::Rfc822Header => plan.needs_header = true,
                FetchItem::Rfc822 | FetchItem::Rfc822Text => plan.needs_text = true,
                FetchItem::Body if dialect.has_imap2bis() => plan.needs_structure = true,
                FetchItem::Section {
                    section,
                    peek: false,
                    range: None,
                } if dialect.has_imap2bis() && section.text.is_none() => plan.needs_text = true,
                FetchItem::Body
                | FetchItem::Section { .. }
                | FetchItem::BodyStructure
                | FetchItem::Uid
                | FetchItem::ModSeq => {
                    return Err(Reply::bad("This protocol has no such FETCH item"));
                }
            }
            plan.sets_seen |= item.sets_seen();
            plan.items.push(item.clone());
        }
        plan.needs_header &= !plan.needs_text;
        Ok(plan)
    }
}
