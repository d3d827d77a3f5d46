//! What a sync asks of the line: round trips and octets, counted by a proxy that holds every octet back for a while.

use std::time::Duration;

use crate::lab::corpus::Message;
use crate::lab::cut::Traffic;
use crate::lab::date::InternalDate;
use crate::lab::lowtide::Lowtide;
use crate::lab::present;
use crate::lab::rig::{Kind, NO_TCP, Server, clear_account};
use crate::lab::uw::Format;
use crate::mbsync::Mbsync;
use crate::sample::peak_of;
use crate::sync;
use crate::table::{Row, Table, Want};

/// A large mailbox on servers that say as little as IMAP2 lets them, beside mbsync, which has UIDs.
pub(crate) fn counted(count: usize, table: &mut Table) {
    for (name, kind) in [
        ("Dovecot", Kind::DovecotTcp),
        ("UW imapd, mix", Kind::Uw(Format::Mix)),
    ] {
        let Some(server) = present(Server::start(kind)) else {
            continue;
        };
        match &server {
            Server::Dovecot(dovecot) => dovecot.fill_maildir("INBOX", letters(0..count)),
            Server::Cyrus(_) => server.fill("INBOX", &letters(0..count).collect::<Vec<_>>()),
            Server::Uw(uw) => uw.fill("INBOX", &letters(0..count).collect::<Vec<_>>()),
        }
        compare(name, &server, count, table);
    }
}

fn compare(name: &str, server: &Server, count: usize, table: &mut Table) {
    let line = server.cut();
    let account = clear_account(line.address.port());
    let keys = format!("{account}\nprotocol = \"imap2\"\nmailboxes = [\"INBOX\"]");
    let lowtide = Lowtide::install(&keys, NO_TCP);
    sync(&lowtide);
    let mbsync = Mbsync::install(line.address);
    mbsync.sync();
    line.delay(DELAY);
    // What an earlier connection left to be told belongs to no case.
    sync(&lowtide);
    mbsync.sync();
    let sets = flag_sets(server);
    let mut case = |what: &str, trips: f64, kilobytes: f64| {
        let mut peak = 0.0;
        let one = line.during(|| peak = peak_of(&mut lowtide.start(&["sync"]).process));
        let other = line.during(|| mbsync.sync());
        let what = format!("{what}, {count} on {name}");
        for (unit, of, most) in [
            ("round trips", trips_of as fn(Traffic) -> f64, trips),
            ("KB down", kilobytes_of, kilobytes),
        ] {
            let row = Row::counted(
                what.clone(),
                (of(one), of(other)),
                unit,
                Want::OursAtMost(most),
            );
            table.push(row);
        }
        table.peak(format!("peak, {what}"), peak);
    };
    case("nothing to do", 6.0, 3.0 + sets);
    let came = changed_by_others(server, count);
    case("100 gone, 50 come, 200 flags", 25.0, 300.0 + came);
}

/// A hundred removed in the middle, fifty come, two hundred flags changed. Gives the size of what came, in KB.
fn changed_by_others(server: &Server, count: usize) -> f64 {
    let mut other = server.client();
    other.select("INBOX");
    let middle = count / 2;
    other.store(&format!("{middle}:{}", middle + 99), "+FLAGS (\\Deleted)");
    other.ok("EXPUNGE");
    for nth in 0..20 {
        let place = 1 + nth * (count / 25);
        other.store(&format!("{place}:{}", place + 9), "+FLAGS (\\Flagged)");
    }
    other.logout();
    let new: Vec<Message> = letters(count..count + 50).collect();
    server.fill("INBOX", &new);
    kilobytes(new.iter().map(|message| message.bytes.len()).sum())
}

/// What the sets of flags alone come to, in KB: whoever has no UIDs has to be told them.
fn flag_sets(server: &Server) -> f64 {
    let mut client = server.client();
    client.select("INBOX");
    let told = SETS.map(|key| {
        let reply = client.command(&format!("SEARCH {key}")).unwrap();
        let lines = reply.untagged.iter().map(|line| line.0.len() + 2);
        lines.sum::<usize>() + "t0000001 OK ".len() + reply.text.len() + 2
    });
    client.logout();
    kilobytes(told.iter().sum())
}

/// Short letters, nearly all of them read.
fn letters(numbers: std::ops::Range<usize>) -> impl Iterator<Item = Message> {
    numbers.map(|number| {
        let marks = [
            ("\\Seen", number % 100 != 0),
            ("\\Answered", number % 50 == 1),
            ("\\Flagged", number % 100 == 2),
        ];
        let bytes = format!(
            "From: Ada <ada@sea.example>\r\nSubject: The tide of day {number}\r\nMessage-ID: <{number}@sea.example>\r\n\r\n{}",
            "It comes, and it goes.\r\n".repeat(1 + number % 7)
        );
        Message {
            kind: "short",
            bytes: bytes.into_bytes(),
            internal_date: InternalDate(820_454_400 + i64::try_from(number).unwrap() * 600),
            flags: marks.into_iter().filter(|(_, has)| *has).map(|(flag, _)| flag.to_owned()).collect(),
        }
    })
}

fn trips_of(traffic: Traffic) -> f64 {
    number(usize::try_from(traffic.turns).unwrap())
}

fn kilobytes_of(traffic: Traffic) -> f64 {
    kilobytes(usize::try_from(traffic.to_client).unwrap())
}

fn kilobytes(octets: usize) -> f64 {
    number(octets) / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "a number is read by people")]
fn number(count: usize) -> f64 {
    count as f64
}

/// How long octets take each way, so that what is sent at once is seen to be.
const DELAY: Duration = Duration::from_millis(15);
/// The flags that are read as sets, as few as can be.
const SETS: [&str; 5] = ["UNSEEN", "ANSWERED", "FLAGGED", "DELETED", "DRAFT"];
