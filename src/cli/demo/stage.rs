//! What the demo plays on: a server with mail, a mirror of it, and clients of both.

use std::fs::Permissions;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;
use tokio::io::duplex;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::DemoError;
use super::client::MailClient;
use super::letters::letters;
use crate::config::{Config, Upstream};
use crate::daemon::{Errand, Outcome, Progress, visit};
use crate::endpoint::{
    Accounts, DialectPin, Endpoint, EndpointSettings, ListenError, Listener, PasswordDigest, Peer,
};
use crate::id::AccountName;
use crate::protocol::types::MailboxName;
use crate::store::{Kind, Store};

/// The server, the mirror, and the tasks that serve both.
pub(super) struct Stage {
    server: Store,
    pub(super) mirror: Store,
    server_endpoint: Endpoint,
    mirror_endpoint: Endpoint,
    upstream: Upstream,
    server_address: SocketAddr,
    mirror_address: SocketAddr,
    password: String,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    _files: TempDir,
}

impl Stage {
    /// Starts the server with its mail, and the mirror, which is empty.
    pub(super) async fn set() -> Result<Self, DemoError> {
        let files = tempfile::Builder::new()
            .prefix("lowtide-demo-")
            .permissions(PermissionsExt::from_mode(0o700))
            .tempdir()?;
        let password = format!("{:016x}", getrandom::u64().map_err(std::io::Error::other)?);
        let server = Store::open(&files.path().join("server"), Kind::Local)?;
        let mirror = Store::open(&files.path().join("mirror"), Kind::Mirror)?;
        let stop = watch::Sender::new(false);
        let mut tasks = JoinSet::new();
        let (server_endpoint, server_address) = open(
            &server,
            "harbour",
            DialectPin::Imap2bis,
            &password,
            &stop,
            &mut tasks,
        )?;
        let (mirror_endpoint, mirror_address) = open(
            &mirror,
            "you",
            DialectPin::Auto,
            &password,
            &stop,
            &mut tasks,
        )?;
        let upstream = upstream(files.path(), server_address, &password)?;
        let mut stage = Self {
            server,
            mirror,
            server_endpoint,
            mirror_endpoint,
            upstream,
            server_address,
            mirror_address,
            password,
            stop,
            tasks,
            _files: files,
        };
        stage.deliver().await?;
        Ok(stage)
    }

    /// A client of the server: somebody else, or the same person on another machine.
    pub(super) async fn other_client(&mut self) -> Result<MailClient, DemoError> {
        self.connect(self.server_endpoint.clone(), "harbour").await
    }

    /// A client of the mirror: the laptop's mail program.
    pub(super) async fn client(&mut self) -> Result<MailClient, DemoError> {
        self.connect(self.mirror_endpoint.clone(), "you").await
    }

    /// One visit of the mirror to the server.
    pub(super) async fn sync(&self) -> Result<Vec<Outcome>, DemoError> {
        Ok(visit(
            &self.upstream,
            &self.mirror,
            &Errand::default(),
            &Progress::silent(),
        )
        .await?)
    }

    /// How to connect a mail client to what is left open, line by line.
    pub(super) fn directions(&self) -> [String; 4] {
        let inbox = |address: SocketAddr, user: &str| {
            format!("{{{address}/imap/user={user}/novalidate-cert/notls}}INBOX")
        };
        let (mirror, server, password) = (self.mirror_address, self.server_address, &self.password);
        [
            String::new(),
            format!(
                "The mirror stays open at {mirror}, user \"you\"; the server at {server}, user \"harbour\". The password of both is {password}."
            ),
            format!(
                "With Alpine:  alpine -inbox-path='{}'",
                inbox(mirror, "you")
            ),
            "Ctrl-C ends it; nothing is left behind.".to_owned(),
        ]
    }

    /// Ends everything.
    pub(super) async fn strike(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }

    async fn connect(
        &mut self,
        endpoint: Endpoint,
        account: &str,
    ) -> Result<MailClient, DemoError> {
        let (ours, theirs) = duplex(PIPE_BYTES);
        let stop = self.stop.subscribe();
        let peer = account
            .parse::<AccountName>()
            .map_or(Peer::Trusted, Peer::Owner);
        // The session ends when the client drops its end of the pipe.
        self.tasks
            .spawn(async move { endpoint.serve(theirs, peer, stop).await });
        MailClient::connect(ours).await
    }

    async fn deliver(&mut self) -> Result<(), DemoError> {
        for name in ["INBOX", "receipts"] {
            if let Ok(name) = MailboxName::from_bytes(name.as_bytes())
                && self.server.mailbox(&name).is_none()
            {
                self.server.create_mailbox(name).await?;
            }
        }
        let mut postman = self.other_client().await?;
        for letter in letters() {
            postman
                .append(letter.mailbox, letter.flags, letter.date, &letter.octets)
                .await?;
        }
        Ok(())
    }
}

/// An endpoint for one account, on a port of its own.
fn open(
    store: &Store,
    name: &str,
    dialect: DialectPin,
    password: &str,
    stop: &watch::Sender<bool>,
    tasks: &mut JoinSet<()>,
) -> Result<(Endpoint, SocketAddr), DemoError> {
    let accounts: Accounts = name
        .parse::<AccountName>()
        .into_iter()
        .map(|name| (name, store.clone()))
        .collect();
    let (_, accounts) = watch::channel(accounts);
    let settings = EndpointSettings {
        password: Some(PasswordDigest::of(password.as_bytes())),
        dialect,
        ..EndpointSettings::default()
    };
    let endpoint = Endpoint::new(settings, accounts);
    let mut listener = Listener::new();
    listener.bind_tcp(&[SocketAddr::from((Ipv4Addr::LOCALHOST, 0))])?;
    let address = listener
        .tcp_addresses()
        .first()
        .copied()
        .ok_or(ListenError::NoAddress)?;
    tasks.spawn(listener.run(endpoint.clone(), stop.subscribe()));
    Ok((endpoint, address))
}

/// The mirror's configuration, as somebody would write it.
fn upstream(dir: &Path, server: SocketAddr, password: &str) -> Result<Upstream, DemoError> {
    let secret = dir.join("password");
    std::fs::write(&secret, password)?;
    std::fs::set_permissions(&secret, Permissions::from_mode(0o600))?;
    let text = format!(
        "[account.you]\nhost = \"{}\"\nport = {}\ntls = \"none\"\nuser = \"harbour\"\npassword = {{ file = \"{}\" }}\n\
         protocol = \"imap2\"\nmailboxes = [\"*\"]\n",
        server.ip(),
        server.port(),
        secret.display()
    );
    let config = Config::parse(&dir.join("config.toml"), &text)?;
    let upstream = config
        .accounts
        .into_values()
        .find_map(|account| account.upstream);
    upstream.ok_or(DemoError::HungUp)
}

/// How much may stand in a pipe between a client and the endpoint.
const PIPE_BYTES: usize = 64 * 1024;
