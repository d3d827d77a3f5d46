//! Keys that nobody reads: each is an error, because it is a setting that its writer believes in.

use crate::config::error::Fault;
use crate::config::keys::{self, KEYS, Key};
use crate::config::raw::Section;

/// Finds every unknown key in a section and in the tables below it.
pub(super) fn unknown_keys(section: &Section<'_>, faults: &mut Vec<Fault>) {
    for (name, offset) in section.names() {
        match section.given(name) {
            Some(entry) => entry
                .as_table()
                .iter()
                .for_each(|table| unknown_keys(table, faults)),
            None => {
                let place = match section.name.as_str() {
                    "" => "at the top of the file".to_owned(),
                    table => format!("in [{table}]"),
                };
                let problem = format!("there is no key {name:?} {place}");
                faults.push(section.key_fault(name, offset, problem, advice(section.keys, name)));
            }
        }
    }
}

/// The same name in another table, a name nearly the same in this one, or all that there are.
fn advice(table: &str, name: &str) -> String {
    let name = name.to_lowercase().replace('_', "-");
    if let Some(key) = KEYS
        .iter()
        .find(|key| key.table != table && key.name == name)
    {
        return match key.table {
            "" => format!("Write [{name}] as a table of its own"),
            elsewhere => format!("Move it to [{elsewhere}]"),
        };
    }
    if let Some(key) = nearest(table, &name) {
        return format!("Write {:?} instead", key.name);
    }
    let names: Vec<_> = keys::in_table(table).map(|key| key.name).collect();
    format!("Use one of {}", names.join(", "))
}

/// The key that takes the fewest slips of the finger, if they are few for its length.
fn nearest(table: &str, name: &str) -> Option<&'static Key> {
    let slips = |key: &&Key| strsim::damerau_levenshtein(key.name, name);
    let near = |key: &&Key| slips(key) <= key.name.len().div_ceil(3).min(MOST_SLIPS);
    keys::in_table(table).filter(near).min_by_key(slips)
}

/// Beyond this many, two names have nothing to do with each other.
const MOST_SLIPS: usize = 4;
