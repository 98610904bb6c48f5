//! What Rushes keeps on disk.
//!
//! The [`AnalysisFolder`] holds one immutable file per medium and model: of what is seen a
//! [`VisualBundle`] as written and a [`VisualBundleFile`] as read, of what can be read a [`TextBundle`], of
//! what is said a [`SpeechBundle`].
//! It may lie on a network share and be used by several machines at once. Its [`Journal`] holds what people
//! decided, such as corrections and names, and its [`Claims`] keep two machines from doing the same work twice. The
//! [`Catalogue`] is a local cache of what files were seen to be, and can be deleted at any time:
//! [`Catalogue::rebuild`] fills it again; the [`Ledger`] of tasks is a database of its own. [`AnalysisFolder::examine`] reads everything and tells what is damaged.
//! [`durable`] has the verbs that make a published file either there and whole or not there.
//!
//! The layout of what is shared is in `FORMAT.md` beside this crate.
//!
//! ```
//! # use rushes_store::*;
//! # use rushes_model::*;
//! # let cache_dir = tempfile::tempdir()?;
//! # let facts: MediaFacts = serde_json::from_str(r#"{"kind":"video","size_bytes":9,
//! #     "duration_seconds":1.0,"width":16,"height":9,"frame_rate":"25/1","variable_frame_rate":false,
//! #     "start_timecode":null,"start_time":0.0,"rotation":0,"video_codec":"h264",
//! #     "audio_codec":null,"created_at":null}"#)?;
//! let folder = AnalysisFolder::open(cache_dir.path())?;
//! let bundle = VisualBundle {
//!     meta: BundleMeta {
//!         media_id: MediaId([7; 16]),
//!         hash_str: HashStr(1),
//!         model_key: "lite-260".parse()?,
//!         facts,
//!         source_path: "/footage/take.mov".into(),
//!         sampling: Sampling::Full,
//!         created_at: 1_700_000_000,
//!         tool_version: "0.1.0".into(),
//!     },
//!     dim: 2,
//!     times: vec![RowTime { second: 0, seconds: 0.04 }],
//!     vectors: vec![0x3C00, 0x0000],
//!     tags: None,
//!     shots: vec![Shot { range: TimeRange { start: 0.0, end: 1.0 } }],
//!     previews: Previews { of_row: vec![Some(0)], pictures: vec![b"a JPEG".to_vec()] },
//! };
//! let path = folder.publish(&bundle)?;
//!
//! let file = VisualBundleFile::open(&path)?;
//! assert_eq!(file.meta(), &bundle.meta);
//! assert_eq!(file.preview(0)?.as_deref(), Some(&b"a JPEG"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod begun;
mod bundle;
mod catalogue;
mod claims;
mod database;
pub mod durable;
mod folder;
mod journal;
mod ledger;
mod network;
mod numbers;
mod parallel;
mod path_bytes;
mod watched;

pub use begun::BegunFile;
pub use bundle::{
    BundleMeta, FaceBundle, FaceBundleFile, FaceCrops, FaceTrack, Meanings, Previews, RowTime,
    Seen, SpeechBundle, SpeechBundleFile, SpokenSegment, SpokenWord, TAG_ROW_BYTES, Table,
    TextBundle, TextFrame, TextLine, VisualBundle, VisualBundleFile, Voice,
};
pub use catalogue::{Catalogue, FileStamp, Identify, Identity, Rebuilt, SeenPath};
pub use claims::{Claim, Claims, Pace};
pub use folder::{
    Analysis, AnalysisFolder, DamagedBundle, DamagedJournal, Entry, Examined, Repaired, Report,
    Sound,
};
pub use journal::{Journal, JournalStamp, Machine, MachineId, Record, Records};
pub use ledger::{KeptPart, KeptTask, Ledger};
pub use network::is_network_file_system;
pub use numbers::{keep_numbers, kept_numbers};
pub use watched::{WatchFailure, WatchedFile};

use std::{io, path::PathBuf};

/// What can go wrong with what is kept on disk.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Reading or writing failed; the message names the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The analysis folder cannot be where it was asked for.
    #[error("{path} cannot be the analysis folder: {reason}")]
    Folder {
        /// The folder asked for.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// A bundle is not what was written.
    #[error("{path} is damaged: {reason}. The medium has to be analysed again.")]
    Damaged {
        /// The bundle.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A journal is not what was written.
    #[error(
        "{path} is damaged: {reason}. What is whole of it is kept; the rest of what was decided on that machine is lost."
    )]
    DamagedJournal {
        /// The machine's file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A bundle, a journal or the ledger of tasks was written by a later version of Rushes; it is left as it is.
    #[error(
        "{path} has format {version}, which is newer than this version of Rushes reads. Update Rushes."
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format version.
        version: u32,
    },
    /// What was to be written does not fit together. Nothing was written.
    #[error("the analysis of {media} cannot be stored: {reason}")]
    Invalid {
        /// Source path of the medium.
        media: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The local catalogue failed.
    #[error(
        "the catalogue {path} failed: {source}. It is a cache: delete it if this happens again."
    )]
    Catalogue {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The ledger of tasks failed.
    #[error("the ledger of tasks {path} failed: {source}")]
    Ledger {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A database cannot be used as it is, and nothing can be done about that while it is open elsewhere.
    #[error(
        "{path} cannot be used ({reason}), and another process has it open. Stop Rushes and try again."
    )]
    InUse {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}
