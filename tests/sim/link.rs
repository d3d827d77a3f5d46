//! A line that can be cut behind any octet, in either direction.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// The client's end.
pub(crate) struct Link {
    stream: DuplexStream,
    /// How many octets may still come, and go.
    incoming: usize,
    outgoing: usize,
}

impl Link {
    pub(crate) fn new(stream: DuplexStream, incoming: usize, outgoing: usize) -> Self {
        Self {
            stream,
            incoming,
            outgoing,
        }
    }
}

fn cut() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.incoming == 0 {
            return Poll::Ready(Err(cut()));
        }
        let limit = self.incoming.min(into.remaining()).min(4096);
        let mut octets = [0; 4096];
        let mut part = ReadBuf::new(&mut octets[..limit]);
        let polled = Pin::new(&mut self.stream).poll_read(context, &mut part);
        into.put_slice(part.filled());
        let count = part.filled().len();
        self.incoming -= count;
        polled
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.outgoing == 0 {
            return Poll::Ready(Err(cut()));
        }
        let limit = self.outgoing.min(octets.len());
        let polled = Pin::new(&mut self.stream).poll_write(context, &octets[..limit]);
        if let Poll::Ready(Ok(count)) = polled {
            self.outgoing -= count;
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
