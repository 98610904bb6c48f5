//! What is watched: a file in the home folder that every process may change and the server follows.

use crate::{replies::WatchFolder, requests::WatchFolderSettings};
use fs_err as fs;
use rushes_model::{ErrorCode, Failure};
use rushes_store::durable;
use serde::{Deserialize, Serialize};
use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Name of the file.
const FILE: &str = "watch-folders.json";
/// Format of the file.
const FORMAT: u32 = 1;
/// Most folders: each has a thread, and the file is written whole.
const MOST_FOLDERS: usize = 1000;
/// Longest file that is read: a thousand folders with long paths are some megabytes.
const MAX_BYTES: u64 = 16 << 20;

/// What is watched, and whether at present.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    format: u32,
    /// Whether the service is on.
    pub on: bool,
    /// Whether it was told to wait.
    pub pause: Pause,
    /// The folders, oldest first.
    pub folders: Vec<WatchFolder>,
}

/// Whether the service was told to wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// It was not.
    #[default]
    None,
    /// To this time in Unix seconds.
    Until(f64),
    /// Until it is started again.
    Open,
}

impl Pause {
    /// Whether it goes on at this time, in Unix seconds.
    #[must_use]
    pub fn is_on(self, now: f64) -> bool {
        match self {
            Self::None => false,
            Self::Until(end) => now < end,
            Self::Open => true,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        // A folder that somebody adds is watched without another word.
        Self { format: FORMAT, on: true, pause: Pause::None, folders: Vec::new() }
    }
}

/// The file.
#[derive(Debug, Clone)]
pub struct SettingsFile(PathBuf);

/// What tells whether the file has changed.
pub type Stamp = Option<(SystemTime, u64)>;

impl SettingsFile {
    /// That of a home folder; it need not be there.
    #[must_use]
    pub fn of(home: &Path) -> Self {
        Self(home.join(FILE))
    }

    /// What tells whether the file has changed.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        let metadata = fs::metadata(&self.0).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }

    /// What it says.
    ///
    /// # Errors
    /// When it cannot be read, or was written by a later version.
    pub fn read(&self) -> Result<Settings, Failure> {
        let bytes = match durable::read_limited(&self.0, MAX_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Settings::default()),
            bytes => bytes.map_err(|error| self.failed(error))?,
        };
        let settings: Settings = serde_json::from_slice(&bytes)
            .map_err(|error| self.failed(format!("it is damaged ({error}); move it away")))?;
        if settings.format != FORMAT {
            return Err(self.failed(format!(
                "it has format {}, which this version of Rushes does not know; update Rushes",
                settings.format
            )));
        }
        Ok(settings)
    }

    /// Changes what it says; no other process does so meanwhile.
    ///
    /// # Errors
    /// When the change is refused, or the file cannot be read or written; nothing is changed then.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut Settings) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let lock = fs::File::create(self.0.with_extension("lock"));
        let lock = lock.map_err(|error| self.failed(error))?;
        // Some network file systems know no locks. Of two changes at once one may then be lost.
        if let Err(error) = lock.file().lock() {
            tracing::warn!(file = %self.0.display(), %error, "cannot be locked against other changes");
        }
        let mut settings = self.read()?;
        let changed = change(&mut settings)?;
        let text = serde_json::to_vec_pretty(&settings).map_err(|error| self.failed(error))?;
        durable::publish(&self.0, |file| file.write_all(&text))
            .map_err(|error| self.failed(error))?;
        Ok(changed)
    }

    fn failed(&self, error: impl std::fmt::Display) -> Failure {
        Failure::new(ErrorCode::Internal, format!("{}: {error}", self.0.display()))
    }
}

impl Settings {
    /// When a pause ends, in Unix seconds, if one does.
    #[must_use]
    pub fn pause_end(&self) -> Option<f64> {
        match self.pause {
            Pause::Until(end) if self.on && now() < end => Some(end),
            _ => None,
        }
    }

    /// Adds a folder and gives it a name.
    ///
    /// # Errors
    /// `BadRequest` when it is watched for this analysis folder already, or there are too many.
    pub fn add(&mut self, settings: WatchFolderSettings) -> Result<WatchFolder, Failure> {
        self.check_new(&settings, None)?;
        if self.folders.len() >= MOST_FOLDERS {
            let message = format!(
                "{MOST_FOLDERS} folders are watched already: remove one, or watch one above"
            );
            return Err(Failure::new(ErrorCode::BadRequest, message));
        }
        let random = getrandom::u64().map_err(|error| {
            Failure::new(ErrorCode::Internal, format!("no random numbers for an id: {error}"))
        })?;
        let created_at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let folder = WatchFolder { id: format!("{random:016x}"), created_at, settings };
        self.folders.push(folder.clone());
        Ok(folder)
    }

    /// Changes a folder.
    ///
    /// # Errors
    /// `NotFound`; `BadRequest` when another one is the same.
    pub fn replace(
        &mut self,
        id: &str,
        settings: WatchFolderSettings,
    ) -> Result<WatchFolder, Failure> {
        self.find(id)?;
        self.check_new(&settings, Some(id))?;
        let folder = self.folders.iter_mut().find(|folder| folder.id == id);
        let folder = folder.ok_or_else(|| unknown(id))?;
        folder.settings = settings;
        Ok(folder.clone())
    }

    /// Removes a folder.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn remove(&mut self, id: &str) -> Result<WatchFolder, Failure> {
        let place = self.folders.iter().position(|folder| folder.id == id);
        Ok(self.folders.remove(place.ok_or_else(|| unknown(id))?))
    }

    /// A folder.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn find(&self, id: &str) -> Result<&WatchFolder, Failure> {
        self.folders.iter().find(|folder| folder.id == id).ok_or_else(|| unknown(id))
    }

    fn check_new(&self, new: &WatchFolderSettings, id: Option<&str>) -> Result<(), Failure> {
        let is_same = |folder: &&WatchFolder| {
            let settings = &folder.settings;
            Some(folder.id.as_str()) != id
                && Path::new(&settings.path) == Path::new(&new.path)
                && Path::new(&settings.cache_dir) == Path::new(&new.cache_dir)
        };
        match self.folders.iter().find(is_same) {
            None => Ok(()),
            Some(WatchFolder { id, .. }) => {
                let message = format!("{} is watched already: change watch folder {id}", new.path);
                Err(Failure::new(ErrorCode::BadRequest, message))
            }
        }
    }
}

fn unknown(id: &str) -> Failure {
    let id: String = id.chars().take(64).collect();
    Failure::new(ErrorCode::NotFound, format!("no watch folder \"{id}\""))
}

/// Unix seconds of now.
#[must_use]
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}
