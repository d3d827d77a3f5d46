//! The house's own rules, read off its files: who uses whom, where SQL may stand, how long a file may be, and that every
//! requirement names a test that exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may use whom. What is not listed is refused; every part may use itself.
const ARROWS: &[(&str, &[&str])] = &[
    ("cli", &["daemon", "config", "endpoint", "id", "clock"]),
    // The demo plays both sides, so it opens stores and endpoints of its own.
    (
        "cli/demo",
        &[
            "cli",
            "daemon",
            "config",
            "endpoint",
            "store",
            "protocol::types",
            "id",
        ],
    ),
    (
        "daemon",
        &[
            "endpoint",
            "upstream",
            "store",
            "mirror",
            "journal",
            "message",
            "protocol::types",
            "config",
            "id",
            "clock",
        ],
    ),
    (
        "endpoint",
        &["store", "journal", "message", "protocol", "id", "clock"],
    ),
    (
        "upstream",
        &["mirror", "journal", "message", "protocol", "id"],
    ),
    (
        "store",
        &["mirror", "journal", "protocol::types", "id", "clock"],
    ),
    ("mirror", &["journal", "protocol::types", "id"]),
    ("journal", &["protocol::types", "id"]),
    ("message", &["journal", "protocol::types"]),
    ("protocol", &[]),
    ("config", &["id"]),
    ("id", &[]),
    ("clock", &[]),
];

/// Words that only SQL has next to each other; IMAP has a SELECT of its own.
const SQL: &[&[&str]] = &[
    &["SELECT ", " FROM "],
    &["INSERT INTO "],
    &["DELETE FROM "],
    &["UPDATE ", " SET "],
    &["CREATE TABLE "],
    &["ALTER TABLE "],
    &["DROP TABLE "],
    &["PRAGMA "],
    &["pragma_"],
    &["rusqlite"],
];

/// A file longer than this has a seam somewhere.
const MOST_LINES: usize = 600;

