//! The local catalogue: what files were seen to be, so that unchanged ones are not read again.

mod rebuild;

pub use rebuild::{Identify, Rebuilt};

use crate::{StoreError, durable, ledger, path_bytes, watched};
use fs_err as fs;
use rushes_model::{HashStr, MediaFacts, MediaId};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// `PRAGMA user_version` of the tables below, of the ledger's and of those of watch folders.
const VERSION: i64 = 2;
/// The version that had the tables below and no others.
const SEEN_ONLY: i64 = 1;

/// How long a call waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

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

/// A SQLite database on a local disk. What files were seen to be can be found out again: a database that is
/// damaged or of a later version is put aside and begun anew.
#[derive(Debug)]
pub struct Catalogue {
    path: PathBuf,
    connection: Mutex<Connection>,
}

/// Why a database could not be opened.
enum OpenError {
    /// It is not one that this version can use.
    Unusable(String),
    /// The machine failed us; beginning anew would not help.
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Unusable(error.to_string())
            }
            _ => Self::Failed(error),
        }
    }
}

impl Catalogue {
    /// Opens the catalogue, or begins one. After an unclean stop it is checked in full.
    ///
    /// # Errors
    /// When the folder or the database cannot be written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        durable::create_folders(path.parent().unwrap_or(path))?;
        let failed = |source| StoreError::Catalogue { path: path.to_owned(), source };
        let connection = match connect(path) {
            Ok(connection) => connection,
            Err(OpenError::Failed(error)) => return Err(failed(error)),
            Err(OpenError::Unusable(reason)) => {
                tracing::warn!(path = %path.display(), reason, "catalogue put aside and begun anew");
                put_aside(path)?;
                connect(path).map_err(|error| match error {
                    OpenError::Failed(error) => failed(error),
                    OpenError::Unusable(reason) => StoreError::Io(io::Error::other(reason)),
                })?
            }
        };
        Ok(Self { path: path.to_owned(), connection: Mutex::new(connection) })
    }

    /// What the file at `path` was found to be, if it has not changed since.
    ///
    /// # Errors
    /// When the database fails.
    pub fn identity(&self, path: &Path, stamp: FileStamp) -> Result<Option<Identity>, StoreError> {
        let sql = "SELECT media_id, hash_str, facts FROM seen
                   WHERE path = ?1 AND size = ?2 AND mtime_ns = ?3";
        let key = params![path_bytes::to_bytes(path), stamp.size.cast_signed(), stamp.mtime_ns];
        let connection = self.lock();
        let row = connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(key, identity_of).optional());
        // Facts that do not read are of another version: the file is looked at again.
        Ok(row.map_err(|error| self.failed(error))?.flatten())
    }

    /// What was found at `path` the last time, whether or not it is still there.
    ///
    /// # Errors
    /// When the database fails.
    pub fn last_known(&self, path: &Path) -> Result<Option<Identity>, StoreError> {
        let sql = "SELECT media_id, hash_str, facts FROM seen WHERE path = ?1";
        let connection = self.lock();
        let row = connection.prepare_cached(sql).and_then(|mut statement| {
            statement.query_row([path_bytes::to_bytes(path)], identity_of).optional()
        });
        Ok(row.map_err(|error| self.failed(error))?.flatten())
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
        let connection = self.lock();
        insert(&connection, path, stamp, identity).map_err(|error| self.failed(error))
    }

    /// Where a medium was seen, the latest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn paths_of(&self, media_id: &MediaId) -> Result<Vec<SeenPath>, StoreError> {
        let sql = "SELECT path, last_seen FROM seen WHERE media_id = ?1
                   ORDER BY last_seen DESC, path";
        self.query(sql, [media_id.0], seen_path_of)
    }

    /// Drops what is known of the file at `path`, which is no longer there or was replaced.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget(&self, path: &Path) -> Result<(), StoreError> {
        self.execute("DELETE FROM seen WHERE path = ?1", [path_bytes::to_bytes(path)])
    }

    pub(crate) fn execute(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<(), StoreError> {
        execute(&self.lock(), sql, parameters).map_err(|error| self.failed(error))
    }

    pub(crate) fn query<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        of: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        query(&self.lock(), sql, parameters, of).map_err(|error| self.failed(error))
    }

    /// A thread that panicked while it held the connection left no half of a statement behind.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Catalogue { path: self.path.clone(), source }
    }
}

/// Runs a statement that gives nothing.
pub(crate) fn execute(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute(parameters).map(drop)
}

/// All rows that a statement gives.
pub(crate) fn query<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    of: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(parameters, of)?.collect()
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

fn connect(path: &Path) -> Result<Connection, OpenError> {
    // SQLite removes its log when the last connection closes; one that is there was left by a crash, or
    // belongs to another process, whose database passes the check as well.
    let unclean = fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0);
    let connection = open(path, "NORMAL")?;
    if unclean {
        check(&connection)?;
    }
    create_or_compare(&connection)?;
    Ok(connection)
}

/// Opens a database. `synchronous` says what a commit waits for: `NORMAL` survives a crash of the process,
/// `FULL` one of the machine.
fn open(path: &Path, synchronous: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    Ok(connection)
}

/// A further connection to a database that [`Catalogue::open`] has opened.
pub(crate) fn connect_again(path: &Path, synchronous: &str) -> Result<Connection, StoreError> {
    let failed = |source| StoreError::Catalogue { path: path.to_owned(), source };
    open(path, synchronous).map_err(failed)
}

fn check(connection: &Connection) -> Result<(), OpenError> {
    let verdict: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(OpenError::Unusable(verdict)) }
}

fn create_or_compare(connection: &Connection) -> Result<(), OpenError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let added = format!("{} {}", ledger::TABLES, watched::TABLES);
    let create = |tables: &str| {
        let sql = format!("BEGIN IMMEDIATE; {tables} PRAGMA user_version = {VERSION}; COMMIT;");
        Ok(connection.execute_batch(&sql)?)
    };
    match (version, tables) {
        (VERSION, _) => Ok(()),
        (SEEN_ONLY, _) => create(&added),
        (0, 0) => create(&format!("{SEEN} {added}")),
        _ => {
            Err(OpenError::Unusable(format!("its tables are of version {version}, not {VERSION}")))
        }
    }
}

/// Moves the database and its log to `<name>.unusable`, in place of an earlier one.
fn put_aside(path: &Path) -> io::Result<()> {
    for end in ["-wal", "-shm", ""] {
        match fs::rename(beside(path, end), beside(path, &format!(".unusable{end}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}
