//! Types that every crate of Rushes shares.
//!
//! Four groups: [ids](MediaId) name media, models and tasks; [time](Timecode) is rational wherever a
//! frame is meant and seconds where the API says seconds; [facts](MediaFacts) are what probing a file
//! tells; [errors](ErrorCode) are one table of code, HTTP status and title for every way in.
//!
//! ```
//! use rushes_model::{FrameRate, Timecode};
//!
//! let ntsc = FrameRate::new(30_000, 1_001).unwrap();
//! let timecode = Timecode::from_frame(17_982, ntsc, true);
//! assert_eq!(timecode.to_string(), "00:10:00;00");
//! ```

mod area;
mod clock;
mod error;
mod facts;
mod ids;
mod picture;
mod progress;
mod shot;
mod time;

pub use area::Area;
pub use clock::SourceClock;
pub use error::{ErrorCode, Failure};
pub use facts::{FieldOrder, MediaFacts, MediaKind, SoundTrack, StreamFacts};
pub use ids::{HashStr, MediaId, ModelKey, ParseIdError, TaskId};
pub use picture::Picture;
pub use progress::{FileError, Progress, TaskKind, TaskState};
pub use shot::{Sampling, Shot};
pub use time::{
    FrameRate, LATEST_FRAME, ParseTimestampError, TimeRange, Timecode, parse_timestamp, timestamp,
};
