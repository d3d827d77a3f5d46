//! What lowtide does, seen from outside: one module per subject.
// `cfg(test)` tells the lints that the helpers in here are tests too.

#[cfg(test)]
mod cli;
#[cfg(test)]
mod endpoint;
#[cfg(test)]
mod planted;
#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow ends a test, as it should"
)]
mod tidy;
#[cfg(test)]
mod transcripts;
#[cfg(test)]
mod upstream;
