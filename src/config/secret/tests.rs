use super::fetch::from_credential;
use super::{CommandLine, Flaw, Secret, SecretError, SecretSource};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

fn sh(script: &str) -> SecretSource {
    let arguments = ["-c", script].map(str::to_owned).to_vec();
    SecretSource::Command(CommandLine {
        program: "/bin/sh".to_owned(),
        arguments,
    })
}

fn file(dir: &Path, content: &[u8], mode: u32) -> PathBuf {
    let path = dir.join("password");
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    path
}

async fn text(source: &SecretSource) -> Result<String, SecretError> {
    let secret = source.fetch().await?;
    Ok(String::from_utf8(secret.expose().to_vec()).unwrap())
}

fn flaw(error: &SecretError) -> Option<Flaw> {
    let SecretError::Unusable { flaw, .. } = error else {
        return None;
    };
    Some(*flaw)
}

#[test]
fn a_secret_shows_nothing_of_itself() {
    let secret = Secret::new(b"hunter2".to_vec().into_boxed_slice());
    assert_eq!(format!("{secret:?} {secret:#?}"), "Secret(..) Secret(..)");
}

#[tokio::test]
async fn one_newline_is_cut_and_the_rest_must_be_a_password() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(4096);
    let longer = "x".repeat(4097);
    for (content, expected) in [
        ("hunter2", Ok("hunter2")),
        ("hunter2\n", Ok("hunter2")),
        ("hunter2\r\n", Ok("hunter2")),
        (" h\u{fc}nter 2 \n", Ok(" h\u{fc}nter 2 ")),
        (long.as_str(), Ok(long.as_str())),
        ("", Err(Flaw::Empty)),
        ("\n", Err(Flaw::Empty)),
        ("hunter2\n\n", Err(Flaw::ManyLines)),
        ("hunter2\nuser: ada\n", Err(Flaw::ManyLines)),
        ("a\rb", Err(Flaw::ManyLines)),
        ("a\0b", Err(Flaw::Nul)),
        (longer.as_str(), Err(Flaw::TooLong)),
    ] {
        let path = file(dir.path(), content.as_bytes(), 0o600);
        let found = text(&SecretSource::File(path.clone())).await;
        let found = found
            .as_deref()
            .map_err(|error| flaw(error).expect("a flaw"));
        assert_eq!(found, expected, "{content:?}");
        let found = text(&sh(&format!("cat {}", path.display()))).await;
        let found = found
            .as_deref()
            .map_err(|error| flaw(error).expect("a flaw"));
        assert_eq!(found, expected, "cat {content:?}");
    }
}

