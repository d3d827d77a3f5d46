//! lowtide itself, as the built program: its configuration, its commands, and clients of the mirror.

use std::fs::{self, File, Permissions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::client::Client;
use super::process::{Running, copy_program, until};
use super::user::User;

/// An installation in a directory of its own.
pub(crate) struct Lowtide {
    pub(crate) home: TempDir,
    program: PathBuf,
    user: Option<&'static User>,
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Nothing where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Whether the server can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    There,
    /// The same files, and a server that nobody answers for.
    Away,
}

impl Lowtide {
    /// An installation with one account, [`ACCOUNT`], whose keys are given; `endpoint` is what stands in `[endpoint]`.
    pub(crate) fn install(account: &str, endpoint: &str) -> Self {
        let lowtide = Self {
            home: TempDir::with_prefix("lowtide-").unwrap(),
            program: env!("CARGO_BIN_EXE_lowtide").into(),
            user: None,
        };
        lowtide.settle(account, endpoint);
        lowtide
    }

    /// The same for the user under whom mail programs run: the endpoint serves nobody but its own user.
    pub(crate) fn install_for_programs(account: &str, endpoint: &str) -> Self {
        let user = User::unprivileged();
        let home = user.directory();
        // Where it was built the unprivileged user may not be allowed to look.
        let program = home.path().join("lowtide");
        copy_program(env!("CARGO_BIN_EXE_lowtide").as_ref(), &program);
        let lowtide = Self {
            home,
            program,
            user: Some(user),
        };
        lowtide.settle(account, endpoint);
        lowtide
    }

    fn settle(&self, account: &str, endpoint: &str) {
        self.secret("server-password", super::dovecot::PASSWORD);
        self.secret("endpoint-password", ENDPOINT_PASSWORD);
        self.configure(Network::There, endpoint, account);
        let away = "tunnel = [\"false\"]\nmailboxes = [\"INBOX\", \"archive\"]";
        self.configure(Network::Away, endpoint, away);
    }

    /// Writes a configuration anew.
    pub(crate) fn configure(&self, network: Network, endpoint: &str, account: &str) {
        let text = format!(
            "[endpoint]\n{endpoint}\n\n[account.{ACCOUNT}]\n{account}\n\n[storage]\ndata-dir = \"data\"\n"
        );
        fs::write(self.config(network), text).unwrap();
    }

    pub(crate) fn config(&self, network: Network) -> PathBuf {
        self.path(match network {
            Network::There => "config.toml",
            Network::Away => "away.toml",
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Where the account's databases are.
    pub(crate) fn store(&self) -> PathBuf {
        self.home.path().join("data").join(ACCOUNT)
    }

    /// A file that only its owner can read.
    pub(crate) fn secret(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        if let Some(user) = self.user {
            user.own(&path);
        }
    }

    /// A command that is not started yet, with nothing of the test's environment but the path.
    pub(crate) fn command(&self, network: Network, words: &[&str]) -> Command {
        let mut command = match self.user {
            Some(user) => user.command(&self.program, self.home.path()),
            None => User::own_command(&self.program, self.home.path()),
        };
        command.stdin(Stdio::null());
        command
            .arg("--config")
            .arg(self.config(network))
            .args(words);
        command
    }

    /// Starts a command whose words go to files.
    pub(crate) fn start(&self, words: &[&str]) -> Started {
        let (out, err) = (
            tempfile::NamedTempFile::new_in(self.home.path()).unwrap(),
            tempfile::NamedTempFile::new_in(self.home.path()).unwrap(),
        );
        let mut command = self.command(Network::There, words);
        command
            .stdout(out.as_file().try_clone().unwrap())
            .stderr(err.as_file().try_clone().unwrap());
        Started {
            process: Running::start(&mut command).unwrap(),
            out,
            err,
        }
    }

    /// Runs a command to its end.
    #[track_caller]
    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        self.start(words).wait()
    }

    /// Synchronises, and demands one of these exit codes.
    #[track_caller]
    pub(crate) fn sync(&self, codes: &[i32]) -> Ended {
        let ended = self.run(&["sync"]);
        assert!(
            ended.code.is_some_and(|code| codes.contains(&code)),
            "sync should end with {codes:?}: {ended:#?}\n{}",
            self.run(&["journal"]).stdout
        );
        ended
    }

    /// The rows of `VERB --json`.
    #[track_caller]
    pub(crate) fn rows(&self, verb: &str, kind: &str) -> Vec<Value> {
        let ended = self.run(&[verb, "--json"]);
        let value: Value = serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|error| panic!("{verb} --json: {error}: {ended:#?}"));
        value[kind]
            .as_array()
            .cloned()
            .unwrap_or_else(|| panic!("{verb} --json has no {kind}: {ended:#?}"))
    }

    /// What waits, is parked, or is held.
    #[track_caller]
    pub(crate) fn journal(&self) -> Vec<Value> {
        self.rows("journal", "entries")
    }

    #[track_caller]
    pub(crate) fn conflicts(&self) -> Vec<Value> {
        self.rows("conflicts", "conflicts")
    }

    /// A mail client that a running daemon serves, or else a process of its own.
    #[track_caller]
    pub(crate) fn client(&self) -> Client {
        Client::spawn(&mut self.command(Network::There, &["imapd", ACCOUNT])).unwrap()
    }

    /// The command that makes such a client's connection, as words.
    pub(crate) fn tunnel(&self) -> String {
        let config = self.config(Network::There);
        format!(
            "{} --config {} imapd {ACCOUNT}",
            self.program.display(),
            config.display()
        )
    }

    /// A mail client of the mirror while the server is out of reach.
    #[track_caller]
    pub(crate) fn offline_client(&self) -> Client {
        let mut command = self.command(Network::Away, &["imapd", ACCOUNT]);
        command.stderr(File::create(self.path("imapd.err")).unwrap());
        Client::spawn(&mut command).unwrap()
    }

    /// The databases of the account that can be fetched again go away.
    pub(crate) fn wipe_cache(&self) {
        let mut removed_count = 0;
        for file in ["cache.db", "cache.db-wal", "cache.db-shm"] {
            removed_count += usize::from(fs::remove_file(self.store().join(file)).is_ok());
        }
        assert!(removed_count > 0, "there is no cache.db");
    }
}

/// A command under way.
pub(crate) struct Started {
    pub(crate) process: Running,
    out: tempfile::NamedTempFile,
    err: tempfile::NamedTempFile,
}

impl Started {
    #[track_caller]
    pub(crate) fn wait(mut self) -> Ended {
        let status = until("lowtide ends", || self.process.0.try_wait().unwrap());
        Ended {
            code: status.code(),
            stdout: read(self.out.path()),
            stderr: read(self.err.path()),
        }
    }

    /// What it has said to its standard error so far.
    pub(crate) fn stderr(&self) -> String {
        read(self.err.path())
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}

/// The name of the account.
pub(crate) const ACCOUNT: &str = "work";
/// What mail clients log in with.
pub(crate) const ENDPOINT_PASSWORD: &str = "ebb-and-flow";

/// `lowtide run`, with an endpoint on TCP; it ends when this is dropped.
pub(crate) struct Daemon {
    pub(crate) address: SocketAddr,
    pub(crate) started: Started,
}

impl Daemon {
    /// Starts the daemon of an installation made with [`endpoint`], and waits until clients can connect.
    #[track_caller]
    pub(crate) fn start(lowtide: &Lowtide, address: SocketAddr) -> Self {
        let mut started = lowtide.start(&["run"]);
        until("the daemon listens", || {
            let ended = started.process.0.try_wait().unwrap();
            assert!(ended.is_none(), "the daemon ended: {}", started.stderr());
            TcpStream::connect(address).ok()
        });
        Self { address, started }
    }

    /// A client that is not logged in.
    pub(crate) fn stranger(&self) -> Client {
        Client::connect(self.address)
    }

    /// A client that is logged in.
    #[track_caller]
    pub(crate) fn client(&self) -> Client {
        let mut client = self.stranger();
        client.login(ACCOUNT, ENDPOINT_PASSWORD);
        client
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.started.process.terminate();
    }
}

/// An address that nobody listened on a moment ago, and the `[endpoint]` that listens there.
pub(crate) fn endpoint() -> (SocketAddr, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let keys = format!("listen = [\"{address}\"]\npassword = {{ file = \"endpoint-password\" }}");
    (address, keys)
}
