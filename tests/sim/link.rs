//! A line that can be cut behind any octet, in either direction.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// What one connection took.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// Octets that came.
    pub(crate) incoming: AtomicUsize,
    /// Octets that went.
    pub(crate) outgoing: AtomicUsize,
    /// Moments before and behind a write of the store.
    pub(crate) writes: AtomicU64,
}

/// The client's end.
pub(crate) struct Link {
    stream: DuplexStream,
    /// How many octets may come, and go.
    limits: [usize; 2],
    traffic: Arc<Traffic>,
}

impl Link {
    pub(crate) fn new(stream: DuplexStream, limits: [usize; 2], traffic: Arc<Traffic>) -> Self {
        Self {
            stream,
            limits,
            traffic,
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
        let left = self.limits[0] - self.traffic.incoming.load(Ordering::SeqCst);
        if left == 0 {
            return Poll::Ready(Err(cut()));
        }
        let limit = left.min(into.remaining()).min(4096);
        let mut octets = [0; 4096];
        let mut part = ReadBuf::new(&mut octets[..limit]);
        let polled = Pin::new(&mut self.stream).poll_read(context, &mut part);
        into.put_slice(part.filled());
        let count = part.filled().len();
        self.traffic.incoming.fetch_add(count, Ordering::SeqCst);
        polled
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let left = self.limits[1] - self.traffic.outgoing.load(Ordering::SeqCst);
        if left == 0 {
            return Poll::Ready(Err(cut()));
        }
        let limit = left.min(octets.len());
        let polled = Pin::new(&mut self.stream).poll_write(context, &octets[..limit]);
        if let Poll::Ready(Ok(count)) = polled {
            self.traffic.outgoing.fetch_add(count, Ordering::SeqCst);
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
