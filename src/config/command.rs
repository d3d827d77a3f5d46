//! Commands that the file names: they are run as written, without a shell.

use crate::config::error::Fault;
use crate::config::paths::Paths;
use crate::config::raw::Entry;

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// The program: a path, or a name that is looked up in `PATH`.
    pub program: String,
    /// What it is given.
    pub arguments: Vec<String>,
}

impl CommandLine {
    /// The command, ready to be given its standard streams.
    #[must_use]
    pub fn to_command(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(&self.arguments);
        command
    }

    /// Reads the list; `~/` is expanded in the program only, as a shell would not look into arguments it is not given.
    pub(super) fn read(entry: &Entry<'_>, paths: &Paths) -> Result<Self, Fault> {
        let words = entry.list()?;
        let text = |word: &Entry<'_>| {
            word.as_str()
                .filter(|text| !text.contains('\0'))
                .map(str::to_owned)
        };
        let mut words = words
            .iter()
            .map(|word| text(word).ok_or_else(|| word.wrong()));
        let program = words.next().ok_or_else(|| entry.wrong())??;
        Ok(Self {
            program: expand(program, paths).ok_or_else(|| entry.wrong())?,
            arguments: words.collect::<Result<_, _>>()?,
        })
    }
}

fn expand(program: String, paths: &Paths) -> Option<String> {
    match program.as_str() {
        "" => None,
        home if home.starts_with("~/") => paths.resolve(home)?.into_os_string().into_string().ok(),
        _ => Some(program),
    }
}
