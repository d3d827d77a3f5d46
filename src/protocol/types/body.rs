//! BODY: the MIME structure of a message.

mod read;

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
    pub const MAX_PARTS: usize = 10_000;

    /// Reads a structure; depth is bounded by the cursor.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        read::Reader::new(cursor).read()
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
