//! The journal: what people decided about analyses, which no model can find out again.
//!
//! Each machine appends [`Record`]s to a file of its own in the analysis folder, so that machines that share
//! the folder never write to one file, and reads the files of all. A record is a kind and a body; what
//! they mean is not known here, and kinds that a reader does not know are of no concern to it. Nothing is
//! ever taken back but by a later record.

mod layout;
mod machine;

pub use machine::{Machine, MachineId};

use crate::{
    AnalysisFolder, StoreError,
    durable::{self, Disk},
    folder::{JOURNAL, names_in},
};
use fs_err as fs;
use layout::{Contents, HEADER, Rest};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// End of the names of a journal's files.
const EXTENSION: &str = "rjl";
/// Kind of the record that tells of damage which was mended.
const MENDED: &str = "journal.mended";
/// Longest file that is read, in bytes: a million corrections.
const MAX_BYTES: u64 = 256 << 20;

/// The journal of one analysis folder, appended to by one machine.
#[derive(Debug, Clone)]
pub struct Journal {
    analyses: AnalysisFolder,
    machine: Machine,
}

/// Something that somebody decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// When, in milliseconds since 1970 by the machine's clock, and never before its last record.
    pub time_ms: u64,
    /// Where.
    pub machine: MachineId,
    /// Number among the machine's records, from 0.
    pub sequence: u64,
    /// What kind of decision.
    pub kind: String,
    /// The decision.
    pub body: Value,
}

/// The records of all machines.
#[derive(Debug, Default)]
pub struct Records {
    /// In order of time, machine and sequence.
    pub records: Vec<Record>,
    /// The files that can be read only in part, or not at all.
    pub damaged: Vec<StoreError>,
}

/// What a journal held at some moment, to be compared with what it holds later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalStamp(Vec<(MachineId, u64, Option<SystemTime>)>);

/// A record as it is stored: its machine is the file's.
#[derive(Serialize, Deserialize)]
struct Stored<B> {
    time_ms: u64,
    sequence: u64,
    kind: String,
    body: B,
}

impl Journal {
    /// The journal of a folder; nothing is read or made yet.
    #[must_use]
    pub fn new(analyses: AnalysisFolder, machine: Machine) -> Self {
        Self { analyses, machine }
    }

    /// Writes a record behind this machine's others. It is on disk when this returns, and a reader sees
    /// it whole or not at all. Threads and processes of one machine wait for each other.
    ///
    /// # Errors
    /// [`StoreError::Newer`] when a later version writes this machine's file, [`StoreError::Io`] when
    /// writing fails, a full disk included; the records before are untouched then.
    pub fn append(&self, kind: &str, body: &impl Serialize) -> Result<(), StoreError> {
        self.append_after(0, kind, body)
    }

    /// The same for a decision that was made in the knowledge of others, the last of which has this time: it
    /// comes after them, however far behind the clock of this machine is.
    ///
    /// # Errors
    /// Those of [`Journal::append`].
    pub fn append_after(
        &self,
        known_ms: u64,
        kind: &str,
        body: &impl Serialize,
    ) -> Result<(), StoreError> {
        let _turn = self.machine.take_turn()?;
        let path = self.path_of(self.machine.id());
        let bytes = read_if_there(&path)?;
        self.append_to(&path, &bytes, known_ms, kind, body)
    }

    /// Mends this machine's file if it is damaged: a copy is kept, and what is whole stays. Says whether it was.
    ///
    /// # Errors
    /// Those of [`Journal::append`].
    pub fn mend(&self) -> Result<bool, StoreError> {
        let _turn = self.machine.take_turn()?;
        let path = self.path_of(self.machine.id());
        let bytes = read_if_there(&path)?;
        let Rest::Damaged(reason) = Contents::parse(&bytes).rest else { return Ok(false) };
        self.append_to(&path, &bytes, 0, MENDED, &reason)?;
        Ok(true)
    }

    /// Appends to a file that holds these bytes, in a turn of this machine.
    fn append_to(
        &self,
        path: &Path,
        bytes: &[u8],
        known_ms: u64,
        kind: &str,
        body: &impl Serialize,
    ) -> Result<(), StoreError> {
        let contents = Contents::parse(bytes);
        let path = path.to_owned();
        if let Rest::Newer(version) = contents.rest {
            return Err(StoreError::Newer { path, version });
        }
        let last = contents.payloads.last().map(|payload| parse(payload)).transpose();
        let last =
            last.map_err(|reason| StoreError::DamagedJournal { path: path.clone(), reason })?;
        let stored = Stored {
            time_ms: now_ms().max(known_ms).max(last.as_ref().map_or(0, |last| last.time_ms)),
            // Others may have named records that were lost: no later one must be taken for them.
            sequence: last
                .map_or(0, |last| last.sequence.saturating_add(1))
                .saturating_add(contents.lost_records()),
            kind: kind.to_owned(),
            body,
        };
        let record = layout::record(&serde_json::to_vec(&stored).map_err(io::Error::other)?)?;
        if let Rest::Damaged(reason) = contents.rest {
            self.put_aside(bytes, reason)?;
            return Ok(write_anew(&path, &contents.payloads, &record)?);
        }
        Ok(write_behind(&path, contents.whole, &record)?)
    }

