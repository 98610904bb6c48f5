//! Failures of the disk on demand, for tests; only there with the feature `failpoints`.
//!
//! A [`Plan`] belongs to the thread that made it, so that tests beside each other do not meet.

use super::Verb;
use rustix::io::Errno;
use std::{cell::Cell, io, path::Path};

/// How a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full (ENOSPC).
    NoSpace,
    /// The disk does not work (EIO).
    Io,
    /// It is not allowed (EACCES).
    Denied,
    /// The file system has no such step.
    Unsupported,
    /// Of a write: half of the bytes are taken and the caller is told so, which is no error.
    Short,
    /// Of a write: half of the bytes are taken, and the disk is full then.
    Torn,
}

/// What is to fail.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Which step; every one, if none is named.
    pub verb: Option<Verb>,
    /// Its how many-th call, from 0.
    pub nth: usize,
    /// How.
    pub fault: Fault,
    /// Whether all later calls fail, too.
    pub lasting: bool,
}

#[derive(Debug, Clone, Copy)]
struct Armed {
    plan: Plan,
    calls: usize,
    fired: bool,
    /// The disk is full from the next write on.
    torn: bool,
}

thread_local! {
    static ARMED: Cell<Option<Armed>> = const { Cell::new(None) };
}

/// Takes the plan away again, also when a test panics.
struct Disarm;

impl Drop for Disarm {
    fn drop(&mut self) {
        ARMED.set(None);
    }
}

/// Does `act` on this thread while the plan holds. Says whether anything was made to fail.
pub fn with<T>(plan: Plan, act: impl FnOnce() -> T) -> (T, bool) {
    ARMED.set(Some(Armed { plan, calls: 0, fired: false, torn: false }));
    let _disarm = Disarm;
    let result = act();
    (result, ARMED.get().is_some_and(|armed| armed.fired))
}

/// How this call of a step is to fail, if it is.
fn due(verb: Verb) -> Option<Fault> {
    let mut armed = ARMED.get()?;
    if armed.torn && verb == Verb::Write {
        return Some(Fault::NoSpace);
    }
    if armed.plan.verb.is_some_and(|planned| planned != verb) {
        return None;
    }
    let call = armed.calls;
    armed.calls += 1;
    let due = call == armed.plan.nth || armed.plan.lasting && call > armed.plan.nth;
    armed.fired |= due;
    armed.torn |= due && armed.plan.fault == Fault::Torn;
    ARMED.set(Some(armed));
    due.then_some(armed.plan.fault)
}

pub(super) fn before(verb: Verb, path: &Path) -> io::Result<()> {
    match due(verb) {
        Some(fault) => Err(error(fault, verb, path)),
        None => Ok(()),
    }
}

/// How many of `bytes` bytes the disk takes.
pub(super) fn before_bytes(verb: Verb, path: &Path, bytes: usize) -> io::Result<usize> {
    match due(verb) {
        Some(Fault::Short | Fault::Torn) if bytes > 1 => Ok(bytes / 2),
        Some(Fault::Short | Fault::Torn) | None => Ok(bytes),
        Some(fault) => Err(error(fault, verb, path)),
    }
}

/// An error that names the path, as those of `fs_err` do.
fn error(fault: Fault, verb: Verb, path: &Path) -> io::Error {
    let source = match fault {
        Fault::NoSpace | Fault::Short | Fault::Torn => Errno::NOSPC,
        Fault::Io => Errno::IO,
        Fault::Denied => Errno::ACCESS,
        Fault::Unsupported => Errno::NOTSUP,
    };
    let kind = match fault {
        Fault::Unsupported => io::ErrorKind::Unsupported,
        _ => io::Error::from(source).kind(),
    };
    io::Error::new(kind, format!("failed at {verb:?} of `{}`: {source}", path.display()))
}
