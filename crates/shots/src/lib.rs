//! Shot boundaries by adaptive frame difference.
//!
//! A [`Change`] says how much one frame differs from the frame before it, a [`Rule`] says what
//! counts as a cut at one density of frames, and [`detect`] turns the changes of a medium into
//! [`Shot`]s that cover it without gaps. Changes come from ffmpeg's `scdet` filter or, where frames
//! are at hand as pictures, from [`Grey`] copies; both use one scale.
//!
//! ```
//! use rushes_shots::{Change, Rule, detect};
//!
//! let changes: Vec<Change> = (0..100)
//!     .map(|frame| Change {
//!         seconds: f64::from(frame) / 25.0,
//!         difference: if frame == 40 { 30.0 } else { 1.0 },
//!     })
//!     .collect();
//! let shots = detect(&changes, 4.0, &Rule::EVERY_FRAME);
//! assert_eq!(shots.len(), 2);
//! assert_eq!(shots[1].range.start, 1.6);
//! ```
//!
//! [`Shot`]: rushes_model::Shot

mod detect;
mod grey;

pub use detect::{Change, Rule, detect};
pub use grey::{Grey, difference};