    /// The records of all machines. A record that is being written, or was when a machine died, is none.
    ///
    /// # Errors
    /// When the folder or a file in it cannot be read. A folder that is not there has no records.
    pub fn read(&self) -> Result<Records, StoreError> {
        let mut read = Records::default();
        for (machine, path) in self.files()? {
            read.add_file(machine, path)?;
        }
        read.records.sort_by_key(|record| (record.time_ms, record.machine, record.sequence));
        Ok(read)
    }

    /// What tells whether [`Journal::read`] would find anything new.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn stamp(&self) -> Result<JournalStamp, StoreError> {
        let mut stamps = Vec::new();
        for (machine, path) in self.files()? {
            let metadata = fs::metadata(path)?;
            stamps.push((machine, metadata.len(), metadata.modified().ok()));
        }
        stamps.sort();
        Ok(JournalStamp(stamps))
    }

    fn folder(&self) -> PathBuf {
        self.analyses.root().join(JOURNAL)
    }

    fn path_of(&self, machine: MachineId) -> PathBuf {
        self.folder().join(format!("{machine}.{EXTENSION}"))
    }

    /// The files of all machines; others in the folder are none of ours.
    fn files(&self) -> Result<Vec<(MachineId, PathBuf)>, StoreError> {
        let names = names_in(&self.folder())?;
        let machines = names.iter().filter_map(|name| machine_of(name));
        Ok(machines.map(|machine| (machine, self.path_of(machine))).collect())
    }

    /// Keeps a file of ours as it is, before what cannot be read of it is left out.
    fn put_aside(&self, bytes: &[u8], reason: &str) -> Result<(), StoreError> {
        let name = format!("journal-{}.{EXTENSION}", self.machine.id());
        self.analyses.keep_damaged(&name, bytes, reason)
    }
}

/// The machine that a file of this name is of.
pub(crate) fn machine_of(name: &str) -> Option<MachineId> {
    name.strip_suffix(EXTENSION)?.strip_suffix('.')?.parse().ok()
}

/// How many records of a file can be read, and what is wrong with it, if anything is.
pub(crate) fn check(
    machine: MachineId,
    path: &Path,
) -> Result<(usize, Option<StoreError>), StoreError> {
    let mut read = Records::default();
    read.add_file(machine, path.to_owned())?;
    Ok((read.records.len(), read.damaged.pop()))
}

impl Records {
    /// Adds what the file of a machine holds.
    fn add_file(&mut self, machine: MachineId, path: PathBuf) -> Result<(), StoreError> {
        match durable::read_limited(&path, MAX_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.damaged.push(StoreError::DamagedJournal { path, reason: error.to_string() });
            }
            bytes => self.add(machine, path, &bytes?),
        }
        Ok(())
    }

    fn add(&mut self, machine: MachineId, path: PathBuf, bytes: &[u8]) {
        let contents = Contents::parse(bytes);
        let mut reason = None;
        for payload in &contents.payloads {
            match parse(payload) {
                Ok(Stored { time_ms, sequence, kind, body }) => {
                    self.records.push(Record { time_ms, machine, sequence, kind, body });
                }
                Err(what) => reason = Some(what),
            }
        }
        match contents.rest {
            Rest::Newer(version) => self.damaged.push(StoreError::Newer { path, version }),
            Rest::Damaged(reason) => {
                self.damaged.push(StoreError::DamagedJournal { path, reason: reason.to_owned() });
            }
            Rest::Nothing | Rest::Torn => {
                let damaged = |reason| StoreError::DamagedJournal { path, reason };
                self.damaged.extend(reason.map(damaged));
            }
        }
    }
}

fn parse(payload: &[u8]) -> Result<Stored<Value>, String> {
    serde_json::from_slice(payload).map_err(|error| format!("a record is none of ours: {error}"))
}

fn read_if_there(path: &Path) -> io::Result<Vec<u8>> {
    match durable::read_limited(path, MAX_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        bytes => bytes,
    }
}

/// Writes a record behind the first `whole` bytes of a file, in place of what else is there.
fn write_behind(path: &Path, whole: usize, record: &[u8]) -> io::Result<()> {
    let folder = durable::folder_of(path);
    durable::create_folders(folder)?;
    let mut file = Disk::open_or_create(path)?;
    if whole == 0 {
        // Before the record: one that is there must not be told to have failed.
        durable::sync_folder(folder)?;
    }
    let bytes = if whole == 0 { [&HEADER, record].concat() } else { record.to_vec() };
    let written =
        file.cut(whole as u64).and_then(|()| file.write_all(&bytes)).and_then(|()| file.sync());
    // The first error is the one to report; half a record would be passed over anyway.
    written.inspect_err(|_| drop(file.cut(whole as u64)))
}

/// Writes a file of these records and one more, in place of one that is damaged.
fn write_anew(path: &Path, payloads: &[&[u8]], record: &[u8]) -> io::Result<()> {
    let kept: Vec<Vec<u8>> =
        payloads.iter().map(|payload| layout::record(payload)).collect::<Result<_, _>>()?;
    durable::publish(path, |file| {
        file.write_all(&HEADER)?;
        kept.iter().try_for_each(|record| file.write_all(record))?;
        file.write_all(record)
    })
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
