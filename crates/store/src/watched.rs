//! What became of the files of watch folders, so that a restart does not begin with all of them anew.

use crate::{Catalogue, FileStamp, StoreError, path_bytes};
use rusqlite::{Row, params};
use std::path::PathBuf;

pub(crate) const TABLES: &str = "
    CREATE TABLE watched (
        folder TEXT NOT NULL,
        path BLOB NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        failures INTEGER NOT NULL,
        first_failed INTEGER,
        gave_up INTEGER NOT NULL,
        reason TEXT,
        PRIMARY KEY (folder, path)
    ) STRICT, WITHOUT ROWID;
";

/// A file of a watch folder that was taken in, or tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it was like then.
    pub stamp: FileStamp,
    /// What went wrong, if it could not be analysed.
    pub failure: Option<WatchFailure>,
}

/// Why a file of a watch folder is not analysed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchFailure {
    /// How many times it was tried.
    pub tries: u32,
    /// When it failed first, in seconds since 1970.
    pub first: u64,
    /// Whether it is not tried any more until it changes.
    pub gave_up: bool,
    /// What went wrong the last time.
    pub reason: String,
}

impl Catalogue {
    /// The files of a watch folder that were taken in or tried, in order of their paths.
    ///
    /// # Errors
    /// When the database fails.
    pub fn watched(&self, folder: &str) -> Result<Vec<WatchedFile>, StoreError> {
        let sql = "SELECT path, size, mtime_ns, failures, first_failed, gave_up, reason
                   FROM watched WHERE folder = ?1 ORDER BY path";
        self.database.query(sql, [folder], watched_file)
    }

    /// Keeps what became of a file of a watch folder.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_watched(&self, folder: &str, file: &WatchedFile) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO watched
                   (folder, path, size, mtime_ns, failures, first_failed, gave_up, reason)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let failure = file.failure.as_ref();
        let row = params![
            folder,
            path_bytes::to_bytes(&file.path),
            file.stamp.size.cast_signed(),
            file.stamp.mtime_ns,
            failure.map_or(0, |failure| failure.tries),
            failure.map(|failure| failure.first.cast_signed()),
            failure.is_some_and(|failure| failure.gave_up),
            failure.map(|failure| &failure.reason),
        ];
        self.database.execute(sql, row).map(drop)
    }

    /// Drops what is known of a file of a watch folder.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_watched(&self, folder: &str, path: &std::path::Path) -> Result<(), StoreError> {
        let sql = "DELETE FROM watched WHERE folder = ?1 AND path = ?2";
        self.database.execute(sql, params![folder, path_bytes::to_bytes(path)]).map(drop)
    }

    /// Drops what is known of all files of a watch folder.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_watch_folder(&self, folder: &str) -> Result<(), StoreError> {
        self.database.execute("DELETE FROM watched WHERE folder = ?1", [folder]).map(drop)
    }
}

fn watched_file(row: &Row<'_>) -> rusqlite::Result<WatchedFile> {
    let (path, size): (Vec<u8>, i64) = (row.get(0)?, row.get(1)?);
    let stamp = FileStamp { size: size.cast_unsigned(), mtime_ns: row.get(2)? };
    let first: Option<i64> = row.get(4)?;
    let (tries, gave_up) = (row.get(3)?, row.get(5)?);
    let reason: Option<String> = row.get(6)?;
    let failure = reason.map(|reason| WatchFailure {
        tries,
        first: first.unwrap_or_default().cast_unsigned(),
        gave_up,
        reason,
    });
    Ok(WatchedFile { path: path_bytes::from_bytes(&path), stamp, failure })
}
