//! Wires the parts together.

mod content;
mod pass;
mod progress;
mod settings;
mod unread;
mod visit;

pub use content::Keep;
pub use pass::{PassError, PassOptions, pass};
pub use progress::{Part, Progress, Report, Tick};
pub use visit::{Errand, Outcome, visit};
