//! lowtide beside its peers: the same mail, the same server, the same minutes.
//!
//! `tests/run bench` installs the peers and runs this. Two mailboxes of ordinary mail (half of it below 5 KB, 20 KB on
//! average, up to 1 MB) lie on a private Dovecot. lowtide and mbsync mirror them, then sync with nothing to do; then a
//! client asks the same of lowtide's endpoint and of Dovecot. The two take turns, so that a machine that slows down
//! slows both; what counts is the ratio of the medians. Last, round trips and octets of a sync are counted on a slow line.
//! Sizes can be given: `cargo bench --bench beside -- 1000 10000`; with `link` only the line is measured.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "what goes wrong while measuring ends the measurement, and its result is what is printed"
)]

mod drain;
#[expect(
    dead_code,
    reason = "the laboratory serves the tests first; a measurement needs a part of it"
)]
#[path = "../../tests/peers/lab/mod.rs"]
mod lab;
mod link;
mod mbsync;
mod sample;
mod table;

use std::process::Command;

use drain::Drain;
use lab::corpus::ordinary;
use lab::dovecot::{Dovecot, PASSWORD, Storage, USER};
use lab::lowtide::{ACCOUNT, Daemon, ENDPOINT_PASSWORD, Lowtide, endpoint};
use lab::rig::{NO_TCP, clear_account};
use mbsync::Mbsync;
use sample::{Sample, paired, peak_of, timed};
use table::{Row, Table, Want};

fn main() {
    // Cargo adds words of its own, such as `--bench`.
    let words: Vec<String> = std::env::args().skip(1).collect();
    let sizes: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let [small, large] = sizes.try_into().unwrap_or([10_000, 100_000]);
    let is_all = !words.iter().any(|word| word == "link");
    let mut table = Table::default();
    if is_all {
        mirroring(small, &mut table);
        serving(large, &mut table);
    }
    link::counted(large, &mut table);
    table.print();
}

/// Beside mbsync: the first mirror, and a sync with nothing to do.
fn mirroring(count: usize, table: &mut Table) {
    let dovecot = filled(count);
    for protocol in ["auto", "imap2"] {
        let ours = || {
            let lowtide = install(&dovecot, protocol, NO_TCP);
            timed(|| sync(&lowtide))
        };
        let theirs = || {
            let mbsync = Mbsync::install(dovecot.imap);
            timed(|| mbsync.sync())
        };
        let (ours, theirs) = paired(3, ours, theirs);
        table.push(Row::seconds(
            format!("first mirror of {count} messages, {protocol}"),
            ours,
            theirs,
            "mbsync",
            Want::AtMost(0.5),
        ));
        let lowtide = install(&dovecot, protocol, NO_TCP);
        let peak = peak_of(&mut lowtide.start(&["sync"]).process);
        table.peak(format!("peak while {count} are mirrored, {protocol}"), peak);
        let mbsync = Mbsync::install(dovecot.imap);
        mbsync.sync();
        idle(&lowtide, &mbsync, count, protocol, Want::AtMost(1.0), table);
    }
}

/// Beside Dovecot: what a client of the endpoint waits for.
fn serving(count: usize, table: &mut Table) {
    let dovecot = filled(count);
    let mbsync = Mbsync::install(dovecot.imap);
    let theirs = timed(|| mbsync.sync());
    let (address, keys) = endpoint();
    for protocol in ["imap2", "auto"] {
        let lowtide = install(&dovecot, protocol, &keys);
        let mut daemon = Daemon::start(&lowtide, address);
        let ours = timed(|| sync(&lowtide));
        table.push(Row::seconds(
            format!("first mirror of {count} messages, {protocol}"),
            Sample::of(vec![ours]),
            Sample::of(vec![theirs]),
            "mbsync",
            Want::Nothing,
        ));
        table.peak(
            format!("peak of the daemon, {count} mirrored, {protocol}"),
            sample::peak(&daemon.started.process),
        );
        daemon.started.process.terminate();
        idle(&lowtide, &mbsync, count, protocol, Want::AtMost(0.5), table);
        if protocol == "auto" {
            served(&lowtide, &dovecot, address, count, table);
        }
    }
}

/// Synchronises, however long it takes, and sees the end at once: the laboratory looks for it only now and then.
fn sync(lowtide: &Lowtide) {
    let mut started = lowtide.start(&["sync"]);
    let status = started.process.0.wait().unwrap();
    assert!(status.success(), "{status}: {}", started.stderr());
}

