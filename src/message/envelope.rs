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
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &[u8], expected: &str) {
        let mut out = Vec::new();
        envelope(header).encode(&mut out);
        assert_eq!(
            out.escape_ascii().to_string(),
            expected.replace('"', "\\\"")
        );
    }

    #[test]
    fn an_envelope_as_servers_give_it() {
        check(
            b"Date: Mon, 4 Mar 91 07:14:58 GMT\r\nFrom: Ada L <ada@tide.example>\r\nsubject: low\r\n water\r\n\
              To: pilots@port.example\r\nIn-Reply-To: Your message\r\nMESSAGE-ID :\r\n <m1@tide.example>\r\n\r\nCc: x@y\r\n",
            r#"("Mon, 4 Mar 91 07:14:58 GMT" "low water" (("Ada L" NIL "ada" "tide.example"))(("Ada L" NIL "ada" "tide.example"))(("Ada L" NIL "ada" "tide.example"))((NIL NIL "pilots" "port.example")) NIL NIL "Your message" "<m1@tide.example>")"#
                .replace("))((", ")) ((").as_str(),
        );
    }

    #[test]
    fn missing_is_nil_and_empty_is_empty() {
        check(b"", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
        check(
            b"\r\nSubject: in the text\r\n",
            "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        );
        check(
            b"Date:\r\nSubject: \r\nFrom:\r\nSender:\r\nTo: \r\nMessage-ID:\r\n",
            r#"("" "" NIL NIL NIL NIL NIL NIL NIL "")"#,
        );
    }

    #[test]
    fn sender_and_reply_to_come_from_from_only_when_they_have_no_address() {
        check(
            b"From: a@x\nSender:\nReply-To: r@x\n",
            r#"(NIL NIL ((NIL NIL "a" "x")) ((NIL NIL "a" "x")) ((NIL NIL "r" "x")) NIL NIL NIL NIL NIL)"#,
        );
        check(
            b"Reply-To: r@x\nTo: t@x\n",
            r#"(NIL NIL NIL NIL ((NIL NIL "r" "x")) ((NIL NIL "t" "x")) NIL NIL NIL NIL)"#,
        );
    }

    #[test]
    fn of_several_texts_the_first_counts_and_addresses_are_joined() {
        check(
            b"Subject: one\nSubject: two\nDate:\nDate: d\nTo: a@x\nCc: c@x\nTo: b@x\nBcc: d@x\n",
            r#"("" "one" NIL NIL NIL ((NIL NIL "a" "x")(NIL NIL "b" "x")) ((NIL NIL "c" "x")) ((NIL NIL "d" "x")) NIL NIL)"#,
        );
    }

    #[test]
    fn texts_stay_raw() {
        check(
            b"Subject: =?utf-8?B?w6k=?= \tcaf\xe9  \r\nDate: tomorrow (perhaps)\r\n",
            "(\"tomorrow (perhaps)\" {24}\\r\\n=?utf-8?B?w6k=?=  caf\\xe9   NIL NIL NIL NIL NIL NIL NIL NIL)",
        );
    }

    #[test]
    fn lists_over_several_fields_share_one_limit() {
        let header = b"To: a@x, b@x\n".repeat(Envelope::MAX_ADDRESSES);
        assert_eq!(envelope(&header).to.len(), Envelope::MAX_ADDRESSES);
    }
}
