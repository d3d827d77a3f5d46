//! ENVELOPE: the ten header fields a server has parsed for its clients.

use super::NString;
use super::text::push_nstring;
use crate::protocol::parse::{Cursor, ParseError};

/// A message's envelope. Texts are raw header octets: nothing is decoded, the date is not reformatted.
///
/// RFC 1176 "envelope"; rows `1064-FETCH-ENVELOPE` and `1064-FETCH-ENVELOPE-*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `Date:` as written.
    pub date: NString,
    /// `Subject:` as written.
    pub subject: NString,
    /// `From:`.
    pub from: Vec<Address>,
    /// `Sender:`; the server fills in `from` where it is missing.
    pub sender: Vec<Address>,
    /// `Reply-To:`; the server fills in `from` where it is missing.
    pub reply_to: Vec<Address>,
    /// `To:`.
    pub to: Vec<Address>,
    /// `Cc:`.
    pub cc: Vec<Address>,
    /// `Bcc:`.
    pub bcc: Vec<Address>,
    /// `In-Reply-To:`.
    pub in_reply_to: NString,
    /// `Message-ID:`.
    pub message_id: NString,
}

/// One address of an envelope, or the start or end of a group. Row `IMAP4-ENV-GROUP`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// The display name, without quotes.
    pub name: NString,
    /// The source route, `@a,@b`. Row `1064-FETCH-ENVELOPE-ADL`.
    pub adl: NString,
    /// What stands left of the `@`; for a group's start, its name; absent at a group's end.
    pub mailbox: NString,
    /// What stands right of the `@`; absent for a group's start and end.
    pub host: NString,
}

impl Envelope {
    /// The most addresses read from one field.
    pub const MAX_ADDRESSES: usize = 10_000;

    /// Reads `"(" date SP subject SP 6addresses SP in-reply-to SP message-id ")"`.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        cursor.open()?;
        let envelope = Self {
            date: next_string(cursor)?,
            subject: next_string(cursor)?,
            from: next_addresses(cursor)?,
            sender: next_addresses(cursor)?,
            reply_to: next_addresses(cursor)?,
            to: next_addresses(cursor)?,
            cc: next_addresses(cursor)?,
            bcc: next_addresses(cursor)?,
            in_reply_to: next_string(cursor)?,
            message_id: next_string(cursor)?,
        };
        cursor.want_close()?;
        Ok(envelope)
    }

    /// Appends the envelope as the endpoint sends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(b'(');
        push_nstring(out, self.date.as_deref());
        out.push(b' ');
        push_nstring(out, self.subject.as_deref());
        for field in [
            &self.from,
            &self.sender,
            &self.reply_to,
            &self.to,
            &self.cc,
            &self.bcc,
        ] {
            out.push(b' ');
            push_addresses(out, field);
        }
        out.push(b' ');
        push_nstring(out, self.in_reply_to.as_deref());
        out.push(b' ');
        push_nstring(out, self.message_id.as_deref());
        out.push(b')');
    }

    /// Whether nothing is known, as servers answer for a message that is gone. Row `R1-EXPUNGEISSUED`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn next_string(cursor: &mut Cursor<'_>) -> Result<NString, ParseError> {
    cursor.spaces();
    cursor.nstring()
}

/// `addresses = NIL / "(" 1*address ")"`, the addresses adjoining or with spaces between.
fn next_addresses(cursor: &mut Cursor<'_>) -> Result<Vec<Address>, ParseError> {
    cursor.spaces();
    let mut addresses = Vec::new();
    if cursor.eat_word(b"NIL") {
        return Ok(addresses);
    }
    cursor.open()?;
    while !cursor.close() {
        if addresses.len() >= Envelope::MAX_ADDRESSES {
            return Err(ParseError::TooMany { what: "addresses" });
        }
        addresses.push(Address::parse(cursor)?);
    }
    Ok(addresses)
}

fn push_addresses(out: &mut Vec<u8>, addresses: &[Address]) {
    if addresses.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for address in addresses {
        address.encode(out);
    }
    out.push(b')');
}

impl Address {
    /// `address = "(" name SP adl SP mailbox SP host ")"`.
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        cursor.open()?;
        let address = Self {
            name: next_string(cursor)?,
            adl: next_string(cursor)?,
            mailbox: next_string(cursor)?,
            host: next_string(cursor)?,
        };
        cursor.want_close()?;
        Ok(address)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(b'(');
        push_nstring(out, self.name.as_deref());
        for part in [&self.adl, &self.mailbox, &self.host] {
            out.push(b' ');
            push_nstring(out, part.as_deref());
        }
        out.push(b')');
    }
}

#[cfg(test)]
mod tests;
