//! The roll of one watch folder: its files, what is to be done with them and what became of them.
//!
//! Touches no file and is given the time, so that days of trying again can be tested in a moment.

use rushes_store::{FileStamp, WatchFailure, WatchedFile};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How long after the first failure a file is tried again; twice as long each time.
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// Longest time between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// A file that failed for so long is not tried again until it changes, in seconds.
const GIVE_UP_AFTER: u64 = 24 * 60 * 60;

/// A moment, by the clock that never jumps and by the one that outlives the process.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// For waiting.
    pub instant: Instant,
    /// For remembering: seconds since 1970.
    pub unix: u64,
}

/// The files of a watch folder.
#[derive(Debug, Default)]
pub struct Roll(BTreeMap<PathBuf, Entry>);

#[derive(Debug)]
struct Entry {
    stamp: FileStamp,
    state: State,
    failure: Option<WatchFailure>,
    /// Whether it was there since the process began.
    is_seen: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It can be analysed, from this moment on if there is one.
    Ready(Option<Instant>),
    /// It is being analysed.
    InWork,
    /// It is being analysed, and has changed since that began.
    Outdated,
    /// Nothing is to be done.
    Settled,
}

/// How many files there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not analysed, and not failed.
    pub pending: u64,
    /// Analysed.
    pub processed: u64,
    /// Failed, whether they are tried again or not.
    pub failed: u64,
}

impl Roll {
    /// What an earlier process left. Its failures are tried again soon.
    #[must_use]
    pub fn kept(files: Vec<WatchedFile>, now: Moment) -> Self {
        let entry = |file: WatchedFile| {
            let again = file.failure.as_ref().is_some_and(|failure| !failure.gave_up);
            let state =
                if again { State::Ready(Some(now.instant + FIRST_WAIT)) } else { State::Settled };
            (file.path, Entry { stamp: file.stamp, state, failure: file.failure, is_seen: false })
        };
        Self(files.into_iter().map(entry).collect())
    }

    /// Notes that a file is there and complete. One that is known as it is stays as it is.
    pub fn settled(&mut self, path: &Path, stamp: FileStamp) {
        match self.0.get_mut(path) {
            Some(entry) if entry.stamp == stamp => entry.is_seen = true,
            Some(entry) => {
                entry.stamp = stamp;
                entry.failure = None;
                entry.is_seen = true;
                entry.state = match entry.state {
                    State::InWork | State::Outdated => State::Outdated,
                    State::Ready(_) | State::Settled => State::Ready(None),
                };
            }
            None => {
                let state = State::Ready(None);
                let entry = Entry { stamp, state, failure: None, is_seen: true };
                self.0.insert(path.to_owned(), entry);
            }
        }
    }

    /// Notes that a file has another name: its analysis is looked for under that. Whether it was known.
    pub fn renamed(&mut self, from: &Path, to: &Path) -> bool {
        let Some(entry) = self.0.remove(from) else { return false };
        let state = State::Ready(None);
        self.0.insert(to.to_owned(), Entry { state, failure: None, ..entry });
        true
    }

    /// Counts no file until it is seen again.
    pub fn unsee(&mut self) {
        self.0.values_mut().for_each(|entry| entry.is_seen = false);
    }

    /// Drops a file that is no longer there; whether it was known.
    pub fn gone(&mut self, path: &Path) -> bool {
        self.0.remove(path).is_some()
    }

    /// Has all files analysed anew, as when something else is wanted of them.
    pub fn begin_anew(&mut self) {
        for entry in self.0.values_mut() {
            entry.failure = None;
            entry.state = match entry.state {
                State::InWork | State::Outdated => State::Outdated,
                State::Ready(_) | State::Settled => State::Ready(None),
            };
        }
    }

    /// Has a file that was analysed be analysed anew: its analysis is gone.
    pub fn again(&mut self, path: &Path) {
        if let Some(entry) = self.0.get_mut(path)
            && entry.state == State::Settled
        {
            entry.state = State::Ready(None);
        }
    }

    /// The files that are analysed.
    pub fn analysed(&self) -> impl Iterator<Item = &Path> {
        let analysed = |entry: &Entry| entry.state == State::Settled && entry.failure.is_none();
        let seen = self.0.iter().filter(move |(_, entry)| entry.is_seen && analysed(entry));
        seen.map(|(path, _)| path.as_path())
    }

