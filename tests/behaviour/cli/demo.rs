//! The demo, which has to come to its end before anybody believes the rest.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::home::Home;

#[test]
fn the_demo_ends_with_both_sides_equal() {
    let ran = Home::empty().run(&["demo"]).ended(0);
    let equal = "both sides hold the same messages with the same flags, octet by octet.";
    for mailbox in ["INBOX", "receipts"] {
        let told = format!("{mailbox}: {equal}");
        assert!(ran.out.contains(&told), "{ran:#?}");
    }
    ran.shows(&[
        "3 in conflict",
        "lowtide conflicts undo you 1",
        "stopped, since 3 of 3 messages are gone from the server",
        "lowtide approve you receipts",
        "nothing waits any more",
    ]);
    assert_eq!(ran.err, "");
}

#[test]
fn the_demo_stays_open_until_it_is_interrupted() {
    let home = Home::empty();
    let mut command = home.command(&["demo", "--stay"]);
    let mut demo = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let told: Vec<String> = lines
        .map(Result::unwrap)
        .take_while(|line| !line.starts_with("Ctrl-C ends it"))
        .collect();
    let alpine = told.last().unwrap();
    assert!(alpine.starts_with("With Alpine:  alpine -inbox-path='{127.0.0.1:"));
    let pid = i32::try_from(demo.id()).unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid).unwrap(),
        rustix::process::Signal::INT,
    )
    .unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(0));
}
