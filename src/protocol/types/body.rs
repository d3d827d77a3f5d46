//! BODY: the MIME structure of a message.

use super::text::{push_nstring, push_string};
use super::{Envelope, NString};
use crate::protocol::parse::{Cursor, ParseError, push_number};

/// A MIME structure, without extension data: that is skipped when read.
///
/// IMAP2bis and RFC 3501 "body"; rows `2BIS-FETCH-BODY`, `-MULTI`, `-MESSAGE`, `IMAP4-FETCH-BODYSTRUCTURE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Parts within one another's company.
    Multipart {
        /// The parts, in order.
        parts: Vec<Body>,
        /// `mixed`, `alternative` ...
        subtype: Vec<u8>,
    },
    /// One part.
    Single(Box<Part>),
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The media type.
    pub media_type: Vec<u8>,
    /// The media subtype.
    pub subtype: Vec<u8>,
    /// Parameters of the type, in order.
    pub params: Vec<Param>,
    /// `Content-ID`.
    pub id: NString,
    /// `Content-Description`.
    pub description: NString,
    /// `Content-Transfer-Encoding`.
    pub encoding: NString,
    /// Size in octets as encoded.
    pub size: u32,
    /// What the type adds.
    pub kind: PartKind,
}

/// One parameter of a part's type, such as its charset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// The name.
    pub name: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}

/// What a part's type adds to its structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// Nothing.
    Basic,
    /// TEXT: the number of lines.
    Text {
        /// Number of lines as encoded.
        line_count: u32,
    },
    /// MESSAGE/RFC822: a whole message.
    Message {
        /// Its envelope.
        envelope: Box<Envelope>,
        /// Its structure.
        body: Body,
        /// Number of lines as encoded.
        line_count: u32,
    },
}

impl Body {
    /// The most parts of one multipart that are read.
    pub const MAX_PARTS: usize = 10_000;

    /// Reads a structure; depth is bounded by the cursor.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        cursor.open()?;
        cursor.spaces();
        let body = if cursor.peek() == Some(b'(') {
            multipart(cursor)?
        } else {
            single(cursor)?
        };
        while !cursor.close() {
            cursor.skip_value()?;
        }
        Ok(body)
    }

    /// Appends the structure as the endpoint sends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(b'(');
        match self {
            Self::Multipart { parts, subtype } => {
                parts.iter().for_each(|part| part.encode(out));
                out.push(b' ');
                push_string(out, subtype);
            }
            Self::Single(part) => part.encode(out),
        }
        out.push(b')');
    }
}

fn multipart(cursor: &mut Cursor<'_>) -> Result<Body, ParseError> {
    let mut parts = Vec::new();
    while cursor.peek() == Some(b'(') {
        if parts.len() >= Body::MAX_PARTS {
            return Err(ParseError::TooMany { what: "parts" });
        }
        parts.push(Body::parse(cursor)?);
        cursor.spaces();
    }
    Ok(Body::Multipart {
        parts,
        subtype: next_string(cursor)?.unwrap_or_default(),
    })
}

fn single(cursor: &mut Cursor<'_>) -> Result<Body, ParseError> {
    let media_type = next_string(cursor)?.unwrap_or_default();
    let subtype = next_string(cursor)?.unwrap_or_default();
    let params = params(cursor)?;
    let (id, description, encoding) = (
        next_string(cursor)?,
        next_string(cursor)?,
        next_string(cursor)?,
    );
    let size = next_number(cursor)?;
    let kind = part_kind(cursor, &media_type, &subtype)?;
    Ok(Body::Single(Box::new(Part {
        media_type,
        subtype,
        params,
        id,
        description,
        encoding,
        size,
        kind,
    })))
}

fn part_kind(
    cursor: &mut Cursor<'_>,
    media_type: &[u8],
    subtype: &[u8],
) -> Result<PartKind, ParseError> {
    cursor.spaces();
    let next = cursor.peek();
    if media_type.eq_ignore_ascii_case(b"TEXT") && next != Some(b')') {
        return Ok(PartKind::Text {
            line_count: next_number(cursor)?,
        });
    }
    let is_message =
        media_type.eq_ignore_ascii_case(b"MESSAGE") && subtype.eq_ignore_ascii_case(b"RFC822");
    if is_message && next == Some(b'(') {
        let envelope = Box::new(Envelope::parse(cursor)?);
        cursor.spaces();
        let body = Body::parse(cursor)?;
        return Ok(PartKind::Message {
            envelope,
            body,
            line_count: next_number(cursor)?,
        });
    }
    Ok(PartKind::Basic)
}

fn params(cursor: &mut Cursor<'_>) -> Result<Vec<Param>, ParseError> {
    cursor.spaces();
    let mut params = Vec::new();
    if cursor.eat_word(b"NIL") {
        return Ok(params);
    }
    cursor.open()?;
    while !cursor.close() {
        if params.len() >= Body::MAX_PARTS {
            return Err(ParseError::TooMany { what: "parameters" });
        }
        let name = next_string(cursor)?.unwrap_or_default();
        params.push(Param {
            name,
            value: next_string(cursor)?.unwrap_or_default(),
        });
    }
    Ok(params)
}

fn next_string(cursor: &mut Cursor<'_>) -> Result<NString, ParseError> {
    cursor.spaces();
    cursor.nstring()
}

/// Servers that do not know a count say NIL.
fn next_number(cursor: &mut Cursor<'_>) -> Result<u32, ParseError> {
    cursor.spaces();
    if cursor.eat_word(b"NIL") {
        Ok(0)
    } else {
        cursor.number()
    }
}

impl Part {
    fn encode(&self, out: &mut Vec<u8>) {
        push_string(out, &self.media_type);
        out.push(b' ');
        push_string(out, &self.subtype);
        out.push(b' ');
        self.push_params(out);
        for text in [&self.id, &self.description, &self.encoding] {
            out.push(b' ');
            push_nstring(out, text.as_deref());
        }
        out.push(b' ');
        push_number(out, u64::from(self.size));
        match &self.kind {
            PartKind::Basic => {}
            PartKind::Text { line_count } => push_count(out, *line_count),
            PartKind::Message {
                envelope,
                body,
                line_count,
            } => {
                out.push(b' ');
                envelope.encode(out);
                out.push(b' ');
                body.encode(out);
                push_count(out, *line_count);
            }
        }
    }

    fn push_params(&self, out: &mut Vec<u8>) {
        if self.params.is_empty() {
            out.extend_from_slice(b"NIL");
            return;
        }
        for (index, Param { name, value }) in self.params.iter().enumerate() {
            out.push(if index == 0 { b'(' } else { b' ' });
            push_string(out, name);
            out.push(b' ');
            push_string(out, value);
        }
        out.push(b')');
    }
}

fn push_count(out: &mut Vec<u8>, count: u32) {
    out.push(b' ');
    push_number(out, u64::from(count));
}

#[cfg(test)]
mod tests;
