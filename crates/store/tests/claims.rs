//! Claims: several processes and machines, of which some die, want the same media.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.
#![allow(clippy::disallowed_methods)] // Only another process can be killed.

mod common;

use common::{Random, again, child_folder, small};
use rushes_model::MediaId;
use rushes_store::{
    Analysis, AnalysisFolder, Claim, Claims, Machine, Pace,
    durable::{
        Verb,
        faults::{self, Fault, Plan},
    },
};
use std::{
    collections::HashSet,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

const WHAT: &str = "visual-lite-260";
const QUICK: Pace =
    Pace { beat: Duration::from_millis(100), stale_after: Duration::from_millis(1500) };

/// The claims of a machine in `folder`.
fn claims(folder: &Path, machine: &str, pace: Pace) -> Claims {
    let home = folder.join(machine);
    fs_err::create_dir_all(&home).unwrap();
    let machine = Machine::open(&home).unwrap();
    Claims::with_pace(&AnalysisFolder::open(folder).unwrap(), &machine, pace)
}

fn medium(number: usize) -> MediaId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(number as u64).to_le_bytes());
    MediaId(id)
}

fn file(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("rushes/claims/{}.{WHAT}", medium(number)))
}

fn claim(claims: &Claims, number: usize) -> Option<Claim> {
    claims.claim(&medium(number), WHAT).unwrap()
}

/// Names in the folder of claims.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder.join("rushes/claims")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_medium_is_claimed_once_until_it_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let here = claims(folder.path(), "here", Pace::default());
    let there = claims(folder.path(), "there", Pace::default());
    assert!(!folder.path().join("rushes").exists(), "nothing was made by asking");
    let first = claim(&here, 1).unwrap();
    assert!(first.is_held());
    assert!(claim(&here, 1).is_none() && claim(&there, 1).is_none());
    let other_work = there.claim(&medium(1), "text-pp-ocr-v4").unwrap();
    let other_medium = claim(&there, 2);
    assert!(other_work.is_some() && other_medium.is_some());
    let text = fs_err::read_to_string(file(folder.path(), 1)).unwrap();
    for field in ["machine", "host", "pid", "token", "time_ms"] {
        assert!(text.contains(field), "{text}");
    }
    drop(first);
    assert!(!file(folder.path(), 1).exists());
    assert!(claim(&there, 1).is_some());
    for wrong in ["", "a/b", "Visual", "x.broken-1", "ü", &"x".repeat(101)] {
        assert!(here.claim(&medium(1), wrong).is_err(), "{wrong}");
    }
}

#[test]
fn claims_are_no_part_of_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let held = claim(&claims(folder.path(), "here", QUICK), 1).unwrap();
    analyses.publish(&small(1)).unwrap();
    assert_eq!(analyses.list(Analysis::Visual).unwrap().len(), 1);
    assert_eq!(analyses.remove_stale_temporaries().unwrap(), 0);
    let report = analyses.examine(&|_| true);
    assert!(report.is_sound() && report.foreign.is_empty() && report.unfinished.is_empty());
    assert_eq!(analyses.repair(&report).removed, 0);
    assert!(held.is_held() && file(folder.path(), 1).exists());
}

#[test]
fn a_claim_that_cannot_be_made_is_an_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let claims = claims(folder.path(), "here", QUICK);
    let verbs = [Verb::CreateFolder, Verb::SyncFolder, Verb::CreateFile, Verb::Write];
    for (verb, fault) in verbs
        .into_iter()
        .flat_map(|verb| [Fault::Denied, Fault::NoSpace, Fault::Io].map(|fault| (verb, fault)))
    {
        let plan = Plan { verb: Some(verb), nth: 0, fault, lasting: true };
        let (result, fired) = faults::with(plan, || claims.claim(&medium(1), WHAT));
        let error = result.unwrap_err().to_string();
        assert!(fired && error.contains(folder.path().to_str().unwrap()), "{error}");
        assert!(!file(folder.path(), 1).exists(), "{plan:?}");
        if verb == Verb::SyncFolder {
            // The folders are there from now on.
            drop(claim(&claims, 1).unwrap());
            fs_err::remove_dir(folder.path().join("rushes/claims")).unwrap();
        }
    }
    assert!(claim(&claims, 1).is_some());
}

#[test]
fn a_holder_that_lives_keeps_its_claim() {
    let folder = tempfile::tempdir().unwrap();
    let here = claims(folder.path(), "here", QUICK);
    let there = claims(folder.path(), "there", QUICK);
    let held = claim(&here, 1).unwrap();
    // Claims outlive what they were made with.
    drop(here);
    let begun = Instant::now();
    while begun.elapsed() < 3 * QUICK.stale_after {
        assert!(claim(&there, 1).is_none());
        thread::sleep(Duration::from_millis(30));
    }
    assert!(held.is_held());
    drop(held);
    assert!(claim(&there, 1).is_some());
}

