//! Reading media: the only crate of Rushes that starts processes.
//!
//! Video and sound are opened by ffmpeg and ffprobe in child processes, never in ours, because they were
//! made by strangers; common still pictures by decoders in safe Rust, within limits. Four nouns:
//!
//! * [`Tools`] are the two programs and the [`Limits`] they run under: time, memory, picture size.
//! * [`Identity`] names a file by size and sampled content, whatever its path.
//! * [`DecodePlan`] says in which passes to read a file so that every second of it is seen at the
//!   least cost: keyframes where they are dense, in points where every frame is a key, and the whole
//!   stream only where neither will do.
//! * [`FrameStream`] is one such pass at work: pictures at model size with their times, and in a pass
//!   over the whole stream how much each frame differs from the one before.
//!
//! Beside pictures, a [`SoundStream`] brings the sound of one track, as models of speech want it.
//!
//! A [`Cutter`] cuts clips out of a medium, by copying its packets or by coding anew.
//!
//! On Linux what reads media is confined: it has no network and no file but its own. What of that holds on
//! a machine, a [`SandboxReport`] says.
//!
//! A [`Cancel`] ends any of them within a fraction of a second.
//!
//! ```
//! use rushes_media::{fit, jpeg};
//! use rushes_model::Picture;
//!
//! let picture = Picture::new(640, 360, vec![128; 640 * 360 * 3]).unwrap();
//! let preview = fit(&picture, 320);
//! assert_eq!((preview.width, preview.height), (320, 180));
//! assert!(jpeg(&preview, 80)?.starts_with(&[0xff, 0xd8]));
//! # Ok::<(), rushes_media::MediaError>(())
//! ```

mod cancel;
mod child;
mod contact_sheet;
mod cut;
mod decoder;
mod error;
mod ffprobe;
mod frames;
#[cfg(fuzzing)]
pub mod fuzzing;
mod identity;
mod in_points;
mod job;
mod keyframes;
mod limits;
mod messages;
mod plan;
mod probe;
mod program;
mod raster;
mod report;
mod sandbox;
mod sound;
mod source;
mod still;
mod thumbnail;
mod tools;

pub use cancel::Cancel;
pub use cut::{Codec, Cut, CutMode, Cutter, Cutting, estimate, extension};
pub use error::MediaError;
pub use frames::{Frame, FrameStream, Sample};
pub use identity::{Identity, identify};
pub use limits::Limits;
pub use plan::{DecodePlan, Pass};
pub use program::{ExitReport, run_program};
pub use raster::{fit, jpeg, resize};
pub use sandbox::{Guard, SandboxReport};
pub use sound::{SAMPLE_RATE, SoundStream};
pub use still::read_preview;
pub use tools::Tools;
