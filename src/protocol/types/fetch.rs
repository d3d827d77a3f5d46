//! What a FETCH asks for.

use super::section::Section;
use crate::protocol::parse::{Cursor, ParseError, push_number};

/// One item of a FETCH. Rows `1064-FETCH-ATOM`, `1064-FETCH-LIST`, `1064-FETCH-BADITEM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchItem {
    /// `ENVELOPE`.
    Envelope,
    /// `FLAGS`.
    Flags,
    /// `INTERNALDATE`.
    InternalDate,
    /// `RFC822`: the whole message. Sets `\Seen`.
    Rfc822,
    /// `RFC822.HEADER`: the header with its blank line. Never sets `\Seen`.
    Rfc822Header,
    /// `RFC822.SIZE`.
    Rfc822Size,
    /// `RFC822.TEXT`: everything after the blank line. Sets `\Seen`.
    Rfc822Text,
    /// `BODY`: the MIME structure (IMAP2bis on).
    Body,
    /// `BODYSTRUCTURE`: the MIME structure with extension data (IMAP4 on).
    BodyStructure,
    /// `UID` (IMAP4 on).
    Uid,
    /// `MODSEQ` (CONDSTORE).
    ModSeq,
    /// `BODY[section]`, or `BODY.PEEK[section]`, perhaps with `<first.count>`.
    Section {
        /// Which part.
        section: Section,
        /// Whether `\Seen` is left alone (IMAP4rev1).
        peek: bool,
        /// First octet, counted from 0, and number of octets.
        range: Option<(u32, u32)>,
    },
}

/// What stands after the sequence of a FETCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchRequest {
    /// `FAST`: FLAGS INTERNALDATE RFC822.SIZE. Row `1064-FETCH-FAST`.
    Fast,
    /// `ALL`: FAST and ENVELOPE. Row `1064-FETCH-ALL`.
    All,
    /// `FULL`: ALL and BODY (IMAP2bis on). Row `2BIS-FETCH-FULL`.
    Full,
    /// The items themselves.
    Items(Vec<FetchItem>),
}

impl FetchItem {
    /// Whether fetching this marks the message as read. Rows `1176-FETCH-RFC822-SEEN` and its kin.
    #[must_use]
    pub fn sets_seen(&self) -> bool {
        match self {
            Self::Rfc822 | Self::Rfc822Text => true,
            Self::Section { peek, .. } => !peek,
            Self::Envelope
            | Self::Flags
            | Self::InternalDate
            | Self::Rfc822Header
            | Self::Rfc822Size => false,
            Self::Body | Self::BodyStructure | Self::Uid | Self::ModSeq => false,
        }
    }

    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let at = cursor.position();
        let name = item_name(cursor);
        if cursor.peek() == Some(b'[') {
            return Self::parse_section(cursor, name, at);
        }
        let known = NAMED
            .iter()
            .find(|(word, _)| word.as_bytes().eq_ignore_ascii_case(name));
        known
            .map(|(_, item)| item.clone())
            .ok_or(ParseError::Expected {
                what: "a FETCH item",
                at,
            })
    }

    fn parse_section(cursor: &mut Cursor<'_>, name: &[u8], at: usize) -> Result<Self, ParseError> {
        let peek = name.eq_ignore_ascii_case(b"BODY.PEEK");
        if !peek && !name.eq_ignore_ascii_case(b"BODY") {
            return Err(ParseError::Expected {
                what: "a FETCH item",
                at,
            });
        }
        let section = Section::parse(cursor)?;
        let range = if cursor.eat(b'<') {
            Some(parse_range(cursor)?)
        } else {
            None
        };
        Ok(Self::Section {
            section,
            peek,
            range,
        })
    }

    /// Appends the item as it goes on the wire.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if let Self::Section {
            section,
            peek,
            range,
        } = self
        {
            out.extend_from_slice(if *peek { b"BODY.PEEK" } else { b"BODY" });
            section.encode(out);
            if let Some((first, count)) = range {
                out.push(b'<');
                push_number(out, u64::from(*first));
                out.push(b'.');
                push_number(out, u64::from(*count));
                out.push(b'>');
            }
        } else if let Some((name, _)) = NAMED.iter().find(|(_, item)| item == self) {
            out.extend_from_slice(name.as_bytes());
        }
    }
}

