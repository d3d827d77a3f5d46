//! What stands before an address.

use super::super::lex::push_unescaped;
use super::Token;
use crate::protocol::types::NString;

/// Words before an address: a name, or the address' local part, as it turns out.
#[derive(Default)]
pub(super) struct Phrase<'a> {
    /// All words, one space where there was any.
    pub(super) text: Vec<u8>,
    /// The last word, with those that dots join to it, without spaces: a local part.
    pub(super) run: Vec<u8>,
    /// Where in `text` that run begins; the space before it belongs to it.
    pub(super) run_at: usize,
    pub(super) has_words: bool,
    after_gap: bool,
    /// The first comment behind a word.
    pub(super) comment: Option<&'a [u8]>,
}

impl<'a> Phrase<'a> {
    /// Takes the next token that is none of the specials an address is made of.
    pub(super) fn add(&mut self, token: Token<'a>) {
        match token {
            Token::Gap => self.after_gap = true,
            Token::Comment(text) => {
                self.after_gap = true;
                if self.has_words {
                    self.comment.get_or_insert(text);
                }
            }
            Token::Word(word) => {
                let joins = !self.after_gap || self.run.ends_with(b".");
                self.push(word, joins);
            }
            Token::Special(b'.') => self.push(b".", true),
            Token::Special(_) => self.after_gap = true,
        }
    }

    fn push(&mut self, word: &[u8], joins: bool) {
        if !joins {
            self.run.clear();
            self.run_at = self.text.len();
        }
        if self.after_gap && !self.text.is_empty() {
            self.text.push(b' ');
        }
        push_unescaped(&mut self.text, word);
        push_unescaped(&mut self.run, word);
        self.has_words = true;
        self.after_gap = false;
    }

    /// The comment, as a name.
    pub(super) fn comment_text(&self) -> NString {
        let mut text = Vec::new();
        push_unescaped(&mut text, self.comment?.trim_ascii());
        Some(text)
    }
}