#[test]
fn what_a_loss_of_power_leaves_blocks_for_a_while_only() {
    let folder = tempfile::tempdir().unwrap();
    let here = claims(folder.path(), "here", QUICK);
    let elsewhere = {
        let there = claims(folder.path(), "there", QUICK);
        let held = claim(&there, 1).unwrap();
        let bytes = fs_err::read(file(folder.path(), 1)).unwrap();
        drop(held);
        bytes
    };
    let left: [&[u8]; 4] = [&elsewhere, b"", &[0; 300], &elsewhere[..20]];
    for (number, bytes) in left.into_iter().enumerate() {
        fs_err::write(file(folder.path(), number), bytes).unwrap();
    }
    let begun = Instant::now();
    let mut held = Vec::new();
    while held.len() < left.len() {
        held.extend((0..left.len()).filter_map(|number| claim(&here, number)));
        let elapsed = begun.elapsed();
        assert!(held.is_empty() || elapsed >= QUICK.stale_after, "{elapsed:?}");
        assert!(elapsed < 6 * QUICK.stale_after, "{} of {}", held.len(), left.len());
        thread::sleep(Duration::from_millis(30));
    }
}

#[test]
fn whoever_died_while_breaking_a_claim_blocks_for_a_while_only() {
    let folder = tempfile::tempdir().unwrap();
    let here = claims(folder.path(), "here", QUICK);
    drop(claim(&here, 1).unwrap());
    let path = file(folder.path(), 1);
    let token = "0123456789abcdef";
    // As another machine leaves it that dies between keeping the name aside and the rename.
    fs_err::write(
        &path,
        "{\"machine\":\"x\",\"host\":\"x\",\"boot\":null,\"space\":null,\"pid\":1,\"began\":null,\
        \"token\":\"0123456789abcdef\",\"time_ms\":0,\"beat\":\"0\"}",
    )
    .unwrap();
    fs_err::write(path.with_file_name(format!("{}.{WHAT}.broken-{token}", medium(1))), "").unwrap();
    let begun = Instant::now();
    while claim(&here, 1).is_none() {
        assert!(begun.elapsed() < 8 * QUICK.stale_after);
        thread::sleep(Duration::from_millis(30));
    }
    assert!(begun.elapsed() >= 2 * QUICK.stale_after);
}

/// A claim of this machine whose process is gone: another has its number.
fn dead_claim(folder: &Path, number: usize, holder: &Claims) {
    let held = claim(holder, number).unwrap();
    let text = fs_err::read_to_string(file(folder, number)).unwrap();
    drop(held);
    let (before, rest) = text.split_once("\"began\":").unwrap();
    let (_, after) = rest.split_once(',').unwrap();
    fs_err::write(file(folder, number), format!("{before}\"began\":1,{after}")).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn of_many_who_break_one_claim_one_gets_it() {
    const ROUNDS: usize = 150;
    let folder = tempfile::tempdir().unwrap();
    let all = [0; 4].map(|_| claims(folder.path(), "here", Pace::default()));
    let (barrier, winners) = (Barrier::new(all.len()), AtomicUsize::new(0));
    let dead = claims(folder.path(), "here", Pace::default());
    (0..ROUNDS).for_each(|round| dead_claim(folder.path(), round, &dead));
    thread::scope(|scope| {
        for claims in &all {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    barrier.wait();
                    let held = claim(claims, round);
                    winners.fetch_add(usize::from(held.is_some()), Ordering::Relaxed);
                    barrier.wait();
                    assert!(held.is_none_or(|held| held.is_held()));
                }
            });
        }
    });
    assert_eq!(winners.into_inner(), ROUNDS);
    let left = names(folder.path());
    assert!(left.iter().all(|name| name.contains(".broken-")), "{left:?}");
}

#[test]
fn a_claim_that_was_lost_is_not_taken_from_its_new_holder() {
    let folder = tempfile::tempdir().unwrap();
    let here = claims(folder.path(), "here", QUICK);
    let there = claims(folder.path(), "there", QUICK);
    let lost = claim(&here, 1).unwrap();
    // As if this machine had slept, and the other had broken its claim.
    fs_err::remove_file(file(folder.path(), 1)).unwrap();
    let new = claim(&there, 1).unwrap();
    let begun = Instant::now();
    while lost.is_held() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(20));
    }
    drop(lost);
    thread::sleep(3 * QUICK.beat);
    assert!(new.is_held() && file(folder.path(), 1).exists());
}

