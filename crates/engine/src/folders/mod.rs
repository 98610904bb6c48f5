//! Watch folders: media that come are analysed by themselves.
//!
//! [`SettingsFile`] says what is watched, a [`Roll`] a folder's files and what became of them, and the
//! [`Service`] is the thread that brings them together: it listens to `rushes_watch`, and has what settled
//! analysed a batch at a time, after whatever a person asked for.

mod roll;
mod service;
mod settings;
mod watched;

pub use service::Service;
pub use settings::{Pause, Settings, SettingsFile, now};
