//! The local catalogue: what files were seen to be, so that unchanged ones are not read again.

mod rebuild;

pub use rebuild::{Identify, Rebuilt};

use crate::{
    StoreError, begun,
    database::{Database, Kind},
    path_bytes, watched,
};
use rushes_model::{HashStr, MediaFacts, MediaId};
use rusqlite::{Connection, Row, params};
use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The version that had the table below and no others.
const SEEN_ONLY: i64 = 1;
/// The version that watch folders came with.
const WATCHED: i64 = 2;

static KIND: Kind = Kind {
    name: "catalogue",
    synchronous: "NORMAL",
    version: 3,
    tables: |version| match version {
        0 => Some([SEEN, watched::TABLES, begun::TABLES].concat()),
        SEEN_ONLY => Some([watched::TABLES, begun::TABLES].concat()),
        WATCHED => Some(begun::TABLES.to_owned()),
        _ => None,
    },
    refuses_later: false,
    failed: |path, source| StoreError::Catalogue { path, source },
};

const SEEN: &str = "
    CREATE TABLE seen (
        path BLOB PRIMARY KEY,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        media_id BLOB NOT NULL,
        hash_str INTEGER NOT NULL,
        facts TEXT NOT NULL,
        last_seen INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX seen_media ON seen (media_id, last_seen);
";

/// What tells that a file has not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change, in nanoseconds since 1970; negative before.
    pub mtime_ns: i64,
}

impl FileStamp {
    /// The stamp of a file.
    ///
    /// # Errors
    /// When the system has no time of the last change.
    pub fn of(metadata: &std::fs::Metadata) -> io::Result<Self> {
        let nanoseconds =
            |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let mtime_ns = match metadata.modified()?.duration_since(UNIX_EPOCH) {
            Ok(since) => nanoseconds(since),
            Err(before) => -nanoseconds(before.duration()),
        };
        Ok(Self { size: metadata.len(), mtime_ns })
    }
}

/// What a file was found to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// Identity of the medium.
    pub media_id: MediaId,
    /// Its short name in the API.
    pub hash_str: HashStr,
    /// What probing told.
    pub facts: MediaFacts,
}

/// A place where a medium was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPath {
    /// The file.
    pub path: PathBuf,
    /// When it was last seen there, in seconds since 1970.
    pub last_seen: u64,
}

/// A SQLite database on a local disk. All of it can be found out again: one that is damaged or of a later version
/// is put aside and begun anew, unless another process has it open.
#[derive(Debug)]
pub struct Catalogue {
    pub(crate) database: Database,
}

impl Catalogue {
    /// Opens the catalogue, or begins one. After an unclean stop it is checked in full.
    ///
    /// # Errors
    /// When the folder or the database cannot be written; [`StoreError::InUse`] when it cannot be used and may not
    /// be put aside either, since another process has it open.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open(path, &KIND)? })
    }

    /// What the file at `path` was found to be, if it has not changed since.
    ///
    /// # Errors
    /// When the database fails.
    pub fn identity(&self, path: &Path, stamp: FileStamp) -> Result<Option<Identity>, StoreError> {
        let sql = "SELECT media_id, hash_str, facts FROM seen
                   WHERE path = ?1 AND size = ?2 AND mtime_ns = ?3";
        let key = params![path_bytes::to_bytes(path), stamp.size.cast_signed(), stamp.mtime_ns];
        // Facts that do not read are of another version: the file is looked at again.
        Ok(self.database.query(sql, key, identity_of)?.pop().flatten())
    }

    /// What was found at `path` the last time, whether or not it is still there.
    ///
    /// # Errors
    /// When the database fails.
    pub fn last_known(&self, path: &Path) -> Result<Option<Identity>, StoreError> {
        let sql = "SELECT media_id, hash_str, facts FROM seen WHERE path = ?1";
        let key = [path_bytes::to_bytes(path)];
        Ok(self.database.query(sql, key, identity_of)?.pop().flatten())
    }

    /// Keeps what the file at `path` is, seen now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn remember(
        &self,
        path: &Path,
        stamp: FileStamp,
        identity: &Identity,
    ) -> Result<(), StoreError> {
        self.database.with(|connection| insert(connection, path, stamp, identity))
    }

    /// Where a medium was seen, the latest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn paths_of(&self, media_id: &MediaId) -> Result<Vec<SeenPath>, StoreError> {
        let sql = "SELECT path, last_seen FROM seen WHERE media_id = ?1
                   ORDER BY last_seen DESC, path";
        self.database.query(sql, [media_id.0], seen_path_of)
    }

    /// Drops what is known of the file at `path`, which is no longer there or was replaced.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget(&self, path: &Path) -> Result<(), StoreError> {
        let sql = "DELETE FROM seen WHERE path = ?1";
        self.database.execute(sql, [path_bytes::to_bytes(path)]).map(drop)
    }
}

/// Keeps what the file at `path` is, seen now.
fn insert(
    connection: &Connection,
    path: &Path,
    stamp: FileStamp,
    identity: &Identity,
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO seen
               (path, size, mtime_ns, media_id, hash_str, facts, last_seen)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let facts = serde_json::to_string(&identity.facts)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let row = params![
        path_bytes::to_bytes(path),
        stamp.size.cast_signed(),
        stamp.mtime_ns,
        identity.media_id.0,
        identity.hash_str.0,
        facts,
        now.cast_signed(),
    ];
    connection.prepare_cached(sql)?.execute(row).map(drop)
}

fn identity_of(row: &Row<'_>) -> rusqlite::Result<Option<Identity>> {
    let facts: String = row.get(2)?;
    let (media_id, hash_str) = (MediaId(row.get(0)?), HashStr(row.get(1)?));
    Ok(serde_json::from_str(&facts).ok().map(|facts| Identity { media_id, hash_str, facts }))
}

fn seen_path_of(row: &Row<'_>) -> rusqlite::Result<SeenPath> {
    let (path, last_seen): (Vec<u8>, i64) = (row.get(0)?, row.get(1)?);
    Ok(SeenPath { path: path_bytes::from_bytes(&path), last_seen: last_seen.cast_unsigned() })
}
