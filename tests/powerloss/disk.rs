//! A disk that keeps what was synced, and of everything else whatever it likes.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::random::Random;
use crate::record::Call;

/// The files of one directory, as a disk has them.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    dir: PathBuf,
    files: BTreeMap<PathBuf, File>,
}

/// A file, and what became of it since it was last synced.
#[derive(Clone, Debug, Default)]
struct File {
    /// Nothing while not even its name is safe.
    synced: Option<Vec<u8>>,
    changes: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
    Unlink,
    Create,
}

/// The files as they are found when the power is back.
pub(crate) struct Image(BTreeMap<PathBuf, Vec<u8>>);

impl Disk {
    /// The files of a directory, all of them safe. What is only shared memory is none.
    pub(crate) fn of(dir: &Path) -> Self {
        let mut files = BTreeMap::new();
        for file in fs::read_dir(dir).into_iter().flatten() {
            let path = file.unwrap().path();
            if is_kept(&path) {
                let synced = Some(fs::read(&path).unwrap());
                files.insert(
                    path,
                    File {
                        synced,
                        changes: Vec::new(),
                    },
                );
            }
        }
        Self {
            dir: dir.to_owned(),
            files,
        }
    }

    /// A call goes to the disk.
    pub(crate) fn take(&mut self, call: &Call) {
        let (path, change) = match call {
            Call::Create(path) => (path, Some(Change::Create)),
            Call::Write(path, offset, octets) => {
                let offset = usize::try_from(*offset).unwrap();
                (path, Some(Change::Write(offset, octets.clone())))
            }
            Call::Truncate(path, length) => (
                path,
                Some(Change::Truncate(usize::try_from(*length).unwrap())),
            ),
            Call::Unlink(path) => (path, Some(Change::Unlink)),
            Call::Sync(path) => (path, None),
            Call::Said(_) => return,
        };
        if path.parent() != Some(&self.dir) || !is_kept(path) {
            return;
        }
        let file = self.files.entry(path.clone()).or_default();
        match change {
            Some(Change::Create) if file.is_there() => {}
            Some(change) => file.changes.push(change),
            None => {
                file.synced = file.now();
                file.changes.clear();
            }
        }
    }

    /// The power fails. The first variants are the plain ones: everything written is there, or nothing that was not synced.
    pub(crate) fn fail(&self, variant: usize, chance: &mut Random) -> Image {
        let kept = self.files.iter().filter_map(|(path, file)| {
            let content = match variant {
                0 => file.now(),
                1 => file.synced.clone(),
                _ => file.fail(chance),
            };
            Some((path.file_name()?.into(), content?))
        });
        Image(kept.collect())
    }
}

impl File {
    fn is_there(&self) -> bool {
        self.now().is_some()
    }

    /// As the programs see it.
    fn now(&self) -> Option<Vec<u8>> {
        let mut content = self.synced.clone();
        for change in &self.changes {
            change.apply(&mut content);
        }
        content
    }

    /// One of the ways in which a disk may have kept it.
    fn fail(&self, chance: &mut Random) -> Option<Vec<u8>> {
        let mut content = self.synced.clone();
        let way = chance.below(5);
        let count = match way {
            // The first few, in order.
            0 => chance.below(self.changes.len() + 1),
            _ => self.changes.len(),
        };
        for change in &self.changes[..count] {
            match (way, change) {
                (0, change) => change.apply(&mut content),
                // Some of them, in any order: one that is left out was on its way.
                (1, change) if chance.percent(50) => change.apply(&mut content),
                (1, _) => {}
                (_, Change::Write(offset, octets)) => {
                    let mut at = *offset;
                    for sector in octets.chunks(SECTOR) {
                        match chance.below(8) {
                            0..=3 => Change::Write(at, sector.to_vec()).apply(&mut content),
                            4 if way == 4 => {
                                let noise =
                                    (0..sector.len()).map(|_| chance.number().to_le_bytes()[0]);
                                Change::Write(at, noise.collect()).apply(&mut content);
                            }
                            _ => {}
                        }
                        at += sector.len();
                    }
                }
                (_, change) if chance.percent(50) => change.apply(&mut content),
                _ => {}
            }
        }
        content
    }
}

impl Change {
    fn apply(&self, content: &mut Option<Vec<u8>>) {
        match self {
            Self::Unlink => *content = None,
            Self::Create => drop(content.get_or_insert_default()),
            Self::Truncate(length) => content.get_or_insert_default().resize(*length, 0),
            Self::Write(offset, octets) => {
                let content = content.get_or_insert_default();
                let end = offset + octets.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(octets);
            }
        }
    }
}

impl Image {
    /// Puts the files into a new directory.
    pub(crate) fn write(&self, dir: &Path) {
        DirBuilder::new().mode(0o700).create(dir).unwrap();
        for (name, content) in &self.0 {
            let mut options = OpenOptions::new();
            let file = options.write(true).create_new(true).mode(0o600);
            file.open(dir.join(name))
                .unwrap()
                .write_all(content)
                .unwrap();
        }
    }
}

/// Whether a file is on a disk: the index of a write-ahead log is shared memory, made anew from the log.
fn is_kept(path: &Path) -> bool {
    !path.to_string_lossy().ends_with("-shm")
}

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;
