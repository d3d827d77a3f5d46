//! Wires the parts together.

mod content;
mod pass;
mod progress;
mod unread;

pub use content::Keep;
pub use pass::{PassError, PassOptions, pass};
pub use progress::{Part, Progress, Report, Tick};
