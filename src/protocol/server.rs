//! The server half: octets in, requests out; answers in, octets out.

mod budget;
mod line;
mod request;

use std::fmt;

pub use budget::Budget;
pub use request::{BadReason, NoReason, Request, SessionState};

use budget::Share;

use super::command::{BadCommand, Command};
use super::dialect::Dialect;
use super::framer::{Announced, Frame, FrameLimits, Framed, Framer, Handshake, Peer};
use super::parse::{LiteralUse, ParseError};
use super::response::ResponseWriter;
use super::types::Tag;

/// One connection of a client. Owns no socket and no mailbox: what arrives goes to [`Server::receive`],
/// [`Server::next_request`] tells what is asked, [`Server::writer`] takes the answers, [`Server::take_output`] gives
/// what is to be sent.
///
/// A command that is known to be wrong is refused before its literal is let through, and nothing is swallowed after a
/// refusal. Rows `1064-LEX-LIT-C2S`, `1064-LEX-LIT-REFUSED`, `1176-PIPELINE`.
pub struct Server {
    dialect: Dialect,
    limits: ServerLimits,
    state: SessionState,
    /// Commands that are newer are not offered.
    newest: Dialect,
    framer: Framer,
    backlog: Vec<u8>,
    read_count: usize,
    output: Vec<u8>,
    greeted_back: bool,
    /// What messages may take up; `None` where no mailbox takes a message.
    messages: Option<Budget>,
    /// What the message takes up that is on its way, and the one whose APPEND is being answered.
    arriving: Option<Share>,
    answering: Option<Share>,
    closed: bool,
}

/// What a client may send, in octets unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// A line before login; a longer one ends the connection.
    pub line_before_login: usize,
    /// A line after login; a longer one is skipped. Row `1064-LEX-LONGLINE`.
    pub line: usize,
    /// All literals of one command before login.
    pub literals_before_login: usize,
    /// One literal.
    pub literal: usize,
    /// All literals of one command, the message of an APPEND aside; never less than one literal may have.
    pub literals: usize,
    /// How many literals one command may have.
    pub literal_count: usize,
    /// The message of an APPEND.
    pub message: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            line_before_login: 8 * 1024,
            line: 64 * 1024,
            literals_before_login: 4 * 1024,
            literal: 100 * 1024,
            literals: 1024 * 1024,
            literal_count: 64,
            message: 64 * 1024 * 1024,
        }
    }
}

impl ServerLimits {
    /// One literal, and all literals of one command.
    fn literals_in(self, state: SessionState) -> (usize, usize) {
        match state {
            SessionState::NotAuthenticated => {
                (self.literals_before_login, self.literals_before_login)
            }
            SessionState::Authenticated | SessionState::Selected | SessionState::Logout => {
                (self.literal, self.literals.max(self.literal))
            }
        }
    }
}

impl Server {
    /// A connection that speaks the dialect and is in the state: `NotAuthenticated`, or `Authenticated` for a client
    /// that is known by other means.
    #[must_use]
    pub fn new(limits: ServerLimits, dialect: Dialect, state: SessionState) -> Self {
        let mut server = Self {
            dialect,
            limits,
            state,
            newest: Dialect::Imap4rev1,
            framer: Framer::new(Peer::Client, line_limit(limits.line)),
            backlog: Vec::new(),
            read_count: 0,
            output: Vec::new(),
            greeted_back: false,
            messages: Some(Budget::new(usize::MAX)),
            arriving: None,
            answering: None,
            closed: false,
        };
        server.set_state(state);
        server
    }

    /// The state of the session.
    #[must_use]
    pub fn state(&self) -> SessionState {
        self.state
    }

    /// Tells the state the session is in from the next request on. After `Logout` nothing is read any more.
    pub fn set_state(&mut self, state: SessionState) {
        self.state = state;
        let line = match state {
            SessionState::NotAuthenticated => self.limits.line_before_login,
            SessionState::Authenticated | SessionState::Selected | SessionState::Logout => {
                self.limits.line
            }
        };
        self.framer.set_limits(line_limit(line));
        if state == SessionState::Logout {
            self.close();
        }
    }

