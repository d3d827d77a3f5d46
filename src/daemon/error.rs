//! What ends a pass early.

use std::error::Error;

use crate::store::StoreError;
use crate::upstream::UpstreamError;

/// Why a pass ended early.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The server or the way to it.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The local files.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something was done here that takes away what the pass was built on; the next one begins with it.
    #[error("{problem}, again and again")]
    Overtaken {
        /// What was done.
        problem: &'static str,
    },
    /// A person wants no connection.
    #[error("the account is kept offline")]
    Offline,
    /// Whoever was to do it has been told to stop.
    #[error("the daemon stops, or has another configuration for this account")]
    Released,
}

impl PassError {
    /// Whether it is about more than one mailbox, so that there is no use in going on to the next.
    pub(super) fn ends_visit(&self) -> bool {
        match self {
            Self::Upstream(error) => error.ends_connection() && !self.asks_for_a_fresh_start(),
            Self::Overtaken { .. } | Self::Store(StoreError::NoRoom { .. }) => false,
            Self::Store(_) | Self::Offline | Self::Released => true,
        }
    }

    /// Whether the open mailbox can be told something more on this connection.
    pub(super) fn leaves_the_mailbox_open(&self) -> bool {
        match self {
            Self::Upstream(error) => !error.ends_connection(),
            Self::Store(_) | Self::Overtaken { .. } | Self::Offline | Self::Released => true,
        }
    }

    /// Whether this connection can no longer be used, but another one may well be.
    pub(super) fn asks_for_a_fresh_start(&self) -> bool {
        matches!(
            self,
            Self::Upstream(UpstreamError::Desynchronised { .. } | UpstreamError::Protocol(_))
        )
    }
}

/// An error with its causes in one line, each said once.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        source = cause.source();
    }
    text
}
