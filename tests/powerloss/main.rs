//! The power fails, at any moment: every system call of the built program is recorded, and from the record the files are
//! made as a disk may have kept them. What was not synced is there, or not, or in part, or torn. Whatever the disk did,
//! the files open, nothing that was said OK to is missing, and nobody sees what was not.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "what goes wrong in a test ends it"
)]

mod disk;
mod faults;
#[path = "../sim/memory.rs"]
mod memory;
mod program;
#[expect(dead_code, reason = "the laboratory's chance makes letters as well")]
#[path = "../peers/lab/random.rs"]
mod random;
mod record;

use std::path::Path;
use std::sync::Arc;

use lowtide::id::MessageId;
use lowtide::protocol::types::FlagSet;
use lowtide::store::{Execution, Kind, NamedAction, Store};

use disk::Disk;
use program::{Bench, LETTERS};
use random::Random;
use record::Call;

/// What a person sees of the mail: INBOX, and how many copies stand in the archive or are on their way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    inbox: Vec<(MessageId, FlagSet)>,
    copies: usize,
}

/// One thing that a mail client asks for, and what it does to what is shown.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Store(usize, &'static str, FlagSet),
    Expunge,
    Copy(usize),
}

const WISHES: [Wish; 12] = [
    Wish::Store(1, "+FLAGS (\\Seen)", FlagSet::SEEN),
    Wish::Store(4, "+FLAGS (\\Flagged)", FlagSet::FLAGGED),
    Wish::Copy(2),
    Wish::Store(7, "+FLAGS (\\Deleted)", FlagSet::DELETED),
    Wish::Store(9, "+FLAGS (\\Deleted)", FlagSet::DELETED),
    Wish::Expunge,
    Wish::Store(3, "+FLAGS (\\Answered)", FlagSet::ANSWERED),
    Wish::Copy(8),
    Wish::Store(5, "+FLAGS (\\Flagged)", FlagSet::FLAGGED),
    Wish::Store(2, "+FLAGS (\\Deleted)", FlagSet::DELETED),
    Wish::Expunge,
    Wish::Store(6, "+FLAGS (\\Seen)", FlagSet::SEEN),
];

impl Wish {
    fn command(self) -> String {
        match self {
            Self::Store(number, change, _) => format!("STORE {number} {change}"),
            Self::Expunge => "EXPUNGE".to_owned(),
            Self::Copy(number) => format!("COPY {number} archive"),
        }
    }

    fn onto(self, shown: &Shown) -> Shown {
        let mut shown = shown.clone();
        match self {
            Self::Store(number, _, flag) => {
                let flags = &mut shown.inbox[number - 1].1;
                *flags = flags.union(flag);
            }
            Self::Expunge => shown
                .inbox
                .retain(|(_, flags)| !flags.contains(FlagSet::DELETED)),
            Self::Copy(_) => shown.copies += 1,
        }
        shown
    }
}

