//! Strings in the forms they have on the wire.

use memchr::{memchr, memchr2};

use super::{Cursor, LiteralUse, ParseError, Parsed};
use crate::protocol::types::Quoting;

impl Cursor<'_> {
    /// `string = quoted / literal / atom`: a string in any form, as IMAP2 allows everywhere.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn string(&mut self) -> Parsed<Vec<u8>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal(LiteralUse::Argument),
            _ => {
                let atom = self.word();
                if atom.is_empty() {
                    self.expected("a string")
                } else {
                    Ok(atom.to_vec())
                }
            }
        }
    }

    /// `nstring = string / NIL`: the bare word NIL, in any case, is no string; `"NIL"` is one.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn nstring(&mut self) -> Parsed<Option<Vec<u8>>> {
        if self.eat_word(b"NIL") {
            Ok(None)
        } else {
            self.string().map(Some)
        }
    }

    /// The octets between quotes, escapes undone where the dialect has them.
    ///
    /// # Errors
    /// [`ParseError::Expected`] when the closing quote is missing.
    pub fn quoted(&mut self) -> Parsed<Vec<u8>> {
        self.want(b'"', "a quoted string")?;
        match self.quoting {
            Quoting::Plain => {
                let Some(end) = memchr(b'"', self.rest) else {
                    return self.expected("a closing quote");
                };
                let inner = self.take_len(end).to_vec();
                self.want(b'"', "a closing quote")?;
                Ok(inner)
            }
            Quoting::Escaped => self.escaped(),
        }
    }

    /// A backslash before anything but a quote or a backslash stands for itself.
    fn escaped(&mut self) -> Parsed<Vec<u8>> {
        let mut inner = Vec::new();
        loop {
            let Some(end) = memchr2(b'"', b'\\', self.rest) else {
                return self.expected("a closing quote");
            };
            inner.extend_from_slice(self.take_len(end));
            if self.eat(b'"') {
                return Ok(inner);
            }
            self.eat(b'\\');
            match self.peek() {
                Some(escaped @ (b'"' | b'\\')) => {
                    inner.push(escaped);
                    self.take_len(1);
                }
                _ => inner.push(b'\\'),
            }
        }
    }

    /// The octets of the literal that comes next, moved out of the frame.
    ///
    /// # Errors
    /// [`ParseError::AwaitsLiteral`] when the frame ends at its announcement.
    pub fn literal(&mut self, usage: LiteralUse) -> Parsed<Vec<u8>> {
        self.want(b'{', "a literal")?;
        self.take_while(|byte| byte.is_ascii_digit());
        self.eat(b'+');
        self.want(b'}', "a literal")?;
        match self.literals.next() {
            Some(literal) if literal.end_of_header == self.position() => {
                Ok(std::mem::take(&mut literal.octets))
            }
            None if self.is_end() => Err(ParseError::AwaitsLiteral(usage)),
            Some(_) | None => self.expected("a literal"),
        }
    }
}
