//! One connection: octets in, commands one after the other in their order, octets out.

use std::future::pending;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::command;
use super::listener::stopped;
use super::login::Failures;
use super::reply::Reply;
use super::service::{Endpoint, Peer, Room};
use super::session::Session;
use super::wire::{Ended, Io, Wire};
use crate::id::AccountName;
use crate::protocol::command::Command;
use crate::protocol::response::{Condition, Status};
use crate::protocol::server::{BadReason, Request, Server, SessionState};
use crate::protocol::types::{Password, Tag};

/// A client, and how far it has come.
pub(super) struct Connection {
    endpoint: Endpoint,
    server: Server,
    wire: Wire,
    peer: Peer,
    session: Option<Session>,
    failures: Failures,
    bad_lines: u32,
    shutdown: watch::Receiver<bool>,
}

impl Connection {
    pub(super) fn new(
        endpoint: Endpoint,
        io: Box<dyn Io>,
        peer: Peer,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        let settings = endpoint.settings();
        let dialect = settings.dialect.first();
        let limits = settings.limits;
        let mut server = Server::new(limits.sizes, dialect, SessionState::NotAuthenticated);
        server.share_messages(endpoint.messages());
        server.offer_up_to(settings.dialect.newest());
        Self {
            server,
            wire: Wire::new(io, dialect, limits.progress),
            endpoint,
            peer,
            session: None,
            failures: Failures::default(),
            bad_lines: 0,
            shutdown,
        }
    }

    /// Serves the client to the end.
    pub(super) async fn run(mut self) {
        let mut room = self.endpoint.room();
        let ended = match &mut room {
            Some(room) => self.converse(room).await,
            None => Ended::Bye("Too many connections; close some and try again"),
        };
        tracing::debug!(%ended, "connection ended");
        match ended {
            Ended::Lost(_) => return,
            Ended::LoggedOut => {}
            Ended::Bye(why) => self.wire.writer().untagged(Condition::Bye, why),
        }
        if self.wire.flush().await.is_ok() {
            self.wire.close().await;
        }
        if matches!(ended, Ended::Bye(_)) {
            self.wire.linger().await;
        }
    }

    async fn converse(&mut self, room: &mut Room) -> Ended {
        self.greet(room);
        let mut chunk = vec![0; READ_OCTETS];
        let mut deadline = self.deadline();
        loop {
            while let Some(request) = self.server.next_request() {
                self.take_go_ahead();
                if let Err(ended) = self.answer(request, room).await {
                    return ended;
                }
                deadline = self.deadline();
            }
            self.take_go_ahead();
            if let Err(ended) = self.wire.flush().await {
                return ended;
            }
            match self.read(&mut chunk, deadline).await {
                Ok(count) => self.server.receive(chunk.get(..count).unwrap_or_default()),
                Err(ended) => return ended,
            }
            if self.session.is_some() {
                deadline = self.deadline();
            }
        }
    }

    fn greet(&mut self, room: &mut Room) {
        match self.endpoint.session_without_login(&self.peer) {
            Some(session) => {
                let words = preauth_words(&session.account);
                self.wire.writer().untagged(Condition::PreAuth, &words);
                self.enter(session, room);
            }
            None => self
                .wire
                .writer()
                .untagged(Condition::Ok, "lowtide IMAP2 ready"),
        }
    }

    fn enter(&mut self, session: Session, room: &mut Room) {
        if !session.store.takes_messages() {
            self.server.refuse_messages();
        }
        self.session = Some(session);
        self.server.set_state(SessionState::Authenticated);
        room.settle();
    }

    /// Before login a line must come to its end in time; later any octet will do.
    fn deadline(&self) -> Option<Instant> {
        let limits = self.endpoint.settings().limits;
        let patience: Duration = match self.session {
            None => limits.login_line,
            Some(_) => limits.idle,
        };
        Instant::now().checked_add(patience)
    }

    async fn read(&mut self, chunk: &mut [u8], deadline: Option<Instant>) -> Result<usize, Ended> {
        let far = Instant::now().checked_add(FAR).unwrap_or_else(Instant::now);
        let read = tokio::select! {
            biased;
            () = stopped(&mut self.shutdown) => {
                return Err(Ended::Bye(SHUTTING_DOWN));
            }
            () = dismissed(&mut self.session) => {
                return Err(Ended::Bye("The account has changed or is gone; connect again"));
            }
            read = timeout_at(deadline.unwrap_or(far), self.wire.read(chunk)) => read,
        };
        match read {
            Err(_) => Err(Ended::Bye("Autologout; idle for too long")),
            Ok(Err(error)) => Err(Ended::Lost(error)),
            Ok(Ok(0)) => Err(Ended::Lost(std::io::ErrorKind::UnexpectedEof.into())),
            Ok(Ok(count)) => Ok(count),
        }
    }

