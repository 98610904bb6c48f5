//! A disk that fails at each of its steps, in each way: what was there stays, the error names the path, and the
//! same call succeeds once the disk works again.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.

mod common;

use common::{large, small, small_faces, small_speech, small_text};
use rushes_store::{
    Analysis, AnalysisFolder, BundleMeta, Journal, Machine,
    durable::{
        self, Verb,
        faults::{self, Fault, Plan},
    },
    keep_numbers, kept_numbers,
};
use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Something that writes: how a folder looks before, and what is done then.
struct Work {
    name: &'static str,
    prepare: fn(&Path),
    act: fn(&Path) -> Result<(), String>,
    /// Whether also a failure of its last step, the syncing of a folder, is undone.
    is_undone: bool,
}

/// What is in a folder, but for unfinished files and empty folders.
type View = BTreeMap<String, String>;

#[derive(Debug, Default)]
struct Tally {
    cases: usize,
    /// Of those, how many left the new state behind an error, for only the last syncing of a folder failed.
    new_after_all: usize,
    /// How many left unfinished files, which readers pass over.
    temporaries: usize,
}

fn text<T, E: ToString>(result: Result<T, E>) -> Result<(), String> {
    result.map(drop).map_err(|error| error.to_string())
}

fn analyses(folder: &Path) -> AnalysisFolder {
    AnalysisFolder::open(folder).unwrap()
}

fn home(folder: &Path) -> std::path::PathBuf {
    let home = folder.join("home");
    fs_err::create_dir_all(&home).unwrap();
    home
}

fn journal(folder: &Path) -> io::Result<Journal> {
    Ok(Journal::new(analyses(folder), Machine::open(&home(folder))?))
}

fn append(folder: &Path, what: &str) -> Result<(), String> {
    let journal = journal(folder).map_err(|error| error.to_string())?;
    text(journal.append("test", &what))
}

/// The only file of the journal.
fn journal_file(folder: &Path) -> std::path::PathBuf {
    let files = fs_err::read_dir(folder.join("rushes/journal")).unwrap();
    files.map(|file| file.unwrap().path()).next().unwrap()
}

fn later(meta: BundleMeta) -> BundleMeta {
    BundleMeta { created_at: meta.created_at + 1, ..meta }
}

fn nothing(_: &Path) {}

fn publishing() -> Vec<Work> {
    vec![
        Work {
            name: "a first visual bundle",
            is_undone: false,
            prepare: nothing,
            act: |folder| text(analyses(folder).publish(&small(1))),
        },
        Work {
            name: "a visual bundle in place of another",
            is_undone: false,
            prepare: |folder| drop(analyses(folder).publish(&small(1)).unwrap()),
            act: |folder| {
                let mut bundle = small(1);
                bundle.meta = later(bundle.meta);
                text(analyses(folder).publish(&bundle))
            },
        },
        Work {
            name: "a large visual bundle",
            is_undone: false,
            prepare: |folder| drop(analyses(folder).publish(&small(1)).unwrap()),
            act: |folder| text(analyses(folder).publish(&large(1, 50, 2_500_000))),
        },
        Work {
            name: "a text bundle",
            is_undone: false,
            prepare: |folder| drop(analyses(folder).publish_text(&small_text(1)).unwrap()),
            act: |folder| {
                let mut bundle = small_text(1);
                bundle.meta = later(bundle.meta);
                text(analyses(folder).publish_text(&bundle))
            },
        },
        Work {
            name: "a speech bundle",
            is_undone: false,
            prepare: |folder| drop(analyses(folder).publish_speech(&small_speech(1)).unwrap()),
            act: |folder| {
                let mut bundle = small_speech(1);
                bundle.meta = later(bundle.meta);
                text(analyses(folder).publish_speech(&bundle))
            },
        },
        Work {
            name: "a face bundle",
            is_undone: false,
            prepare: |folder| drop(analyses(folder).publish_faces(&small_faces(1)).unwrap()),
            act: |folder| {
                let mut bundle = small_faces(1);
                bundle.meta = later(bundle.meta);
                text(analyses(folder).publish_faces(&bundle))
            },
        },
    ]
}

fn deciding() -> Vec<Work> {
    let again: fn(&Path) -> Result<(), String> = |folder| append(folder, "new");
    vec![
        Work {
            name: "a first record",
            is_undone: false,
            prepare: |folder| drop(journal(folder).unwrap()),
            act: again,
        },
        Work {
            name: "a second record",
            is_undone: false,
            prepare: |folder| append(folder, "old").unwrap(),
            act: again,
        },
        Work {
            name: "a record after half of one",
            is_undone: false,
            prepare: |folder| {
                append(folder, "old").unwrap();
                let whole = fs_err::read(journal_file(folder)).unwrap();
                append(folder, "half").unwrap();
                let half = fs_err::read(journal_file(folder)).unwrap();
                fs_err::write(journal_file(folder), &half[..whole.len() + 30]).unwrap();
            },
            act: again,
        },
        Work {
            name: "a record after damage",
            is_undone: false,
            prepare: |folder| {
                (0..3).for_each(|_| append(folder, "old").unwrap());
                let mut bytes = fs_err::read(journal_file(folder)).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs_err::write(journal_file(folder), bytes).unwrap();
            },
            act: again,
        },
        Work {
            name: "a machine's number",
            is_undone: false,
            prepare: |folder| drop(home(folder)),
            act: |folder| text(Machine::open(&home(folder))),
        },
    ]
}

