//! Faces: following them through shots, and finding the people in a collection.
//!
//! A [`Sighting`] is a face in one frame. [`tracks`] gathers the sightings of a medium to
//! [`Track`]s, faces followed through a shot. [`Faces`] are the tracks of many media with what is
//! known of them, in the order in which they joined a collection; [`cluster`] finds the people
//! among them, and [`extend`] goes on when others join. [`detect_settings`] picks the settings that
//! suit a collection.
//!
//! What people say about clusters is a [`CollectionLog`], which is laid over [`Groups`].
//!
//! All distances are cosine distances of unit vectors. All results are the same on every machine.
//!
//! ```
//! use rushes_faces::{Face, Faces, Settings, cluster};
//!
//! let mut faces = Faces::new(2)?;
//! for vector in [[1.0, 0.0], [0.8, 0.6], [-1.0, 0.0]] {
//!     faces.push(&Face { vector: &vector, weight: 1, scene: 0, frames: &[], person: None })?;
//! }
//! let settings = Settings { eps: 0.48, min_samples: 2 };
//! let clustering = cluster(&faces, &settings, &|_| true).unwrap();
//! assert_eq!(clustering.labels, [Some(0), Some(0), None]);
//! # Ok::<(), rushes_faces::FacesError>(())
//! ```

mod apart;
mod borders;
mod cluster;
mod collection;
mod density;
mod detect;
mod fold;
mod founders;
mod people;
mod products;
mod scan;
mod seeds;
mod split;
mod touching;
mod tracks;
mod vector;

pub use cluster::{Clustering, cluster, extend};
pub use collection::{Face, Faces, FacesError, Settings};
pub use density::{Density, DensityState};
pub use detect::{Detected, detect_settings};
pub use founders::founders;
pub use people::{
    ClusterId, ClusterRef, CollectionLog, Decision, FaceId, FaceIndex, Group, Grouping, Groups,
    Merge, Move, Name, NoId, Place, persons,
};
pub use tracks::{Sighting, Track, TrackSettings, tracks};
