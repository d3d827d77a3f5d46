//! The disk fails once, at any call: what was said OK to is there, nothing is said OK to afterwards, and the next start
//! needs nobody.

use crate::disk::Disk;
use crate::program::Bench;
use crate::random::Random;
use crate::{WISHES, Wish, shown};

#[test]
fn whichever_call_fails_nothing_is_said_ok_to_that_is_not_there() {
    let Some(bench) = Bench::set_up() else {
        eprintln!(
            "\nSKIPPED: whichever_call_fails_nothing_is_said_ok_to_that_is_not_there: strace is not installed"
        );
        return;
    };
    bench.sync();
    let dir = bench.store();
    let sound = Disk::of(&dir);
    let mut expected = vec![shown(&dir).unwrap()];
    for wish in WISHES {
        expected.push(wish.onto(expected.last().unwrap()));
    }
    let commands = WISHES.map(Wish::command);
    let (mut fault_count, mut refused_count) = (0, 0);
    // Most of what is written is written while the files are opened: of those calls every third fails.
    for (call, step) in [
        ("fdatasync", 1),
        ("fsync", 1),
        ("ftruncate", 1),
        ("pwrite64", 3),
    ] {
        for number in (1..).step_by(step) {
            std::fs::remove_dir_all(&dir).unwrap();
            sound.fail(0, &mut Random::new(0)).write(&dir);
            let answers = bench.act_on_a_bad_disk(call, number, &commands);
            let ok_count = answers.are_ok().take_while(|is_ok| *is_ok).count();
            // Only what asks for nothing, as to remove what is marked where nothing is, can be said OK to afterwards.
            let asks = |wish: &Wish| wish.onto(&expected[ok_count]) != expected[ok_count];
            let later = WISHES.iter().zip(answers.are_ok()).skip(ok_count);
            let promised = later.filter(|(wish, is_ok)| *is_ok && asks(wish)).count();
            assert_eq!(
                promised, 0,
                "{call} {number}: an OK after a failure: {answers:?}"
            );
            let seen = shown(&dir).unwrap();
            let may_be = &expected[ok_count..expected.len().min(ok_count + 2)];
            assert!(
                may_be.contains(&seen),
                "{call} {number}: {answers:?}\n{seen:?}\nis none of\n{may_be:?}"
            );
            if !answers.has_failed {
                break;
            }
            fault_count += 1;
            if ok_count < commands.len() {
                refused_count += 1;
                let told = &answers.errors;
                assert_eq!(
                    answers.code,
                    Some(74),
                    "{call} {number}: {answers:?}\n{told}"
                );
            }
        }
    }
    println!("{fault_count} calls failed, {refused_count} of them told; 0 actions lost");
    assert!(refused_count >= 10, "{refused_count} failures are too few");
}
