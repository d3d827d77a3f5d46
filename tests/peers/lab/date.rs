//! Internal dates as servers write them, read into one instant so that zones and forms do not matter.

/// Seconds since 1970 began in Greenwich.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct InternalDate(pub(crate) i64);

impl InternalDate {
    /// Reads ` 7-Feb-1994 21:52:25 -0800` and the older `7-Feb-94 21:52:25-PST`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.trim().split_once(' ')?;
        let (time, zone) = rest.split_at_checked(8)?;
        let mut date = date.split('-');
        let day: i64 = date.next()?.parse().ok()?;
        let name = date.next()?;
        let month = MONTHS
            .iter()
            .position(|month| month.eq_ignore_ascii_case(name))?;
        let year: i64 = date.next()?.parse().ok()?;
        let year = match year {
            0..70 => year + 2000,
            70..100 => year + 1900,
            _ => year,
        };
        let mut seconds = 0;
        for part in time.split(':') {
            seconds = seconds * 60 + part.parse::<i64>().ok()?;
        }
        let days = days_before(year, month) + day - 1;
        Some(Self(days * DAY + seconds - zone_seconds(zone)?))
    }

    /// The form of RFC 3501, in Greenwich time and without quotes.
    pub(crate) fn to_imap(self) -> String {
        let (days, seconds) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let year = (1970..)
            .take_while(|year| days_before(*year, 0) <= days)
            .last()
            .unwrap();
        let month = (0..12)
            .rev()
            .find(|month| days_before(year, *month) <= days)
            .unwrap();
        let day = days - days_before(year, month) + 1;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        format!(
            "{day:2}-{}-{year} {hour:02}:{minute:02}:{second:02} +0000",
            MONTHS[month]
        )
    }
}

/// Days from 1970 to the first day of the month (0 is January).
fn days_before(year: i64, month: usize) -> i64 {
    let leap = |year: i64| year / 4 - year / 100 + year / 400;
    let leap_day = i64::from(month > 1 && leap(year) > leap(year - 1));
    (year - 1970) * 365 + leap(year - 1) - leap(1969) + BEFORE_MONTH[month] + leap_day
}

fn zone_seconds(zone: &str) -> Option<i64> {
    match zone.trim().trim_start_matches('-') {
        "GMT" | "UT" | "UTC" | "Z" => Some(0),
        "EST" => Some(-5 * 3600),
        "EDT" => Some(-4 * 3600),
        "PST" => Some(-8 * 3600),
        "PDT" => Some(-7 * 3600),
        _ => {
            let value: i64 = zone.trim().parse().ok()?;
            Some((value / 100 * 60 + value % 100) * 60)
        }
    }
}

const DAY: i64 = 86_400;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const BEFORE_MONTH: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

#[test]
fn a_date_survives_being_written_and_read() {
    for seconds in (0..2_000_000_000).step_by(1_234_567) {
        assert_eq!(
            InternalDate::parse(&InternalDate(seconds).to_imap()),
            Some(InternalDate(seconds))
        );
    }
}

#[test]
fn both_forms_and_every_zone_name_the_same_instant() {
    let instant = Some(InternalDate(760_686_745));
    for text in [
        " 8-Feb-1994 05:52:25 +0000",
        "7-Feb-1994 21:52:25 -0800",
        "7-Feb-94 21:52:25-PST",
        "8-feb-94 05:52:25-GMT",
    ] {
        assert_eq!(InternalDate::parse(text), instant, "{text}");
    }
}
