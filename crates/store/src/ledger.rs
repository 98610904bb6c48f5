//! The ledger: which tasks were asked for and how far they are, so that they outlive the process.
//!
//! A database of its own, whose commits wait for the disk: a task that was acknowledged is there after the power
//! failed. It cannot be found out again, so one of a later version is refused and not put aside.

use crate::{
    StoreError,
    database::{Database, Kind},
    path_bytes,
};
use rushes_model::TaskId;
use rusqlite::{Connection, Row, params};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

const TABLES: &str = "
    CREATE TABLE tasks (
        number INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        request TEXT NOT NULL,
        paused INTEGER NOT NULL DEFAULT 0,
        ending TEXT
    ) STRICT;
    CREATE INDEX ended ON tasks (number) WHERE ending IS NOT NULL;
    CREATE TABLE task_parts (
        task BLOB NOT NULL,
        part BLOB NOT NULL,
        outcome TEXT NOT NULL,
        PRIMARY KEY (task, part)
    ) STRICT, WITHOUT ROWID;
";

static KIND: Kind = Kind {
    name: "ledger of tasks",
    synchronous: "FULL",
    version: 1,
    tables: |version| (version == 0).then(|| TABLES.to_owned()),
    refuses_later: true,
    failed: |path, source| StoreError::Ledger { path, source },
};

/// Tasks, in the order in which they were asked for. What a request, an outcome and an ending say is the
/// caller's; here they are texts.
#[derive(Debug)]
pub struct Ledger {
    database: Database,
    /// How many tasks that are over stay.
    keeps: AtomicU32,
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
    /// Opens the ledger in this file, or begins one. One that is damaged is put aside with a warning.
    ///
    /// # Errors
    /// When the database cannot be opened; [`StoreError::Newer`] when it is of a later version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open(path, &KIND)?, keeps: AtomicU32::new(u32::MAX) })
    }

    /// Keeps a new task. When this returns it will be there after a crash.
    ///
    /// # Errors
    /// When the database fails, on a full disk for instance; the task must not be acknowledged then.
    pub fn add(&self, id: TaskId, request: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO tasks (id, request) VALUES (?1, ?2)";
        self.database.execute(sql, params![id_bytes(id), request]).map(drop)
    }

    /// Keeps that a part of a task is done.
    ///
    /// # Errors
    /// When the database fails.
    pub fn part_done(&self, id: TaskId, part: &Path, outcome: &str) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO task_parts (task, part, outcome) VALUES (?1, ?2, ?3)";
        let row = params![id_bytes(id), path_bytes::to_bytes(part), outcome];
        self.database.execute(sql, row).map(drop)
    }

    /// Keeps whether a task is to wait.
    ///
    /// # Errors
    /// When the database fails.
    pub fn pause(&self, id: TaskId, paused: bool) -> Result<(), StoreError> {
        let sql = "UPDATE tasks SET paused = ?2 WHERE id = ?1";
        self.database.execute(sql, params![id_bytes(id), paused]).map(drop)
    }

    /// Keeps how a task ended; its parts are told by that.
    ///
    /// # Errors
    /// When the database fails; nothing is changed then.
    pub fn end(&self, id: TaskId, ending: &str) -> Result<(), StoreError> {
        self.close(id, ending, "UPDATE tasks SET ending = ?2 WHERE id = ?1").map(drop)
    }

    /// Keeps how a task ended unless it has ended already, and says whether it had not.
    ///
    /// # Errors
    /// When the database fails; nothing is changed then.
    pub fn cancel(&self, id: TaskId, ending: &str) -> Result<bool, StoreError> {
        self.close(id, ending, "UPDATE tasks SET ending = ?2 WHERE id = ?1 AND ending IS NULL")
    }

    fn close(&self, id: TaskId, ending: &str, sql: &str) -> Result<bool, StoreError> {
        self.database.with(|connection| {
            let transaction = connection.transaction()?;
            let id = id_bytes(id);
            let is_changed = transaction.prepare_cached(sql)?.execute(params![id, ending])? > 0;
            if is_changed {
                transaction
                    .prepare_cached("DELETE FROM task_parts WHERE task = ?1")?
                    .execute([id])?;
                forget_old(&transaction, self.keeps.load(Ordering::Relaxed))?;
            }
            transaction.commit()?;
            Ok(is_changed)
        })
    }

    /// All tasks, oldest first. Of those that are over only the last `ended` stay, from now on too; the others are
    /// forgotten.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tasks(&self, ended: u32) -> Result<Vec<KeptTask>, StoreError> {
        self.keeps.store(ended, Ordering::Relaxed);
        self.database.with(|connection| {
            let transaction = connection.transaction()?;
            forget_old(&transaction, ended)?;
            // A part may have been done while its task was ended.
            transaction.execute(
                "DELETE FROM task_parts
                 WHERE task NOT IN (SELECT id FROM tasks WHERE ending IS NULL)",
                [],
            )?;
            transaction.commit()
        })?;
        let sql = "SELECT id, request, paused, ending FROM tasks ORDER BY number";
        self.database.query(sql, [], kept_task)
    }

    /// The parts of a task that are done.
    ///
    /// # Errors
    /// When the database fails.
    pub fn parts(&self, id: TaskId) -> Result<Vec<KeptPart>, StoreError> {
        let sql = "SELECT part, outcome FROM task_parts WHERE task = ?1 ORDER BY part";
        self.database.query(sql, [id_bytes(id)], kept_part)
    }
}

/// Forgets the tasks that are over, but for the last `ended`. The index makes this cheap at each end.
fn forget_old(connection: &Connection, ended: u32) -> rusqlite::Result<()> {
    let sql = "DELETE FROM tasks WHERE ending IS NOT NULL AND number <=
               (SELECT number FROM tasks WHERE ending IS NOT NULL
                ORDER BY number DESC LIMIT 1 OFFSET ?1)";
    connection.prepare_cached(sql)?.execute([ended]).map(drop)
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
