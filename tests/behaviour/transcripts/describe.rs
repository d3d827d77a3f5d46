//! Events and requests in a line of text each.

use lowtide::protocol::client::{Client, ClientLiterals, Event, Greeting};
use lowtide::protocol::dialect::Dialect;
use lowtide::protocol::response::{Code, FetchData, StatusText, Untagged};
use lowtide::protocol::server::Request;
use lowtide::protocol::types::{Address, Body, Envelope, Flag, NString, PartKind};

/// What an event says.
pub(super) fn event(event: &Event) -> String {
    match event {
        Event::Greeting(Greeting::Ok(text)) => format!("greeting {}", words(text)),
        Event::Greeting(Greeting::PreAuth(text)) => format!("preauth {}", words(text)),
        Event::Greeting(Greeting::Bye(text)) => format!("refused {}", words(text)),
        Event::Untagged(data) => untagged(data),
        Event::GoAhead => "go ahead".to_owned(),
        Event::Challenge(text) => format!("challenge {}", words(text)),
        Event::Completed(done) => format!(
            "done {} {} {}",
            done.tag,
            done.status.word(),
            words(&done.text)
        ),
        Event::UnknownTag { status, text } => {
            format!("unknown tag {} {}", status.word(), words(text))
        }
        Event::Bye(text) => format!("bye {}", words(text)),
    }
}

fn words(text: &StatusText) -> String {
    let code = text
        .code
        .as_ref()
        .map(|code| format!("[{}] ", spelt(code)))
        .unwrap_or_default();
    format!("{code}{}", shown(&text.text))
}

fn spelt(code: &Code) -> String {
    match code {
        Code::Capability(list) => {
            format!("capability {}", list.words().collect::<Vec<_>>().join(" "))
        }
        Code::PermanentFlags {
            flags: kept,
            new_keywords,
        } => format!("permanent {} new={new_keywords}", flags(kept)),
        Code::CopyUid {
            validity,
            source,
            copies,
        } => format!("copyuid {validity} {source} {copies}"),
        Code::Modified(set) => format!("modified {set}"),
        Code::Other(word) => format!("other {}", shown(word)),
        Code::Alert
        | Code::Parse
        | Code::ReadOnly
        | Code::ReadWrite
        | Code::TryCreate
        | Code::Closed => format!("{code:?}"),
        Code::ExpungeIssued | Code::NoModSeq | Code::AuthenticationFailed => format!("{code:?}"),
        Code::Unseen(_) | Code::UidValidity(_) | Code::UidNext(_) | Code::HighestModSeq(_) => {
            format!("{code:?}")
        }
        Code::AppendUid { .. } => format!("{code:?}"),
    }
}

fn untagged(data: &Untagged) -> String {
    match data {
        Untagged::Status(status, text) => format!("* {} {}", status.word(), words(text)),
        Untagged::Bye(text) => format!("bye {}", words(text)),
        Untagged::PreAuth(text) => format!("late preauth {}", words(text)),
        Untagged::Flags(defined) => format!("flags {}", flags(defined)),
        Untagged::Exists(count) => format!("exists {count}"),
        Untagged::Recent(count) => format!("recent {count}"),
        Untagged::Expunge(seq) => format!("expunge {seq}"),
        Untagged::Copy(seq) => format!("copy {seq}"),
        Untagged::Search(found) => format!("search {found:?}"),
        Untagged::Mailbox(name) => format!("mailbox {name}"),
        Untagged::Bboard(name) => format!("bboard {name}"),
        Untagged::Capability(list) => {
            format!("capability {}", list.words().collect::<Vec<_>>().join(" "))
        }
        Untagged::List(listed) | Untagged::Lsub(listed) => {
            let delimiter = listed.delimiter.map(|delimiter| shown(&[delimiter]));
            format!(
                "list {} {} {}",
                flags(&listed.attributes),
                delimiter.as_deref().unwrap_or("NIL"),
                listed.name
            )
        }
        Untagged::Vanished { earlier, uids } => format!("vanished {uids} earlier={earlier}"),
        Untagged::Unknown { keyword } => format!("unknown {}", shown(keyword)),
        Untagged::Fetch(seq, data) => format!("fetch {seq}{}", fetched(data)),
    }
}

