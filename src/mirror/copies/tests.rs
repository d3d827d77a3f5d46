use std::collections::BTreeMap;

use super::{Brought, CopyDecision, Sighting, recount, weigh};
use crate::id::EntryId;
use crate::journal::{Action, Attempt, EntryState, JournalEntry, Mark, ParkReason};
use crate::mirror::Step;
use crate::mirror::support::{Chance, adding, entry, header, mark, seeds};
use crate::protocol::types::{FlagSet, MailboxName};
use CopyDecision::{Park, Received, Send, Wait};
use Sighting::{Holds, NoMailbox};

fn archive() -> MailboxName {
    MailboxName::from_bytes(b"archive").unwrap()
}

fn own() -> MailboxName {
    MailboxName::from_bytes(b"INBOX").unwrap()
}

/// The same message as one that is to be appended to the archive, by an entry of its own mailbox.
fn append(raw: i64, mark: Mark) -> JournalEntry {
    let action = Action::Append {
        flags: FlagSet::EMPTY,
        zone_minutes: 0,
    };
    JournalEntry {
        mark,
        ..entry(raw, raw, action)
    }
}

fn copy(raw: i64, mark: Mark) -> JournalEntry {
    let action = Action::Copy { to: archive() };
    JournalEntry {
        mark,
        ..entry(raw, raw, action)
    }
}

fn attempt(number: u32, equals_before: u32) -> Attempt {
    Attempt {
        number,
        equals_before,
    }
}

fn tried(entry: JournalEntry, attempt: Attempt) -> JournalEntry {
    JournalEntry {
        state: EntryState::Attempted(attempt),
        ..entry
    }
}

fn check(entries: &[JournalEntry], seen: &[Sighting], expected: &[CopyDecision]) {
    let sightings: BTreeMap<EntryId, Sighting> = entries
        .iter()
        .map(|entry| entry.id)
        .zip(seen.iter().copied())
        .collect();
    let decisions: Vec<CopyDecision> = weigh(&own(), entries, &[], &sightings)
        .into_values()
        .collect();
    assert_eq!(decisions, expected);
}

#[test]
fn a_copy_is_sent_after_counting_its_equals() {
    let one = copy(1, mark(1, 1, 1));
    check(
        std::slice::from_ref(&one),
        &[Holds(0)],
        &[Send(attempt(1, 0))],
    );
    check(
        std::slice::from_ref(&one),
        &[Holds(3)],
        &[Send(attempt(1, 3))],
    );
    check(&[one], &[NoMailbox], &[Park(ParkReason::NoDestination)]);
}

#[test]
fn one_more_than_before_is_the_receipt() {
    let sent = tried(copy(1, mark(1, 1, 1)), attempt(1, 2));
    check(std::slice::from_ref(&sent), &[Holds(3)], &[Received]);
    check(
        std::slice::from_ref(&sent),
        &[Holds(2)],
        &[Send(attempt(2, 2))],
    );
    check(&[sent], &[Holds(1)], &[Send(attempt(2, 1))]);
}

#[test]
fn a_copy_is_sent_again_once() {
    let sent = tried(copy(1, mark(1, 1, 1)), attempt(2, 0));
    check(
        std::slice::from_ref(&sent),
        &[Holds(0)],
        &[Park(ParkReason::NoReceipt)],
    );
    check(&[sent], &[Holds(1)], &[Received]);
}

#[test]
fn nothing_is_decided_about_a_destination_that_was_not_looked_at() {
    let entries = [copy(1, mark(1, 1, 1)), entry(2, 2, adding(FlagSet::SEEN))];
    assert!(weigh(&own(), &entries, &[], &BTreeMap::new()).is_empty());
}

#[test]
fn a_parked_copy_stays_parked() {
    let parked = JournalEntry {
        state: EntryState::Parked(ParkReason::SourceGone),
        ..copy(1, mark(1, 1, 1))
    };
    check(&[parked], &[Holds(0)], &[Park(ParkReason::SourceGone)]);
}

/// Copies of equal messages, whatever else their marks say, count one behind the other, as far as they are sent.
fn count_together(one: Mark, other: Mark) {
    check(
        &[copy(1, one), copy(2, other)],
        &[Holds(4), Holds(4)],
        &[Send(attempt(1, 4)), Send(attempt(1, 4))],
    );
    assert_eq!(behind(one, other), [attempt(1, 5)]);
}

