//! A server that plays from a script.
//!
//! - `S:` what it sends; `x` at the start stands for the tag of the client's last command, and `«text»` for a literal,
//!   with `¶` for CRLF;
//! - `C:` what the client has to send next, with `x` for any tag; behind a `{n}` the line has none, and `¶` stands for each
//!   CRLF of the literal;
//! - `HANG UP`: it closes the connection, whatever the script goes on with; at the end of a script the client has to;
//! - `--`: the client has to connect anew.
//!
//! Two exchanges are told in a line:
//!
//! - `LOOK n (flags)`: the client fetches the flags of a message and is shown these;
//! - `CHECK`: the client sends that, and the server says OK.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Plays a script to its end.
pub(super) async fn play(listener: TcpListener, script: &str) {
    let lines: Vec<String> = script.lines().map(|line| in_full(line.trim())).collect();
    let script = lines.join("\n");
    let lines: Vec<&str> = script.lines().collect();
    for connection in lines.split(|line| *line == "--") {
        let (stream, _) = listener.accept().await.unwrap();
        let mut server = Server {
            io: BufReader::new(stream),
            tag: String::new(),
            announced: None,
        };
        server.play(connection).await;
    }
}

/// What a line stands for.
fn in_full(line: &str) -> String {
    match line.splitn(3, ' ').collect::<Vec<_>>().as_slice() {
        ["LOOK", seq, flags] => {
            format!("C: x FETCH {seq} FLAGS\nS: * {seq} FETCH (FLAGS {flags})\nS: x OK")
        }
        ["CHECK"] => "C: x CHECK\nS: x OK".to_owned(),
        _ => line.to_owned(),
    }
}

struct Server {
    io: BufReader<TcpStream>,
    tag: String,
    /// How many octets the client goes on with, after a literal's announcement, and then with the rest of its line.
    announced: Option<usize>,
}

impl Server {
    async fn play(&mut self, script: &[&str]) {
        for line in script.iter().filter(|line| !line.is_empty()) {
            match (*line, line.split_at(line.len().min(3))) {
                ("HANG UP", _) => return,
                (_, ("S: ", text)) => self.send(text).await,
                (_, ("C: ", text)) => assert_eq!(self.heard().await, text, "{script:#?}"),
                _ => panic!("what is {line}?"),
            }
        }
        assert_eq!(self.heard().await, "", "after the end of {script:#?}");
    }

    async fn send(&mut self, text: &str) {
        let mut octets = Vec::new();
        if let Some(rest) = text.strip_prefix("x ") {
            octets.extend(format!("{} {}", self.tag, wire(rest)).into_bytes());
        } else {
            octets.extend(wire(text).into_bytes());
        }
        octets.extend(b"\r\n");
        self.io.get_mut().write_all(&octets).await.unwrap();
    }

    /// The client's next line, with `x` for its tag; nothing at the end of the connection.
    async fn heard(&mut self) -> String {
        let literal = self.announced.take();
        let mut octets = vec![0; literal.unwrap_or_default()];
        self.io.read_exact(&mut octets).await.unwrap();
        let mut line = String::from_utf8(octets).unwrap().replace("\r\n", "¶");
        self.io.read_line(&mut line).await.unwrap_or_default();
        let line = line.trim_end_matches("\r\n").to_owned();
        let announced = line
            .strip_suffix('}')
            .and_then(|line| line.rsplit_once('{'));
        self.announced = announced.and_then(|(_, count)| count.parse().ok());
        match line.split_once(' ') {
            Some((tag, command)) if literal.is_none() => {
                self.tag = tag.to_owned();
                format!("x {command}")
            }
            _ => line,
        }
    }
}

/// A line with its literals as they go over the wire.
fn wire(text: &str) -> String {
    let mut pieces = text.split('«');
    let mut line = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (literal, rest) = piece.split_once('»').expect("a closing »");
        let literal = literal.replace('¶', "\r\n");
        line.push_str(&format!("{{{}}}\r\n{literal}{rest}", literal.len()));
    }
    line
}
