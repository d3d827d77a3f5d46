//! The demo, which has to come to its end before anybody believes the rest.

use super::home::Home;

#[test]
fn the_demo_ends_with_both_sides_equal() {
    let ran = Home::empty().run(&["demo"]).ended(0);
    let equal = "both sides hold the same messages with the same flags, octet by octet.";
    for mailbox in ["INBOX", "receipts"] {
        let told = format!("{mailbox}: {equal}");
        assert!(ran.out.contains(&told), "{ran:#?}");
    }
    assert!(ran.out.contains("nothing waits any more"), "{ran:#?}");
    assert_eq!(ran.err, "");
}
