//! What an account's task does at its server, and when.

use std::fs::{self, Permissions};
use std::future::ready;
use std::os::unix::fs::PermissionsExt;

use super::gate::Gate;
use super::*;
use crate::daemon::account::{Link, Standing};
use crate::daemon::control::{AccountSync, FailureKind};
use crate::endpoint::{Listener, PasswordDigest};
use crate::id::{MailboxId, MessageId};
use crate::journal::{Action, NewEntry};
use crate::protocol::types::{FlagDelta, FlagSet, MailboxName};

/// A server with the mailboxes INBOX and notes, a gate before it, and a house with a mirror of it: the account `attic`.
struct Coast {
    house: House,
    gate: Gate,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    _files: TempDir,
    _accounts: watch::Sender<Accounts>,
}

impl Coast {
    /// Once the mirror has been brought up to date.
    async fn mirrored(more: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let server = Store::open(&files.path().join("harbour"), Kind::Local).unwrap();
        server.create_mailbox(name("notes")).await.unwrap();
        let accounts = Accounts::from([("harbour".parse().unwrap(), server)]);
        let accounts = watch::Sender::new(accounts);
        let settings = EndpointSettings {
            password: Some(PasswordDigest::of(b"low water")),
            ..EndpointSettings::default()
        };
        let endpoint = Endpoint::new(settings, accounts.subscribe());
        deliver(&endpoint).await;
        let mut listener = Listener::new();
        let anywhere = "127.0.0.1:0".parse().unwrap();
        listener.bind_tcp(&[anywhere]).unwrap();
        let gate = Gate::before(listener.tcp_addresses()[0]).await;
        let (stop, mut tasks) = (watch::Sender::new(false), JoinSet::new());
        tasks.spawn(listener.run(endpoint, stop.subscribe()));
        let mut coast = Self {
            house: House::open("[account.cellar]").await,
            gate,
            stop,
            tasks,
            _files: files,
            _accounts: accounts,
        };
        coast.keep_password("low water");
        coast.rearrange(more).await;
        // On a server of IMAP2 each round ends with a logout.
        coast.gate.sees("LOGOUT", 1).await;
        coast
    }

    async fn rearrange(&mut self, more: &str) {
        let config = self.config(more);
        self.house.household.rearrange(&config).await;
    }

    fn config(&self, more: &str) -> Config {
        let port = self.gate.address.port();
        let account = format!(
            "[account.attic]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nuser = \"harbour\"\n\
             password = {{ file = \"password\" }}\nprotocol = \"imap2\"\n{more}\n"
        );
        config(self.house.dir.path(), &account)
    }

    /// Where the mirror finds the password for the server.
    fn keep_password(&self, password: &str) {
        let path = self.house.dir.path().join("password");
        fs::write(&path, password).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }

    async fn stands(&self, what: &str, is_so: impl FnMut(&Standing) -> bool) {
        let desk = self.house.household.desk().borrow().clone();
        let mut standing = desk.counters["attic"].keeper.clone().unwrap().standing;
        let so = standing.wait_for(is_so);
        drop(timeout(PATIENCE, so).await.expect(what).unwrap());
    }

    /// The mirror's INBOX and the message in it.
    async fn message(&self) -> (Store, MailboxId, MessageId, FlagSet) {
        let store = self.house.store("attic");
        let inbox = store.mailbox(&MailboxName::inbox()).unwrap();
        let view = store.view(inbox).await.unwrap();
        let (row, flags) = view.messages().next().unwrap();
        (store, inbox, row.id, flags)
    }

    /// What a mail client does: the message is flagged, or no longer.
    async fn flag(&self) {
        let (store, inbox, message, flags) = self.message().await;
        let other = if flags.contains(FlagSet::FLAGGED) {
            flags.minus(FlagSet::FLAGGED)
        } else {
            flags.union(FlagSet::FLAGGED)
        };
        let action = Action::Flags(FlagDelta::between(flags, other));
        let wish = NewEntry { message, action };
        let accepted = store.accept(inbox, vec![wish]).await.unwrap();
        assert_eq!(accepted.accepted_count, 1);
    }

