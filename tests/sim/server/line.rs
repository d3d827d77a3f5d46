//! Commands come, and answers go: one after the other, but for searches where the server does several at a time.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};

use super::Server;
use crate::life::trace;

/// Searches that came at once: what they found, and their ends.
#[derive(Default)]
struct Searches {
    found: Vec<Vec<u8>>,
    ends: String,
}

impl Server {
    /// Serves until the client is gone.
    pub(crate) async fn serve(mut self, stream: DuplexStream) {
        let mut io = BufReader::new(stream);
        if io.get_mut().write_all(b"* OK ready\r\n").await.is_err() {
            return;
        }
        let mut searches = Searches::default();
        while let Some((tag, command)) = self.hear(&mut io).await {
            let verdict = self.answer(&command);
            let has_strayed = self.has_moved && command.starts_with("STORE");
            if has_strayed
                && self
                    .chance
                    .percent(if self.manners.frail { 70 } else { 20 })
            {
                // The line breaks before anybody has heard of it.
                self.model.borrow_mut().is_torn = true;
                trace(|| format!("C: {command}\nthe line breaks"));
                break;
            }
            self.model.borrow_mut().is_being_read =
                command.ends_with(" RFC822") || command.starts_with("STORE");
            let end = format!("{tag} {verdict}\r\n");
            let mut told = std::mem::take(&mut self.told);
            if self.manners.hurries && command.starts_with("SEARCH") {
                searches.found.push(told);
                searches.ends.push_str(&end);
                if another_search(io.buffer()) {
                    continue;
                }
                told = self.tell(std::mem::take(&mut searches));
            } else {
                told.extend(end.into_bytes());
            }
            trace(|| {
                let told = String::from_utf8_lossy(&told);
                format!("C: {command}\n{}", told.trim_end())
            });
            if io.get_mut().write_all(&told).await.is_err() || command == "LOGOUT" {
                break;
            }
        }
        self.leave();
    }

    /// The next command, and the message that it brings.
    async fn hear(&mut self, io: &mut BufReader<DuplexStream>) -> Option<(String, String)> {
        let mut line = String::new();
        io.read_line(&mut line).await.ok()?;
        let (tag, command) = line.strip_suffix("\r\n")?.split_once(' ').unwrap();
        self.literal = Vec::new();
        if let Some((_, count)) = command.split_once('{') {
            self.literal = vec![0; count.trim_end_matches('}').parse().unwrap()];
            io.get_mut().write_all(b"+ go on\r\n").await.ok()?;
            io.read_exact(&mut self.literal).await.ok()?;
            io.read_exact(&mut [0; 2]).await.ok()?;
        }
        Some((tag.to_owned(), command.to_owned()))
    }

    /// What was found comes before the first end, and who is first is chance.
    fn tell(&mut self, mut searches: Searches) -> Vec<u8> {
        let is_one = |found: &Vec<u8>| found.iter().filter(|octet| **octet == b'\n').count() == 1;
        if searches.found.iter().all(is_one) {
            let first = self.chance.below(searches.found.len());
            searches.found.rotate_left(first);
        }
        let mut told = searches.found.concat();
        told.extend(searches.ends.into_bytes());
        told
    }
}

fn another_search(ahead: &[u8]) -> bool {
    let line = ahead
        .split(|octet| *octet == b'\n')
        .next()
        .unwrap_or_default();
    line.ends_with(b"\r") && line.windows(8).any(|word| word == b" SEARCH ")
}
