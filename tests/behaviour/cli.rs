//! The command line, run as a person or a script runs it.

mod codes;
mod daemon;
mod demo;
mod home;
mod life;
mod restore;
mod server;
mod torn;
mod words;
