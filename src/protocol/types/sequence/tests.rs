use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn resolved(text: &str, exists: u32, star: StarAllowed) -> Result<Vec<(u32, u32)>, SequenceError> {
    let ranges = SequenceSet::parse(text.as_bytes())?.resolve(exists, star)?;
    Ok(ranges.into_iter().map(|range| range.into_inner()).collect())
}

#[test]
fn sequences_resolve_to_merged_ascending_ranges() {
    for (text, expected) in [
        ("2,4:7,9", vec![(2, 2), (4, 7), (9, 9)]),
        ("7:4", vec![(4, 7)]),
        ("9,1,2,8", vec![(1, 2), (8, 9)]),
        ("1:5,3:8", vec![(1, 8)]),
        ("3,3,3", vec![(3, 3)]),
    ] {
        assert_eq!(resolved(text, 9, StarAllowed::No), Ok(expected), "{text}");
    }
}

#[test]
fn a_star_is_the_last_message_where_the_dialect_has_it() {
    assert_eq!(resolved("4:*", 9, StarAllowed::Yes), Ok(vec![(4, 9)]));
    assert_eq!(resolved("*:4,*", 9, StarAllowed::Yes), Ok(vec![(4, 9)]));
    assert_eq!(
        resolved("4:*", 9, StarAllowed::No),
        Err(SequenceError::NoStar)
    );
    assert_eq!(
        resolved("*", 0, StarAllowed::Yes),
        Err(SequenceError::BeyondMailbox)
    );
}

#[test]
fn bad_sequences_are_refused_as_a_whole() {
    for text in [
        "",
        "0",
        "1:0",
        "1:2:3",
        "1,,2",
        ",1",
        "1:",
        ":",
        "-1",
        "+1",
        "a",
        "1 ",
        "4294967296",
        "**",
        "01234567890",
    ] {
        assert_eq!(
            SequenceSet::parse(text.as_bytes()),
            Err(SequenceError::Malformed),
            "{text:?}"
        );
    }
    assert_eq!(
        resolved("1,10", 9, StarAllowed::No),
        Err(SequenceError::BeyondMailbox)
    );
    assert_eq!(
        resolved("1", 0, StarAllowed::No),
        Err(SequenceError::BeyondMailbox)
    );
    let many = vec!["1"; SequenceSet::MAX_RANGES + 1].join(",");
    assert_eq!(
        SequenceSet::parse(many.as_bytes()),
        Err(SequenceError::TooManyRanges)
    );
}

#[test]
fn uid_sets_may_name_numbers_above_the_highest() {
    let set = SequenceSet::parse(b"70:*,3").unwrap();
    assert_eq!(set.uids(50), [3..=3, 50..=70]);
    assert_eq!(set.to_string(), "70:*,3");
}

#[test]
fn numbers_and_indexes_differ_by_one() {
    let number = SeqNum::from_index(0).unwrap();
    assert_eq!((number.get(), number.index()), (1, 0));
    assert_eq!(SeqNum::new(0), None);
    assert_eq!(SeqNum::from_index(u32::MAX as usize), None);
}

fn bounds() -> impl Strategy<Value = Bound> {
    prop_oneof![4 => (1u32..).prop_map(|n| Bound::Number(NonZeroU32::new(n).unwrap())), 1 => Just(Bound::Star)]
}

proptest! {
    #[test]
    fn a_written_sequence_reads_back(set in prop::collection::vec((bounds(), bounds()), 1..20).prop_map(SequenceSet)) {
        let mut wire = Vec::new();
        set.encode(&mut wire);
        prop_assert_eq!(SequenceSet::parse(&wire), Ok(set));
    }

    #[test]
    fn chunks_hold_every_number_once_within_the_limit(
        numbers in prop::collection::btree_set(1u32..300, 0..120),
        max_ranges in 1usize..8,
    ) {
        let sets = SequenceSet::chunked(numbers.iter().map(|&n| SeqNum::new(n).unwrap()), max_ranges);
        let mut seen = BTreeSet::new();
        for set in &sets {
            let ranges = set.resolve(300, StarAllowed::No).unwrap();
            prop_assert!(!ranges.is_empty() && ranges.len() <= max_ranges);
            for number in ranges.into_iter().flatten() {
                prop_assert!(seen.insert(number));
            }
        }
        prop_assert_eq!(seen, numbers);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(set) = SequenceSet::parse(&bytes) {
            let _ranges = set.resolve(100, StarAllowed::Yes);
        }
    }
}
