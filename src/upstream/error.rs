//! What can go wrong between us and a server.

use std::time::Duration;

use crate::protocol::client::ProtocolError;

/// A failure that ends a connection, or one mailbox's turn on it.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Nobody answers at the address.
    #[error("could not reach {host}:{port}")]
    Unreachable {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The cause.
        source: std::io::Error,
    },
    /// The tunnel's command could not be run, or ended before it said anything.
    #[error("the tunnel command {program} failed{}", said(stderr))]
    Tunnel {
        /// The program.
        program: String,
        /// What it wrote to its standard error, cut short.
        stderr: String,
        /// The cause, where it could not be started.
        source: Option<std::io::Error>,
    },
    /// TLS could not be agreed on, or the certificate is not to be trusted.
    #[error("the connection to {host} is not secure")]
    Insecure {
        /// The host.
        host: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The extra trust roots cannot be used.
    #[error("the certificates in {path} cannot be used: {problem}")]
    TrustRoots {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The server does not offer what the configuration asks for.
    #[error("the server does not offer {what}")]
    NotOffered {
        /// What is missing.
        what: &'static str,
    },
    /// The server greeted with BYE.
    #[error("the server does not serve now: {text}")]
    Unwilling {
        /// Its words.
        text: String,
    },
    /// The server refused the login.
    #[error("the server refused the login for {user}: {text}")]
    LoginRefused {
        /// The user.
        user: String,
        /// The server's words.
        text: String,
    },
    /// The password could not be had.
    #[error("the password for the account could not be had: {problem}")]
    NoPassword {
        /// Why.
        problem: String,
        /// What to do about it: a sentence without its full stop.
        advice: String,
    },
    /// A mailbox could not be opened.
    #[error("the server did not open the mailbox {mailbox}: {text}")]
    NotOpened {
        /// The mailbox.
        mailbox: String,
        /// The server's words.
        text: String,
    },
    /// The server refused a command that should be possible.
    #[error("the server refused {command}: {text}")]
    Refused {
        /// The command.
        command: &'static str,
        /// The server's words.
        text: String,
    },
    /// The server sent what no server may send.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The server's numbers and ours no longer fit together; nothing may be sent by number any more.
    #[error("the server's message numbers no longer make sense: {problem}")]
    Desynchronised {
        /// What does not fit.
        problem: &'static str,
    },
    /// The connection ended.
    #[error("the server closed the connection{}", said(text))]
    Closed {
        /// The server's words, if it said BYE.
        text: String,
    },
    /// The connection failed.
    #[error("the connection to the server failed")]
    Io(#[source] std::io::Error),
    /// The server was silent for too long.
    #[error("the server said nothing for {} seconds while {doing}", after.as_secs())]
    Silent {
        /// What we waited for.
        doing: &'static str,
        /// How long.
        after: Duration,
    },
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It may be over in a moment.
    Soon,
    /// It will take its time: the server is busy or told us to go away, or a person has to change something.
    Later,
    /// The server counts how often this fails, and shuts out whoever tries too often.
    Rarely,
}

impl UpstreamError {
    /// When trying again makes sense.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            // Another client may have opened the mailbox where only one of us can have it: it should not be thrown out at once.
            Self::Closed { text } if !text.is_empty() => Retry::Later,
            Self::Unreachable { .. }
            | Self::Closed { .. }
            | Self::Io(_)
            | Self::Silent { .. }
            | Self::Tunnel { .. }
            | Self::Desynchronised { .. } => Retry::Soon,
            Self::Unwilling { .. }
            | Self::Refused { .. }
            | Self::NotOpened { .. }
            | Self::Protocol(_)
            | Self::Insecure { .. }
            | Self::NoPassword { .. }
            | Self::NotOffered { .. }
            | Self::TrustRoots { .. } => Retry::Later,
            Self::LoginRefused { .. } => Retry::Rarely,
        }
    }

    /// Whether the connection is of no further use.
    #[must_use]
    pub fn ends_connection(&self) -> bool {
        !matches!(self, Self::NotOpened { .. } | Self::Refused { .. })
    }
}

fn said(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refused_login_is_tried_rarely() {
        let words = || String::from("words");
        for (error, retry) in [
            (
                UpstreamError::LoginRefused {
                    user: words(),
                    text: words(),
                },
                Retry::Rarely,
            ),
            (
                UpstreamError::NoPassword {
                    problem: words(),
                    advice: words(),
                },
                Retry::Later,
            ),
            (UpstreamError::NotOffered { what: "STARTTLS" }, Retry::Later),
            (
                UpstreamError::Tunnel {
                    program: words(),
                    stderr: words(),
                    source: None,
                },
                Retry::Soon,
            ),
            (UpstreamError::Closed { text: words() }, Retry::Later),
            (
                UpstreamError::Closed {
                    text: String::new(),
                },
                Retry::Soon,
            ),
        ] {
            assert_eq!(error.retry(), retry, "{error}");
        }
    }
}
