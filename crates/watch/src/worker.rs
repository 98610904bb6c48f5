//! The thread of a watch: when to look, and at what.

use crate::{
    Event, Method, Rules, Snapshot, Unit,
    inbox::{Inbox, News},
    ledger::{Candidate, Ledger, Look},
    mounts::Volumes,
    native::{self, Native},
    scan::{Extent, Scan, is_listed, outermost},
    stamp::{Id, Stat},
};
use fs_err as fs;
use std::{
    collections::{BTreeSet, HashSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

/// How many units are reported at once: few enough that the first are there at once.
const BATCH: usize = 256;

/// A listing takes at most this share of a processor's time, one part in as many: less than a hundredth,
/// with what else there is to do.
const IDLE_SHARE: u32 = 125;

/// The same while files are being copied, of looks at what has not settled.
const BUSY_SHARE: u32 = 5;

/// A listing waits for the disk or the network for at most one part in this many of the time.
const WAITING_SHARE: u32 = 4;

/// How many looks in a row are given up because volumes changed meanwhile. There are file systems on which
/// a folder's number is never the same for long.
const MOST_DISCARDED: u32 = 3;

pub(crate) struct Worker<S> {
    extent: Extent,
    method: Method,
    rules: Rules,
    inbox: Arc<Inbox>,
    sink: S,
    ledger: Ledger,
    native: Option<Native>,
    /// The method in use, and the volumes for which it was chosen.
    chosen: Option<(Method, Volumes)>,
    /// The system has no more watches to give.
    is_limited: bool,
    warned: HashSet<PathBuf>,
    /// Looks in a row that were in vain.
    discarded: u32,
    overflow_told: Option<Instant>,
    due: Due,
}

/// When to do what.
#[derive(Debug, Clone, Copy)]
struct Due {
    whole: Instant,
    /// When all may be listed again at the earliest.
    soon: Instant,
    beat: Option<Instant>,
    restless: Option<Instant>,
    news: Option<Instant>,
}

impl Due {
    fn first(&self) -> Instant {
        [self.beat, self.restless, self.news].into_iter().flatten().fold(self.whole, Instant::min)
    }
}

impl<S: FnMut(Event)> Worker<S> {
    pub(crate) fn new(
        extent: Extent,
        method: Method,
        rules: Rules,
        inbox: Arc<Inbox>,
        sink: S,
    ) -> Self {
        let ledger = Ledger::new(extent.root.clone(), extent.is_media, rules.local);
        let now = Instant::now();
        let due = Due { whole: now, soon: now, beat: None, restless: None, news: None };
        Self {
            extent,
            method,
            rules,
            inbox,
            sink,
            ledger,
            native: None,
            chosen: None,
            is_limited: false,
            warned: HashSet::new(),
            discarded: 0,
            overflow_told: None,
            due,
        }
    }

    pub(crate) fn run(mut self) {
        loop {
            let has_news = self.inbox.wait(self.due.first(), self.due.news.is_none());
            if self.inbox.is_stopped() {
                return;
            }
            self.step(has_news);
        }
    }

    fn step(&mut self, has_news: bool) {
        let now = Instant::now();
        if has_news {
            self.due.news.get_or_insert(now + self.rules.timing.gather);
        }
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        let news_are_due = is_due(self.due.news) || self.inbox.is_urgent();
        let news = if news_are_due { self.inbox.take() } else { News::default() };
        if news_are_due {
            self.due.news = None;
        }
        if news.overflowed {
            self.overflowed(now);
        }
        let wants_all = self.due.whole <= now || news.rescan;
        if wants_all || (is_due(self.due.beat) && self.has_other_volumes()) {
            self.look_at_all(&news);
        } else {
            let restless = is_due(self.due.restless);
            let replaced = if is_due(self.due.beat) { self.beat() } else { Vec::new() };
            if restless || !news.touched.is_empty() || !replaced.is_empty() {
                self.look_at_parts(&news, replaced, restless);
            }
        }
    }

    /// Events were lost: all is listed, as soon as that does not take all of the time.
    fn overflowed(&mut self, now: Instant) {
        // Folders may have been replaced, too.
        self.uncover([self.extent.root.clone()].iter());
        self.due.whole = self.due.whole.min(self.due.soon.max(now));
        let is_news = self.overflow_told.is_none_or(|told| told + self.rules.timing.rescan <= now);
        if is_news {
            self.overflow_told = Some(now);
            let root = self.extent.root.display();
            self.warn(format!("more happened in {root} than could be followed: it is listed anew"));
        }
    }

    /// Looks whether folders are still those that are watched.
    fn beat(&mut self) -> Vec<PathBuf> {
        let clock = Stopwatch::start();
        let replaced = self.native.as_ref().map(Native::replaced).unwrap_or_default();
        self.due.beat = Some(clock.next(self.rules.timing.beat, IDLE_SHARE));
        replaced
    }

    fn volumes(&self) -> Volumes {
        let paths = self.ledger.mounts.paths();
        paths.map(|path| (path.to_owned(), Extent::volume_at(path).ok())).collect()
    }

    /// Whether other volumes are there than at the last look.
    fn has_other_volumes(&self) -> bool {
        let mounts = &self.ledger.mounts;
        mounts.paths().any(|path| Extent::volume_at(path).ok() != mounts.volume_at(path))
    }

    fn look_at_all(&mut self, news: &News) {
        let clock = Stopwatch::start();
        let volumes = self.volumes();
        self.choose_method(&volumes);
        self.uncover(news.touched.keys().chain(self.replaced_places(&volumes)));
        let (mut look, problems) = self.scan([self.extent.root.clone()].into());
        if self.inbox.is_stopped() {
            return;
        }
        let has_changed = look.root_error.is_none() && self.volumes() != volumes;
        if has_changed && self.discarded < MOST_DISCARDED {
            // A volume came or went meanwhile: what was seen belongs to neither.
            self.discarded += 1;
            self.due.whole = clock.next(self.rules.timing.gather, BUSY_SHARE);
            return;
        }
        self.discarded = 0;
        if let Err(error) = Extent::volume_at(&self.extent.root) {
            look.root_error.get_or_insert(error.to_string());
        }
        look.volumes.extend(volumes);
        self.warned.retain(|path| look.blind.contains(path));
        self.take_in(look, problems, news);
        // Volumes that were found below the root may be on a network.
        let was_native = self.native.is_some();
        self.choose_method(&self.volumes());
        self.plan_after_all(&clock);
        if !was_native && self.native.is_some() {
            // Folders are covered as they are listed.
            self.due.whole = Instant::now();
        }
    }

    /// Places whose watches the system has dropped, as it does when a volume goes. The same volume may be
    /// back under the same numbers.
    fn replaced_places<'a>(&self, volumes: &'a Volumes) -> Vec<&'a PathBuf> {
        let mounts = &self.ledger.mounts;
        let replaced = volumes.iter().filter(|(path, volume)| mounts.volume_at(path) != **volume);
        replaced.map(|(path, _)| path).collect()
    }

    fn plan_after_all(&mut self, clock: &Stopwatch) {
        let timing = self.rules.timing;
        let interval = if self.ledger.is_offline() {
            timing.beat
        } else if self.native.is_some() {
            timing.rescan
        } else {
            timing.poll
        };
        let is_idle = self.ledger.restless().is_empty();
        self.due.whole = clock.next(interval, if is_idle { IDLE_SHARE } else { BUSY_SHARE });
        self.due.soon = clock.next(timing.gather, BUSY_SHARE);
        self.due.beat = self.native.as_ref().map(|_| Instant::now() + timing.beat);
        self.due.restless = self.next_restless(clock);
    }

    fn look_at_parts(&mut self, news: &News, replaced: Vec<PathBuf>, restless: bool) {
        let clock = Stopwatch::start();
        if self.has_other_volumes() {
            return self.look_at_all(news);
        }
        self.uncover(news.touched.keys().chain(&replaced));
        let mut paths: BTreeSet<PathBuf> = news.touched.keys().cloned().chain(replaced).collect();
        if restless {
            paths.extend(self.ledger.restless().iter().cloned());
        }
        let (look, problems) = self.scan(paths);
        if self.inbox.is_stopped() {
            return;
        }
        if self.has_other_volumes() {
            return self.look_at_all(news);
        }
        self.take_in(look, problems, news);
        if restless || self.due.restless.is_none() {
            self.due.restless = self.next_restless(&clock);
        }
    }

    fn next_restless(&self, clock: &Stopwatch) -> Option<Instant> {
        let settling = self.ledger.settling;
        let is_needed = !self.ledger.restless().is_empty() && self.ledger.mounts.root_is_here();
        is_needed.then(|| clock.next(settling.quiet / settling.looks.max(1), BUSY_SHARE))
    }

    fn uncover<'a>(&mut self, paths: impl Iterator<Item = &'a PathBuf>) {
        if let Some(native) = &mut self.native {
            paths.for_each(|path| native.uncover(path));
        }
    }

    fn note_writing(&mut self, news: &News) {
        let now = Instant::now();
        for (path, closed) in &news.touched {
            if let Some(is_closed) = closed {
                self.ledger.written(path, *is_closed, now);
            }
        }
    }

    fn scan(&mut self, paths: BTreeSet<PathBuf>) -> (Look, Vec<(PathBuf, io::Error)>) {
        let Self { extent, inbox, native, ledger, .. } = self;
        let mut limit = None;
        let mut cover = |folder: &Path, id: Id| {
            if let (Some(native), None) = (native.as_mut(), &limit) {
                // A folder that cannot be watched for another reason cannot be listed either.
                limit = native.cover(folder, id).err().filter(native::is_limit);
            }
        };
        let is_whole = paths.contains(&extent.root);
        let mut scan = |paths: &BTreeSet<PathBuf>| {
            let mut scan = Scan::new(extent, inbox, &mut cover);
            paths.iter().for_each(|path| scan.add(path));
            scan.finish()
        };
        let (mut look, mut problems) = scan(&outermost(paths));
        if !is_whole {
            let places = ledger.earlier_places(&look);
            let (earlier, more) = scan(&places);
            look.add(earlier);
            look.files.retain(|path, _| !places.contains(path) || is_listed(path));
            problems.extend(more);
        }
        if let Some(error) = limit {
            self.give_up_native(&error);
        }
        (look, problems)
    }

    fn take_in(&mut self, mut look: Look, problems: Vec<(PathBuf, io::Error)>, news: &News) {
        self.warn_of(problems);
        look.renames.clone_from(&news.renames);
        let events = self.ledger.look(&look, Instant::now());
        self.note_writing(news);
        self.show();
        events.into_iter().for_each(|event| self.tell(event));
        self.report();
    }

    /// Opens what has settled, and reports it.
    fn report(&mut self) {
        let ripe = self.ledger.ripe(Instant::now());
        if ripe.is_empty() {
            return;
        }
        let mut units = Vec::new();
        for candidate in ripe {
            if self.inbox.is_stopped() {
                return;
            }
            let results = open_all(&candidate);
            let (unit, warnings) = self.ledger.opened(candidate, results, Instant::now());
            warnings.into_iter().for_each(|warning| self.tell(warning));
            units.extend(unit);
            if units.len() == BATCH {
                self.tell_settled(std::mem::take(&mut units));
            }
        }
        self.tell_settled(units);
    }

    fn tell_settled(&mut self, units: Vec<Unit>) {
        if !units.is_empty() {
            let online = self.ledger.comes_online();
            self.show();
            online.into_iter().for_each(|online| self.tell(online));
            self.tell(Event::Settled(units));
        }
    }

    fn tell(&mut self, event: Event) {
        if !self.inbox.is_stopped() {
            (self.sink)(event);
        }
    }

    fn warn(&mut self, text: String) {
        tracing::warn!("{text}");
        self.tell(Event::Warning(text));
    }

    /// Warns once of each thing that cannot be read, and again when it could be read in between.
    fn warn_of(&mut self, problems: Vec<(PathBuf, io::Error)>) {
        for (path, error) in problems {
            let text = format!("something cannot be watched for now: {error}");
            if self.warned.insert(path) {
                self.warn(text);
            }
        }
    }

    fn show(&self) {
        self.inbox.show(Snapshot {
            pending: self.ledger.pending(),
            known: self.ledger.known(),
            online: self.ledger.is_online(),
            method: self.chosen.as_ref().map(|(method, _)| *method),
        });
    }

    /// Chooses how changes are noticed and how long files settle, whenever other volumes are there.
    fn choose_method(&mut self, volumes: &Volumes) {
        let root_is_here = volumes.get(&self.extent.root).is_some_and(Option::is_some);
        if !root_is_here || self.chosen.as_ref().is_some_and(|(_, chosen)| chosen == volumes) {
            return;
        }
        let on_network = |path: &Path| (self.rules.on_network)(path).unwrap_or(true);
        let is_remote = volumes.iter().any(|(path, volume)| volume.is_some() && on_network(path));
        self.ledger.settling = if is_remote { self.rules.network } else { self.rules.local };
        let wants_native = match self.method {
            Method::Auto => !is_remote,
            Method::Native => true,
            Method::Poll => false,
        };
        if !wants_native {
            self.native = None;
        } else if self.native.is_none() && !self.is_limited {
            self.start_native();
        }
        let method = if self.native.is_some() { Method::Native } else { Method::Poll };
        self.chosen = Some((method, volumes.clone()));
    }

    fn start_native(&mut self) {
        let Extent { root, excluded, .. } = &self.extent;
        match Native::new(root, excluded, Arc::clone(&self.inbox)) {
            Ok(native) => self.native = Some(native),
            Err(error) => self.give_up_native(&error),
        }
    }

    fn give_up_native(&mut self, error: &notify::Error) {
        self.is_limited = true;
        self.native = None;
        self.due.whole = Instant::now() + self.rules.timing.poll;
        if let Some((method, _)) = &mut self.chosen {
            *method = Method::Poll;
        }
        let root = self.extent.root.display();
        let every = self.rules.timing.poll.as_secs_f32();
        let hint = if cfg!(target_os = "linux") {
            "; raise fs.inotify.max_user_watches and fs.inotify.max_user_instances"
        } else {
            ""
        };
        self.warn(format!(
            "the system cannot tell of changes in {root} ({error}): it is listed every {every} s instead{hint}"
        ));
    }
}

