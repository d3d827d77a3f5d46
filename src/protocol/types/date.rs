//! The two dates of the protocol: INTERNALDATE, a moment with its zone, and the day that SEARCH names.

use super::zone;
use crate::protocol::parse::{push_number, push_two_digits};

/// When a message arrived: a moment, and the zone it was written in.
///
/// Two dates are the same moment when `instant_secs` is equal, whatever their zones; servers rewrite zones.
/// RFC 1176 "date"; RFC 3501 "date-time"; rows `1064-FETCH-INTERNALDATE`, `IMAP4-DATE-NEW`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InternalDate {
    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub instant_secs: i64,
    /// Minutes east of UTC of the zone in which the date was written.
    pub offset_minutes: i16,
    /// Whether the zone was understood; if not, the date was read as if in UTC.
    pub zone_known: bool,
}

/// A day of the calendar, in the message's own zone, as SEARCH compares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SearchDate {
    year: i32,
    month: u8,
    day: u8,
}

/// The text is no date of any form the protocol ever had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date")]
pub struct BadDate;

impl InternalDate {
    /// What stands for a date that cannot be read: the start of 1970, zone unknown. The same for every reading, so a
    /// message keeps its identity.
    pub const UNREADABLE: Self = Self {
        instant_secs: 0,
        offset_minutes: 0,
        zone_known: false,
    };

    /// Reads a date without its quotes: `d-Mon-yy hh:mm:ss` and a zone, in every form servers have used.
    ///
    /// The day may be padded; the year has 2 digits (70..99 are 19yy, 00..69 are 20yy), 3 (counted from 1900 by broken
    /// clocks) or 4; the zone is a name or `+hhmm`, after a space or a hyphen. Rows `1064-FETCH-INTERNALDATE-SPACE`,
    /// `1064-FETCH-INTERNALDATE-Y2K`, `IMAP4-DATE-OLD`.
    ///
    /// # Errors
    /// [`BadDate`] for anything else. An unknown zone name is no error: see `zone_known`.
    pub fn parse(text: &[u8]) -> Result<Self, BadDate> {
        let mut fields = text.trim_ascii().splitn(2, |&byte| byte == b' ');
        let day = SearchDate::parse(fields.next().unwrap_or_default())?;
        let rest = fields.next().unwrap_or_default().trim_ascii_start();
        let (time, zone) = rest.split_at_checked(8).ok_or(BadDate)?;
        let second_of_day = parse_time(time)?;
        let offset = zone::parse(zone);
        let offset_minutes = offset.unwrap_or_default();
        let local = day
            .days_since_1970()
            .saturating_mul(DAY_SECS)
            .saturating_add(second_of_day);
        Ok(Self {
            instant_secs: local.saturating_sub(i64::from(offset_minutes).saturating_mul(60)),
            offset_minutes,
            zone_known: offset.is_some(),
        })
    }

    /// Appends `dd-Mon-yyyy hh:mm:ss +hhmm`, without quotes. Row `IMAP4-DATE-NEW`.
    pub fn encode_new(&self, out: &mut Vec<u8>) {
        let second_of_day = self.push_day_and_space(out, SearchDate::push_year_4);
        push_time(out, second_of_day);
        out.push(b' ');
        zone::push_numeric(out, self.offset_minutes);
    }

    /// Appends `dd-Mon-yy hh:mm:ss-ZONE`, without quotes, for readers of RFC 1064 and RFC 1176.
    ///
    /// A zone that has no unambiguous old name is converted to GMT. A date outside 1970 to 2069 cannot be said in two
    /// digits and gets the new form. Row `1064-FETCH-INTERNALDATE`.
    pub fn encode_old(&self, out: &mut Vec<u8>) {
        let (offset_minutes, name) = zone::old_name(self.offset_minutes);
        let spoken = Self {
            offset_minutes,
            ..*self
        };
        if !(1970..=2069).contains(&spoken.local_day().year) {
            return self.encode_new(out);
        }
        let second_of_day = spoken.push_day_and_space(out, SearchDate::push_year_2);
        push_time(out, second_of_day);
        out.push(b'-');
        out.extend_from_slice(name.as_bytes());
    }

