//! A home directory with lowtide in it, and what its commands come to.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Somebody's home. Nothing outside of it is read or written.
pub(super) struct Home {
    dir: TempDir,
}

/// What a command came to.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ran {
    /// The one object that `--json` writes.
    pub(super) fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        let value: Value = serde_json::from_str(&self.out).unwrap();
        assert_eq!(value["version"], 1);
        value
    }

    #[track_caller]
    pub(super) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Whether the error stream is one sentence on what happened and one on what to do next.
    #[track_caller]
    pub(super) fn says(&self, what: &str, next: &str) {
        let one_line = self.err.lines().count() == 1 && self.err.starts_with("lowtide: ");
        let said = self.err.contains(what) && self.err.contains(next);
        assert!(one_line && said && self.err.ends_with(".\n"), "{self:#?}");
    }

    /// Whether the output has all of these.
    #[track_caller]
    pub(super) fn shows(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.out.contains(part), "{part}: {self:#?}");
        }
    }
}

impl Home {
    /// A home whose configuration has these accounts, and an endpoint on a port of its own.
    pub(super) fn new(accounts: &str) -> Self {
        let home = Self::empty();
        home.configure(accounts);
        home
    }

    pub(super) fn empty() -> Self {
        let dir = TempDir::with_prefix("lowtide-cli-").unwrap();
        Self { dir }
    }

    /// A home that mirrors an account of a server on this machine under the name `work`.
    pub(super) fn mirroring(server: SocketAddr, user: &str, password: &str) -> Self {
        let home = Self::empty();
        home.secret("server-password", password);
        home.configure(&mirror(server, user, ""));
        home
    }

    pub(super) fn configure(&self, accounts: &str) {
        let text = format!(
            "[endpoint]\nlisten = [\"127.0.0.1:0\"]\nsocket = \"run/imap.sock\"\n{accounts}\n[storage]\ndata-dir = \"data\"\n"
        );
        fs::write(self.config(), text).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn config(&self) -> PathBuf {
        self.path("config.toml")
    }

    pub(super) fn secret(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).unwrap();
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lowtide"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.dir.path())
            .env("LOWTIDE_CONFIG", self.config())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        Self::ran(self.command(arguments))
    }

    pub(super) fn ran(mut command: Command) -> Ran {
        let output = command.output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts the daemon, and returns once mail clients can connect.
    pub(super) fn daemon(&self) -> Daemon {
        Self::started(self.command(&["run"]))
    }

    /// Waits for a command that becomes the daemon.
    pub(super) fn started(mut command: Command) -> Daemon {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut told = String::new();
        let address = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended: {told}");
            told.push_str(&line);
            if let Some((_, address)) = line.trim_end().split_once("can connect address=") {
                break address.parse().unwrap();
            }
        };
        // The control socket is there before this is said, since both are bound before either is served.
        Daemon {
            child,
            address,
            told,
            log,
        }
    }

    /// A mail client's session on standard input and output: sends lines, returns all that came back.
    pub(super) fn session(&self, account: &str, lines: &str) -> String {
        let mut command = self.command(&["imapd", account]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(lines.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A daemon that runs; killed at the end of its test.
pub(super) struct Daemon {
    child: Child,
    /// Where mail clients connect.
    pub(super) address: SocketAddr,
    /// What it had said by then.
    pub(super) told: String,
    log: BufReader<ChildStderr>,
}

impl Daemon {
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to stop, and returns how it ended and what else it said.
    pub(super) fn stop(mut self) -> (Option<i32>, String) {
        rustix::process::kill_process(self.pid(), rustix::process::Signal::TERM).unwrap();
        self.ended()
    }

    pub(super) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// Waits until it has ended by itself, and returns how, and what else it said.
    pub(super) fn ended(&mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An account that mirrors a server on this machine in clear text.
pub(super) fn mirror(server: SocketAddr, user: &str, more: &str) -> String {
    format!(
        "[account.work]\nhost = \"{}\"\nport = {}\ntls = \"none\"\nuser = \"{user}\"\npassword = {{ file = \"server-password\" }}\npoll = \"1h\"\n{more}\n",
        server.ip(),
        server.port()
    )
}

/// The greeting of a session that needs no login.
pub(super) fn preauth(account: &str) -> String {
    format!("* PREAUTH lowtide IMAP2 ready, logged in as {account}\r\n")
}

pub(super) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}
