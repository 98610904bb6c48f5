//! One child process: its group, its budget, its messages.

use crate::{
    Cancel, MediaError,
    job::{Job, Launched},
    messages::Messages,
    sandbox::Reach,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions},
};
use std::{
    ffi::OsStr,
    io::{self, BufRead as _, BufReader, Read},
    os::fd::AsFd,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::Path,
    process::{Child as Process, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How often a child's watch looks whether to kill it.
const TICK: Duration = Duration::from_millis(50);
/// Time in which what a child said last is read after its end. Whoever else holds its pipes by then has
/// left its group, and is not waited for.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Longest line that is read from a child as one.
const LONGEST_LINE: u64 = 8 << 10;

/// A command with its own process group, nothing on its stdin and both outputs piped to us.
#[expect(clippy::disallowed_methods, reason = "the one place where commands are made")]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a child may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Time without a sign of life.
    pub(crate) stall: Duration,
    /// Time in which the child works, and does not wait for us.
    pub(crate) wall: Duration,
    /// What the system enforces; `None` for programs that are not fed by strangers.
    pub(crate) confinement: Option<Confinement>,
}

/// Limits that the system enforces on a child.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Confinement {
    /// Address space.
    pub(crate) memory_bytes: u64,
    /// Processor time of all threads.
    pub(crate) cpu: Duration,
    /// Size of the largest file that may be written. Everything that a decoder has to say goes through
    /// pipes.
    pub(crate) file_bytes: u64,
}

/// Why a child was killed.
#[derive(Debug, Clone, Copy)]
enum Stop {
    Cancelled,
    Stalled,
    TimedOut,
}

/// The clock of one child. It stands still while the child waits for us.
pub(crate) struct Watch {
    state: Mutex<State>,
    over: Condvar,
    budget: Budget,
    group: Pid,
}

struct State {
    /// The last sign of life, while we wait for the child.
    waiting_since: Option<Instant>,
    waited: Duration,
    /// Since when the group's number may belong to others: nothing may be killed any more.
    reaped: Option<Instant>,
    stop: Option<Stop>,
}

impl Watch {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The child said or delivered something.
    pub(crate) fn sign_of_life(&self) {
        let mut state = self.state();
        if state.waiting_since.is_some() {
            state.settle();
            state.waiting_since = Some(Instant::now());
        }
    }

