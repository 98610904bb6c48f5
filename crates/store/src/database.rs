//! The SQLite databases of this machine: who has one open, whether it is whole, and of which version.

use crate::{StoreError, durable};
use fs_err as fs;
use rusqlite::{Connection, ErrorCode, Row, TransactionBehavior};
use std::{
    ffi::OsString,
    fs::TryLockError,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a call waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What one database has that others have not.
#[derive(Debug)]
pub(crate) struct Kind {
    /// What the log calls it.
    pub(crate) name: &'static str,
    /// What a commit waits for: `NORMAL` survives a crash of the process, `FULL` one of the machine.
    pub(crate) synchronous: &'static str,
    /// `PRAGMA user_version` of its tables.
    pub(crate) version: i64,
    /// The statements that make these tables out of those of an earlier version; 0 is an empty database.
    pub(crate) tables: fn(i64) -> Option<String>,
    /// Whether one of a later version is refused. Else it is put aside, as a damaged one always is.
    pub(crate) refuses_later: bool,
    /// What callers are told when SQLite fails.
    pub(crate) failed: fn(PathBuf, rusqlite::Error) -> StoreError,
}

/// A database that is open.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    connection: Mutex<Connection>,
    kind: &'static Kind,
    /// Locked for as long as the database is open.
    _user: fs::File,
}

/// Why a database could not be opened.
enum OpenError {
    /// It is not one that this version can use.
    Unusable(String),
    /// It is of a later version, which is not ours to put aside.
    Later(i64),
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

impl Database {
    /// Opens a database, or begins one. After an unclean stop it is checked in full.
    ///
    /// # Errors
    /// When the folder or the database cannot be written; when it is not usable and another process has it open.
    pub(crate) fn open(path: &Path, kind: &'static Kind) -> Result<Self, StoreError> {
        durable::create_folders(path.parent().unwrap_or(path))?;
        let (user, has_others) = enter(path)?;
        let connection = match connect(path, kind, has_others) {
            Err(OpenError::Unusable(reason)) if !has_others => {
                let name = kind.name;
                tracing::warn!(path = %path.display(), reason, "{name} put aside and begun anew");
                put_aside(path)?;
                connect(path, kind, has_others)
            }
            connected => connected,
        };
        let connection = connection.map_err(|error| refusal(path, kind, error))?;
        if !has_others {
            share(&user);
        }
        Ok(Self { path: path.to_owned(), connection: Mutex::new(connection), kind, _user: user })
    }

    /// Runs a statement that gives nothing, and says how many rows it changed.
    pub(crate) fn execute(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<usize, StoreError> {
        self.with(|connection| connection.prepare_cached(sql)?.execute(parameters))
    }

    /// All rows that a statement gives.
    pub(crate) fn query<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        of: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.with(|connection| connection.prepare_cached(sql)?.query_map(parameters, of)?.collect())
    }

    /// Does something with the connection.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        work(&mut self.lock()).map_err(|error| self.failed(error))
    }

    /// A thread that panicked while it held the connection left no half of a statement behind.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What callers are told of an error of SQLite.
    pub(crate) fn failed(&self, source: rusqlite::Error) -> StoreError {
        (self.kind.failed)(self.path.clone(), source)
    }
}

fn refusal(path: &Path, kind: &Kind, error: OpenError) -> StoreError {
    let path = path.to_owned();
    match error {
        OpenError::Failed(error) => (kind.failed)(path, error),
        OpenError::Later(version) => {
            StoreError::Newer { path, version: u32::try_from(version).unwrap_or(u32::MAX) }
        }
        OpenError::Unusable(reason) => StoreError::InUse { path, reason },
    }
}

/// Takes note, for other processes, that a database is about to be open. Says whether any has it open; if not,
/// they wait until it is shared.
///
/// SQLite's own log does not tell: a server has one at all times, and so has a machine that crashed.
fn enter(path: &Path) -> io::Result<(fs::File, bool)> {
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    let file = options.open(beside(path, "-users"))?;
    let has_others = match file.file().try_lock() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => {
            // Whoever is checking it is waited for.
            file.file().lock_shared()?;
            true
        }
        // Some network file systems know no locks: then it is opened as if there were nobody else.
        Err(TryLockError::Error(_)) => false,
    };
    Ok((file, has_others))
}

/// Lets others in.
fn share(user: &fs::File) {
    // A lock that can be had can be given up, and where there are none nobody misses this one.
    let _ = user.file().unlock();
    let _ = user.file().lock_shared();
}

fn connect(path: &Path, kind: &Kind, has_others: bool) -> Result<Connection, OpenError> {
    // SQLite removes its log when the last connection closes; one that is nobody's was left by a crash.
    let unclean = !has_others && fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0);
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", kind.synchronous)?;
    if unclean {
        check(&connection)?;
    }
    if version_of(&connection)? != kind.version {
        create_or_refuse(&mut connection, kind)?;
    }
    Ok(connection)
}

fn check(connection: &Connection) -> Result<(), OpenError> {
    let verdict: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(OpenError::Unusable(verdict)) }
}

fn version_of(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Makes the tables of this version, unless another process has done so by the time that it is our turn.
fn create_or_refuse(connection: &mut Connection, kind: &Kind) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = version_of(&transaction)?;
    if version == kind.version {
        return Ok(());
    }
    if version > kind.version && kind.refuses_later {
        return Err(OpenError::Later(version));
    }
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let is_ours = version > 0 || tables == 0;
    let Some(sql) = (kind.tables)(version).filter(|_| is_ours) else {
        let reason = format!("its tables are of version {version}, not {}", kind.version);
        return Err(OpenError::Unusable(reason));
    };
    transaction.execute_batch(&sql)?;
    transaction.pragma_update(None, "user_version", kind.version)?;
    Ok(transaction.commit()?)
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