    async fn end(mut self) {
        self.house.household.stop().await.unwrap();
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

fn name(text: &str) -> MailboxName {
    MailboxName::from_bytes(text.as_bytes()).unwrap()
}

/// Puts a message into the server's INBOX.
async fn deliver(endpoint: &Endpoint) {
    let (ours, theirs) = duplex(1 << 16);
    let stop = watch::Sender::new(false);
    let peer = Peer::Owner("harbour".parse().unwrap());
    let serve = endpoint.serve(theirs, peer, stop.subscribe());
    let letter = "Subject: tide tables\r\n\r\nHigh water at noon.\r\n";
    let send = async {
        let mut client = ours;
        let append = format!(
            "a APPEND INBOX {{{}}}\r\n{letter}\r\nb LOGOUT\r\n",
            letter.len()
        );
        client.write_all(append.as_bytes()).await.unwrap();
        let mut told = String::new();
        client.read_to_string(&mut told).await.unwrap();
        assert!(told.contains("a OK "), "{told}");
    };
    tokio::join!(serve, send);
}

fn sync() -> Request {
    Request::Sync {
        account: None,
        mailbox: None,
        dry_run: false,
    }
}

fn synced(answer: Answer) -> AccountSync {
    let Answer::Synced(mut accounts) = answer else {
        panic!("{answer:?}");
    };
    accounts.pop().unwrap()
}

#[tokio::test]
async fn however_often_a_message_is_flagged_the_other_mailboxes_are_looked_at() {
    let mut coast = Coast::mirrored("").await;
    let mut config = coast.config("");
    for account in config.accounts.values_mut() {
        account.upstream.as_mut().unwrap().poll = Duration::from_secs(1);
    }
    coast.house.household.rearrange(&config).await;
    coast.gate.sees("LOGOUT", 2).await;
    let polled = coast.gate.count("notes");
    let flagging = async {
        while coast.gate.count("notes") == polled {
            let rounds = coast.gate.count("LOGIN");
            coast.flag().await;
            coast.gate.sees("LOGIN", rounds.saturating_add(1)).await;
        }
    };
    timeout(PATIENCE, flagging).await.expect("a look at notes");
    coast.end().await;
}

#[tokio::test]
async fn a_refused_login_is_not_tried_again_for_each_flag() {
    let mut coast = Coast::mirrored("").await;
    coast.keep_password("high water");
    coast.rearrange("poll = \"7m\"").await;
    let refused = |standing: &Standing| matches!(standing.link, Link::Failed(_));
    coast.stands("refused", refused).await;
    for _ in 0..5 {
        coast.flag().await;
    }
    // Whoever wants a text meanwhile hears at once that it will not come; by then the bells have been heard as well.
    let (store, inbox, message, _) = coast.message().await;
    let wished = [message];
    let wish = store.want_bodies(inbox, &wished, PATIENCE.saturating_mul(2));
    timeout(PATIENCE, wish).await.expect("an early answer");
    assert_eq!(coast.gate.count("LOGIN"), 2);
    let failure = synced(coast.house.ask(sync()).await).failure.unwrap();
    assert_eq!(failure.kind, FailureKind::Login);
    assert_eq!(coast.gate.count("LOGIN"), 3);
    coast.keep_password("low water");
    let done = synced(coast.house.ask(sync()).await);
    assert_eq!((done.failure, done.pending_count), (None, 0));
    assert_eq!(coast.house.status("attic").await.state, "online");
    coast.end().await;
}

#[tokio::test]
async fn a_text_that_is_wanted_during_a_round_is_not_given_up_with_it() {
    let coast = Coast::mirrored("[account.attic.keep]\nbodies = \"headers\"").await;
    let (store, inbox, message, _) = coast.message().await;
    assert_eq!(store.bodies(vec![message]).await.unwrap(), [None]);
    let looks = coast.gate.count("notes");
    coast.gate.hold(Some("notes"));
    let want = async {
        // By now the round is through with INBOX.
        coast.gate.sees("notes", looks.saturating_add(1)).await;
        let wished = [message];
        let wish = store.want_bodies(inbox, &wished, PATIENCE.saturating_mul(2));
        tokio::pin!(wish);
        tokio::select! {
            biased;
            () = &mut wish => panic!("nobody can have fetched it"),
            () = ready(()) => coast.gate.hold(None),
        }
        timeout(PATIENCE, wish).await.expect("the text");
    };
    let (round, ()) = tokio::join!(coast.house.ask(sync()), want);
    assert_eq!(synced(round).failure, None);
    assert!(store.bodies(vec![message]).await.unwrap()[0].is_some());
    coast.end().await;
}

#[tokio::test]
async fn a_mailbox_that_does_not_open_is_no_trouble_of_the_account() {
    let coast = Coast::mirrored("mailboxes = [\"INBOX\", \"nope\"]").await;
    let told = |standing: &Standing| standing.troubles.contains_key(&name("nope"));
    coast.stands("trouble", told).await;
    let status = coast.house.status("attic").await;
    assert_eq!((status.state.as_str(), status.failure), ("online", None));
    let failed: Vec<&str> = status
        .mailboxes
        .iter()
        .filter(|mailbox| mailbox.failure.is_some())
        .map(|mailbox| mailbox.name.as_str())
        .collect();
    assert_eq!(failed, ["nope"]);
    coast.end().await;
}

#[tokio::test]
async fn a_mailbox_that_is_left_out_is_not_called_gone() {
    let mut coast = Coast::mirrored("").await;
    coast.rearrange("mailboxes = [\"INBOX\"]").await;
    coast.gate.sees("LOGOUT", 2).await;
    let mailboxes = coast.house.status("attic").await.mailboxes;
    let shown: Vec<_> = mailboxes
        .iter()
        .map(|mailbox| {
            (
                mailbox.name.as_str(),
                mailbox.is_mirrored,
                mailbox.on_server,
            )
        })
        .collect();
    assert_eq!(shown, [("INBOX", true, true), ("notes", false, true)]);
    coast.end().await;
}

#[tokio::test]
async fn who_waits_for_a_visit_is_told_why_it_was_given_up() {
    let mut coast = Coast::mirrored("").await;
    for (kind, times) in [(FailureKind::Offline, 2), (FailureKind::Interrupted, 3)] {
        coast.gate.hold(Some("notes"));
        let desk = coast.house.household.desk().borrow().clone();
        let (ticks, _) = tokio::sync::mpsc::channel(1);
        let visit = desk.answer(sync(), ticks);
        let give_up = async {
            coast.gate.sees("notes", times).await;
            if kind == FailureKind::Offline {
                let online = &desk.counters["attic"].keeper.as_ref().unwrap().online;
                online.send_replace(false);
            } else {
                coast.house.rearrange("[account.cellar]").await;
            }
        };
        let (answer, ()) = tokio::join!(visit, give_up);
        assert_eq!(synced(answer).failure.unwrap().kind, kind);
        coast.gate.hold(None);
        if let Some(keeper) = &desk.counters["attic"].keeper {
            keeper.online.send_replace(true);
        }
    }
    coast.end().await;
}