#[test]
fn every_part_uses_only_what_it_may() {
    let mut faults = Vec::new();
    for file in rust_files("src") {
        let name = shown(&file);
        let Some(part) = part(&name) else { continue };
        for (number, line) in code(&file) {
            faults.extend(
                forbidden_uses(part, &name, &line)
                    .into_iter()
                    .map(|used| format!("{name}:{number}: {part} may not use {used}")),
            );
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_use_that_is_not_listed_is_found() {
    for (part, name, line, expected) in [
        (
            "endpoint",
            "src/endpoint/x.rs",
            "use crate::upstream::Session;",
            vec!["upstream"],
        ),
        (
            "store",
            "src/store/x.rs",
            "use crate::protocol::command::Command;",
            vec!["protocol"],
        ),
        (
            "store",
            "src/store/x.rs",
            "use crate::protocol::types::Flag;",
            vec![],
        ),
        (
            "mirror",
            "src/mirror/x.rs",
            "fn f(_: crate::store::Store) {}",
            vec!["store"],
        ),
        (
            "cli",
            "src/cli/x.rs",
            "use crate::{daemon, store};",
            vec!["{daemon, store};"],
        ),
        (
            "journal",
            "src/journal/mod.rs",
            "use super::store::Store;",
            vec!["super::store::Store;"],
        ),
        (
            "config",
            "src/config/x.rs",
            "use super::error::Fault;",
            vec![],
        ),
    ] {
        assert_eq!(forbidden_uses(part, name, line), expected, "{line}");
    }
}

#[test]
fn sql_stands_in_the_store_alone() {
    let files = rust_files("src").into_iter().chain(rust_files("benches"));
    let mut faults = Vec::new();
    for file in files.filter(|file| !shown(file).starts_with("src/store/")) {
        for (number, line) in code(&file) {
            if is_sql(&line) {
                faults.push(format!("{}:{number}: {}", shown(&file), line.trim()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let store = rust_files("src/store");
    let found = |file: &PathBuf| code(file).iter().any(|(_, line)| is_sql(line));
    assert!(store.iter().any(found), "no SQL is found where it must be");
}

#[test]
fn no_file_is_longer_than_a_person_reads() {
    let files = ["src", "tests", "benches"].into_iter().flat_map(rust_files);
    let long: Vec<String> = files
        .map(|file| (shown(&file), text(&file).lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(file, lines)| format!("{file} has {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn every_requirement_names_a_test_that_exists() {
    let sources = ["src", "tests"].into_iter().flat_map(rust_files);
    let tests: BTreeSet<String> = sources.flat_map(|file| test_names(&text(&file))).collect();
    let mut lines = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for row in rows("tests/rfc.tsv") {
        let [id, role, must_hold, test] = row.as_slice() else {
            panic!("not four fields: {row:?}");
        };
        assert!(
            !must_hold.is_empty() && tests.contains(test),
            "no such test: {row:?}"
        );
        assert!(lines.insert((id.clone(), role.clone())), "twice: {row:?}");
        ids.extend(roles(role).map(|role| (id.clone(), role)));
    }
    // A requirement without a test is left out by a decision, written down with its reason, and never by oversight.
    let mut known = BTreeSet::new();
    let mut left_out = BTreeSet::new();
    for row in rows("tests/rows.tsv") {
        let [id, role, reason] = row.as_slice() else {
            panic!("not three fields: {row:?}");
        };
        let named = roles(role).map(|role| (id.clone(), role));
        let list = if reason.is_empty() {
            &mut known
        } else {
            &mut left_out
        };
        list.extend(named);
    }
    let missing: Vec<_> = known.difference(&ids).collect();
    let unknown: Vec<_> = ids.difference(&known).collect();
    assert!(
        missing.is_empty(),
        "requirements without a line: {missing:?}"
    );
    assert!(
        unknown.is_empty(),
        "lines without a requirement: {unknown:?}"
    );
    assert!(known.is_disjoint(&left_out), "both asked for and left out");
}

#[test]
fn every_promise_and_every_scenario_is_proven_or_left_out_for_a_reason() {
    let sources = ["src", "tests"].into_iter().flat_map(rust_files);
    let tests: BTreeSet<String> = sources.flat_map(|file| test_names(&text(&file))).collect();
    let mut proven = BTreeSet::new();
    for row in rows("tests/promises.tsv") {
        let [id, promise, proofs] = row.as_slice() else {
            panic!("not three fields: {row:?}");
        };
        assert!(!promise.is_empty() && !proofs.is_empty(), "{row:?}");
        for proof in proofs.split(' ') {
            assert!(tests.contains(proof), "{id}: there is no test {proof}");
        }
        assert!(proven.insert(id.clone()), "twice: {id}");
    }
    let mut left_out = BTreeSet::new();
    for row in rows("tests/left_out.tsv") {
        let [id, scenario, reason] = row.as_slice() else {
            panic!("not three fields: {row:?}");
        };
        assert!(!scenario.is_empty() && !reason.is_empty(), "{row:?}");
        assert!(!proven.contains(id), "both proven and left out: {id}");
        left_out.insert(id.clone());
    }
    let numbered = |kind: &str, count: usize| {
        let ids = (1..=count).map(|number| format!("{kind}-{number:02}"));
        ids.collect::<Vec<_>>()
    };
    let scenarios = SCENARIOS.split_whitespace().map(str::to_owned);
    let rules = [numbered("DUR", 18), numbered("REP", 19)].concat();
    let gaps: Vec<String> = scenarios
        .chain(rules)
        .filter(|id| !proven.contains(id) && !left_out.contains(id))
        .collect();
    assert!(gaps.is_empty(), "neither proven nor left out: {gaps:?}");
}

/// The lines of a table below its head, in fields.
fn rows(path: &str) -> Vec<Vec<String>> {
    let table = text(&root().join(path));
    let fields = |row: &str| row.split('\t').map(str::to_owned).collect();
    table.lines().skip(1).map(fields).collect()
}

/// `C` for our client of remote servers, `E` for our endpoint.
fn roles(written: &str) -> impl Iterator<Item = char> {
    assert!(matches!(written, "C" | "E" | "CE"), "no role: {written}");
    written.chars()
}

/// What a line uses that its part may not.
fn forbidden_uses(part: &str, file: &str, line: &str) -> Vec<String> {
    let allowed = ARROWS
        .iter()
        .find(|(name, _)| *name == part)
        .map(|(_, allowed)| *allowed)
        .unwrap_or_else(|| panic!("no arrows for {part}"));
    let own = part.split('/').next().unwrap();
    let mut forbidden: Vec<String> = paths(line, "crate::")
        .filter(|path| {
            let mut words = path.split("::");
            let first = words.next().unwrap_or_default();
            let first_two = format!("{first}::{}", words.next().unwrap_or_default());
            let listed = allowed.contains(&first) || allowed.iter().any(|two| *two == first_two);
            !(listed || first == own)
        })
        .map(|path| {
            let word = path.split("::").next().unwrap_or_default();
            if word.starts_with('{') {
                path.to_owned()
            } else {
                word.to_owned()
            }
        })
        .collect();
    // From the top of a part, `super` is the crate.
    let is_top = file.matches('/').count() == 1 || file == format!("src/{own}/mod.rs");
    if is_top && line.trim_start().starts_with("use super::") {
        forbidden.extend(line.trim_start().strip_prefix("use ").map(str::to_owned));
    }
    forbidden
}

/// The paths in a line that follow a prefix, each up to the end of its words.
fn paths<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(prefix)
        .filter(|(at, _)| {
            !line[..*at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
        })
        .map(move |(at, _)| {
            let rest = &line[at + prefix.len()..];
            if rest.starts_with('{') {
                return rest;
            }
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            &rest[..end.unwrap_or(rest.len())]
        })
}

/// The part of the tree that a file belongs to; none for the crate's own two files.
fn part(file: &str) -> Option<&'static str> {
    let inside = file.strip_prefix("src/")?;
    let listed = ARROWS.iter().map(|(part, _)| *part);
    let found = listed
        .filter(|part| inside == format!("{part}.rs") || inside.starts_with(&format!("{part}/")))
        .max_by_key(|part| part.len());
    assert!(
        found.is_some() || matches!(inside, "lib.rs" | "main.rs"),
        "{file} belongs to no part with arrows"
    );
    found
}

/// The numbered lines that are built into the program: no comments, no tests.
fn code(file: &Path) -> Vec<(usize, String)> {
    let name = shown(file);
    if name.ends_with("/tests.rs") || name.contains("/tests/") || name.ends_with("/support.rs") {
        return Vec::new();
    }
    let text = text(file);
    let built = text
        .split("\n#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let lines = built.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line.to_owned()))
        .collect()
}

fn is_sql(line: &str) -> bool {
    SQL.iter().any(|words| {
        let mut rest = line;
        words.iter().all(|word| {
            rest.find(word)
                .map(|at| rest = &rest[at + word.len() - 1..])
                .is_some()
        })
    })
}

/// Functions that are tests, and the names that a macro makes tests of.
fn test_names(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
            let end = rest.find(['(', '<']).unwrap_or(rest.len());
            names.push(rest[..end].to_owned());
            is_test = false;
        } else if let Some((name, _)) = line.split_once(": ").filter(|_| line.ends_with("\",")) {
            names.push(name.to_owned());
        }
    }
    names
}

fn rust_files(below: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![root().join(below)];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap().display().to_string()
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}

/// What happens between a mirror and its server, by name; `tests/promises.tsv` tells what each is.
const SCENARIOS: &str = "ALIGN-NOCHANGE ALIGN-NEWONLY ALIGN-HOLE ALIGN-HOLES ALIGN-DUPES ALIGN-RACE ALIGN-DRIFT ALIGN-REPLACED \
    ALIGN-CACHEDREPLY FLAGS-SEARCH REPLAY-SHIFT REPLAY-OKLOST REPLAY-NOFETCH REPLAY-READONLY REPLAY-BYE REMOVE-FOREIGN REMOVE-LATE \
    SHIELD-CRASH COPY-CRASH APPEND-CRASH SEEN-LEAK PEERKILL EXAMINE-STALE UIDV-CHANGE MODSEQ-CONFLICT";