/// Those that end with a name that is there for good ask first whether it is.
fn other_files() -> Vec<Work> {
    vec![
        Work {
            name: "quarantine",
            is_undone: false,
            prepare: |folder| drop(analyses(folder).publish(&small(1)).unwrap()),
            act: |folder| {
                let analyses = analyses(folder);
                let entries = analyses.list(Analysis::Visual).unwrap();
                // Once it is moved, doing it again finds nothing to do.
                text(entries.iter().try_for_each(|one| analyses.quarantine(one, "why").map(drop)))
            },
        },
        Work {
            name: "numbers in a new folder",
            is_undone: false,
            prepare: nothing,
            act: |folder| text(keep_numbers(&folder.join("a/b/numbers"), &[1, 2, 3])),
        },
        Work {
            name: "numbers in place of others",
            is_undone: false,
            prepare: |folder| keep_numbers(&folder.join("numbers"), &[9]).unwrap(),
            act: |folder| text(keep_numbers(&folder.join("numbers"), &[1, 2, 3])),
        },
        Work {
            name: "publish_new",
            is_undone: true,
            prepare: |folder| fs_err::write(folder.join("beside"), "old").unwrap(),
            act: |folder| {
                let new = folder.join("new");
                if new.exists() {
                    return Ok(());
                }
                text(durable::publish_new(&new, |file| file.write_all(b"new")))
            },
        },
        Work {
            name: "publish_finished",
            is_undone: true,
            prepare: |folder| fs_err::write(folder.join("finished"), "new").unwrap(),
            act: |folder| {
                let (from, to) = (folder.join("finished"), folder.join("named"));
                if to.exists() {
                    return Ok(());
                }
                text(durable::sync_file(&from).and_then(|()| durable::publish_finished(&from, &to)))
            },
        },
        Work {
            name: "move_aside",
            is_undone: false,
            prepare: |folder| fs_err::write(folder.join("here"), "old").unwrap(),
            act: |folder| {
                let (from, to) = (folder.join("here"), folder.join("aside/there"));
                if to.exists() {
                    return Ok(());
                }
                text(durable::move_aside(&from, &to))
            },
        },
        Work {
            name: "ensure_writable",
            is_undone: false,
            prepare: nothing,
            act: |folder| text(analyses(folder).ensure_writable()),
        },
    ]
}

/// The digits in names are hashes or random, and say nothing here.
fn without_random(name: &str) -> String {
    let parts = name.split_inclusive(['-', '.', '/']);
    let is_random = |part: &str| {
        let digits = part.trim_end_matches(['-', '.', '/']);
        matches!(digits.len(), 16 | 32) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    parts.map(|part| if is_random(part) { "*" } else { part }).collect()
}

fn view(folder: &Path) -> View {
    let mut view = View::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs_err::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !durable::is_temporary(&path) {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                let content = content(folder, &path);
                view.extend(content.map(|content| (without_random(&name), content)));
            }
        }
    }
    view
}

/// What a reader makes of a file; nothing if it makes nothing of it.
fn content(folder: &Path, path: &Path) -> Option<String> {
    let bytes = fs_err::read(path).unwrap();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("rjl") if path.parent().unwrap().ends_with("journal") => {
            let read = journal(folder).unwrap().read().unwrap();
            let bodies: Vec<String> =
                read.records.iter().map(|record| record.body.to_string()).collect();
            // Damage is told as long as it is there and no longer once it was put aside: both are right.
            (!bodies.is_empty()).then(|| format!("{bodies:?}"))
        }
        Some("rjl") => Some(format!("{} bytes", bytes.len())),
        _ if path.ends_with("home/machine") => Some(format!("{} digits", bytes.len())),
        _ if path.ends_with("numbers") => Some(format!("{:?}", kept_numbers(path).unwrap())),
        Some("txt") => {
            Some(String::from_utf8(bytes).unwrap().replace(folder.to_str().unwrap(), "<folder>"))
        }
        _ => Some(format!("{} bytes, {:08x}", bytes.len(), crc32fast::hash(&bytes))),
    }
}

fn unfinished(folder: &Path) -> usize {
    let mut folders = vec![folder.to_owned()];
    let mut found = 0;
    while let Some(next) = folders.pop() {
        for entry in fs_err::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            found += usize::from(durable::is_temporary(&path));
            folders.extend(path.is_dir().then_some(path));
        }
    }
    found
}