    /// The day in the date's own zone, which is what SEARCH compares.
    #[must_use]
    pub fn local_day(&self) -> SearchDate {
        SearchDate::from_days(self.local_secs().div_euclid(DAY_SECS))
    }

    fn local_secs(&self) -> i64 {
        self.instant_secs
            .saturating_add(i64::from(self.offset_minutes).saturating_mul(60))
    }

    /// Returns the second of the day, which comes next.
    fn push_day_and_space(
        &self,
        out: &mut Vec<u8>,
        push_year: fn(&SearchDate, &mut Vec<u8>),
    ) -> i64 {
        let day = self.local_day();
        if day.day < 10 {
            out.push(b' ');
        }
        day.push_day_and_month(out);
        push_year(&day, out);
        out.push(b' ');
        self.local_secs().rem_euclid(DAY_SECS)
    }
}

impl SearchDate {
    /// The day of this date, if the calendar has it.
    #[must_use]
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        let date = Self { year, month, day };
        let real = (1..=12).contains(&month) && (0..=9999).contains(&year) && day >= 1;
        (real && Self::from_days(date.days_since_1970()) == date).then_some(date)
    }

    /// Reads `d-Mon-yy`, `d-Mon-yyy` or `d-Mon-yyyy`, the month in any case, without quotes. Row `1064-SEARCH-DATE2`.
    ///
    /// # Errors
    /// [`BadDate`].
    pub fn parse(text: &[u8]) -> Result<Self, BadDate> {
        let mut fields = text.split(|&byte| byte == b'-');
        let (Some(day), Some(month), Some(year), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(BadDate);
        };
        let month = MONTHS
            .iter()
            .position(|name| name.eq_ignore_ascii_case(month))
            .ok_or(BadDate)?;
        let month = u8::try_from(month).map_err(|_| BadDate)?.saturating_add(1);
        let day = if day.len() <= 2 {
            digits(day)?
        } else {
            return Err(BadDate);
        };
        let day = u8::try_from(day).map_err(|_| BadDate)?;
        Self::new(full_year(year)?, month, day).ok_or(BadDate)
    }

    /// Appends `d-Mon-yy`: the form for servers below IMAP4.
    pub fn encode_2(&self, out: &mut Vec<u8>) {
        self.push_day_and_month(out);
        self.push_year_2(out);
    }

    /// Appends `d-Mon-yyyy`: the form for IMAP4 on.
    pub fn encode_4(&self, out: &mut Vec<u8>) {
        self.push_day_and_month(out);
        self.push_year_4(out);
    }

    fn push_day_and_month(&self, out: &mut Vec<u8>) {
        let month = MONTHS
            .get(usize::from(self.month).saturating_sub(1))
            .copied()
            .unwrap_or(b"Jan");
        push_number(out, u64::from(self.day));
        out.push(b'-');
        out.extend_from_slice(month);
        out.push(b'-');
    }

    fn push_year_2(&self, out: &mut Vec<u8>) {
        push_two_digits(out, self.year.rem_euclid(100).unsigned_abs());
    }

    fn push_year_4(&self, out: &mut Vec<u8>) {
        push_two_digits(out, self.year.div_euclid(100).clamp(0, 99).unsigned_abs());
        push_two_digits(out, self.year.rem_euclid(100).unsigned_abs());
    }

    /// Days from 1970-01-01, in the Gregorian calendar.
    fn days_since_1970(self) -> i64 {
        // Years are counted from March, so that the leap day is the last day of its year.
        let months = i64::from(self.year)
            .saturating_mul(12)
            .saturating_add(i64::from(self.month))
            .saturating_sub(3);
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12));
        let leap_days = year
            .div_euclid(4)
            .saturating_sub(year.div_euclid(100))
            .saturating_add(year.div_euclid(400));
        let day_of_year = month.saturating_mul(153).saturating_add(2).div_euclid(5);
        let day = i64::from(self.day).saturating_sub(1);
        let days = year
            .saturating_mul(365)
            .saturating_add(leap_days)
            .saturating_add(day_of_year);
        days.saturating_add(day).saturating_sub(DAYS_BEFORE_1970)
    }

    /// The inverse of [`Self::days_since_1970`], kept within the years 0 to 9999.
    fn from_days(days: i64) -> Self {
        let days = days
            .clamp(FIRST_DAY, LAST_DAY)
            .saturating_add(DAYS_BEFORE_1970);
        let (era, day_of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
        let leaps = (day_of_era / 1460)
            .saturating_sub(day_of_era / 36_524)
            .saturating_add(day_of_era / 146_096);
        let year_of_era = day_of_era.saturating_sub(leaps) / 365;
        let before = year_of_era
            .saturating_mul(365)
            .saturating_add(year_of_era / 4)
            .saturating_sub(year_of_era / 100);
        let day_of_year = day_of_era.saturating_sub(before);
        let month = day_of_year.saturating_mul(5).saturating_add(2) / 153;
        let day = day_of_year
            .saturating_sub(month.saturating_mul(153).saturating_add(2) / 5)
            .saturating_add(1);
        let months = era
            .saturating_mul(400)
            .saturating_add(year_of_era)
            .saturating_mul(12)
            .saturating_add(month);
        let civil = months.saturating_add(2);
        Self {
            year: i32::try_from(civil.div_euclid(12)).unwrap_or_default(),
            month: u8::try_from(civil.rem_euclid(12).saturating_add(1)).unwrap_or_default(),
            day: u8::try_from(day).unwrap_or_default(),
        }
    }
}

