//! What ends a pass early.

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
}
