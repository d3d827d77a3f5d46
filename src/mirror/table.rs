//! The table of conflicts: what becomes of one wish of the user, given what others made of the message meanwhile.
//!
//! [`rule`] is the whole table, to be read from top to bottom. It is what runs: [`merge`](super::merge()) asks it about
//! every wish, and `lowtide conflicts --table` prints what it says.

use crate::protocol::types::FlagSet;

/// One thing that the user asked for, on one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// A flag is to be set.
    Set(Sort),
    /// A flag is to be taken off.
    Clear(Sort),
    /// The message is to go.
    Remove,
    /// A copy is to stand in another mailbox.
    Copy,
}

/// The flags that wishes are about, as far as they differ here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// `\Seen`.
    Seen,
    /// `\Answered`.
    Answered,
    /// `\Flagged`.
    Flagged,
    /// `\Draft`.
    Draft,
    /// Any keyword.
    Keyword,
    /// `\Deleted`.
    Deleted,
}

/// What others made of the message since the user saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meanwhile {
    /// Nothing.
    Nothing,
    /// What the user asks for.
    Same,
    /// Something that has nothing to do with the wish.
    Otherwise,
    /// They marked it `\Deleted`.
    Deleted,
    /// They took a `\Deleted` off that the user had seen.
    Undeleted,
    /// They flagged or answered it.
    Marked,
    /// EXPUNGE may have removed it, and an equal message without the mark for that stands in its place: it may be another
    /// one, put there since.
    PutBack,
    /// They removed it.
    Gone,
    /// It left its place and stands among the arrivals.
    Returned,
    /// It is one of several equal messages, and nobody can tell which.
    Unclear,
}

/// What becomes of a wish; of several on one message the last in this order decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ruling {
    /// Both sides agree already.
    Agreed,
    /// There is nothing left that it could be done to.
    Drop,
    /// A person has to look.
    Park,
    /// It is carried out.
    Apply,
    /// It is carried out, and the user is told what else happened.
    Tell(ConflictKind),
    /// It cannot be carried out any more, and the user is told.
    Forgo(ConflictKind),
    /// It is not carried out, so that the message stays, and the user is told.
    Keep(ConflictKind),
    /// It goes over to the message that came back.
    Follow,
    /// It waits until it is clear which message is meant.
    Wait,
}

/// Wishes that exclude each other, or that their owners had better know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConflictKind {
    /// Deleted here; flagged or answered by somebody else since.
    DeletedHereMarkedThere,
    /// Removed here; somebody else took its `\Deleted` mark off.
    DeletedHereUndeletedThere,
    /// Flagged or undeleted here; removed on the server.
    ChangedHereDeletedThere,
    /// The same, and it goes back to the server as a new message.
    ChangedHereRestoredThere,
    /// Flagged, answered or given a keyword here; marked `\Deleted` by somebody else.
    MarkedHereDeletedThere,
    /// Changed there as another message was to be changed when the line broke: by somebody else, or by us. No wish of the
    /// user for this message is in it, so the table does not speak of it.
    ChangedThereLikeAnother,
}

/// What to do where wishes exclude each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Delete here although somebody flagged, answered or undeleted the message meanwhile.
    pub delete_what_others_marked: bool,
    /// Put a message back that somebody removed after the user had flagged or undeleted it.
    pub restore_what_others_removed: bool,
}

