//! Bugs that are planted on purpose, to see whether the checks would notice them.
//!
//! Here it is seen to that each still fits the code. `tests/run planted` plants one after the other in a copy of the
//! project, and shows which check noticed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use serde::Deserialize;

/// One bug.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Bug {
    name: String,
    file: String,
    from: String,
    to: String,
    caught_by: String,
}

#[derive(Debug, Deserialize)]
struct List {
    bug: Vec<Bug>,
}

impl Bug {
    fn plant(&self, root: &Path) {
        let path = root.join(&self.file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replacen(&self.from, &self.to, 1)).unwrap();
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn bugs() -> Vec<Bug> {
    let text = fs::read_to_string(root().join("tests/planted.toml")).unwrap();
    let list: List = toml::from_str(&text).unwrap();
    list.bug
}

#[test]
fn planted_bugs_fit_the_code() {
    let bugs = bugs();
    let names: BTreeSet<&str> = bugs.iter().map(|bug| bug.name.as_str()).collect();
    assert_eq!(names.len(), bugs.len(), "two have one name");
    assert!(bugs.len() >= 25, "{}", bugs.len());
    for bug in &bugs {
        let text = fs::read_to_string(root().join(&bug.file)).unwrap();
        assert_eq!(text.matches(&bug.from).count(), 1, "{}", bug.name);
    }
}

/// Takes half an hour, so it is asked for: `tests/run planted`.
#[test]
fn planted_bugs_are_caught_when_that_is_asked_for() {
    let Some(asked) = std::env::var_os("LOWTIDE_PLANTED") else {
        return;
    };
    let asked = asked.to_string_lossy().into_owned();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let copy = target.join("planted");
    let mut missed = Vec::new();
    let bugs = bugs();
    let is_asked = |bug: &&Bug| asked.split('|').any(|part| bug.name.contains(part));
    for bug in bugs.iter().filter(is_asked) {
        let begun = now();
        fs::remove_dir_all(&copy).ok();
        fs::create_dir(&copy).unwrap();
        let parts = [
            "Cargo.toml",
            "Cargo.lock",
            "src",
            "migrations",
            "tests",
            "contrib",
            "benches",
        ];
        let copied = Command::new("cp")
            .arg("-a")
            .args(parts.map(|part| root().join(part)))
            .arg(&copy)
            .status();
        assert!(copied.unwrap().success());
        bug.plant(&copy);
        let output = Command::new(env!("CARGO"))
            .current_dir(&copy)
            .env("CARGO_TARGET_DIR", target)
            .envs(settings(&bug.caught_by))
            .env_remove("LOWTIDE_PLANTED")
            .args(["test", "--locked", "--quiet"])
            .args(bug.caught_by.split_whitespace())
            .output()
            .unwrap();
        let verdict = verdict(&output);
        println!(
            "{:8} {:5.0?} {:28} {}",
            verdict,
            begun.elapsed(),
            bug.caught_by,
            bug.name
        );
        if verdict != CAUGHT {
            fs::write(target.join("planted.log"), output.stdout).unwrap();
            missed.push(&bug.name);
        }
    }
    fs::remove_dir_all(&copy).ok();
    assert!(missed.is_empty(), "{missed:#?}");
}

/// Many lives are led as in every run of all checks; whatever is over soon is better built soon than fast.
fn settings(check: &str) -> [(&'static str, &'static str); 1] {
    if check.starts_with("--test sim") {
        [("LOWTIDE_LIVES", "6000")]
    } else {
        [("CARGO_PROFILE_DEV_OPT_LEVEL", "0")]
    }
}

#[expect(clippy::disallowed_methods, reason = "another program takes its time")]
fn now() -> Instant {
    Instant::now()
}

/// A check that fails has noticed; one that cannot be built has not been asked.
fn verdict(output: &Output) -> &'static str {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said);
    if output.status.success() {
        "MISSED"
    } else if said.contains("test result: FAILED") {
        CAUGHT
    } else {
        "UNBUILT"
    }
}

const CAUGHT: &str = "caught";
