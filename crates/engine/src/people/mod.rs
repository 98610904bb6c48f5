//! People: the faces of a collection, grouped, and what somebody said about them.
//!
//! The groups are worked out from the faces of the media that joined a collection and from its
//! [`CollectionLog`](rushes_faces::CollectionLog), by every machine alike, so that nothing but decisions needs to be
//! kept: [`group`] groups the faces, and [`People`] lay over them what people decided.

mod gather;
mod kept;
mod presence;
mod samples;

pub use gather::{Grouped, Member, People, detected, folded, group};
pub use presence::Presence;
pub use samples::samples;
