//! Servers that do as they are told, and a client as simple as can be.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// What an answer may be instead of words: the line breaks.
pub(super) const HANG_UP: &str = "hang up";

/// A server that greets, then answers each line with what `answer` makes of its tag and the rest.
pub(super) fn server(
    greeting: &'static str,
    answer: impl Fn(&str, &str) -> String + Send + Sync + Copy + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            drop(converse(stream, greeting, answer));
        }
    });
    address
}

fn converse(
    stream: TcpStream,
    greeting: &str,
    answer: impl Fn(&str, &str) -> String,
) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    writer.write_all(greeting.as_bytes())?;
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        let (tag, rest) = line.trim_end().split_once(' ').unwrap_or_default();
        let answer = answer(tag, rest);
        if answer == HANG_UP {
            break;
        }
        writer.write_all(answer.as_bytes())?;
        line.clear();
    }
    Ok(())
}

/// An address at which nobody listens.
pub(super) fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// A mail client over TCP.
pub(super) struct Client {
    lines: BufReader<TcpStream>,
}

impl Client {
    /// Connects and logs in.
    pub(super) fn login(address: SocketAddr, user: &str, password: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        let mut client = Self {
            lines: BufReader::new(stream),
        };
        assert!(client.line().starts_with("* OK "));
        client.does(&format!("LOGIN {user} {password}"));
        client
    }

    /// Sends a command, and returns what came back once it is done.
    #[track_caller]
    pub(super) fn does(&mut self, command: &str) -> String {
        self.send(&format!("t {command}\r\n"));
        let mut answer = String::new();
        loop {
            let line = self.line();
            answer.push_str(&line);
            if line.starts_with("t ") {
                assert!(line.starts_with("t OK"), "{command}: {answer}");
                return answer;
            }
        }
    }

    /// Puts a message into a mailbox.
    pub(super) fn append(&mut self, mailbox: &str, message: &str) {
        self.send(&format!("t APPEND {mailbox} {{{}}}\r\n", message.len()));
        assert!(self.line().starts_with("+ "));
        self.send(&format!("{message}\r\n"));
        let answer = self.line();
        assert!(answer.starts_with("t OK"), "{answer}");
    }

    pub(super) fn send(&mut self, text: &str) {
        self.lines.get_mut().write_all(text.as_bytes()).unwrap();
    }

    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "it hung up");
        line
    }
}
