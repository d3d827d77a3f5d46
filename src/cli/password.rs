//! The password that mail clients on this machine log in with: made when it is first needed.

use std::fs::{DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use super::exit::Exit;
use super::report::{Problem, note, shown};
use crate::config::SecretSource;

/// Makes the file if it is to be a file and there is none, and says where it is.
pub(super) fn ensure(source: &SecretSource) -> Result<(), Problem> {
    let SecretSource::File(path) = source else {
        return Ok(());
    };
    match make(path) {
        Ok(()) => {
            note(&format!(
                "made a password for mail clients; it is in {}",
                shown(path)
            ));
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Problem::new(
            Exit::Configuration,
            format!("could not make the password file {}: {error}", shown(path)),
            "Make its directory yours to write to, or name another file with password in [endpoint]",
        )),
    }
}

/// Writes a file that was not there before, for us alone.
fn make(path: &Path) -> io::Result<()> {
    if path.try_exists()? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    if let Some(directory) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    let password = random()?;
    // Half a password would be believed next time: it is written aside first, and takes its place whole or not at all.
    let beside = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(beside)?;
    file.write_all(password.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// 130 bits, in letters and digits that cannot be taken for one another, and a newline.
fn random() -> io::Result<Zeroizing<String>> {
    let mut octets = Zeroizing::new([0_u8; CHARACTERS]);
    getrandom::fill(octets.as_mut_slice()).map_err(io::Error::other)?;
    let mut text = Zeroizing::new(String::with_capacity(CHARACTERS.saturating_add(1)));
    let drawn = octets
        .iter()
        .filter_map(|octet| ALPHABET.get(usize::from(octet & 31)));
    text.extend(drawn.map(|&character| char::from(character)));
    text.push('\n');
    Ok(text)
}

const CHARACTERS: usize = 26;
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_password_is_made_once_and_for_us_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/endpoint-password");
        let source = SecretSource::File(path.clone());
        ensure(&source).unwrap();
        let first = std::fs::read_to_string(&path).unwrap();
        ensure(&source).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(first.len(), CHARACTERS + 1);
    }

    #[test]
    fn no_two_passwords_are_equal_and_each_character_carries_five_bits() {
        let made: BTreeSet<String> = (0..100).map(|_| random().unwrap().to_string()).collect();
        assert_eq!(made.len(), 100);
        let used: BTreeSet<char> = made.iter().flat_map(|text| text.trim().chars()).collect();
        assert_eq!(used.len(), 32);
    }
}
