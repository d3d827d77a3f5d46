use proptest::prelude::*;

use super::*;

fn date(text: &str) -> InternalDate {
    InternalDate::parse(text.as_bytes()).unwrap_or_else(|_| panic!("{text} is a date"))
}

fn written(encode: impl Fn(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    encode(&mut out);
    String::from_utf8(out).unwrap()
}

/// 1994-02-07 21:52:25 UTC.
const REFERENCE: i64 = 760_657_945;

#[test]
fn row_1064_fetch_internaldate_every_form_is_one_moment() {
    for text in [
        " 7-Feb-94 21:52:25-GMT",
        "07-Feb-94 21:52:25-UT",
        "7-Feb-94 21:52:25 Z",
        "7-feb-1994 21:52:25 +0000",
        " 7-FEB-1994 13:52:25-PST",
        "7-Feb-94 13:52:25 -0800",
        "7-Feb-94 13:52:25-0800",
        " 8-Feb-1994 03:22:25 +0530",
        "7-Feb-94 22:52:25 A",
        "7-Feb-94 14:52:25-PDT",
    ] {
        let parsed = date(text);
        assert_eq!(parsed.instant_secs, REFERENCE, "{text}");
        assert!(parsed.zone_known, "{text}");
    }
}

#[test]
fn row_1064_fetch_internaldate_y2k_short_years_are_windowed() {
    for (text, expected) in [
        ("1-Jan-70 00:00:00 GMT", " 1-Jan-1970 00:00:00 +0000"),
        ("1-Jan-99 00:00:00 GMT", " 1-Jan-1999 00:00:00 +0000"),
        ("1-Jan-00 00:00:00 GMT", " 1-Jan-2000 00:00:00 +0000"),
        ("1-Jan-69 00:00:00 GMT", " 1-Jan-2069 00:00:00 +0000"),
        ("1-Jan-100 00:00:00 GMT", " 1-Jan-2000 00:00:00 +0000"),
        ("29-Feb-104 23:59:59 GMT", "29-Feb-2004 23:59:59 +0000"),
    ] {
        assert_eq!(written(|out| date(text).encode_new(out)), expected);
    }
}

#[test]
fn row_1064_fetch_internaldate_space_unknown_zones_are_marked() {
    let parsed = date(" 7-Feb-94 21:52:25 MEZ");
    assert_eq!((parsed.instant_secs, parsed.zone_known), (REFERENCE, false));
    assert!(!date("7-Feb-94 21:52:25").zone_known);
    assert_eq!(date("7-Feb-94 11:52:25 BDT").instant_secs, REFERENCE);
    assert_eq!(date("7-Feb-94 10:52:25-BST").instant_secs, REFERENCE);
}

#[test]
fn what_is_no_date_is_refused() {
    for text in [
        "",
        "7-Feb-94",
        "7-Feb-94 21:52",
        "32-Jan-94 00:00:00 GMT",
        "29-Feb-93 00:00:00 GMT",
        "7-Fev-94 00:00:00 GMT",
        "7-Feb-9 00:00:00 GMT",
        "7-Feb-94 24:00:00 GMT",
        "007-Feb-94 00:00:00 GMT",
        "0-Feb-94 00:00:00 GMT",
        "7-Feb-19944 00:00:00 GMT",
        "7-Feb-+94 00:00:00 GMT",
    ] {
        assert_eq!(InternalDate::parse(text.as_bytes()), Err(BadDate), "{text}");
    }
}

#[test]
fn old_dates_keep_named_zones_and_turn_others_into_gmt() {
    for (new, old) in [
        ("7-Feb-1994 13:52:25 -0800", " 7-Feb-94 13:52:25-PST"),
        ("17-Feb-1994 13:52:25 +0000", "17-Feb-94 13:52:25-GMT"),
        ("1-Jan-2000 00:30:00 +0100", "31-Dec-99 23:30:00-GMT"),
        ("1-Jan-1960 00:00:00 +0000", " 1-Jan-1960 00:00:00 +0000"),
        ("1-Jan-2070 00:00:00 +0000", " 1-Jan-2070 00:00:00 +0000"),
    ] {
        assert_eq!(written(|out| date(new).encode_old(out)), old);
    }
}

#[test]
fn row_1064_search_date2_days_are_read_and_written_in_both_forms() {
    for (text, two, four) in [
        ("1-OCT-87", "1-Oct-87", "1-Oct-1987"),
        ("01-oct-1987", "1-Oct-87", "1-Oct-1987"),
        (" 3-Jan-2026", "3-Jan-26", "3-Jan-2026"),
    ] {
        let day = SearchDate::parse(text.trim_start().as_bytes()).unwrap();
        assert_eq!(written(|out| day.encode_2(out)), two);
        assert_eq!(written(|out| day.encode_4(out)), four);
    }
    for text in [
        "",
        "1-Oct",
        "1-Oct-87-1",
        "31-Apr-87",
        "x-Oct-87",
        "1-Oct-1",
    ] {
        assert_eq!(SearchDate::parse(text.as_bytes()), Err(BadDate), "{text}");
    }
}

#[test]
fn the_local_day_is_that_of_the_dates_own_zone() {
    assert_eq!(
        date("1-Jan-2000 00:30:00 +0100").local_day(),
        SearchDate::new(2000, 1, 1).unwrap()
    );
    assert_eq!(
        date("31-Dec-1999 23:30:00 -0100").local_day(),
        SearchDate::new(1999, 12, 31).unwrap()
    );
}

#[test]
fn the_calendar_has_the_days_it_should() {
    for (year, month, day, days) in [
        (1970, 1, 1, 0),
        (1969, 12, 31, -1),
        (2000, 2, 29, 11_016),
        (2000, 3, 1, 11_017),
        (0, 1, 1, FIRST_DAY),
        (9999, 12, 31, LAST_DAY),
    ] {
        let date = SearchDate::new(year, month, day).unwrap();
        assert_eq!(date.days_since_1970(), days);
        assert_eq!(SearchDate::from_days(days), date);
    }
    assert_eq!(SearchDate::new(1900, 2, 29), None);
    assert_eq!(SearchDate::new(2026, 13, 1), None);
}

proptest! {
    #[test]
    fn days_and_dates_correspond(days in FIRST_DAY..=LAST_DAY) {
        let date = SearchDate::from_days(days);
        prop_assert_eq!(date.days_since_1970(), days);
        prop_assert_eq!(SearchDate::new(date.year, date.month, date.day), Some(date));
        prop_assert_eq!(SearchDate::parse(written(|out| date.encode_4(out)).as_bytes()), Ok(date));
    }

    #[test]
    fn a_written_date_reads_back(instant_secs in -60_000_000_000i64..200_000_000_000, offset_minutes in -1439i16..=1439) {
        let date = InternalDate { instant_secs, offset_minutes, zone_known: true };
        prop_assert_eq!(InternalDate::parse(written(|out| date.encode_new(out)).as_bytes()), Ok(date));
        let old = InternalDate::parse(written(|out| date.encode_old(out)).as_bytes()).unwrap();
        prop_assert_eq!(old.instant_secs, instant_secs);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40), text in "[ 0-9A-Za-z:+-]{0,30}") {
        let _date = InternalDate::parse(&bytes);
        let _date = InternalDate::parse(text.as_bytes());
    }

    #[test]
    fn any_moment_can_be_written(instant_secs in any::<i64>(), offset_minutes in any::<i16>()) {
        let date = InternalDate { instant_secs, offset_minutes, zone_known: true };
        prop_assert!(written(|out| date.encode_new(out)).len() >= 20);
    }
}
