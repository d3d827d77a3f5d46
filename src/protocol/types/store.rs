//! How a STORE command changes flags.

/// What STORE does with the flags it names. RFC 1176 STORE; rows `1064-STORE-FLAGS`, `-PLUS`, `-MINUS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreMode {
    /// `FLAGS`: the message has these flags and no others.
    Replace,
    /// `+FLAGS`: the message has these flags too.
    Add,
    /// `-FLAGS`: the message has none of these flags.
    Remove,
}

/// Whether a STORE is answered with the new flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreReply {
    /// An untagged FETCH per message.
    #[default]
    Report,
    /// `.SILENT` (IMAP4 on): only changes made by others are reported.
    Silent,
}

impl StoreMode {
    /// Reads `FLAGS`, `+FLAGS` or `-FLAGS`, with or without `.SILENT`, in any case.
    #[must_use]
    pub fn parse(word: &[u8]) -> Option<(Self, StoreReply)> {
        let (mode, rest) = match word.split_first()? {
            (b'+', rest) => (Self::Add, rest),
            (b'-', rest) => (Self::Remove, rest),
            _ => (Self::Replace, word),
        };
        if rest.eq_ignore_ascii_case(b"FLAGS") {
            Some((mode, StoreReply::Report))
        } else if rest.eq_ignore_ascii_case(b"FLAGS.SILENT") {
            Some((mode, StoreReply::Silent))
        } else {
            None
        }
    }

    /// The word on the wire.
    #[must_use]
    pub fn word(self, reply: StoreReply) -> &'static str {
        match (self, reply) {
            (Self::Replace, StoreReply::Report) => "FLAGS",
            (Self::Add, StoreReply::Report) => "+FLAGS",
            (Self::Remove, StoreReply::Report) => "-FLAGS",
            (Self::Replace, StoreReply::Silent) => "FLAGS.SILENT",
            (Self::Add, StoreReply::Silent) => "+FLAGS.SILENT",
            (Self::Remove, StoreReply::Silent) => "-FLAGS.SILENT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        for mode in [StoreMode::Replace, StoreMode::Add, StoreMode::Remove] {
            for reply in [StoreReply::Report, StoreReply::Silent] {
                let word = mode.word(reply).to_lowercase();
                assert_eq!(StoreMode::parse(word.as_bytes()), Some((mode, reply)));
            }
        }
        for word in ["", "+", "*FLAGS", "FLAG", "++FLAGS", "+FLAGS.LOUD"] {
            assert_eq!(StoreMode::parse(word.as_bytes()), None, "{word}");
        }
    }
}
