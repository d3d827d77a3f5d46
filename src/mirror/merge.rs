//! Merge: what each message should come to, given base, local and remote.
//!
//! A flag is one bit: if both sides changed it from one base, they agree, so flags cannot conflict. What can conflict is
//! a wish about existence with what somebody else did meanwhile. The whole table is [`judge`]; read it top to bottom.

use super::view::{
    Base, CopyWish, Local, LocalMessage, LocalState, MessageState, Remote, RemoteState,
};
use crate::id::{EntryId, MessageId};
use crate::protocol::types::{FlagDelta, FlagSet};

/// The verdicts of one merge, for every message that differs from the base on either side; in the base's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// One per message that somebody changed.
    pub messages: Vec<Verdict>,
    /// One per message that left the base before its entries were answered. Nothing is left to be sent for it.
    pub departed: Vec<Verdict>,
}

/// What one message should come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The message.
    pub message: MessageId,
    /// What the server shows of it now.
    pub remote: RemoteState,
    /// What the user made of it.
    pub local: LocalState,
    /// The decision.
    pub outcome: Outcome,
    /// Copies of it that are owed.
    pub copies: Vec<CopyWish>,
    /// The journal entries that this verdict answers.
    pub entries: Vec<EntryId>,
}

/// The decision on one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Both sides can come to this state.
    Settle(MessageState),
    /// Two wishes exclude each other; `kept` is what both sides come to.
    Conflict {
        /// Which wishes.
        kind: ConflictKind,
        /// What was kept.
        kept: MessageState,
    },
    /// Nothing is done now, because it cannot be known what to do it to.
    Wait(WaitReason),
}

/// Wishes that exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConflictKind {
    /// Deleted here; flagged or answered by somebody else since.
    DeletedHereMarkedThere,
    /// Removed here; somebody else took its `\Deleted` mark off.
    DeletedHereUndeletedThere,
    /// Flagged or undeleted here; removed on the server.
    ChangedHereDeletedThere,
}

/// Why a message has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitReason {
    /// It is one of several equal messages, and it is not clear which.
    Doubtful,
    /// It left its place and came back as a new message; its entries go over to that one.
    Returned,
}

/// What to do where wishes exclude each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Delete here although somebody marked the message meanwhile.
    pub delete_what_others_marked: bool,
}

/// Merges the three views.
#[must_use]
pub fn merge(base: &Base, local: &Local, remote: &Remote, policy: Policy) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for (known, &state) in base.messages.iter().zip(&remote.states) {
        let changed = local.changed.get(&known.id);
        if changed.is_none() && state == RemoteState::Present(known.flags) {
            continue;
        }
        let untouched = LocalMessage::untouched(known.flags);
        let mine = changed.unwrap_or(&untouched);
        let verdict = Verdict::of(known.id, mine, state, policy);
        verdicts.messages.push(verdict);
    }
    let departed = local.departed.iter();
    let gone = |(&id, mine)| Verdict::of(id, mine, RemoteState::Gone, policy);
    verdicts.departed.extend(departed.map(gone));
    verdicts
}

impl Verdict {
    fn of(message: MessageId, mine: &LocalMessage, remote: RemoteState, policy: Policy) -> Self {
        let wishes = mine.copies.iter();
        Self {
            message,
            remote,
            local: mine.state,
            outcome: judge(mine, remote, policy),
            copies: wishes
                .map(|wish| wish.onto(mine.before, mine.tried, remote))
                .collect(),
            entries: mine.entries.clone(),
        }
    }
}

