//! Mail to test with: the same seed always gives the same messages.
//!
//! Every message is clean in the one respect that IMAP demands: no NUL, no CR without LF, no LF without CR.

mod awkward;
mod letter;
mod ordinary;

use std::collections::BTreeSet;

use super::date::InternalDate;
use super::random::Random;

pub(crate) use ordinary::ordinary;

/// A message to be put into a mailbox.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    /// What is awkward about it.
    pub(crate) kind: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) internal_date: InternalDate,
    pub(crate) flags: BTreeSet<String>,
}

/// Messages of every awkward kind, each kind at least once where the count allows, and at least one in twenty the
/// identical twin of an earlier one: same bytes, same internal date, flags as chance has it.
pub(crate) fn awkward(seed: u64, count: usize) -> Vec<Message> {
    let mut random = Random::new(seed);
    let mut messages: Vec<Message> = Vec::with_capacity(count);
    let mut received = InternalDate(EARLIEST);
    for number in 0..count {
        let every_kind_had = number >= awkward::KINDS.len();
        // Mostly later than the one before, now and then the same second or earlier, as when mail was copied.
        received.0 += i64::try_from(random.below(2_000_000)).unwrap() - 200_000;
        let mut message = match number % TWIN_EVERY {
            0 if every_kind_had => random.pick(&messages).clone(),
            _ => {
                let kinds = awkward::KINDS;
                let (kind, write) = if every_kind_had {
                    *random.pick(kinds)
                } else {
                    kinds[number]
                };
                Message {
                    kind,
                    bytes: write(&mut random),
                    internal_date: received,
                    flags: BTreeSet::new(),
                }
            }
        };
        message.flags = some_flags(&mut random, KEYWORDS);
        messages.push(message);
    }
    messages
}

/// About as often as in a mailbox that is used: half is read, little is deleted.
fn some_flags(random: &mut Random, keywords: &[(&str, usize)]) -> BTreeSet<String> {
    let flags = SYSTEM_FLAGS
        .iter()
        .chain(keywords)
        .filter(|(_, chance)| random.percent(*chance));
    flags.map(|(flag, _)| (*flag).to_owned()).collect()
}

const SYSTEM_FLAGS: &[(&str, usize)] = &[
    ("\\Seen", 50),
    ("\\Answered", 15),
    ("\\Flagged", 10),
    ("\\Draft", 3),
    ("\\Deleted", 2),
];
const KEYWORDS: &[(&str, usize)] = &[("$Forwarded", 5), ("NonJunk", 10), ("lowtide-later", 2)];
/// 16 out of 17 messages are new.
const TWIN_EVERY: usize = 17;
/// 6 July 1988.
const EARLIEST: i64 = 584_150_400;

#[test]
fn the_corpus_is_clean_repeatable_and_as_awkward_as_it_claims() {
    let messages = awkward(7, 1000);
    assert_eq!(messages, awkward(7, 1000));
    assert_ne!(messages, awkward(8, 1000));
    for message in &messages {
        assert!(is_clean(&message.bytes), "{}", message.kind);
        assert!(message.bytes.len() > 2, "{}", message.kind);
    }
    let kinds: BTreeSet<&str> = messages.iter().map(|message| message.kind).collect();
    assert_eq!(kinds.len(), awkward::KINDS.len());
    let texts: BTreeSet<&[u8]> = messages
        .iter()
        .map(|message| message.bytes.as_slice())
        .collect();
    assert!(texts.len() <= 950, "{} different texts", texts.len());
    assert!(
        messages
            .iter()
            .any(|message| !message.bytes.ends_with(b"\r\n"))
    );
}

#[cfg(test)]
fn is_clean(bytes: &[u8]) -> bool {
    let broken = |pair: &[u8]| (pair[0] == b'\r') != (pair[1] == b'\n');
    !bytes.contains(&0)
        && !bytes.starts_with(b"\n")
        && !bytes.ends_with(b"\r")
        && !bytes.windows(2).any(broken)
}
