//! `[account.NAME.keep]`: which message bodies are held offline.

use crate::config::error::Fault;
use crate::config::raw::Section;
use std::time::Duration;

/// Which bodies are held; headers always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bodies {
    /// Every body.
    All,
    /// None.
    Headers,
    /// Those within every limit that is set; at least one is.
    Within {
        /// Only messages that arrived within this time.
        newer_than: Option<Duration>,
        /// Only messages of fewer bytes than this.
        smaller_than: Option<u64>,
    },
}

impl Bodies {
    /// Reads `bodies` in the section.
    pub(super) fn read(section: &Section<'_>) -> Result<Self, Fault> {
        let entry = section.require("bodies")?;
        match entry.as_str() {
            Some("all") => return Ok(Self::All),
            Some("headers") => return Ok(Self::Headers),
            Some(_) | None => {}
        }
        let limits = entry.table()?;
        let newer_than = limits
            .given("newer-than")
            .map(|entry| entry.duration())
            .transpose()?;
        let smaller_than = limits
            .given("smaller-than")
            .map(|entry| entry.size())
            .transpose()?;
        if newer_than.is_none() && smaller_than.is_none() {
            return Err(entry.wrong());
        }
        Ok(Self::Within {
            newer_than,
            smaller_than,
        })
    }
}
