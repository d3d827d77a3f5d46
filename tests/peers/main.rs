//! lowtide proved against real peers: mail servers that run here for the length of a test, and mail programs.
//!
//! [`lab`] is the laboratory: it starts the servers, fills them, reads them with a client of its own, cuts
//! connections, and looks at screens. Nothing here uses lowtide's library, so that a mistake in it cannot
//! hide itself; lowtide takes part only as the built program.
//!
//! A peer that is not installed makes its tests print `SKIPPED: test: why`; `tests/run` counts them as skipped.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow ends a test, as it should"
)]

#[cfg(test)]
mod bringing;
#[cfg(test)]
mod broken;
#[cfg(test)]
mod cachewipe;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod laboratory;
#[cfg(test)]
mod mirror;
#[cfg(test)]
mod offline_replay;
#[cfg(test)]
mod security;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod story;
#[cfg(test)]
mod troubles;
