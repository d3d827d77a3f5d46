//! A mail client whose line may break at any time.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

/// The line broke: whether the last command was taken, nobody knows.
#[derive(Debug)]
pub(crate) struct Gone;

/// A letter as a client sees it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) number: usize,
    pub(crate) subject: String,
    pub(crate) flags: BTreeSet<String>,
}

pub(crate) struct Client {
    lines: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn login(address: SocketAddr, user: &str, password: &str) -> Result<Self, Gone> {
        let stream = TcpStream::connect(address).map_err(|_| Gone)?;
        let mut client = Self {
            lines: BufReader::new(stream),
        };
        client.line()?;
        client.does(&format!("LOGIN {user} {password}"))?;
        Ok(client)
    }

    /// Sends a command, and returns what came back once it is done.
    pub(crate) fn does(&mut self, command: &str) -> Result<String, Gone> {
        self.send(&format!("t {command}\r\n"))?;
        self.told(command)
    }

    pub(crate) fn append(&mut self, subject: &str) -> Result<(), Gone> {
        let message = format!("Subject: {subject}\r\n\r\nebb\r\n");
        self.send(&format!("t APPEND INBOX {{{}}}\r\n", message.len()))?;
        loop {
            let line = self.line()?;
            assert!(!line.starts_with("t "), "{line}");
            if line.starts_with("+ ") {
                break;
            }
        }
        self.send(&format!("{message}\r\n"))?;
        self.told("APPEND").map(drop)
    }

    /// Opens INBOX; the letters whose headers are there by now, in order.
    pub(crate) fn open(&mut self) -> Result<Vec<Shown>, Gone> {
        let opened = self.does("SELECT INBOX")?;
        let count = opened.lines().find_map(|line| {
            let (count, rest) = line.strip_prefix("* ")?.split_once(' ')?;
            (rest == "EXISTS").then(|| count.parse::<usize>().unwrap())
        });
        let fetched = self.does(&format!("FETCH 1:{} (FLAGS RFC822.HEADER)", count.unwrap()))?;
        let mut letters = Vec::new();
        let (mut number, mut flags) = (0, BTreeSet::new());
        for line in fetched.lines() {
            if let Some((_, rest)) = line.split_once("(FLAGS (") {
                let (names, _) = rest.split_once(')').unwrap();
                let names = names.split_whitespace().filter(|name| *name != "\\Recent");
                flags = names.map(str::to_owned).collect();
                number += 1;
            } else if let Some(subject) = line.strip_prefix("Subject: ") {
                letters.push(Shown {
                    number,
                    subject: subject.to_owned(),
                    flags: std::mem::take(&mut flags),
                });
            }
        }
        assert_eq!(Some(number), count, "{fetched}");
        Ok(letters)
    }

    fn told(&mut self, command: &str) -> Result<String, Gone> {
        let mut answer = String::new();
        loop {
            let line = self.line()?;
            answer.push_str(&line);
            if line.starts_with("t ") {
                assert!(line.starts_with("t OK"), "{command}: {answer}");
                return Ok(answer);
            }
        }
    }

    fn send(&mut self, text: &str) -> Result<(), Gone> {
        let sent = self.lines.get_mut().write_all(text.as_bytes());
        sent.map_err(|_| Gone)
    }

    fn line(&mut self) -> Result<String, Gone> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(_) if line.ends_with('\n') => Ok(line),
            Ok(_) | Err(_) => Err(Gone),
        }
    }
}
