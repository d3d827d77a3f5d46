//! The one filter that every text from outside passes on its way to a person.
//!
//! A subject or a server's words may hold control characters that would command the terminal, or characters that make a
//! text look like another one. They come out as visible escapes; everything else stays as it is.

use std::borrow::Cow;

/// The text with everything in it made visible, on one line.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// A word as a shell takes it for one.
pub(super) fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |character: char| character.is_alphanumeric() || "-_./@+:,%".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', "'\\\''")))
    }
}

/// JSON that says the same, with hidden characters written as JSON's own escapes.
pub(super) fn visible_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if is_hidden(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Whether a character acts on the terminal or on how the text around it looks, instead of being seen.
pub(super) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_acts_on_a_terminal_is_seen_instead() {
        for (text, seen) in [
            ("Grüße, 世界 👋", "Grüße, 世界 👋"),
            ("a\x1b[2Jb", "a\\u{1b}[2Jb"),
            ("two\r\nlines\t", "two\\r\\nlines\\t"),
            ("\u{9b}31m\u{7f}\0", "\\u{9b}31m\\u{7f}\\u{0}"),
            ("invoice\u{202e}fdp.exe", "invoice\\u{202e}fdp.exe"),
            ("pay\u{200b}pal\u{feff}", "pay\\u{200b}pal\\u{feff}"),
        ] {
            assert_eq!(visible(text), seen);
        }
    }

    #[test]
    fn a_word_stays_one_in_a_shell() {
        for (text, typed) in [
            ("INBOX", "INBOX"),
            ("Lists/tide-tables", "Lists/tide-tables"),
            ("Entwürfe", "Entwürfe"),
            ("Sent Items", "'Sent Items'"),
            ("ada's", "'ada'\\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), typed);
        }
    }

    #[test]
    fn no_code_point_comes_through_hidden_and_json_says_the_same() {
        for character in '\0'..=char::MAX {
            let text = character.to_string();
            assert!(!visible(&text).contains(is_hidden), "{character:?}");
            let json = visible_json(&serde_json::to_string(&text).unwrap());
            assert!(!json.contains(is_hidden), "{character:?}");
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
