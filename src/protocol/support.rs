//! Generators of protocol values, for the properties that must hold of all of them.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::command::{Command, FindKind, FindScope, NameSpace, Numbering};
use super::types::{
    Address, Body, Envelope, FetchItem, FetchRequest, Flag, InternalDate, Keyword, MailboxName,
    NString, Param, Part, PartKind, SearchDate, SearchKey, Section, SectionText, SeqNum,
    SequenceSet, StoreMode, StoreReply,
};

/// Octets of the kinds that need different quoting, and any others.
pub(crate) fn octets() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-zA-Z0-9.@ -]{0,12}".prop_map(String::into_bytes),
        1 => "(NIL|nil|\"|\\\\|%|\\{5\\}|\\(|\\)|\\*| |\r\n|a){0,6}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..20),
    ]
}

pub(crate) fn nstrings() -> impl Strategy<Value = NString> {
    option::of(octets())
}

pub(crate) fn mailboxes() -> impl Strategy<Value = MailboxName> {
    octets().prop_filter_map("a name", |name| MailboxName::from_bytes(&name).ok())
}

pub(crate) fn keywords() -> impl Strategy<Value = Keyword> {
    "[a-zA-Z0-9$.\\]-]{1,8}".prop_map(|name| name.parse().unwrap())
}

pub(crate) fn storable_flags() -> impl Strategy<Value = Flag> {
    prop_oneof![
        Just(Flag::Seen),
        Just(Flag::Answered),
        Just(Flag::Flagged),
        Just(Flag::Deleted),
        Just(Flag::Draft),
        keywords().prop_map(Flag::Keyword),
    ]
}

pub(crate) fn internal_dates() -> impl Strategy<Value = InternalDate> {
    (-60_000_000_000i64..200_000_000_000, -1439i16..=1439).prop_map(
        |(instant_secs, offset_minutes)| InternalDate {
            instant_secs,
            offset_minutes,
            zone_known: true,
        },
    )
}

/// Days that two digits can say.
fn search_dates() -> impl Strategy<Value = SearchDate> {
    (1970i32..2070, 1u8..=12, 1u8..=28)
        .prop_map(|(year, month, day)| SearchDate::new(year, month, day).unwrap())
}

fn addresses() -> impl Strategy<Value = Vec<Address>> {
    let address =
        (nstrings(), nstrings(), nstrings(), nstrings()).prop_map(|(name, adl, mailbox, host)| {
            Address {
                name,
                adl,
                mailbox,
                host,
            }
        });
    vec(address, 0..4)
}

pub(crate) fn envelopes() -> impl Strategy<Value = Envelope> {
    let lists = (
        addresses(),
        addresses(),
        addresses(),
        addresses(),
        addresses(),
        addresses(),
    );
    let texts = (nstrings(), nstrings(), nstrings(), nstrings());
    (texts, lists).prop_map(
        |((date, subject, in_reply_to, message_id), (from, sender, reply_to, to, cc, bcc))| {
            Envelope {
                date,
                subject,
                from,
                sender,
                reply_to,
                to,
                cc,
                bcc,
                in_reply_to,
                message_id,
            }
        },
    )
}

pub(crate) fn bodies() -> impl Strategy<Value = Body> {
    let leaf = |media_type: &'static str, subtype: &'static str, kind: PartKind| {
        let kind = Just(kind);
        (params_and_texts(), kind).prop_map(
            move |((params, id, description, encoding, size), kind)| Part {
                media_type: media_type.into(),
                subtype: subtype.into(),
                params,
                id,
                description,
                encoding,
                size,
                kind,
            },
        )
    };
    let leaves = prop_oneof![
        leaf("image", "png", PartKind::Basic),
        leaf("TEXT", "plain", PartKind::Text { line_count: 7 }),
        leaf(
            "text",
            "HTML",
            PartKind::Text {
                line_count: u32::MAX
            }
        ),
    ];
    leaves
        .prop_map(|part| Body::Single(Box::new(part)))
        .prop_recursive(4, 12, 4, |inner| {
            let multipart = (vec(inner.clone(), 1..4), octets())
                .prop_map(|(parts, subtype)| Body::Multipart { parts, subtype });
            let message = (params_and_texts(), envelopes(), inner, any::<u32>()).prop_map(
                |((params, id, description, encoding, size), envelope, body, line_count)| {
                    Body::Single(Box::new(Part {
                        media_type: b"message".to_vec(),
                        subtype: b"rfc822".to_vec(),
                        params,
                        id,
                        description,
                        encoding,
                        size,
                        kind: PartKind::Message {
                            envelope: Box::new(envelope),
                            body,
                            line_count,
                        },
                    }))
                },
            );
            prop_oneof![multipart, message]
        })
}

