//! Programs that own a screen: run in a terminal of tmux, typed at, and looked at.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{answer, find_program};
use super::{Absent, user::User};
use tempfile::TempDir;

/// A terminal of 100 columns and 40 lines with one program in it, in a tmux server of its own.
pub(crate) struct Terminal {
    tmux: PathBuf,
    home: TempDir,
}

impl Terminal {
    /// Starts the command as the unprivileged user, in a home directory that `prepare` may fill first.
    pub(crate) fn start(command: &[&str], prepare: impl FnOnce(&Path)) -> Result<Self, Absent> {
        find_program(command[0])?;
        let terminal = Self {
            tmux: find_program("tmux")?,
            home: User::unprivileged().directory(),
        };
        prepare(terminal.home.path());
        let size = ["new-session", "-d", "-x", "100", "-y", "40"];
        // The screen stays for a last look when the program has ended.
        let configuration = terminal.home.path().join("tmux.conf");
        std::fs::write(
            &configuration,
            "set -g remain-on-exit on\nset -g status off\nset -g default-terminal screen\n",
        )
        .unwrap();
        let status = terminal
            .command()
            .arg("-f")
            .arg(configuration)
            .args(size)
            .args(command)
            .status();
        assert!(status.unwrap().success(), "tmux does not start");
        Ok(terminal)
    }

    /// Types the text as it is.
    pub(crate) fn type_text(&self, text: &str) {
        self.run(&["send-keys", "-l", "--", text]);
    }

    /// Presses one key, by tmux's name for it, such as `Enter` or `C-x`.
    pub(crate) fn press(&self, key: &str) {
        self.run(&["send-keys", "--", key]);
    }

    pub(crate) fn screen(&self) -> String {
        self.run(&["capture-pane", "-p"])
    }

    /// Waits until the screen shows the text, and returns the screen; prints it where that never happens.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait_until(text, |screen| screen.contains(text))
    }

    /// Waits until the screen no longer shows the text, and returns the screen; prints it where that never happens.
    #[track_caller]
    pub(crate) fn wait_without(&self, text: &str) -> String {
        self.wait_until(&format!("no {text}"), |screen| !screen.contains(text))
    }

    #[track_caller]
    fn wait_until(&self, awaited: &str, shown: impl Fn(&str) -> bool) -> String {
        answer(|| Some(self.screen()).filter(|screen| shown(screen)))
            .unwrap_or_else(|| panic!("{awaited:?} never came; the screen is:\n{}", self.screen()))
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "tmux {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn command(&self) -> Command {
        let mut command = User::unprivileged().command(&self.tmux, self.home.path());
        command
            .env("TERM", "screen")
            .arg("-S")
            .arg(self.home.path().join("tmux.socket"));
        command
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It fails only where the server has ended, and then nothing is left to end.
        self.command().arg("kill-server").output().ok();
    }
}
