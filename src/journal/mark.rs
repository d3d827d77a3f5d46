//! How a message is recognised on a server that gives it no name.

/// BLAKE3 of a message's raw header, without the lines that servers rewrite (`Status`, `X-UID`, ...).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderHash(pub [u8; 32]);

/// What a server shows of a message that stays the same for as long as the message lives.
///
/// `instant` and `size` are the cheap half (one `FETCH n FAST`), `header` the strong half; `uid` is the name that
/// servers from IMAP4 on give, and is only comparable under one UIDVALIDITY.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// INTERNALDATE as seconds since 1970 in UTC; the zone it was written in does not count.
    pub instant: i64,
    /// RFC822.SIZE in octets, as the server says it.
    pub size: u32,
    /// The header's hash, once the header was read.
    pub header: Option<HeaderHash>,
    /// The server's UID, where it has them.
    pub uid: Option<u32>,
}

impl Mark {
    /// Whether two marks may name one message: nothing that both know differs.
    ///
    /// UIDs are compared by the caller, who knows whether the UIDVALIDITY is the same.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        self.instant == other.instant
            && self.size == other.size
            && match (self.header, other.header) {
                (Some(mine), Some(theirs)) => mine == theirs,
                (None, _) | (_, None) => true,
            }
    }

    /// Whether the headers of both are known and equal, beside date and size.
    #[must_use]
    pub fn proves(&self, other: &Self) -> bool {
        self.header.is_some() && self.header == other.header && self.agrees(other)
    }

    /// Whether two messages pass for the same in a mailbox that one of them is copied or appended to: their headers are equal,
    /// and their dates or their sizes. A server may count the octets of what it is given otherwise than those it holds.
    #[must_use]
    pub fn resembles(&self, other: &Self) -> bool {
        match (self.header, other.header) {
            (Some(mine), Some(theirs)) => {
                mine == theirs && (self.size == other.size || self.instant == other.instant)
            }
            (None, _) | (_, None) => self.weak() == other.weak(),
        }
    }

    /// The half that a listing shows, for sorting and grouping.
    #[must_use]
    pub fn weak(&self) -> (i64, u32) {
        (self.instant, self.size)
    }
}

impl std::fmt::Debug for HeaderHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for byte in self.0.iter().take(4) {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("..")
    }
}
