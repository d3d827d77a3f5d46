//! Responses on their way to a client.

use super::Status;
use crate::protocol::dialect::{DateForm, Dialect};
use crate::protocol::parse::push_number;
use crate::protocol::types::{
    Body, Envelope, FetchItem, Flag, FlagSet, InternalDate, Keywords, MailboxName, Section, SeqNum,
    Tag, push_literal, push_literal_header,
};

/// Appends responses to an output buffer in the words of one dialect.
#[derive(Debug)]
pub struct ResponseWriter<'a> {
    out: &'a mut Vec<u8>,
    dialect: Dialect,
}

/// What an untagged status line can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Information, or the greeting.
    Ok,
    /// A warning.
    No,
    /// An error that belongs to no command.
    Bad,
    /// The greeting of a connection that needs no login.
    PreAuth,
    /// The end.
    Bye,
}

impl<'a> ResponseWriter<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>, dialect: Dialect) -> Self {
        Self { out, dialect }
    }

    /// The answer that ends a command. `text` may begin with a response code in brackets.
    pub fn tagged(&mut self, tag: &Tag, status: Status, text: &str) {
        self.out.extend_from_slice(tag.as_bytes());
        self.line(&[" ", status.word(), " "], text);
    }

    /// `* OK`, `* NO`, `* BAD`, `* PREAUTH` or `* BYE`. `text` may begin with a response code in brackets.
    pub fn untagged(&mut self, condition: Condition, text: &str) {
        let word = match condition {
            Condition::Ok => "OK",
            Condition::No => "NO",
            Condition::Bad => "BAD",
            Condition::PreAuth => "PREAUTH",
            Condition::Bye => "BYE",
        };
        self.line(&["* ", word, " "], text);
    }

    /// `tag BAD text`, or `* BAD text` for a line that has no tag to echo.
    pub fn bad(&mut self, tag: Option<&Tag>, text: &str) {
        match tag {
            Some(tag) => self.tagged(tag, Status::Bad, text),
            None => self.untagged(Condition::Bad, text),
        }
    }

    /// `+`: the client may send its literal.
    pub fn go_ahead(&mut self, text: &str) {
        self.line(&["+ "], text);
    }

    /// `* n EXISTS`.
    pub fn exists(&mut self, count: u32) {
        self.numbered(count, "EXISTS");
    }

    /// `* n RECENT`.
    pub fn recent(&mut self, count: u32) {
        self.numbered(count, "RECENT");
    }

    /// `* n EXPUNGE`.
    pub fn expunge(&mut self, seq: SeqNum) {
        self.numbered(seq.get(), "EXPUNGE");
    }

    /// `* n COPY`, where the dialect has it.
    pub fn copied(&mut self, seq: SeqNum) {
        if self.dialect.reports_copies() {
            self.numbered(seq.get(), "COPY");
        }
    }

    /// `* FLAGS (...)`: every flag of the mailbox.
    pub fn flags(&mut self, flags: impl IntoIterator<Item = Flag>) {
        self.out.extend_from_slice(b"* FLAGS (");
        self.flag_names(flags);
        self.out.extend_from_slice(b")\r\n");
    }

    /// `* OK [PERMANENTFLAGS (...)]`: the flags that outlive the session.
    pub fn permanent_flags(&mut self, flags: impl IntoIterator<Item = Flag>) {
        self.out.extend_from_slice(b"* OK [PERMANENTFLAGS (");
        self.flag_names(flags);
        self.out.extend_from_slice(b")] Kept\r\n");
    }

    fn flag_names(&mut self, flags: impl IntoIterator<Item = Flag>) {
        for (index, flag) in flags.into_iter().enumerate() {
            if index > 0 {
                self.out.push(b' ');
            }
            flag.encode(self.out);
        }
    }

    /// `* SEARCH n n n`, or a bare `* SEARCH`.
    pub fn search(&mut self, matches: impl IntoIterator<Item = SeqNum>) {
        self.begin_search();
        for seq in matches {
            self.search_match(seq);
        }
        self.end_search();
    }

    /// Begins `* SEARCH`, for more matches than one would keep in a buffer.
    pub fn begin_search(&mut self) {
        self.out.extend_from_slice(b"* SEARCH");
    }

    /// Adds a match to a `* SEARCH` that was begun.
    pub fn search_match(&mut self, seq: SeqNum) {
        self.out.push(b' ');
        push_number(self.out, u64::from(seq.get()));
    }

    /// Ends a `* SEARCH` that was begun.
    pub fn end_search(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }

    /// `* MAILBOX name`: an answer to FIND.
    pub fn mailbox(&mut self, name: &MailboxName) {
        self.found("* MAILBOX ", name);
    }

    /// `* BBOARD name`: an answer to FIND.
    pub fn bboard(&mut self, name: &MailboxName) {
        self.found("* BBOARD ", name);
    }

    fn found(&mut self, keyword: &str, name: &MailboxName) {
        self.out.extend_from_slice(keyword.as_bytes());
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// `* CAPABILITY words`.
    pub fn capability(&mut self, words: &str) {
        self.line(&["* CAPABILITY "], words);
    }

    /// Begins `* n FETCH (`.
    pub fn fetch(&mut self, seq: SeqNum) -> FetchWriter<'_> {
        FetchWriter::start(self.out, self.dialect, seq, "FETCH")
    }

    /// Begins `* n FETCH (`, for a writer that is needed for nothing else.
    pub fn into_fetch(self, seq: SeqNum) -> FetchWriter<'a> {
        FetchWriter::start(self.out, self.dialect, seq, "FETCH")
    }

    /// Goes on with a FETCH response behind a text that was [announced](FetchWriter::announce).
    pub fn into_rest_of_fetch(self) -> FetchWriter<'a> {
        FetchWriter {
            out: self.out,
            dialect: self.dialect,
            between: " ",
        }
    }

    /// Begins the reply to a STORE, which RFC 1064 called `STORE`.
    pub fn stored(&mut self, seq: SeqNum) -> FetchWriter<'_> {
        FetchWriter::start(self.out, self.dialect, seq, self.dialect.store_reply_key())
    }

    fn numbered(&mut self, number: u32, keyword: &str) {
        self.out.extend_from_slice(b"* ");
        push_number(self.out, u64::from(number));
        self.line(&[" "], keyword);
    }

    /// A line of our own words. Line ends cannot get in, whoever wrote the words.
    fn line(&mut self, words: &[&str], text: &str) {
        for word in words {
            self.out.extend_from_slice(word.as_bytes());
        }
        self.out.extend(
            text.bytes()
                .map(|byte| if byte.is_ascii_control() { b'?' } else { byte }),
        );
        self.out.extend_from_slice(b"\r\n");
    }
}

