//! Where the log goes: the journal when systemd started us and gave us its stream, otherwise standard error.

use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use super::args::{Arguments, Verb};
use super::text::visible;

/// Starts the log. `LOWTIDE_LOG` or `RUST_LOG` says what goes into it, before `--verbose` and `--quiet` do.
pub(super) fn start(arguments: &Arguments) {
    let filter = ["LOWTIDE_LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|name| EnvFilter::try_from_env(name).ok())
        .unwrap_or_else(|| EnvFilter::new(default_filter(arguments)));
    let registry = tracing_subscriber::registry().with(filter);
    let started = match journal() {
        Some(journal) => registry.with(journal).try_init(),
        None => registry
            .with(
                fmt::layer()
                    .with_ansi(false)
                    .with_target(false)
                    .with_writer(Lines),
            )
            .try_init(),
    };
    // It fails only where a log runs already, which is as good.
    drop(started);
}

fn default_filter(arguments: &Arguments) -> &'static str {
    let daemon = matches!(arguments.verb, Verb::Run);
    match (arguments.verbose, arguments.quiet) {
        (true, _) => "lowtide=debug",
        (false, true) if daemon => "lowtide=warn",
        (false, false) if daemon => "lowtide=info",
        // What a verb has to say, it says itself.
        (false, _) => "off",
    }
}

/// The journal, if standard error is its stream.
fn journal() -> Option<tracing_journald::Layer> {
    let announced = std::env::var("JOURNAL_STREAM").ok()?;
    let stderr = std::fs::metadata("/proc/self/fd/2").ok()?;
    (announced == format!("{}:{}", stderr.dev(), stderr.ino()))
        .then(tracing_journald::layer)?
        .ok()
}

/// Standard error, where an event is one line of visible text whatever a server put into it.
struct Lines;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        Self
    }
}

impl Write for Lines {
    /// Takes one event: the layer above writes each in one piece.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = visible(text.trim_end_matches('\n'));
        io::stderr()
            .lock()
            .write_all(format!("{line}\n").as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}
