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
    /// The most parts and parameters, all levels together, that are read.
    pub const MAX_NODES: usize = 10_000;

    /// Reads a structure; depth is bounded by the cursor.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        Reader {
            cursor,
            left: Self::MAX_NODES,
        }
        .body()
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

/// Reads one structure, and counts what it reads.
struct Reader<'a, 'b> {
    cursor: &'a mut Cursor<'b>,
    left: usize,
}

impl Reader<'_, '_> {
    fn body(&mut self) -> Result<Body, ParseError> {
        self.count()?;
        self.cursor.open()?;
        self.cursor.spaces();
        let body = if self.cursor.peek() == Some(b'(') {
            self.multipart()?
        } else {
            self.single()?
        };
        while !self.cursor.close() {
            self.cursor.skip_value()?;
        }
        Ok(body)
    }

    fn count(&mut self) -> Result<(), ParseError> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or(ParseError::TooMany { what: "parts" })?;
        Ok(())
    }

    fn multipart(&mut self) -> Result<Body, ParseError> {
        let mut parts = Vec::new();
        while self.cursor.peek() == Some(b'(') {
            parts.push(self.body()?);
            self.cursor.spaces();
        }
        Ok(Body::Multipart {
            parts,
            subtype: self.string()?.unwrap_or_default(),
        })
    }

    fn single(&mut self) -> Result<Body, ParseError> {
        let media_type = self.string()?.unwrap_or_default();
        let subtype = self.string()?.unwrap_or_default();
        let params = self.params()?;
        let (id, description, encoding) = (self.string()?, self.string()?, self.string()?);
        let size = self.number()?;
        let kind = self.kind(&media_type, &subtype)?;
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

    fn kind(&mut self, media_type: &[u8], subtype: &[u8]) -> Result<PartKind, ParseError> {
        self.cursor.spaces();
        let next = self.cursor.peek();
        if media_type.eq_ignore_ascii_case(b"TEXT") && next != Some(b')') {
            return Ok(PartKind::Text {
                line_count: self.number()?,
            });
        }
        let is_message =
            media_type.eq_ignore_ascii_case(b"MESSAGE") && subtype.eq_ignore_ascii_case(b"RFC822");
        if is_message && next == Some(b'(') {
            let envelope = Box::new(Envelope::parse(self.cursor)?);
            self.cursor.spaces();
            let body = self.body()?;
            return Ok(PartKind::Message {
                envelope,
                body,
                line_count: self.number()?,
            });
        }
        Ok(PartKind::Basic)
    }

    fn params(&mut self) -> Result<Vec<Param>, ParseError> {
        self.cursor.spaces();
        let mut params = Vec::new();
        if self.cursor.eat_word(b"NIL") {
            return Ok(params);
        }
        self.cursor.open()?;
        while !self.cursor.close() {
            self.count()?;
            let name = self.string()?.unwrap_or_default();
            params.push(Param {
                name,
                value: self.string()?.unwrap_or_default(),
            });
        }
        Ok(params)
    }

    fn string(&mut self) -> Result<NString, ParseError> {
        self.cursor.spaces();
        self.cursor.nstring()
    }

    /// Servers that do not know a count say NIL.
    fn number(&mut self) -> Result<u32, ParseError> {
        self.cursor.spaces();
        if self.cursor.eat_word(b"NIL") {
            Ok(0)
        } else {
            self.cursor.number()
        }
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