/// A sync with nothing to do, of mailboxes that are in sync.
fn idle(
    lowtide: &Lowtide,
    mbsync: &Mbsync,
    count: usize,
    protocol: &str,
    want: Want,
    table: &mut Table,
) {
    let (ours, theirs) = paired(5, || timed(|| sync(lowtide)), || timed(|| mbsync.sync()));
    table.push(Row::seconds(
        format!("nothing to do, {count} messages, {protocol}"),
        ours,
        theirs,
        "mbsync",
        want,
    ));
    let peak = peak_of(&mut lowtide.start(&["sync"]).process);
    table.peak(
        format!("peak with nothing to do, {count} messages, {protocol}"),
        peak,
    );
}

fn served(
    lowtide: &Lowtide,
    dovecot: &Dovecot,
    address: std::net::SocketAddr,
    count: usize,
    table: &mut Table,
) {
    let daemon = Daemon::start(lowtide, address);
    // What is measured is the endpoint, not the syncs that its changes would bring about.
    let offline = lowtide.run(&["offline", ACCOUNT]);
    assert_eq!(offline.code, Some(0), "{offline:?}");
    let at_home = || Drain::login(address, ACCOUNT, ENDPOINT_PASSWORD);
    let over_there = || Drain::login(dovecot.imap, USER, PASSWORD);
    opening(at_home, over_there, table);
    let (mut ours, mut theirs) = (at_home(), over_there());
    ours.run("SELECT INBOX");
    theirs.run("SELECT INBOX");
    let mut beside = |what: &str, commands: [&str; 2]| {
        let (mut one, mut other) = (commands.into_iter().cycle(), commands.into_iter().cycle());
        let (ours, theirs) = paired(
            6,
            || ours.run(one.next().unwrap()).seconds,
            || theirs.run(other.next().unwrap()).seconds,
        );
        no_slower(what, ours, theirs, table);
    };
    let all = format!("1:{count}");
    let twice = |command: String| [command.clone(), command];
    for (what, commands) in [
        ("FETCH 1:n FAST", twice(format!("FETCH {all} FAST"))),
        ("FETCH 1:n ENVELOPE", twice(format!("FETCH {all} ENVELOPE"))),
        ("SEARCH UNSEEN", twice("SEARCH UNSEEN".into())),
        (
            "STORE of 1000 flags",
            [
                "STORE 1:1000 +FLAGS (\\Flagged)".into(),
                "STORE 1:1000 -FLAGS (\\Flagged)".into(),
            ],
        ),
    ] {
        beside(what, [&commands[0], &commands[1]]);
    }
    // Open for reading only, since otherwise every message read would be marked as read, on both sides.
    ours.run("EXAMINE INBOX");
    theirs.run("EXAMINE INBOX");
    let texts = format!("FETCH {all} RFC822");
    let (ours, theirs) = paired(
        3,
        || ours.run(&texts).megabytes_a_second(),
        || theirs.run(&texts).megabytes_a_second(),
    );
    table.push(Row::rate(
        "FETCH 1:n RFC822".to_owned(),
        ours,
        theirs,
        "Dovecot",
        Want::AtLeast(0.6),
    ));
    table.peak(
        format!("peak of the daemon, {count} served"),
        sample::peak(&daemon.started.process),
    );
}

/// SELECT as the first command of a client that has just logged in: nobody selects what is open already.
fn opening(at_home: impl Fn() -> Drain, over_there: impl Fn() -> Drain, table: &mut Table) {
    let (ours, theirs) = paired(
        6,
        || at_home().run("SELECT INBOX").seconds,
        || over_there().run("SELECT INBOX").seconds,
    );
    no_slower("SELECT", ours, theirs, table);
}

/// What a client waits for at the endpoint, beside Dovecot.
fn no_slower(what: &str, ours: Sample, theirs: Sample, table: &mut Table) {
    let want = Want::AtMost(1.0);
    table.push(Row::seconds(what.to_owned(), ours, theirs, "Dovecot", want));
}

fn filled(count: usize) -> Dovecot {
    let dovecot = Dovecot::start(Storage::Maildir).expect("Dovecot is installed");
    dovecot.fill_maildir("INBOX", ordinary(1, count));
    // Dovecot makes its index of new mail once; neither side is to pay for it.
    let mut client = Drain::login(dovecot.imap, USER, PASSWORD);
    client.run("SELECT INBOX");
    client.run(&format!("FETCH 1:{count} ALL"));
    client.run(&format!("FETCH 1:{count} BODY.PEEK[]"));
    dovecot
}

fn install(dovecot: &Dovecot, protocol: &str, endpoint: &str) -> Lowtide {
    let account = clear_account(dovecot.imap.port());
    let keys = format!("{account}\nprotocol = \"{protocol}\"\nmailboxes = [\"INBOX\"]");
    let lowtide = Lowtide::install(&keys, endpoint);
    Command::new("sync").status().expect("sync is installed");
    lowtide
}
