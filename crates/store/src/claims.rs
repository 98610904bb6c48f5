//! Claims: who is at work on a medium, so that two machines that share a folder do not do the same twice.
//!
//! A [`Claim`] is a file that is there as long as the work lasts. It is an agreement and no lock: whoever works
//! without one, or goes on after losing one, does work that another does too, and nothing worse, for the bundle that
//! is published last stands. So a folder in which claims cannot be made is no reason not to work.
//!
//! A claim whose holder died is broken by the next one who asks: at once if it can be seen that its process is gone,
//! and else when the file has not changed for a minute by the asker's own clock. Clocks of two machines are never
//! compared.

mod heartbeat;
mod holder;

use crate::{
    AnalysisFolder, Machine, StoreError,
    durable::{self, Disk, STALE_AFTER},
    folder::{CLAIMS, names_in},
};
use heartbeat::Heart;
use holder::Holder;
use rushes_model::MediaId;
use std::{
    collections::HashMap,
    fmt,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

/// Stands between a claim's name and the key of the holder it was taken from.
const BROKEN: &str = ".broken-";
/// Longest name of a kind of work.
const MAX_WHAT: usize = 100;
/// More than a claim is long.
const MAX_BYTES: u64 = 4096;

/// How often holders show that they live, and when others stop believing it. All who share a folder must agree.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Time between two signs of life.
    pub beat: Duration,
    /// Time without one after which a claim is broken.
    pub stale_after: Duration,
}

impl Default for Pace {
    /// Ten seconds and a minute: a share may be away for half a minute without anybody losing a claim.
    fn default() -> Self {
        Self { beat: Duration::from_secs(10), stale_after: Duration::from_secs(60) }
    }
}

/// The claims of one process in one analysis folder, `<root>/claims/<media id>.<what>`.
#[derive(Debug)]
pub struct Claims {
    folder: PathBuf,
    own: Holder,
    pace: Pace,
    heart: Arc<Heart>,
    watched: Mutex<HashMap<PathBuf, Watch>>,
    is_swept: AtomicBool,
}

/// A medium that is this process's to work on, until this is dropped.
#[must_use = "a claim ends when it is dropped"]
pub struct Claim {
    path: PathBuf,
    token: String,
    heart: Arc<Heart>,
}

/// What a claim of somebody else looked like, and since when.
#[derive(Debug, Clone)]
struct Watch {
    seen: Seen,
    since: Instant,
    /// Somebody else began to break it.
    is_taken: bool,
}

/// A claim at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    bytes: Vec<u8>,
    modified: Option<SystemTime>,
}

impl Claims {
    /// Those of this process, in the name of this machine. Nothing is made yet.
    #[must_use]
    pub fn new(analyses: &AnalysisFolder, machine: &Machine) -> Self {
        Self::with_pace(analyses, machine, Pace::default())
    }

    /// The same at another pace.
    #[must_use]
    pub fn with_pace(analyses: &AnalysisFolder, machine: &Machine, pace: Pace) -> Self {
        Self {
            folder: analyses.root().join(CLAIMS),
            own: Holder::new(machine.id()),
            pace,
            heart: Arc::new(Heart::new(pace.beat)),
            watched: Mutex::default(),
            is_swept: AtomicBool::new(false),
        }
    }

    /// Claims a medium for a kind of work, such as `visual-lite-260`: lower-case letters, digits, `-` and `.`.
    /// `None` when somebody else has it, another thread of this process included: then there is other work to do,
    /// and the time to ask again is some seconds later.
    ///
    /// Whoever gets a claim should look whether the work has not just been done.
    ///
    /// # Errors
    /// When the folder cannot be written, or `what` is no such name. The work can be done without a claim.
    pub fn claim(&self, media_id: &MediaId, what: &str) -> Result<Option<Claim>, StoreError> {
        let path = self.folder.join(name(media_id, what)?);
        let mut taken = self.take(&path);
        if is(&taken, io::ErrorKind::AlreadyExists) {
            if !self.break_if_stale(&path)? {
                return Ok(None);
            }
            taken = self.take(&path);
        }
        match taken {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            claim => Ok(Some(claim?)),
        }
    }

    /// Makes the file of a claim.
    fn take(&self, path: &Path) -> io::Result<Claim> {
        let holder = self.own.with_token()?;
        self.heart.start()?;
        let mut file = Disk::create_new(path);
        if is(&file, io::ErrorKind::NotFound) {
            durable::create_folders(&self.folder)?;
            file = Disk::create_new(path);
        }
        let written = file?.write_all(&holder.to_bytes());
        written.inspect_err(|_| drop(durable::remove(path)))?;
        self.watched().remove(path);
        if !self.is_swept.swap(true, Ordering::Relaxed) {
            self.sweep(path);
        }
        let token = holder.token.clone();
        self.heart.add(path.to_owned(), holder);
        Ok(Claim { path: path.to_owned(), token, heart: Arc::clone(&self.heart) })
    }

