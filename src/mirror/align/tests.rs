mod lives;

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Aligned, Alignment, Fate, align};
use crate::id::MessageId;
use crate::journal::Mark;
use crate::mirror::support::{DELETED, base, header, id, mark, observation, seq};
use crate::mirror::{Base, Observation, RemoteState, Stranger};
use Fate::{Doubtful, Gone};

fn present(number: u32) -> Fate {
    Fate::Present(seq(number))
}

fn returned(number: u32) -> Fate {
    Fate::Returned(seq(number))
}

/// Marks that differ in everything.
fn apart(number: i64) -> Mark {
    let size = u32::try_from(number).expect("small");
    mark(number, size, u64::from(size))
}

/// The same as a listing shows it, before any header was read.
fn listed(marks: &[Mark]) -> Vec<Mark> {
    let unread = |&mark: &Mark| Mark {
        header: None,
        ..mark
    };
    marks.iter().map(unread).collect()
}

/// Aligns to the end, with the headers of `truth` for whatever is asked. Gives what was asked, round by round, too.
fn settle(
    base: &Base,
    seen: &mut Observation,
    truth: &[Mark],
    expunging: &BTreeSet<MessageId>,
) -> (Alignment, Vec<Vec<u32>>) {
    let mut rounds = Vec::new();
    loop {
        match align(base, seen, expunging) {
            Aligned::Done(alignment) => return (alignment, rounds),
            Aligned::NeedEvidence(asked) => {
                assert!(!asked.is_empty(), "a question that asks for nothing");
                for seq in &asked {
                    let shown = &mut seen.messages[seq.index()].mark;
                    assert_eq!(shown.header, None, "what is known is not asked again");
                    shown.header = truth[seq.index()].header;
                }
                rounds.push(asked.iter().map(|seq| seq.get()).collect());
                assert!(rounds.len() <= 20, "no end of questions: {rounds:?}");
            }
        }
    }
}

/// A server shows `there`, without headers until they are asked for.
fn check(known: &[Mark], there: &[Mark], expected: &[Fate]) {
    let mut seen = observation(&listed(there));
    let (alignment, rounds) = settle(&base(known), &mut seen, there, &BTreeSet::new());
    assert_eq!(alignment.fates, expected, "after {rounds:?}");
}

#[test]
fn a_mailbox_that_nobody_changed_pairs_in_order() {
    let marks = [apart(1), apart(2), apart(3)];
    check(&marks, &marks, &[present(1), present(2), present(3)]);
}

#[test]
fn the_last_headers_prove_a_mailbox_that_nobody_changed() {
    let marks: Vec<Mark> = (1..=6).map(apart).collect();
    let (_, rounds) = settle(
        &base(&marks),
        &mut observation(&listed(&marks)),
        &marks,
        &BTreeSet::new(),
    );
    assert_eq!(rounds, [vec![5, 6]]);
}

#[test]
fn nothing_is_asked_where_no_header_is_known_to_compare_with() {
    let marks = [mark(1, 1, 0), mark(2, 2, 0)];
    let (alignment, rounds) = settle(
        &base(&marks),
        &mut observation(&marks),
        &marks,
        &BTreeSet::new(),
    );
    assert_eq!(alignment.fates, [Doubtful, Doubtful]);
    assert!(rounds.is_empty());
}

/// Somebody may have brought a copy of the only one back, behind another message of that date and size.
#[test]
fn date_and_size_are_believed_before_several_proofs() {
    let mut known: Vec<Mark> = (1..=5).map(apart).collect();
    let there = known.clone();
    known[0].header = None;
    check(&known, &there, &[1, 2, 3, 4, 5].map(present));
    check(
        &known[..4],
        &there[..4],
        &[Doubtful, present(2), present(3), present(4)],
    );
}

/// Of two of one date and size the later one is there, and the earlier one would be taken for it.
#[test]
fn what_only_date_and_size_tell_apart_is_not_called_gone() {
    let known = [mark(1, 1, 0), mark(2, 2, 0), mark(1, 1, 0)];
    check(&known, &[known[2], mark(2, 2, 9)], &[Doubtful; 3]);
}

