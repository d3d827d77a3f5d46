//! The parts that every message goes through, at 100,000 messages: reading a listing, aligning it, committing it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "what goes wrong while measuring ends the measurement"
)]

use std::collections::BTreeSet;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use lowtide::id::MessageId;
use lowtide::journal::{HeaderHash, Mark};
use lowtide::mirror::{
    Aligned, Arrival, Base, BaseMessage, Observation, SeenMessage, Settlement, align,
};
use lowtide::protocol::client::{Client, Event};
use lowtide::protocol::types::{FlagSet, MailboxName, SeqNum};
use lowtide::store::{Kind, Store};

const MESSAGES: usize = 100_000;

fn main() {
    divan::main();
}

/// The answer to `FETCH 1:n FAST`, as a server writes it.
#[divan::bench]
fn reading_a_listing(bencher: Bencher) {
    let line = |seq: usize| {
        format!(
            "* {seq} FETCH (FLAGS (\\Seen) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE {})\r\n",
            seq * 7 % 90_000
        )
    };
    let listing: Vec<u8> = (1..=MESSAGES)
        .flat_map(|seq| line(seq).into_bytes())
        .collect();
    bencher
        .counter(BytesCount::new(listing.len()))
        .counter(ItemsCount::new(MESSAGES))
        .bench(|| {
            let mut client = Client::after_starttls(Client::DEFAULT_LIMITS);
            let mut count = 0;
            for chunk in listing.chunks(64 * 1024) {
                client.receive(chunk);
                while let Some(event) = client.next_event().unwrap() {
                    count += usize::from(matches!(event, Event::Untagged(_)));
                }
            }
            assert_eq!(count, MESSAGES);
        });
}

/// A tenth was removed and a hundred came, told apart by date and size alone.
#[divan::bench]
fn aligning_without_uids(bencher: Bencher) {
    let base = Base {
        messages: marks().zip(1..).map(base_message).collect(),
        ..Base::default()
    };
    let mut seen: Vec<SeenMessage> = marks()
        .enumerate()
        .filter(|(index, _)| index % 10 != 3)
        .map(|(_, mark)| seen_message(mark))
        .collect();
    seen.extend((0..100).map(|number| seen_message(mark(i64::from(number), u32::MAX))));
    let seen = Observation {
        messages: seen,
        ..Observation::default()
    };
    bencher.counter(ItemsCount::new(MESSAGES)).bench(|| {
        let Aligned::Done(alignment) = align(&base, &seen, &BTreeSet::new()) else {
            panic!("every header is known");
        };
        assert_eq!(alignment.known_count, MESSAGES - MESSAGES / 10);
    });
}

/// The first listing of a mailbox, made durable.
#[divan::bench(sample_count = 10)]
fn committing_a_listing(bencher: Bencher) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let arrived: Vec<Arrival> = marks()
        .enumerate()
        .map(|(index, mark)| Arrival {
            seq: SeqNum::from_index(index).unwrap(),
            seen: seen_message(mark),
            was: None,
        })
        .collect();
    let settlement = Settlement {
        arrived,
        ..Settlement::default()
    };
    let prepare = || {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("account"), Kind::Mirror).unwrap();
        let inbox = runtime.block_on(store.adopt_list(vec![MailboxName::inbox()]));
        let inbox = *inbox.unwrap().first().unwrap();
        runtime.block_on(store.view(inbox)).unwrap();
        (directory, store, inbox, settlement.clone())
    };
    bencher
        .counter(ItemsCount::new(MESSAGES))
        .with_inputs(prepare)
        .bench_values(|(directory, store, inbox, settlement)| {
            let ids = runtime.block_on(store.record(inbox, settlement));
            assert_eq!(ids.unwrap().len(), MESSAGES);
            directory
        });
}

fn marks() -> impl Iterator<Item = Mark> {
    (0..MESSAGES).map(|number| {
        let number = u32::try_from(number).unwrap();
        mark(
            i64::from(number / 3),
            number.wrapping_mul(2_654_435_761) % 60_000,
        )
    })
}

fn mark(instant: i64, size: u32) -> Mark {
    let mut header = [0; 32];
    for (place, octet) in header
        .iter_mut()
        .zip(instant.to_le_bytes().into_iter().chain(size.to_le_bytes()))
    {
        *place = octet;
    }
    Mark {
        instant,
        size,
        header: Some(HeaderHash(header)),
        uid: None,
    }
}

fn base_message((mark, id): (Mark, i64)) -> BaseMessage {
    BaseMessage {
        id: MessageId::from_raw(id),
        mark,
        flags: FlagSet::EMPTY,
        zone_minutes: 0,
    }
}

fn seen_message(mark: Mark) -> SeenMessage {
    SeenMessage {
        mark,
        flags: FlagSet::EMPTY,
        zone_minutes: 0,
    }
}
