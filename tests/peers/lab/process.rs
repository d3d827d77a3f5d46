//! Child processes that end with the test, and waiting for what they do.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::Absent;

/// A child process, ended when this is dropped. Only its own id is ever signalled.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Starts the command; a program that is not there is an absent peer.
    pub(crate) fn start(command: &mut Command) -> Result<Self, Absent> {
        let child = command.spawn();
        child.map(Self).map_err(|error| {
            Absent(format!(
                "{} does not start: {error}",
                command.get_program().display()
            ))
        })
    }

    /// Asks the process to end and waits until it has.
    pub(crate) fn terminate(&mut self) {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status();
        if asked.is_ok_and(|status| status.success()) {
            until("the process ends", || self.0.try_wait().unwrap());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where it has ended by itself, and then nothing is left to do.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Where the program is, looked for as the shell would, and where Debian keeps servers.
pub(crate) fn find_program(name: &str) -> Result<PathBuf, Absent> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = places
        .map(|place| place.join(name))
        .find(|file| file.is_file());
    found.ok_or_else(|| Absent(format!("{name} is not installed")))
}

/// The imapd of a server that `tests/run` has built or unpacked.
pub(crate) fn find_built(server: &str) -> Result<PathBuf, Absent> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let made = std::fs::read_dir(target.join("peers"))
        .into_iter()
        .flatten()
        .flatten();
    let imapd = |entry: std::fs::DirEntry| {
        let is_its = entry.file_name().to_string_lossy().starts_with(server);
        is_its.then(|| entry.path().join("imapd"))
    };
    let found = made.filter_map(imapd).filter(|imapd| imapd.is_file()).max();
    found.ok_or_else(|| Absent(format!("{server} is not there: tests/run peers makes it")))
}

/// Copies a program by another one: a process that another thread starts just then would inherit the open file, and what
/// is open for writing cannot be run.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg(from).arg(to).status().unwrap();
    assert!(copied.success(), "{} is not copied", from.display());
}

/// Asks again and again until there is an answer; fails the test when there is none within [`PATIENCE`].
#[track_caller]
pub(crate) fn until<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    answer(probe).unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain until {what}"))
}

/// Asks again and again; nothing when there is no answer within [`PATIENCE`].
#[expect(
    clippy::disallowed_methods,
    reason = "other programs cannot be told to run on paused time"
)]
pub(crate) fn answer<T>(mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        let answer = probe();
        if answer.is_some() || begun.elapsed() > PATIENCE {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// How long the laboratory waits for anything before it calls the test failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Lets another program go on for a while.
#[expect(
    clippy::disallowed_methods,
    reason = "what matters is that a moment is none in particular"
)]
pub(crate) fn pause(length: Duration) {
    std::thread::sleep(length);
}
