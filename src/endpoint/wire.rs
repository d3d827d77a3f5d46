//! One connection's octets: what comes in, and a bounded buffer of what goes out.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::protocol::dialect::Dialect;
use crate::protocol::response::ResponseWriter;

/// Whatever octets can be read from and written to.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// How a connection ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    /// The client is told why, with BYE.
    #[error("{0}")]
    Bye(&'static str),
    /// The client has logged out and was told so.
    #[error("logged out")]
    LoggedOut,
    /// The client is gone, or reads nothing any more.
    #[error("the connection is lost")]
    Lost(#[source] io::Error),
}

/// The socket, and what waits to be sent.
pub(super) struct Wire {
    io: Box<dyn Io>,
    buffer: Vec<u8>,
    dialect: Dialect,
    progress: Duration,
}

impl Wire {
    pub(super) fn new(io: Box<dyn Io>, dialect: Dialect, progress: Duration) -> Self {
        Self {
            io,
            buffer: Vec::new(),
            dialect,
            progress,
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = dialect;
    }

    /// Takes answers, in the connection's dialect.
    pub(super) fn writer(&mut self) -> ResponseWriter<'_> {
        ResponseWriter::new(&mut self.buffer, self.dialect)
    }

    /// Takes octets that are ready to be sent.
    pub(super) fn append(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// Sends what waits if it has become much. Producers call this after every small amount.
    pub(super) async fn make_room(&mut self) -> Result<(), Ended> {
        if self.buffer.len() >= FULL {
            self.flush().await?;
        }
        Ok(())
    }

    /// Sends everything that waits.
    pub(super) async fn flush(&mut self) -> Result<(), Ended> {
        let buffer = std::mem::take(&mut self.buffer);
        self.send(&buffer).await?;
        self.buffer = buffer;
        self.buffer.clear();
        self.buffer.shrink_to(MOST_KEPT);
        timeout(self.progress, self.io.flush())
            .await
            .unwrap_or_else(|_| Err(stalled()))
            .map_err(Ended::Lost)
    }

    /// Sends the text of a message behind what waits; a great one is not copied first.
    pub(super) async fn send_text(&mut self, octets: &[u8]) -> Result<(), Ended> {
        if octets.len() < FULL {
            self.append(octets);
            return self.make_room().await;
        }
        self.flush().await?;
        self.send(octets).await
    }

    async fn send(&mut self, mut octets: &[u8]) -> Result<(), Ended> {
        while !octets.is_empty() {
            let sent = timeout(self.progress, self.io.write(octets))
                .await
                .unwrap_or_else(|_| Err(stalled()))
                .map_err(Ended::Lost)?;
            if sent == 0 {
                return Err(Ended::Lost(io::ErrorKind::WriteZero.into()));
            }
            octets = octets.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads what there is; zero octets are the end. Nothing is lost when this is given up half way.
    pub(super) async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.io.read(into).await
    }

    /// Says that nothing more will be sent.
    pub(super) async fn close(&mut self) {
        let closed = timeout(self.progress, self.io.shutdown()).await;
        if let Ok(Err(error)) = closed {
            tracing::debug!(%error, "closing the connection");
        }
    }

    /// Throws away what the client is still sending, for a moment: to close on it at once would take from it the words
    /// that it was just sent.
    pub(super) async fn linger(&mut self) {
        let mut unread = vec![0; 4096];
        let to_the_end = async { while matches!(self.io.read(&mut unread).await, Ok(1..)) {} };
        if timeout(LINGER, to_the_end).await.is_err() {
            tracing::debug!("the client does not hang up");
        }
    }
}

fn stalled() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client reads nothing")
}

/// How long a client may take to hang up after BYE.
const LINGER: Duration = Duration::from_secs(1);
/// From how many octets on they are sent rather than collected.
const FULL: usize = 64 * 1024;
/// How much of the buffer is kept for the next answers.
const MOST_KEPT: usize = 128 * 1024;
