//! The sync engine: pure functions that decide, from values, what a pass should do.
//!
//! ```text
//! observe -> align -> fold -> merge -> plan -> execute -> settle -> record
//! ```
//!
//! Observe and execute touch the network and live with the upstream; record is one transaction of the store. Everything
//! between them is here, without I/O, clocks, chance or logging, so that each stage can be tested as a table.
//!
//! | stage | question it answers |
//! | --- | --- |
//! | [`probe`] | where must be looked, so that what stands everywhere is known? |
//! | [`align`] | which message of the base is which message on the server? |
//! | [`choose`] | which of several equal messages is left, where it does not matter? |
//! | [`fold`] | what did the user make of the base? |
//! | [`weigh`] | which copies are proven, and which have to be sent? |
//! | [`rule`] | what becomes of a wish that meets what others did? |
//! | [`merge`] | what should each message come to? |
//! | [`plan`] | what has to be sent for that, in which order, and what has to wait? |
//! | [`settle`] | what has been proven, and which entries are done? |
//! | [`mistakes`] | which change of ours may stand where it was not meant to? |
//! | [`rebind`] | which message does an entry mean that is not in the base? |
//!
//! No stage calls another; a pass strings them together.

// A new state must be thought about wherever states are told apart.
#![warn(clippy::wildcard_enum_match_arm)]

mod align;
mod brake;
mod copies;
mod fold;
mod merge;
mod mistake;
mod observation;
mod plan;
mod probe;
mod rebind;
mod settle;
#[cfg(test)]
pub(crate) mod support;
mod table;
#[cfg(test)]
mod tests;
mod twins;
mod view;

pub use align::{Aligned, Alignment, Fate, align};
pub use brake::{Brakes, Halt};
pub use copies::{Brought, CopyDecision, Sighting, recount, weigh};
pub use fold::fold;
pub use merge::{Outcome, Verdict, Verdicts, WaitReason, merge};
pub use mistake::{Mistake, mistakes};
pub use observation::{Access, Coverage, MailboxFacts, Observation, SeenMessage};
pub use plan::{Delay, Plan, Step, plan};
pub use probe::{Probe, Sight, Stretch, first_places, probe};
pub use rebind::{Rebinding, rebind, recognise};
pub use settle::{Arrival, Conflict, PassRecord, Settlement, StepOutcome, Trouble, settle};
pub use table::{ConflictKind, Meanwhile, Policy, Ruling, Sort, Wish, rule};
pub use twins::choose;
pub use view::{
    Base, BaseMessage, CopyWish, Local, LocalMessage, LocalState, MessageState, Remote,
    RemoteState, Stranger,
};