#[tokio::test]
async fn a_password_file_is_closed_to_others() {
    let dir = tempfile::tempdir().unwrap();
    for mode in [0o600, 0o400, 0o700] {
        let source = SecretSource::File(file(dir.path(), b"x", mode));
        assert_eq!(text(&source).await.unwrap(), "x", "{mode:o}");
    }
    for mode in [0o640, 0o604, 0o660, 0o620, 0o602, 0o644, 0o610] {
        let source = SecretSource::File(file(dir.path(), b"x", mode));
        let error = source.fetch().await.unwrap_err();
        assert!(
            matches!(error, SecretError::Exposed { mode: told, .. } if told == mode),
            "{error}"
        );
        assert!(
            error.to_string().contains(&format!("(mode {mode:04o})")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_password_file_is_ours() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), b"x", 0o600);
    // Only root can give a file away; for anyone else a file of root's stands in.
    let (path, expected) = match std::os::unix::fs::chown(&path, Some(12_345), None) {
        Ok(()) => (path, 12_345),
        Err(_) => (PathBuf::from("/etc/passwd"), 0),
    };
    let error = SecretSource::File(path).fetch().await.unwrap_err();
    assert!(
        matches!(error, SecretError::NotOurs { owner, .. } if owner == expected),
        "{error}"
    );
}

#[tokio::test]
async fn only_a_plain_file_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    for path in [dir.path().join("none"), dir.path().to_owned(), fifo] {
        let error = SecretSource::File(path).fetch().await.unwrap_err();
        assert!(matches!(error, SecretError::Unreadable { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_failing_command_is_quoted() {
    let error =
        sh("printf 'gpg: no \\033[31mkey\\n' >&2; echo 'for ada' >&2; echo hunter2; exit 3")
            .fetch()
            .await
            .unwrap_err();
    let expected = "/bin/sh, which should print the password, failed (exit status: 3): gpg: no \\u{1b}[31mkey for ada";
    assert_eq!(error.to_string(), expected);
    let noisy = sh("yes 'much to say' | head -c 1000000 >&2; exit 1")
        .fetch()
        .await
        .unwrap_err()
        .to_string();
    assert!(noisy.len() < 400, "{}", noisy.len());
    let silent = sh("exit 1").fetch().await.unwrap_err().to_string();
    assert!(silent.ends_with("(exit status: 1)"), "{silent}");
}

#[tokio::test]
async fn a_command_that_is_not_there_is_told() {
    let line = CommandLine {
        program: "/nonexistent/pass".to_owned(),
        arguments: vec![],
    };
    let error = SecretSource::Command(line).fetch().await.unwrap_err();
    assert!(
        matches!(&error, SecretError::NotStarted { program, .. } if program == "/nonexistent/pass"),
        "{error}"
    );
}

#[tokio::test]
async fn endless_output_is_not_waited_for() {
    let error = sh("yes").fetch().await.unwrap_err();
    assert_eq!(flaw(&error), Some(Flaw::TooLong), "{error}");
}

/// As ssh does with ControlPersist.
#[tokio::test]
async fn what_a_command_leaves_running_is_not_waited_for() {
    // It reads from a pipe of ours, so it ends when this test does.
    let (reader, _writer) = std::io::pipe().unwrap();
    let ours = format!("/proc/{}/fd/{}", std::process::id(), reader.as_raw_fd());
    let lasting = format!("(read line <{ours}) >&- & echo trying >&2;");
    let secret = sh(&format!("{lasting} echo hunter2")).fetch().await;
    assert_eq!(secret.unwrap().expose(), b"hunter2");
    let error = sh(&format!("{lasting} exit 3")).fetch().await;
    let error = error.unwrap_err().to_string();
    assert!(error.ends_with("(exit status: 3): trying"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_command_has_thirty_seconds() {
    let before = tokio::time::Instant::now();
    let error = sh("exec sleep 3600").fetch().await.unwrap_err();
    assert!(
        matches!(error, SecretError::TooSlow { seconds: 30, .. }),
        "{error}"
    );
    assert_eq!(before.elapsed().as_secs(), 30);
}

#[tokio::test]
async fn a_command_out_of_time_is_killed() {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut held = pipe::Receiver::from_owned_fd(reader.into()).unwrap();
    let ours = format!("/proc/{}/fd/{}", std::process::id(), writer.as_raw_fd());
    let source = sh(&format!("exec 3>{ours}; echo >&3; exec sleep 3600"));
    let started = async {
        held.read_u8().await.unwrap();
        drop(writer);
        tokio::time::pause();
    };
    let (error, ()) = tokio::join!(source.fetch(), started);
    assert!(matches!(error, Err(SecretError::TooSlow { .. })));
    tokio::time::resume();
    // The pipe ends when the last process that holds it is gone.
    let end = tokio::time::timeout(Duration::from_secs(10), held.read_u8()).await;
    assert!(end.expect("the command still runs").is_err());
}

#[tokio::test]
async fn a_credential_is_a_file_that_systemd_guards() {
    let dir = tempfile::tempdir().unwrap();
    file(dir.path(), b"hunter2\n", 0o440);
    let secret = from_credential(Some(dir.path()), "password").await.unwrap();
    assert_eq!(secret.expose(), b"hunter2");
    let error = from_credential(None, "work").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no credential work: systemd passed none to this process"
    );
}
