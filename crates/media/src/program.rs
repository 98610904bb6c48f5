//! Other programs, such as a package installer.

use crate::{
    Cancel, MediaError,
    child::{self, Budget, Child, Ended},
    job::Job,
};
use std::{
    ffi::OsStr,
    io::Read,
    path::Path,
    sync::mpsc::{Sender, channel},
    thread,
    time::Duration,
};

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitReport {
    /// The exit code; `None` when a signal ended the program.
    pub code: Option<i32>,
    /// The last lines on stderr, joined by `; `.
    pub last_words: String,
}

impl ExitReport {
    /// Whether the program says that it succeeded.
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

/// Runs a program to its end and shows each line of its stdout and stderr as it comes.
///
/// It runs in `cwd`, in a process group of its own and with nothing on stdin. Unlike decoders it is
/// not confined in memory or files.
///
/// # Errors
/// When the program does not start, takes longer than `timeout`, or was cancelled. A program that
/// fails by itself is no error: see [`ExitReport::code`].
pub fn run_program(
    program: &OsStr,
    args: &[&OsStr],
    cwd: &Path,
    timeout: Duration,
    cancel: &Cancel,
    on_line: &mut dyn FnMut(&str),
) -> Result<ExitReport, MediaError> {
    let mut command = child::command(program);
    command.args(args).current_dir(cwd);
    let budget = Budget { stall: timeout, wall: timeout, confinement: None };
    let (sender, lines) = channel();
    let errors = sender.clone();
    // Shown to the caller and kept as last words.
    let mut child = Child::spawn(Job::free(command), budget, cancel, move |line| {
        let _ = errors.send(text(line));
        false
    })?;
    if let Some(stdout) = child.stdout() {
        thread::spawn(move || forward(stdout, &sender));
    }
    for line in lines {
        on_line(&line);
    }
    let ended = child.finish();
    match ended.stopped(Path::new(program)) {
        Some(error) => Err(error),
        None => Ok(ExitReport { code: ended.code(), last_words: ended.detail() }),
    }
}

fn forward(output: impl Read, lines: &Sender<String>) {
    child::each_line(output, |line| lines.send(text(line)).is_ok());
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

/// Runs a short job and keeps up to `most_bytes` of its output.
pub(crate) fn capture(
    job: Job,
    budget: Budget,
    cancel: &Cancel,
    most_bytes: u64,
) -> Result<(Vec<u8>, Ended), MediaError> {
    let mut child = Child::spawn(job, budget, cancel, |_| false)?;
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout() {
        // A read that fails ends the output like its end does, and what is missing is missed later.
        let _ = stdout.take(most_bytes).read_to_end(&mut output);
    }
    Ok((output, child.finish()))
}
