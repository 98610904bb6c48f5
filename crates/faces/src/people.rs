//! People: what somebody said about the clusters of a collection, and what becomes of the clusters then.
//!
//! A [`CollectionLog`] has every [`Decision`] in order: media that joined, how faces are grouped, names, merges,
//! moves, and which of them were taken back. [`Groups`] are clusters as they were found, over which the
//! decisions are laid one after the other. Decisions name faces by [`FaceId`], so that they hold whatever
//! clusters are found later.

mod ids;
mod log;
mod persons;
mod replay;

pub use ids::{ClusterId, FaceId, NoId};
pub use log::{ClusterRef, CollectionLog, Decision, Grouping, Merge, Move, Name, Place};
pub use persons::persons;
pub use replay::{FaceIndex, Group, Groups};
