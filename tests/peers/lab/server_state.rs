//! What a mailbox holds at one moment, for comparing moments and servers.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::client::{Client, Dialect, Held};

/// The messages of a mailbox in the server's order.
#[derive(Clone, Debug)]
pub(crate) struct State(pub(crate) Vec<Held>);

impl State {
    /// Reads the mailbox without changing it.
    #[track_caller]
    pub(crate) fn read(client: &mut Client, mailbox: &str) -> Self {
        Self::read_as(client, mailbox, Dialect::Imap4rev1)
    }

    /// Reads the mailbox in a dialect, opening it for reading only.
    #[track_caller]
    pub(crate) fn read_as(client: &mut Client, mailbox: &str, dialect: Dialect) -> Self {
        client.examine(mailbox);
        Self(client.messages(dialect))
    }

    /// What tells two mailboxes apart, a line for each difference; empty when they agree in texts, order and flags.
    pub(crate) fn difference(&self, other: &Self) -> String {
        let (mut left, mut right) = (self.0.as_slice(), other.0.as_slice());
        let mut report = String::new();
        while let (Some((mine, my_rest)), Some((theirs, their_rest))) =
            (left.split_first(), right.split_first())
        {
            if mine.hash == theirs.hash {
                tell_flags(&mut report, mine, theirs);
                (left, right) = (my_rest, their_rest);
            } else if their_rest.iter().any(|later| later.hash == mine.hash) {
                tell(&mut report, '+', theirs);
                right = their_rest;
            } else {
                tell(&mut report, '-', mine);
                left = my_rest;
            }
        }
        left.iter().for_each(|mine| tell(&mut report, '-', mine));
        right
            .iter()
            .for_each(|theirs| tell(&mut report, '+', theirs));
        report
    }
}

/// Fails the test with a readable list of differences unless both hold the same texts and flags in the same order.
#[track_caller]
pub(crate) fn assert_same((left_name, left): (&str, &State), (right_name, right): (&str, &State)) {
    let difference = left.difference(right);
    let (count, shown) = (
        difference.lines().count(),
        difference.lines().take(30).collect::<Vec<_>>().join("\n"),
    );
    let (left_count, right_count) = (left.0.len(), right.0.len());
    assert!(
        difference.is_empty(),
        "{left_name} (-, {left_count} messages) and {right_name} (+, {right_count} messages) differ in {count} places:\n{shown}"
    );
}

fn tell(report: &mut String, sign: char, message: &Held) {
    let (seq, hash, flags) = (
        message.seq,
        &message.hash.to_hex()[..8],
        words(&message.flags),
    );
    writeln!(report, "{sign} #{seq} {hash} ({flags}) {}", message.label).unwrap();
}

fn tell_flags(report: &mut String, mine: &Held, theirs: &Held) {
    if mine.flags != theirs.flags {
        let (seq, hash, label) = (mine.seq, &mine.hash.to_hex()[..8], &mine.label);
        let (before, after) = (words(&mine.flags), words(&theirs.flags));
        writeln!(report, "  #{seq} {hash} ({before}) -> ({after}) {label}").unwrap();
    }
}

fn words(flags: &BTreeSet<String>) -> String {
    flags
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}
