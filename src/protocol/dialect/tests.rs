use super::*;

const ALL: [Dialect; 5] = [
    Dialect::Rfc1064,
    Dialect::Rfc1176,
    Dialect::Imap2bis,
    Dialect::Imap4,
    Dialect::Imap4rev1,
];

/// One mark per dialect, oldest first.
fn marks(holds: impl Fn(Dialect) -> bool) -> String {
    ALL.iter()
        .map(|dialect| if holds(*dialect) { 'x' } else { '.' })
        .collect()
}

#[test]
fn each_quirk_belongs_to_its_dialects() {
    for (quirk, marks, expected) in [
        (
            "escapes",
            marks(|d| d.quoting() == Quoting::Escaped),
            "...xx",
        ),
        (
            "four-digit search years",
            marks(|d| d.search_years() == YearDigits::Four),
            "...xx",
        ),
        (
            "* in sequences",
            marks(|d| d.star_in_sequences() == StarAllowed::Yes),
            "...xx",
        ),
        (
            "STORE as a reply",
            marks(|d| d.store_reply_key() == "STORE"),
            "x....",
        ),
        (
            "old dates",
            marks(|d| d.date_form() == DateForm::Old),
            "xx...",
        ),
        ("COPY reported", marks(Dialect::reports_copies), "x...."),
        ("COPY creates", marks(Dialect::copy_creates), "xx..."),
        ("INBOX in FIND", marks(Dialect::find_lists_inbox), "..xxx"),
        (
            "? in FIND",
            marks(|d| d.find_wildcards() == Wildcards::FindBis),
            "..xxx",
        ),
        (
            "RFC822.PEEK",
            marks(|d| d.peeks() == PeekForm::Rfc822Peek),
            "...x.",
        ),
        (
            "BODY.PEEK",
            marks(|d| d.peeks() == PeekForm::BodyPeek),
            "....x",
        ),
        ("UIDs", marks(Dialect::has_uids), "...xx"),
        ("silent STORE", marks(Dialect::silent_store), "...xx"),
        ("FLAGS ()", marks(Dialect::empty_flag_list), "...xx"),
        ("OR and NOT", marks(Dialect::search_combines), "...xx"),
        ("LIST", marks(Dialect::lists_with_list), "...xx"),
        (
            "APPEND with flags",
            marks(Dialect::append_takes_flags),
            "...xx",
        ),
        ("timed EXPUNGE", marks(Dialect::expunge_is_timed), "...xx"),
        (
            "shared mailboxes",
            marks(Dialect::mailboxes_are_shared),
            "...xx",
        ),
    ] {
        assert_eq!(marks, expected, "{quirk}");
    }
}

#[test]
fn rows_detect_cap_the_answer_to_capability_names_the_dialect() {
    let list = |words: &str| Capabilities::from_words(words.as_bytes());
    for (status, words, dialect) in [
        (Status::Ok, Some("IMAP4REV1 IMAP4"), Dialect::Imap4rev1),
        (Status::Ok, Some("IMAP4 AUTH=X"), Dialect::Imap4),
        (Status::Ok, Some("IMAP2bis"), Dialect::Imap2bis),
        (Status::Ok, Some("IMAP2"), Dialect::Rfc1176),
        (Status::Ok, Some("X-TIDE"), Dialect::Imap2bis),
        (Status::Ok, None, Dialect::Imap2bis),
        (Status::Bad, None, Dialect::Rfc1176),
        (Status::No, None, Dialect::Rfc1176),
    ] {
        assert_eq!(
            Dialect::from_capability(status, words.map(list).as_ref()),
            dialect,
            "{words:?}"
        );
    }
}

#[test]
fn evidence_only_raises_the_dialect() {
    assert_eq!(Dialect::Rfc1176.after_preauth(), Dialect::Imap2bis);
    assert_eq!(Dialect::Imap4rev1.after_preauth(), Dialect::Imap4rev1);
    assert_eq!(Dialect::Rfc1176.after_uidvalidity(), Dialect::Imap4);
    assert_eq!(Dialect::Imap4rev1.after_uidvalidity(), Dialect::Imap4rev1);
    assert_eq!(
        Dialect::Rfc1064.after_probe(Support::Present),
        Dialect::Imap2bis
    );
    assert_eq!(Dialect::Imap4.after_probe(Support::Absent), Dialect::Imap4);
}

#[test]
fn rows_detect_create_inbox_examine_find_bad_alone_means_absent() {
    assert_eq!(Support::from_answer(Status::Ok), Support::Present);
    assert_eq!(Support::from_answer(Status::No), Support::Present);
    assert_eq!(Support::from_answer(Status::Bad), Support::Absent);
}
