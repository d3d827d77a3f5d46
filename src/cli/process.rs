//! What the process does before anything else, so that no password and no mail is left lying about.

use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask,
};

use super::report::Problem;

/// Files are for us alone, there are no core dumps, and other programs of the user cannot look into our memory.
pub(super) fn guard() -> Result<(), Problem> {
    umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)
        .and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable))
        .map_err(|error| Problem::internal("core dumps could not be turned off", &error))
}
