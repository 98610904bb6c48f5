//! Files that are being worked on, so that one which ends the process is found out by the next.

use crate::{Catalogue, FileStamp, StoreError, path_bytes};
use rusqlite::{Row, params};
use std::path::{Path, PathBuf};

pub(crate) const TABLES: &str = "
    CREATE TABLE begun (
        path BLOB PRIMARY KEY,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        times INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// A file that was begun with, and not ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it was like then.
    pub stamp: FileStamp,
    /// How many times, one after the other.
    pub times: u32,
}

impl Catalogue {
    /// The files that somebody has begun with and not ended: those in work now, and those at which a process ended.
    ///
    /// # Errors
    /// When the database fails.
    pub fn begun(&self) -> Result<Vec<BegunFile>, StoreError> {
        let sql = "SELECT path, size, mtime_ns, times FROM begun ORDER BY path";
        self.database.query(sql, [], begun_file)
    }

    /// Keeps that a file is begun with, also when the process ends at once.
    ///
    /// # Errors
    /// When the database fails.
    pub fn begin(&self, file: &BegunFile) -> Result<(), StoreError> {
        let sql =
            "INSERT OR REPLACE INTO begun (path, size, mtime_ns, times) VALUES (?1, ?2, ?3, ?4)";
        let (path, stamp) = (path_bytes::to_bytes(&file.path), file.stamp);
        let row = params![path, stamp.size.cast_signed(), stamp.mtime_ns, file.times];
        self.database.execute(sql, row).map(drop)
    }

    /// Keeps that nobody is at a file any more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn finish(&self, path: &Path) -> Result<(), StoreError> {
        let sql = "DELETE FROM begun WHERE path = ?1";
        self.database.execute(sql, [path_bytes::to_bytes(path)]).map(drop)
    }
}

fn begun_file(row: &Row<'_>) -> rusqlite::Result<BegunFile> {
    let (path, size): (Vec<u8>, i64) = (row.get(0)?, row.get(1)?);
    let stamp = FileStamp { size: size.cast_unsigned(), mtime_ns: row.get(2)? };
    Ok(BegunFile { path: path_bytes::from_bytes(&path), stamp, times: row.get(3)? })
}
