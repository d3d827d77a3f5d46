//! One connection to a server, from the greeting to the logout: which dialect it speaks, who we are, what it lists.

use tokio::io::{AsyncRead, AsyncWrite};

use super::dial::{self, AnyStream, Tunnel};
use super::error::UpstreamError;
use super::selected::Selected;
use super::server::{Credentials, Level, Patience, Security, Server, Transport};
use super::wire::{Wire, accept};
use crate::protocol::capability::Capabilities;
use crate::protocol::client::{Client, ClientLiterals, Completion, Greeting, ProtocolError};
use crate::protocol::command::{Command, FindKind, FindScope, InitialResponse};
use crate::protocol::dialect::{Dialect, Support};
use crate::protocol::response::{Code, Status, StatusText, Untagged};
use crate::protocol::types::{Keywords, MailboxName};

/// A connection that is logged in.
#[derive(Debug)]
pub struct Session {
    pub(super) wire: Wire,
    pub(super) features: Features,
    patience: Patience,
    /// Whether the dialect is what a person wrote, whatever the server shows.
    is_pinned: bool,
}

/// What a server can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    /// The protocol level spoken.
    pub dialect: Dialect,
    /// What it lists under CAPABILITY; empty below IMAP4.
    pub capabilities: Capabilities,
}

impl Session {
    /// Connects and logs in.
    ///
    /// # Errors
    /// [`UpstreamError`]; its [`retry`](UpstreamError::retry) says whether to try again.
    pub async fn connect(server: &Server) -> Result<Self, UpstreamError> {
        let (mut session, mut greeting) = Self::greeted(server).await?;
        match session.detect(server.level, &greeting).await {
            Err(UpstreamError::Closed { .. } | UpstreamError::Io(_))
                if server.level == Level::Detect =>
            {
                // Some servers cut the line at a command they do not know. Row `DETECT-CAP-CLOSE`.
                (session, greeting) = Self::greeted(server).await?;
                session.detect(Level::Imap2, &greeting).await?;
            }
            detected => detected?,
        }
        session.log_in(server, &greeting).await?;
        Ok(session)
    }

