//! From a frame to a response.

use super::fetch::flag_list;
use super::{Code, FetchData, ListedMailbox, Response, Status, StatusText, Untagged};
use crate::protocol::capability::Capabilities;
use crate::protocol::framer::Frame;
use crate::protocol::parse::{Capitals, Cursor, ParseError, SERVER_DEPTH};
use crate::protocol::types::{MailboxName, Quoting, SeqNum, SequenceSet, Tag};

impl Response {
    /// Reads one line of a server. Literals are moved out of the frame.
    ///
    /// # Errors
    /// [`ParseError`] when the line is no response, or one that is known and malformed.
    pub fn parse(mut frame: Frame, quoting: Quoting) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(&mut frame, quoting, SERVER_DEPTH);
        cursor.spaces();
        if cursor.eat(b'+') {
            cursor.spaces();
            return Ok(Self::GoAhead(status_text(&mut cursor)));
        }
        if cursor.eat_word(b"*") {
            cursor.want_space()?;
            return untagged(&mut cursor).map(Self::Untagged);
        }
        tagged(&mut cursor)
    }
}

fn tagged(cursor: &mut Cursor<'_>) -> Result<Response, ParseError> {
    let tag = cursor.take_while(|byte| byte != b' ');
    if tag.is_empty() {
        return cursor.expected("a response");
    }
    cursor.want_space()?;
    let Some(status) = status(cursor) else {
        return cursor.expected("OK, NO or BAD");
    };
    Ok(Response::Tagged {
        tag: Tag::from_bytes(tag).ok(),
        status,
        text: status_text(cursor),
    })
}

fn status(cursor: &mut Cursor<'_>) -> Option<Status> {
    [Status::Ok, Status::No, Status::Bad]
        .into_iter()
        .find(|status| cursor.eat_word(status.word().as_bytes()))
}

/// `[SP ["[" code "]" [SP]] text]`: everything up to the end of the line.
fn status_text(cursor: &mut Cursor<'_>) -> StatusText {
    cursor.spaces();
    let code = Code::take(cursor);
    StatusText {
        code,
        text: cursor.rest_of_line().trim_ascii_end().to_vec(),
    }
}

fn untagged(cursor: &mut Cursor<'_>) -> Result<Untagged, ParseError> {
    if cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        return message_data(cursor);
    }
    if let Some(status) = status(cursor) {
        return Ok(Untagged::Status(status, status_text(cursor)));
    }
    let keyword = cursor.word();
    match Capitals::of(keyword).as_bytes() {
        b"BYE" => Ok(Untagged::Bye(status_text(cursor))),
        b"PREAUTH" => Ok(Untagged::PreAuth(status_text(cursor))),
        b"FLAGS" => {
            cursor.spaces();
            let flags = flag_list(cursor)?;
            cursor.want_end()?;
            Ok(Untagged::Flags(flags))
        }
        b"SEARCH" => search(cursor).map(Untagged::Search),
        b"MAILBOX" => Ok(name_to_end(cursor).map_or_else(|| unknown(keyword), Untagged::Mailbox)),
        b"BBOARD" => Ok(name_to_end(cursor).map_or_else(|| unknown(keyword), Untagged::Bboard)),
        b"CAPABILITY" => Ok(Untagged::Capability(Capabilities::from_words(
            cursor.rest_of_line(),
        ))),
        b"LIST" => Ok(listed(cursor)?.map_or_else(|| unknown(keyword), Untagged::List)),
        b"LSUB" => Ok(listed(cursor)?.map_or_else(|| unknown(keyword), Untagged::Lsub)),
        b"VANISHED" => vanished(cursor),
        b"" => cursor.expected("untagged data"),
        _ => Ok(unknown(keyword)),
    }
}

fn unknown(keyword: &[u8]) -> Untagged {
    Untagged::Unknown {
        keyword: keyword.to_vec(),
    }
}

/// `number SP ("EXISTS" / "RECENT" / "EXPUNGE" / "COPY" / ("FETCH" / "STORE") SP data)`.
fn message_data(cursor: &mut Cursor<'_>) -> Result<Untagged, ParseError> {
    let at = cursor.position();
    let number = cursor.number()?;
    cursor.want_space()?;
    let keyword = cursor.word();
    let data = match Capitals::of(keyword).as_bytes() {
        b"EXISTS" => Untagged::Exists(number),
        b"RECENT" => Untagged::Recent(number),
        b"EXPUNGE" => Untagged::Expunge(number),
        b"COPY" => Untagged::Copy(number),
        b"FETCH" | b"STORE" => {
            let seq = SeqNum::new(number).ok_or(ParseError::Expected {
                what: "a message number",
                at,
            })?;
            cursor.want_space()?;
            Untagged::Fetch(seq, Box::new(FetchData::parse(cursor)?))
        }
        _ => return Ok(unknown(keyword)),
    };
    cursor.want_end()?;
    Ok(data)
}

/// Numbers until the end of the line; CONDSTORE adds a list, which is skipped.
fn search(cursor: &mut Cursor<'_>) -> Result<Vec<u32>, ParseError> {
    let mut numbers = Vec::new();
    while cursor.spaces() && !cursor.is_end() {
        if cursor.peek() == Some(b'(') {
            cursor.skip_value()?;
            continue;
        }
        let at = cursor.position();
        match cursor.number()? {
            0 => {
                return Err(ParseError::Expected {
                    what: "a message number",
                    at,
                });
            }
            number => numbers.push(number),
        }
    }
    cursor.want_end()?;
    Ok(numbers)
}

/// FIND's answer is the rest of the line, spaces and all.
fn name_to_end(cursor: &mut Cursor<'_>) -> Option<MailboxName> {
    cursor.spaces();
    MailboxName::from_bytes(cursor.rest_of_line()).ok()
}

/// `"(" [attributes] ")" SP (DQUOTE delimiter DQUOTE / NIL) SP mailbox`. A name that cannot be one is `None`.
fn listed(cursor: &mut Cursor<'_>) -> Result<Option<ListedMailbox>, ParseError> {
    cursor.want_space()?;
    let attributes = flag_list(cursor)?;
    cursor.want_space()?;
    let delimiter = cursor
        .nstring()?
        .and_then(|delimiter| delimiter.first().copied());
    cursor.want_space()?;
    let name = cursor.string()?;
    Ok(MailboxName::from_bytes(&name)
        .ok()
        .map(|name| ListedMailbox {
            attributes,
            delimiter,
            name,
        }))
}

/// `["(EARLIER)" SP] set`.
fn vanished(cursor: &mut Cursor<'_>) -> Result<Untagged, ParseError> {
    cursor.want_space()?;
    let earlier = cursor.peek() == Some(b'(');
    if earlier {
        cursor.skip_value()?;
        cursor.want_space()?;
    }
    let at = cursor.position();
    let uids = SequenceSet::parse(cursor.word()).map_err(|_| ParseError::Expected {
        what: "a set of UIDs",
        at,
    })?;
    cursor.want_end()?;
    Ok(Untagged::Vanished { earlier, uids })
}
