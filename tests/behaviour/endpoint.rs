//! The endpoint, talked to as a mail client talks to it, on stores of its own.

mod transcripts;
mod world;