    /// Lets no message of an APPEND through from here on: there is no mailbox that could take one.
    pub fn refuse_messages(&mut self) {
        self.messages = None;
    }

    /// Lets messages of APPEND through for as long as the budget has room for them.
    pub fn share_messages(&mut self, budget: Budget) {
        self.messages = Some(budget);
    }

    /// Offers no command that came after the dialect.
    pub fn offer_up_to(&mut self, newest: Dialect) {
        self.newest = newest;
    }

    /// The dialect spoken.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Speaks another dialect from the next answer on.
    pub fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = dialect;
    }

    /// Takes octets from the client, in chunks of any size. Ask for requests before giving more.
    pub fn receive(&mut self, mut octets: &[u8]) {
        if self.closed {
            return;
        }
        if self.backlog.is_empty() {
            self.framer.take_literal_octets(&mut octets);
        }
        self.backlog.extend_from_slice(octets);
    }

    /// Whether octets wait that were not yet looked at.
    #[must_use]
    pub fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// What the client asks next; `None` when more octets are needed. What was asked before has been answered.
    pub fn next_request(&mut self) -> Option<Request> {
        self.answering = None;
        while !self.closed {
            let request = match self.next_framed()? {
                Framed::Frame(frame) => Some(self.request(frame)),
                Framed::Announced(announced) => self.decide(announced),
                Framed::LineTooLong(start) => Some(Request::TooLong {
                    tag: line::tag_of(&start),
                }),
                Framed::LiteralTooLarge => Some(Request::OutOfStep),
            };
            if let Some(request) = request {
                self.answering = self.arriving.take();
                if self.is_fatal(&request) {
                    self.close();
                }
                return Some(request);
            }
        }
        None
    }

    fn next_framed(&mut self) -> Option<Framed> {
        let backlog = std::mem::take(&mut self.backlog);
        let mut unread = backlog.get(self.read_count..).unwrap_or_default();
        let framed = self.framer.take(&mut unread);
        self.read_count = backlog.len().saturating_sub(unread.len());
        let finished = unread.is_empty();
        self.backlog = backlog;
        if finished {
            self.backlog.clear();
            self.read_count = 0;
        }
        framed
    }

    fn request(&mut self, frame: Frame) -> Request {
        match self.read(frame) {
            Ok((tag, command)) => Request::Command { tag, command },
            Err(refused) => refused,
        }
    }

    fn read(&mut self, mut frame: Frame) -> Result<(Tag, Command), Request> {
        let is_first = !std::mem::replace(&mut self.greeted_back, true);
        line::read(&mut frame, self.state, self.newest, is_first)
    }

    /// Reads the line as far as it goes. Only if nothing is wrong up to the literal is the literal let through.
    fn decide(&mut self, announced: Announced) -> Option<Request> {
        let is_first = !self.greeted_back;
        let refused = match self.look_at_unfinished(is_first) {
            Err(Request::Bad {
                tag,
                reason: BadReason::Command(BadCommand::Arguments(awaits)),
            }) => {
                let admitted = match awaits {
                    ParseError::AwaitsLiteral(LiteralUse::Message) => {
                        self.admit_message(tag, announced.size)
                    }
                    ParseError::AwaitsLiteral(LiteralUse::Argument) => self
                        .admit_argument(announced.size)
                        .map_err(|reason| Request::Bad { tag, reason }),
                    _ => Err(Request::bad(tag, awaits)),
                };
                match admitted {
                    Ok(()) => {
                        self.let_through(announced);
                        return None;
                    }
                    Err(refused) => refused,
                }
            }
            Err(refused) => refused,
            // The command takes no notice of a literal at its end, as PARTIAL does.
            Ok((tag, _)) => Request::bad(Some(tag), ParseError::TooMany { what: "arguments" }),
        };
        self.refuse(announced, refused)
    }

    /// Reads a copy of what has arrived. A message is not copied: nothing may follow it, least of all a literal.
    fn look_at_unfinished(&self, is_first: bool) -> Result<(Tag, Command), Request> {
        let unfinished = self.framer.unfinished();
        let (_, all) = self.limits.literals_in(self.state);
        if unfinished.literal_octets() > all {
            let tag = line::tag_of(&unfinished.text);
            return Err(Request::bad(tag, ParseError::TooMany { what: "arguments" }));
        }
        line::read(&mut unfinished.clone(), self.state, self.newest, is_first)
    }

    fn let_through(&mut self, announced: Announced) {
        self.framer.accept();
        if announced.handshake == Handshake::Waits {
            self.writer().go_ahead("Go ahead");
        }
    }

    /// A client that does not wait sends its literal whatever we say: a small one is read and the command refused at
    /// its end, a large one ends the connection.
    fn refuse(&mut self, announced: Announced, refused: Request) -> Option<Request> {
        self.greeted_back = true;
        match announced.handshake {
            Handshake::Waits => {
                self.framer.refuse();
                Some(refused)
            }
            Handshake::Skipped if matches!(refused, Request::NotImap) => Some(refused),
            Handshake::Skipped if self.admit_argument(announced.size).is_ok() => {
                self.framer.accept();
                None
            }
            Handshake::Skipped => Some(Request::OutOfStep),
        }
    }

    /// A message takes its share of the budget; whether it gets one is known before it is sent.
    fn admit_message(&mut self, tag: Option<Tag>, size: usize) -> Result<(), Request> {
        let refused = |reason| Request::Refused { tag, reason };
        let budget = self.messages.as_ref();
        let budget = budget.ok_or(refused(NoReason::NoMailbox))?;
        if size > self.limits.message {
            let reason = BadReason::LiteralTooLarge;
            return Err(Request::Bad { tag, reason });
        }
        let share = budget.take(size).ok_or(refused(NoReason::NoRoom))?;
        self.arriving = Some(share);
        Ok(())
    }

    fn admit_argument(&self, size: usize) -> Result<(), BadReason> {
        let unfinished = self.framer.unfinished();
        let total = unfinished.literal_octets().saturating_add(size);
        let (one, all) = self.limits.literals_in(self.state);
        if size > one || total > all {
            Err(BadReason::LiteralTooLarge)
        } else if unfinished.literal_count() >= self.limits.literal_count {
            Err(BadReason::TooManyLiterals)
        } else {
            Ok(())
        }
    }

    fn is_fatal(&self, request: &Request) -> bool {
        match request {
            Request::NotImap | Request::OutOfStep => true,
            Request::TooLong { .. } => self.state == SessionState::NotAuthenticated,
            Request::Command { .. } | Request::Bad { .. } | Request::Refused { .. } => false,
        }
    }

    /// Whether nothing the client sends is read any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    fn close(&mut self) {
        self.closed = true;
        self.arriving = None;
        self.backlog = Vec::new();
        self.read_count = 0;
    }

    /// Takes answers, in the session's dialect.
    pub fn writer(&mut self) -> ResponseWriter<'_> {
        ResponseWriter::new(&mut self.output, self.dialect)
    }

    /// How many octets wait to be sent.
    #[must_use]
    pub fn output_len(&self) -> usize {
        self.output.len()
    }

    /// The octets to send now; perhaps none.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }
}

/// The sizes of literals are decided upon one by one.
fn line_limit(line: usize) -> FrameLimits {
    FrameLimits {
        line,
        literal: usize::MAX,
        literal_total: usize::MAX,
    }
}

/// Shows how the session stands, and nothing of what was said: that may be a password.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("dialect", &self.dialect)
            .field("state", &self.state)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
