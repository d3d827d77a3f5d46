//! A mail client of a few lines: it says a command and listens until the answer is complete.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::DemoError;

/// A client on one end of a pipe, with the endpoint on the other.
pub(super) struct MailClient {
    io: DuplexStream,
    heard: Vec<u8>,
    said: u32,
}

impl MailClient {
    /// Connects, and waits for the greeting.
    pub(super) async fn connect(io: DuplexStream) -> Result<Self, DemoError> {
        let mut client = Self {
            io,
            heard: Vec::new(),
            said: 0,
        };
        client.hear_until(|heard| heard.ends_with(b"\r\n")).await?;
        client.heard.clear();
        Ok(client)
    }

    /// Says a command; gives everything up to its end. Anything but OK is an error.
    pub(super) async fn say(&mut self, command: &str) -> Result<Vec<u8>, DemoError> {
        let tag = self.begin(command).await?;
        self.finish(&tag, command).await
    }

    /// Appends a message.
    pub(super) async fn append(
        &mut self,
        mailbox: &str,
        flags: &str,
        date: &str,
        octets: &[u8],
    ) -> Result<(), DemoError> {
        let command = format!("APPEND {mailbox} ({flags}) \"{date}\" {{{}}}", octets.len());
        let tag = self.begin(&command).await?;
        self.hear_until(|heard| heard.ends_with(b"\r\n")).await?;
        if !self.heard.starts_with(b"+") {
            return self.finish(&tag, &command).await.map(drop);
        }
        self.heard.clear();
        self.io.write_all(octets).await?;
        self.io.write_all(b"\r\n").await?;
        self.finish(&tag, &command).await.map(drop)
    }

    async fn begin(&mut self, command: &str) -> Result<String, DemoError> {
        self.said = self.said.saturating_add(1);
        let tag = format!("d{:03}", self.said);
        self.io
            .write_all(format!("{tag} {command}\r\n").as_bytes())
            .await?;
        Ok(tag)
    }

    async fn finish(&mut self, tag: &str, command: &str) -> Result<Vec<u8>, DemoError> {
        let prefix = format!("{tag} ").into_bytes();
        self.hear_until(|heard| last_line(heard).is_some_and(|line| line.starts_with(&prefix)))
            .await?;
        let heard = std::mem::take(&mut self.heard);
        let ok =
            last_line(&heard).is_some_and(|line| line.starts_with(format!("{tag} OK").as_bytes()));
        if ok {
            Ok(heard)
        } else {
            Err(DemoError::Refused {
                command: command.to_owned(),
                answer: String::from_utf8_lossy(&heard).into_owned(),
            })
        }
    }

    async fn hear_until(&mut self, enough: impl Fn(&[u8]) -> bool) -> Result<(), DemoError> {
        while !enough(&self.heard) {
            if self.io.read_buf(&mut self.heard).await? == 0 {
                return Err(DemoError::HungUp);
            }
        }
        Ok(())
    }
}

/// The last complete line.
fn last_line(heard: &[u8]) -> Option<&[u8]> {
    let whole = heard.strip_suffix(b"\r\n")?;
    whole.rsplit(|&octet| octet == b'\n').next()
}