    /// Takes at most so many files to analyse now: new ones first, in order of their names.
    pub fn take(&mut self, most: usize, now: Instant) -> Vec<PathBuf> {
        let mut ready: Vec<_> =
            self.0.iter_mut().filter(|(_, entry)| entry.is_seen && entry.is_due(now)).collect();
        ready.sort_by_key(|(_, entry)| entry.failure.is_some());
        ready.truncate(most);
        let taken = ready.into_iter().map(|(path, entry)| {
            entry.state = State::InWork;
            path.clone()
        });
        taken.collect()
    }

    /// Gives files back that were taken and not tried.
    pub fn give_back<'a>(&mut self, paths: impl IntoIterator<Item = &'a PathBuf>) {
        for path in paths {
            if let Some(entry) = self.0.get_mut(path)
                && entry.is_in_work()
            {
                entry.state = State::Ready(None);
            }
        }
    }

    /// Notes what became of a file that was taken, and gives what is to be kept of it. Nothing if it has changed
    /// or gone meanwhile.
    pub fn ended(&mut self, path: &Path, reason: Option<&str>, now: Moment) -> Option<WatchedFile> {
        let entry = self.0.get_mut(path)?;
        match entry.state {
            State::InWork => {}
            State::Outdated => {
                entry.state = State::Ready(None);
                return None;
            }
            State::Ready(_) | State::Settled => return None,
        }
        entry.failure = reason.map(|reason| entry.failed(reason, now));
        entry.state = match &entry.failure {
            Some(failure) if !failure.gave_up => {
                State::Ready(Some(now.instant + wait_after(failure.tries)))
            }
            _ => State::Settled,
        };
        Some(entry.kept(path))
    }

    /// Has a file that was taken not be tried again until it changes, and gives what is to be kept of it.
    pub fn give_up(&mut self, path: &Path, reason: &str, now: Moment) -> Option<WatchedFile> {
        let entry = self.0.get_mut(path).filter(|entry| entry.is_in_work())?;
        let failure = entry.failed(reason, now);
        entry.failure = Some(WatchFailure { gave_up: true, ..failure });
        entry.state = State::Settled;
        Some(entry.kept(path))
    }

    /// When the next file can be tried that cannot now.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        let due = self.0.values().filter(|entry| entry.is_seen).filter_map(|entry| {
            let State::Ready(at) = entry.state else { return None };
            at
        });
        due.min()
    }

    /// How many there are of each kind.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for entry in self.0.values().filter(|entry| entry.is_seen) {
            let kind = match (&entry.failure, entry.state) {
                (Some(_), _) => &mut counts.failed,
                (None, State::Settled) => &mut counts.processed,
                (None, _) => &mut counts.pending,
            };
            *kind += 1;
        }
        counts
    }

    /// The files that failed, in order of their names.
    pub fn failures(&self) -> impl Iterator<Item = (&Path, &WatchFailure)> {
        let seen = self.0.iter().filter(|(_, entry)| entry.is_seen);
        seen.filter_map(|(path, entry)| Some((path.as_path(), entry.failure.as_ref()?)))
    }
}

impl Entry {
    fn is_due(&self, now: Instant) -> bool {
        matches!(self.state, State::Ready(at) if at.is_none_or(|at| at <= now))
    }

    fn is_in_work(&self) -> bool {
        matches!(self.state, State::InWork | State::Outdated)
    }

    fn failed(&self, reason: &str, now: Moment) -> WatchFailure {
        let (tries, first) = match &self.failure {
            // A clock that was set back must not keep a file for ever.
            Some(earlier) => (earlier.tries.saturating_add(1), earlier.first.min(now.unix)),
            None => (1, now.unix),
        };
        let gave_up = now.unix - first >= GIVE_UP_AFTER;
        WatchFailure { tries, first, gave_up, reason: reason.to_owned() }
    }

    fn kept(&self, path: &Path) -> WatchedFile {
        WatchedFile { path: path.to_owned(), stamp: self.stamp, failure: self.failure.clone() }
    }
}

