//! What happens in the demo, and the proof at its end.

use std::collections::BTreeMap;

use super::DemoError;
use super::client::MailClient;
use super::stage::Stage;
use crate::daemon::{Outcome, journal_of};
use crate::store::StoreError;

/// Tells the story, and fails if its end is not the right one.
pub(super) async fn tell(stage: &mut Stage, tell: &mut impl FnMut(&str)) -> Result<(), DemoError> {
    tell(
        "A server with twelve messages in INBOX and two in receipts speaks IMAP2 of 1990: it has no UIDs.",
    );
    tell("");
    tell("1. The first sync mirrors it. Reading marks nothing as read on the server:");
    report(&stage.sync().await?, tell);

    tell("");
    tell("2. The laptop goes offline, and its mail program goes on working on the copy:");
    offline(&mut stage.client().await?, tell).await?;

    tell("");
    tell("3. Meanwhile somebody else uses the same mailboxes on the server:");
    meanwhile(&mut stage.other_client().await?, tell).await?;

    tell("");
    tell("4. Back online. What was done here is carried there, what was done there comes here:");
    report(&stage.sync().await?, tell);
    decided(stage, tell).await?;

    tell("");
    tell(
        "5. You have it otherwise. Their mark was also in the way of your EXPUNGE, and the next sync finishes that too:",
    );
    otherwise(stage, tell).await?;
    report(&stage.sync().await?, tell);
    waiting(stage, tell).await?;

    tell("");
    tell(
        "6. On the server a mailbox is emptied, perhaps by mistake. lowtide stops there, and keeps what it has:",
    );
    let mut other = stage.other_client().await?;
    play(&mut other, &EMPTIED, "they", tell).await?;
    report(&stage.sync().await?, tell);
    approved(stage, tell).await?;
    report(&stage.sync().await?, tell);
    removed(stage, tell).await?;

    tell("");
    for mailbox in ["INBOX", "receipts"] {
        let (here, there) = (
            state(&mut stage.client().await?, mailbox).await?,
            state(&mut stage.other_client().await?, mailbox).await?,
        );
        if here != there {
            return Err(DemoError::Disagree {
                mailbox: mailbox.to_owned(),
            });
        }
        tell(&format!(
            "{mailbox}: both sides hold the same messages with the same flags, octet by octet."
        ));
    }
    Ok(())
}

async fn offline(client: &mut MailClient, tell: &mut impl FnMut(&str)) -> Result<(), DemoError> {
    let acts: [(&str, &[&str]); 8] = [
        (
            "read \"Berth 7 is yours from Monday\"",
            &["FETCH {Berth 7} RFC822.TEXT"],
        ),
        (
            "flagged \"The key to the shed\"",
            &["STORE {The key} +FLAGS (\\Flagged)"],
        ),
        (
            "answered \"Lunch on the pier?\"",
            &["STORE {Lunch} +FLAGS (\\Answered \\Seen)"],
        ),
        (
            "copied \"Your invoice\" to receipts, and flagged it",
            &[
                "COPY {Your invoice} receipts",
                "STORE {Your invoice} +FLAGS (\\Flagged)",
            ],
        ),
        (
            "flagged \"Draft of the route\"",
            &["STORE {Draft} +FLAGS (\\Flagged)"],
        ),
        (
            "deleted one of two equal tide tables",
            &["STORE {Low water} +FLAGS (\\Deleted)"],
        ),
        (
            "deleted the newsletter and \"no text at all\"",
            &[
                "STORE {247 offers} +FLAGS (\\Deleted)",
                "STORE {no text} +FLAGS (\\Deleted)",
            ],
        ),
        ("expunged all three", &["EXPUNGE"]),
    ];
    play(client, &acts, "you", tell).await
}

async fn meanwhile(client: &mut MailClient, tell: &mut impl FnMut(&str)) -> Result<(), DemoError> {
    let acts: [(&str, &[&str]); 6] = [
        (
            "flagged the newsletter you deleted",
            &["STORE {247 offers} +FLAGS (\\Flagged)"],
        ),
        (
            "expunged the \"Draft of the route\" you flagged",
            &["STORE {Draft} +FLAGS (\\Deleted)", "EXPUNGE"],
        ),
        (
            "flagged \"The key to the shed\", as you did",
            &["STORE {The key} +FLAGS (\\Flagged)"],
        ),
        (
            "read \"photographs\"",
            &["STORE {photographs} +FLAGS (\\Seen)"],
        ),
        (
            "marked \"Your invoice\" \\Deleted, without expunging it",
            &["STORE {Your invoice} +FLAGS (\\Deleted)"],
        ),
        (
            "copied \"Lunch on the pier?\" within INBOX, so that a message arrives",
            &["COPY {Lunch} INBOX"],
        ),
    ];
    play(client, &acts, "they", tell).await
}

/// Plays acts; `{words}` in a command stands for the first message with these words in its subject.
async fn play(
    client: &mut MailClient,
    acts: &[(&str, &[&str])],
    who: &str,
    tell: &mut impl FnMut(&str),
) -> Result<(), DemoError> {
    client.say("SELECT INBOX").await?;
    for (words, commands) in acts {
        for command in *commands {
            let command = match command
                .split_once('{')
                .and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
            {
                Some((before, (subject, after))) => {
                    format!("{before}{}{after}", find(client, subject).await?)
                }
                None => (*command).to_owned(),
            };
            client.say(&command).await?;
        }
        tell(&format!("     {who} {words}"));
    }
    Ok(())
}

