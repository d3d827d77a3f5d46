//! Getting a stream of octets to a server: TCP, TLS, or a command's standard input and output.

use std::path::Path;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};

use super::error::UpstreamError;

/// Octets both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// Any stream to a server.
pub(super) type AnyStream = Box<dyn Stream>;

/// Opens a TCP connection.
pub(super) async fn tcp(
    host: &str,
    port: u16,
    patience: Duration,
) -> Result<TcpStream, UpstreamError> {
    let unreachable = |source| UpstreamError::Unreachable {
        host: host.to_owned(),
        port,
        source,
    };
    let stream = timeout(patience, TcpStream::connect((host, port)))
        .await
        .map_err(|_| unreachable(std::io::ErrorKind::TimedOut.into()))?
        .map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    Ok(stream)
}

/// Secures a stream. The name is always checked.
pub(super) async fn tls(
    stream: AnyStream,
    host: &str,
    extra_roots: Option<&Path>,
    patience: Duration,
) -> Result<AnyStream, UpstreamError> {
    let insecure = |source| UpstreamError::Insecure {
        host: host.to_owned(),
        source,
    };
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| insecure(std::io::Error::other(error)))?;
    let connector = TlsConnector::from(Arc::new(client_config(extra_roots)?));
    let secured = timeout(patience, connector.connect(name, stream))
        .await
        .map_err(|_| insecure(std::io::ErrorKind::TimedOut.into()))?
        .map_err(insecure)?;
    Ok(Box::new(secured))
}

fn client_config(extra_roots: Option<&Path>) -> Result<ClientConfig, UpstreamError> {
    let named = || {
        extra_roots.map_or_else(
            || "the platform's store".to_owned(),
            |path| path.display().to_string(),
        )
    };
    let unusable = |problem: String| UpstreamError::TrustRoots {
        path: named(),
        problem,
    };
    let roots: Vec<CertificateDer<'static>> = match extra_roots {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| unusable(error.to_string()))?,
        None => Vec::new(),
    };
    if extra_roots.is_some() && roots.is_empty() {
        return Err(unusable("there is no certificate in it".to_owned()));
    }
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots, provider.clone())
        .map_err(|error| unusable(error.to_string()))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// A command whose standard input and output are the connection. It is ended when this is dropped.
#[derive(Debug)]
pub(super) struct Tunnel {
    _child: Child,
    input: ChildStdin,
    output: ChildStdout,
    errors: ChildStderr,
    words: Words,
}

/// What a tunnel's command has written to its standard error so far, cut short.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(Arc<Mutex<Vec<u8>>>);

impl Words {
    fn add(&self, octets: &[u8]) {
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_WORDS.saturating_sub(words.len());
        words.extend(octets.iter().take(room));
    }
}

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let words = String::from_utf8_lossy(&words);
        let lines: Vec<&str> = words.lines().map(str::trim).collect();
        lines.join("; ").escape_debug().fmt(f)
    }
}

impl Tunnel {
    pub(super) fn start(command: &[String]) -> Result<(Self, Words), UpstreamError> {
        let program = command.first().cloned().unwrap_or_default();
        let failed = |source| UpstreamError::Tunnel {
            program: program.clone(),
            stderr: String::new(),
            source,
        };
        let mut child = Command::new(&program)
            .args(command.iter().skip(1))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(Some(error)))?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed(None));
        };
        let words = Words::default();
        Ok((
            Self {
                _child: child,
                input,
                output,
                errors,
                words: words.clone(),
            },
            words,
        ))
    }

    /// Takes what stands on the standard error, so that the command never waits for us to read it.
    fn drain(&mut self, cx: &mut Context<'_>) {
        let mut space = [0; 512];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut self.errors).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.words.add(buffer.filled())
                }
                Poll::Ready(_) | Poll::Pending => return,
            }
        }
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.drain(cx);
        Pin::new(&mut self.output).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.input).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.input).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.input).poll_shutdown(cx)
    }
}

/// How much of a tunnel's standard error is read.
const MAX_WORDS: usize = 1000;