#[test]
fn what_nobody_touched_for_a_day_is_swept_up() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("rushes/claims");
    fs_err::create_dir_all(&root).unwrap();
    let ages = [("old.x", 25), ("old.x.broken-0123456789abcdef", 30), ("new.x", 23)];
    for (name, hours) in ages {
        let file = fs_err::File::create(root.join(name)).unwrap();
        let time = SystemTime::now() - Duration::from_secs(hours * 3600);
        file.into_parts().0.set_modified(time).unwrap();
    }
    drop(claim(&claims(folder.path(), "here", QUICK), 1).unwrap());
    assert_eq!(names(folder.path()), ["new.x"]);
}

fn spawn(test: &str, folder: &Path, variables: &[(&str, &str)]) -> Child {
    let this = Command::new(std::env::current_exe().unwrap());
    let mut command = again(this, test, folder);
    command.envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    command.spawn().unwrap()
}

fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok)
}

/// Which machine a child is.
const MACHINE: &str = "RUSHES_STORE_TEST_MACHINE";
/// Media of the race.
const MEDIA: usize = 1000;

/// What a child of the next test does: claim what it can in an order of its own, and keep it until told to end.
#[test]
fn child_that_claims_all_it_can() {
    let Some(folder) = child_folder() else { return };
    let machine = std::env::var(MACHINE).unwrap();
    let claims = claims(&folder, &machine, Pace::default());
    let mut order: Vec<usize> = (0..MEDIA).collect();
    let mut random = Random(u64::from(std::process::id()));
    (1..MEDIA).for_each(|at| order.swap(at, random.below(at + 1)));
    let mut held = Vec::new();
    for number in order {
        // Another may have it at the same time as little as a moment later.
        for turn in 0..2 {
            let Some(claim) = claim(&claims, number) else { break };
            let mark = folder.join(format!("mark-{number}"));
            fs_err::File::create_new(&mark).expect("nobody else has it");
            fs_err::remove_file(mark).unwrap();
            if turn == 1 {
                println!("\nclaimed {number}");
                held.push(claim);
            }
        }
    }
    println!("\ndone");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    assert!(held.iter().all(Claim::is_held));
    drop(held);
    println!("\nended");
}

#[test]
fn two_processes_claim_each_of_a_thousand_media_once() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["here", "there"];
    let mut children =
        names.map(|name| spawn("child_that_claims_all_it_can", folder.path(), &[(MACHINE, name)]));
    let mut outputs = children.each_mut().map(lines);
    let claimed = outputs.each_mut().map(|lines| {
        let said = lines.take_while(|line| line != "done");
        said.filter_map(|line| line.strip_prefix("claimed ")?.parse().ok()).collect::<Vec<usize>>()
    });
    let both: HashSet<usize> = claimed.iter().flatten().copied().collect();
    println!("{} and {} of {MEDIA}", claimed[0].len(), claimed[1].len());
    assert_eq!(claimed[0].len() + claimed[1].len(), both.len(), "claimed twice");
    assert_eq!(both.len(), MEDIA);
    assert!(claimed.iter().all(|own| own.len() > MEDIA / 20), "it was a race");
    for (child, mut lines) in children.iter_mut().zip(outputs) {
        drop(child.stdin.take());
        assert!(lines.any(|line| line == "ended"));
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(self::names(folder.path()), [""; 0]);
}

/// What a child of the next test does: claim a medium and never let it go.
#[test]
fn child_that_claims() {
    let Some(folder) = child_folder() else { return };
    let claims = claims(&folder, "here", QUICK);
    let _held = claim(&claims, 7).unwrap();
    println!("\nclaimed");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    thread::sleep(Duration::from_secs(60));
}

#[test]
fn of_a_killed_holder_others_get_the_medium() {
    let folder = tempfile::tempdir().unwrap();
    for (machine, at_once) in [("here", cfg!(target_os = "linux")), ("there", false)] {
        let own = claims(folder.path(), machine, QUICK);
        let mut child = spawn("child_that_claims", folder.path(), &[]);
        assert!(lines(&mut child).any(|line| line == "claimed"));
        for _ in 0..5 {
            assert!(claim(&own, 7).is_none(), "its process lives");
            thread::sleep(QUICK.beat);
        }
        child.kill().unwrap();
        if !at_once {
            child.wait().unwrap();
        }
        // One that is killed and not yet waited for is dead, too, once the system says so.
        let begun = Instant::now();
        let held = loop {
            if let Some(held) = claim(&own, 7) {
                break held;
            }
            assert!(begun.elapsed() < 8 * QUICK.stale_after);
            thread::sleep(Duration::from_millis(5));
        };
        let took = begun.elapsed();
        println!("{machine}: {took:?}");
        assert_eq!(took < QUICK.stale_after / 2, at_once, "{took:?}");
        drop(held);
        let _ = child.wait();
    }
}
