use super::*;

#[test]
fn encoded_words_are_decoded() {
    for (value, text) in [
        (" plain text", "plain text"),
        ("=?iso-8859-1?Q?caf=E9_au?= lait", "caf\u{e9} au lait"),
        ("a =?utf-8?B?w6k=?= =?utf-8?q?=C3=A9?= b", "a \u{e9}\u{e9} b"),
        ("=?utf-8?Q?=C3?=\r\n =?utf-8?Q?=A9?=", "\u{e9}"),
        ("=?utf-8?Q?a?= =?iso-8859-1?Q?=E9?=", "a\u{e9}"),
        ("=?utf-8*en?Q?a?=b", "ab"),
        ("=?utf-8?Q?with spaces?=", "with spaces"),
        ("=?utf-8?X?a?=", "=?utf-8?X?a?="),
        ("=?utf-8?Q?a", "=?utf-8?Q?a"),
        ("=?=?utf-8?Q?a?=", "=?a"),
        ("=?", "=?"),
        ("=?nonsense?Q?=E9?=", "\u{e9}"),
        ("caf\u{e9}\r\n folded", "caf\u{e9} folded"),
        ("", ""),
    ] {
        assert_eq!(decode_words(value.as_bytes()), text, "{value}");
    }
    assert_eq!(decode_words(b"caf\xe9"), "caf\u{e9}");
}