/// Writes the items of one FETCH response. Nothing is allocated per message.
#[derive(Debug)]
#[must_use = "a response ends with finish()"]
pub struct FetchWriter<'a> {
    out: &'a mut Vec<u8>,
    dialect: Dialect,
    between: &'static str,
}

/// Whether a message is shown as `\Recent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recent {
    /// New to this session.
    Yes,
    /// Seen by a session before.
    No,
}

/// The names of a mailbox's flags, ready for the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagNames(Vec<Vec<u8>>);

impl FlagNames {
    /// Spells out every flag the mailbox has.
    #[must_use]
    pub fn new(keywords: &Keywords) -> Self {
        let mut names = vec![Vec::new(); 64];
        for flag in FlagSet::SYSTEM.union(keywords.all()).iter() {
            let slot = names.get_mut(flag.bits().trailing_zeros() as usize);
            if let (Some(slot), Some(name)) = (slot, keywords.names(flag).next()) {
                name.encode(slot);
            }
        }
        Self(names)
    }

    fn of(&self, flag: FlagSet) -> &[u8] {
        self.0
            .get(flag.bits().trailing_zeros() as usize)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }
}

impl<'a> FetchWriter<'a> {
    fn start(out: &'a mut Vec<u8>, dialect: Dialect, seq: SeqNum, key: &str) -> Self {
        out.extend_from_slice(b"* ");
        push_number(out, u64::from(seq.get()));
        out.push(b' ');
        out.extend_from_slice(key.as_bytes());
        Self {
            out,
            dialect,
            between: " (",
        }
    }

