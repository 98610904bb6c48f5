//! The log: on standard error, and for the server also in the home folder, as JSON in files of limited
//! number and size. `RUSHES_LOG` sets what is logged.
//!
//! Whoever starts the server may hold the other end of its standard error and never read it. So nothing is written
//! there that does not fit, and warnings only unless somebody watches or has asked for more.

use anyhow::Result;
use fs_err as fs;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    backtrace::Backtrace,
    env,
    fs::Permissions,
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
    os::unix::fs::PermissionsExt,
    panic,
    path::{Path, PathBuf},
    sync::Mutex,
};
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{self, MakeWriter},
    prelude::*,
    registry::LookupSpan,
};

/// Bytes of a file, after which the next is begun.
const LARGEST_FILE: u64 = 8 << 20;
/// Older files that are kept: with the one in use 40 MB at most.
const OLDER_FILES: u32 = 4;
/// Bytes that a pipe takes at once when it takes any: POSIX's least PIPE_BUF.
const PIPE_ROOM: usize = 512;
/// The file in use; older ones are called `rushes.log.1` and so on, the highest number the oldest.
const NAME: &str = "rushes.log";

/// Logs to standard error.
pub fn start() {
    tracing_subscriber::registry().with(filter("warn")).with(on_stderr(io::stderr)).init();
}

/// Logs to `logs` in the home folder and to standard error.
pub fn start_for_server(home: &Path) -> Result<()> {
    let folder = home.join("logs");
    fs::create_dir_all(&folder)?;
    let file = RotatedFile::open(folder.join(NAME), LARGEST_FILE)?;
    let file = fmt::layer().json().with_writer(Mutex::new(file)).with_filter(filter("info"));
    let least = if io::stderr().is_terminal() { "info" } else { "warn" };
    let on_stderr = on_stderr(|| Patient(io::stderr().lock())).with_filter(filter(least));
    tracing_subscriber::registry().with(on_stderr).with(file).init();
    panic::set_hook(Box::new(|panic| {
        let backtrace = Backtrace::capture();
        tracing::error!(%panic, %backtrace, "a defect of Rushes");
    }));
    Ok(())
}

fn filter(default: &str) -> EnvFilter {
    EnvFilter::new(env::var("RUSHES_LOG").as_deref().unwrap_or(default))
}

fn on_stderr<S, W>(stderr: W) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    let is_terminal = io::stderr().is_terminal();
    fmt::layer().with_writer(stderr).with_ansi(is_terminal).with_target(false)
}

/// Writes what can be written without waiting, and drops the rest.
struct Patient<W>(W);

impl<W: Write + AsFd> Write for Patient<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        for part in event.chunks(PIPE_ROOM) {
            let mut ends = [PollFd::new(&self.0, PollFlags::OUT)];
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            poll(&mut ends, Some(&at_once))?;
            if !ends[0].revents().contains(PollFlags::OUT) {
                break;
            }
            self.0.write_all(part)?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A file that only its owner may read, and that makes room for a new one when it is full. One process
/// writes it: the server of the home folder.
struct RotatedFile {
    path: PathBuf,
    file: fs::File,
    size: u64,
    largest: u64,
}

impl RotatedFile {
    fn open(path: PathBuf, largest: u64) -> io::Result<Self> {
        let mut options = fs::OpenOptions::new();
        options.create(true).append(true);
        fs::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        // Also one that is there already.
        file.set_permissions(Permissions::from_mode(0o600))?;
        let size = file.metadata()?.len();
        Ok(Self { path, file, size, largest })
    }

    fn begin_next(&mut self) -> io::Result<()> {
        let older = |number: u32| match number {
            0 => self.path.clone(),
            _ => self.path.with_added_extension(number.to_string()),
        };
        // First of all: when there is no file to be had, the older ones must stay.
        let mut next = Self::open(self.path.with_added_extension("next"), self.largest)?;
        for number in (0..OLDER_FILES).rev() {
            match fs::rename(older(number), older(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&next.path, &self.path)?;
        next.path.clone_from(&self.path);
        *self = next;
        Ok(())
    }
}

impl Write for RotatedFile {
    /// Every event is one call, so none is cut in two.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        if self.size > 0 && self.size + event.len() as u64 > self.largest {
            let begun = self.begin_next();
            // With no file to be had for a while, the one in use may grow to twice its size.
            if self.size >= 2 * self.largest {
                begun?;
            }
        }
        self.file.write_all(event)?;
        self.size += event.len() as u64;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name =
            |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn number_and_size_have_a_limit_and_the_newest_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        for round in 0..3 {
            let mut log = RotatedFile::open(path.clone(), 1000).unwrap();
            for event in 0..500 {
                log.write_all(format!("{{\"event\":{}}}\n", round * 500 + event).as_bytes())
                    .unwrap();
            }
        }
        let expected =
            ["rushes.log", "rushes.log.1", "rushes.log.2", "rushes.log.3", "rushes.log.4"];
        assert_eq!(names(folder.path()), expected);
        let read = |name: &&str| fs::read_to_string(folder.path().join(name)).unwrap();
        let all: String = expected.iter().rev().map(read).collect();
        let events = all.lines().map(|line| line[9..line.len() - 1].parse::<usize>().unwrap());
        let events: Vec<_> = events.collect();
        assert_eq!(events, (1500 - events.len()..1500).collect::<Vec<_>>());
        for name in expected {
            let about = fs::metadata(folder.path().join(name)).unwrap();
            assert!(about.len() <= 1000, "{name}");
            assert_eq!(about.permissions().mode() & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn when_no_file_can_be_had_the_older_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let mut log = RotatedFile::open(path.clone(), 10).unwrap();
        for event in ["first\n", "second\n"] {
            log.write_all(event.as_bytes()).unwrap();
        }
        let next = folder.path().join("rushes.log.next");
        fs::create_dir(&next).unwrap();
        let written = (0..100).filter(|_| log.write_all(b"more\n").is_ok()).count();
        assert_eq!(written, 3, "to twice its size");
        let first = folder.path().join("rushes.log.1");
        assert_eq!(fs::read(&first).unwrap(), b"first\n");
        fs::remove_dir(&next).unwrap();
        log.write_all(b"again\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"again\n");
        assert_eq!(fs::read(&first).unwrap(), b"second\nmore\nmore\nmore\n");
    }

    #[test]
    fn a_pipe_that_nobody_reads_holds_nobody() {
        let (reader, writer) = io::pipe().unwrap();
        let mut log = Patient(writer);
        for _ in 0..300 {
            log.write_all(&[b'x'; 999]).unwrap();
        }
        drop(log);
        let read = io::read_to_string(reader).unwrap().len();
        assert!((999..300 * 999).contains(&read), "{read}");
    }

    #[test]
    fn a_long_event_is_written_whole_and_an_open_file_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        fs::write(&path, "old\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let mut log = RotatedFile::open(path.clone(), 100).unwrap();
        log.write_all(&[b'x'; 500]).unwrap();
        log.write_all(b"y").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"y");
        assert_eq!(fs::metadata(folder.path().join("rushes.log.1")).unwrap().len(), 500);
        assert_eq!(fs::read(folder.path().join("rushes.log.2")).unwrap(), b"old\n");
        let mode = fs::metadata(folder.path().join("rushes.log.2")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
