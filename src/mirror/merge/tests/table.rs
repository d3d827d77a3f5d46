//! Every cell of the table of conflicts, against a plain reading of it, flag by flag.

use super::{
    ALPHABET, Action, ChangedHereDeletedThere, Conflict, DeletedHereMarkedThere,
    DeletedHereUndeletedThere, FlagSet, Gone, JournalEntry, KEYWORD, MarkedHereDeletedThere,
    Outcome, Policy, Present, RemoteState, Settle, adding, attempted, entry, there, verdict,
};
use crate::mirror::support::{ANSWERED, DELETED, FLAGGED, NONE};
use crate::mirror::{ConflictKind, WaitReason};
use crate::protocol::types::FlagDelta;

/// What the user did with one message.
#[derive(Clone, Copy, Debug)]
struct Ours {
    known: FlagSet,
    wished: FlagSet,
    removed: bool,
    tried: bool,
}

impl Ours {
    fn entries(self) -> Vec<JournalEntry> {
        let delta = FlagDelta::between(self.known, self.wished);
        let changed = (!delta.is_empty()).then(|| entry(1, 1, Action::Flags(delta)));
        let removed = self.removed.then(|| entry(2, 1, Action::Expunge));
        let as_tried = |made| if self.tried { attempted(made, 1) } else { made };
        changed.into_iter().chain(removed).map(as_tried).collect()
    }

    fn set(self, flag: FlagSet) -> bool {
        self.wished.contains(flag) && !self.known.contains(flag)
    }

    fn cleared(self, flag: FlagSet) -> bool {
        self.known.contains(flag) && !self.wished.contains(flag)
    }

    /// What the table says; `None` where there is nothing to say.
    fn expected(self, theirs: RemoteState, policy: Policy) -> Option<Outcome> {
        let touched = self.removed || self.wished != self.known;
        Some(match theirs {
            RemoteState::Doubtful if touched => Outcome::Wait(WaitReason::Doubtful),
            RemoteState::Doubtful => Settle(Present(self.known)),
            RemoteState::Returned if touched => Outcome::Wait(WaitReason::Returned),
            RemoteState::Returned => Settle(Gone),
            RemoteState::Gone if !self.removed && (self.set(FLAGGED) || self.cleared(DELETED)) => {
                let kind = if policy.restore_what_others_removed {
                    ConflictKind::ChangedHereRestoredThere
                } else {
                    ChangedHereDeletedThere
                };
                Conflict { kind, kept: Gone }
            }
            RemoteState::Gone => Settle(Gone),
            RemoteState::Present(now) if !touched && now == self.known => return None,
            RemoteState::Present(now) if self.removed => self.removal(now, policy),
            RemoteState::Present(now) => self.change(now, policy),
        })
    }

    fn removal(self, now: FlagSet, policy: Policy) -> Outcome {
        let ours_to_unmark = self.tried && self.set(DELETED);
        let kept = ALPHABET.into_iter().filter(|&flag| {
            if flag == DELETED {
                now.contains(DELETED) && !ours_to_unmark
            } else {
                self.merged(flag, now)
            }
        });
        let kept = Present(kept.collect());
        let undeleted = self.known.contains(DELETED) && !now.contains(DELETED);
        if policy.delete_what_others_marked {
            Settle(Gone)
        } else if self.marked_by_others(now) {
            Conflict {
                kind: DeletedHereMarkedThere,
                kept,
            }
        } else if undeleted {
            Conflict {
                kind: DeletedHereUndeletedThere,
                kept,
            }
        } else {
            Settle(Gone)
        }
    }

    fn change(self, now: FlagSet, policy: Policy) -> Outcome {
        let merged = ALPHABET.into_iter().filter(|&flag| self.merged(flag, now));
        let merged: FlagSet = merged.collect();
        let would_mark = self.set(DELETED) && !now.contains(DELETED);
        if would_mark && self.marked_by_others(now) && !policy.delete_what_others_marked {
            Conflict {
                kind: DeletedHereMarkedThere,
                kept: Present(merged.minus(DELETED)),
            }
        } else if self.marks_what_they_deleted(now) {
            Conflict {
                kind: MarkedHereDeletedThere,
                kept: Present(merged),
            }
        } else {
            Settle(Present(merged))
        }
    }

    fn merged(self, flag: FlagSet, now: FlagSet) -> bool {
        self.set(flag) || (now.contains(flag) && !self.cleared(flag))
    }

    /// The user gave it a mark, and somebody else one for deletion, and nothing else is to be decided.
    fn marks_what_they_deleted(self, now: FlagSet) -> bool {
        let marks = [FLAGGED, ANSWERED, KEYWORD]
            .into_iter()
            .any(|flag| self.set(flag));
        let deleted = now.contains(DELETED) && !self.known.contains(DELETED);
        marks && deleted && !self.set(DELETED)
    }

    fn marked_by_others(self, now: FlagSet) -> bool {
        [FLAGGED, ANSWERED]
            .into_iter()
            .any(|flag| now.contains(flag) && !self.known.contains(flag) && !self.set(flag))
    }
}

/// Every set of flags over the alphabet.
fn every_set() -> impl Iterator<Item = FlagSet> + Clone {
    (0_usize..1 << ALPHABET.len()).map(|choice| {
        let chosen = |(bit, _): &(usize, &FlagSet)| choice & (1 << bit) != 0;
        ALPHABET
            .iter()
            .enumerate()
            .filter(chosen)
            .map(|(_, &flag)| flag)
            .collect()
    })
}

#[test]
fn every_cell_of_the_table_is_as_it_is_written() {
    let policies = [false, true].map(|choice| Policy {
        delete_what_others_marked: choice,
        restore_what_others_removed: choice,
    });
    let absent = [
        RemoteState::Gone,
        RemoteState::Doubtful,
        RemoteState::Returned,
    ];
    let mut cell_count = 0;
    for known in every_set() {
        for wished in every_set() {
            for (removed, tried) in [(false, false), (false, true), (true, false), (true, true)] {
                if removed && !wished.contains(DELETED) {
                    continue; // EXPUNGE takes what the client saw marked
                }
                let ours = Ours {
                    known,
                    wished,
                    removed,
                    tried,
                };
                let entries = ours.entries();
                for theirs in every_set().map(there).chain(absent) {
                    for policy in policies {
                        let outcome =
                            verdict(known, &entries, theirs, policy).map(|verdict| verdict.outcome);
                        assert_eq!(
                            outcome,
                            ours.expected(theirs, policy),
                            "{ours:?}, {theirs:?}, {policy:?}"
                        );
                        cell_count += 1;
                    }
                }
            }
        }
    }
    assert_eq!(cell_count, 32 * (32 + 32 + 16 + 16) * 35 * 2);
    assert_eq!(
        verdict(NONE, &[entry(1, 1, adding(NONE))], there(NONE), policies[0])
            .map(|verdict| verdict.outcome),
        Some(Settle(Present(NONE)))
    );
}
