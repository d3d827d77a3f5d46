//! The endpoint, talked to as a mail client talks to it, on stores of its own.

mod clients;
mod doors;
mod guard;
mod model;
mod reading;
mod transcripts;
mod world;