fn fetched(data: &FetchData) -> String {
    let mut text = String::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!(" {name}={value}"));
        }
    };
    add("flags", data.flags.as_deref().map(flags));
    add(
        "date",
        data.internal_date.map(|date| {
            let zone = if date.zone_known {
                format!("{:+}", date.offset_minutes)
            } else {
                "?".to_owned()
            };
            format!("{}{zone}", date.instant_secs)
        }),
    );
    add("size", data.size.map(|size| size.to_string()));
    add("uid", data.uid.map(|uid| uid.to_string()));
    add("envelope", data.envelope.as_deref().map(envelope));
    add("body", data.body.as_ref().map(body));
    add("rfc822", data.rfc822.as_ref().map(string));
    add("header", data.header.as_ref().map(string));
    add("text", data.text.as_ref().map(string));
    for (section, first, octets) in &data.pieces {
        let name = format!("{:?}{:?}<{first}>", section.part, section.text);
        add(&name, Some(string(octets)));
    }
    for (section, octets) in &data.sections {
        add(
            &format!("{:?}{:?}", section.part, section.text),
            Some(string(octets)),
        );
    }
    add(
        "skipped",
        (data.unknown_count > 0).then(|| data.unknown_count.to_string()),
    );
    text
}

fn flags(flags: &[Flag]) -> String {
    format!(
        "({})",
        flags
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    )
}

fn string(text: &NString) -> String {
    text.as_ref()
        .map_or("NIL".to_owned(), |text| format!("<{}>", shown(text)))
}

/// Only what is there.
fn envelope(envelope: &Envelope) -> String {
    let texts = [
        ("date", &envelope.date),
        ("subject", &envelope.subject),
        ("in-reply-to", &envelope.in_reply_to),
        ("id", &envelope.message_id),
    ];
    let lists = [
        ("from", &envelope.from),
        ("sender", &envelope.sender),
        ("reply-to", &envelope.reply_to),
        ("to", &envelope.to),
        ("cc", &envelope.cc),
        ("bcc", &envelope.bcc),
    ];
    let texts = texts
        .into_iter()
        .filter(|(_, text)| text.is_some())
        .map(|(name, text)| format!("{name}:{}", string(text)));
    let lists = lists
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(name, list)| {
            format!(
                "{name}:{}",
                list.iter().map(address).collect::<Vec<_>>().join("+")
            )
        });
    format!("{{{}}}", texts.chain(lists).collect::<Vec<_>>().join(" "))
}

fn address(address: &Address) -> String {
    let text = |part: &NString| part.as_ref().map_or("NIL".to_owned(), |part| shown(part));
    let parts = [&address.name, &address.adl, &address.mailbox, &address.host].map(text);
    format!("[{}]", parts.join("|"))
}

fn body(structure: &Body) -> String {
    match structure {
        Body::Multipart { parts, subtype } => {
            format!(
                "{}({})",
                shown(subtype),
                parts.iter().map(body).collect::<Vec<_>>().join(" ")
            )
        }
        Body::Single(part) => {
            let kind = match &part.kind {
                PartKind::Basic => String::new(),
                PartKind::Text { line_count } => format!(":{line_count}"),
                PartKind::Message {
                    body: inner,
                    line_count,
                    ..
                } => format!("({}):{line_count}", body(inner)),
            };
            format!(
                "{}/{}:{}{kind}",
                shown(&part.media_type),
                shown(&part.subtype),
                part.size
            )
        }
    }
}

/// What a request asks. A command is spelt as our own client would send it.
pub(super) fn request(request: &Request) -> String {
    match request {
        Request::Command { tag, command } => {
            let mut client = Client::after_starttls(Client::DEFAULT_LIMITS);
            client.set_dialect(Dialect::Imap4rev1);
            client.set_literals(ClientLiterals::Plus);
            client.send(command.clone());
            let line = client.take_output();
            let line = line.strip_suffix(b"\r\n").unwrap_or(&line);
            let (_, words) = line.split_at(
                line.iter()
                    .position(|octet| *octet == b' ')
                    .unwrap_or_default(),
            );
            format!("{tag}{}", shown(words))
                .replace("\\\\", "\\")
                .replace("\\\"", "\"")
        }
        Request::Bad { tag, reason } => format!(
            "bad {} {reason}",
            tag.map_or("*".to_owned(), |tag| tag.to_string())
        ),
        Request::Refused { tag, reason } => format!(
            "no {} {reason}",
            tag.map_or("*".to_owned(), |tag| tag.to_string())
        ),
        Request::TooLong { tag } => format!(
            "too long {}",
            tag.map_or("*".to_owned(), |tag| tag.to_string())
        ),
        Request::NotImap => "not imap".to_owned(),
        Request::OutOfStep => "out of step".to_owned(),
    }
}

/// Octets as text: what is printable as it is, everything else escaped.
pub(super) fn shown(octets: &[u8]) -> String {
    let plain = |octet: &u8| matches!(octet, b' '..=b'~');
    octets
        .iter()
        .map(|octet| {
            if plain(octet) {
                char::from(*octet).to_string()
            } else {
                octet.escape_ascii().to_string()
            }
        })
        .collect()
}
