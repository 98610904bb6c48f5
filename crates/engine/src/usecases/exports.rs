//! What leaves for other programs.

mod clips;
mod cutting;
mod known;
mod selection;
mod sheet;
mod timeline;
mod transcripts;

pub use cutting::Cutters;
