//! One life: a user who reads offline, other clients, a server with its manners, lines that break and a process that dies.
//! Then everything goes well for a while, and both sides have to agree.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lowtide::daemon::{self, Keep, PassOptions, Progress};
use lowtide::id::{EntryId, MailboxId};
use lowtide::journal::EntryState;
use lowtide::mirror::{Brakes, Policy};
use lowtide::protocol::types::{FlagDelta, FlagSet, MailboxName, Password};
use lowtide::store::{EntryRow, Execution, Kind, Store};
use lowtide::upstream::{
    Allowance, Credentials, Level, Patience, Security, Server as Address, Session, Transport,
};

use crate::link::{Link, Traffic};
use crate::manners::Manners;
use crate::model::{DELETED, Look, Model, NAMES, Place, SEEN, Who};
use crate::random::Random;
use crate::server::Server;
use crate::user::{User, look};

/// What a life came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) connections: usize,
    pub(crate) wishes: usize,
    pub(crate) crashes: usize,
    pub(crate) cuts: usize,
    pub(crate) conflicts: usize,
    pub(crate) waiting: usize,
    pub(crate) mistakes: usize,
    /// Mistakes that were told and were none of ours.
    pub(crate) accusations: usize,
    /// Lives that came to rest only when mail came.
    pub(crate) needing_mail: usize,
    /// How often the cache was deleted.
    pub(crate) losses: usize,
}

/// Everything that lives through a life.
pub(crate) struct Life<'a> {
    pub(crate) seed: u64,
    dir: &'a Path,
    pub(crate) chance: Random,
    pub(crate) model: Rc<RefCell<Model>>,
    pub(crate) manners: Manners,
    /// Whether the last connection failed: the next one lists everything, as the daemon's does.
    is_second_try: bool,
    pub(crate) options: PassOptions,
    pub(crate) store: Option<Store>,
    /// The writes that are left before the process dies; `u64::MAX` for a process that does not.
    until_death: Arc<AtomicU64>,
    pub(crate) user: User,
    pub(crate) tally: Tally,
    /// The octets of the last connection.
    pub(crate) traffic: Arc<Traffic>,
}

/// How one connection goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// How many octets come before the line is cut.
    pub(crate) incoming: usize,
    /// How many go.
    pub(crate) outgoing: usize,
    /// How often the process writes, or has just written, before it dies.
    pub(crate) writes: u64,
    pub(crate) is_user_there: bool,
}

/// From this life on, those who live it do not take care of their files.
pub(crate) const CARELESS: u64 = 1 << 32;

pub(crate) const CALM: Weather = Weather {
    incoming: usize::MAX,
    outgoing: usize::MAX,
    writes: u64::MAX,
    is_user_there: false,
};

/// Lives a life.
pub(crate) async fn live(seed: u64, dir: &Path) -> Tally {
    let mut life = Life::new(seed, dir);
    life.storm().await;
    life.calm().await;
    life.tally.wishes = life.user.wish_count;
    life.tally
}

/// The beginning of a life, drawn by chance.
impl<'a> Life<'a> {
    pub(crate) fn new(seed: u64, dir: &'a Path) -> Self {
        let mut chance = Random::new(seed);
        let model = Model::new(&mut chance);
        let mut manners = Manners::new(&mut chance);
        manners.others = *chance.pick(&[0, 5, 20]);
        let options = PassOptions {
            policy: Policy {
                delete_what_others_marked: chance.percent(20),
                restore_what_others_removed: chance.percent(20),
            },
            brakes: Brakes {
                few: usize::MAX,
                many: usize::MAX,
            },
            attempts: 50,
            keep: *chance.pick(&[Keep::All, Keep::Headers]),
            rescue_up_to: *chance.pick(&[0, 1 << 20]),
            dry_run: false,
            closely: false,
            records_first: true,
            list_up_to: *chance.pick(&[0, 0, 200]),
            list_every: *chance.pick(&[Duration::MAX, Duration::MAX, Duration::ZERO]),
            chance: chance.number(),
        };
        let user = User::new(Random::new(chance.number()));
        Self {
            seed,
            dir,
            chance,
            model: Rc::new(RefCell::new(model)),
            is_second_try: false,
            manners,
            options,
            store: None,
            until_death: Arc::new(AtomicU64::new(u64::MAX)),
            user,
            tally: Tally::default(),
            traffic: Arc::default(),
        }
    }
}

