//! The data of a FETCH response.

use crate::protocol::parse::{Capitals, Cursor, ParseError};
use crate::protocol::types::{
    Body, Envelope, FetchRequest, Flag, InternalDate, NString, Section, item_name,
};

/// What one FETCH response says of a message: only what is there. `Some(None)` is a text that the server gave as NIL.
///
/// Rows `1064-FETCH-ORDER`, `1064-FETCH-UNREQUESTED`, `R1-EXPUNGEISSUED`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchData {
    /// `FLAGS`, all of them. Names that are no atoms are left out.
    pub flags: Option<Vec<Flag>>,
    /// `INTERNALDATE`.
    pub internal_date: Option<InternalDate>,
    /// `RFC822.SIZE` in octets, as the server says it; nothing is allocated by it.
    pub size: Option<u32>,
    /// `ENVELOPE`.
    pub envelope: Option<Box<Envelope>>,
    /// `BODY` or `BODYSTRUCTURE`.
    pub body: Option<Body>,
    /// `RFC822`.
    pub rfc822: Option<NString>,
    /// `RFC822.HEADER`.
    pub header: Option<NString>,
    /// `RFC822.TEXT`.
    pub text: Option<NString>,
    /// `BODY[...]`, in order.
    pub sections: Vec<(Section, NString)>,
    /// `BODY[...]<first>`: only some of a section, from this octet on. Never to be taken for the whole.
    pub pieces: Vec<(Section, u32, NString)>,
    /// `UID`.
    pub uid: Option<u32>,
    /// `MODSEQ`.
    pub mod_seq: Option<u64>,
    /// How many items were skipped because this client does not know them.
    pub unknown_count: u32,
}

impl FetchData {
    /// Reads `"(" item value ... ")"`, or one line of items and values without the parentheses.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let mut data = Self::default();
        if cursor.peek() == Some(b'(') {
            cursor.open()?;
            while !cursor.close() {
                data.parse_item(cursor)?;
            }
        } else {
            while !cursor.is_end() {
                data.parse_item(cursor)?;
                cursor.spaces();
            }
        }
        Ok(data)
    }

    fn parse_item(&mut self, cursor: &mut Cursor<'_>) -> Result<(), ParseError> {
        let name = Capitals::of(item_name(cursor));
        if cursor.peek() == Some(b'[') {
            return self.parse_section(cursor, name.as_bytes());
        }
        cursor.spaces();
        match name.as_bytes() {
            b"" => return cursor.expected("a FETCH item"),
            b"FLAGS" => self.flags = Some(flag_list(cursor)?),
            b"INTERNALDATE" => self.internal_date = internal_date(cursor)?,
            b"RFC822.SIZE" => {
                self.size = if cursor.eat_word(b"NIL") {
                    None
                } else {
                    Some(cursor.number()?)
                }
            }
            b"ENVELOPE" => self.envelope = Some(Box::new(envelope(cursor)?)),
            b"BODY" | b"BODYSTRUCTURE" => self.body = body(cursor)?,
            b"RFC822" => self.rfc822 = Some(cursor.nstring()?),
            b"RFC822.HEADER" => self.header = Some(cursor.nstring()?),
            b"RFC822.TEXT" => self.text = Some(cursor.nstring()?),
            b"UID" => self.uid = Some(cursor.number()?),
            b"MODSEQ" => self.mod_seq = Some(mod_seq(cursor)?),
            _ => self.skip_item(cursor)?,
        }
        Ok(())
    }

    /// `name "[" ... "]" ["<" origin ">"] SP value`.
    fn parse_section(&mut self, cursor: &mut Cursor<'_>, name: &[u8]) -> Result<(), ParseError> {
        if name != b"BODY" {
            cursor.take_while(|byte| byte != b']');
            cursor.want(b']', "a closing bracket")?;
            cursor.take_while(|byte| byte != b' ');
            cursor.spaces();
            return self.skip_item(cursor);
        }
        if self.sections.len().max(self.pieces.len()) >= FetchRequest::MAX_ITEMS {
            return Err(ParseError::TooMany { what: "sections" });
        }
        let section = Section::parse(cursor)?;
        let first = origin(cursor)?;
        cursor.spaces();
        let octets = cursor.nstring()?;
        match first {
            Some(first) => self.pieces.push((section, first, octets)),
            None => self.sections.push((section, octets)),
        }
        Ok(())
    }

    fn skip_item(&mut self, cursor: &mut Cursor<'_>) -> Result<(), ParseError> {
        self.unknown_count = self.unknown_count.saturating_add(1);
        cursor.skip_value()
    }

    /// The whole message, taken out: `RFC822` or `BODY[]`.
    pub fn take_message(&mut self) -> Option<NString> {
        self.rfc822
            .take()
            .or_else(|| self.take_section(&Section::whole()))
    }

    /// The header with its blank line, taken out: `RFC822.HEADER` or `BODY[HEADER]`.
    pub fn take_header(&mut self) -> Option<NString> {
        self.header
            .take()
            .or_else(|| self.take_section(&Section::header()))
    }

    /// One whole section, taken out. Servers spell the names of header fields as they like.
    pub fn take_section(&mut self, wanted: &Section) -> Option<NString> {
        let at = self
            .sections
            .iter()
            .rposition(|(section, _)| section.is_same(wanted))?;
        Some(self.sections.swap_remove(at).1)
    }

    /// Adds what a later response said of the same message; the later word counts.
    pub fn merge(&mut self, later: Self) {
        fn update<T>(earlier: &mut Option<T>, later: Option<T>) {
            if later.is_some() {
                *earlier = later;
            }
        }
        update(&mut self.flags, later.flags);
        update(&mut self.internal_date, later.internal_date);
        update(&mut self.size, later.size);
        update(&mut self.envelope, later.envelope);
        update(&mut self.body, later.body);
        update(&mut self.rfc822, later.rfc822);
        update(&mut self.header, later.header);
        update(&mut self.text, later.text);
        update(&mut self.uid, later.uid);
        update(&mut self.mod_seq, later.mod_seq);
        self.sections.extend(later.sections);
        self.pieces.extend(later.pieces);
        self.unknown_count = self.unknown_count.saturating_add(later.unknown_count);
    }
}