#[test]
fn arrivals_come_after_the_known() {
    let known = [apart(1), apart(2)];
    let there = [apart(1), apart(2), apart(3), apart(4)];
    let mut seen = observation(&listed(&there));
    let (alignment, _) = settle(&base(&known), &mut seen, &there, &BTreeSet::new());
    assert_eq!(alignment.fates, [present(1), present(2)]);
    assert_eq!(alignment.known_count, 2);
    let arrived: Vec<_> = alignment
        .remote(&seen)
        .strangers
        .iter()
        .map(|stranger| (stranger.seq, stranger.arrived))
        .collect();
    assert_eq!(arrived, [(seq(3), true), (seq(4), true)]);
}

#[test]
fn holes_are_found_at_the_start_in_the_middle_and_at_the_end() {
    let known: Vec<Mark> = (1..=5).map(apart).collect();
    check(
        &known,
        &known[1..],
        &[Gone, present(1), present(2), present(3), present(4)],
    );
    check(
        &known,
        &[known[0], known[1], known[4]],
        &[present(1), present(2), Gone, Gone, present(3)],
    );
    check(
        &known,
        &known[..4],
        &[present(1), present(2), present(3), present(4), Gone],
    );
    check(
        &known,
        &[known[1], known[3], apart(9)],
        &[Gone, present(1), Gone, present(2), Gone],
    );
}

#[test]
fn everything_can_be_gone_and_everything_can_be_new() {
    let known = [apart(1), apart(2)];
    check(&known, &[], &[Gone, Gone]);
    check(&known, &[apart(8), apart(9)], &[Gone, Gone]);
    check(&[], &[apart(8), apart(9)], &[]);
    check(&[], &[], &[]);
}

#[test]
fn twins_in_their_old_number_align_in_order() {
    let twin = mark(7, 7, 7);
    let known = [apart(1), twin, twin, twin, apart(9)];
    check(
        &known,
        &known,
        &[present(1), present(2), present(3), present(4), present(5)],
    );
    check(
        &known,
        &[twin, twin, twin],
        &[Gone, present(1), present(2), present(3), Gone],
    );
}

#[test]
fn fewer_twins_than_before_are_in_doubt_and_their_neighbours_are_not() {
    let twin = mark(7, 7, 7);
    let known = [apart(1), twin, twin, apart(9)];
    check(
        &known,
        &[apart(1), twin, apart(9)],
        &[present(1), Doubtful, Doubtful, present(3)],
    );
    check(
        &known,
        &[apart(1), twin],
        &[present(1), Doubtful, Doubtful, Gone],
    );
    check(
        &known,
        &[apart(1), apart(9)],
        &[present(1), Gone, Gone, present(2)],
    );
}

#[test]
fn a_twin_on_the_far_side_of_a_certain_message_is_not_in_doubt() {
    let twin = mark(7, 7, 7);
    let known = [twin, twin, apart(8), twin];
    check(
        &known,
        &[twin, apart(8), twin],
        &[Doubtful, Doubtful, present(2), present(3)],
    );
    check(
        &known,
        &[apart(8), twin],
        &[Gone, Gone, present(1), present(2)],
    );
}

#[test]
fn headers_tell_messages_of_one_date_and_size_apart() {
    let known = [mark(5, 5, 1), mark(5, 5, 2), mark(5, 5, 3)];
    check(&known, &[known[1]], &[Gone, present(1), Gone]);
    check(
        &known,
        &[known[0], known[2]],
        &[present(1), Gone, present(2)],
    );
}

#[test]
fn headers_are_asked_of_those_that_may_be_several_and_of_no_other() {
    let (first, second) = (mark(5, 5, 11), mark(5, 5, 12));
    let known = [
        apart(1),
        first,
        second,
        apart(8),
        apart(9),
        apart(10),
        apart(11),
        apart(12),
    ];
    let there = [
        known[0], second, known[3], known[4], known[5], known[6], known[7],
    ];
    let (alignment, rounds) = settle(
        &base(&known),
        &mut observation(&listed(&there)),
        &there,
        &BTreeSet::new(),
    );
    assert_eq!(
        alignment.fates,
        [
            present(1),
            Gone,
            present(2),
            present(3),
            present(4),
            present(5),
            present(6),
            present(7)
        ]
    );
    assert_eq!(rounds, [vec![2, 6, 7]]);
}

