//! The laboratory: real servers, other clients, awkward mail, broken connections.
//!
//! ```ignore
//! let Some(dovecot) = present(Dovecot::start(Storage::Maildir)) else { return };
//! let corpus = corpus::awkward(1, 1000);
//! dovecot.client().fill("INBOX", &corpus);
//! let before = State::read(&mut dovecot.client(), "INBOX");
//! // ... let lowtide work ...
//! assert_same(("before", &before), ("after", &State::read(&mut dovecot.client(), "INBOX")));
//! ```

pub(crate) mod certificate;
pub(crate) mod client;
pub(crate) mod corpus;
pub(crate) mod cut;
pub(crate) mod cyrus;
pub(crate) mod date;
pub(crate) mod dovecot;
pub(crate) mod lowtide;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod reply;
pub(crate) mod rig;
pub(crate) mod server_state;
pub(crate) mod stream;
pub(crate) mod tmux;
pub(crate) mod user;
pub(crate) mod uw;

use std::io::Write;

/// Why a peer cannot take part: it is not installed here.
#[derive(Debug)]
pub(crate) struct Absent(pub(crate) String);

/// The peer, or nothing after saying aloud that this test is skipped: `tests/run` counts those lines.
pub(crate) fn present<Peer>(peer: Result<Peer, Absent>) -> Option<Peer> {
    match peer {
        Ok(peer) => Some(peer),
        Err(Absent(why)) => {
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            // Written past the harness, which would keep the words of a passing test to itself; the line break
            // comes first because the harness may have begun a line.
            let line = format!("\nSKIPPED: {test}: {why}\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            None
        }
    }
}