/// The attempt of a copy that is sent once another has been.
fn behind(one: Mark, other: Mark) -> Vec<Attempt> {
    let (to, entry) = (archive(), copy(2, other));
    let step = Step::Copy {
        message: entry.message,
        entry: entry.id,
        to: archive(),
        attempt: attempt(1, 4),
    };
    let mut brought = Brought::default();
    brought.add(&to, one);
    let attempts = step.attempts(&[], brought.count(&to, &other));
    attempts.into_iter().map(|(_, attempt)| attempt).collect()
}

#[test]
fn copies_of_equal_messages_wait_for_a_receipt_each() {
    let twin = mark(1, 1, 1);
    count_together(twin, twin);
    let numbered = |uid| Mark {
        uid: Some(uid),
        ..twin
    };
    count_together(numbered(5), numbered(6));
    count_together(
        Mark {
            header: None,
            ..twin
        },
        twin,
    );
    count_together(
        twin,
        Mark {
            header: None,
            ..twin
        },
    );
}

#[test]
fn copies_of_other_messages_do_not_count() {
    let entries = [
        copy(1, mark(1, 1, 1)),
        copy(2, mark(1, 1, 2)),
        copy(3, mark(2, 2, 1)),
    ];
    for entry in &entries[1..] {
        assert_eq!(behind(entries[0].mark, entry.mark), [attempt(1, 4)]);
    }
}

#[test]
fn one_arrival_proves_one_copy() {
    let sent = |raw, before| tried(copy(raw, mark(1, 1, 1)), attempt(1, before));
    let again = |before| Send(attempt(2, before));
    check(
        &[sent(1, 0), sent(2, 0)],
        &[Holds(1); 2],
        &[Received, again(1)],
    );
    check(
        &[sent(1, 0), sent(2, 0)],
        &[Holds(2); 2],
        &[Received, Received],
    );
    check(
        &[sent(1, 0), sent(2, 1)],
        &[Holds(1); 2],
        &[Received, again(1)],
    );
    check(
        &[sent(1, 0), sent(2, 1)],
        &[Holds(2); 2],
        &[Received, Received],
    );
    check(
        &[sent(1, 1), sent(2, 0)],
        &[Holds(2); 2],
        &[Received, Received],
    );
    check(
        &[sent(1, 1), sent(2, 0)],
        &[Holds(1); 2],
        &[again(1), Received],
    );
}

/// A destination that is looked at before each try; sends get lost on the way there or back.
#[test]
fn every_copy_arrives_exactly_once_or_is_parked() {
    let mut parked = 0;
    for seed in seeds(5_000) {
        let chance = &mut Chance::new(seed);
        let twin = |uid: u32| Mark {
            header: Some(header(1)),
            uid: Some(uid),
            ..mark(1, 1, 1)
        };
        let mut journal: Vec<JournalEntry> = (1..=3)
            .map(|raw| copy(raw, twin(u32::try_from(raw).unwrap())))
            .collect();
        let before = u32::try_from(chance.below(3)).unwrap();
        let mut held = before;
        let mut received = 0;
        for _ in 0..30 {
            let sightings = journal
                .iter()
                .map(|entry| (entry.id, Holds(held)))
                .collect();
            let decisions = weigh(&own(), &journal, &[], &sightings);
            let mut recounted = Vec::new();
            let mut reached = true;
            let mut brought = 0;
            for entry in &mut journal {
                let Send(attempt) = &decisions[&entry.id] else {
                    continue;
                };
                // Now and then what is to be copied cannot be told from others, and waits.
                if reached && chance.percent(80) {
                    entry.state = EntryState::Attempted(Attempt {
                        equals_before: attempt.equals_before + brought,
                        ..*attempt
                    });
                    brought += 1;
                    held += u32::from(chance.percent(80));
                    reached = chance.percent(80);
                } else if let Some(attempt) = recount(entry, &decisions[&entry.id]) {
                    recounted.push((entry.id, attempt));
                }
            }
            // Where the line breaks nothing is settled.
            if reached {
                for entry in &mut journal {
                    let attempt = recounted.iter().find(|(id, _)| *id == entry.id);
                    if let Some((_, attempt)) = attempt {
                        entry.state = EntryState::Attempted(*attempt);
                    }
                }
                let left = |decision: &CopyDecision| matches!(decision, Send(_));
                let settled = decisions.values().filter(|decision| !left(decision));
                for decision in settled {
                    received += u32::from(*decision == Received);
                    parked += u32::from(*decision != Received);
                }
                journal.retain(|entry| left(&decisions[&entry.id]));
            }
        }
        assert!(journal.is_empty(), "seed {seed}: {journal:?}");
        assert_eq!(held - before, received, "seed {seed}");
    }
    assert!(parked > 0);
}

