//! The cursor over one frame, and the small rules that commands and responses share.

mod string;

use super::framer::{Frame, Literal};
use super::types::Quoting;

/// Why a frame could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Something else stands where the grammar wants this.
    #[error("expected {what} at octet {at}")]
    Expected {
        /// What the grammar wants.
        what: &'static str,
        /// Where, counted in the text of the line from 0, literals not counted.
        at: usize,
    },
    /// Lists within lists beyond the limit.
    #[error("parentheses nested too deeply")]
    TooDeep,
    /// More of something than the limit allows.
    #[error("too many {what}")]
    TooMany {
        /// What there was too much of.
        what: &'static str,
    },
    /// So far everything is right; the grammar wants a literal that was announced and has not arrived.
    #[error("the literal has not arrived")]
    AwaitsLiteral(LiteralUse),
}

/// What a literal in a command is for; limits depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiteralUse {
    /// An argument: a name, a password, a search string.
    Argument,
    /// The message of an APPEND.
    Message,
}

/// A reading position in a frame. Reads liberally; literals that are read leave the frame.
pub struct Cursor<'a> {
    rest: &'a [u8],
    len: usize,
    literals: std::slice::IterMut<'a, Literal>,
    quoting: Quoting,
    depth_left: u32,
}

/// How deeply a server may nest lists.
pub const SERVER_DEPTH: u32 = 100;
/// How deeply a client may nest lists.
pub const CLIENT_DEPTH: u32 = 32;

type Parsed<T> = Result<T, ParseError>;

impl<'a> Cursor<'a> {
    /// Starts at the front of a frame. Literals are moved out of it as they are read.
    pub fn new(frame: &'a mut Frame, quoting: Quoting, max_depth: u32) -> Self {
        let Frame { text, literals } = frame;
        Self {
            rest: text,
            len: text.len(),
            literals: literals.iter_mut(),
            quoting,
            depth_left: max_depth,
        }
    }

    /// Starts at the front of a text that has no literals.
    #[must_use]
    pub fn over(text: &'a [u8], quoting: Quoting) -> Self {
        Self {
            rest: text,
            len: text.len(),
            literals: Default::default(),
            quoting,
            depth_left: SERVER_DEPTH,
        }
    }

    /// Where the cursor stands, in octets of text.
    #[must_use]
    pub fn position(&self) -> usize {
        self.len.saturating_sub(self.rest.len())
    }

    /// The error that something else is wanted here.
    pub fn expected<T>(&self, what: &'static str) -> Parsed<T> {
        Err(ParseError::Expected {
            what,
            at: self.position(),
        })
    }

    /// The next octet.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Whether the line is read to its end.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Passes the octet if it comes next.
    pub fn eat(&mut self, octet: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == octet => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Passes the octet.
    ///
    /// # Errors
    /// [`ParseError::Expected`] when another comes.
    pub fn want(&mut self, octet: u8, what: &'static str) -> Parsed<()> {
        if self.eat(octet) {
            Ok(())
        } else {
            self.expected(what)
        }
    }

    /// Passes spaces; says whether there was one.
    pub fn spaces(&mut self) -> bool {
        !self.take_while(|byte| byte == b' ').is_empty()
    }

    /// Passes at least one space.
    ///
    /// # Errors
    /// [`ParseError::Expected`].
    pub fn want_space(&mut self) -> Parsed<()> {
        if self.spaces() {
            Ok(())
        } else {
            self.expected("a space")
        }
    }

    /// Passes trailing spaces and demands the end of the line.
    ///
    /// # Errors
    /// [`ParseError::Expected`].
    pub fn want_end(&mut self) -> Parsed<()> {
        self.spaces();
        if self.is_end() {
            Ok(())
        } else {
            self.expected("the end of the line")
        }
    }

    /// Takes the octets that satisfy the test, perhaps none.
    pub fn take_while(&mut self, test: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self
            .rest
            .iter()
            .position(|&byte| !test(byte))
            .unwrap_or(self.rest.len());
        self.take_len(end)
    }

    fn take_len(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    /// Everything up to the end of the line, as it stands.
    pub fn rest_of_line(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Passes this many octets.
    pub fn skip(&mut self, len: usize) {
        self.take_len(len);
    }

    /// What is left to read, without reading it.
    #[must_use]
    pub fn lookahead(&self) -> &'a [u8] {
        self.rest
    }

    /// A run of octets without space, parenthesis, quote or control character; perhaps empty.
    pub fn word(&mut self) -> &'a [u8] {
        self.take_while(is_word_char)
    }

    /// The next word without taking it.
    #[must_use]
    pub fn peek_word(&self) -> &'a [u8] {
        let end = self
            .rest
            .iter()
            .position(|&byte| !is_word_char(byte))
            .unwrap_or(self.rest.len());
        self.rest.get(..end).unwrap_or_default()
    }

