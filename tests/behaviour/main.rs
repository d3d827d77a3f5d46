//! What lowtide does, seen from outside: one module per subject.
// `cfg(test)` tells the lints that the helpers in here are tests too.

#[cfg(test)]
mod endpoint;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod transcripts;
