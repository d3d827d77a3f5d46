//! The table written once more, cell by cell, by what it promises: nothing is lost, nobody is overruled unheard.

use super::ConflictKind::{
    ChangedHereDeletedThere, ChangedHereRestoredThere, DeletedHereMarkedThere,
    DeletedHereUndeletedThere, MarkedHereDeletedThere,
};
use super::{Meanwhile, Policy, Ruling, Sort, Wish, rule};
use crate::protocol::types::FlagSet;

use Ruling::{Agreed, Apply, Drop, Follow, Forgo, Keep, Park, Tell, Wait};

/// What becomes of a wish: nothing, other flags, the same, undeleted, marked, deleted, put back, gone, returned, unclear.
fn row(wish: Wish, delete: bool, restore: bool) -> [Ruling; 10] {
    let kept = |kind| if delete { Apply } else { Keep(kind) };
    let marked = kept(DeletedHereMarkedThere);
    let (undeleted, maybe_undeleted) = (
        Keep(DeletedHereUndeletedThere),
        kept(DeletedHereUndeletedThere),
    );
    let lost = Forgo(if restore {
        ChangedHereRestoredThere
    } else {
        ChangedHereDeletedThere
    });
    let told = Tell(MarkedHereDeletedThere);
    match wish {
        Wish::Set(Sort::Deleted) => [
            Apply, Apply, Agreed, undeleted, marked, Agreed, Apply, Agreed, Follow, Wait,
        ],
        Wish::Remove => [
            Apply,
            Apply,
            Agreed,
            maybe_undeleted,
            marked,
            Apply,
            undeleted,
            Agreed,
            Follow,
            Wait,
        ],
        Wish::Clear(Sort::Deleted) => [
            Apply, Apply, Agreed, Agreed, Apply, Apply, Apply, lost, Follow, Wait,
        ],
        Wish::Set(Sort::Flagged) => [
            Apply, Apply, Agreed, Apply, Apply, told, Apply, lost, Follow, Wait,
        ],
        Wish::Set(Sort::Answered | Sort::Keyword) => [
            Apply, Apply, Agreed, Apply, Apply, told, Apply, Drop, Follow, Wait,
        ],
        Wish::Copy => [
            Apply, Apply, Agreed, Apply, Apply, Apply, Apply, Park, Follow, Wait,
        ],
        Wish::Set(Sort::Seen | Sort::Draft)
        | Wish::Clear(Sort::Seen | Sort::Answered | Sort::Flagged | Sort::Draft | Sort::Keyword) => {
            [
                Apply, Apply, Agreed, Apply, Apply, Apply, Apply, Drop, Follow, Wait,
            ]
        }
    }
}

#[test]
fn every_cell_is_as_it_is_written() {
    let mut cell_count = 0;
    for wish in Wish::ALL {
        for (delete, restore) in [(false, false), (false, true), (true, false), (true, true)] {
            let policy = Policy {
                delete_what_others_marked: delete,
                restore_what_others_removed: restore,
            };
            let row = row(wish, delete, restore);
            for (meanwhile, expected) in Meanwhile::ALL.into_iter().zip(row) {
                let ruling = rule(wish, meanwhile, policy);
                assert_eq!(ruling, expected, "{wish:?}, {meanwhile:?}, {policy:?}");
                cell_count += 1;
            }
        }
    }
    assert_eq!(cell_count, 14 * 10 * 4);
}

/// Whoever reads the table can tell that no wish ends unheard while its message is there.
#[test]
fn what_is_there_is_never_given_up_without_a_word() {
    for wish in Wish::ALL {
        for meanwhile in Meanwhile::ALL {
            let ruling = rule(wish, meanwhile, Policy::default());
            if matches!(ruling, Drop | Park | Forgo(_)) {
                assert_eq!(meanwhile, Meanwhile::Gone, "{wish:?}");
            }
            if meanwhile == Meanwhile::Unclear {
                assert_eq!(ruling, Wait, "nothing is done to what may be the wrong one");
            }
        }
    }
}

#[test]
fn each_flag_has_its_sort() {
    let sorts = FlagSet::from_bits(u64::MAX).iter().map(Sort::of);
    let keyword_count = sorts.filter(|&sort| sort == Sort::Keyword).count();
    assert_eq!(keyword_count, FlagSet::KEYWORD_COUNT as usize);
    assert_eq!(Sort::of(FlagSet::DELETED), Sort::Deleted);
}