    /// Passes the word, in any case, if it comes next as a whole.
    pub fn eat_word(&mut self, word: &[u8]) -> bool {
        let found = self.peek_word().eq_ignore_ascii_case(word);
        if found {
            self.take_len(word.len());
        }
        found
    }

    /// `number`: digits, at most 32 bits.
    ///
    /// # Errors
    /// [`ParseError::Expected`] for no digits, or more than fit.
    pub fn number(&mut self) -> Parsed<u32> {
        let at = self.position();
        u32::try_from(self.long_number()?).map_err(|_| ParseError::Expected {
            what: "a number of 32 bits",
            at,
        })
    }

    /// A number of at most 63 bits.
    ///
    /// # Errors
    /// [`ParseError::Expected`] for no digits, or more than fit.
    pub fn long_number(&mut self) -> Parsed<u64> {
        let at = self.position();
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return self.expected("a number");
        }
        let number = digits.iter().try_fold(0u64, |number, byte| {
            number
                .checked_mul(10)?
                .checked_add(u64::from(byte.wrapping_sub(b'0')))
        });
        number
            .filter(|number| *number <= u64::MAX / 2)
            .ok_or(ParseError::Expected {
                what: "a number of 63 bits",
                at,
            })
    }

    /// Enters a list: passes `(` and counts the depth.
    ///
    /// # Errors
    /// [`ParseError::TooDeep`], or [`ParseError::Expected`] when no list comes.
    pub fn open(&mut self) -> Parsed<()> {
        self.want(b'(', "an opening parenthesis")?;
        self.depth_left = self.depth_left.checked_sub(1).ok_or(ParseError::TooDeep)?;
        Ok(())
    }

    /// Leaves a list if `)` comes next, after spaces.
    pub fn close(&mut self) -> bool {
        self.spaces();
        let closed = self.eat(b')');
        if closed {
            self.depth_left = self.depth_left.saturating_add(1);
        }
        closed
    }

    /// Leaves a list.
    ///
    /// # Errors
    /// [`ParseError::Expected`] when something else comes.
    pub fn want_close(&mut self) -> Parsed<()> {
        if self.close() {
            Ok(())
        } else {
            self.expected("a closing parenthesis")
        }
    }

    /// Passes one value of any kind: a string, a word, or a list with everything in it.
    ///
    /// # Errors
    /// [`ParseError`] when quotes or parentheses do not match, or nest too deeply.
    pub fn skip_value(&mut self) -> Parsed<()> {
        let mut open: u32 = 0;
        loop {
            self.spaces();
            match self.peek() {
                Some(b'(') => {
                    self.open()?;
                    open = open.saturating_add(1);
                }
                Some(b')') if open > 0 => {
                    self.want_close()?;
                    open = open.saturating_sub(1);
                }
                Some(b'"' | b'{') => drop(self.string()?),
                _ if self.word().is_empty() => return self.expected("a value"),
                _ => {}
            }
            if open == 0 {
                return Ok(());
            }
        }
    }
}

/// A word in capitals, for comparing it with those of the grammar. What is too long for any of them is cut.
pub(crate) struct Capitals {
    octets: [u8; Self::MAX_LEN],
    len: usize,
}

impl Capitals {
    /// More than the longest word of the grammar.
    const MAX_LEN: usize = 32;

    pub(crate) fn of(word: &[u8]) -> Self {
        let mut octets = [0; Self::MAX_LEN];
        for (capital, octet) in octets.iter_mut().zip(word) {
            *capital = octet.to_ascii_uppercase();
        }
        Self {
            octets,
            len: word.len().min(Self::MAX_LEN),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

/// Not a space, a parenthesis, a quote, or a control character. 8-bit octets are borne.
fn is_word_char(byte: u8) -> bool {
    !matches!(byte, 0..=b' ' | b'(' | b')' | b'"' | 0x7f)
}

/// Appends a number in decimal digits.
pub(crate) fn push_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0u8; 20];
    let mut left = number;
    let mut count = 0usize;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' | u8::try_from(left % 10).unwrap_or_default();
        left /= 10;
        count = count.saturating_add(1);
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(
        digits
            .get(digits.len().saturating_sub(count)..)
            .unwrap_or_default(),
    );
}

/// Appends the last two decimal digits of a number.
pub(crate) fn push_two_digits(out: &mut Vec<u8>, number: u32) {
    let digit = |number: u32| b'0' | u8::try_from(number % 10).unwrap_or_default();
    out.extend_from_slice(&[digit(number / 10), digit(number)]);
}

#[cfg(test)]
mod tests;