#[test]
fn an_appended_message_is_received_once_it_is_seen_whatever_the_server_counts() {
    let letter = Mark {
        header: Some(header(1)),
        ..mark(1, 5, 100)
    };
    let new = append(1, letter);
    check(
        std::slice::from_ref(&new),
        &[Holds(1)],
        &[Send(attempt(1, 1))],
    );
    let sent = tried(new, attempt(1, 1));
    check(std::slice::from_ref(&sent), &[Holds(2)], &[Received]);
    check(&[sent], &[Holds(1)], &[Send(attempt(2, 1))]);
    let longer = Mark {
        size: 102,
        ..letter
    };
    let later = Mark {
        instant: 6,
        ..longer
    };
    assert!(letter.resembles(&longer));
    assert!(!letter.resembles(&later));
}

#[test]
fn a_copy_into_the_same_mailbox_is_not_taken_for_what_is_appended() {
    let letter = Mark {
        header: Some(header(1)),
        ..mark(1, 5, 100)
    };
    let appended = append(1, letter);
    let copied = JournalEntry {
        action: Action::Copy { to: own() },
        ..copy(2, letter)
    };
    let entries = [appended, copied];
    check(
        &entries,
        &[Holds(1), Holds(1)],
        &[Send(attempt(1, 1)), Wait],
    );
    let [appended, copied] = entries;
    let entries = [tried(appended, attempt(1, 1)), tried(copied, attempt(1, 2))];
    check(&entries, &[Holds(3), Holds(3)], &[Received, Received]);
    check(
        &entries,
        &[Holds(2), Holds(2)],
        &[Received, Send(attempt(2, 2))],
    );
}

#[test]
fn what_the_server_said_no_to_is_not_taken_for_what_came_by_another_way() {
    let letter = Mark {
        header: Some(header(1)),
        ..mark(1, 5, 100)
    };
    let refused = JournalEntry {
        state: EntryState::Refused(attempt(1, 0)),
        ..append(1, letter)
    };
    check(&[refused], &[Holds(1)], &[Send(attempt(2, 1))]);
}

#[test]
fn nothing_is_sent_where_its_like_from_another_mailbox_may_still_arrive() {
    let letter = Mark {
        header: Some(header(1)),
        ..mark(1, 5, 100)
    };
    let entries = [copy(1, letter)];
    let sightings = BTreeMap::from([(EntryId::from_raw(1), Holds(0))]);
    let decided = |elsewhere: &[(MailboxName, Mark)]| {
        let decisions = weigh(&own(), &entries, elsewhere, &sightings);
        decisions.into_values().collect::<Vec<_>>()
    };
    let sent = [Send(attempt(1, 0))];
    assert_eq!(decided(&[(archive(), letter)]), [Wait]);
    assert_eq!(decided(&[(own(), letter)]), sent);
    let other = Mark {
        header: Some(header(2)),
        ..letter
    };
    assert_eq!(decided(&[(archive(), other)]), sent);
}

/// The server counts their octets otherwise than we do, and each could be taken for the other or not.
#[test]
fn of_equal_messages_of_the_users_own_one_is_sent_at_a_time() {
    let own = |raw, instant| append(raw, mark(instant, 27, 6));
    let first = attempt(1, 2);
    check(
        &[own(1, 100), own(2, 200), append(3, mark(200, 27, 7))],
        &[Holds(2), Holds(2), Holds(0)],
        &[Send(first), Wait, Send(attempt(1, 0))],
    );
    // The first one is there now, with more octets: it counts for nothing but itself.
    check(
        &[tried(own(1, 100), first), own(2, 200)],
        &[Holds(3), Holds(2)],
        &[Received, Send(first)],
    );
    // It did not arrive, and is sent once more before the other.
    check(
        &[tried(own(1, 100), first), own(2, 200)],
        &[Holds(2), Holds(2)],
        &[Send(attempt(2, 2)), Wait],
    );
    let copies = [copy(1, mark(100, 27, 6)), copy(2, mark(200, 27, 6))];
    check(&copies, &[Holds(2); 2], &[Send(first), Send(first)]);
}
