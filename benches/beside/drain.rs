//! A client that reads answers as fast as they come and looks at nothing but their end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::sample::timed;

/// A session that is logged in.
pub(crate) struct Drain {
    stream: TcpStream,
    buffer: Vec<u8>,
    tag: u32,
}

/// What an answer took.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) seconds: f64,
    octets: usize,
}

impl Answer {
    #[expect(clippy::cast_precision_loss, reason = "a rate is read by people")]
    pub(crate) fn megabytes_a_second(self) -> f64 {
        self.octets as f64 / 1e6 / self.seconds
    }
}

impl Drain {
    pub(crate) fn login(address: SocketAddr, user: &str, password: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut drain = Self {
            stream,
            buffer: vec![0; 1 << 20],
            tag: 0,
        };
        drain.read_to("*");
        drain.run(&format!("LOGIN {user} {password}"));
        drain
    }

    /// Sends a command and reads to the end of its answer, which must be OK.
    pub(crate) fn run(&mut self, command: &str) -> Answer {
        self.tag += 1;
        // Such that no mail holds it at the beginning of a line.
        let tag = format!("zq{}x", self.tag);
        let mut octets = 0;
        let seconds = timed(|| {
            let line = format!("{tag} {command}\r\n");
            self.stream.write_all(line.as_bytes()).unwrap();
            let last;
            (octets, last) = self.read_to(&tag);
            assert!(last.starts_with(&format!("{tag} OK")), "{command}: {last}");
        });
        Answer { seconds, octets }
    }

    /// Reads until the last whole line begins with `tag`; gives the number of octets, and that line.
    fn read_to(&mut self, tag: &str) -> (usize, String) {
        let (mut octets, mut tail) = (0, Vec::new());
        loop {
            let count = self.stream.read(&mut self.buffer).unwrap();
            assert!(count > 0, "the server closed the connection");
            octets += count;
            let chunk = &self.buffer[..count];
            tail.extend_from_slice(&chunk[count.saturating_sub(TAIL)..]);
            tail.drain(..tail.len().saturating_sub(TAIL));
            if let Some(text) = tail.strip_suffix(b"\r\n") {
                let start = text.iter().rposition(|byte| *byte == b'\n');
                let last = &text[start.map_or(0, |at| at + 1)..];
                if last.starts_with(tag.as_bytes()) {
                    return (octets, String::from_utf8_lossy(last).into_owned());
                }
            }
        }
    }
}

/// Longer than any last line.
const TAIL: usize = 4096;
