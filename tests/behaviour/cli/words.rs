//! What is printed for people: help, colours, and pages for packagers.

use super::home::Home;

#[test]
fn help_names_every_verb_and_every_exit_code() {
    let home = Home::empty();
    let help = home.run(&["--help"]).ended(0).out;
    for verb in [
        "run",
        "sync",
        "status",
        "journal",
        "conflicts",
        "approve",
        "offline",
        "online",
        "imapd",
        "doctor",
        "demo",
        "completions",
        "man",
    ] {
        let line = help
            .lines()
            .find(|line| line.starts_with(&format!("  {verb} ")));
        assert!(line.is_some_and(|line| line.len() > 20), "{verb}: {help}");
        let own = home.run(&[verb, "--help"]).ended(0);
        own.shows(&[&format!("Usage: lowtide {verb}")]);
    }
    let codes = help.split_once("Exit codes: ").unwrap().1;
    let told: Vec<u8> = codes
        .split(';')
        .filter_map(|code| code.split_whitespace().next()?.parse().ok())
        .collect();
    assert_eq!(told, [0, 2, 3, 4, 69, 70, 74, 75, 76, 77, 78]);
}

#[test]
fn colours_come_when_they_are_asked_for_and_only_then() {
    let home = Home::new("[account.attic]");
    let coloured = |arguments: &[&str]| home.run(arguments).ended(0).out.contains('\u{1b}');
    assert!(!coloured(&["journal"]));
    assert!(coloured(&["--color", "always", "journal"]));
    assert!(!coloured(&["--color", "never", "journal"]));
    let mut command = home.command(&["journal"]);
    command.env("NO_COLOR", "1");
    assert!(!Home::ran(command).ended(0).out.contains('\u{1b}'));
}

#[test]
fn the_rules_of_conflicts_need_no_account_and_stand_in_the_manual() {
    let home = Home::empty();
    for arguments in [
        &["conflicts", "--table"][..],
        &["--quiet", "conflicts", "--table"],
        &["conflicts", "--quiet", "--table"],
        &["man"],
    ] {
        let ran = home.run(arguments).ended(0);
        ran.shows(&["flagged, answered it", "keep*", "deleted"]);
    }
}

#[test]
fn packagers_get_a_manual_page_and_completions() {
    let home = Home::empty();
    let page = home.run(&["man"]).ended(0);
    page.shows(&[".TH lowtide 1", ".SH NAME", "sync", "EXIT STATUS"]);
    for shell in ["bash", "zsh", "fish"] {
        let script = home.run(&["completions", shell]).ended(0);
        script.shows(&["lowtide", "conflicts"]);
    }
}

#[test]
fn an_account_without_mail_is_shown_in_words_and_as_json() {
    let home = Home::new("[account.attic]");
    let shown = home.run(&["status"]).ended(0).out;
    insta::assert_snapshot!(shown, @r"
    attic: mailboxes on this machine
    mailbox  messages  unread  waiting  set aside  current as of
    INBOX    0         0       0        0          -
    ");
    assert_eq!(
        home.run(&["journal"]).ended(0).out,
        "Nothing waits: all you did has been carried out.\n"
    );
    assert_eq!(home.run(&["--quiet", "journal"]).ended(0).out, "");
    let conflicts = home.run(&["conflicts", "--json"]).ended(0);
    assert_eq!(conflicts.out, "{\"version\":1,\"conflicts\":[]}\n");
    let status = home.run(&["status", "--json"]).ended(0).json();
    assert_eq!(status["accounts"][0]["kind"], "local");
}