impl FetchRequest {
    /// The most items of one FETCH.
    pub const MAX_ITEMS: usize = 64;

    /// Reads a macro, an item, or a list of items. A macro inside a list is an error: row `1064-FETCH-MACROLIST`.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        for (word, request) in [
            (&b"FAST"[..], Self::Fast),
            (b"ALL", Self::All),
            (b"FULL", Self::Full),
        ] {
            if cursor.eat_word(word) {
                return Ok(request);
            }
        }
        if cursor.peek() != Some(b'(') {
            return Ok(Self::Items(vec![FetchItem::parse(cursor)?]));
        }
        cursor.open()?;
        cursor.spaces();
        let mut items = vec![FetchItem::parse(cursor)?];
        while !cursor.close() {
            if items.len() >= Self::MAX_ITEMS {
                return Err(ParseError::TooMany {
                    what: "FETCH items",
                });
            }
            items.push(FetchItem::parse(cursor)?);
        }
        Ok(Self::Items(items))
    }

    /// Appends the request as it goes on the wire: a single item without parentheses.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Fast => out.extend_from_slice(b"FAST"),
            Self::All => out.extend_from_slice(b"ALL"),
            Self::Full => out.extend_from_slice(b"FULL"),
            Self::Items(items) => match items.as_slice() {
                [item] => item.encode(out),
                _ => {
                    for (index, item) in items.iter().enumerate() {
                        out.push(if index == 0 { b'(' } else { b' ' });
                        item.encode(out);
                    }
                    out.push(b')');
                }
            },
        }
    }

    /// The items asked for, macros spelt out.
    #[must_use]
    pub fn items(&self) -> &[FetchItem] {
        match self {
            Self::Fast => FULL.get(..3).unwrap_or_default(),
            Self::All => FULL.get(..4).unwrap_or_default(),
            Self::Full => FULL,
            Self::Items(items) => items,
        }
    }
}

/// The name of an item, up to a section, a space or a parenthesis.
pub(crate) fn item_name<'a>(cursor: &mut Cursor<'a>) -> &'a [u8] {
    cursor.take_while(|byte| byte.is_ascii_graphic() && !b"([)]<\"{".contains(&byte))
}

fn parse_range(cursor: &mut Cursor<'_>) -> Result<(u32, u32), ParseError> {
    let first = cursor.number()?;
    cursor.want(b'.', "a full stop")?;
    let count = cursor.number()?;
    cursor.want(b'>', "a closing angle bracket")?;
    Ok((first, count))
}

/// What FULL asks for; ALL and FAST ask for less of it.
const FULL: &[FetchItem] = &[
    FetchItem::Flags,
    FetchItem::InternalDate,
    FetchItem::Rfc822Size,
    FetchItem::Envelope,
    FetchItem::Body,
];

const NAMED: [(&str, FetchItem); 11] = [
    ("ENVELOPE", FetchItem::Envelope),
    ("FLAGS", FetchItem::Flags),
    ("INTERNALDATE", FetchItem::InternalDate),
    ("RFC822", FetchItem::Rfc822),
    ("RFC822.HEADER", FetchItem::Rfc822Header),
    ("RFC822.SIZE", FetchItem::Rfc822Size),
    ("RFC822.TEXT", FetchItem::Rfc822Text),
    ("BODY", FetchItem::Body),
    ("BODYSTRUCTURE", FetchItem::BodyStructure),
    ("UID", FetchItem::Uid),
    ("MODSEQ", FetchItem::ModSeq),
];

#[cfg(test)]
mod tests;