/// The table: one message, our side and their side.
fn judge(mine: &LocalMessage, theirs: RemoteState, policy: Policy) -> Outcome {
    use ConflictKind::{
        ChangedHereDeletedThere, DeletedHereMarkedThere, DeletedHereUndeletedThere,
    };
    use MessageState::{Gone, Present};
    use Outcome::{Conflict, Settle, Wait};

    let base = mine.before;
    let touched = !mine.entries.is_empty();
    let asked = asked(base, mine.state.flags(), mine.tried);
    match (mine.state, theirs) {
        (_, RemoteState::Doubtful) if touched => Wait(WaitReason::Doubtful),
        (_, RemoteState::Doubtful) => Settle(Present(base)),
        (_, RemoteState::Returned) if touched => Wait(WaitReason::Returned),
        (_, RemoteState::Returned) => Settle(Gone),

        (LocalState::Expunged { .. }, RemoteState::Gone) => Settle(Gone),
        (LocalState::Present(flags), RemoteState::Gone) if wants_to_keep(asked, flags) => {
            Conflict {
                kind: ChangedHereDeletedThere,
                kept: Gone,
            }
        }
        (LocalState::Present(_), RemoteState::Gone) => Settle(Gone),

        (LocalState::Expunged { .. }, RemoteState::Present(_))
            if policy.delete_what_others_marked =>
        {
            Settle(Gone)
        }
        (LocalState::Expunged { flags }, RemoteState::Present(now)) => {
            let kept = Present(undelete_ours(
                mine,
                three_way(asked.minus(FlagSet::DELETED), flags, now),
            ));
            if marked_by_others(mine, now) {
                Conflict {
                    kind: DeletedHereMarkedThere,
                    kept,
                }
            } else if undeleted_by_others(base, mine, now, asked) {
                Conflict {
                    kind: DeletedHereUndeletedThere,
                    kept,
                }
            } else {
                Settle(Gone)
            }
        }

        (LocalState::Present(flags), RemoteState::Present(now)) => {
            let merged = three_way(asked, flags, now);
            let marks = asked
                .intersection(flags)
                .minus(now)
                .contains(FlagSet::DELETED);
            if marks && marked_by_others(mine, now) && !policy.delete_what_others_marked {
                Conflict {
                    kind: DeletedHereMarkedThere,
                    kept: Present(merged.minus(FlagSet::DELETED)),
                }
            } else {
                Settle(Present(merged))
            }
        }
    }
}

/// Takes `\Deleted` off if it may be our own half-done attempt; a mark that somebody else set is theirs to take off.
fn undelete_ours(mine: &LocalMessage, flags: FlagSet) -> FlagSet {
    flags.minus(mine.tried.add.intersection(FlagSet::DELETED))
}

impl CopyWish {
    /// The same wish, with the flags that the message should have on the server when it is copied.
    fn onto(&self, base: FlagSet, tried: FlagDelta, theirs: RemoteState) -> Self {
        let flags = match theirs {
            RemoteState::Present(now) => three_way(asked(base, self.flags, tried), self.flags, now),
            RemoteState::Gone | RemoteState::Returned | RemoteState::Doubtful => self.flags,
        };
        Self {
            flags,
            ..self.clone()
        }
    }
}

/// The flags that the user changed, and those where an attempt may have left what the user took back since.
fn asked(base: FlagSet, mine: FlagSet, tried: FlagDelta) -> FlagSet {
    let taken_back = tried.add.minus(mine).union(tried.remove.intersection(mine));
    FlagDelta::between(base, mine).touched().union(taken_back)
}

/// Their flags, except for those we ask for, which are ours.
fn three_way(asked: FlagSet, mine: FlagSet, theirs: FlagSet) -> FlagSet {
    theirs.minus(asked).union(mine.intersection(asked))
}

/// Whether somebody else flagged or answered the message and the user did not see it; what we speak of ourselves is not
/// somebody else's. The base does not tell: it may have learnt of the mark before the wish is answered.
fn marked_by_others(mine: &LocalMessage, now: FlagSet) -> bool {
    let theirs = now.minus(mine.saw).minus(mine.named);
    theirs.intersects(FlagSet::FLAGGED.union(FlagSet::ANSWERED))
}

/// Whether somebody else took off a `\Deleted` that the base has, or that the user saw in an earlier one.
fn undeleted_by_others(base: FlagSet, mine: &LocalMessage, now: FlagSet, asked: FlagSet) -> bool {
    let marked = base.union(mine.saw).minus(asked);
    marked.minus(now).contains(FlagSet::DELETED)
}

/// Whether the user's change says that the message matters: it was flagged, or its deletion was taken back.
fn wants_to_keep(asked: FlagSet, mine: FlagSet) -> bool {
    let flagged = asked.intersection(mine).contains(FlagSet::FLAGGED);
    let undeleted = asked.contains(FlagSet::DELETED) && !mine.contains(FlagSet::DELETED);
    flagged || undeleted
}

#[cfg(test)]
mod tests;