/// The number of the first message with these words in its subject.
async fn find(client: &mut MailClient, subject: &str) -> Result<u32, DemoError> {
    let command = format!("SEARCH SUBJECT \"{subject}\"");
    let heard = client.say(&command).await?;
    let text = String::from_utf8_lossy(&heard);
    let numbers = text.lines().find_map(|line| line.strip_prefix("* SEARCH"));
    let first = numbers.and_then(|numbers| numbers.split_whitespace().next()?.parse().ok());
    first.ok_or_else(|| DemoError::Refused {
        command,
        answer: text.into_owned(),
    })
}

/// Everything an ordinary client can see of a mailbox, without marking anything as read.
async fn state(client: &mut MailClient, mailbox: &str) -> Result<Vec<String>, DemoError> {
    let opened = client.say(&format!("EXAMINE {mailbox}")).await?;
    let opened = String::from_utf8_lossy(&opened).into_owned();
    let count = opened
        .lines()
        .find_map(|line| {
            line.strip_prefix("* ")?
                .strip_suffix(" EXISTS")?
                .parse::<u32>()
                .ok()
        })
        .unwrap_or(0);
    let mut messages = Vec::new();
    for number in 1..=count {
        let flags = client.say(&format!("FETCH {number} FLAGS")).await?;
        let whole = client
            .say(&format!("FETCH {number} (RFC822.SIZE RFC822)"))
            .await?;
        let flags = String::from_utf8_lossy(untagged(&flags))
            .replace(" \\Recent", "")
            .replace("\\Recent ", "")
            .replace("\\Recent", "");
        messages.push(format!("{flags} {}", blake3::hash(untagged(&whole))));
    }
    Ok(messages)
}

/// An answer without the line that ends it.
fn untagged(heard: &[u8]) -> &[u8] {
    let end = heard
        .strip_suffix(b"\r\n")
        .and_then(|whole| whole.iter().rposition(|&octet| octet == b'\n'))
        .unwrap_or(0);
    heard.get(..end).unwrap_or_default()
}

fn report(outcomes: &[Outcome], tell: &mut impl FnMut(&str)) {
    for Outcome { mailbox, result } in outcomes {
        match result {
            Ok(report) if report.halt.is_some() => {
                let why = report.halt.map(|halt| halt.to_string()).unwrap_or_default();
                tell(&format!("     {mailbox}: stopped, since {why}"));
            }
            Ok(report) => {
                let quiet = report.counts.is_empty();
                let done = if quiet {
                    "nothing to do".to_owned()
                } else {
                    report.counts.to_string()
                };
                tell(&format!("     {mailbox}: {done}"));
            }
            Err(error) => tell(&format!("     {mailbox}: {error}")),
        }
    }
}

/// The user decides anew, where that is still possible.
async fn otherwise(stage: &Stage, tell: &mut impl FnMut(&str)) -> Result<(), StoreError> {
    for conflict in stage.mirror.conflicts().await? {
        let what = if conflict.removes {
            "removes the newsletter all the same"
        } else if conflict.kept.starts_with("kept") {
            "takes their deletion mark off the invoice"
        } else {
            continue;
        };
        let id = conflict.id;
        stage.mirror.undo_conflict(id).await?;
        tell(&format!("     \"lowtide conflicts undo you {id}\" {what}"));
    }
    Ok(())
}

/// The user looks, and lets it go on.
async fn approved(stage: &Stage, tell: &mut impl FnMut(&str)) -> Result<(), StoreError> {
    for hold in stage.mirror.holds().await? {
        let mailbox = hold.mailbox.to_string();
        stage.mirror.approve(hold.mailbox).await?;
        tell(&format!(
            "     \"lowtide approve you {mailbox}\" shows what would go, and lets it go"
        ));
    }
    Ok(())
}

/// What was removed, by anybody, is still there for a while.
async fn removed(stage: &Stage, tell: &mut impl FnMut(&str)) -> Result<(), StoreError> {
    let removed = stage.mirror.removed().await?;
    let count = removed.len();
    tell(&format!(
        "     \"lowtide restore\" has all {count} messages that were removed today, for 30 days"
    ));
    Ok(())
}

/// What was decided against a wish, and what waits.
async fn decided(stage: &Stage, tell: &mut impl FnMut(&str)) -> Result<(), StoreError> {
    for conflict in stage.mirror.conflicts().await? {
        tell(&format!(
            "     decided: {}. You had asked: {}. Outcome: {}.",
            conflict.kind, conflict.wished, conflict.kept
        ));
    }
    waiting(stage, tell).await
}

async fn waiting(stage: &Stage, tell: &mut impl FnMut(&str)) -> Result<(), StoreError> {
    let mut waiting: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for entry in journal_of("you", &stage.mirror).await? {
        let subject = entry.subject.unwrap_or_default();
        let reason = entry.reason.unwrap_or_default();
        waiting
            .entry((subject, reason))
            .or_default()
            .push(entry.action);
    }
    if waiting.is_empty() {
        tell("     nothing waits any more");
    }
    for ((subject, reason), actions) in waiting {
        tell(&format!(
            "     waits: \"{subject}\" ({}): {reason}",
            actions.join(", ")
        ));
    }
    Ok(())
}

/// Somebody removes everything.
const EMPTIED: [(&str, &[&str]); 1] = [(
    "opened receipts, marked everything deleted, and expunged it",
    &["SELECT receipts", "STORE 1:3 +FLAGS (\\Deleted)", "EXPUNGE"],
)];