    /// The same over a connection that exists already, wherever it leads.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
        server: &Server,
    ) -> Result<Self, UpstreamError> {
        let client = Client::new(server.allowance.frames());
        let mut wire = Wire::new(Box::new(stream), client, server.patience.silence);
        let greeting = wire.greeting(server.patience.greeting).await?;
        let (mut session, greeting) = Self::admitted(wire, greeting, server)?;
        session.detect(server.level, &greeting).await?;
        session.log_in(server, &greeting).await?;
        Ok(session)
    }

    /// Connects and hears the greeting.
    async fn greeted(server: &Server) -> Result<(Self, Greeting), UpstreamError> {
        let (wire, greeting) = match &server.transport {
            Transport::Tunnel { command } => over_tunnel(command, server).await?,
            Transport::Tcp {
                host,
                port,
                security,
            } => over_tcp(host, *port, security, server).await?,
        };
        Self::admitted(wire, greeting, server)
    }

    fn admitted(
        wire: Wire,
        greeting: Greeting,
        server: &Server,
    ) -> Result<(Self, Greeting), UpstreamError> {
        let features = Features {
            dialect: Dialect::Rfc1176,
            capabilities: Capabilities::default(),
        };
        let session = Self {
            wire,
            features,
            patience: server.patience,
            is_pinned: !matches!(server.level, Level::Detect | Level::Imap4rev1),
        };
        match greeting {
            Greeting::Bye(text) => Err(UpstreamError::Unwilling {
                text: text.to_string(),
            }),
            Greeting::Ok(_) | Greeting::PreAuth(_) => Ok((session, greeting)),
        }
    }

    /// Logs in, unless the connection is somebody's already.
    async fn log_in(&mut self, server: &Server, greeting: &Greeting) -> Result<(), UpstreamError> {
        let Greeting::Ok(_) = greeting else {
            return Ok(());
        };
        let credentials = server
            .credentials
            .as_ref()
            .ok_or(UpstreamError::NoPassword {
                problem: "the server wants a login and the configuration has no user".to_owned(),
                advice: "Add user and password to the account in the configuration".to_owned(),
            })?;
        self.login(credentials).await
    }

    /// What the server can do.
    #[must_use]
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Every mailbox the server lists, INBOX first; just INBOX where it cannot list.
    ///
    /// # Errors
    /// [`UpstreamError`] when the connection is of no further use.
    pub async fn list(&mut self) -> Result<Vec<MailboxName>, UpstreamError> {
        let mut names = vec![MailboxName::inbox()];
        let mut hear = |untagged| {
            if let Untagged::Mailbox(name) = untagged {
                names.push(name);
            } else if let Untagged::List(listed) = untagged
                && listed.is_selectable()
            {
                names.push(listed.name);
            }
            Ok(())
        };
        if self.features.dialect.lists_with_list() {
            let list = Command::List {
                reference: Vec::new(),
                pattern: b"*".to_vec(),
            };
            self.wire.demand("LIST", list, &mut hear).await?;
        } else {
            for scope in [FindScope::All, FindScope::Subscribed] {
                let find = Command::Find {
                    kind: FindKind::Mailboxes,
                    scope,
                    pattern: b"*".to_vec(),
                };
                if Support::from_answer(self.wire.run(find, &mut hear).await?.status)
                    == Support::Present
                {
                    break;
                }
                self.breathe().await?;
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        Ok(names)
    }

    /// Opens a mailbox for reading and changing. `keywords` is what its keyword bits mean.
    ///
    /// # Errors
    /// [`UpstreamError::NotOpened`] when the server says NO.
    pub async fn select(
        &mut self,
        name: &MailboxName,
        keywords: Keywords,
    ) -> Result<Selected<'_>, UpstreamError> {
        Selected::open(self, name, keywords).await
    }

    /// Whether the server still answers.
    pub async fn is_alive(&mut self) -> bool {
        self.breathe().await.is_ok()
    }

    /// Ends the connection.
    pub async fn logout(mut self) {
        self.wire.logout(self.patience.logout).await;
    }

    /// Some servers cut the line after a few commands they do not know; one they know starts the count anew.
    pub(super) async fn breathe(&mut self) -> Result<(), UpstreamError> {
        self.wire
            .demand("NOOP", Command::Noop, |_| Ok(()))
            .await
            .map(drop)
    }

    /// Finds out which dialect to speak. At most one command is sent that the server may not know.
    async fn detect(&mut self, level: Level, greeting: &Greeting) -> Result<(), UpstreamError> {
        let (text, floor) = match greeting {
            Greeting::PreAuth(text) => (text, Dialect::Rfc1176.after_preauth()),
            Greeting::Ok(text) | Greeting::Bye(text) => (text, Dialect::Rfc1176),
        };
        match level {
            Level::Imap2 => self.speak(floor.min(Dialect::Imap2bis)),
            Level::Imap2bis => self.speak(Dialect::Imap2bis),
            Level::Detect | Level::Imap4rev1 => {
                let (status, listed) = match &text.code {
                    Some(Code::Capability(list)) => (Status::Ok, Some(list.clone())),
                    _ => self.ask_capabilities().await?,
                };
                self.speak(Dialect::from_capability(status, listed.as_ref()).max(floor));
                self.learn(listed);
            }
        }
        if level == Level::Imap4rev1 && self.features.dialect < Dialect::Imap4rev1 {
            return Err(UpstreamError::NotOffered { what: "IMAP4rev1" });
        }
        Ok(())
    }

    /// A mailbox that has UIDVALIDITY belongs to an IMAP4 server, whatever it said before. Row `DETECT-UIDVALIDITY`.
    pub(super) fn saw_uid_validity(&mut self) {
        if !self.is_pinned {
            self.speak(self.features.dialect.after_uidvalidity());
        }
    }

    fn speak(&mut self, dialect: Dialect) {
        self.features.dialect = dialect;
        self.wire.client.set_dialect(dialect);
    }

    fn learn(&mut self, listed: Option<Capabilities>) {
        let Some(capabilities) = listed else { return };
        if capabilities.has("LITERAL+") {
            self.wire.client.set_literals(ClientLiterals::Plus);
        }
        self.features.capabilities = capabilities;
    }

    async fn ask_capabilities(&mut self) -> Result<(Status, Option<Capabilities>), UpstreamError> {
        let mut listed = None;
        let hear = |untagged| {
            if let Untagged::Capability(capabilities) = untagged {
                listed = Some(capabilities);
            }
            Ok(())
        };
        let status = self.wire.run(Command::Capability, hear).await?.status;
        Ok((status, listed))
    }

    async fn login(&mut self, credentials: &Credentials) -> Result<(), UpstreamError> {
        let Credentials { user, password } = credentials;
        let capabilities = &self.features.capabilities;
        let command = if capabilities.has("LOGINDISABLED") && capabilities.has("AUTH=PLAIN") {
            let initial = if capabilities.has("SASL-IR") {
                InitialResponse::Sent
            } else {
                InitialResponse::Waits
            };
            Command::AuthenticatePlain {
                user: user.clone().into_bytes(),
                password: password.clone(),
                initial,
            }
        } else {
            Command::Login {
                user: user.clone().into_bytes(),
                password: password.clone(),
            }
        };
        let mut listed = None;
        let hear = |untagged| {
            if let Untagged::Capability(capabilities) = untagged {
                listed = Some(capabilities);
            }
            Ok(())
        };
        let Completion { status, text, .. } = self.wire.run(command, hear).await?;
        if status != Status::Ok {
            return Err(UpstreamError::LoginRefused {
                user: user.clone(),
                text: text.to_string(),
            });
        }
        if let Some(Code::Capability(list)) = text.code {
            listed = Some(list);
        }
        if self.features.dialect >= Dialect::Imap4 && listed.is_none() {
            listed = self.ask_capabilities().await?.1;
        }
        if self.features.dialect >= Dialect::Imap4 {
            self.learn(listed);
        }
        Ok(())
    }
}

