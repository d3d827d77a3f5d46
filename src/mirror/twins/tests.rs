use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::journal::HeaderHash;
use crate::mirror::{Aligned, BaseMessage, SeenMessage, align};
use crate::protocol::types::FlagSet;

/// A message's look by a letter; equal letters are equal messages.
fn mark(letter: char) -> Mark {
    Mark {
        instant: i64::from(u32::from(letter)),
        size: 7,
        header: Some(HeaderHash([letter as u8; 32])),
        uid: None,
    }
}

fn base(letters: &str) -> Base {
    let message = |(id, letter)| BaseMessage {
        id: MessageId::from_raw(id),
        mark: mark(letter),
        flags: FlagSet::EMPTY,
        zone_minutes: 0,
    };
    Base {
        messages: (1..).zip(letters.chars()).map(message).collect(),
        ..Base::default()
    }
}

fn seen(letters: &str) -> Observation {
    let message = |letter| SeenMessage {
        mark: mark(letter),
        flags: FlagSet::EMPTY,
        zone_minutes: 0,
    };
    Observation {
        messages: letters.chars().map(message).collect(),
        ..Observation::default()
    }
}

/// The fates as text: the number it was paired with, `.` for gone, `?` for doubt.
fn fates(known: &str, shown: &str, touched: &[i64]) -> String {
    let (base, seen) = (base(known), seen(shown));
    let Aligned::Done(alignment) = align(&base, &seen, &BTreeSet::new()) else {
        panic!("every header is known")
    };
    let touched = touched.iter().map(|id| MessageId::from_raw(*id)).collect();
    told(&choose(&base, &seen, alignment, &touched))
}

fn told(chosen: &Alignment) -> String {
    let letter = |fate: &Fate| match fate {
        Fate::Present(seq) | Fate::Chosen(seq) => seq.to_string(),
        Fate::Gone => ".".to_owned(),
        Fate::Doubtful => "?".to_owned(),
        Fate::Returned(seq) => format!("<{seq}"),
    };
    chosen.fates.iter().map(letter).collect()
}

#[test]
fn of_untouched_twins_the_earliest_are_kept() {
    assert_eq!(fates("aab", "ab", &[]), "1.2");
    assert_eq!(fates("aaab", "aab", &[]), "12.3");
    assert_eq!(fates("xaabaay", "xaabay", &[]), "12345.6");
}

#[test]
fn a_touched_twin_leaves_the_whole_group_in_doubt() {
    assert_eq!(fates("aab", "ab", &[1]), "??2");
    assert_eq!(fates("aab", "ab", &[2]), "??2");
    assert_eq!(fates("aab", "ab", &[3]), "1.2");
}

#[test]
fn one_group_is_settled_while_another_waits() {
    assert_eq!(fates("aabbc", "abc", &[3]), "1.??3");
}

proptest! {
    /// Untouched, every known message has a partner that is its equal, in order, and nobody has two.
    #[test]
    fn whatever_goes_the_rest_is_paired_in_order(letters in "[abc]{1,30}", gone in proptest::collection::vec(any::<bool>(), 30)) {
        let left: String = letters.chars().zip(&gone).filter(|(_, gone)| !**gone).map(|(letter, _)| letter).collect();
        let (base, seen) = (base(&letters), seen(&left));
        let Aligned::Done(alignment) = align(&base, &seen, &BTreeSet::new()) else { panic!("every header is known") };
        let chosen = choose(&base, &seen, alignment, &BTreeSet::new());
        prop_assert!(!chosen.fates.contains(&Fate::Doubtful));
        let pairs: Vec<(usize, SeqNum)> = chosen.present().collect();
        prop_assert_eq!(pairs.len(), left.len());
        for (position, (index, seq)) in pairs.iter().enumerate() {
            prop_assert_eq!(seq.index(), position);
            prop_assert_eq!(letters.as_bytes()[*index], left.as_bytes()[position]);
        }
    }
}

#[test]
fn what_only_date_and_size_are_known_of_is_not_acted_on() {
    let check = |known: &str, shown: &str, touched: &[i64], expected: &str| {
        let (mut base, mut seen) = (base(known), seen(shown));
        let known_marks = base.messages.iter_mut().map(|message| &mut message.mark);
        let seen_marks = seen.messages.iter_mut().map(|message| &mut message.mark);
        for mark in known_marks.chain(seen_marks) {
            mark.header = None;
        }
        let Aligned::Done(alignment) = align(&base, &seen, &BTreeSet::new()) else {
            panic!("no header is known to compare with")
        };
        let touched = touched.iter().map(|id| MessageId::from_raw(*id)).collect();
        let chosen = choose(&base, &seen, alignment, &touched);
        assert_eq!(told(&chosen), expected, "{known} {shown}");
    };
    check("ab", "ab", &[], "12");
    check("ab", "ab", &[1], "?2");
    check("aab", "aab", &[3], "12?");
    check("aab", "ab", &[1], "??2");
}

/// A first mirror was cut off between its list and its headers.
#[test]
fn a_large_mailbox_without_headers_is_taken_as_it_stands() {
    let blank = |instant: i64| Mark {
        instant,
        header: None,
        ..mark('a')
    };
    let (mut known, mut shown) = (base(""), seen(""));
    for number in 1..=100_000 {
        known.messages.push(BaseMessage {
            id: MessageId::from_raw(number),
            mark: blank(number),
            flags: FlagSet::EMPTY,
            zone_minutes: 0,
        });
        shown.messages.push(SeenMessage {
            mark: blank(number),
            flags: FlagSet::EMPTY,
            zone_minutes: 0,
        });
    }
    let Aligned::Done(alignment) = align(&known, &shown, &BTreeSet::new()) else {
        panic!("no header is known to compare with")
    };
    let chosen = choose(&known, &shown, alignment, &BTreeSet::new());
    assert_eq!(chosen.present().count(), 100_000);
}