impl Life<'_> {
    /// Things go wrong.
    async fn storm(&mut self) {
        for _ in 0..2 + self.chance.below(8) {
            for _ in 0..self.chance.below(5) {
                self.user_acts().await;
            }
            for _ in 0..self.chance.below(4) {
                self.model.borrow_mut().others_act(&mut self.chance);
            }
            if self.chance.percent(4) {
                let place = self.chance.below(NAMES.len());
                self.model.borrow_mut().renumber(place);
            }
            let budget = |chance: &mut Random| {
                let longest = *chance.pick(&[200, 2_000, 20_000]);
                if chance.percent(40) {
                    chance.below(longest)
                } else {
                    usize::MAX
                }
            };
            let weather = Weather {
                incoming: budget(&mut self.chance),
                outgoing: budget(&mut self.chance),
                writes: if self.chance.percent(25) {
                    self.chance.below(30) as u64
                } else {
                    u64::MAX
                },
                is_user_there: self.chance.percent(50),
            };
            self.options.chance = self.chance.number();
            self.connect(weather).await;
            self.is_safe().await;
            if self.seed >= CARELESS {
                self.is_careless().await;
            }
        }
    }

    /// What waits to be copied is pinned at times, and at times somebody deletes the cache, or puts an earlier one back.
    async fn is_careless(&mut self) {
        if self.chance.percent(70) {
            self.store().await.pin_sources().await.unwrap();
        }
        let files = ["cache.db", "cache.db-wal", "cache.db-shm"].map(|name| self.dir.join(name));
        let earlier = |file: &Path| file.with_added_extension("earlier");
        let (is_kept, is_lost) = (self.chance.percent(20), self.chance.percent(15));
        let is_put_back = self.chance.percent(50);
        if is_kept || is_lost {
            self.store = None;
        }
        if is_lost {
            trace(|| format!("the cache is lost; an earlier one is put back: {is_put_back}"));
            self.tally.losses += 1;
            self.model.borrow_mut().nobody_knows_how_it_was();
            for file in &files {
                drop(fs::remove_file(file));
                if is_put_back {
                    // There may be none.
                    drop(fs::copy(earlier(file), file));
                }
            }
        } else if is_kept {
            for file in &files {
                drop(fs::remove_file(earlier(file)));
                drop(fs::copy(file, earlier(file)));
            }
        }
    }

    /// Nothing goes wrong any more, and nobody else acts.
    pub(crate) async fn calm(&mut self) {
        self.manners.others = 0;
        self.manners.frail = false;
        self.manners.eager = false;
        self.manners.gaps = false;
        self.manners.babbles = false;
        self.manners.loses_locks = false;
        self.manners.refuses = false;
        self.manners.has_ghosts = false;
        self.manners.shrinks = false;
        {
            // What others marked for removal and left so would keep ours waiting for ever.
            let mut model = self.model.borrow_mut();
            for place in 0..NAMES.len() {
                for message in model.mailboxes[place].clone() {
                    if message.theirs.contains(DELETED) {
                        model.set(
                            Who::Others,
                            place,
                            message.serial,
                            message.flags.minus(DELETED),
                        );
                    }
                }
            }
        }
        self.options.keep = Keep::All;
        for round in 0.. {
            if round == 60 {
                let journal = self.journal().await;
                let mut copy = Vec::new();
                for place in 0..NAMES.len() {
                    copy.push(look(&self.store().await, place).await.unwrap());
                }
                panic!(
                    "{}: it comes to no rest: {journal:?}\ncopy {copy:?}\n{:?}",
                    self.seed,
                    self.model.borrow()
                );
            }
            if round == 10 {
                // A week goes by: what was put in the place of its like, unseen, is found.
                self.options.list_every = Duration::ZERO;
            }
            if round == 20 {
                // More comes: what stands before it is proven to be as old, also where its header was never read.
                self.tally.needing_mail += 1;
                for place in [0, 0, 0, 0, 1, 1, 1, 1] {
                    self.model.borrow_mut().deliver(place, &mut self.chance);
                }
            }
            let before = self.state().await;
            self.connect(CALM).await;
            self.options.chance = self.chance.number();
            let is_held = self.approve().await;
            self.is_safe().await;
            if !is_held
                && self.state().await == before
                && self.is_mirrored().await
                && (self.manners.denies || self.notes().await == 0)
            {
                break;
            }
        }
        self.is_fulfilled().await;
    }

    pub(crate) async fn store(&mut self) -> Store {
        if let Some(store) = &self.store {
            return store.clone();
        }
        let left = self.until_death.clone();
        let dies = move || {
            let step = |left: u64| {
                if left == u64::MAX {
                    None
                } else {
                    Some(left.saturating_sub(1))
                }
            };
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step) == Ok(0)
        };
        let store = Store::open_with(self.dir, Kind::Mirror, Execution::Inline(Arc::new(dies)));
        let store = store.unwrap_or_else(|error| panic!("{}: {error}", self.seed));
        let names = NAMES.map(|name| name.parse::<MailboxName>().unwrap());
        store.adopt_list(names.to_vec()).await.unwrap();
        store.learn_server(self.manners.is_modern).await.unwrap();
        self.store = Some(store.clone());
        store
    }

    /// One connection, from the login to its end.
    pub(crate) async fn connect(&mut self, weather: Weather) {
        self.tally.connections += 1;
        self.model.borrow_mut().connection = self.tally.connections;
        trace(|| format!("connection: {weather:?}"));
        let store = self.store().await;
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let server = Server::new(
            self.model.clone(),
            self.manners,
            Random::new(self.chance.number()),
        );
        self.traffic = Arc::default();
        let limits = [weather.incoming, weather.outgoing];
        let link = Link::new(ours, limits, self.traffic.clone());
        self.until_death.store(weather.writes, Ordering::SeqCst);
        let mut options = self.options;
        options.closely = self.is_second_try;
        let level = if self.manners.is_modern {
            Level::Detect
        } else {
            Level::Imap2
        };
        let visit = async {
            let outcome = visit(link, &store, &options, level).await;
            drop(store);
            outcome
        };
        let presence = async {
            if weather.is_user_there {
                for _ in 0..self.chance.below(4) {
                    for _ in 0..self.chance.below(60) {
                        tokio::task::yield_now().await;
                    }
                    if let Some(store) = self.store.clone() {
                        self.user.act(&store, &self.model).await;
                    }
                }
            }
        };
        let (outcome, (), ()) = tokio::join!(visit, server.serve(theirs), presence);
        let writes_left = self.until_death.swap(u64::MAX, Ordering::SeqCst);
        self.traffic
            .writes
            .store(weather.writes - writes_left, Ordering::SeqCst);
        let is_dead = writes_left == 0;
        trace(|| format!("ended: dead {is_dead}, {outcome:?}"));
        if is_dead {
            self.tally.crashes += 1;
            self.store = None;
        }
        self.learn_letters().await;
        if !is_dead {
            self.judge(weather, outcome);
        }
    }

    /// A connection may fail if something went wrong on it; the next one lists everything.
    fn judge(&mut self, weather: Weather, outcome: Result<(), String>) {
        let was_second_try = std::mem::replace(&mut self.is_second_try, outcome.is_err());
        let was_cut = weather.incoming < usize::MAX || weather.outgoing < usize::MAX;
        let was_torn = std::mem::take(&mut self.model.borrow_mut().is_torn);
        let was_cut = was_cut || was_torn;
        let was_calm = !self.manners.refuses && !self.manners.babbles && !self.manners.shrinks;
        if !was_cut && was_calm {
            self.model.borrow_mut().nothing_is_mistaken();
        }
        if let Err(error) = outcome {
            self.tally.cuts += 1;
            assert!(
                weather.incoming < usize::MAX
                    || weather.outgoing < usize::MAX
                    || self.manners.others > 0
                    || self.manners.frail
                    || self.manners.gaps
                    || self.manners.babbles
                    || self.manners.loses_locks
                    || self.manners.refuses
                    || self.manners.ignores
                    || self.manners.has_ghosts
                    || self.manners.shrinks
                    || !was_second_try,
                "{}: on a sound line: {error}",
                self.seed
            );
        }
    }

    /// Remembers which letter each message of the copy is: a message that left its place has another id afterwards.
    async fn learn_letters(&mut self) {
        let store = self.store().await;
        self.model.borrow_mut().forget_connection();
        for (place, name) in NAMES.iter().enumerate() {
            for (message, letter, _) in look(&store, place).await.unwrap() {
                let letter = letter.map(|letter| (place, letter));
                self.user
                    .letters
                    .extend(letter.map(|letter| (message, letter)));
            }
            let notes = store.stray_notes(id_of(&store, place)).await.unwrap();
            for note in notes {
                trace(|| format!("note in {name}: {note:?}"));
                let (mut model, look) = (self.model.borrow_mut(), note.mark.weak());
                if note.back.touched().contains(SEEN) {
                    model.note_reading(place, look);
                }
                let astray = model.astray.entry((place, look)).or_default();
                *astray = astray.union(note.back.touched());
            }
        }
    }

    /// Changes of ours fall on the first messages of INBOX, one flag on each, and it is known on which. Both sides have just
    /// come to one.
    pub(crate) async fn changes_go_astray(&mut self, count: usize) {
        let store = self.store().await;
        let flags = [FlagSet::FLAGGED, FlagSet::ANSWERED, DELETED, SEEN];
        let known = look(&store, 0).await.unwrap().into_iter().enumerate();
        let mut strays = Vec::new();
        for ((place, (message, ..)), flag) in known.zip(flags.into_iter().cycle()).take(count) {
            let mut model = self.model.borrow_mut();
            let there = &model.mailboxes[0][place];
            let (serial, before) = (there.serial, there.flags);
            let hit = if before.contains(flag) && flag != DELETED {
                before.minus(flag)
            } else {
                before.union(flag)
            };
            model.set(Who::Us, 0, serial, hit);
            strays.push((message, FlagDelta::between(hit, before)));
        }
        store.note_strays(id_of(&store, 0), strays).await.unwrap();
    }

    /// What the server holds, and what waits for the user or for the server.
    async fn state(&mut self) -> (String, Vec<(EntryId, bool)>) {
        let entries = self.store().await.entries().await.unwrap();
        let is_parked = |entry: &EntryRow| matches!(entry.state, EntryState::Parked(_));
        let waiting = entries.iter().map(|entry| (entry.id, is_parked(entry)));
        let mailboxes = format!("{:?}", self.model.borrow().mailboxes);
        (mailboxes, waiting.collect())
    }

    /// How many messages may still be marked by us, but for those of which an action waits in doubt.
    async fn notes(&mut self) -> usize {
        let store = self.store().await;
        let entries = store.entries().await.unwrap();
        let doubtful = entries
            .iter()
            .filter(|entry| entry.trouble.contains(IN_DOUBT));
        let waiting: Vec<Look> = doubtful.map(|entry| entry.mark.weak()).collect();
        let mut count = 0;
        for place in 0..NAMES.len() {
            let notes = store.stray_notes(id_of(&store, place)).await.unwrap();
            let view = store.view(id_of(&store, place)).await.unwrap();
            let model = self.model.borrow();
            // Of equal messages of which some are gone, and a note speaks of one, nobody knows which.
            let is_in_doubt = |look: Look| {
                let shown = view
                    .messages()
                    .filter(|(row, _)| (row.instant, row.size) == look);
                let there = model.mailboxes[place].iter();
                shown.count() != there.filter(|message| message.look() == look).count()
            };
            let is_open = |look: &Look| !waiting.contains(look) && !is_in_doubt(*look);
            count += notes
                .iter()
                .filter(|note| is_open(&note.mark.weak()))
                .count();
        }
        count
    }

    pub(crate) async fn user_acts(&mut self) {
        let store = self.store().await;
        self.user.act(&store, &self.model).await;
    }

    /// A person looks at what was stopped, and lets it go on. Says whether there was something.
    async fn approve(&mut self) -> bool {
        let store = self.store().await;
        let holds = store.holds().await.unwrap();
        let is_held = holds.iter().any(|hold| !hold.approved);
        for hold in holds {
            store.approve(hold.mailbox).await.unwrap();
        }
        is_held
    }

    async fn journal(&mut self) -> Vec<String> {
        let store = self.store().await;
        let entries = store.entries().await.unwrap();
        entries
            .iter()
            .map(|entry| {
                format!(
                    "{} {:?} {:?} {:?} {}",
                    entry.mailbox, entry.message, entry.action, entry.state, entry.trouble
                )
            })
            .collect()
    }
}