    /// Waits so long for the child's end; whether it has come.
    pub(crate) fn ends_within(&self, time: Duration) -> bool {
        let waited =
            self.over.wait_timeout_while(self.state(), time, |state| state.reaped.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.reaped.is_some()
    }

    /// From now on the child may have to wait for us.
    pub(crate) fn pause(&self) {
        self.state().settle();
    }

    /// From now on we wait for the child again.
    pub(crate) fn resume(&self) {
        self.state().waiting_since = Some(Instant::now());
    }

    /// Whether nothing more is to be read of the child.
    fn is_over(&self) -> bool {
        let state = self.state();
        state.stop.is_some() || state.reaped.is_some_and(|reaped| reaped.elapsed() > LAST_WORDS)
    }

    fn kill(&self, state: &State) {
        self.signal(state, Signal::KILL);
    }

    /// Asks the group to end what it does in good order.
    pub(crate) fn ask_to_finish(&self) {
        self.signal(&self.state(), Signal::INT);
    }

    fn signal(&self, state: &State, signal: Signal) {
        if state.reaped.is_none() {
            // They fail only when it has ended by itself. The child is meant by its own number too, for
            // the case that it has left its group.
            let _ = rustix::process::kill_process_group(self.group, signal);
            if signal == Signal::KILL {
                let _ = rustix::process::kill_process(self.group, signal);
            }
        }
    }

    /// Kills the group when its time has come; returns when the child was reaped.
    fn guard(&self, cancel: &Cancel) {
        let mut state = self.state();
        while state.reaped.is_none() {
            if state.stop.is_none() {
                state.stop = state.due(&self.budget, cancel);
                if state.stop.is_some() {
                    self.kill(&state);
                }
            }
            let waited = self.over.wait_timeout(state, TICK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl State {
    fn settle(&mut self) {
        self.waited += self.waiting_since.take().map_or(Duration::ZERO, |since| since.elapsed());
    }

    fn due(&self, budget: &Budget, cancel: &Cancel) -> Option<Stop> {
        let silent = self.waiting_since.map_or(Duration::ZERO, |since| since.elapsed());
        if cancel.is_cancelled() {
            Some(Stop::Cancelled)
        } else if silent >= budget.stall {
            Some(Stop::Stalled)
        } else {
            (self.waited + silent >= budget.wall).then_some(Stop::TimedOut)
        }
    }
}

/// One of a child's outputs. It ends with the child even if something that the child started, and that was
/// not killed with it, holds the other end.
pub(crate) struct Output<P> {
    pipe: P,
    watch: Arc<Watch>,
}

impl<P: Read + AsFd> Read for Output<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let tick = Timespec { tv_sec: 0, tv_nsec: TICK.subsec_nanos().into() };
        loop {
            if self.watch.is_over() {
                return Ok(0);
            }
            match poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Some(&tick)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return self.pipe.read(buffer),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A running child. Dropping it kills its whole group and reaps it.
pub(crate) struct Child {
    process: Process,
    watch: Arc<Watch>,
    guard: Option<JoinHandle<()>>,
    messages: Option<JoinHandle<Messages>>,
    /// Stays open until the process has ended.
    _reach: Reach,
}

impl Child {
    /// Starts a job. Each line on its stderr is shown to `on_line`; those for which that returns false
    /// are kept as messages.
    pub(crate) fn spawn(
        job: Job,
        budget: Budget,
        cancel: &Cancel,
        on_line: impl FnMut(&[u8]) -> bool + Send + 'static,
    ) -> Result<Self, MediaError> {
        Ok(Self::adopt(job.launch()?, budget, cancel, on_line))
    }

    /// Takes care of what was started from a [`command`].
    pub(crate) fn adopt(
        launched: Launched,
        budget: Budget,
        cancel: &Cancel,
        on_line: impl FnMut(&[u8]) -> bool + Send + 'static,
    ) -> Self {
        let Launched { mut process, reach } = launched;
        let group = Pid::from_child(&process);
        confine(group, budget.confinement);
        let state = State {
            waiting_since: Some(Instant::now()),
            waited: Duration::ZERO,
            reaped: None,
            stop: None,
        };
        let watch =
            Arc::new(Watch { state: Mutex::new(state), over: Condvar::new(), budget, group });
        let guard = thread::spawn({
            let (watch, cancel) = (Arc::clone(&watch), cancel.clone());
            move || watch.guard(&cancel)
        });
        let messages = process.stderr.take().map(|stderr| {
            let watch = Arc::clone(&watch);
            let stderr = Output { pipe: stderr, watch: Arc::clone(&watch) };
            thread::spawn(move || listen(stderr, &watch, on_line))
        });
        Self { process, watch, guard: Some(guard), messages, _reach: reach }
    }

    /// The child's output; `None` the second time.
    pub(crate) fn stdout(&mut self) -> Option<Output<ChildStdout>> {
        let pipe = self.process.stdout.take()?;
        Some(Output { pipe, watch: self.watch() })
    }

    pub(crate) fn watch(&self) -> Arc<Watch> {
        Arc::clone(&self.watch)
    }

    /// Kills the child and whatever it started.
    pub(crate) fn kill(&self) {
        self.watch.kill(&self.watch.state());
    }

    /// Waits for the child to end, or to be killed by its watch.
    pub(crate) fn finish(mut self) -> Ended {
        let status = self.reap();
        let messages = self.messages.take().and_then(|thread| thread.join().ok());
        let stop = self.watch.state().stop;
        let budget = self.watch.budget;
        Ended { status, stop, budget, messages: messages.unwrap_or_default() }
    }

    fn reap(&mut self) -> Option<ExitStatus> {
        // The exit is awaited without reaping first: until it is reaped the number of the group is
        // ours, so that the watch may kill by it.
        let id = WaitId::Pid(Pid::from_child(&self.process));
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while rustix::process::waitid(id.clone(), options).err() == Some(Errno::INTR) {}
        let mut state = self.watch.state();
        self.watch.kill(&state);
        let status = self.process.wait().ok();
        state.reaped = Some(Instant::now());
        drop(state);
        self.watch.over.notify_all();
        if let Some(guard) = self.guard.take() {
            // A thread that panicked has nothing left to tell.
            let _ = guard.join();
        }
        status
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.guard.is_some() {
            self.kill();
            self.reap();
        }
    }
}

/// Sets what the system enforces.
///
/// The child runs without it from its start until here: the system gives
/// limits to processes, not to threads, so that a thread cannot take them on for what it starts as it does
/// with the sandbox; and code of ours between fork and exec could not be safe Rust. On an idle machine that
/// is some tens of microseconds, in which a decoder loads its libraries and has not opened its input. On a
/// busy one nothing bounds it but the watch's clock. A shell or `prlimit` in between would close the gap at
/// the price of one more program that must be there, and that the sandbox would have to let run.
fn confine(child: Pid, confinement: Option<Confinement>) {
    #[cfg(target_os = "linux")]
    if let Some(confinement) = confinement {
        use rustix::process::{Resource, Rlimit, prlimit};
        let memory = confinement.memory_bytes;
        let cpu = confinement.cpu.as_secs().max(1);
        let limits = [
            (Resource::As, memory, memory),
            // At the first figure it is told by a signal why it has to end.
            (Resource::Cpu, cpu, cpu + 1),
            (Resource::Fsize, confinement.file_bytes, confinement.file_bytes),
            (Resource::Core, 0, 0),
        ];
        for (resource, current, maximum) in limits {
            let limit = Rlimit { current: Some(current), maximum: Some(maximum) };
            if let Err(error) = prlimit(Some(child), resource, limit) {
                tracing::warn!(%error, ?resource, "a decoder runs without one of its limits");
            }
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (child, confinement);
}

/// How a child ended.
pub(crate) struct Ended {
    status: Option<ExitStatus>,
    stop: Option<Stop>,
    budget: Budget,
    messages: Messages,
}

impl Ended {
    /// The exit code; `None` when a signal ended the child.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.and_then(|status| status.code())
    }

    /// What the child said last.
    pub(crate) fn detail(&self) -> String {
        let signal = self.status.and_then(|status| status.signal());
        match (self.messages.text(), signal) {
            (text, Some(signal)) if text.is_empty() => format!("stopped by signal {signal}"),
            (text, Some(signal)) => format!("{text} (stopped by signal {signal})"),
            (text, None) if text.is_empty() => "the decoder gave no reason".to_owned(),
            (text, None) => text,
        }
    }

    /// Whether one of its last messages holds this text.
    pub(crate) fn said(&self, text: &str) -> bool {
        self.messages.find(|message| message.contains(text).then_some(())).is_some()
    }

    /// The encoder that ffmpeg says it does not have.
    pub(crate) fn missing_encoder(&self) -> Option<String> {
        self.messages.find(|message| {
            let (_, rest) = message.split_once("Unknown encoder '")?;
            rest.split('\'').next().map(str::to_owned)
        })
    }

    /// Whether it was stopped at the limit on file sizes.
    pub(crate) fn wrote_too_much(&self) -> bool {
        let signal = self.status.and_then(|status| status.signal());
        signal == Some(Signal::XFSZ.as_raw()) || self.said("File too large")
    }

    /// The error that it is to have been stopped for a limit or by request, if it was.
    pub(crate) fn stopped(&self, path: &Path) -> Option<MediaError> {
        let path = path.to_owned();
        let signal = self.status.and_then(|status| status.signal());
        match (self.stop, self.budget.confinement) {
            (Some(Stop::Cancelled), _) => Some(MediaError::Cancelled),
            (Some(Stop::Stalled), _) => {
                Some(MediaError::Stalled { path, after: self.budget.stall })
            }
            (Some(Stop::TimedOut), _) => {
                Some(MediaError::TimedOut { path, after: self.budget.wall })
            }
            (None, Some(confinement)) if signal == Some(Signal::XCPU.as_raw()) => {
                Some(MediaError::TimedOut { path, after: confinement.cpu })
            }
            (None, _) => None,
        }
    }
}

/// Reads stderr to its end.
fn listen(stderr: impl Read, watch: &Watch, mut on_line: impl FnMut(&[u8]) -> bool) -> Messages {
    let mut messages = Messages::default();
    each_line(stderr, |line| {
        watch.sign_of_life();
        if !on_line(line) {
            messages.push(line);
        }
        true
    });
    messages
}

/// Shows each line, without its end, until there are no more or one is answered with false.
pub(crate) fn each_line(input: impl Read, mut on_line: impl FnMut(&[u8]) -> bool) {
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        if !read.is_ok_and(|bytes| bytes > 0) || !on_line(line.trim_ascii_end()) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something that leaves the group and holds both pipes.
    fn escape(then: &str, stall: Duration) -> (Ended, Duration) {
        let start = Instant::now();
        let mut command = command("bash");
        let folder = tempfile::tempdir().unwrap();
        let away = "setsid sh -c 'touch \"$0\"; exec sleep 30' \"$0\" &";
        let wait = "until [ -e \"$0\" ]; do sleep 0.05; done; echo said >&2;";
        command.args(["-c", &format!("{away} {wait} {then}")]).arg(folder.path().join("away"));
        let budget = Budget { stall, wall: Duration::from_secs(20), confinement: None };
        let mut child =
            Child::spawn(Job::free(command), budget, &Cancel::new(), |_| false).unwrap();
        let watch = child.watch();
        let stdout = child.stdout().unwrap();
        let reader = thread::spawn(move || each_line(stdout, |_| true));
        let ended = child.finish();
        reader.join().unwrap();
        assert!(watch.is_over());
        (ended, start.elapsed())
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn nobody_is_waited_for_who_left_the_group() {
        let (ended, took) = escape("exit 3", Duration::from_secs(20));
        assert_eq!((ended.code(), ended.said("said")), (Some(3), true));
        assert!(took < Duration::from_secs(15), "{took:?}");
        let (ended, took) = escape("sleep 30", Duration::from_secs(1));
        let stopped = ended.stopped(Path::new("x"));
        assert!(matches!(stopped, Some(MediaError::Stalled { .. })), "{stopped:?}");
        assert!(took < Duration::from_secs(15), "{took:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_child_that_left_its_group_is_killed_all_the_same() {
        let mut own = command(std::env::current_exe().unwrap());
        own.args(["--exact", "child::tests::leaves_its_group", "--ignored"]);
        let limit = Duration::from_secs(2);
        let budget = Budget { stall: limit, wall: limit, confinement: None };
        let start = Instant::now();
        let child = Child::spawn(Job::free(own), budget, &Cancel::new(), |_| false).unwrap();
        let ended = child.finish();
        assert!(ended.stopped(Path::new("x")).is_some());
        assert!(start.elapsed() < Duration::from_secs(15));
    }

    #[test]
    #[ignore = "the child of the test above"]
    fn leaves_its_group() {
        let ours = rustix::process::getpgid(rustix::process::getppid()).unwrap();
        rustix::process::setpgid(None, Some(ours)).unwrap();
        thread::sleep(Duration::from_secs(30));
    }
}
