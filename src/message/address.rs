//! Addresses of RFC 822 fields, as ENVELOPE shows them.
//!
//! Reads what people and programs have written, not only what the grammar allows: an address that cannot be read whole
//! gets a placeholder for what is missing, and reading goes on behind the next comma.

mod phrase;

use self::phrase::Phrase;
use super::lex::{comment, push_unescaped, quoted, take_while};
use crate::protocol::types::{Address, Envelope, NString};

/// Reads the value of an address field, and appends its addresses; stops at [`Envelope::MAX_ADDRESSES`].
///
/// ```text
/// address = mailbox / phrase ":" [#mailbox] ";"
/// mailbox = addr-spec / phrase "<" [1#("@" domain) ":"] addr-spec ">"
/// ```
/// Beyond the grammar: a semicolon outside a group separates like a comma, and a missing `;` or `>` is supplied.
pub(super) fn read_addresses(value: &[u8], addresses: &mut Vec<Address>) {
    let mut reader = Reader {
        rest: value,
        addresses,
        open_groups: 0,
    };
    while reader.next_address() {}
    while reader.open_groups > 0 {
        reader.end_group();
    }
}

struct Reader<'a, 'b> {
    rest: &'a [u8],
    addresses: &'b mut Vec<Address>,
    open_groups: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    /// White space, or a comment that is never closed.
    Gap,
    Comment(&'a [u8]),
    /// An atom, a quoted string, a domain literal; still escaped.
    Word(&'a [u8]),
    /// One of `.,:;@<>`.
    Special(u8),
}

impl<'a> Reader<'a, '_> {
    /// Reads up to the next comma, or the colon that starts a group; `false` at the end or at the limit.
    fn next_address(&mut self) -> bool {
        let mut phrase = Phrase::default();
        loop {
            match self.token() {
                None => {
                    self.without_address(phrase);
                    return false;
                }
                Some(Token::Special(b',')) => return self.without_address(phrase),
                Some(Token::Special(b';')) => {
                    let more = self.without_address(phrase);
                    self.end_group();
                    return more;
                }
                Some(Token::Special(b':')) => return self.start_group(phrase),
                Some(Token::Special(b'<')) => return self.angle_address(phrase),
                Some(Token::Special(b'@')) => return self.plain_address(phrase),
                Some(token) => phrase.add(token),
            }
        }
    }

    /// A phrase with no address behind it: one word is a local part, several are a name.
    fn without_address(&mut self, phrase: Phrase<'_>) -> bool {
        if !phrase.has_words {
            return true;
        }
        let (name, mailbox) = if phrase.run_at == 0 {
            (phrase.comment_text(), phrase.run)
        } else {
            (Some(phrase.text), NO_MAILBOX.to_vec())
        };
        self.push(Address {
            name,
            mailbox: Some(mailbox),
            host: Some(NO_HOST.to_vec()),
            adl: None,
        })
    }

    /// `local-part "@" domain`, the `@` passed; words before the local part are a name.
    fn plain_address(&mut self, mut phrase: Phrase<'a>) -> bool {
        let host = self.domain();
        self.skip_rest(&mut phrase);
        let comment = phrase.comment_text();
        phrase.text.truncate(phrase.run_at);
        let name = Some(phrase.text).filter(|text| !text.is_empty());
        self.push(Address {
            name: name.or(comment),
            adl: None,
            mailbox: Some(or_else(phrase.run, NO_MAILBOX)),
            host: Some(or_else(host, NO_HOST)),
        })
    }

    /// `[route ":"] local-part "@" domain ">"`, the `<` passed.
    fn angle_address(&mut self, mut phrase: Phrase<'a>) -> bool {
        let (adl, mut host) = self.route();
        let mut local = Phrase::default();
        while host.is_none() {
            let before = self.rest;
            match self.token() {
                None | Some(Token::Special(b'>')) => break,
                Some(Token::Special(b',' | b';')) => {
                    self.rest = before;
                    break;
                }
                Some(Token::Special(b'@')) => host = Some(self.domain()),
                Some(Token::Special(b':')) => local.add(Token::Word(b":")),
                Some(token) => local.add(token),
            }
        }
        self.skip_rest(&mut phrase);
        let comment = phrase.comment_text();
        let name = Some(phrase.text).filter(|text| !text.is_empty());
        let mailbox = if local.run_at == 0 {
            local.run
        } else {
            local.text
        };
        self.push(Address {
            name: name.or(comment),
            adl,
            mailbox: Some(or_else(mailbox, NO_MAILBOX)),
            host: Some(or_else(host.unwrap_or_default(), NO_HOST)),
        })
    }

    /// `route = 1#("@" domain) ":"`; with no colon at its end the last domain is the host.
    fn route(&mut self) -> (NString, Option<Vec<u8>>) {
        let mut route = Vec::new();
        while self.eat(b'@') {
            let host = self.domain();
            if self.eat(b':') {
                push_hop(&mut route, &host);
                return (Some(route), None);
            }
            if !self.eat(b',') {
                return (None, Some(host));
            }
            push_hop(&mut route, &host);
        }
        (Some(route).filter(|route| !route.is_empty()), None)
    }

    /// `domain = word *("." word)`, with white space and comments around the dots.
    fn domain(&mut self) -> Vec<u8> {
        let mut host = Vec::new();
        let mut behind = self.rest;
        let mut wants_word = true;
        loop {
            match self.token() {
                Some(Token::Gap | Token::Comment(_)) => continue,
                Some(Token::Word(word)) if wants_word => push_unescaped(&mut host, word),
                Some(Token::Special(b'.')) => host.push(b'.'),
                _ => break,
            }
            wants_word = host.ends_with(b".");
            behind = self.rest;
        }
        self.rest = behind;
        host
    }

    /// Passes what stands between an address and the next separator; keeps the first comment.
    fn skip_rest(&mut self, phrase: &mut Phrase<'a>) {
        loop {
            let before = self.rest;
            match self.token() {
                Some(Token::Comment(text)) => {
                    phrase.comment.get_or_insert(text);
                }
                Some(Token::Special(b',' | b';')) => {
                    self.rest = before;
                    return;
                }
                Some(_) => {}
                None => return,
            }
        }
    }

    fn start_group(&mut self, phrase: Phrase<'_>) -> bool {
        self.open_groups = self.open_groups.saturating_add(1);
        let fits = self.push(Address {
            mailbox: Some(phrase.text),
            ..Address::default()
        });
        if !fits {
            self.open_groups = self.open_groups.saturating_sub(1);
        }
        fits
    }

    fn end_group(&mut self) {
        if let Some(left) = self.open_groups.checked_sub(1) {
            self.open_groups = left;
            self.push(Address::default());
        }
    }

    /// Appends an address unless the list is full; room is kept for the ends of open groups.
    fn push(&mut self, address: Address) -> bool {
        let fits = self.addresses.len().saturating_add(self.open_groups) < Envelope::MAX_ADDRESSES;
        if fits {
            self.addresses.push(address);
        }
        fits
    }

    /// Passes a special with the white space and comments before it, if it is the next one.
    fn eat(&mut self, special: u8) -> bool {
        let before = self.rest;
        loop {
            match self.token() {
                Some(Token::Gap | Token::Comment(_)) => {}
                Some(Token::Special(found)) if found == special => return true,
                _ => {
                    self.rest = before;
                    return false;
                }
            }
        }
    }

    fn token(&mut self) -> Option<Token<'a>> {
        let (&first, behind) = self.rest.split_first()?;
        if is_text(first) {
            return Some(Token::Word(self.atom()));
        }
        self.rest = behind;
        Some(match first {
            b'(' => comment(&mut self.rest).map_or(Token::Gap, Token::Comment),
            b'"' => Token::Word(quoted(&mut self.rest)),
            b' ' | b'\t' | b'\r' | b'\n' | b')' => Token::Gap,
            special => Token::Special(special),
        })
    }

