//! What lowtide does, seen from outside: one module per subject.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "tests count freely, and some of them wait for real clocks"
)]
// `cfg(test)` tells the lints that the helpers in here are tests too.

#[cfg(test)]
mod endpoint;
#[cfg(test)]
mod transcripts;