#[test]
fn a_message_that_took_the_place_of_the_newest_in_its_second_is_new() {
    let known = [apart(1), mark(5, 5, 1)];
    check(&known, &[known[0], mark(5, 5, 2)], &[present(1), Gone]);
    check(&known, &[mark(5, 5, 2)], &[Gone, Gone]);
    check(
        &known,
        &[known[0], mark(5, 5, 2), mark(5, 5, 3)],
        &[present(1), Gone],
    );
}

#[test]
fn a_message_with_an_old_date_that_took_the_place_of_the_last_is_new() {
    let known = [apart(1), mark(5, 5, 1), apart(9), mark(7, 7, 2)];
    check(
        &known,
        &[known[0], mark(5, 5, 3)],
        &[present(1), Gone, Gone, Gone],
    );
    check(
        &known,
        &[known[0], mark(5, 5, 3), mark(7, 7, 4)],
        &[present(1), Gone, Gone, Gone],
    );
    check(
        &known,
        &[mark(1, 1, 6), mark(5, 5, 3), mark(9, 9, 5), mark(7, 7, 4)],
        &[Gone; 4],
    );
}

#[test]
fn a_unique_message_that_left_its_place_and_came_back_is_recognised() {
    let known = [apart(1), apart(2), apart(3)];
    check(
        &known,
        &[known[0], known[2], known[1]],
        &[present(1), returned(3), present(2)],
    );
    check(
        &known,
        &[known[2], known[0], known[1]],
        &[returned(2), returned(3), present(1)],
    );
}

#[test]
fn a_message_that_came_back_proves_nothing_of_those_before_it() {
    let known = [mark(5, 5, 1), apart(2), mark(5, 5, 3)];
    check(
        &known,
        &[known[2], known[1]],
        &[Gone, returned(2), present(1)],
    );
}

#[test]
fn one_of_several_that_came_back_is_not_recognised() {
    let twin = mark(7, 7, 7);
    check(
        &[twin, twin, apart(9)],
        &[apart(9), twin],
        &[Gone, Gone, present(1)],
    );
    check(
        &[twin, apart(9)],
        &[apart(9), twin, twin],
        &[Gone, present(1)],
    );
}

#[test]
fn only_a_header_proves_that_a_message_came_back() {
    let known = [mark(1, 1, 0), apart(9)];
    check(&known, &[apart(9), mark(1, 1, 4)], &[Gone, present(1)]);
    let known = [mark(1, 1, 3), apart(9)];
    check(&known, &[apart(9), mark(1, 1, 4)], &[Gone, present(1)]);
    check(
        &known,
        &[apart(9), mark(1, 1, 3)],
        &[returned(2), present(1)],
    );
}

fn with_uid(mark: Mark, uid: u32) -> Mark {
    Mark {
        uid: Some(uid),
        ..mark
    }
}

fn under(validity: u32, base: Base, seen: Observation, then: u32) -> (Base, Observation) {
    let (mut base, mut seen) = (base, seen);
    base.facts.uid_validity = Some(validity);
    seen.facts.uid_validity = Some(then);
    (base, seen)
}

#[test]
fn uids_decide_while_their_validity_lasts() {
    let twin = mark(7, 7, 7);
    let known = base(&[with_uid(twin, 1), with_uid(twin, 2), with_uid(apart(3), 3)]);
    let there = observation(&[
        with_uid(twin, 2),
        with_uid(mark(99, 99, 0), 3),
        with_uid(twin, 4),
    ]);
    let (known, mut there) = under(5, known, there, 5);
    let (alignment, rounds) = settle(&known, &mut there, &[], &BTreeSet::new());
    assert_eq!(alignment.fates, [Gone, present(1), present(2)]);
    assert_eq!(alignment.known_count, 2);
    assert!(rounds.is_empty());
}

#[test]
fn uids_of_another_validity_say_nothing() {
    let known = base(&[with_uid(apart(1), 1), with_uid(apart(2), 2)]);
    let there = observation(&[with_uid(apart(2), 1)]);
    let (known, mut there) = under(5, known, there, 6);
    let (alignment, _) = settle(&known, &mut there, &[], &BTreeSet::new());
    assert_eq!(alignment.fates, [Gone, present(1)]);
}