/// All of `before` is there, and beside it at most what also the whole work leaves in quarantine.
fn is_intact(state: &View, before: &View, after: &View) -> bool {
    let kept = before.iter().all(|(name, content)| state.get(name) == Some(content));
    let spare = |(name, content): (&String, &String)| {
        before.contains_key(name)
            || name.contains("quarantine/") && after.get(name) == Some(content)
    };
    kept && state.iter().all(spare)
}

/// What the work leaves when nothing fails.
fn whole(work: &Work) -> View {
    let folder = tempfile::tempdir().unwrap();
    (work.prepare)(folder.path());
    (work.act)(folder.path()).unwrap();
    view(folder.path())
}

/// Makes one call of one step fail. Says whether there was such a call.
fn check(work: &Work, plan: Plan, after: &View, tally: &mut Tally) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    (work.prepare)(folder);
    let before = view(folder);
    let (result, fired) = faults::with(plan, || (work.act)(folder));
    let state = view(folder);
    let left = unfinished(folder);
    if !fired {
        assert_eq!((result, &state), (Ok(()), after), "{}", work.name);
        return false;
    }
    let what = format!("{}, {plan:?}: {result:?}\n{before:#?}\n{state:#?}\n{after:#?}", work.name);
    tally.cases += 1;
    match &result {
        Ok(()) => {
            assert!(is_bearable(plan), "{what}");
            assert_eq!(&state, after, "{what}");
        }
        Err(error) => {
            assert!(!is_bearable(plan), "{what}");
            assert!(error.contains(folder.to_str().unwrap()), "{what}");
            let last_step =
                plan.verb.is_none_or(|verb| verb == Verb::SyncFolder && !work.is_undone);
            let new = last_step && state == *after && state != before;
            tally.new_after_all += usize::from(new);
            assert!(new || is_intact(&state, &before, after), "{what}");
            let again = (work.act)(folder);
            assert_eq!(again, Ok(()), "{what}");
            // What was there in spite of the error is kept and journalled a second time.
            let again = view(folder);
            assert!(again == *after || new && again.keys().eq(after.keys()), "{what}\n{again:#?}");
        }
    }
    let may_be_left = plan.verb.is_none_or(|verb| verb == Verb::Remove);
    assert!(left == 0 || may_be_left, "{what}");
    tally.temporaries += left;
    true
}

/// Faults that the work is done in spite of.
fn is_bearable(plan: Plan) -> bool {
    matches!(plan.fault, Fault::Short | Fault::Unsupported)
}

fn faults_of(verb: Option<Verb>) -> Vec<Fault> {
    let mut faults = vec![Fault::NoSpace, Fault::Io, Fault::Denied];
    match verb {
        Some(Verb::Write) => faults.extend([Fault::Short, Fault::Torn]),
        Some(Verb::RenameNew | Verb::SyncFolder) => faults.push(Fault::Unsupported),
        _ => {}
    }
    faults
}

const VERBS: [Option<Verb>; 12] = [
    Some(Verb::CreateFile),
    Some(Verb::Write),
    Some(Verb::SetLength),
    Some(Verb::SyncFile),
    Some(Verb::Rename),
    Some(Verb::RenameNew),
    Some(Verb::SyncFolder),
    Some(Verb::CreateFolder),
    Some(Verb::Remove),
    Some(Verb::Lock),
    Some(Verb::Read),
    None,
];

fn check_all(work: &Work) -> Tally {
    let (mut tally, after) = (Tally::default(), whole(work));
    for verb in VERBS {
        for fault in faults_of(verb) {
            for lasting in [false, true] {
                let plan = |nth| Plan { verb, nth, fault, lasting };
                let calls =
                    (0..).take_while(|&nth| check(work, plan(nth), &after, &mut tally)).count();
                assert!(calls < 60, "{}: {verb:?} does not end", work.name);
            }
        }
    }
    assert!(tally.cases > 0, "{} never fails", work.name);
    tally
}

#[test]
fn whatever_fails_the_old_state_stays_and_the_next_try_succeeds() {
    let works: Vec<Work> =
        [publishing(), deciding(), other_files()].into_iter().flatten().collect();
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(work) = works.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let tally = check_all(work);
                    println!("{:45} {tally:?}", work.name);
                    let mut all = all.lock().unwrap();
                    all.cases += tally.cases;
                    all.new_after_all += tally.new_after_all;
                    all.temporaries += tally.temporaries;
                }
            });
        }
    });
    let all = all.into_inner().unwrap();
    println!("{} kinds of work: {all:?}", works.len());
    assert!(all.cases > 1000, "{all:?}");
}

#[test]
fn an_unreadable_bundle_is_not_a_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = analyses(folder.path()).publish(&small(1)).unwrap();
    let plan = Plan { verb: Some(Verb::Read), nth: 0, fault: Fault::Io, lasting: true };
    let (result, fired) = faults::with(plan, || rushes_store::VisualBundleFile::open(&path));
    let error = result.unwrap_err();
    assert!(fired && matches!(error, rushes_store::StoreError::Io(_)), "{error}");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}
