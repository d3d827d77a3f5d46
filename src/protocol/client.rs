//! The client half: commands in, octets out; octets in, events out.

mod event;
mod greeting;

use std::collections::VecDeque;
use std::fmt;

pub use event::{Completion, Event, Greeting};
pub use greeting::Stranger;

use super::command::Command;
use super::dialect::Dialect;
use super::framer::{Frame, FrameLimits, Framed, Framer, Peer};
use super::outgoing::{Piece, StringRules};
use super::parse::ParseError;
use super::response::{Response, Untagged};
use super::types::Tag;

/// One connection to a server. Owns no socket: what [`Client::take_output`] gives is to be sent, what arrives goes to
/// [`Client::receive`], and [`Client::next_event`] tells what it meant.
///
/// Nothing leaves before the server's greeting, and no octet of a literal before the server's `+`. Rows
/// `1176-GREET-WAIT`, `1064-LEX-LIT-C2S`, `1064-LEX-LIT-REFUSED`.
pub struct Client {
    dialect: Dialect,
    literals: ClientLiterals,
    framer: Framer,
    frames: VecDeque<Frame>,
    stage: Stage,
    failure: Option<ProtocolError>,
    last_tag: u32,
    outstanding: Vec<Tag>,
    waiting: VecDeque<(Tag, Piece)>,
    output: Vec<u8>,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The server has not greeted yet.
    Waiting,
    /// Commands can be sent.
    Open,
    /// The server greeted with BYE.
    Refused,
}

/// Whether the server takes literals without a go-ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientLiterals {
    /// `{n}`: wait for `+`, as everywhere.
    Wait,
    /// `{n+}`: the server advertises LITERAL+.
    Plus,
}

/// What a server did that no server may do. The connection is of no further use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// What answers is no IMAP server.
    #[error("the other side is no IMAP server{0}")]
    NotImap(Stranger),
    /// A line that cannot be read.
    #[error("the server sent a line that cannot be read: {0}")]
    Malformed(#[from] ParseError),
    /// A line beyond the limit.
    #[error("the server sent a line that is too long")]
    LineTooLong,
    /// A literal beyond the limit.
    #[error("the server sent more octets than allowed")]
    LiteralTooLarge,
}

impl Client {
    /// What a server may send: a line long enough for a SEARCH answer of two million numbers, a message of 256 MiB.
    pub const DEFAULT_LIMITS: FrameLimits = FrameLimits {
        line: 16 * 1024 * 1024,
        literal: 256 * 1024 * 1024,
        literal_total: 512 * 1024 * 1024,
    };

    /// A connection that waits for the server's greeting.
    #[must_use]
    pub fn new(limits: FrameLimits) -> Self {
        Self {
            dialect: Dialect::Rfc1176,
            literals: ClientLiterals::Wait,
            framer: Framer::new(Peer::Server, limits),
            frames: VecDeque::new(),
            stage: Stage::Waiting,
            failure: None,
            last_tag: 0,
            outstanding: Vec::new(),
            waiting: VecDeque::new(),
            output: Vec::new(),
        }
    }

    /// A connection whose greeting was read before TLS began: nothing else is carried over.
    #[must_use]
    pub fn after_starttls(limits: FrameLimits) -> Self {
        Self {
            stage: Stage::Open,
            ..Self::new(limits)
        }
    }