fn open_all(candidate: &Candidate) -> Vec<io::Result<Stat>> {
    candidate.media.iter().map(|path| open(path)).collect()
}

/// Opens a file for reading and asks what it is then: a network file system answers from what it
/// remembers until a file is opened.
fn open(path: &Path) -> io::Result<Stat> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    // What has become a FIFO since it was listed would hold the thread until somebody writes to it.
    #[cfg(unix)]
    fs::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits().cast_signed(),
    );
    let metadata = options.open(path)?.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other(format!("{} is no longer a file", path.display())));
    }
    Stat::of(&metadata)
}

/// Measures how long something takes, to find out when it may be done again.
struct Stopwatch {
    began: Instant,
    busy: Duration,
}

impl Stopwatch {
    fn start() -> Self {
        Self { began: Instant::now(), busy: busy_time() }
    }

    /// When to do it again: after `interval`, or later if more than one part in `share` of a processor's
    /// time, or one in four of all time, would go into it.
    fn next(&self, interval: Duration, share: u32) -> Instant {
        let busy = busy_time().saturating_sub(self.busy) * share;
        let waited = self.began.elapsed() * WAITING_SHARE;
        Instant::now() + interval.max(busy).max(waited)
    }
}

/// Processor time of this thread.
#[cfg(unix)]
fn busy_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Elsewhere only the time that passes is known, of which [`WAITING_SHARE`] takes care.
#[cfg(not(unix))]
fn busy_time() -> Duration {
    Duration::ZERO
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_fifo_in_place_of_a_file_is_no_file_and_holds_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mov");
        fs::write(&path, "footage").unwrap();
        assert_eq!(open(&path).unwrap().stamp.size, 7);
        fs::remove_file(&path).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        assert!(open(&path).unwrap_err().to_string().contains("a.mov"));
    }
}
