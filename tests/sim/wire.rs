//! Numbers, flags and dates as they stand on the line.

use jiff::Timestamp;
use jiff::fmt::strtime;
use lowtide::protocol::types::{FlagSet, Keywords};

use crate::model::{DELETED, SEEN};

pub(crate) fn numbers(set: &str, count: usize) -> Vec<usize> {
    let range = |item: &str| {
        let (first, last) = item.split_once(':').unwrap_or((item, item));
        first.parse::<usize>().unwrap()..=last.parse().unwrap()
    };
    set.split(',')
        .flat_map(range)
        .filter(|number| *number <= count)
        .collect()
}

pub(crate) fn names(flags: FlagSet) -> String {
    let names: Vec<String> = Keywords::default()
        .names(flags)
        .map(|flag| flag.to_string())
        .collect();
    names.join(" ")
}

pub(crate) fn flag(name: &str) -> FlagSet {
    match name.to_ascii_lowercase().as_str() {
        "\\seen" => SEEN,
        "\\answered" => FlagSet::ANSWERED,
        "\\flagged" => FlagSet::FLAGGED,
        "\\deleted" => DELETED,
        other => panic!("nobody stores {other}"),
    }
}

pub(crate) fn date(instant: i64, is_modern: bool) -> String {
    let time = Timestamp::from_second(instant).unwrap();
    let form = if is_modern {
        "%e-%b-%Y %H:%M:%S +0000"
    } else {
        "%e-%b-%y %H:%M:%S-GMT"
    };
    time.strftime(form).to_string()
}

/// The instant of a date in an APPEND.
pub(crate) fn instant(date: &str) -> i64 {
    let parsed = strtime::parse("%d-%b-%Y %H:%M:%S %z", date.trim_start()).unwrap();
    parsed.to_timestamp().unwrap().as_second()
}

/// What no server should say.
pub(crate) const NONSENSE: [&str; 8] = [
    "* 4000000000 EXPUNGE",
    "* 0 EXPUNGE",
    "* 4294967296 EXISTS",
    "* 1999999999 EXISTS",
    "* 1 FETCH (FLAGS",
    "* SEARCH 1 two",
    "* 1 FETCH (RFC822 {99999999999}",
    "%&! it rains",
];