/// Two equals were in doubt while the mailbox got another UIDVALIDITY: they have no UID now, and the others do.
#[test]
fn a_message_without_a_uid_is_never_taken_for_one_that_has_one() {
    let twin = mark(7, 7, 7);
    let known = base(&[twin, twin, with_uid(twin, 3), with_uid(apart(4), 4)]);
    let there = observation(&[
        with_uid(twin, 1),
        with_uid(twin, 3),
        with_uid(apart(4), 4),
        with_uid(twin, 5),
    ]);
    let (known, mut there) = under(6, known, there, 6);
    let (alignment, _) = settle(&known, &mut there, &[], &BTreeSet::new());
    assert_eq!(
        alignment.fates,
        [Fate::Doubtful, Fate::Doubtful, present(2), present(3)]
    );
    assert_eq!(alignment.known_count, 3);
}

#[test]
fn a_server_that_stops_giving_uids_is_read_by_fingerprint() {
    let known = base(&[with_uid(apart(1), 1), with_uid(apart(2), 2)]);
    let (alignment, _) = settle(&known, &mut observation(&[apart(2)]), &[], &BTreeSet::new());
    assert_eq!(alignment.fates, [Gone, present(1)]);
}

/// The first was never read and is gone; the second is there, and was to be removed.
#[test]
fn a_message_that_was_never_read_explains_nothing() {
    let known = base(&[mark(7, 7, 0), mark(7, 7, 2), apart(9)]);
    let there = [mark(7, 7, 2), apart(9)];
    for expunging in [BTreeSet::new(), BTreeSet::from([id(2)])] {
        let mut seen = observation(&listed(&there));
        let (alignment, _) = settle(&known, &mut seen, &there, &expunging);
        assert_eq!(alignment.fates, [Doubtful, Doubtful, present(2)]);
    }
}

/// Three twins of which the second was to be removed; the server shows `there`.
fn after_an_attempt(there: &[Mark], marked: &[usize], expected: &[Fate]) {
    let twin = mark(7, 7, 7);
    let known = base(&[apart(1), twin, twin, twin, apart(9)]);
    let mut seen = observation(there);
    for &index in marked {
        seen.messages[index].flags = DELETED;
    }
    let (alignment, _) = settle(&known, &mut seen, there, &BTreeSet::from([id(3)]));
    assert_eq!(alignment.fates, expected);
}

#[test]
fn an_expunge_that_explains_everything_settles_doubt() {
    let twin = mark(7, 7, 7);
    let explained = [present(1), present(2), Gone, present(3), present(4)];
    after_an_attempt(&[apart(1), twin, twin, apart(9)], &[], &explained);
    after_an_attempt(&[apart(1), twin, twin, apart(9)], &[0, 3], &explained);
}

#[test]
fn an_expunge_that_does_not_explain_everything_settles_nothing() {
    let twin = mark(7, 7, 7);
    let doubt = [present(1), Doubtful, Doubtful, Doubtful, present(4)];
    after_an_attempt(&[apart(1), twin, twin, apart(9)], &[1], &doubt);
    after_an_attempt(&[apart(1), twin, twin, apart(9)], &[2], &doubt);
    after_an_attempt(&[apart(1), twin, twin, apart(9), apart(10)], &[], &doubt);
    let one_more_gone = [present(1), Doubtful, Doubtful, Doubtful, present(3)];
    after_an_attempt(&[apart(1), twin, apart(9)], &[], &one_more_gone);
    let another_gone = [Gone, Doubtful, Doubtful, Doubtful, present(3)];
    after_an_attempt(&[twin, twin, apart(9)], &[], &another_gone);
}

#[test]
fn an_expunge_that_was_not_carried_out_changes_nothing() {
    let twin = mark(7, 7, 7);
    let there = [apart(1), twin, twin, twin, apart(9)];
    after_an_attempt(
        &there,
        &[2],
        &[present(1), present(2), present(3), present(4), present(5)],
    );
}

