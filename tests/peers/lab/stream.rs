//! A connection to a server, over TCP, over a Unix socket, or to a program that speaks on its stdin and stdout.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Command;

use super::Absent;
use super::process::{PATIENCE, Running};

/// Every read gives up after [`PATIENCE`], so that a silent server fails a test instead of hanging it.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::of_tcp(TcpStream::connect(address)?)
    }

    pub(crate) fn of_tcp(socket: TcpStream) -> io::Result<Self> {
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
        Ok(Self::Tcp(socket))
    }

    pub(crate) fn of_unix(socket: UnixStream) -> io::Result<Self> {
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self::Unix(socket))
    }

    /// Starts the command with a socket as its stdin and stdout, and returns the other end.
    pub(crate) fn spawn(command: &mut Command) -> Result<(Self, Running), Absent> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let also_theirs = theirs.try_clone().unwrap();
        let child = Running::start(
            command
                .stdin(OwnedFd::from(theirs))
                .stdout(OwnedFd::from(also_theirs)),
        );
        // The command keeps its own handles on the socket until they are replaced; left open, the end of the
        // process would not be seen as the end of the stream.
        command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null());
        Ok((Self::of_unix(ours).unwrap(), child?))
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(socket) => socket.try_clone().map(Self::Tcp),
            Self::Unix(socket) => socket.try_clone().map(Self::Unix),
        }
    }

    /// Ends the connection for every clone of this stream.
    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.shutdown(how),
            Self::Unix(socket) => socket.shutdown(how),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(buffer),
            Self::Unix(socket) => socket.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Unix(socket) => socket.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
