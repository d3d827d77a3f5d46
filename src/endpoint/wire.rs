//! One connection's octets: what comes in, and a bounded amount of what goes out.

use std::io::{self, IoSlice};
use std::time::Duration;

use bytes::Bytes;
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
    /// Texts of messages that wait between the octets of the buffer, without having been copied there.
    texts: Vec<Text>,
    text_octets: usize,
    dialect: Dialect,
    progress: Duration,
}

/// A text that is to be sent behind so many octets of the buffer.
struct Text {
    behind: usize,
    octets: Bytes,
}

impl Wire {
    pub(super) fn new(io: Box<dyn Io>, dialect: Dialect, progress: Duration) -> Self {
        Self {
            io,
            buffer: Vec::new(),
            texts: Vec::new(),
            text_octets: 0,
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

    /// Takes the text of a message, behind what waits. It is copied only where that is cheaper than sending it as a piece
    /// of its own.
    pub(super) fn send_text(&mut self, octets: Bytes) {
        let worthwhile = if self.io.is_write_vectored() {
            SMALL
        } else {
            GREAT
        };
        if octets.len() < worthwhile {
            return self.append(&octets);
        }
        self.text_octets = self.text_octets.saturating_add(octets.len());
        self.texts.push(Text {
            behind: self.buffer.len(),
            octets,
        });
    }

    /// Sends what waits if it has become much. Producers call this after every small amount.
    pub(super) async fn make_room(&mut self) -> Result<(), Ended> {
        if self.buffer.len().saturating_add(self.text_octets) >= FULL {
            self.flush().await?;
        }
        Ok(())
    }

    /// Sends everything that waits.
    pub(super) async fn flush(&mut self) -> Result<(), Ended> {
        self.send().await.map_err(Ended::Lost)?;
        self.buffer.clear();
        self.buffer.shrink_to(MOST_KEPT);
        self.texts.clear();
        self.text_octets = 0;
        Ok(())
    }

    async fn send(&mut self) -> io::Result<()> {
        let mut slices = Vec::with_capacity(self.texts.len().saturating_mul(2).saturating_add(1));
        let mut from = 0;
        for text in &self.texts {
            let before = self.buffer.get(from..text.behind).unwrap_or_default();
            slices.extend([IoSlice::new(before), IoSlice::new(&text.octets)]);
            from = text.behind;
        }
        let last = self.buffer.get(from..).unwrap_or_default();
        slices.push(IoSlice::new(last));
        let mut rest = slices.as_mut_slice();
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let sent = in_time(self.progress, self.io.write_vectored(rest)).await?;
            if sent == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            IoSlice::advance_slices(&mut rest, sent);
        }
        in_time(self.progress, self.io.flush()).await
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

/// Gives up on a client that reads nothing.
async fn in_time<T>(
    patience: Duration,
    step: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let stalled = || io::Error::new(io::ErrorKind::TimedOut, "the client reads nothing");
    timeout(patience, step)
        .await
        .unwrap_or_else(|_| Err(stalled()))
}

/// How long a client may take to hang up after BYE.
const LINGER: Duration = Duration::from_secs(1);
/// From how many octets on they are sent rather than collected.
const FULL: usize = 256 * 1024;
/// How much of the buffer is kept for the next answers.
const MOST_KEPT: usize = 128 * 1024;
/// From how many octets on a text is sent as it lies, where many pieces can be sent at once.
const SMALL: usize = 2 * 1024;
/// From how many octets on it is sent as it lies, where each piece is sent by itself.
const GREAT: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{DuplexStream, ReadBuf};

    use super::*;

    /// Takes one piece at a time, as standard output does.
    struct OneByOne(DuplexStream);

    impl AsyncRead for OneByOne {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            into: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(context, into)
        }
    }

    impl AsyncWrite for OneByOne {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            octets: &[u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.0).poll_write(context, octets)
        }

        fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(context)
        }

        fn poll_shutdown(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(context)
        }
    }

    /// What a client gets of texts of many sizes with words between them.
    async fn sent(ours: impl Io + 'static, mut theirs: impl AsyncRead + Unpin) -> Vec<Vec<u8>> {
        let mut wire = Wire::new(Box::new(ours), Dialect::Rfc1176, Duration::from_secs(10));
        let texts: Vec<Vec<u8>> = (0..40u8)
            .map(|number| vec![number; usize::from(number) * usize::from(number) * 200])
            .collect();
        let expected: Vec<u8> = texts
            .iter()
            .flat_map(|text| [b"<", text.as_slice(), b">"].concat())
            .collect();
        let send = async {
            for text in texts {
                wire.append(b"<");
                wire.send_text(text.into());
                wire.append(b">");
                wire.make_room().await.unwrap();
            }
            wire.flush().await.unwrap();
            wire.flush().await.unwrap();
            wire.close().await;
        };
        let mut came = Vec::new();
        let ((), read) = tokio::join!(send, theirs.read_to_end(&mut came));
        read.unwrap();
        vec![came, expected]
    }

    #[tokio::test]
    async fn texts_and_words_arrive_in_their_order() {
        let (ours, theirs) = tokio::io::duplex(1000);
        assert!(ours.is_write_vectored());
        let at_once = sent(ours, theirs).await;
        assert!(at_once[0] == at_once[1]);
        let (ours, theirs) = tokio::io::duplex(1000);
        let one_by_one = sent(OneByOne(ours), theirs).await;
        assert!(one_by_one[0] == one_by_one[1]);
        let (ours, theirs) = tokio::net::UnixStream::pair().unwrap();
        let in_the_kernel = sent(ours, theirs).await;
        assert!(in_the_kernel[0] == in_the_kernel[1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_given_up() {
        let (ours, _theirs) = tokio::io::duplex(1000);
        let mut wire = Wire::new(Box::new(ours), Dialect::Rfc1176, Duration::from_secs(60));
        wire.send_text(vec![b'x'; 100_000].into());
        let ended = wire.flush().await.unwrap_err();
        assert!(matches!(ended, Ended::Lost(error) if error.kind() == io::ErrorKind::TimedOut));
    }
}