    fn item(&mut self, name: &str) -> &mut Vec<u8> {
        self.out.extend_from_slice(self.between.as_bytes());
        self.between = " ";
        self.out.extend_from_slice(name.as_bytes());
        self.out
    }

    /// `FLAGS (...)`.
    pub fn flags(mut self, flags: FlagSet, recent: Recent, names: &FlagNames) -> Self {
        let out = self.item("FLAGS ");
        let mut before = b'(';
        for name in flags
            .iter()
            .map(|flag| names.of(flag))
            .filter(|name| !name.is_empty())
        {
            out.push(before);
            out.extend_from_slice(name);
            before = b' ';
        }
        if recent == Recent::Yes {
            out.push(before);
            out.extend_from_slice(b"\\Recent");
            before = b' ';
        }
        out.extend_from_slice(if before == b'(' { b"()" } else { b")" });
        self
    }

    /// `INTERNALDATE "..."`, in the dialect's form.
    pub fn internal_date(mut self, date: &InternalDate) -> Self {
        let form = self.dialect.date_form();
        let out = self.item("INTERNALDATE \"");
        match form {
            DateForm::Old => date.encode_old(out),
            DateForm::New => date.encode_new(out),
        }
        out.push(b'"');
        self
    }

    /// `RFC822.SIZE n`.
    pub fn size(mut self, octets: u32) -> Self {
        push_number(self.item("RFC822.SIZE "), u64::from(octets));
        self
    }

    /// `UID n`.
    pub fn uid(mut self, uid: u32) -> Self {
        push_number(self.item("UID "), u64::from(uid));
        self
    }

    /// `ENVELOPE (...)`.
    pub fn envelope(mut self, envelope: &Envelope) -> Self {
        envelope.encode(self.item("ENVELOPE "));
        self
    }

    /// `ENVELOPE` with a value that [`Envelope::encode`] rendered earlier.
    pub fn envelope_rendered(mut self, rendered: &[u8]) -> Self {
        self.item("ENVELOPE ").extend_from_slice(rendered);
        self
    }

    /// `BODY (...)`: the MIME structure.
    pub fn body(mut self, body: &Body) -> Self {
        body.encode(self.item("BODY "));
        self
    }

    /// `BODY` with a value that [`Body::encode`] rendered earlier.
    pub fn body_rendered(mut self, rendered: &[u8]) -> Self {
        self.item("BODY ").extend_from_slice(rendered);
        self
    }

    /// `RFC822` as a literal.
    pub fn rfc822(mut self, octets: &[u8]) -> Self {
        push_literal(self.item("RFC822 "), octets);
        self
    }

    /// `RFC822.HEADER` as a literal.
    pub fn header(mut self, octets: &[u8]) -> Self {
        push_literal(self.item("RFC822.HEADER "), octets);
        self
    }

    /// `RFC822.TEXT` as a literal.
    pub fn text(mut self, octets: &[u8]) -> Self {
        push_literal(self.item("RFC822.TEXT "), octets);
        self
    }

    /// `BODY[section]`: a literal, or NIL where the message has no such part.
    pub fn section(mut self, section: &Section, octets: Option<&[u8]>) -> Self {
        let out = self.item("BODY");
        section.encode(out);
        out.push(b' ');
        match octets {
            Some(octets) => push_literal(out, octets),
            None => out.extend_from_slice(b"NIL"),
        }
        self
    }

    /// Announces a text as a literal of `size` octets. Whoever called sends these next, so that a great text is copied
    /// nowhere, and goes on with [`ResponseWriter::into_rest_of_fetch`].
    pub fn announce(mut self, item: &FetchItem, size: usize) {
        let out = self.item("");
        item.encode(out);
        out.push(b' ');
        push_literal_header(out, size);
    }

    /// Ends the response.
    pub fn finish(self) {
        let end = if self.between == " " {
            ")\r\n"
        } else {
            " ()\r\n"
        };
        self.out.extend_from_slice(end.as_bytes());
    }
}

#[cfg(test)]
mod tests;
