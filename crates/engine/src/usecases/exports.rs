//! What leaves for other programs.

mod clips;
mod known;
mod selection;
mod sheet;
mod timeline;
mod transcripts;