fn params_and_texts() -> impl Strategy<Value = (Vec<Param>, NString, NString, NString, u32)> {
    let params = vec(
        (octets(), octets()).prop_map(|(name, value)| Param { name, value }),
        0..3,
    );
    (params, nstrings(), nstrings(), nstrings(), any::<u32>())
}

pub(crate) fn sequences() -> impl Strategy<Value = SequenceSet> {
    let number = || (1u32..).prop_map(|number| SeqNum::new(number).unwrap());
    prop_oneof![
        number().prop_map(SequenceSet::single),
        (number(), number()).prop_map(|(first, last)| SequenceSet::range(first, last)),
        number().prop_map(SequenceSet::starting_at),
    ]
}

pub(crate) fn sections() -> impl Strategy<Value = Section> {
    let text = prop_oneof![
        Just(SectionText::Header),
        Just(SectionText::Text),
        Just(SectionText::Mime),
        vec("[A-Za-z-]{1,8}".prop_map(String::into_bytes), 0..3)
            .prop_map(SectionText::HeaderFields),
        vec("[A-Za-z-]{1,8}".prop_map(String::into_bytes), 0..3)
            .prop_map(SectionText::HeaderFieldsNot),
    ];
    (vec(any::<u32>(), 0..3), option::of(text)).prop_map(|(part, text)| Section { part, text })
}

pub(crate) fn fetch_requests() -> impl Strategy<Value = FetchRequest> {
    let item = prop_oneof![
        Just(FetchItem::Envelope),
        Just(FetchItem::Flags),
        Just(FetchItem::InternalDate),
        Just(FetchItem::Rfc822),
        Just(FetchItem::Rfc822Header),
        Just(FetchItem::Rfc822Size),
        Just(FetchItem::Rfc822Text),
        Just(FetchItem::Body),
        Just(FetchItem::BodyStructure),
        Just(FetchItem::Uid),
        Just(FetchItem::ModSeq),
        (sections(), any::<bool>(), option::of(any::<(u32, u32)>())).prop_map(
            |(section, peek, range)| FetchItem::Section {
                section,
                peek,
                range
            }
        ),
    ];
    prop_oneof![
        Just(FetchRequest::Fast),
        Just(FetchRequest::All),
        Just(FetchRequest::Full),
        vec(item, 1..6).prop_map(FetchRequest::Items),
    ]
}

pub(crate) fn search_keys() -> impl Strategy<Value = SearchKey> {
    let plain = prop_oneof![
        Just(SearchKey::All),
        Just(SearchKey::New),
        Just(SearchKey::Unseen),
        Just(SearchKey::Undraft),
        keywords().prop_map(SearchKey::Keyword),
        keywords().prop_map(SearchKey::Unkeyword),
        octets().prop_map(SearchKey::Subject),
        octets().prop_map(SearchKey::Text),
        octets().prop_map(SearchKey::From),
        search_dates().prop_map(SearchKey::Before),
        search_dates().prop_map(SearchKey::SentOn),
        any::<u32>().prop_map(SearchKey::Larger),
        (octets(), octets()).prop_map(|(field, text)| SearchKey::Header(field, text)),
        sequences().prop_map(SearchKey::Sequence),
        sequences().prop_map(SearchKey::Uid),
    ];
    plain.prop_recursive(4, 10, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|key| SearchKey::Not(Box::new(key))),
            (inner.clone(), inner.clone())
                .prop_map(|(one, other)| SearchKey::Or(Box::new(one), Box::new(other))),
            vec(inner, 1..4).prop_map(SearchKey::And),
        ]
    })
}

fn numberings() -> impl Strategy<Value = Numbering> {
    prop_oneof![Just(Numbering::Sequence), Just(Numbering::Uid)]
}

