//! Octets in chunks of any size to whole lines with their literals, within limits.
//!
//! Every octet is looked at once. A literal is copied once, from the chunk into the buffer that its reader will own,
//! and that buffer grows with what has arrived, never with what was announced.

mod frame;

use memchr::memchr;

pub use frame::Frame;
pub(crate) use frame::Literal;

/// How much a framer holds, in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// The text of one frame, literals and line end not counted.
    pub line: usize,
    /// One literal.
    pub literal: usize,
    /// All literals of one frame.
    pub literal_total: usize,
}

/// Who writes what is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A server: its literals come without asking, and some of its lines are free text in which `{5}` is no literal.
    Server,
    /// A client: each literal waits for a decision.
    Client,
}

/// What a framer has to say.
#[derive(Clone, PartialEq, Eq)]
pub enum Framed {
    /// A whole line.
    Frame(Frame),
    /// A client wants to send a literal. Nothing is read until [`Framer::accept`] or [`Framer::refuse`].
    Announced(Announced),
    /// The line is longer than allowed; here is how it began. The rest of it will be skipped.
    LineTooLong(Vec<u8>),
    /// A literal is larger than allowed, from a peer that does not wait. There is no way to go on.
    LiteralTooLarge,
}

/// A literal that a client wants to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Its size in octets; `usize::MAX` stands for more than can be counted.
    pub size: usize,
    /// Whether the client waits for the go-ahead.
    pub handshake: Handshake,
}

/// Whether a literal waits for `+`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// `{n}`: nothing is sent before the go-ahead.
    Waits,
    /// `{n+}` (LITERAL+): the octets are already on their way.
    Skipped,
}

/// Turns octets into frames.
#[derive(Clone)]
pub struct Framer {
    peer: Peer,
    limits: FrameLimits,
    state: State,
    frame: Frame,
    literal_total: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Line,
    Deciding(Announced),
    Literal { missing: usize },
    Skipping,
    Lost,
}

impl Framer {
    /// A framer at the start of a line.
    #[must_use]
    pub fn new(peer: Peer, limits: FrameLimits) -> Self {
        Self {
            peer,
            limits,
            state: State::Line,
            frame: Frame::default(),
            literal_total: 0,
        }
    }

    /// Changes the limits from here on.
    pub fn set_limits(&mut self, limits: FrameLimits) {
        self.limits = limits;
    }

    /// Takes octets from the front of `input` until there is something to say or `input` is empty.
    ///
    /// Takes nothing while a literal waits for a decision.
    pub fn take(&mut self, input: &mut &[u8]) -> Option<Framed> {
        while !input.is_empty() {
            let framed = match self.state {
                State::Line => self.take_line(input),
                State::Literal { missing } => {
                    self.take_literal(input, missing);
                    None
                }
                State::Skipping => self.skip_line(input),
                State::Deciding(_) => return None,
                State::Lost => {
                    *input = &[];
                    None
                }
            };
            if framed.is_some() {
                return framed;
            }
        }
        None
    }

    /// Lets the announced literal come.
    pub fn accept(&mut self) {
        if let State::Deciding(announced) = self.state {
            self.start_literal(announced.size);
        }
    }

    /// Drops the line that announced a literal. The next octet begins a new line.
    pub fn refuse(&mut self) {
        if matches!(self.state, State::Deciding(_)) {
            self.state = State::Line;
            self.start_frame();
        }
    }

    /// The line up to the announced literal, for a look at whether it can become a command.
    #[must_use]
    pub fn unfinished(&self) -> &Frame {
        &self.frame
    }

    /// Whether no line has begun.
    #[must_use]
    pub fn is_between_lines(&self) -> bool {
        self.state == State::Line && self.frame.text.is_empty()
    }

    /// Takes what belongs to a literal that is under way, and nothing else.
    pub fn take_literal_octets(&mut self, input: &mut &[u8]) {
        if let State::Literal { missing } = self.state {
            self.take_literal(input, missing);
        }
    }

    fn take_line(&mut self, input: &mut &[u8]) -> Option<Framed> {
        let untouched = *input;
        let (piece, ended) = split_line(input);
        let known = self.frame.text.len();
        let room = self.limits.line.saturating_add(2).saturating_sub(known);
        self.frame
            .text
            .extend_from_slice(piece.get(..room).unwrap_or(piece));
        // One octet more than the limit is borne if it may be the CR of the line end.
        let carriage_return = usize::from(self.frame.text.last() == Some(&b'\r'));
        if self.frame.text.len().saturating_sub(carriage_return) > self.limits.line {
            *input = untouched;
            return Some(self.line_too_long(known));
        }
        if !ended {
            return None;
        }
        self.frame
            .text
            .truncate(self.frame.text.len().saturating_sub(carriage_return));
        self.end_line()
    }

    /// The piece that was too much is given back, to be skipped.
    fn line_too_long(&mut self, known: usize) -> Framed {
        let mut start = std::mem::take(&mut self.frame.text);
        self.start_frame();
        self.state = State::Skipping;
        self.keep_tail(start.get(..known).unwrap_or_default());
        start.truncate(self.limits.line);
        Framed::LineTooLong(start)
    }