/// How long a file waits that was tried so many times.
fn wait_after(tries: u32) -> Duration {
    let doublings = tries.saturating_sub(1).min(10);
    LONGEST_WAIT.min(FIRST_WAIT * 2u32.pow(doublings))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: FileStamp = FileStamp { size: 1, mtime_ns: 2 };
    const CHANGED: FileStamp = FileStamp { size: 2, mtime_ns: 2 };

    fn start() -> Moment {
        Moment { instant: Instant::now(), unix: 1_000_000 }
    }

    fn later(moment: Moment, seconds: u64) -> Moment {
        let instant = moment.instant + Duration::from_secs(seconds);
        Moment { instant, unix: moment.unix + seconds }
    }

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn each_file_is_taken_once_and_again_when_it_changes() {
        let (mut roll, now) = (Roll::default(), start());
        for path in paths(&["/b", "/a", "/c"]) {
            roll.settled(&path, STAMP);
        }
        assert_eq!(roll.take(2, now.instant), paths(&["/a", "/b"]));
        assert_eq!(roll.take(2, now.instant), paths(&["/c"]));
        assert_eq!(roll.take(2, now.instant), paths(&[]));
        let kept = roll.ended(Path::new("/a"), None, now).unwrap();
        assert_eq!((kept.stamp, kept.failure), (STAMP, None));
        roll.settled(Path::new("/a"), STAMP);
        // While it is in work it changes: what was found then is not its analysis.
        roll.settled(Path::new("/b"), CHANGED);
        assert_eq!(roll.ended(Path::new("/b"), None, now), None);
        roll.give_back(&paths(&["/c", "/a"]));
        assert_eq!(roll.take(9, now.instant), paths(&["/b", "/c"]));
        assert_eq!(roll.counts(), Counts { pending: 2, processed: 1, failed: 0 });
        assert!(roll.gone(Path::new("/b")) && !roll.gone(Path::new("/b")));
        assert_eq!(roll.ended(Path::new("/b"), None, now), None);
        roll.again(Path::new("/a"));
        assert_eq!(roll.take(9, now.instant), paths(&["/a"]));
    }

    #[test]
    fn failures_are_tried_again_ever_more_rarely_and_given_up_after_a_day() {
        let (mut roll, begun) = (Roll::default(), start());
        let path = Path::new("/broken");
        roll.settled(path, STAMP);
        let (mut now, mut waits, mut tries) = (begun, Vec::new(), 0);
        loop {
            assert_eq!(roll.take(1, now.instant), [path]);
            tries += 1;
            let kept = roll.ended(path, Some("no moov"), now).unwrap().failure.unwrap();
            assert_eq!(
                (kept.tries, kept.first, kept.reason.as_str()),
                (tries, begun.unix, "no moov")
            );
            assert_eq!(roll.counts().failed, 1);
            let Some(due) = roll.next_due() else { break };
            assert_eq!(roll.take(1, due - Duration::from_millis(1)), paths(&[]));
            let wait = (due - now.instant).as_secs();
            waits.push(wait);
            now = later(now, wait);
        }
        assert_eq!(waits[..7], [10, 20, 40, 80, 160, 300, 300]);
        assert!(now.unix - begun.unix >= GIVE_UP_AFTER && now.unix - begun.unix < 90_000);
        assert!(roll.failures().next().unwrap().1.gave_up);
        assert!(roll.take(1, later(now, 9_000_000).instant).is_empty());
        roll.settled(path, CHANGED);
        assert_eq!(roll.take(1, now.instant), [path]);
        assert_eq!(roll.ended(path, None, now).unwrap().failure, None);
    }

    #[test]
    fn what_an_earlier_process_left_counts_when_it_is_seen_again() {
        let now = start();
        let failure = |gave_up| WatchFailure { tries: 4, first: 9, gave_up, reason: "bad".into() };
        let file = |path: &str, failure| WatchedFile { path: path.into(), stamp: STAMP, failure };
        let mut roll = Roll::kept(
            vec![
                file("/done", None),
                file("/failed", Some(failure(false))),
                file("/lost", None),
                file("/never", Some(failure(true))),
            ],
            now,
        );
        assert_eq!(roll.counts(), Counts::default());
        for path in ["/done", "/failed", "/never", "/new"] {
            roll.settled(Path::new(path), STAMP);
        }
        assert_eq!(roll.counts(), Counts { pending: 1, processed: 1, failed: 2 });
        assert_eq!(roll.take(9, now.instant), paths(&["/new"]));
        assert_eq!(roll.take(9, later(now, 11).instant), paths(&["/failed"]));
        assert_eq!(roll.analysed().collect::<Vec<_>>(), [Path::new("/done")]);
        let given_up = roll.give_up(Path::new("/new"), "cancelled", now).unwrap();
        assert!(given_up.failure.unwrap().gave_up);
        roll.begin_anew();
        let all = paths(&["/done", "/never", "/new"]);
        assert_eq!(roll.take(9, now.instant), all, "and what is in work is not taken twice");
        assert!(roll.renamed(Path::new("/done"), Path::new("/moved")));
        assert!(!roll.renamed(Path::new("/done"), Path::new("/again")));
        assert_eq!(roll.take(9, now.instant), paths(&["/moved"]));
        roll.unsee();
        assert_eq!(roll.counts(), Counts::default());
    }
}
