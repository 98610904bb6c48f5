//! One watch folder at work.

use super::roll::{Moment, Roll};
use crate::{
    replies::{FailedFile, FolderStats, WatchFolder},
    requests::{WatchFolderSettings, WatchMethod},
    walk::has_media_ending,
};
use rushes_store::{AnalysisFolder, FileStamp, is_network_file_system};
use rushes_watch::{Event, Method, Root, Rules, Watch};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How long a folder waits whose files could not be analysed at all; twice as long each time.
const FIRST_HOLD: Duration = Duration::from_secs(10);
/// Longest wait.
const LONGEST_HOLD: Duration = Duration::from_secs(300);
/// How often the analyses of a folder are looked for; at once when another one was found to be damaged.
const AUDIT_EVERY: Duration = Duration::from_secs(15 * 60);

/// A watch folder, what watches it and its roll.
pub struct Watched {
    /// What is wanted.
    pub folder: WatchFolder,
    /// Its files.
    pub roll: Roll,
    /// Which turn it had last; the folder with the smallest is next.
    pub last_turn: u64,
    /// How many analyses had been quarantined when they were looked for last, and when that was.
    audited: Option<(usize, Instant)>,
    watch: Option<Watch>,
    /// Which of its watches that is: what an earlier one said late is of no use.
    generation: u64,
    offline: Option<String>,
    hold: Option<(Instant, Duration)>,
}

impl Watched {
    /// A folder that is not watched yet.
    #[must_use]
    pub fn new(folder: WatchFolder, roll: Roll) -> Self {
        Self {
            folder,
            roll,
            last_turn: 0,
            audited: None,
            watch: None,
            generation: 0,
            offline: None,
            hold: None,
        }
    }

    /// Watches the folder; `heard` makes who is told what happens, with the number of this watch.
    pub fn watch<H: Fn(Event) + Send + 'static>(&mut self, heard: impl FnOnce(u64) -> H) {
        if self.watch.is_some() {
            return;
        }
        self.generation += 1;
        // What has gone since an earlier watch nobody tells.
        self.roll.unsee();
        let started = Watch::start(root(&self.folder.settings), rules(), heard(self.generation));
        self.offline = started.as_ref().err().map(ToString::to_string);
        self.watch = started.ok();
    }

    /// Does not watch the folder, for this reason if it is one that people should know.
    pub fn rest(&mut self, reason: Option<String>) {
        self.end_watch();
        self.offline = reason;
    }

    /// What the watch has said and nobody heard yet is not heard any more.
    fn end_watch(&mut self) {
        self.watch = None;
        self.generation += 1;
    }

    /// Takes other settings; whether its files have to be analysed anew for them.
    pub fn change(&mut self, folder: WatchFolder) -> bool {
        let (old, new) = (&self.folder.settings, &folder.settings);
        let is_elsewhere =
            old.path != new.path || old.recursive != new.recursive || old.method != new.method;
        let is_stored_elsewhere = old.cache_dir != new.cache_dir;
        // All that says how, and nothing of where and whether.
        let is_other = old.analysis_of(Vec::new()) != new.analysis_of(Vec::new());
        if is_elsewhere || is_stored_elsewhere {
            self.end_watch();
        }
        if is_elsewhere {
            self.roll = Roll::default();
        }
        self.folder = folder;
        self.hold = None;
        is_other || is_elsewhere
    }

    /// Notes what happened to its files; gives those that are no longer there. What an earlier watch said late is
    /// passed over.
    pub fn heard(&mut self, generation: u64, event: Event) -> Option<PathBuf> {
        if generation != self.generation {
            return None;
        }
        match event {
            Event::Settled(units) => {
                for medium in units.iter().flat_map(|unit| &unit.media) {
                    self.settled(&medium.path, medium.stamp);
                }
            }
            Event::Gone(path) => return self.roll.gone(&path).then_some(path),
            Event::Renamed { from, to } => {
                // Its content tells that it is the same medium, when its turn comes.
                return self.roll.renamed(&from, &to).then_some(from);
            }
            Event::Offline(reason) => {
                tracing::warn!(folder = self.folder.settings.path, reason, "watch folder offline");
                self.offline = Some(reason);
            }
            Event::Online => self.offline = None,
            Event::Warning(message) => {
                tracing::warn!(folder = self.folder.settings.path, message, "watch folder");
            }
        }
        None
    }

    fn settled(&mut self, path: &Path, stamp: rushes_watch::Stamp) {
        let rushes_watch::Stamp { size, mtime_ns } = stamp;
        self.roll.settled(path, FileStamp { size, mtime_ns });
    }

    /// Takes files whose turn it is, unless the folder is away or has to wait.
    pub fn take(&mut self, most: usize, now: Instant) -> Vec<PathBuf> {
        if self.is_away() || self.hold.is_some_and(|(until, _)| now < until) {
            return Vec::new();
        }
        self.roll.take(most, now)
    }

    fn is_away(&self) -> bool {
        self.watch.is_none() || self.offline.is_some()
    }

    /// Has the whole folder wait: none of its files could be tried.
    pub fn hold(&mut self, now: Moment) {
        let wait = self.hold.map_or(FIRST_HOLD, |(_, wait)| LONGEST_HOLD.min(wait * 2));
        self.hold = Some((now.instant + wait, wait));
    }

    /// A file could be tried: the next trouble begins anew.
    pub fn release(&mut self) {
        self.hold = None;
    }

    /// The files whose analyses are to be looked for, when it is time; `quarantined` is how many were.
    pub fn files_to_audit(&mut self, quarantined: usize) -> Option<Vec<PathBuf>> {
        let is_fresh =
            |(then, when): (usize, Instant)| then == quarantined && when.elapsed() < AUDIT_EVERY;
        if self.is_away() || self.audited.is_some_and(is_fresh) {
            return None;
        }
        self.audited = Some((quarantined, Instant::now()));
        Some(self.roll.analysed().map(Path::to_owned).collect())
    }

    /// When something can be done that cannot now.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        let hold = self.hold.map(|(until, _)| until);
        [hold, self.roll.next_due()].into_iter().flatten().min()
    }

    /// What became of its files.
    #[must_use]
    pub fn stats(&self) -> FolderStats {
        let counts = self.roll.counts();
        let snapshot = self.watch.as_ref().map(Watch::snapshot).unwrap_or_default();
        let failures = self.roll.failures().take(FailedFile::MOST);
        let failures = failures.map(|(path, failure)| FailedFile::of(path, failure));
        FolderStats {
            pending: counts.pending + snapshot.pending as u64,
            processed: counts.processed,
            failed: counts.failed,
            offline: self.offline.clone(),
            method: snapshot.method.map(|method| method_name(method).to_owned()),
            failures: failures.collect(),
        }
    }
}

fn root(settings: &WatchFolderSettings) -> Root {
    Root {
        path: PathBuf::from(&settings.path),
        recursive: settings.recursive,
        method: match settings.method {
            WatchMethod::Auto => Method::Auto,
            WatchMethod::Native => Method::Native,
            WatchMethod::Poll => Method::Poll,
        },
        // The analysis folder may lie in the footage.
        excluded: vec![AnalysisFolder::root_in(Path::new(&settings.cache_dir))],
    }
}

fn rules() -> Rules {
    Rules::new(has_media_ending, is_network_file_system)
}

fn method_name(method: Method) -> &'static str {
    match method {
        Method::Auto => "auto",
        Method::Native => "native",
        Method::Poll => "poll",
    }
}