    /// If octets follow the line that nobody asked for, there is no way to go on.
    fn skip_line(&mut self, input: &mut &[u8]) -> Option<Framed> {
        let (piece, ended) = split_line(input);
        self.keep_tail(piece);
        if !ended {
            return None;
        }
        let tail = &self.frame.text;
        let unasked =
            announced_at_end(tail.strip_suffix(b"\r").unwrap_or(tail)).is_some_and(|announced| {
                self.peer == Peer::Server || announced.handshake == Handshake::Skipped
            });
        self.start_frame();
        self.state = if unasked { State::Lost } else { State::Line };
        unasked.then_some(Framed::LiteralTooLarge)
    }

    /// Remembers no more of a skipped line than its end.
    fn keep_tail(&mut self, piece: &[u8]) {
        let tail = &mut self.frame.text;
        tail.extend_from_slice(
            piece
                .get(piece.len().saturating_sub(TAIL)..)
                .unwrap_or(piece),
        );
        tail.drain(..tail.len().saturating_sub(TAIL));
    }

    fn end_line(&mut self) -> Option<Framed> {
        let Some(announced) = announced_at_end(self.frame.behind_literals()) else {
            return self.finish();
        };
        match self.peer {
            Peer::Client => {
                self.state = State::Deciding(announced);
                Some(Framed::Announced(announced))
            }
            Peer::Server if self.frame.literals.is_empty() && is_free_text(&self.frame.text) => {
                self.finish()
            }
            Peer::Server => {
                if !self.has_room_for(announced.size) {
                    self.state = State::Lost;
                    return Some(Framed::LiteralTooLarge);
                }
                self.start_literal(announced.size);
                None
            }
        }
    }

    fn has_room_for(&self, size: usize) -> bool {
        size <= self.limits.literal
            && self.literal_total.saturating_add(size) <= self.limits.literal_total
            && self.frame.literals.len() < MAX_LITERALS
    }

    fn start_literal(&mut self, size: usize) {
        self.literal_total = self.literal_total.saturating_add(size);
        let octets = Vec::with_capacity(size.min(FIRST_CAPACITY));
        self.frame.literals.push(Literal {
            end_of_header: self.frame.text.len(),
            octets,
        });
        self.state = if size == 0 {
            State::Line
        } else {
            State::Literal { missing: size }
        };
    }

    fn take_literal(&mut self, input: &mut &[u8], missing: usize) {
        let (piece, rest) = input.split_at_checked(missing).unwrap_or((input, &[]));
        *input = rest;
        let missing = missing.saturating_sub(piece.len());
        if let Some(Literal { octets, .. }) = self.frame.literals.last_mut() {
            if octets.capacity().saturating_sub(octets.len()) < piece.len() {
                // Doubling, but never past the announced size.
                let growth = octets
                    .len()
                    .max(piece.len())
                    .min(piece.len().saturating_add(missing));
                octets.reserve_exact(growth);
            }
            octets.extend_from_slice(piece);
        }
        self.state = if missing == 0 {
            State::Line
        } else {
            State::Literal { missing }
        };
    }

    fn finish(&mut self) -> Option<Framed> {
        let frame = std::mem::take(&mut self.frame);
        self.start_frame();
        Some(Framed::Frame(frame))
    }

    fn start_frame(&mut self) {
        self.frame = Frame::default();
        self.literal_total = 0;
    }
}

/// Cuts off the input through its first LF, or all of it; the LF is dropped. Says whether there was one.
fn split_line<'a>(input: &mut &'a [u8]) -> (&'a [u8], bool) {
    let whole = *input;
    let split = memchr(b'\n', whole)
        .and_then(|at| Some((whole.get(..at)?, whole.get(at.checked_add(1)?..)?)));
    let (line, rest) = split.unwrap_or((whole, &[]));
    *input = rest;
    (line, split.is_some())
}

/// The `{n}` or `{n+}` that a line ends with.
fn announced_at_end(text: &[u8]) -> Option<Announced> {
    let inner = text.strip_suffix(b"}")?;
    let (inner, handshake) = match inner.strip_suffix(b"+") {
        Some(inner) => (inner, Handshake::Skipped),
        None => (inner, Handshake::Waits),
    };
    let digits = inner
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (before, number) = inner.split_at_checked(inner.len().saturating_sub(digits))?;
    if number.is_empty() || before.last() != Some(&b'{') {
        return None;
    }
    let size = number.iter().try_fold(0usize, |size, byte| {
        size.checked_mul(10)?
            .checked_add(usize::from(byte.wrapping_sub(b'0')))
    });
    Some(Announced {
        size: size.unwrap_or(usize::MAX),
        handshake,
    })
}

/// Whether a server's line is text for people to its end: status lines, go-aheads, FIND replies.
fn is_free_text(text: &[u8]) -> bool {
    let mut words = text
        .split(|&byte| byte == b' ')
        .filter(|word| !word.is_empty());
    match words.next() {
        Some([b'+', ..]) => true,
        _ => words.next().is_some_and(|word| {
            FREE_TEXT
                .iter()
                .any(|known| known.eq_ignore_ascii_case(word))
        }),
    }
}

const FREE_TEXT: [&[u8]; 7] = [
    b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH", b"MAILBOX", b"BBOARD",
];
/// How many literals a server may put into one line.
const MAX_LITERALS: usize = 10_000;
/// What a literal gets before anything of it has arrived.
const FIRST_CAPACITY: usize = 16 * 1024;
/// Room for `{`, the largest count, `+}` and CR.
const TAIL: usize = 32;

#[cfg(test)]
mod tests;
