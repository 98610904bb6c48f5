//! The thread that has what comes into watch folders analysed.

use super::{
    roll::{Moment, Roll},
    settings::{Settings, SettingsFile, Stamp, now},
    watched::Watched,
};
use crate::{
    replies::{WatchFolder, WatchState, WatchStatus},
    usecases::{Engine, WeakEngine},
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use rushes_model::{Failure, Progress, TaskId, TaskState};
use rushes_store::WatchedFile;
use rushes_watch::Event;
use std::{
    collections::{BTreeMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Most files of one analysis. Between two of them another folder has its turn.
const BATCH: usize = 100;
/// How often the settings file is looked at: another process may change it.
const LOOK_AT_SETTINGS: Duration = Duration::from_secs(2);
/// How often it is asked whether the analyses of a folder are to be looked for.
const AUDIT_EVERY: Duration = Duration::from_secs(10);
/// How often an analysis under way is looked at.
const LOOK_AT_TASK: Duration = Duration::from_millis(200);

/// Watches folders until it is dropped.
pub struct Service {
    state: Arc<Mutex<State>>,
    heard: Sender<Heard>,
}

/// What the thread hears.
enum Heard {
    /// A watch of a folder, by its number, tells what happened.
    Event(String, u64, Event),
    /// This became of a file of a batch.
    Ended(u64, PathBuf, Option<String>),
    /// The settings may have changed.
    Changed,
    /// It is to end.
    Quit,
}

#[derive(Default)]
struct State {
    settings: Settings,
    folders: BTreeMap<String, Watched>,
    in_work: Option<InWork>,
    /// The newest event of the task.
    progress: Option<Progress>,
    processed: u64,
    turns: u64,
    last_error: Option<String>,
}

/// Files that are being analysed.
struct InWork {
    folder: String,
    task: TaskId,
    /// Number of the batch.
    batch: u64,
    /// Whether the service has it wait.
    is_held: bool,
    /// Those of which nothing was heard yet.
    left: HashSet<PathBuf>,
}

/// The thread.
struct Worker {
    engine: WeakEngine,
    file: SettingsFile,
    stamp: Option<Stamp>,
    /// When analyses were looked for last.
    audited: Option<Instant>,
    state: Arc<Mutex<State>>,
    sender: Sender<Heard>,
    heard: Receiver<Heard>,
}

impl Service {
    /// Starts the thread.
    #[must_use]
    pub fn start(engine: &Engine, file: SettingsFile) -> Self {
        let (sender, heard) = unbounded();
        let state = Arc::new(Mutex::new(State::default()));
        let (engine, stamp) = (engine.downgrade(), None);
        let (own, others) = (Arc::clone(&state), sender.clone());
        thread::spawn(move || {
            let (sender, audited) = (others, None);
            Worker { engine, file, stamp, audited, state: own, sender, heard }.run();
        });
        Self { state, heard: sender }
    }

    /// Has the settings be looked at now.
    pub fn look_again(&self) {
        // The thread ends with this service only.
        let _ = self.heard.send(Heard::Changed);
    }

    /// What the service is about.
    #[must_use]
    pub fn status(&self) -> WatchStatus {
        lock(&self.state).status()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.heard.send(Heard::Quit);
        // What watches has threads of its own, which end with it.
        lock(&self.state).folders.clear();
    }
}

impl State {
    fn status(&self) -> WatchStatus {
        let runs = self.progress.as_ref().filter(|task| task.state == TaskState::Running);
        let runs = runs.filter(|_| self.in_work.is_some());
        let state = match (self.settings.on, self.settings.pause.is_on(now()), &runs) {
            (false, _, Some(_)) => WatchState::Stopping,
            (false, _, None) => WatchState::Stopped,
            (true, true, _) => WatchState::Paused,
            (true, false, Some(_)) => WatchState::Running,
            (true, false, None) => WatchState::Waiting,
        };
        let in_work = self.in_work.as_ref().filter(|_| runs.is_some());
        let folder = in_work.and_then(|work| self.folders.get(&work.folder));
        let stats = self.folders.iter().map(|(id, watched)| (id.clone(), watched.stats()));
        let folder_stats: BTreeMap<_, _> = stats.collect();
        WatchStatus {
            state,
            current_folder: folder.map(|watched| watched.folder.settings.path.clone()),
            current_file: runs.and_then(|task| task.media_path.clone()),
            files_pending: folder_stats.values().map(|stats| stats.pending).sum(),
            files_processed_this_session: self.processed,
            last_error: self.last_error.clone(),
            paused_until: self.settings.pause_end(),
            folder_stats,
        }
    }

    fn is_on(&self) -> bool {
        self.settings.on && !self.settings.pause.is_on(now())
    }

    /// The folder whose turn it is, with the files to analyse.
    fn take(&mut self, now: Instant) -> Option<(WatchFolder, u64, Vec<PathBuf>)> {
        let mut folders: Vec<_> = self.folders.values_mut().collect();
        folders.sort_by_key(|watched| watched.last_turn);
        let found = folders.into_iter().find_map(|watched| {
            let files = watched.take(BATCH, now);
            (!files.is_empty()).then_some((watched, files))
        });
        let (watched, files) = found?;
        self.turns += 1;
        watched.last_turn = self.turns;
        Some((watched.folder.clone(), self.turns, files))
    }

    /// Puts back what nothing was heard of.
    fn give_back(&mut self, work: &InWork) -> Option<&mut Watched> {
        let watched = self.folders.get_mut(&work.folder)?;
        watched.roll.give_back(&work.left);
        Some(watched)
    }

    /// Has a folder wait whose files could not be tried.
    fn has_to_wait(&mut self, work: &InWork, message: String) {
        if let Some(watched) = self.give_back(work) {
            let folder = &watched.folder.settings.path;
            tracing::warn!(folder, message, "watch folder has to wait");
            watched.hold(moment());
        }
        self.last_error = Some(message);
    }
}

impl Worker {
    fn run(mut self) {
        loop {
            match self.heard.recv_timeout(self.patience()) {
                Ok(Heard::Quit) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(heard) => self.take_in(heard),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let Some(engine) = self.engine.upgrade() else { return };
            let round = catch_unwind(AssertUnwindSafe(|| self.round(&engine)));
            if round.is_err() {
                let message = "a defect in Rushes disturbed the watching; please report it";
                self.lock().last_error = Some(message.to_owned());
            }
        }
    }

    /// Does what is to be done now.
    fn round(&mut self, engine: &Engine) {
        self.take_in_all();
        self.follow_settings(engine);
        self.follow_task(engine);
        self.audit(engine);
        self.feed(engine);
    }

    /// How long nothing needs to be done unless something is heard.
    fn patience(&self) -> Duration {
        let state = self.lock();
        if state.in_work.is_some() {
            return LOOK_AT_TASK;
        }
        let due = state.folders.values().filter_map(Watched::next_due).min();
        let wait =
            due.map_or(LOOK_AT_SETTINGS, |due| due.saturating_duration_since(Instant::now()));
        // What is due and cannot be done, as while the service is off, must not keep a core busy.
        wait.clamp(LOOK_AT_TASK, LOOK_AT_SETTINGS)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Takes in what is waiting to be heard.
    fn take_in_all(&self) {
        self.heard.try_iter().for_each(|heard| self.take_in(heard));
    }

    fn take_in(&self, heard: Heard) {
        let Some(engine) = self.engine.upgrade() else { return };
        match heard {
            Heard::Changed => {}
            // Seen again by whoever waits for it.
            Heard::Quit => _ = self.sender.send(Heard::Quit),
            Heard::Event(folder, generation, event) => {
                let gone = {
                    let mut state = self.lock();
                    let watched = state.folders.get_mut(&folder);
                    watched.and_then(|watched| watched.heard(generation, event))
                };
                if let Some(path) = gone {
                    engine.forget_watched(&folder, &path);
                }
            }
            Heard::Ended(batch, path, reason) => {
                if let Some((folder, file)) = self.ended(batch, &path, reason.as_deref()) {
                    engine.keep_watched(&folder, &file);
                }
            }
        }
    }

    fn ended(
        &self,
        batch: u64,
        path: &Path,
        reason: Option<&str>,
    ) -> Option<(String, WatchedFile)> {
        let mut state = self.lock();
        let work = state.in_work.as_mut().filter(|work| work.batch == batch)?;
        work.left.remove(path);
        let folder = work.folder.clone();
        match reason {
            None => state.processed += 1,
            Some(reason) => state.last_error = Some(reason.to_owned()),
        }
        let watched = state.folders.get_mut(&folder)?;
        watched.release();
        let kept = watched.roll.ended(path, reason, moment())?;
        Some((folder, kept))
    }

    /// Reads the settings if they have changed, and watches what they say.
    fn follow_settings(&mut self, engine: &Engine) {
        let stamp = self.file.stamp();
        if self.stamp == Some(stamp) {
            return;
        }
        match self.file.read() {
            Ok(settings) => {
                self.stamp = Some(stamp);
                self.apply(engine, settings);
            }
            Err(Failure { message, .. }) => self.lock().last_error = Some(message),
        }
    }

    fn apply(&self, engine: &Engine, settings: Settings) {
        let mut state = self.lock();
        let is_there = |id: &String| settings.folders.iter().any(|folder| folder.id == *id);
        let removed: Vec<String> =
            state.folders.keys().filter(|id| !is_there(id)).cloned().collect();
        for id in removed {
            self.drop_work_of(engine, &mut state, &id);
            state.folders.remove(&id);
            engine.forget_watch_folder(&id);
        }
        for folder in &settings.folders {
            self.apply_folder(engine, &mut state, folder, settings.on);
        }
        state.settings = settings;
    }

    fn apply_folder(&self, engine: &Engine, state: &mut State, folder: &WatchFolder, on: bool) {
        let id = &folder.id;
        let is_changed = state.folders.get(id).is_some_and(|watched| watched.folder != *folder);
        if is_changed {
            self.drop_work_of(engine, state, id);
        }
        let watched = state.folders.entry(id.clone()).or_insert_with(|| {
            let roll = Roll::kept(engine.watched_files(id), moment());
            Watched::new(folder.clone(), roll)
        });
        if is_changed && watched.change(folder.clone()) {
            engine.forget_watch_folder(id);
            watched.roll.begin_anew();
        }
        let path = Path::new(&folder.settings.path);
        if !(on && folder.settings.enabled) {
            watched.rest(None);
        } else if !engine.may_read(path) {
            let reason = format!("{} lies outside the folders that may be read", path.display());
            watched.rest(Some(reason));
        } else {
            let (sender, id) = (self.sender.clone(), id.clone());
            watched.watch(|generation| {
                move |event| {
                    // The thread that listens ends with the process.
                    let _ = sender.send(Heard::Event(id.clone(), generation, event));
                }
            });
        }
    }

    /// Ends the analysis of a folder that is not wanted as it is.
    fn drop_work_of(&self, engine: &Engine, state: &mut State, id: &str) {
        if let Some(work) = state.in_work.take_if(|work| work.folder == id) {
            engine.drop_watched(work.task);
            state.give_back(&work);
        }
    }

    /// Looks how far the analysis under way is.
    fn follow_task(&self, engine: &Engine) {
        let Some(task) = self.lock().in_work.as_ref().map(|work| work.task) else { return };
        let progress = engine.latest_progress(task);
        let is_over = progress.as_ref().is_none_or(|progress| progress.done);
        let is_queued = progress.as_ref().is_some_and(|one| one.state == TaskState::Queued);
        if is_over {
            // Before its end it told what became of each file.
            self.take_in_all();
        }
        let mut state = self.lock();
        state.progress = progress;
        if is_over {
            self.end(engine, &mut state);
        } else if !state.settings.on && is_queued {
            let id = state.in_work.as_ref().map(|work| work.folder.clone()).unwrap_or_default();
            self.drop_work_of(engine, &mut state, &id);
        } else {
            let is_to_wait = !state.is_on();
            let Some(work) = &mut state.in_work else { return };
            // What somebody else has wait goes on when they say so.
            if work.is_held != is_to_wait {
                work.is_held = is_to_wait;
                engine.hold_watched(task, is_to_wait);
            }
        }
    }

    /// Settles what nothing was heard of when an analysis has ended.
    fn end(&self, engine: &Engine, state: &mut State) {
        let Some(work) = state.in_work.take() else { return };
        let ended = state.progress.take();
        match ended.as_ref().map(|ended| ended.state) {
            Some(TaskState::Cancelled) => self.give_up(engine, state, &work),
            Some(TaskState::Failed) => {
                let message = ended.and_then(|ended| ended.message).unwrap_or_default();
                state.has_to_wait(&work, message);
            }
            _ => _ = state.give_back(&work),
        }
    }

    /// Somebody cancelled the analysis: its files wait until they change.
    fn give_up(&self, engine: &Engine, state: &mut State, work: &InWork) {
        let Some(watched) = state.folders.get_mut(&work.folder) else { return };
        for path in &work.left {
            let reason = "its analysis was cancelled; analyse it by hand, or touch it";
            if let Some(file) = watched.roll.give_up(path, reason, moment()) {
                engine.keep_watched(&work.folder, &file);
            }
        }
    }

    /// Has files analysed again whose analysis is gone.
    fn audit(&mut self, engine: &Engine) {
        if self.audited.is_some_and(|last| last.elapsed() < AUDIT_EVERY) {
            return;
        }
        let folders: Vec<WatchFolder> = {
            let state = self.lock();
            if !state.is_on() || state.in_work.is_some() {
                return;
            }
            state.folders.values().map(|watched| watched.folder.clone()).collect()
        };
        self.audited = Some(Instant::now());
        for folder in folders {
            self.audit_folder(engine, &folder);
        }
    }

    fn audit_folder(&self, engine: &Engine, folder: &WatchFolder) {
        let Some(analyses) = engine.analyses_of(&folder.settings) else { return };
        let analysed = {
            let mut state = self.lock();
            let watched = state.folders.get_mut(&folder.id);
            watched.and_then(|watched| watched.files_to_audit(analyses.quarantined()))
        };
        // Without the lock: a share may take long to answer.
        let lacking = analysed.map(|files| engine.lacking(&folder.settings, &analyses, files));
        let mut state = self.lock();
        let Some(watched) = state.folders.get_mut(&folder.id) else { return };
        for path in lacking.into_iter().flatten() {
            tracing::info!(path = %path.display(), "its analysis is gone: it is analysed again");
            watched.roll.again(&path);
        }
    }

    /// Begins the next analysis, if there is something to analyse and nothing in work.
    fn feed(&self, engine: &Engine) {
        let taken = {
            let mut state = self.lock();
            let idle = state.is_on() && state.in_work.is_none();
            idle.then(|| state.take(Instant::now())).flatten()
        };
        let Some((folder, batch, files)) = taken else { return };
        let left = files.iter().cloned().collect();
        let id = folder.id.clone();
        let work = InWork { folder: id, task: TaskId(0), batch, is_held: false, left };
        self.lock().in_work = Some(work);
        // Without the lock: a share may take long to answer.
        let begun = self.begin(engine, &folder, batch, files);
        let mut state = self.lock();
        match begun {
            // None of them may be read: that was told of each.
            Ok(None) => {}
            Ok(Some(task)) => {
                if let Some(work) = &mut state.in_work {
                    work.task = task;
                }
            }
            Err(Failure { message, .. }) => {
                if let Some(work) = state.in_work.take() {
                    state.has_to_wait(&work, message);
                }
            }
        }
    }

    /// Begins the analysis of those files that may be read.
    fn begin(
        &self,
        engine: &Engine,
        folder: &WatchFolder,
        batch: u64,
        files: Vec<PathBuf>,
    ) -> Result<Option<TaskId>, Failure> {
        let sender = self.sender.clone();
        let report = move |path: &Path, reason: Option<&str>| {
            let ended = Heard::Ended(batch, path.to_owned(), reason.map(str::to_owned));
            // The thread that listens ends with the process.
            let _ = sender.send(ended);
        };
        let (may, may_not): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|path| engine.may_read(path));
        for path in may_not {
            let reason = format!("{} leads out of the folders that may be read", path.display());
            report(&path, Some(&reason));
        }
        if may.is_empty() {
            return Ok(None);
        }
        engine.analyze_watched(folder, may, Box::new(report)).map(Some)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // A round that panicked is told of, and the next one looks at everything anew.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn moment() -> Moment {
    Moment { instant: Instant::now(), unix: now() as u64 }
}
