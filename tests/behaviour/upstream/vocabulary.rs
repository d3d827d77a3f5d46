//! What the client can say at all, read off its source: everything else that servers understand is never sent.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn the_client_sends_these_commands_and_no_others() {
    let commands = named("Command::");
    let expected = [
        "Append",
        "AuthenticatePlain",
        "Capability",
        "Check",
        "Copy",
        "Expunge",
        "Fetch",
        "Find",
        "List",
        "Login",
        "Logout",
        "Noop",
        "Search",
        "Select",
        "SelectCounting",
        "StartTls",
        "Store",
        "UidExpunge",
    ];
    assert_eq!(commands, expected.map(str::to_owned).into());
    assert_eq!(named("FindKind::"), ["Mailboxes".to_owned()].into());
    assert_eq!(named("Numbering::"), ["Sequence".to_owned()].into());
    let modes = ["Add", "Remove"].map(str::to_owned);
    assert_eq!(named("StoreMode::"), modes.into());
}

#[test]
fn the_client_asks_for_these_items_and_no_others() {
    let items = [
        "Envelope",
        "Flags",
        "InternalDate",
        "Rfc822",
        "Rfc822Header",
    ];
    let newer = ["Rfc822Size", "Section", "Uid"];
    let expected = items.iter().chain(&newer).map(|&item| item.to_owned());
    assert_eq!(named("FetchItem::"), expected.collect());
    let requests = ["All", "Fast", "Items"].map(str::to_owned);
    assert_eq!(named("FetchRequest::"), requests.into());
}

#[test]
fn the_client_searches_for_flags_and_nothing_else() {
    let set = ["Seen", "Answered", "Flagged", "Deleted", "Draft", "Keyword"];
    let unset = set.map(|key| format!("Un{}", key.to_lowercase()));
    let expected = set.map(str::to_owned).into_iter().chain(unset);
    assert_eq!(named("SearchKey::"), expected.collect());
}

/// The words that follow a prefix in the client's source, tests apart.
fn named(prefix: &str) -> BTreeSet<String> {
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/upstream");
    let files = fs::read_dir(client)
        .unwrap()
        .map(|file| file.unwrap().path());
    let code = files.map(|file| fs::read_to_string(file).unwrap());
    code.flat_map(|text| after(&text, prefix)).collect()
}

fn after(text: &str, prefix: &str) -> Vec<String> {
    let found = text.match_indices(prefix);
    let found = found.filter(|(at, _)| {
        !text[..*at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
    });
    let word = |(at, _): (usize, &str)| {
        let rest = text[at..].strip_prefix(prefix).unwrap();
        let end = rest.find(|c: char| !c.is_alphanumeric());
        rest[..end.unwrap_or(rest.len())].to_owned()
    };
    let named = |word: &String| word.starts_with(|first: char| first.is_uppercase());
    found.map(word).filter(named).collect()
}