async fn over_tunnel(
    command: &[String],
    server: &Server,
) -> Result<(Wire, Greeting), UpstreamError> {
    let (patience, limits) = (&server.patience, server.allowance.frames());
    let (tunnel, words) = Tunnel::start(command)?;
    let mut wire = Wire::new(Box::new(tunnel), Client::new(limits), patience.silence);
    let failed = |error| {
        if matches!(error, UpstreamError::Closed { .. } | UpstreamError::Io(_)) {
            let program = command.first().cloned().unwrap_or_default();
            UpstreamError::Tunnel {
                program,
                stderr: words.to_string(),
                source: None,
            }
        } else {
            error
        }
    };
    let greeting = wire.greeting(patience.greeting).await.map_err(failed)?;
    Ok((wire, greeting))
}

async fn over_tcp(
    host: &str,
    port: u16,
    security: &Security,
    server: &Server,
) -> Result<(Wire, Greeting), UpstreamError> {
    let (patience, limits) = (&server.patience, server.allowance.frames());
    let stream: AnyStream = Box::new(dial::tcp(host, port, patience.connect).await?);
    let stream = match security {
        Security::Tls { extra_roots } => {
            dial::tls(stream, host, extra_roots.as_deref(), patience.tls).await?
        }
        Security::StartTls { .. } | Security::Clear => stream,
    };
    let mut wire = Wire::new(stream, Client::new(limits), patience.silence);
    let greeting = wire.greeting(patience.greeting).await?;
    match security {
        Security::StartTls { extra_roots } => {
            let wire = start_tls(wire, greeting, host, extra_roots.as_deref(), server).await?;
            Ok((wire, Greeting::Ok(StatusText::default())))
        }
        Security::Tls { .. } | Security::Clear => Ok((wire, greeting)),
    }
}

/// Nothing said before TLS counts afterwards, and a server that is already somebody's, or that has more to say behind
/// its OK, is not trusted at all.
async fn start_tls(
    mut wire: Wire,
    greeting: Greeting,
    host: &str,
    extra_roots: Option<&std::path::Path>,
    server: &Server,
) -> Result<Wire, UpstreamError> {
    let (patience, limits) = (&server.patience, server.allowance.frames());
    let forged = |problem: &'static str| UpstreamError::Insecure {
        host: host.to_owned(),
        source: std::io::Error::other(problem),
    };
    match greeting {
        Greeting::Ok(_) => {}
        Greeting::PreAuth(_) => return Err(forged("it claims to be logged in before STARTTLS")),
        Greeting::Bye(text) => {
            return Err(UpstreamError::Unwilling {
                text: text.to_string(),
            });
        }
    }
    let hear = |_| Err(ProtocolError::NotImap(crate::protocol::client::Stranger::Unknown).into());
    let completion = wire.run(Command::StartTls, hear).await?;
    accept("STARTTLS", completion).map_err(|_| UpstreamError::NotOffered { what: "STARTTLS" })?;
    if wire.client.has_unread_input() {
        return Err(forged("it said more before TLS began"));
    }
    let stream = dial::tls(wire.into_stream(), host, extra_roots, patience.tls).await?;
    Ok(Wire::new(
        stream,
        Client::after_starttls(limits),
        patience.silence,
    ))
}