#[test]
fn their_side_has_one_state_for_each_message_and_a_stranger_for_each_other() {
    let twin = mark(7, 7, 7);
    let known = base(&[apart(1), twin, twin, apart(8), apart(9)]);
    let there = [twin, apart(9), apart(8), apart(10)];
    let mut seen = observation(&there);
    seen.messages[1].flags = DELETED;
    seen.messages[3].flags = DELETED;
    let (alignment, _) = settle(&known, &mut seen, &there, &BTreeSet::new());
    let remote = alignment.remote(&seen);
    let expected = [
        RemoteState::Gone,
        RemoteState::Doubtful,
        RemoteState::Doubtful,
        RemoteState::Returned,
        RemoteState::Present(DELETED),
    ];
    assert_eq!(remote.states, expected);
    let stranger = |number, flags, arrived| Stranger {
        seq: seq(number),
        flags,
        arrived,
    };
    let none = crate::mirror::support::NONE;
    assert_eq!(
        remote.strangers,
        [
            stranger(1, none, false),
            stranger(3, none, true),
            stranger(4, DELETED, true)
        ]
    );
    assert_eq!(remote.marked_count(), 2);
}

/// How long a whole alignment may take. Linear work needs a small part of it; anything else needs minutes.
const PATIENCE: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 1 });

fn in_time(known: &[Mark], there: &[Mark], expunging: &BTreeSet<MessageId>) -> Alignment {
    let (known, mut seen) = (base(known), observation(&listed(there)));
    let begin = tokio::time::Instant::now();
    let (alignment, rounds) = settle(&known, &mut seen, there, expunging);
    let took = begin.elapsed();
    println!(
        "{} against {}: {took:?}, {} rounds",
        known.messages.len(),
        there.len(),
        rounds.len()
    );
    assert!(took < PATIENCE, "{took:?}");
    alignment
}

const MANY: usize = 100_000;

#[test]
fn half_of_a_large_mailbox_of_twins_is_put_in_doubt_in_time() {
    for read in [7, 0] {
        let twins = vec![mark(7, 7, read); MANY];
        let alignment = in_time(&twins, &twins[MANY / 2..], &BTreeSet::new());
        assert!(alignment.fates.iter().all(|&fate| fate == Doubtful));
    }
}

#[test]
fn every_second_of_a_large_mailbox_is_found_in_time() {
    let marks: Vec<Mark> = (0..100_000).map(apart).collect();
    let there: Vec<Mark> = marks.iter().step_by(2).copied().collect();
    let alignment = in_time(&marks, &there, &BTreeSet::new());
    assert_eq!(alignment.present().count(), MANY / 2);
    assert!(!alignment.fates.contains(&Doubtful));
}

#[test]
fn a_large_mailbox_that_came_back_is_looked_through_in_time() {
    let one_second = |number: usize| Mark {
        header: Some(header(number as u64)),
        ..mark(7, 7, 1)
    };
    let marks: Vec<Mark> = (0..MANY).map(one_second).collect();
    let mut there = vec![apart(9)];
    there.extend(marks.iter().rev());
    let alignment = in_time(&marks, &there, &BTreeSet::new());
    assert!(
        alignment
            .fates
            .iter()
            .all(|fate| matches!(fate, Fate::Returned(_)))
    );
    let twins = vec![mark(7, 7, 7); MANY];
    let mut there = vec![apart(9)];
    there.extend(&twins);
    let alignment = in_time(&twins, &there, &BTreeSet::new());
    assert!(alignment.fates.iter().all(|&fate| fate == Gone));
}

#[test]
fn a_large_attempt_is_weighed_in_time() {
    let twin = mark(-1, 7, 7);
    let mut marks: Vec<Mark> = (0..100_000).map(apart).collect();
    marks[0] = twin;
    marks[1] = twin;
    let expunging: BTreeSet<MessageId> = (1..=50_000).map(|number| id(2 * number - 1)).collect();
    let there: Vec<Mark> = marks.iter().skip(1).step_by(2).copied().collect();
    let (known, mut seen) = (base(&marks), observation(&there));
    for message in &mut seen.messages {
        message.flags = DELETED;
    }
    seen.messages[0].flags = crate::mirror::support::NONE;
    let begin = tokio::time::Instant::now();
    let (alignment, _) = settle(&known, &mut seen, &there, &expunging);
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
    assert_eq!(alignment.present().count(), MANY / 2);
}