    /// The dialect spoken.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Speaks another dialect from here on: in what is sent, and in what is read next.
    pub fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = dialect;
    }

    /// Says how literals are sent from here on.
    pub fn set_literals(&mut self, literals: ClientLiterals) {
        self.literals = literals;
    }

    /// Takes octets from the server, in chunks of any size.
    pub fn receive(&mut self, mut octets: &[u8]) {
        if self.stage == Stage::Waiting && self.frames.is_empty() && self.framer.is_between_lines()
        {
            let stranger = Stranger::from_first_octet(octets).map(ProtocolError::NotImap);
            self.failure = self.failure.or(stranger);
        }
        while self.failure.is_none() {
            match self.framer.take(&mut octets) {
                Some(Framed::Frame(frame)) => self.frames.push_back(frame),
                Some(Framed::LineTooLong(_)) => self.failure = Some(ProtocolError::LineTooLong),
                Some(Framed::LiteralTooLarge) => {
                    self.failure = Some(ProtocolError::LiteralTooLarge)
                }
                Some(Framed::Announced(_)) => self.framer.accept(),
                None => return,
            }
        }
    }

    /// Whether a part of what was to be sent is still here: the server has not let it come yet, or it was not fetched.
    #[must_use]
    pub fn has_unsent(&self) -> bool {
        !(self.waiting.is_empty() && self.output.is_empty())
    }

    /// Sends a command, as far as that can be done now; the rest follows when the server lets it.
    pub fn send(&mut self, command: Command) -> Tag {
        self.last_tag = self.last_tag.wrapping_add(1);
        let tag = Tag::nth(self.last_tag);
        let rules = StringRules {
            quoting: self.dialect.quoting(),
            literals_wait: self.literals == ClientLiterals::Wait,
        };
        let pieces = command.encode(&tag, self.dialect, rules);
        self.outstanding.push(tag);
        self.waiting
            .extend(pieces.into_iter().map(|piece| (tag, piece)));
        self.flush();
        tag
    }

    /// Answers a challenge of AUTHENTICATE with `*`: the server will refuse the command. Row `IMAP4-AUTHENTICATE`.
    pub fn cancel_authentication(&mut self) {
        self.output.extend_from_slice(b"*\r\n");
    }

    /// The octets to send now; perhaps none.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Commands sent, or held back, that the server has not completed.
    #[must_use]
    pub fn outstanding(&self) -> &[Tag] {
        &self.outstanding
    }

    /// Whether octets have arrived that were not yet told as events: after the OK to STARTTLS, somebody's forgery.
    #[must_use]
    pub fn has_unread_input(&self) -> bool {
        !self.frames.is_empty() || !self.framer.is_between_lines()
    }

    /// What the server said next; `None` when more octets are needed.
    ///
    /// # Errors
    /// [`ProtocolError`], and the same one from then on: the connection must be given up.
    pub fn next_event(&mut self) -> Result<Option<Event>, ProtocolError> {
        let Some(frame) = self.frames.pop_front() else {
            return self.failure.map_or(Ok(None), Err);
        };
        let told = match self.stage {
            Stage::Waiting => self.greet(frame),
            Stage::Open => self.tell(frame),
            Stage::Refused => return Ok(None),
        };
        told.map(Some).inspect_err(|failure| {
            self.frames.clear();
            self.failure = Some(*failure);
        })
    }

    fn greet(&mut self, frame: Frame) -> Result<Event, ProtocolError> {
        let greeting = greeting::read(frame)?;
        self.stage = match greeting {
            Greeting::Ok(_) | Greeting::PreAuth(_) => Stage::Open,
            Greeting::Bye(_) => Stage::Refused,
        };
        self.flush();
        Ok(Event::Greeting(greeting))
    }

    fn tell(&mut self, frame: Frame) -> Result<Event, ProtocolError> {
        Ok(match Response::parse(frame, self.dialect.quoting())? {
            Response::Untagged(Untagged::Bye(text)) => Event::Bye(text),
            Response::Untagged(untagged) => Event::Untagged(untagged),
            Response::GoAhead(text) => {
                if matches!(self.waiting.front(), Some((_, Piece::AwaitGoAhead))) {
                    self.waiting.pop_front();
                    self.flush();
                    Event::GoAhead
                } else {
                    Event::Challenge(text)
                }
            }
            Response::Tagged { tag, status, text } => match self.complete(tag) {
                Some(tag) => Event::Completed(Completion { tag, status, text }),
                None => Event::UnknownTag { status, text },
            },
        })
    }

    /// Whatever of the command is still held back is never sent.
    fn complete(&mut self, tag: Option<Tag>) -> Option<Tag> {
        let at = self
            .outstanding
            .iter()
            .position(|outstanding| Some(*outstanding) == tag)?;
        let tag = self.outstanding.remove(at);
        self.waiting.retain(|(owner, _)| *owner != tag);
        self.flush();
        Some(tag)
    }

    /// Moves everything that may be sent to the output. A large piece is moved, not copied, where that is possible.
    fn flush(&mut self) {
        while self.stage == Stage::Open {
            match self.waiting.pop_front() {
                Some((_, Piece::Octets(octets))) if self.output.is_empty() => self.output = octets,
                Some((_, Piece::Octets(octets))) => self.output.extend_from_slice(&octets),
                Some(wait @ (_, Piece::AwaitGoAhead)) => {
                    self.waiting.push_front(wait);
                    return;
                }
                None => return,
            }
        }
    }
}

/// Shows how the connection stands, and nothing of what was said: that may be a password.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("dialect", &self.dialect)
            .field("stage", &self.stage)
            .field("failure", &self.failure)
            .field("outstanding", &self.outstanding)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
