//! The ledger: which tasks were asked for and how far they are, so that they outlive the process.
//!
//! It lies in the catalogue's database, on a connection of its own that waits for the disk: a task that was
//! acknowledged is there after the power failed.

use crate::{StoreError, catalogue, path_bytes};
use rushes_model::TaskId;
use rusqlite::{Connection, Row, params};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

pub(crate) const TABLES: &str = "
    CREATE TABLE tasks (
        number INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        request TEXT NOT NULL,
        paused INTEGER NOT NULL DEFAULT 0,
        ending TEXT
    ) STRICT;
    CREATE TABLE task_parts (
        task BLOB NOT NULL,
        part BLOB NOT NULL,
        outcome TEXT NOT NULL,
        PRIMARY KEY (task, part)
    ) STRICT, WITHOUT ROWID;
";

/// Tasks, in the order in which they were asked for. What a request, an outcome and an ending say is the
/// caller's; here they are texts.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    connection: Mutex<Connection>,
}

/// A task as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptTask {
    /// Its name.
    pub id: TaskId,
    /// What was asked for.
    pub request: String,
    /// Whether it was told to wait.
    pub paused: bool,
    /// How it ended; `None` when it is not over.
    pub ending: Option<String>,
}

/// A part of a task that is done: a file or a clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPart {
    /// Which part.
    pub part: PathBuf,
    /// What became of it.
    pub outcome: String,
}

impl Ledger {
    /// Opens the ledger in the database of a catalogue that is open.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = catalogue::connect_again(path, "FULL")?;
        Ok(Self { path: path.to_owned(), connection: Mutex::new(connection) })
    }

    /// Keeps a new task. When this returns it will be there after a crash.
    ///
    /// # Errors
    /// When the database fails, on a full disk for instance; the task must not be acknowledged then.
    pub fn add(&self, id: TaskId, request: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO tasks (id, request) VALUES (?1, ?2)";
        self.execute(sql, params![id_bytes(id), request])
    }

    /// Keeps that a part of a task is done.
    ///
    /// # Errors
    /// When the database fails.
    pub fn part_done(&self, id: TaskId, part: &Path, outcome: &str) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO task_parts (task, part, outcome) VALUES (?1, ?2, ?3)";
        self.execute(sql, params![id_bytes(id), path_bytes::to_bytes(part), outcome])
    }

    /// Keeps whether a task is to wait.
    ///
    /// # Errors
    /// When the database fails.
    pub fn pause(&self, id: TaskId, paused: bool) -> Result<(), StoreError> {
        self.execute("UPDATE tasks SET paused = ?2 WHERE id = ?1", params![id_bytes(id), paused])
    }

    /// Keeps how a task ended; its parts are told by that.
    ///
    /// # Errors
    /// When the database fails; nothing is changed then.
    pub fn end(&self, id: TaskId, ending: &str) -> Result<(), StoreError> {
        let mut connection = self.lock();
        let end = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            let id = id_bytes(id);
            transaction
                .execute("UPDATE tasks SET ending = ?2 WHERE id = ?1", params![id, ending])?;
            transaction.execute("DELETE FROM task_parts WHERE task = ?1", params![id])?;
            transaction.commit()
        };
        end(&mut connection).map_err(|error| self.failed(error))
    }

    /// All tasks, oldest first. Of those that are over only the last `ended` stay; the others are forgotten.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tasks(&self, ended: u32) -> Result<Vec<KeptTask>, StoreError> {
        let forget = "DELETE FROM tasks WHERE ending IS NOT NULL AND number NOT IN
                      (SELECT number FROM tasks WHERE ending IS NOT NULL
                       ORDER BY number DESC LIMIT ?1)";
        self.execute(forget, [ended])?;
        self.query("SELECT id, request, paused, ending FROM tasks ORDER BY number", [], kept_task)
    }

    /// The parts of a task that are done.
    ///
    /// # Errors
    /// When the database fails.
    pub fn parts(&self, id: TaskId) -> Result<Vec<KeptPart>, StoreError> {
        let sql = "SELECT part, outcome FROM task_parts WHERE task = ?1 ORDER BY part";
        self.query(sql, [id_bytes(id)], kept_part)
    }

    fn execute(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<(), StoreError> {
        let done = catalogue::execute(&self.lock(), sql, parameters);
        done.map_err(|error| self.failed(error))
    }

    fn query<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        of: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = catalogue::query(&self.lock(), sql, parameters, of);
        rows.map_err(|error| self.failed(error))
    }

    /// A thread that panicked while it held the connection left no half of a statement behind.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Catalogue { path: self.path.clone(), source }
    }
}

fn id_bytes(id: TaskId) -> [u8; 16] {
    id.0.to_be_bytes()
}

fn kept_task(row: &Row<'_>) -> rusqlite::Result<KeptTask> {
    let id = TaskId(u128::from_be_bytes(row.get(0)?));
    Ok(KeptTask { id, request: row.get(1)?, paused: row.get(2)?, ending: row.get(3)? })
}

fn kept_part(row: &Row<'_>) -> rusqlite::Result<KeptPart> {
    let part: Vec<u8> = row.get(0)?;
    Ok(KeptPart { part: path_bytes::from_bytes(&part), outcome: row.get(1)? })
}
