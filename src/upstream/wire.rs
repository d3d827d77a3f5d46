//! One connection: octets in and out, commands and their answers, and never a wait without an end.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::dial::AnyStream;
use super::error::UpstreamError;
use crate::protocol::client::{Client, Completion, Event, Greeting, ProtocolError, Stranger};
use crate::protocol::command::Command;
use crate::protocol::response::{Status, Untagged};
use crate::protocol::types::Tag;

/// A connection with its protocol state.
pub(super) struct Wire {
    stream: AnyStream,
    pub(super) client: Client,
    buffer: Vec<u8>,
    silence: Duration,
    /// The server's words, once it said BYE: nothing is sent any more. Row `1064-RESP-U-BYE`.
    goodbye: Option<String>,
    ended: Vec<Completion>,
    /// Whether some octets may have left, and not all that were to leave with them.
    is_half_sent: bool,
    /// Whether it could be told of this server which SEARCH it answers, as far as it was asked for several at once.
    pub(super) searches_at_once: bool,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl Wire {
    pub(super) fn new(stream: AnyStream, client: Client, silence: Duration) -> Self {
        Self {
            stream,
            client,
            buffer: vec![0; READ_BYTES],
            silence,
            goodbye: None,
            ended: Vec::new(),
            is_half_sent: false,
            searches_at_once: true,
        }
    }

    /// Whether a part of the last command never left: then the server cannot have carried it out.
    pub(super) fn has_unsent(&self) -> bool {
        self.is_half_sent || self.client.has_unsent()
    }

    /// Gives the stream back, for TLS to be laid over it.
    pub(super) fn into_stream(self) -> AnyStream {
        self.stream
    }

    /// Waits for the server's greeting.
    pub(super) async fn greeting(&mut self, patience: Duration) -> Result<Greeting, UpstreamError> {
        match self.event(patience, "waiting for its greeting").await? {
            Event::Greeting(greeting) => Ok(greeting),
            Event::Untagged(_)
            | Event::GoAhead
            | Event::Challenge(_)
            | Event::Completed(_)
            | Event::UnknownTag { .. }
            | Event::Bye(_) => Err(ProtocolError::NotImap(Stranger::Unknown).into()),
        }
    }

    /// Sends a command and reads everything up to its end; each untagged line goes to `hear`.
    pub(super) async fn run(
        &mut self,
        command: Command,
        hear: impl FnMut(Untagged) -> Result<(), UpstreamError>,
    ) -> Result<Completion, UpstreamError> {
        let tag = self.send(command)?;
        self.finish(tag, hear).await
    }

    /// Sends a command, as far as that can be done now.
    pub(super) fn send(&mut self, command: Command) -> Result<Tag, UpstreamError> {
        match &self.goodbye {
            None => Ok(self.client.send(command)),
            Some(text) => Err(UpstreamError::Closed { text: text.clone() }),
        }
    }

    /// Reads up to the end of a command that was sent.
    pub(super) async fn finish(
        &mut self,
        tag: Tag,
        mut hear: impl FnMut(Untagged) -> Result<(), UpstreamError>,
    ) -> Result<Completion, UpstreamError> {
        loop {
            if let Some(index) = self
                .ended
                .iter()
                .position(|completion| completion.tag == tag)
            {
                return Ok(self.ended.swap_remove(index));
            }
            match self.event(self.silence, "answering a command").await? {
                Event::Completed(completion) => self.ended.push(completion),
                Event::Untagged(untagged) => hear(untagged)?,
                Event::Bye(text) => self.goodbye = Some(text.to_string()),
                Event::Challenge(_) => self.client.cancel_authentication(),
                Event::UnknownTag { status, text } => {
                    tracing::debug!(?status, %text, "the end of a command that was never sent")
                }
                Event::GoAhead | Event::Greeting(_) => {}
            }
        }
    }

    /// Like [`Wire::run`], where anything but OK is an error.
    pub(super) async fn demand(
        &mut self,
        name: &'static str,
        command: Command,
        hear: impl FnMut(Untagged) -> Result<(), UpstreamError>,
    ) -> Result<Completion, UpstreamError> {
        let completion = self.run(command, hear).await?;
        accept(name, completion)
    }

    /// Ends the connection as the protocol wants it, without insisting.
    pub(super) async fn logout(&mut self, patience: Duration) {
        let farewell = async {
            drop(self.run(Command::Logout, |_| Ok(())).await);
            drop(self.stream.shutdown().await);
        };
        drop(timeout(patience, farewell).await);
    }

    /// The next thing that happens; whatever is to be sent is sent first.
    async fn event(
        &mut self,
        patience: Duration,
        doing: &'static str,
    ) -> Result<Event, UpstreamError> {
        loop {
            if let Some(event) = self.client.next_event()? {
                return Ok(event);
            }
            self.flush(patience, doing).await?;
            let silent = |_| UpstreamError::Silent {
                doing,
                after: patience,
            };
            let count = timeout(patience, self.stream.read(&mut self.buffer))
                .await
                .map_err(silent)?
                .map_err(|error| self.broken(error))?;
            if count == 0 {
                return Err(UpstreamError::Closed {
                    text: self.goodbye.take().unwrap_or_default(),
                });
            }
            self.client
                .receive(self.buffer.get(..count).unwrap_or_default());
        }
    }

    async fn flush(
        &mut self,
        patience: Duration,
        doing: &'static str,
    ) -> Result<(), UpstreamError> {
        let output = self.client.take_output();
        if output.is_empty() {
            return Ok(());
        }
        let silent = |_| UpstreamError::Silent {
            doing,
            after: patience,
        };
        self.is_half_sent = true;
        // A message may take long to be sent, as long as it goes on.
        for some in output.chunks(SENT_AT_ONCE) {
            let sent = timeout(patience, self.stream.write_all(some)).await;
            sent.map_err(silent)?.map_err(|error| self.broken(error))?;
        }
        let flushed = timeout(patience, self.stream.flush()).await;
        flushed
            .map_err(silent)?
            .map_err(|error| self.broken(error))?;
        self.is_half_sent = false;
        Ok(())
    }

    /// A connection that breaks after BYE was closed by the server, and its words say why.
    fn broken(&self, error: std::io::Error) -> UpstreamError {
        match &self.goodbye {
            None => UpstreamError::Io(error),
            Some(text) => UpstreamError::Closed { text: text.clone() },
        }
    }
}

/// Takes OK for an answer and nothing else.
pub(super) fn accept(
    command: &'static str,
    completion: Completion,
) -> Result<Completion, UpstreamError> {
    match completion.status {
        Status::Ok => Ok(completion),
        Status::No | Status::Bad => Err(UpstreamError::Refused {
            command,
            text: completion.text.to_string(),
        }),
    }
}

/// How much is read at once.
const READ_BYTES: usize = 64 * 1024;
/// How much is sent at once; each has its time.
const SENT_AT_ONCE: usize = 64 * 1024;
