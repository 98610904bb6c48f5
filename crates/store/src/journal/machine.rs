//! This machine, as journals know it.

use crate::durable;
use std::{
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
    thread,
    time::Duration,
};

/// Name of the file in the home folder that holds the machine's number.
const FILE: &str = "machine";
/// More than such a file is long.
const MAX_BYTES: u64 = 64;
/// How often a file without a number is looked at again, and how long after each time: a second in all, in
/// which even a busy disk renames a file.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Number of a machine: 128 random bits, written as 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId(u128);

/// One home folder, whose threads and processes write to journals one at a time.
#[derive(Debug, Clone)]
pub struct Machine {
    id: MachineId,
    file: PathBuf,
}

/// Nobody else of this machine writes as long as this is there.
#[derive(Debug)]
pub(super) struct Turn {
    _file: fs_err::File,
}

impl Machine {
    /// The machine of a home folder, which is given a number the first time. A file that holds none is
    /// written anew: what was journalled under the lost number counts as another machine's.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub fn open(home: &Path) -> io::Result<Self> {
        let file = home.join(FILE);
        let id = match read_settled(&file) {
            Ok(Some(id)) => id,
            Ok(None) => make(&file, |file, text| durable::publish(file, |to| to.write_all(text)))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(&file, |file, text| durable::publish_new(file, |to| to.write_all(text)))?
            }
            Err(error) => return Err(error),
        };
        Ok(Self { id, file })
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> MachineId {
        self.id
    }

    /// Waits until no other thread or process of this machine writes. The lock is one of the home folder,
    /// for not every network share has locks.
    pub(super) fn take_turn(&self) -> io::Result<Turn> {
        Ok(Turn { _file: durable::lock(&self.file)? })
    }
}

/// The same once whoever makes the file just now has written to it: its name is there a moment before.
fn read_settled(file: &Path) -> io::Result<Option<MachineId>> {
    for _ in 0..LOOKS {
        if let Some(id) = read(file)? {
            return Ok(Some(id));
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    Ok(None)
}

/// The number in a file; none where there is something else.
fn read(file: &Path) -> io::Result<Option<MachineId>> {
    let bytes = durable::read_limited(file, MAX_BYTES);
    let bytes = match bytes {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(None),
        bytes => bytes?,
    };
    Ok(str::from_utf8(&bytes).ok().and_then(|text| text.trim_end().parse().ok()))
}

/// Gives the machine a number, or takes what another process has given it meanwhile.
fn make(file: &Path, write: impl FnOnce(&Path, &[u8]) -> io::Result<()>) -> io::Result<MachineId> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let id = MachineId(u128::from_be_bytes(random));
    match write(file, format!("{id}\n").as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let none =
                || io::Error::new(io::ErrorKind::InvalidData, "another process made it empty");
            read_settled(file)?.ok_or_else(none)
        }
        written => written.map(|()| id),
    }
}

impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for MachineId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let shaped = text.len() == 32 && text.bytes().all(lower);
        let number = u128::from_str_radix(text, 16).ok().filter(|_| shaped);
        number.map(Self).ok_or_else(|| format!("\"{text}\" is no number of a machine"))
    }
}