/// `["<" number ">"]`.
fn origin(cursor: &mut Cursor<'_>) -> Result<Option<u32>, ParseError> {
    if !cursor.eat(b'<') {
        return Ok(None);
    }
    let first = cursor.number()?;
    cursor.want(b'>', "a closing angle bracket")?;
    Ok(Some(first))
}

/// `"(" [flag *(SP flag)] ")"`. NIL is an empty list. What is no flag is left out.
pub(super) fn flag_list(cursor: &mut Cursor<'_>) -> Result<Vec<Flag>, ParseError> {
    let mut flags = Vec::new();
    if cursor.eat_word(b"NIL") {
        return Ok(flags);
    }
    cursor.open()?;
    while !cursor.close() {
        if flags.len() >= MAX_FLAGS {
            return Err(ParseError::TooMany { what: "flags" });
        }
        match cursor.word() {
            b"" => cursor.skip_value()?,
            name => flags.extend(Flag::from_bytes(name)),
        }
    }
    Ok(flags)
}

/// A date that cannot be read is [`InternalDate::UNREADABLE`]: one odd message must not close a mailbox.
fn internal_date(cursor: &mut Cursor<'_>) -> Result<Option<InternalDate>, ParseError> {
    let text = cursor.nstring()?;
    Ok(text.map(|text| InternalDate::parse(&text).unwrap_or(InternalDate::UNREADABLE)))
}

/// NIL, which servers send for a message that is gone, is an envelope without anything in it.
fn envelope(cursor: &mut Cursor<'_>) -> Result<Envelope, ParseError> {
    if cursor.eat_word(b"NIL") {
        Ok(Envelope::default())
    } else {
        Envelope::parse(cursor)
    }
}

fn body(cursor: &mut Cursor<'_>) -> Result<Option<Body>, ParseError> {
    if cursor.eat_word(b"NIL") {
        Ok(None)
    } else {
        Body::parse(cursor).map(Some)
    }
}

fn mod_seq(cursor: &mut Cursor<'_>) -> Result<u64, ParseError> {
    cursor.open()?;
    let mod_seq = cursor.long_number()?;
    cursor.want_close()?;
    Ok(mod_seq)
}

/// More flags than any mailbox has.
const MAX_FLAGS: usize = 10_000;
