//! The Unix user under whom servers and mail programs run: some refuse root, and all should do without it.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

/// The tests' own user, or, where the tests do not run as root, a user [`lowtide-peer`](NAME) made once.
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    switch: bool,
}

impl User {
    pub(crate) fn unprivileged() -> &'static Self {
        static USER: OnceLock<User> = OnceLock::new();
        USER.get_or_init(|| {
            if !is_root() {
                return Self::known(&id(&["-un"]).unwrap(), false);
            }
            // Another test binary may make the same user at the same moment; what counts is that it is there.
            if id(&["-u", NAME]).is_none() {
                let options = [
                    "--system",
                    "--user-group",
                    "--no-create-home",
                    "--home-dir",
                    "/nonexistent",
                ];
                let mut useradd = Command::new("useradd");
                useradd
                    .args(options)
                    .args(["--shell", "/usr/sbin/nologin", NAME])
                    .status()
                    .unwrap();
            }
            Self::known(NAME, true)
        })
    }

    fn known(name: &str, switch: bool) -> Self {
        let ask = |which| id(&[which, name]).unwrap_or_else(|| panic!("there is no user {name}"));
        let number = |which| ask(which).parse().unwrap();
        Self {
            name: name.to_owned(),
            group: ask("-gn"),
            uid: number("-u"),
            gid: number("-g"),
            switch,
        }
    }

    /// A new directory of this user's, removed when dropped.
    pub(crate) fn directory(&self) -> TempDir {
        let directory = TempDir::with_prefix("lowtide-peer-").unwrap();
        self.own(directory.path());
        directory
    }

    pub(crate) fn own(&self, path: &Path) {
        chown(path, Some(self.uid), Some(self.gid)).unwrap();
    }

    /// A command that runs as this user, with nothing of the test's environment but the path.
    pub(crate) fn command(&self, program: &Path, home: &Path) -> Command {
        let mut command = Self::own_command(program, home);
        command.env("USER", &self.name).env("LOGNAME", &self.name);
        if self.switch {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// A command that runs as the user of the tests, with nothing of their environment but the path.
    pub(crate) fn own_command(program: &Path, home: &Path) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("HOME", home);
        command.env("LC_ALL", "C.UTF-8").current_dir(home);
        command
    }

    /// The same as words, for programs that start a command of their own, such as a tunnel.
    pub(crate) fn command_words(&self, program: &Path, home: &Path) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        if self.switch {
            let (uid, gid) = (self.uid, self.gid);
            words = vec![
                "setpriv".into(),
                format!("--reuid={uid}"),
                format!("--regid={gid}"),
                "--clear-groups".into(),
            ];
        }
        words.extend([
            "env".into(),
            format!("HOME={}", home.display()),
            program.display().to_string(),
        ]);
        words
    }
}

/// Whether the tests may do what only root may.
pub(crate) fn is_root() -> bool {
    id(&["-u"]).as_deref() == Some("0")
}

fn id(arguments: &[&str]) -> Option<String> {
    let output = Command::new("id").args(arguments).output().unwrap();
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

const NAME: &str = "lowtide-peer";
