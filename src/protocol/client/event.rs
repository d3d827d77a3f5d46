//! What a server's line means to the client.

use crate::protocol::response::{Status, StatusText, Untagged};
use crate::protocol::types::Tag;

/// One thing that happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server's first line.
    Greeting(Greeting),
    /// Data or a message. Each line counts in the order it came.
    Untagged(Untagged),
    /// The server took a literal's announcement; what was held back is in the output now.
    GoAhead,
    /// `+` when no literal waits: a challenge of AUTHENTICATE.
    Challenge(StatusText),
    /// A command is over.
    Completed(Completion),
    /// The end of a command that was never sent; to be noted and otherwise ignored. Row `1064-LEX-TAG`.
    UnknownTag {
        /// How that command ended.
        status: Status,
        /// What the server says about it.
        text: StatusText,
    },
    /// The server is about to close the connection. Row `1064-RESP-U-BYE`.
    Bye(StatusText),
}

/// How a server greets. Rows `1064-GREET-OK`, `1064-GREET-BYE`, `2BIS-GREET-PREAUTH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// Login is wanted.
    Ok(StatusText),
    /// Login is not needed: the connection is already somebody's.
    PreAuth(StatusText),
    /// The server will not serve now. Nothing is ever sent on this connection.
    Bye(StatusText),
}

/// The tagged line that ends a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Which command.
    pub tag: Tag,
    /// How it ended.
    pub status: Status,
    /// What the server says about it.
    pub text: StatusText,
}
