//! The Unix socket: a file that only our user can reach, made without a moment in which others could.

use std::fs::{DirBuilder, symlink_metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with,
};
use tokio::net::UnixListener;

use super::listener::ListenError;

/// A listening socket and its file, which goes when this is dropped.
#[derive(Debug)]
pub(super) struct SocketFile {
    pub(super) listener: UnixListener,
    path: PathBuf,
    inode: u64,
}

impl SocketFile {
    /// Makes the socket; one that a program left behind when it ended is replaced.
    pub(super) fn bind(path: &Path) -> Result<Self, ListenError> {
        let at = |source| ListenError::Socket {
            path: path.to_owned(),
            source,
        };
        private_dir(path)?;
        remove_stale(path)?;
        let listener = listening(path).map_err(at)?;
        let inode = symlink_metadata(path).map_err(at)?.ino();
        Ok(Self {
            listener: UnixListener::from_std(listener).map_err(at)?,
            path: path.to_owned(),
            inode,
        })
    }
}

/// Removes the file, unless somebody has put another in its place.
impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode);
        if is_ours && let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "removing the socket");
        }
    }
}

/// The mode set on a socket before it is bound is the mode its file gets: there is no moment with another.
fn listening(path: &Path) -> io::Result<StdListener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// The directory is made for us alone; one that is there must be ours alone.
fn private_dir(path: &Path) -> Result<(), ListenError> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    let at = |source| ListenError::Socket {
        path: dir.to_owned(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(at)?;
    let found = symlink_metadata(dir).map_err(at)?;
    let ours = rustix::process::geteuid().as_raw();
    if found.is_dir() && found.uid() == ours && found.mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(ListenError::Exposed {
            path: dir.to_owned(),
        })
    }
}

fn remove_stale(path: &Path) -> Result<(), ListenError> {
    let taken = || ListenError::Taken {
        address: path.display().to_string(),
    };
    match symlink_metadata(path) {
        Err(_) => return Ok(()),
        Ok(file) if !file.file_type().is_socket() => return Err(taken()),
        Ok(_) => {}
    }
    match StdStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|source| ListenError::Socket {
                path: path.to_owned(),
                source,
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => Err(taken()),
    }
}

const BACKLOG: i32 = 64;
