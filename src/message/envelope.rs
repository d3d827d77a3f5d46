//! ENVELOPE from a raw header, as servers give it.

use super::address::read_addresses;
use super::header::{fields, unfold};
use crate::protocol::types::{Address, Envelope, NString};

/// Reads the envelope of a raw header, which may have its blank line and text behind it.
///
/// Texts are unfolded and otherwise raw: neither decoded nor reformatted. Of several fields of one name the first counts
/// for a text, as at UW imapd (Dovecot takes the last); addresses are joined. `Sender` and `Reply-To` without an
/// address are those of `From`. A field that is there but empty gives an empty text, a missing one NIL.
///
/// RFC 1176 ENVELOPE; RFC 3501 7.4.2.
#[must_use]
pub fn envelope(header: &[u8]) -> Envelope {
    let mut envelope = Envelope::default();
    for field in fields(header) {
        if let Some(text) = text_of(&mut envelope, field.name) {
            text.get_or_insert_with(|| unfold(field.value));
        } else if let Some(addresses) = addresses_of(&mut envelope, field.name) {
            read_addresses(field.value, addresses);
        }
    }
    for addresses in [&mut envelope.sender, &mut envelope.reply_to] {
        if addresses.is_empty() {
            addresses.clone_from(&envelope.from);
        }
    }
    envelope
}

fn text_of<'a>(envelope: &'a mut Envelope, name: &[u8]) -> Option<&'a mut NString> {
    Some(match name.len() {
        4 if name.eq_ignore_ascii_case(b"Date") => &mut envelope.date,
        7 if name.eq_ignore_ascii_case(b"Subject") => &mut envelope.subject,
        10 if name.eq_ignore_ascii_case(b"Message-ID") => &mut envelope.message_id,
        11 if name.eq_ignore_ascii_case(b"In-Reply-To") => &mut envelope.in_reply_to,
        _ => return None,
    })
}

fn addresses_of<'a>(envelope: &'a mut Envelope, name: &[u8]) -> Option<&'a mut Vec<Address>> {
    Some(match name.len() {
        2 if name.eq_ignore_ascii_case(b"To") => &mut envelope.to,
        2 if name.eq_ignore_ascii_case(b"Cc") => &mut envelope.cc,
        3 if name.eq_ignore_ascii_case(b"Bcc") => &mut envelope.bcc,
        4 if name.eq_ignore_ascii_case(b"From") => &mut envelope.from,
        6 if name.eq_ignore_ascii_case(b"Sender") => &mut envelope.sender,
        8 if name.eq_ignore_ascii_case(b"Reply-To") => &mut envelope.reply_to,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
