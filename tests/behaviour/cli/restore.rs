//! What was removed comes back, and what is appended goes to the server.

use std::fs;

use super::daemon::{LETTER, Pair};

/// The mirror has the letter, and the user removes it.
fn removed(pair: &Pair) {
    pair.other().append("INBOX", LETTER);
    pair.sync(0);
    pair.home.session(
        "work",
        "a SELECT INBOX\r\nb STORE 1 +FLAGS (\\Flagged \\Deleted)\r\nc EXPUNGE\r\nd LOGOUT\r\n",
    );
    pair.sync(0);
}

#[test]
fn what_was_removed_goes_back_to_a_server_that_takes_messages() {
    let pair = Pair::speaking("imap2bis", "");
    let home = &pair.home;
    home.run(&["restore"])
        .ended(0)
        .shows(&["Nothing was removed"]);
    removed(&pair);
    let told = home.run(&["restore", "--json"]).ended(0).json();
    let row = &told["removed"][0];
    assert_eq!(
        (
            row["id"].as_i64(),
            row["mailbox"].as_str(),
            row["by_user"].as_bool()
        ),
        (Some(1), Some("INBOX"), Some(true))
    );
    assert_eq!(row["from"], "Grace <grace@example.org>");
    home.run(&["restore"])
        .ended(0)
        .shows(&["tide\\u{1b}[2J tables", "you"]);
    let restored = home.run(&["restore", "work", "1"]).ended(0);
    restored.shows(&["goes back with the next pass", "work/INBOX"]);
    let waiting = home.run(&["journal", "--json"]).ended(0).json();
    assert_eq!(waiting["entries"][0]["action"], "append");
    assert_eq!(waiting["entries"][0]["subject"], "tide\u{1b}[2J tables");
    pair.sync(0);
    let mut other = pair.other();
    other.does("SELECT INBOX");
    let there = other.does("FETCH 1:1 (FLAGS RFC822)");
    assert!(
        there.contains("\\Flagged") && there.contains(LETTER),
        "{there}"
    );
    assert!(!there.contains("\\Deleted"), "{there}");
    home.run(&["restore"]).ended(0).shows(&["(restored)"]);
    pair.sync(0);
    let later = other.does("NOOP");
    assert!(!later.contains("EXISTS"), "{later}");
}

#[test]
fn what_a_server_does_not_take_goes_to_a_file_or_to_an_account_of_this_machine() {
    let pair = Pair::speaking("imap2", "[account.attic]\n");
    removed(&pair);
    let home = &pair.home;
    home.run(&["restore", "work", "1"])
        .ended(2)
        .says("the server of work takes no messages", "--file");
    home.run(&["undo", "work", "9"])
        .ended(2)
        .says("work has no removed message 9", "lowtide restore");
    let file = home.path("letter");
    let name = file.to_str().unwrap();
    home.run(&["restore", "work", "1", "--file", name]).ended(0);
    assert_eq!(fs::read_to_string(&file).unwrap(), LETTER);
    home.run(&["restore", "work", "1", "--file", name])
        .ended(2)
        .says("could not be written", "not there yet");
    let shown = home.run(&["restore", "work", "1", "--file", "-"]).ended(0);
    assert_eq!(shown.out, LETTER);
    let to = ["restore", "work", "1", "--into", "attic", "--to", "lost"];
    home.run(&to).ended(0).shows(&["is back", "attic/lost"]);
    let read = home.session("attic", "a SELECT lost\r\nb FETCH 1 RFC822\r\nc LOGOUT\r\n");
    assert!(read.contains(LETTER), "{read}");
    home.run(&["restore", "work", "1", "--into", "cellar"])
        .ended(2)
        .says("there is no account cellar", "");
}

#[test]
fn what_is_appended_offline_is_on_the_server_once_after_the_next_pass() {
    let pair = Pair::speaking("imap2bis", "");
    let home = &pair.home;
    let append = format!(
        "a APPEND INBOX (\\Seen) \"23-Nov-2026 10:00:00 +0100\" {{{}}}\r\n{LETTER}\r\nb LOGOUT\r\n",
        LETTER.len()
    );
    let refused = home.session("work", &append);
    assert!(refused.contains("a NO "), "{refused}");
    pair.sync(0);
    let accepted = home.session("work", &append);
    assert!(accepted.contains("a OK APPEND completed"), "{accepted}");
    pair.sync(0);
    pair.sync(0);
    let mut other = pair.other();
    let opened = other.does("SELECT INBOX");
    assert!(opened.contains("* 1 EXISTS"), "{opened}");
    let there = other.does("FETCH 1 (FLAGS INTERNALDATE RFC822)");
    assert!(
        there.contains(LETTER) && there.contains("\\Seen"),
        "{there}"
    );
    assert!(there.contains("23-Nov-26 09:00:00-GMT"), "{there}");
}

#[test]
fn what_others_removed_goes_back_with_the_flag_of_the_user_where_that_is_wanted() {
    let wish = "[account.work.conflict]\nchanged-here-deleted-there = \"restore\"\n";
    let pair = Pair::speaking("imap2bis", wish);
    let mut other = pair.other();
    other.append("INBOX", LETTER);
    pair.sync(0);
    pair.home.session(
        "work",
        "a SELECT INBOX\r\nb STORE 1 +FLAGS (\\Flagged)\r\nc LOGOUT\r\n",
    );
    other.append(
        "INBOX",
        "Subject: another\r\n\r\nSo that not all is gone.\r\n",
    );
    other.does("SELECT INBOX");
    other.does("STORE 1 +FLAGS (\\Deleted)");
    other.does("EXPUNGE");
    pair.sync(3);
    pair.sync(0);
    let told = pair.home.run(&["conflicts"]).ended(0);
    told.shows(&["it goes back as a new message", "put back as a new message"]);
    other.does("NOOP");
    let there = other.does("FETCH 2 (FLAGS RFC822)");
    assert!(
        there.contains("\\Flagged") && there.contains(LETTER),
        "{there}"
    );
    assert!(!there.contains("* 3 "), "{there}");
}

/// The user copies offline; then the cache is deleted, and somebody else removes the message: all that is left is the journal.
#[test]
fn a_copy_is_made_without_the_cache_and_without_the_message() {
    let pair = Pair::speaking("imap2bis", "");
    let (home, mut other) = (&pair.home, pair.other());
    other.append("INBOX", LETTER);
    other.does("CREATE archive");
    let daemon = home.daemon();
    pair.sync(0);
    home.run(&["offline"]).ended(0);
    let copied = home.session("work", "a SELECT INBOX\r\nb COPY 1 archive\r\nc LOGOUT\r\n");
    assert!(copied.contains("b OK"), "{copied}");
    let files = home.path("data/work");
    // Its text is kept once the first of them was answered.
    for _ in 0..2 {
        pair.sync(69);
    }
    assert_eq!(daemon.stop().0, Some(0));
    for end in ["", "-wal", "-shm"] {
        drop(fs::remove_file(files.join(format!("cache.db{end}"))));
    }
    other.does("SELECT INBOX");
    other.does("STORE 1 +FLAGS (\\Deleted)");
    other.does("EXPUNGE");
    for _ in 0..2 {
        pair.sync(0);
    }
    other.does("SELECT archive");
    let there = other.does("FETCH 1 RFC822");
    assert!(there.contains(LETTER), "{there}");
    let waiting = home.run(&["journal", "--json"]).ended(0).json();
    assert_eq!(waiting["entries"].as_array().unwrap().len(), 0, "{waiting}");
}
