//! The first line of a connection: a greeting, or the sign that something else answers there.

use std::fmt;

use super::{Greeting, ProtocolError};
use crate::protocol::framer::Frame;
use crate::protocol::response::{Response, Status, Untagged};
use crate::protocol::types::Quoting;

/// What answers in an IMAP server's place, as far as its first octets show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// A web server.
    Http,
    /// A POP3 server.
    Pop,
    /// A mail transport or file transfer server.
    Smtp,
    /// A secure shell server.
    Ssh,
    /// A server that speaks TLS first.
    Tls,
    /// Nobody can say.
    Unknown,
}

/// `* OK`, `* PREAUTH` or `* BYE`; everything else is a stranger.
pub(super) fn read(frame: Frame) -> Result<Greeting, ProtocolError> {
    let stranger = Stranger::from_line(&frame.text);
    match Response::parse(frame, Quoting::Plain) {
        Ok(Response::Untagged(Untagged::Status(Status::Ok, text))) => Ok(Greeting::Ok(text)),
        Ok(Response::Untagged(Untagged::PreAuth(text))) => Ok(Greeting::PreAuth(text)),
        Ok(Response::Untagged(Untagged::Bye(text))) => Ok(Greeting::Bye(text)),
        Ok(_) | Err(_) => Err(ProtocolError::NotImap(stranger)),
    }
}

impl Stranger {
    /// A TLS record or alert has no line end to wait for.
    pub(super) fn from_first_octet(octets: &[u8]) -> Option<Self> {
        matches!(octets.first(), Some(0x15 | 0x16)).then_some(Self::Tls)
    }

    fn from_line(line: &[u8]) -> Self {
        let begins: [(&[u8], Self); 5] = [
            (b"HTTP/", Self::Http),
            (b"+OK", Self::Pop),
            (b"-ERR", Self::Pop),
            (b"220", Self::Smtp),
            (b"SSH-", Self::Ssh),
        ];
        begins
            .iter()
            .find(|(start, _)| line.starts_with(start))
            .map_or(Self::Unknown, |(_, stranger)| *stranger)
    }
}

/// The end of the sentence "the other side is no IMAP server".
impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => " but a web server",
            Self::Pop => " but a POP3 server",
            Self::Smtp => " but a mail transport server",
            Self::Ssh => " but a secure shell server",
            Self::Tls => " that speaks without TLS",
            Self::Unknown => "",
        })
    }
}
