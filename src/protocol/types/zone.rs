//! Time zones as old mail names them.

use crate::protocol::parse::push_two_digits;

/// Minutes east of UTC for the text that follows the time: a name or `+hhmm`, after a space or a hyphen.
pub(super) fn parse(text: &[u8]) -> Option<i16> {
    let text = text.trim_ascii();
    numeric(text).or_else(|| named(text.strip_prefix(b"-").unwrap_or(text)))
}

fn numeric(text: &[u8]) -> Option<i16> {
    let (sign, digits) = text.split_first()?;
    let [h1, h2, m1, m2] = *digits else {
        return None;
    };
    let value = |byte: u8| {
        byte.is_ascii_digit()
            .then(|| i16::from(byte.wrapping_sub(b'0')))
    };
    let hours = value(h1)?.saturating_mul(10).saturating_add(value(h2)?);
    let minutes = value(m1)?.saturating_mul(10).saturating_add(value(m2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let offset = hours.saturating_mul(60).saturating_add(minutes);
    match sign {
        b'+' => Some(offset),
        b'-' => Some(offset.saturating_neg()),
        _ => None,
    }
}

fn named(name: &[u8]) -> Option<i16> {
    let hours = match name {
        [letter] => military(letter.to_ascii_uppercase())?,
        _ => {
            NAMES
                .iter()
                .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))?
                .1
        }
    };
    Some(hours.saturating_mul(60))
}

/// One letter per hour: A to M without J east, N to Y west, Z is UTC. RFC 822 printed the signs the wrong way round;
/// these are the ones in use.
fn military(letter: u8) -> Option<i16> {
    let step = |first: u8| i16::from(letter.saturating_sub(first));
    match letter {
        b'A'..=b'I' => Some(step(b'A').saturating_add(1)),
        b'K'..=b'M' => Some(step(b'K').saturating_add(10)),
        b'N'..=b'Y' => Some(step(b'N').saturating_add(1).saturating_neg()),
        b'Z' => Some(0),
        _ => None,
    }
}

/// Appends `+hhmm`.
pub(super) fn push_numeric(out: &mut Vec<u8>, offset_minutes: i16) {
    let minutes = u32::from(offset_minutes.unsigned_abs());
    out.push(if offset_minutes < 0 { b'-' } else { b'+' });
    push_two_digits(out, minutes / 60);
    push_two_digits(out, minutes % 60);
}

/// The zone to speak in where only names exist, and its name: the offset itself where a name is clear, else GMT.
pub(super) fn old_name(offset_minutes: i16) -> (i16, &'static str) {
    let standard = NAMES
        .iter()
        .take(STANDARD_COUNT)
        .find(|(_, hours)| hours.saturating_mul(60) == offset_minutes);
    standard.map_or((0, "GMT"), |(name, _)| (offset_minutes, *name))
}

/// How many of [`NAMES`], from the front, are unambiguous names of a whole offset.
const STANDARD_COUNT: usize = 8;

/// BST is Bering time, eleven hours west, not the summer time of Britain.
const NAMES: [(&str, i16); 18] = [
    ("GMT", 0),
    ("AST", -4),
    ("EST", -5),
    ("CST", -6),
    ("MST", -7),
    ("PST", -8),
    ("YST", -9),
    ("HST", -10),
    ("BST", -11),
    ("UT", 0),
    ("UTC", 0),
    ("EDT", -4),
    ("CDT", -5),
    ("MDT", -6),
    ("PDT", -7),
    ("YDT", -8),
    ("HDT", -9),
    ("BDT", -10),
];