#[test]
fn no_power_failure_loses_what_was_said_ok_to() {
    let Some(bench) = Bench::set_up() else {
        eprintln!("\nSKIPPED: no_power_failure_loses_what_was_said_ok_to: strace is not installed");
        return;
    };
    let dir = bench.store();

    // First the mirror is made: of whatever is kept, every octet is as it was read.
    let before = Disk::of(&dir);
    let calls = bench.sync();
    let mirrored = sweep("the first mirror", &before, &calls, |image, _| {
        let inbox = shown(image).map_or(0, |shown| shown.inbox.len());
        assert!(
            inbox == 0 || inbox == LETTERS,
            "{inbox} messages of a whole listing"
        );
    });

    // Then the user acts offline: what was said OK to is there, and nothing that was not asked for.
    let mut expected = vec![shown(&dir).unwrap()];
    for wish in WISHES {
        expected.push(wish.onto(expected.last().unwrap()));
    }
    let before = Disk::of(&dir);
    let calls = bench.act_offline(&WISHES.map(Wish::command));
    let acted = sweep("twelve actions", &before, &calls, |image, acknowledged| {
        let shown = shown(image).unwrap();
        let may_be = &expected[acknowledged..expected.len().min(acknowledged + 2)];
        assert!(
            may_be.contains(&shown),
            "{acknowledged} were said OK to:\n{shown:?}\nis none of\n{may_be:?}"
        );
    });

    // At last they are carried out: in the journal or in the base, whoever looks sees them.
    let last = expected.last().unwrap();
    assert_eq!(&shown(&dir).unwrap(), last);
    let before = Disk::of(&dir);
    let calls = bench.sync();
    let replayed = sweep("the replay", &before, &calls, |image, _| {
        let shown = shown(image).unwrap();
        assert_eq!(shown.inbox, last.inbox);
        // A copy that was seen on the server is owed no longer, and comes with the next look at the archive.
        assert!(shown.copies <= last.copies);
    });
    assert!(Store::open(&dir, Kind::Mirror).is_ok());
    let count = mirrored + acted + replayed;
    println!("{count} images, 0 unreadable, 0 actions lost");
    assert!(count >= 20_000, "{count} images are too few");
}

/// What the files of an image show.
fn shown(dir: &Path) -> Option<Shown> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let store = Store::open_with(dir, Kind::Mirror, Execution::Inline(Arc::new(|| false)));
    let store = store.unwrap_or_else(|error| panic!("it does not open: {error}"));
    runtime.block_on(async {
        store.verify().await.unwrap();
        let entries = store.entries().await.unwrap();
        let owed = entries
            .iter()
            .filter(|entry| matches!(entry.action, NamedAction::Copy { .. }));
        let mut shown = Shown {
            inbox: Vec::new(),
            copies: owed.count(),
        };
        for name in ["INBOX", "archive"] {
            let mailbox = store.mailbox(&name.parse().unwrap())?;
            let view = store.view(mailbox).await.unwrap();
            let messages = view.messages().map(|(row, flags)| (row.id, flags));
            if name == "INBOX" {
                shown.inbox = messages.collect();
            } else {
                shown.copies += messages.count();
            }
        }
        Some(shown)
    })
}

/// Has the power fail behind every call, and looks at some of the disks that there may be then. Gives how many.
fn sweep(what: &str, before: &Disk, calls: &[Call], check: impl Fn(&Path, usize) + Sync) -> usize {
    let moments = calls.len() + 1;
    let variants = IMAGES_EACH.div_ceil(moments);
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let check = &check;
            scope.spawn(move || {
                let home = memory::home("power-");
                let mut disk = before.clone();
                let mut acknowledged = 0;
                for moment in 0..moments {
                    if let Some(call) = moment.checked_sub(1).map(|index| &calls[index]) {
                        disk.take(call);
                        acknowledged +=
                            usize::from(matches!(call, Call::Said(text) if is_ok(text)));
                    }
                    for variant in (worker..variants).step_by(WORKERS) {
                        let seed = (moment * variants + variant) as u64;
                        let image = home.path().join("image");
                        disk.fail(variant, &mut Random::new(seed)).write(&image);
                        let seen = std::panic::AssertUnwindSafe(|| check(&image, acknowledged));
                        if std::panic::catch_unwind(seen).is_err() {
                            let calls = &calls[moment.saturating_sub(12)..moment];
                            panic!("{what}, moment {moment}, variant {variant}, after {calls:#?}");
                        }
                        std::fs::remove_dir_all(&image).unwrap();
                    }
                }
            });
        }
    });
    let count = moments * variants;
    println!("{what}: {} calls, {count} images", calls.len());
    count
}

/// Whether a line says OK to an action.
fn is_ok(text: &[u8]) -> bool {
    let lines = text.split(|octet| *octet == b'\n');
    lines
        .clone()
        .any(|line| line.starts_with(b"wish") && line.windows(4).any(|word| word == b" OK "))
}

/// How many disks are looked at for each part of the story.
const IMAGES_EACH: usize = 7_000;
const WORKERS: usize = 2;
