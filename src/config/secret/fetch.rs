//! Fetches a password from its place, with checks on who else could have read it.

use super::{Flaw, Secret, SecretError, SecretSource};
use crate::config::command::CommandLine;
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use zeroize::Zeroizing;

impl SecretSource {
    /// Fetches the password. One newline at its end is cut off.
    ///
    /// # Errors
    /// If the place cannot be read, others have access to it, or what it holds cannot be a password.
    pub async fn fetch(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Command(line) => from_command(line).await,
            Self::File(path) => from_file(path.clone(), Guard::Ours).await,
            Self::Credential(name) => {
                let directory = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
                from_credential(directory.as_deref(), name).await
            }
        }
    }
}

pub(super) async fn from_credential(
    directory: Option<&Path>,
    name: &str,
) -> Result<Secret, SecretError> {
    match directory {
        Some(directory) => from_file(directory.join(name), Guard::Directory).await,
        None => Err(SecretError::NoCredentials {
            name: name.to_owned(),
        }),
    }
}

/// What keeps others from a file.
#[derive(Clone, Copy)]
enum Guard {
    /// Its own owner and mode.
    Ours,
    /// Its directory: systemd shields the credentials of a unit as a whole, and may own the files itself.
    Directory,
}

async fn from_file(path: PathBuf, guard: Guard) -> Result<Secret, SecretError> {
    let origin = path.display().to_string();
    let failed = path.clone();
    let bytes = tokio::task::spawn_blocking(move || read_file(&path, guard))
        .await
        .unwrap_or_else(|stopped| {
            Err(SecretError::Unreadable {
                path: failed,
                source: io::Error::other(stopped),
            })
        })?;
    secret(&bytes, origin)
}

/// Opens first and asks the open file who owns it, so that nobody can swap it in between.
fn read_file(path: &Path, guard: Guard) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let unreadable = |source| SecretError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut options = OpenOptions::new();
    // Not waiting for a writer, should the path be a FIFO.
    options
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unreadable(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a plain file",
        )));
    }
    if let Guard::Ours = guard {
        check_access(path, metadata.uid(), metadata.mode())?;
    }
    read_bytes(&file).map_err(unreadable)
}

fn check_access(path: &Path, owner: u32, mode: u32) -> Result<(), SecretError> {
    let path = path.to_owned();
    if owner != rustix::process::geteuid().as_raw() {
        return Err(SecretError::NotOurs { path, owner });
    }
    match mode & 0o7777 {
        closed if closed & 0o077 == 0 => Ok(()),
        mode => Err(SecretError::Exposed { path, mode }),
    }
}

fn read_bytes(file: &File) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = buffer();
    file.take(READ_LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

async fn from_command(line: &CommandLine) -> Result<Secret, SecretError> {
    let program = line.program.clone();
    let not_started = |source| SecretError::NotStarted {
        program: program.clone(),
        source,
    };
    let mut command = line.to_command();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(not_started)?;
    let mut complaint = Complaint::default();
    let ended = run(&mut child, &mut complaint);
    let Ok((stdout, status)) = tokio::time::timeout(DEADLINE, ended).await else {
        return Err(SecretError::TooSlow {
            program,
            seconds: DEADLINE.as_secs(),
        });
    };
    let status = status.map_err(not_started)?;
    let bytes = stdout.map_err(not_started)?;
    if bytes.len() > LONGEST {
        return Err(SecretError::Unusable {
            origin: program,
            flaw: Flaw::TooLong,
        });
    }
    if !status.success() {
        return Err(SecretError::Failed {
            program,
            status,
            stderr: complaint.words(),
        });
    }
    secret(&bytes, program)
}

/// Reads what the command prints, up to its end. What it leaves running may hold its standard error open for ever
/// (ssh does, with ControlPersist): of that, only what is there shortly after the end of a command that failed is read.
async fn run(
    child: &mut Child,
    complaint: &mut Complaint,
) -> (io::Result<Zeroizing<Vec<u8>>>, io::Result<ExitStatus>) {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ended = async { tokio::join!(read_stdout(stdout), child.wait()) };
    let listen = complaint.listen(stderr);
    tokio::pin!(ended, listen);
    let ended = tokio::select! {
        ended = &mut ended => ended,
        () = &mut listen => return ended.await,
    };
    if !matches!(&ended.1, Ok(status) if status.success()) {
        drop(tokio::time::timeout(LAST_WORDS, listen).await);
    }
    ended
}

async fn read_stdout(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = buffer();
    if let Some(pipe) = pipe {
        pipe.take(READ_LIMIT).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// The end of what a command complains of: its last words say why.
#[derive(Default)]
struct Complaint(Vec<u8>);

impl Complaint {
    /// Reads to the end, so that the command never has to wait.
    async fn listen(&mut self, pipe: Option<impl AsyncRead + Unpin>) {
        let mut chunk = [0; 1024];
        let Some(mut pipe) = pipe else { return };
        while let Ok(count @ 1..) = pipe.read(&mut chunk).await {
            self.0
                .extend_from_slice(chunk.get(..count).unwrap_or_default());
            self.0.drain(..self.0.len().saturating_sub(STDERR_KEPT));
        }
    }

    /// What was read, on one line.
    fn words(&self) -> String {
        let words: Vec<_> = String::from_utf8_lossy(&self.0)
            .split_whitespace()
            .map(|word| word.escape_debug().to_string())
            .collect();
        words.join(" ")
    }
}

/// Checks what was read and moves it into memory of exactly its size; the buffer it came in is wiped by its owner.
fn secret(bytes: &[u8], origin: String) -> Result<Secret, SecretError> {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let flaw = if bytes.len() > LONGEST {
        Flaw::TooLong
    } else if line.is_empty() {
        Flaw::Empty
    } else if line.contains(&0) {
        Flaw::Nul
    } else if line.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        Flaw::ManyLines
    } else {
        return Ok(Secret::new(line.into()));
    };
    Err(SecretError::Unusable { origin, flaw })
}

/// A buffer that is large enough never to be moved while it is filled, which would leave a copy behind.
fn buffer() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(LONGEST.saturating_mul(2)))
}

/// The time a command has: enough to unlock a keyring by hand.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long the last words of a command that failed may take to come.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The longest password, with its newline, in bytes.
const LONGEST: usize = 4096;
/// One byte more than is allowed, to tell that there is more.
const READ_LIMIT: u64 = 4097;
/// How much of the standard error is quoted, in bytes.
const STDERR_KEPT: usize = 200;
