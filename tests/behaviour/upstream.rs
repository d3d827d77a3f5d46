//! The client of remote servers, against servers that play from a script: one test for each thing that must hold.

mod connecting;
mod flag_sets;
mod glancing;
mod keeping;
mod listing;
mod newer;
mod reading;
mod restless;
mod script;
mod straying;
mod vocabulary;
mod world;
mod writing;
