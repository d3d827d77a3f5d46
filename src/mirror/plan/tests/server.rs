//! What a plan comes to on a server.

use std::collections::{BTreeMap, BTreeSet};

use super::Case;
use crate::id::{EntryId, MessageId};
use crate::journal::Action;
use crate::mirror::support::DELETED;
use crate::mirror::{Access, Plan, RemoteState, Step};
use crate::protocol::types::FlagSet;

/// A server as simple as can be: messages by name with their flags, and strangers behind them.
pub(super) struct ServerModel {
    known: BTreeMap<MessageId, FlagSet>,
    strangers: Vec<FlagSet>,
}

impl ServerModel {
    pub(super) fn of(case: &Case) -> Self {
        let states = case.base.messages.iter().zip(&case.remote.states);
        let known = states.filter_map(|(message, state)| match state {
            RemoteState::Present(flags) => Some((message.id, *flags)),
            RemoteState::Gone | RemoteState::Returned | RemoteState::Doubtful => None,
        });
        Self {
            known: known.collect(),
            strangers: case
                .remote
                .strangers
                .iter()
                .map(|stranger| stranger.flags)
                .collect(),
        }
    }

    /// Does what the plan says, and nothing may go wrong.
    pub(super) fn carry_out(mut self, plan: &Plan, case: &Case) {
        let removable: BTreeSet<MessageId> = case
            .entries
            .iter()
            .filter(|entry| entry.action == Action::Expunge)
            .map(|entry| entry.message)
            .collect();
        let wished: BTreeMap<EntryId, FlagSet> = case
            .verdicts()
            .messages
            .iter()
            .flat_map(|verdict| verdict.copies.iter().map(|wish| (wish.entry, wish.flags)))
            .collect();
        let mut last_copy = EntryId::from_raw(0);
        for step in &plan.steps {
            match step {
                Step::StoreFlags { messages, delta } => {
                    assert!(!messages.is_empty() && !delta.is_empty());
                    for message in messages {
                        let flags = self.known.get_mut(message).expect("it is there");
                        assert!(
                            !delta.holds_in(*flags),
                            "{step:?} changes nothing of {flags:?}"
                        );
                        *flags = delta.apply(*flags);
                    }
                }
                // It comes behind all that is looked at.
                Step::Append { .. } => {}
                Step::Copy { message, entry, .. } => {
                    assert!(*entry > last_copy, "copies are out of order");
                    last_copy = *entry;
                    // Where flags cannot be set, a copy has those that its source has.
                    if case.facts.access != Access::ReadOnly {
                        assert_eq!(
                            self.known[message].minus(DELETED),
                            wished[entry].minus(DELETED)
                        );
                    }
                }
                Step::Expunge { only } => self.expunge(only, &removable, case.facts.scoped_expunge),
            }
        }
    }

    fn expunge(&mut self, only: &[MessageId], removable: &BTreeSet<MessageId>, scoped: bool) {
        let marked = self
            .known
            .iter()
            .filter(|(_, flags)| flags.contains(DELETED));
        let marked: Vec<MessageId> = marked.map(|(message, _)| *message).collect();
        assert!(
            only.iter()
                .all(|message| removable.contains(message) && marked.contains(message))
        );
        if !scoped {
            assert_eq!(marked, only, "EXPUNGE would remove others");
            assert!(!self.strangers.iter().any(|flags| flags.contains(DELETED)));
        }
        self.known.retain(|message, _| !only.contains(message));
    }
}