    /// Takes the claim of a dead holder away. Says whether the name is free.
    fn break_if_stale(&self, path: &Path) -> Result<bool, StoreError> {
        let seen = match Seen::at(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            seen => seen?,
        };
        let holder = Holder::parse(&seen.bytes);
        let is_dead = holder.as_ref().is_some_and(|holder| holder.is_dead(&self.own));
        let Some(watch) = self.watch(path, &seen, is_dead) else { return Ok(false) };
        // The name aside tells whose claim was broken, so that of several who break one claim one is first,
        // and nobody takes the claim of that one for the dead.
        let key = holder.map_or_else(|| seen.key(), |holder| holder.token);
        let aside = with_end(path, &format!("{BROKEN}{key}"));
        if watch.is_taken {
            // Whoever was first has died over it.
            drop(durable::remove(&aside));
        }
        match durable::rename_new(path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let watch = Watch { seen, since: Instant::now(), is_taken: true };
                self.watched().insert(path.to_owned(), watch);
                Ok(false)
            }
            Err(error) => Err(error.into()),
            Ok(()) => Ok(still(&aside, &seen) || put_back(&aside, path)),
        }
    }

    /// Looks at somebody's claim again; what is known of it if it is time to break it.
    fn watch(&self, path: &Path, seen: &Seen, is_dead: bool) -> Option<Watch> {
        let mut watched = self.watched();
        let fresh = || Watch { seen: seen.clone(), since: Instant::now(), is_taken: false };
        let watch = watched.entry(path.to_owned()).or_insert_with(fresh);
        if watch.seen != *seen {
            *watch = fresh();
        }
        (is_dead || watch.since.elapsed() >= self.pace.stale_after).then(|| watch.clone())
    }

    /// Removes what nobody has touched for a day: broken claims, and those of media that nobody asked for again. The
    /// share's own clock tells, by a claim that was made just now.
    fn sweep(&self, new: &Path) {
        let time = |path: &Path| fs_err::metadata(path).and_then(|metadata| metadata.modified());
        let (Ok(now), Ok(names)) = (time(new), names_in(&self.folder)) else { return };
        for path in names.into_iter().map(|name| self.folder.join(name)) {
            let age = time(&path).ok().and_then(|then| now.duration_since(then).ok());
            if age.is_some_and(|age| age > STALE_AFTER) {
                drop(durable::remove(&path));
            }
        }
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<PathBuf, Watch>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Whether it still is this process's: one that could not show that it lives, such as on a machine that slept,
    /// has lost it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.heart.is_beating(&self.token)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.heart.remove(&self.token);
        let bytes = durable::read_limited(&self.path, MAX_BYTES).unwrap_or_default();
        if Holder::parse(&bytes).is_some_and(|holder| holder.token == self.token) {
            // One that stays is stale in a minute.
            drop(durable::remove(&self.path));
        }
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claim").field(&self.path).finish()
    }
}

impl Seen {
    /// Opening a file, rather than asking for its name, has a network file system look at it anew.
    fn at(path: &Path) -> io::Result<Self> {
        let mut file = durable::open(path)?;
        let mut bytes = Vec::new();
        (&mut file).take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(Self { bytes, modified: file.metadata()?.modified().ok() })
    }

    /// Tells a claim without a holder, as a loss of power leaves it, from others.
    fn key(&self) -> String {
        let since = self.modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let nanoseconds = since.map_or(0, |since| since.as_nanos() as u64);
        format!("{:08x}{nanoseconds:016x}", crc32fast::hash(&self.bytes))
    }
}

/// Whether what was put aside is what was to be put aside.
fn still(aside: &Path, seen: &Seen) -> bool {
    Seen::at(aside).is_ok_and(|now| now.bytes == seen.bytes)
}

/// Gives a claim back that was alive after all. The name is not free then.
fn put_back(aside: &Path, path: &Path) -> bool {
    drop(durable::rename_new(aside, path));
    false
}

fn name(media_id: &MediaId, what: &str) -> io::Result<String> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let fits = (1..=MAX_WHAT).contains(&what.len()) && what.bytes().all(plain);
    if fits && !what.contains(BROKEN) {
        return Ok(format!("{media_id}.{what}"));
    }
    let message = format!("\"{what}\" cannot be claimed: it is no name of a kind of work");
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn is<T>(result: &io::Result<T>, kind: io::ErrorKind) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == kind)
}
