//! Merge: what each message should come to, given base, local and remote.
//!
//! A flag is one bit: if both sides changed it from one base, they agree, so flags cannot conflict. What can conflict is
//! a wish about existence with what somebody else did meanwhile: [`rule`] says what becomes of it.

use super::table::{ConflictKind, Meanwhile, Policy, Ruling, Sort, Wish, rule};
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
    /// Messages that are to be appended, and the entries that ask for it. Nobody else can be against that.
    pub appended: Vec<(MessageId, EntryId)>,
}

impl Verdicts {
    /// The messages that others removed.
    #[must_use]
    pub fn gone(&self) -> Vec<MessageId> {
        let gone = self.messages.iter().filter(|verdict| {
            verdict.remote == RemoteState::Gone && matches!(verdict.local, LocalState::Present(_))
        });
        gone.map(|verdict| verdict.message).collect()
    }
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
    /// The flags that the user saw when asking.
    pub saw: FlagSet,
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

/// Why a message has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitReason {
    /// It is one of several equal messages, and it is not clear which.
    Doubtful,
    /// It left its place and came back as a new message; its entries go over to that one.
    Returned,
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
    verdicts.appended.clone_from(&local.appended);
    verdicts
}

impl Verdict {
    fn of(message: MessageId, mine: &LocalMessage, remote: RemoteState, policy: Policy) -> Self {
        let wishes = mine.copies.iter();
        Self {
            message,
            remote,
            local: mine.state,
            saw: if matches!(mine.state, LocalState::Expunged { .. }) {
                mine.saw
            } else {
                mine.knew
            },
            outcome: judge(mine, remote, policy),
            copies: wishes
                .map(|wish| wish.onto(mine.before, mine.tried, remote))
                .collect(),
            entries: mine.entries.clone(),
        }
    }
}

/// One message, our side and their side: of all that the user asked for, the weightiest ruling decides.
fn judge(mine: &LocalMessage, theirs: RemoteState, policy: Policy) -> Outcome {
    use MessageState::{Gone, Present};
    use Outcome::{Conflict, Settle, Wait};

    let (base, flags) = (mine.before, mine.state.flags());
    let asked = asked(base, flags, mine.tried).union(unanswered(mine));
    let rulings: Vec<_> = wishes(mine, asked)
        .map(|wish| {
            (
                wish,
                rule(wish.0, meanwhile(wish, mine, asked, theirs), policy),
            )
        })
        .collect();
    let ruling = rulings.iter().map(|(_, ruling)| *ruling).max();
    // A mark for removal that was sent, and that others took off, is set again where the policy says so.
    let insists = rulings.contains(&((Wish::Set(Sort::Deleted), FlagSet::DELETED), Ruling::Apply));
    let asked = if insists {
        asked.union(FlagSet::DELETED)
    } else {
        asked
    };
    match (ruling, theirs) {
        (Some(Ruling::Wait), _) => Wait(WaitReason::Doubtful),
        (Some(Ruling::Follow), _) => Wait(WaitReason::Returned),
        (Some(Ruling::Forgo(kind)), _) => Conflict { kind, kept: Gone },
        (Some(Ruling::Keep(kind)), RemoteState::Present(now)) => {
            let kept = three_way(asked.minus(FlagSet::DELETED), flags, now);
            let kept = Present(undelete_ours(mine, kept));
            Conflict { kind, kept }
        }
        (Some(Ruling::Tell(kind)), RemoteState::Present(now)) => {
            let kept = Present(three_way(asked, flags, now));
            Conflict { kind, kept }
        }
        (_, RemoteState::Gone | RemoteState::Returned) => Settle(Gone),
        (None, RemoteState::Doubtful) if !mine.entries.is_empty() => Wait(WaitReason::Doubtful),
        (_, RemoteState::Doubtful) => Settle(Present(base)),
        (_, RemoteState::Present(now)) => match mine.state {
            LocalState::Expunged { .. } => Settle(Gone),
            LocalState::Present(_) => Settle(Present(three_way(asked, flags, now))),
        },
    }
}

/// What the user asked for, each with the flag it is about; also what the base has learnt already, as long as the user
/// was not told what came of it. Of a message that is to go, nothing else matters.
fn wishes(mine: &LocalMessage, asked: FlagSet) -> impl Iterator<Item = (Wish, FlagSet)> {
    let flags = mine.state.flags();
    let removes = matches!(mine.state, LocalState::Expunged { .. });
    let removal = removes.then_some((Wish::Remove, FlagSet::EMPTY));
    let open = if removes {
        FlagSet::EMPTY
    } else {
        asked.union(mine.named)
    };
    let changes = open.iter().map(move |flag| {
        let sort = Sort::of(flag);
        if flags.contains(flag) {
            (Wish::Set(sort), flag)
        } else {
            (Wish::Clear(sort), flag)
        }
    });
    let copy = (!mine.copies.is_empty()).then_some((Wish::Copy, FlagSet::EMPTY));
    removal.into_iter().chain(changes).chain(copy)
}

/// What others made of the message, as far as it matters beside this wish about this flag.
fn meanwhile(
    (wish, flag): (Wish, FlagSet),
    mine: &LocalMessage,
    asked: FlagSet,
    theirs: RemoteState,
) -> Meanwhile {
    let now = match theirs {
        RemoteState::Gone => return Meanwhile::Gone,
        RemoteState::Returned => return Meanwhile::Returned,
        RemoteState::Doubtful => return Meanwhile::Unclear,
        RemoteState::Present(now) => now,
    };
    let same = !flag.is_empty() && now.contains(flag) == mine.state.flags().contains(flag);
    let deletes = matches!(wish, Wish::Remove | Wish::Set(Sort::Deleted));
    if wish == Wish::Remove && mine.may_be_removed && !now.contains(FlagSet::DELETED) {
        Meanwhile::PutBack
    } else if !deletes && deleted_by_others(mine, now) {
        Meanwhile::Deleted
    } else if same {
        Meanwhile::Same
    } else if marked_by_others(mine, now) {
        Meanwhile::Marked
    } else if undeleted_by_others(mine, now, asked) {
        Meanwhile::Undeleted
    } else if now == mine.before {
        Meanwhile::Nothing
    } else {
        Meanwhile::Otherwise
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

/// The flags that the user changed and that nothing was sent for: they are owed although the base may have learnt, while the
/// user acted, that others did the same. Who deletes what others have undeleted since is asked anew.
fn unanswered(mine: &LocalMessage) -> FlagSet {
    let flags = mine.state.flags();
    let (set, cleared) = (
        mine.began.add.intersection(flags),
        mine.began.remove.minus(flags),
    );
    set.union(cleared).minus(FlagSet::DELETED)
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
fn undeleted_by_others(mine: &LocalMessage, now: FlagSet, asked: FlagSet) -> bool {
    let marked = mine.before.union(mine.saw).minus(asked);
    marked.minus(now).contains(FlagSet::DELETED)
}

/// Whether somebody else marked the message `\Deleted`, and the user did not see it. Like above, the base does not tell.
fn deleted_by_others(mine: &LocalMessage, now: FlagSet) -> bool {
    let theirs = now.minus(mine.knew).minus(mine.named);
    theirs.contains(FlagSet::DELETED)
}

#[cfg(test)]
mod tests;