    fn take_go_ahead(&mut self) {
        let go_ahead = self.server.take_output();
        self.wire.append(&go_ahead);
    }

    async fn answer(&mut self, request: Request, room: &mut Room) -> Result<(), Ended> {
        match request {
            Request::Command { tag, command } => {
                self.bad_lines = 0;
                self.obey(tag, command, room).await
            }
            Request::Refused { tag, reason } => {
                self.bad_lines = 0;
                self.say(tag, Status::No, &reason.to_string());
                Ok(())
            }
            Request::Bad { tag, reason } => self.refuse(tag, reason),
            Request::TooLong { .. } if self.server.is_closed() => {
                Err(Ended::Bye("The line is too long"))
            }
            Request::TooLong { tag } => {
                self.say(tag, Status::Bad, "The line is too long");
                Ok(())
            }
            Request::NotImap => Err(Ended::Bye("This is an IMAP server")),
            Request::OutOfStep => Err(Ended::Bye("The literal is too large")),
        }
    }

    fn refuse(&mut self, tag: Option<Tag>, reason: BadReason) -> Result<(), Ended> {
        self.bad_lines = self.bad_lines.saturating_add(1);
        if self.bad_lines >= self.endpoint.settings().limits.bad_line_count {
            return Err(Ended::Bye("Too many lines in a row that are no commands"));
        }
        self.say(tag, Status::Bad, &reason.to_string());
        Ok(())
    }

    /// Answers a line; one that has no tag to echo is answered with an untagged line.
    fn say(&mut self, tag: Option<Tag>, status: Status, words: &str) {
        let mut writer = self.wire.writer();
        match (tag, status) {
            (Some(tag), status) => writer.tagged(&tag, status, words),
            (None, Status::No) => writer.untagged(Condition::No, words),
            (None, _) => writer.untagged(Condition::Bad, words),
        }
    }

    async fn obey(&mut self, tag: Tag, command: Command, room: &mut Room) -> Result<(), Ended> {
        let reply = match (command, &mut self.session) {
            (Command::Logout, _) => {
                command::logout::run(&mut self.wire, &tag);
                return Err(Ended::LoggedOut);
            }
            (Command::Login { user, password }, None) => {
                self.log_in(&user, &password, room).await?
            }
            (Command::Capability, None) => command::capability::run(&mut self.wire),
            (Command::Noop, None) => Reply::ok("NOOP completed"),
            (_, None) => command::unknown(),
            (command, Some(session)) => command::run(session, &mut self.wire, command).await?,
        };
        self.wire.writer().tagged(&tag, reply.status, &reply.text);
        self.server.set_dialect(self.wire.dialect());
        if self.failures.are_too_many() {
            return Err(Ended::Bye("Too many failed logins"));
        }
        if let Some(session) = &self.session {
            self.server.set_state(match session.selected {
                Some(_) => SessionState::Selected,
                None => SessionState::Authenticated,
            });
        }
        Ok(())
    }

    /// Nobody is told that a password is wrong because the accounts are closed already.
    async fn log_in(
        &mut self,
        user: &[u8],
        password: &Password,
        room: &mut Room,
    ) -> Result<Reply, Ended> {
        let (endpoint, peer) = (&self.endpoint, &self.peer);
        let login = command::login::run(endpoint, peer, &mut self.failures, user, password);
        let admitted = tokio::select! {
            biased;
            () = stopped(&mut self.shutdown) => return Err(Ended::Bye(SHUTTING_DOWN)),
            admitted = login => admitted,
        };
        Ok(match admitted {
            Ok(session) => {
                self.failures = Failures::default();
                self.enter(session, room);
                Reply::ok("LOGIN completed")
            }
            Err(refused) => refused,
        })
    }
}

/// What a client is greeted with that need not log in.
#[must_use]
pub fn preauth_words(account: &AccountName) -> String {
    format!("lowtide IMAP2 ready, logged in as {account}")
}

/// Returns once a client is logged in to an account that is no longer served.
async fn dismissed(session: &mut Option<Session>) {
    match session {
        Some(session) => session.dismissed().await,
        None => pending().await,
    }
}

const SHUTTING_DOWN: &str = "lowtide is shutting down";
const READ_OCTETS: usize = 16 * 1024;
/// As good as never.
const FAR: Duration = Duration::from_hours(24 * 365);
