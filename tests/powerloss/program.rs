//! The built program, its configuration, and the server that it mirrors: itself, with an account that has no server.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::memory::home;
use crate::record::{Call, TRACED, read};

/// How many letters there are.
pub(crate) const LETTERS: usize = 12;

/// Everything in its place.
pub(crate) struct Bench {
    home: TempDir,
}

impl Bench {
    /// A server with mail, and an account that mirrors it; nothing where calls cannot be recorded.
    pub(crate) fn set_up() -> Option<Self> {
        let strace = Command::new("strace")
            .arg("-V")
            .stdout(Stdio::null())
            .status();
        if !strace.is_ok_and(|status| status.success()) {
            return None;
        }
        let bench = Self {
            home: home("power-"),
        };
        bench.configure("server", "[account.attic]");
        let tunnel = format!(
            "[account.ada]\ntunnel = [{:?}, \"--config\", {:?}, \"imapd\", \"attic\"]\nprotocol = \"imap2bis\"",
            PROGRAM,
            bench.path("server.toml"),
        );
        bench.configure("online", &tunnel);
        bench.configure("offline", "[account.ada]\ntunnel = [\"/bin/false\"]");
        let mut commands = vec!["CREATE archive".to_owned()];
        for letter in 1..=LETTERS {
            let text = "All is well here.\r\n".repeat(letter * 7);
            let message = format!("Subject: letter {letter}\r\n\r\n{text}");
            commands.push(format!("APPEND INBOX {{{}}}\r\n{message}", message.len()));
        }
        let mut server = bench.program("server", &["imapd", "attic"]);
        converse(&mut server, &commands);
        Some(bench)
    }

    /// Where the mirror's files are.
    pub(crate) fn store(&self) -> PathBuf {
        self.path("data").join("ada")
    }

    /// Synchronises, and tells what the disk was asked for.
    pub(crate) fn sync(&self) -> Vec<Call> {
        let mut traced = self.traced(&self.program("online", &["sync"]));
        let output = traced.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        self.record()
    }

    /// A mail client acts while the server is out of reach.
    pub(crate) fn act_offline(&self, commands: &[String]) -> Vec<Call> {
        let mut traced = self.traced(&self.program("offline", &["imapd", "ada"]));
        converse(&mut traced, commands);
        self.record()
    }

    /// The same, where a system call fails: the `number`th of its kind in each thread.
    pub(crate) fn act_on_a_bad_disk(
        &self,
        call: &str,
        number: usize,
        commands: &[String],
    ) -> Answers {
        let fault = format!("inject={call}:error=EIO:when={number}");
        let mut program =
            self.under_strace(&self.program("offline", &["imapd", "ada"]), &["-e", &fault]);
        let errors = self.path("errors");
        program.stderr(fs::File::create(&errors).unwrap());
        let told = ask(&mut program, commands);
        let record = fs::read_to_string(self.path("record")).unwrap();
        Answers {
            has_failed: record.contains("(INJECTED)"),
            errors: fs::read_to_string(errors).unwrap(),
            ..told
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn configure(&self, name: &str, account: &str) {
        let data = if name == "server" { "server" } else { "data" };
        let text = format!(
            "[endpoint]\nlisten = []\npassword = {{ file = {:?} }}\n[storage]\ndata-dir = {:?}\n{account}\n",
            self.path("password"),
            self.path(data),
        );
        let path = self.path(&format!("{name}.toml"));
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn program(&self, config: &str, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .arg("--config")
            .arg(self.path(&format!("{config}.toml")))
            .args(words)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path());
        command
    }

    fn traced(&self, program: &Command) -> Command {
        let how = ["-y", "-xx", "-s", "9000000", "-e", TRACED];
        self.under_strace(program, &how)
    }

    fn under_strace(&self, program: &Command, how: &[&str]) -> Command {
        let mut command = Command::new("strace");
        command
            .args(["-f", "-qq"])
            .args(how)
            .arg("-o")
            .arg(self.path("record"))
            .arg(program.get_program())
            .args(program.get_args())
            .env_clear()
            .envs(
                program
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        command
    }

    fn record(&self) -> Vec<Call> {
        let calls = read(&fs::read_to_string(self.path("record")).unwrap());
        let store = self.store();
        let counts = |call: &Call| match call {
            Call::Said(_) => true,
            Call::Create(path)
            | Call::Write(path, ..)
            | Call::Truncate(path, _)
            | Call::Sync(path)
            | Call::Unlink(path) => path.parent() == Some(&store),
        };
        calls.into_iter().filter(counts).collect()
    }
}

/// What a program answered while its disk failed.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Whether a call failed at all.
    pub(crate) has_failed: bool,
    /// The tagged line of each command that was answered.
    pub(crate) lines: Vec<String>,
    /// What it said of it to whoever started it.
    pub(crate) errors: String,
    /// How the program ended.
    pub(crate) code: Option<i32>,
}

impl Answers {
    /// For each command that was answered, whether with OK.
    pub(crate) fn are_ok(&self) -> impl Iterator<Item = bool> {
        self.lines.iter().map(|line| line.starts_with("wish OK"))
    }
}

/// Gives a program commands, one after the other, as long as it answers.
fn ask(program: &mut Command, commands: &[String]) -> Answers {
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut answers = Answers::default();
    for command in std::iter::once("SELECT INBOX").chain(commands.iter().map(String::as_str)) {
        let is_sent = input.write_all(format!("wish {command}\r\n").as_bytes());
        let mut said = lines.by_ref().map_while(Result::ok);
        let Some(end) = said.find(|line| line.starts_with("wish ")) else {
            break;
        };
        is_sent.unwrap();
        if command != "SELECT INBOX" {
            answers.lines.push(end);
        }
    }
    drop(input);
    answers.code = child.wait().unwrap().code();
    answers
}

/// Gives a program commands, one after the other, and demands OK for each.
fn converse(program: &mut Command, commands: &[String]) {
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let tagged = commands.iter().enumerate();
    let tagged = tagged.map(|(number, command)| (format!("wish{number}"), command.as_str()));
    let all = [("open".to_owned(), "SELECT INBOX")]
        .into_iter()
        .chain(tagged);
    for (tag, command) in all {
        let whole = format!("{tag} {command}\r\n");
        // A literal waits until it is asked for.
        let (first, rest) = match whole.split_once("}\r\n") {
            Some((head, rest)) => (format!("{head}}}\r\n"), Some(rest)),
            None => (whole.clone(), None),
        };
        input.write_all(first.as_bytes()).unwrap();
        if let Some(rest) = rest {
            until(&mut output, "+");
            input.write_all(rest.as_bytes()).unwrap();
        }
        let end = until(&mut output, &tag);
        assert!(end.contains(" OK "), "{command}: {end}");
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

fn until(output: &mut impl BufRead, begins: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(output.read_line(&mut line).unwrap() > 0, "it said no more");
        if line.starts_with(begins) {
            return line;
        }
    }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_lowtide");
