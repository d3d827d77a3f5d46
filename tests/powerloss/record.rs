//! A record of system calls as strace writes it, read again.

use std::path::PathBuf;

/// A call that changes what a disk holds, or what somebody was told.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// A file was made, if it was not there.
    Create(PathBuf),
    /// Octets were written.
    Write(PathBuf, u64, Vec<u8>),
    /// The file was cut or lengthened.
    Truncate(PathBuf, u64),
    /// Everything written to the file before is on the disk.
    Sync(PathBuf),
    /// The name is gone.
    Unlink(PathBuf),
    /// The client was told something.
    Said(Vec<u8>),
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Create(path) => write!(f, "create {}", path.display()),
            Self::Write(path, offset, octets) => {
                write!(f, "write {} at {offset}: {}", path.display(), octets.len())
            }
            Self::Truncate(path, length) => write!(f, "truncate {} to {length}", path.display()),
            Self::Sync(path) => write!(f, "sync {}", path.display()),
            Self::Unlink(path) => write!(f, "unlink {}", path.display()),
            Self::Said(text) => write!(f, "said {}", text.escape_ascii()),
        }
    }
}

/// The calls that are traced.
pub(crate) const TRACED: &str =
    "trace=openat,pwrite64,write,fdatasync,fsync,ftruncate,unlink,unlinkat,rename,renameat2";

/// Reads a record. Of a call that was interrupted by another thread's, a write counts when it began, and a sync when it was
/// through.
pub(crate) fn read(record: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut open: Vec<(&str, String)> = Vec::new();
    for line in record.lines() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            if is_sync(begun) {
                open.push((thread, begun.to_owned()));
            } else {
                calls.extend(call(&format!("{begun})"), true));
            }
        } else if rest.starts_with("<... ") {
            let begun = open.iter().position(|(of, _)| *of == thread);
            if let Some(index) = begun {
                let (_, begun) = open.swap_remove(index);
                calls.extend(call(&begun, true));
            }
        } else {
            let is_done = !rest.contains(") = -1 ") && !rest.contains(")   = -1 ");
            calls.extend(call(rest, is_done && !failed(rest)));
        }
    }
    calls
}

fn failed(line: &str) -> bool {
    line.rsplit_once(" = ")
        .is_some_and(|(_, result)| result.starts_with('-'))
}

fn is_sync(line: &str) -> bool {
    line.starts_with("fdatasync(") || line.starts_with("fsync(")
}

fn call(line: &str, is_done: bool) -> Option<Call> {
    let (name, arguments) = line.split_once('(')?;
    if !is_done {
        return None;
    }
    let quoted: Vec<Vec<u8>> = arguments
        .split('"')
        .skip(1)
        .step_by(2)
        .map(octets)
        .collect();
    let file = || {
        let named = arguments.split_once('<')?.1.split_once('>')?.0;
        path(&octets(named))
    };
    Some(match name {
        "openat" if arguments.contains("O_CREAT") => Call::Create(path(quoted.first()?)?),
        "pwrite64" => {
            // The last line of a record may be cut; what it tells of did not reach the disk.
            let (words, _) = arguments.rsplit_once(')')?;
            let offset = words.rsplit(", ").next().unwrap();
            Call::Write(file()?, offset.parse().unwrap(), quoted[0].clone())
        }
        "write" if arguments.starts_with("1<") => Call::Said(quoted.first()?.clone()),
        "fdatasync" | "fsync" => Call::Sync(file()?),
        "ftruncate" => {
            let length = arguments.split(", ").nth(1)?;
            let digits: String = length.chars().take_while(char::is_ascii_digit).collect();
            Call::Truncate(file()?, digits.parse().ok()?)
        }
        "unlink" => Call::Unlink(path(quoted.first()?)?),
        "unlinkat" | "rename" | "renameat2" => panic!("{name} is not foreseen"),
        _ => return None,
    })
}

fn path(octets: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(octets).ok().map(PathBuf::from)
}

/// `\x41\x42` as octets.
fn octets(text: &str) -> Vec<u8> {
    let digits = text.split("\\x").skip(1);
    digits
        .map(|two| u8::from_str_radix(&two[..2], 16).unwrap())
        .collect()
}

#[test]
fn a_record_is_read() {
    let record = "\
7 openat(AT_FDCWD<\\x2f>, \"\\x2f\\x61\", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 3<\\x2f\\x61>
7 openat(AT_FDCWD<\\x2f>, \"\\x2f\\x62\", O_RDWR|O_CREAT|O_EXCL, 0600) = -1 EEXIST (File exists)
8 fdatasync(3<\\x2f\\x61> <unfinished ...>
7 pwrite64(3<\\x2f\\x61>, \"\\x01\\x02\", 2, 4096 <unfinished ...>
7 <... pwrite64 resumed>) = 2
8 <... fdatasync resumed>) = 0
7 ftruncate(3<\\x2f\\x61>, 5) = 0
7 write(1<\\x70>, \"\\x4f\\x4b\", 2 <unfinished ...>
7 <... write resumed>) = 2
7 unlink(\"\\x2f\\x61\") = 0
";
    let file = PathBuf::from("/a");
    let expected = [
        Call::Create(file.clone()),
        Call::Write(file.clone(), 4096, vec![1, 2]),
        Call::Sync(file.clone()),
        Call::Truncate(file.clone(), 5),
        Call::Said(b"OK".to_vec()),
        Call::Unlink(file),
    ];
    assert_eq!(read(record), expected);
}
