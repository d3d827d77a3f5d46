//! What should become of each message, worked out from the rules and from nothing that lowtide does.

use std::collections::BTreeSet;

use crate::lab::client::Held;
use crate::lab::random::Random;
use crate::lab::server_state::State;

/// Messages by their place in the mailbox before anybody changed it, counted from 0.
pub(super) type Places = BTreeSet<usize>;

/// What the user does.
#[derive(Debug)]
pub(super) struct Wishes {
    pub(super) read: Places,
    pub(super) unread: Places,
    pub(super) flagged: Places,
    pub(super) answered: Places,
    /// Marked and removed.
    pub(super) expunged: Places,
    /// Marked, and left there.
    pub(super) deleted: Places,
    pub(super) copied: Places,
}

/// What the other client does.
#[derive(Debug)]
pub(super) struct Changes {
    pub(super) expunged: Places,
    pub(super) flagged: Places,
    pub(super) deleted: Places,
}

/// What both sides come to.
pub(super) struct Expected {
    pub(super) server: State,
    pub(super) mirror: State,
    pub(super) archive: State,
    /// Messages whose removal has to wait.
    pub(super) waiting_count: usize,
    /// Marks that came after such a removal and would stand in its way.
    pub(super) held_back_count: usize,
    /// Copies whose source was gone, where nothing can be appended instead.
    pub(super) lost_copy_count: usize,
    pub(super) conflict_count: usize,
}

/// Draws both parts such that every meeting of wishes happens.
pub(super) fn draw(seed: u64, before: &State) -> (Wishes, Changes) {
    let mut random = Random::new(seed);
    let has = |place: usize, flag: &str| before.0[place].flags.contains(flag);
    let mut some = |count: usize, fits: &dyn Fn(usize) -> bool| -> Places {
        let mut drawn = Places::new();
        while drawn.len() < count {
            let place = random.below(before.0.len());
            if fits(place) {
                drawn.insert(place);
            }
        }
        drawn
    };
    let gone = some(20, &|_| true);
    let marked = some(20, &|place| {
        !gone.contains(&place) && !has(place, "\\Flagged")
    });
    let deleted = some(10, &|place| {
        !gone.contains(&place) && !marked.contains(&place)
    });
    let free =
        |place| !gone.contains(&place) && !marked.contains(&place) && !deleted.contains(&place);
    let in_gone = |place| gone.contains(&place);
    let in_marked = |place| marked.contains(&place);
    let removed = [some(3, &in_gone), some(2, &in_marked), some(5, &free)].concat();
    let marks = [
        some(1, &|place| in_gone(place) && !removed.contains(&place)),
        some(1, &|place| in_marked(place) && !removed.contains(&place)),
        some(3, &|place| free(place) && !removed.contains(&place)),
    ]
    .concat();
    let left = |place| !removed.contains(&place) && !marks.contains(&place);
    let read = |place| left(place) && !has(place, "\\Seen");
    let unflagged = |place| left(place) && !has(place, "\\Flagged");
    let wishes = Wishes {
        read: [
            some(3, &|place| in_gone(place) && read(place)),
            some(47, &|place| !in_gone(place) && read(place)),
        ]
        .concat(),
        unread: some(10, &|place| left(place) && has(place, "\\Seen")),
        flagged: [
            some(3, &|place| in_gone(place) && unflagged(place)),
            some(4, &|place| in_marked(place) && unflagged(place)),
            some(23, &|place| free(place) && unflagged(place)),
        ]
        .concat(),
        answered: some(20, &|place| left(place) && !has(place, "\\Answered")),
        copied: [
            some(1, &|place| in_gone(place) && left(place)),
            some(4, &|place| free(place) && left(place)),
        ]
        .concat(),
        expunged: removed,
        deleted: marks,
    };
    let changes = Changes {
        expunged: gone,
        flagged: marked,
        deleted,
    };
    (wishes, changes)
}

impl Expected {
    /// `scoped`: whether the server can be told what to remove, so that others' marks do not matter. `takes_messages`: whether
    /// it has APPEND.
    pub(super) fn of(
        before: &State,
        changed: &State,
        wishes: &Wishes,
        changes: &Changes,
        scoped: bool,
        takes_messages: bool,
    ) -> Self {
        let sourceless = wishes.copied.intersection(&changes.expunged);
        let mut expected = Self {
            server: State(Vec::new()),
            mirror: State(Vec::new()),
            archive: State(Vec::new()),
            waiting_count: 0,
            held_back_count: 0,
            lost_copy_count: if takes_messages {
                0
            } else {
                sourceless.clone().count()
            },
            conflict_count: wishes.flagged.intersection(&changes.expunged).count(),
        };
        for (place, held) in before.0.iter().enumerate() {
            if changes.expunged.contains(&place) {
                continue;
            }
            let mut held = held.clone();
            merge_flags(&mut held, place, wishes, changes);
            if wishes.copied.contains(&place) {
                expected.archive.0.push(held.clone());
            }
            let theirs = changes.flagged.contains(&place);
            let (removed, marked) = (
                wishes.expunged.contains(&place),
                wishes.deleted.contains(&place),
            );
            expected.conflict_count += usize::from(theirs && (removed || marked));
            let ours = wishes.flagged.contains(&place) || wishes.answered.contains(&place);
            expected.conflict_count += usize::from(changes.deleted.contains(&place) && ours);
            if (removed || marked) && !theirs {
                held.flags.insert("\\Deleted".to_owned());
            }
            match (removed && !theirs, scoped) {
                (true, true) => {}
                (true, false) => {
                    expected.waiting_count += 1;
                    expected.server.0.push(held);
                }
                (false, _) => {
                    expected.mirror.0.push(held.clone());
                    if marked && !theirs && !scoped {
                        expected.held_back_count += 1;
                        held.flags.remove("\\Deleted");
                    }
                    expected.server.0.push(held);
                }
            }
        }
        if takes_messages {
            let appended = sourceless.map(|&place| {
                let mut held = before.0[place].clone();
                merge_flags(&mut held, place, wishes, changes);
                held
            });
            expected.archive.0.extend(appended);
        }
        let survivor_count = before.0.len() - changes.expunged.len();
        let arrivals = &changed.0[survivor_count..];
        expected.server.0.extend_from_slice(arrivals);
        expected.mirror.0.extend_from_slice(arrivals);
        expected
    }
}

/// Each flag is one bit: whoever changed it since, its value is the changed one.
fn merge_flags(held: &mut Held, place: usize, wishes: &Wishes, changes: &Changes) {
    for (places, flag) in [
        (&changes.flagged, "\\Flagged"),
        (&changes.deleted, "\\Deleted"),
        (&wishes.read, "\\Seen"),
        (&wishes.flagged, "\\Flagged"),
        (&wishes.answered, "\\Answered"),
    ] {
        if places.contains(&place) {
            held.flags.insert(flag.to_owned());
        }
    }
    if wishes.unread.contains(&place) {
        held.flags.remove("\\Seen");
    }
}

/// Both, or all, in one.
trait Concat {
    fn concat(self) -> Places;
}

impl<const N: usize> Concat for [Places; N] {
    fn concat(self) -> Places {
        self.into_iter().flatten().collect()
    }
}

/// The places as message numbers, after those in `gone` have left.
pub(super) fn numbers(places: &Places, gone: &Places) -> String {
    let number = |place: &usize| (place + 1 - gone.range(..place).count()).to_string();
    let there = places.iter().filter(|place| !gone.contains(place));
    there.map(number).collect::<Vec<_>>().join(",")
}
