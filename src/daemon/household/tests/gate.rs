//! A gate between a client and a server: it tells of each line that the client sends, and can hold one back.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::PATIENCE;

/// A gate that is open. Everything ends when it is dropped.
pub(super) struct Gate {
    pub(super) address: SocketAddr,
    seen: watch::Receiver<Vec<String>>,
    held: watch::Sender<Option<&'static str>>,
    _tasks: JoinSet<()>,
}

impl Gate {
    pub(super) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (saw, seen) = watch::channel(Vec::new());
        let held = watch::Sender::new(None);
        let holding = held.subscribe();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut passages = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                passages.spawn(pass(client, server, saw.clone(), holding.clone()));
            }
        });
        Self {
            address,
            seen,
            held,
            _tasks: tasks,
        }
    }

    /// Holds back the next line that has this word, and all behind it, or lets everything through.
    pub(super) fn hold(&self, word: Option<&'static str>) {
        self.held.send_replace(word);
    }

    /// How many lines have had this word.
    pub(super) fn count(&self, word: &str) -> usize {
        count(&self.seen.borrow(), word)
    }

    /// Waits until so many lines have had this word.
    pub(super) async fn sees(&self, word: &str, times: usize) {
        let mut seen = self.seen.clone();
        let enough = seen.wait_for(|lines| count(lines, word) >= times);
        drop(timeout(PATIENCE, enough).await.expect(word).unwrap());
    }
}

fn count(lines: &[String], word: &str) -> usize {
    lines.iter().filter(|line| line.contains(word)).count()
}

async fn pass(
    client: TcpStream,
    server: SocketAddr,
    saw: watch::Sender<Vec<String>>,
    mut holding: watch::Receiver<Option<&'static str>>,
) {
    let server = TcpStream::connect(server).await.unwrap();
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let upwards = async {
        let mut lines = BufReader::new(from_client);
        let mut line = Vec::new();
        while lines
            .read_until(b'\n', &mut line)
            .await
            .is_ok_and(|read| read > 0)
        {
            let text = String::from_utf8_lossy(&line).into_owned();
            saw.send_modify(|lines| lines.push(text.clone()));
            let is_free = |held: &Option<&str>| held.is_none_or(|held| !text.contains(held));
            drop(holding.wait_for(is_free).await);
            if to_server.write_all(&line).await.is_err() {
                return;
            }
            line.clear();
        }
    };
    let downwards = copy(&mut from_server, &mut to_client);
    tokio::select! {
        () = upwards => {}
        _ = downwards => {}
    }
}