/// Commands that a session with an open mailbox may send.
pub(crate) fn commands() -> impl Strategy<Value = Command> {
    let space = prop_oneof![
        Just(NameSpace::Mailbox),
        Just(NameSpace::Bboard),
        Just(NameSpace::Bare)
    ];
    let kind = prop_oneof![Just(FindKind::Mailboxes), Just(FindKind::Bboards)];
    let scope = prop_oneof![Just(FindScope::Subscribed), Just(FindScope::All)];
    let mode = prop_oneof![
        Just(StoreMode::Replace),
        Just(StoreMode::Add),
        Just(StoreMode::Remove)
    ];
    let reply = prop_oneof![Just(StoreReply::Report), Just(StoreReply::Silent)];
    let flags = || vec(storable_flags(), 0..4);
    prop_oneof![
        prop_oneof![
            Just(Command::Noop),
            Just(Command::Logout),
            Just(Command::Capability),
            Just(Command::Check),
            Just(Command::Expunge),
            Just(Command::Close),
        ],
        mailboxes().prop_map(Command::Select),
        mailboxes().prop_map(Command::SelectCounting),
        mailboxes().prop_map(Command::Examine),
        mailboxes().prop_map(Command::Create),
        (mailboxes(), mailboxes()).prop_map(|(from, to)| Command::Rename { from, to }),
        (space, mailboxes()).prop_map(|(space, name)| Command::Subscribe(space, name)),
        (kind, scope, octets()).prop_map(|(kind, scope, pattern)| Command::Find {
            kind,
            scope,
            pattern
        }),
        (octets(), octets()).prop_map(|(reference, pattern)| Command::List { reference, pattern }),
        (
            mailboxes(),
            flags(),
            option::of(internal_dates()),
            vec(any::<u8>(), 0..60)
        )
            .prop_map(|(mailbox, flags, date, message)| Command::Append {
                mailbox,
                flags,
                date,
                message
            }),
        sequences().prop_map(Command::UidExpunge),
        (numberings(), sequences(), mailboxes())
            .prop_map(|(numbering, set, to)| Command::Copy(numbering, set, to)),
        (numberings(), sequences(), fetch_requests())
            .prop_map(|(n, set, request)| Command::Fetch(n, set, request)),
        (numberings(), sequences(), mode, reply, flags()).prop_map(
            |(numbering, set, mode, reply, flags)| Command::Store {
                numbering,
                set,
                mode,
                reply,
                flags
            }
        ),
        (numberings(), option::of(octets()), vec(search_keys(), 1..4)).prop_map(
            |(numbering, charset, keys)| Command::Search {
                numbering,
                charset,
                keys
            }
        ),
    ]
}

/// Text that looks like protocol, with every separator in a wrong place.
pub(crate) fn protocol_soup() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        6 => prop::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..6),
        1 => any::<u32>().prop_map(|number| number.to_string().into_bytes()),
    ];
    vec(word, 0..60).prop_map(|words| words.concat())
}

const WORDS: &[&str] = &[
    " ",
    " ",
    " ",
    "\r\n",
    "\r\n",
    "\n",
    "(",
    ")",
    "\"",
    "\\",
    "{3}\r\n",
    "{0}\r\n",
    "{2+}\r\n",
    "[",
    "]",
    "<",
    ">",
    "*",
    "* ",
    "+ ",
    "%",
    ":",
    ",",
    "1",
    "2",
    "NIL",
    "a1 ",
    "t0000001 ",
    "OK",
    "NO",
    "BAD",
    "BYE",
    "FETCH",
    "STORE",
    "FLAGS",
    "+FLAGS",
    "\\Seen",
    "ENVELOPE",
    "BODY",
    "BODY[",
    "RFC822",
    "RFC822.SIZE",
    "INTERNALDATE",
    "SEARCH",
    "OR",
    "NOT",
    "UID",
    "LOGIN",
    "APPEND",
    "SELECT",
    "NOOP",
    "EXISTS",
    "EXPUNGE",
    "MAILBOX",
    "LIST",
    "VANISHED",
    "TEXT",
    "message",
    "rfc822",
    "1-Feb-94",
];
