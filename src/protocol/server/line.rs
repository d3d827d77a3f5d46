//! A client's line to a request.

use super::request::offered_since;
use super::{BadReason, Request, SessionState};
use crate::protocol::command::{Command, CommandName, parse_arguments};
use crate::protocol::dialect::Dialect;
use crate::protocol::framer::Frame;
use crate::protocol::parse::{CLIENT_DEPTH, Cursor};
use crate::protocol::types::{Quoting, Tag};

/// Reads a line, or as much of it as has arrived.
pub(super) fn read(
    frame: &mut Frame,
    state: SessionState,
    newest: Dialect,
    is_first: bool,
) -> Result<(Tag, Command), Request> {
    if state == SessionState::NotAuthenticated && is_foreign(&frame.text, is_first) {
        return Err(Request::NotImap);
    }
    let mut cursor = Cursor::new(frame, Quoting::Escaped, CLIENT_DEPTH);
    if cursor.is_end() {
        return Err(Request::Bad {
            tag: None,
            reason: BadReason::EmptyLine,
        });
    }
    let tag =
        Tag::from_bytes(cursor.take_while(|byte| byte != b' ')).map_err(|_| Request::Bad {
            tag: None,
            reason: BadReason::BadTag,
        })?;
    let bad = |reason| Request::Bad {
        tag: Some(tag),
        reason,
    };
    cursor.spaces();
    if cursor.is_end() {
        return Err(bad(BadReason::NoCommand));
    }
    let name = CommandName::take(&mut cursor).map_err(|error| bad(error.into()))?;
    if let Some(reason) = state.forbids(name) {
        return Err(bad(reason));
    }
    if newest < offered_since(name) {
        return Err(bad(BadReason::NotOffered));
    }
    let command = parse_arguments(name, &mut cursor).map_err(|error| bad(error.into()))?;
    Ok((tag, command))
}

/// The tag of a line of which only the start is known.
pub(super) fn tag_of(start: &[u8]) -> Option<Tag> {
    let end = start.iter().position(|&byte| byte == b' ')?;
    Tag::from_bytes(start.get(..end)?).ok()
}

/// Whether a line before login is from something else than a mail client: a web page that posts to this port, say.
///
/// The first line must at least look like a tagged command; no line may look like HTTP.
fn is_foreign(line: &[u8], is_first: bool) -> bool {
    let mut words = line
        .split(|&byte| byte == b' ')
        .filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    let command = words.next().unwrap_or_default();
    let looks_like_http = HTTP_METHODS.contains(&first)
        || first.ends_with(b":")
        || words
            .next_back()
            .is_some_and(|last| last.starts_with(b"HTTP/"));
    let is_tagged = Tag::from_bytes(first).is_ok()
        && !command.is_empty()
        && command.iter().all(u8::is_ascii_alphabetic);
    looks_like_http || (is_first && !is_tagged)
}

const HTTP_METHODS: [&[u8]; 9] = [
    b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH",
];
