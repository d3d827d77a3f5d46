//! From the wire to a MIME structure, without recursion.

use super::{Body, Param, Part, PartKind};
use crate::protocol::parse::{Cursor, ParseError};
use crate::protocol::types::{Envelope, NString};

/// Reads one structure, and counts what it reads. What encloses a part waits in a list, not on the stack.
pub(super) struct Reader<'a, 'b> {
    cursor: &'a mut Cursor<'b>,
    left: usize,
    open: Vec<Enclosing>,
}

/// A structure whose inner part is being read.
enum Enclosing {
    Multipart(Vec<Body>),
    Message(Box<Part>, Box<Envelope>),
}

impl<'a, 'b> Reader<'a, 'b> {
    pub(super) fn new(cursor: &'a mut Cursor<'b>) -> Self {
        Self {
            cursor,
            left: Body::MAX_PARTS,
            open: Vec::new(),
        }
    }

    pub(super) fn read(mut self) -> Result<Body, ParseError> {
        loop {
            if let Some(body) = self.begin()?
                && let Some(outermost) = self.end(body)?
            {
                return Ok(outermost);
            }
        }
    }

    /// Reads the start of a structure; all of it, if nothing is enclosed in it.
    fn begin(&mut self) -> Result<Option<Body>, ParseError> {
        self.count()?;
        self.cursor.open()?;
        self.cursor.spaces();
        if self.cursor.peek() == Some(b'(') {
            self.open.push(Enclosing::Multipart(Vec::new()));
            return Ok(None);
        }
        let mut part = Box::new(self.part()?);
        self.cursor.spaces();
        match (part.type_name(), self.cursor.peek()) {
            (TypeName::Message, Some(b'(')) => {
                let envelope = Box::new(Envelope::parse(self.cursor)?);
                self.cursor.spaces();
                self.open.push(Enclosing::Message(part, envelope));
                return Ok(None);
            }
            (TypeName::Text, Some(next)) if next != b')' => {
                part.kind = PartKind::Text {
                    line_count: self.number()?,
                }
            }
            _ => {}
        }
        self.close(Body::Single(part)).map(Some)
    }

    /// Puts a whole structure into what encloses it. Nothing enclosed the outermost, which is returned.
    fn end(&mut self, mut body: Body) -> Result<Option<Body>, ParseError> {
        loop {
            let enclosing = match self.open.pop() {
                None => return Ok(Some(body)),
                Some(Enclosing::Multipart(mut parts)) => {
                    parts.push(body);
                    self.cursor.spaces();
                    if self.cursor.peek() == Some(b'(') {
                        self.open.push(Enclosing::Multipart(parts));
                        return Ok(None);
                    }
                    Body::Multipart {
                        parts,
                        subtype: self.string()?.unwrap_or_default(),
                    }
                }
                Some(Enclosing::Message(mut part, envelope)) => {
                    part.kind = PartKind::Message {
                        envelope,
                        body,
                        line_count: self.number()?,
                    };
                    Body::Single(part)
                }
            };
            body = self.close(enclosing)?;
        }
    }

    /// Passes extension data and the closing parenthesis.
    fn close(&mut self, body: Body) -> Result<Body, ParseError> {
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

    /// What every part has.
    fn part(&mut self) -> Result<Part, ParseError> {
        Ok(Part {
            media_type: self.string()?.unwrap_or_default(),
            subtype: self.string()?.unwrap_or_default(),
            params: self.params()?,
            id: self.string()?,
            description: self.string()?,
            encoding: self.string()?,
            size: self.number()?,
            kind: PartKind::Basic,
        })
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

/// The types that have more to their structure than others.
enum TypeName {
    Text,
    Message,
    Other,
}

impl Part {
    fn type_name(&self) -> TypeName {
        if self.media_type.eq_ignore_ascii_case(b"TEXT") {
            TypeName::Text
        } else if self.media_type.eq_ignore_ascii_case(b"MESSAGE")
            && self.subtype.eq_ignore_ascii_case(b"RFC822")
        {
            TypeName::Message
        } else {
            TypeName::Other
        }
    }
}