    /// An atom with its escapes, or a domain literal.
    fn atom(&mut self) -> &'a [u8] {
        let text = self.rest;
        if text.first() == Some(&b'[') {
            take_while(&mut self.rest, |byte| {
                !matches!(byte, b']' | b',' | b'<' | b'>')
            });
        }
        loop {
            take_while(&mut self.rest, |byte| is_text(byte) && byte != b'\\');
            if self.rest.first() != Some(&b'\\') {
                break;
            }
            self.rest = self.rest.get(2..).unwrap_or_default();
        }
        let length = text.len().saturating_sub(self.rest.len());
        text.get(..length).unwrap_or_default()
    }
}

fn push_hop(route: &mut Vec<u8>, host: &[u8]) {
    if !route.is_empty() {
        route.push(b',');
    }
    route.push(b'@');
    route.extend_from_slice(host);
}

fn or_else(text: Vec<u8>, placeholder: &[u8]) -> Vec<u8> {
    if text.is_empty() {
        placeholder.to_vec()
    } else {
        text
    }
}

fn is_text(byte: u8) -> bool {
    !matches!(
        byte,
        b' ' | b'\t'
            | b'\r'
            | b'\n'
            | b'('
            | b')'
            | b'"'
            | b'.'
            | b','
            | b':'
            | b';'
            | b'@'
            | b'<'
            | b'>'
    )
}

/// What Dovecot says for a missing local part.
const NO_MAILBOX: &[u8] = b"MISSING_MAILBOX";
/// What UW imapd says for a missing host; clients built on its library know it and show none. NIL would be a group.
const NO_HOST: &[u8] = b".MISSING-HOST-NAME.";

#[cfg(test)]
mod tests;
