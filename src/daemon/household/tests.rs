//! Accounts as they come, change and go, and what their tasks do at a server. The server is another lowtide; between it and
//! the household stands a gate that tells of each command, and can hold one back.

mod gate;
mod rounds;

use std::path::Path;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::daemon::control::{AccountStatus, Answer, Request};
use crate::endpoint::{Endpoint, EndpointSettings, Peer};
use crate::store::{Kind, Store};

/// A household, and mail clients of it.
struct House {
    household: Household,
    endpoint: Endpoint,
    clients: JoinSet<()>,
    stop: watch::Sender<bool>,
    dir: TempDir,
}

impl House {
    async fn open(accounts: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut household = Household::open(&config(dir.path(), accounts))
            .await
            .unwrap();
        household.start();
        Self {
            endpoint: Endpoint::new(EndpointSettings::default(), household.accounts()),
            household,
            clients: JoinSet::new(),
            stop: watch::Sender::new(false),
            dir,
        }
    }

    /// What happens once the configuration file has other accounts.
    async fn rearrange(&mut self, accounts: &str) {
        let config = config(self.dir.path(), accounts);
        self.household.rearrange(&config).await;
    }

    /// A mail client that is logged in to an account.
    async fn client(&mut self, account: &str) -> BufReader<DuplexStream> {
        let (ours, theirs) = duplex(1 << 16);
        let (endpoint, stop) = (self.endpoint.clone(), self.stop.subscribe());
        let peer = Peer::Owner(account.parse().unwrap());
        self.clients
            .spawn(async move { endpoint.serve(theirs, peer, stop).await });
        let mut client = BufReader::new(ours);
        assert!(line(&mut client).await.starts_with("* PREAUTH "));
        client
    }

    async fn ask(&self, request: Request) -> Answer {
        let desk = self.household.desk().borrow().clone();
        let (ticks, _) = tokio::sync::mpsc::channel(1);
        desk.answer(request, ticks).await
    }

    async fn status(&self, account: &str) -> AccountStatus {
        let Answer::Status(accounts) = self.ask(Request::Status).await else {
            panic!("no status");
        };
        let mut accounts = accounts.into_iter();
        accounts.find(|status| status.name == account).unwrap()
    }

    fn store(&self, account: &str) -> Store {
        self.household.accounts().borrow()[account].clone()
    }
}

fn config(dir: &Path, accounts: &str) -> Config {
    let text = format!("{accounts}\n[storage]\ndata-dir = \"data\"\n");
    Config::parse(&dir.join("config.toml"), &text).unwrap()
}

async fn line(client: &mut BufReader<DuplexStream>) -> String {
    let mut line = String::new();
    let read = client.read_line(&mut line);
    timeout(PATIENCE, read).await.expect("a line").unwrap();
    line
}

/// An account whose server is never there.
const MIRROR: &str = "[account.attic]\ntunnel = [\"/bin/false\"]\n";
const LOCAL: &str = "[account.attic]\n[account.cellar]\n";
/// For what must happen, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_account_changes_its_kind_while_a_mail_client_is_connected() {
    let mut house = House::open(LOCAL).await;
    for (accounts, kind) in [(MIRROR, Kind::Mirror), (LOCAL, Kind::Local)] {
        let mut client = house.client("attic").await;
        house.rearrange(accounts).await;
        assert!(line(&mut client).await.starts_with("* BYE "));
        assert_eq!(house.store("attic").kind(), kind);
        house.client("attic").await;
    }
}

#[tokio::test]
async fn an_account_that_goes_is_closed_to_its_clients_and_can_come_back() {
    let mut house = House::open(LOCAL).await;
    let mut gone = house.client("cellar").await;
    let mut stays = house.client("attic").await;
    house.rearrange("[account.attic]").await;
    assert!(line(&mut gone).await.starts_with("* BYE "));
    // Nobody has the files any more.
    let dir = house.dir.path().join("data/cellar");
    Store::open(&dir, Kind::Local).unwrap().close().await;
    house.rearrange(LOCAL).await;
    house.client("cellar").await;
    stays.write_all(b"a NOOP\r\n").await.unwrap();
    assert!(line(&mut stays).await.starts_with("a OK "));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_cannot_be_opened_stays_and_is_tried_again() {
    let mut house = House::open("[account.attic]").await;
    let elsewhere = Store::open(&house.dir.path().join("data/cellar"), Kind::Local);
    let mut elsewhere = Some(elsewhere.unwrap());
    house.rearrange(LOCAL).await;
    let status = house.status("cellar").await;
    assert_eq!(status.state, "closed");
    assert!(status.failure.unwrap().what.contains("in use by"));
    assert_eq!(house.status("attic").await.state, "local");
    for state in ["closed", "local"] {
        assert!(matches!(house.household.news().await, News::Retry));
        house.household.retry().await;
        assert_eq!(house.status("cellar").await.state, state);
        if let Some(elsewhere) = elsewhere.take() {
            elsewhere.close().await;
        }
    }
    house.client("cellar").await;
}

#[tokio::test]
async fn of_several_accounts_one_that_cannot_be_opened_keeps_no_other_away() {
    let dir = tempfile::tempdir().unwrap();
    let attic = Store::open(&dir.path().join("data/attic"), Kind::Local).unwrap();
    let mut household = Household::open(&config(dir.path(), LOCAL)).await.unwrap();
    household.start();
    let names: Vec<String> = household
        .accounts()
        .borrow()
        .keys()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["cellar"]);
    let alone = Household::open(&config(dir.path(), "[account.attic]")).await;
    assert!(matches!(alone, Err(DaemonError::Account { account, .. }) if account == "attic"));
    drop(attic);
}

#[tokio::test]
async fn offline_outlasts_another_configuration() {
    let mut house = House::open(MIRROR).await;
    let offline = Request::SetOnline {
        account: None,
        online: false,
    };
    assert_eq!(house.ask(offline).await, Answer::Done { changed: true });
    house.rearrange(&format!("{MIRROR}poll = \"7m\"\n")).await;
    let sync = Request::Sync {
        account: None,
        mailbox: None,
        dry_run: false,
    };
    let Answer::Synced(synced) = house.ask(sync).await else {
        panic!("not synced");
    };
    let failure = synced[0].failure.as_ref().unwrap();
    assert_eq!(failure.what, "the account is kept offline");
    assert_eq!(house.status("attic").await.state, "offline");
}
