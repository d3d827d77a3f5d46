//! A few stories, each told again and again: with the line cut behind every single octet, either way, and with the process
//! dying before and behind every write. However it is told, it ends the same.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use lowtide::daemon::Keep;
use lowtide::protocol::types::FlagSet;

use crate::life::{CALM, Life, Weather};
use crate::manners::Manners;
use crate::memory::home;
use crate::model::{Letter, Model, NAMES};
use crate::random::Random;
use crate::user::User;
use crate::{WORKERS, runtime};

/// A story up to the connection that is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Story {
    name: &'static str,
    seed: u64,
    /// Whether the mailboxes were mirrored before.
    is_mirrored: bool,
    /// How many messages a change fell on after that which was meant for others.
    strays: usize,
    /// How often the user acted after that.
    acts: usize,
    /// How often others acted after that.
    others: usize,
    manners: fn(&mut Manners),
}

pub(crate) const STORIES: [Story; 4] = [
    Story {
        name: "the first mirror of a server that marks what is read and forgets what is stored",
        seed: 11,
        is_mirrored: false,
        strays: 0,
        acts: 0,
        others: 0,
        manners: |manners| manners.forgetful = true,
    },
    Story {
        name: "the replay to a server without UIDs",
        seed: 22,
        is_mirrored: true,
        strays: 0,
        acts: 14,
        others: 0,
        manners: |manners| manners.copy_reads = true,
    },
    Story {
        name: "the replay to a server with UIDs, where others acted too",
        seed: 33,
        is_mirrored: true,
        strays: 0,
        acts: 14,
        others: 6,
        manners: |manners| {
            manners.is_modern = true;
            manners.expunges_by_uid = true;
            manners.counts = true;
        },
    },
    Story {
        name: "what went astray is put right, and what the user asked for is done",
        seed: 44,
        is_mirrored: true,
        strays: 6,
        acts: 4,
        others: 0,
        manners: |_| {},
    },
];

/// Where a story stands before its last connection.
struct Eve {
    files: PathBuf,
    model: Model,
    user: User,
    chance: Random,
}

/// What both sides came to. The order of copies is nobody's business.
type End = Vec<Vec<(Letter, FlagSet)>>;

impl Story {
    fn begin<'a>(&self, dir: &'a Path) -> Life<'a> {
        let mut life = Life::new(self.seed, dir);
        life.manners = Manners::default();
        (self.manners)(&mut life.manners);
        life.options.keep = Keep::All;
        life.options.list_up_to = 0;
        life
    }

    /// Tells the story up to its last connection.
    async fn eve(&self, files: PathBuf) -> Eve {
        let mut life = self.begin(&files);
        life.store().await;
        if self.is_mirrored {
            life.connect(CALM).await;
            life.changes_go_astray(self.strays).await;
            for _ in 0..self.acts {
                life.user_acts().await;
            }
            for _ in 0..self.others {
                life.model.borrow_mut().others_act(&mut life.chance);
            }
        }
        life.store = None;
        let model = life.model.borrow().clone();
        let (user, chance) = (life.user, life.chance);
        Eve {
            files,
            model,
            user,
            chance,
        }
    }

    /// Goes on from there, and tells the end. Gives also how much the connection took.
    async fn end(&self, eve: &Eve, dir: &Path, weather: Weather) -> (End, [u64; 3]) {
        DirBuilder::new().mode(0o700).create(dir).unwrap();
        for file in std::fs::read_dir(&eve.files).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), dir.join(file.file_name())).unwrap();
        }
        let mut life = self.begin(dir);
        life.model.replace(eve.model.clone());
        life.user = eve.user.clone();
        life.chance = eve.chance.clone();
        life.connect(weather).await;
        let taken = [
            life.traffic.incoming.load(Ordering::SeqCst) as u64,
            life.traffic.outgoing.load(Ordering::SeqCst) as u64,
            life.traffic.writes.load(Ordering::SeqCst),
        ];
        life.is_safe().await;
        life.calm().await;
        let model = life.model.borrow();
        let mut end: End = Vec::new();
        for mailbox in &model.mailboxes {
            end.push(
                mailbox
                    .iter()
                    .map(|message| (message.letter, message.flags))
                    .collect(),
            );
        }
        end[NAMES.len() - 1].sort_unstable();
        (end, taken)
    }

    /// Tells the story with each of many endings. Gives how many there were.
    pub(crate) fn sweep(self, what: Sweep) -> u64 {
        let home = home("story-");
        let place = |name: String| home.path().join(name);
        let eve = || runtime().block_on(self.eve(place("eve".to_owned())));
        let counted = Weather {
            writes: UNCOUNTED,
            ..CALM
        };
        let undisturbed = place("undisturbed".to_owned());
        let (expected, taken) = runtime().block_on(self.end(&eve(), &undisturbed, counted));
        let stops: Vec<Weather> = what.stops(taken);
        let count = stops.len() as u64;
        std::thread::scope(|scope| {
            for worker in 0..WORKERS {
                let (stops, expected, place) = (&stops, &expected, &place);
                scope.spawn(move || {
                    let eve = runtime().block_on(self.eve(place(format!("eve-{worker}"))));
                    let mine = stops.iter().enumerate().skip(worker).step_by(WORKERS);
                    for (number, &weather) in mine {
                        let dir = place(format!("{number}"));
                        let (end, _) = runtime().block_on(self.end(&eve, &dir, weather));
                        assert_eq!(&end, expected, "{}: {weather:?}", self.name);
                        std::fs::remove_dir_all(dir).unwrap();
                    }
                });
            }
        });
        println!(
            "{}: {count} stops, {taken:?} octets in, out, and moments of writes",
            self.name
        );
        count
    }
}

/// What is done to a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sweep {
    /// The line is cut.
    Cut,
    /// The process dies.
    Die,
}

impl Sweep {
    /// Every point at which it can be done.
    fn stops(self, [incoming, outgoing, writes]: [u64; 3]) -> Vec<Weather> {
        let octets = |count: u64| 0..usize::try_from(count).unwrap();
        match self {
            Self::Cut => {
                let inwards = octets(incoming).map(|incoming| Weather { incoming, ..CALM });
                let outwards = octets(outgoing).map(|outgoing| Weather { outgoing, ..CALM });
                inwards.chain(outwards).collect()
            }
            Self::Die => (0..writes)
                .map(|writes| Weather { writes, ..CALM })
                .collect(),
        }
    }
}

/// So many writes that none is the last.
const UNCOUNTED: u64 = 1 << 40;
