//! Lives of a mirror, played with the code that runs in production: the passes, the client, the protocol and the store,
//! over lines in memory, against a server as simple as it can be. One seed decides everything.
//!
//! `LOWTIDE_LIVES` says how many lives, or from which seed to which (`6000..9000`); `LOWTIDE_SEED` plays one again and tells
//! it. Beside them four stories are told with every single cut and every single crash that there can be.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "what goes wrong in a test ends it"
)]

mod life;
mod link;
mod manners;
mod memory;
mod model;
mod oracle;
#[expect(dead_code, reason = "the laboratory's chance makes letters as well")]
#[path = "../peers/lab/random.rs"]
mod random;
mod server;
mod sweep;
mod user;
mod wire;
mod wish;

use life::{CARELESS, Tally};
use memory::home;
use sweep::{STORIES, Sweep};

#[test]
fn no_life_loses_anything() {
    let seeds = seeds();
    let lived: Vec<Result<Tally, u64>> = std::thread::scope(|scope| {
        let work = |worker: usize| {
            let seeds: Vec<u64> = seeds
                .iter()
                .copied()
                .skip(worker)
                .step_by(WORKERS)
                .collect();
            let lives = |seed| std::panic::catch_unwind(|| live(seed)).map_err(|_| seed);
            scope.spawn(move || seeds.into_iter().map(lives).collect::<Vec<_>>())
        };
        let workers: Vec<_> = (0..WORKERS).map(work).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    let failed: Vec<u64> = lived
        .iter()
        .filter_map(|life| life.as_ref().err().copied())
        .collect();
    let lived: Vec<Tally> = lived.into_iter().filter_map(Result::ok).collect();
    let sum = |of: fn(&Tally) -> usize| lived.iter().map(of).sum::<usize>();
    println!(
        "{} lives, {} connections, {} wishes, {} cuts, {} crashes, {} caches lost, {} conflicts, {} still waiting, {} mistakes told, {} of them others' doing, {} at rest with new mail alone",
        lived.len(),
        sum(|tally| tally.connections),
        sum(|tally| tally.wishes),
        sum(|tally| tally.cuts),
        sum(|tally| tally.crashes),
        sum(|tally| tally.losses),
        sum(|tally| tally.conflicts),
        sum(|tally| tally.waiting),
        sum(|tally| tally.mistakes),
        sum(|tally| tally.accusations),
        sum(|tally| tally.needing_mail),
    );
    assert!(
        failed.is_empty(),
        "lives that broke a promise; LOWTIDE_SEED plays one again: {failed:?}"
    );
}

/// The lives to be led.
fn seeds() -> Vec<u64> {
    let asked = |name| std::env::var(name).ok();
    let number = |value: &str| value.parse::<u64>().unwrap();
    if let Some(seed) = asked("LOWTIDE_SEED") {
        return vec![number(&seed)];
    }
    let lives = asked("LOWTIDE_LIVES").unwrap_or_else(|| "300".to_owned());
    match lives.split_once("..") {
        Some((first, end)) => (number(first)..number(end)).collect(),
        None => {
            let count = number(&lives);
            let careless_count = count.div_ceil(10);
            let careless = CARELESS..CARELESS + careless_count;
            let careful = 0..count - careless_count;
            careful.chain(KEPT).chain(careless).collect()
        }
    }
}

/// Lives that broke a promise once, or whose oracle did not know yet what nobody can know.
const KEPT: [u64; 30] = [
    8_679,
    10_464,
    13_261,
    17_425,
    20_756,
    23_126,
    24_217,
    26_063,
    27_806,
    34_807,
    35_952,
    37_595,
    47_580,
    61_270,
    73_405,
    75_475,
    75_758,
    76_829,
    82_555,
    106_500,
    119_202,
    122_084,
    145_497,
    151_106,
    165_642,
    // From here on the cache is lost, or an earlier one put back.
    CARELESS + 1_792,
    CARELESS + 2_345,
    CARELESS + 7_635,
    CARELESS + 7_641,
    CARELESS + 11_599,
];

fn live(seed: u64) -> Tally {
    let home = home("life-");
    runtime().block_on(life::live(seed, &home.path().join("ada")))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
}

#[test]
fn cut_behind_any_octet_a_story_ends_the_same() {
    for story in STORIES {
        let count = story.sweep(Sweep::Cut);
        assert!(count > 2_000, "{count}: there is more to cut");
    }
}

#[test]
fn dead_at_any_write_a_story_ends_the_same() {
    for story in STORIES {
        let count = story.sweep(Sweep::Die);
        assert!(count > 10, "{count}: there is more to write");
    }
}

/// How many stories are told at once.
const WORKERS: usize = 2;