/// Windowing of short years. The RFCs meant 1900 + yy; nobody has mail from before 1970.
fn full_year(text: &[u8]) -> Result<i32, BadDate> {
    let year = i32::try_from(digits(text)?).map_err(|_| BadDate)?;
    match (text.len(), year) {
        (2, 70..) | (3, 100..) => Ok(year.saturating_add(1900)),
        (2, _) => Ok(year.saturating_add(2000)),
        (4, _) => Ok(year),
        _ => Err(BadDate),
    }
}

fn parse_time(text: &[u8]) -> Result<i64, BadDate> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *text else {
        return Err(BadDate);
    };
    let (hour, minute, second) = (digits(&[h1, h2])?, digits(&[m1, m2])?, digits(&[s1, s2])?);
    if hour > 23 || minute > 59 || second > 60 {
        return Err(BadDate);
    }
    let minutes = hour.saturating_mul(60).saturating_add(minute);
    Ok(i64::from(minutes.saturating_mul(60).saturating_add(second)))
}

fn push_time(out: &mut Vec<u8>, second_of_day: i64) {
    let second_of_day = u32::try_from(second_of_day).unwrap_or_default();
    push_two_digits(out, second_of_day / 3600);
    out.push(b':');
    push_two_digits(out, second_of_day / 60 % 60);
    out.push(b':');
    push_two_digits(out, second_of_day % 60);
}

/// One to four digits.
fn digits(text: &[u8]) -> Result<u32, BadDate> {
    if text.is_empty() || text.len() > 4 {
        return Err(BadDate);
    }
    text.iter().try_fold(0u32, |number, byte| match byte {
        b'0'..=b'9' => Ok(number
            .saturating_mul(10)
            .saturating_add(u32::from(byte.wrapping_sub(b'0')))),
        _ => Err(BadDate),
    })
}

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const DAY_SECS: i64 = 86_400;
const ERA_DAYS: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_468;
/// 0000-01-01 and 9999-12-31, counted from 1970-01-01.
const FIRST_DAY: i64 = -719_528;
const LAST_DAY: i64 = 2_932_896;

#[cfg(test)]
mod tests;