/// The table.
#[must_use]
pub fn rule(wish: Wish, meanwhile: Meanwhile, policy: Policy) -> Ruling {
    use ConflictKind::{
        ChangedHereDeletedThere, ChangedHereRestoredThere, DeletedHereMarkedThere,
        DeletedHereUndeletedThere, MarkedHereDeletedThere,
    };
    use Meanwhile::{
        Deleted, Gone, Marked, Nothing, Otherwise, PutBack, Returned, Same, Unclear, Undeleted,
    };
    use Ruling::{Agreed, Apply, Drop, Follow, Forgo, Keep, Park, Tell, Wait};
    use Sort::{Answered, Flagged, Keyword};
    use Wish::{Clear, Copy, Remove, Set};

    match (wish, meanwhile) {
        // Nothing is done to a message that may be the wrong one.
        (_, Unclear) => Wait,
        (_, Returned) => Follow,

        // What is gone cannot be changed. Whoever flagged or undeleted it wanted to keep it, and hears of it.
        (Remove | Set(Sort::Deleted), Gone) => Agreed,
        (Set(Flagged) | Clear(Sort::Deleted), Gone) if policy.restore_what_others_removed => {
            Forgo(ChangedHereRestoredThere)
        }
        (Set(Flagged) | Clear(Sort::Deleted), Gone) => Forgo(ChangedHereDeletedThere),
        (Copy, Gone) => Park,
        (Set(_) | Clear(_), Gone) => Drop,

        // A flag is one bit: if both changed it, they agree.
        (_, Same) | (Set(Sort::Deleted), Deleted) | (Clear(Sort::Deleted), Undeleted) => Agreed,

        // Whoever flags, answers or undeletes a message wants it; doubt keeps mail.
        (Remove, PutBack) => Keep(DeletedHereUndeletedThere),
        (Remove, Marked | Undeleted) | (Set(Sort::Deleted), Marked)
            if policy.delete_what_others_marked =>
        {
            Apply
        }
        (Remove | Set(Sort::Deleted), Marked) => Keep(DeletedHereMarkedThere),
        (Remove | Set(Sort::Deleted), Undeleted) => Keep(DeletedHereUndeletedThere),
        (Set(Flagged | Answered | Keyword), Deleted) => Tell(MarkedHereDeletedThere),

        // Everything else is about different things, and both are done.
        (_, Nothing | Otherwise | Deleted | Undeleted | Marked | PutBack) => Apply,
    }
}

impl Wish {
    /// Every wish there is.
    pub const ALL: [Self; 14] = {
        use Sort::{Answered, Deleted, Draft, Flagged, Keyword, Seen};
        use Wish::{Clear, Copy, Remove, Set};
        [
            Set(Seen),
            Clear(Seen),
            Set(Answered),
            Clear(Answered),
            Set(Flagged),
            Clear(Flagged),
            Set(Draft),
            Clear(Draft),
            Set(Keyword),
            Clear(Keyword),
            Set(Deleted),
            Clear(Deleted),
            Remove,
            Copy,
        ]
    };
}

impl Meanwhile {
    /// Everything that may have happened.
    pub const ALL: [Self; 10] = [
        Self::Nothing,
        Self::Otherwise,
        Self::Same,
        Self::Undeleted,
        Self::Marked,
        Self::Deleted,
        Self::PutBack,
        Self::Gone,
        Self::Returned,
        Self::Unclear,
    ];
}

impl Sort {
    /// The sort of one flag.
    pub(super) fn of(flag: FlagSet) -> Self {
        match flag {
            FlagSet::SEEN => Self::Seen,
            FlagSet::ANSWERED => Self::Answered,
            FlagSet::FLAGGED => Self::Flagged,
            FlagSet::DRAFT => Self::Draft,
            FlagSet::DELETED => Self::Deleted,
            _ => Self::Keyword,
        }
    }
}

impl std::fmt::Display for ConflictKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::DeletedHereMarkedThere => {
                "deleted here, but flagged or answered by somebody else since"
            }
            Self::DeletedHereUndeletedThere => {
                "deleted here, but undeleted or put back by somebody else since"
            }
            Self::ChangedHereDeletedThere => "flagged or undeleted here, but removed on the server",
            Self::ChangedHereRestoredThere => {
                "flagged or undeleted here, but removed on the server: it goes back as a new message"
            }
            Self::MarkedHereDeletedThere => {
                "marked here, and marked deleted by somebody else: the mark was set, and it may go"
            }
            Self::ChangedThereLikeAnother => {
                "changed there, by somebody else or by mistake: the line broke while another message was changed like this"
            }
        })
    }
}

#[cfg(test)]
mod tests;