/// A mailbox's id in the store.
pub(crate) fn id_of(store: &Store, place: Place) -> MailboxId {
    store.mailbox(&NAMES[place].parse().unwrap()).unwrap()
}

/// What a pass over everything sends and takes in, until nothing is left to do at once.
async fn visit(
    link: Link,
    store: &Store,
    options: &PassOptions,
    level: Level,
) -> Result<(), String> {
    let mut session = Session::over(link, &address(level))
        .await
        .map_err(|error| error.to_string())?;
    let silent = Progress::silent();
    for place in [0, 1, 0] {
        let id = id_of(store, place);
        let passed = daemon::until_quiet(&mut session, store, id, options, &silent).await;
        passed.map_err(|error| format!("{}: {error}", NAMES[place]))?;
    }
    session.logout().await;
    Ok(())
}

fn address(level: Level) -> Address {
    let patience = Duration::from_secs(60);
    Address {
        transport: Transport::Tcp {
            host: "sim.example".to_owned(),
            port: 143,
            security: Security::Clear,
        },
        credentials: Some(Credentials {
            user: "ada".to_owned(),
            password: Password::new(b"secret".to_vec()),
        }),
        level,
        patience: Patience {
            connect: patience,
            tls: patience,
            greeting: patience,
            silence: patience,
            logout: patience,
        },
        allowance: Allowance {
            line: 1 << 20,
            literal: 1 << 20,
        },
    }
}

/// Tells what happens, where one life is played again.
pub(crate) fn trace(words: impl FnOnce() -> String) {
    if std::env::var_os("LOWTIDE_SEED").is_some() {
        println!("{}", words());
    }
}

const IN_DOUBT: &str = "it cannot be told for certain";
