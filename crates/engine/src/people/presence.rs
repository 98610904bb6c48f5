//! When somebody is seen.

use super::gather::People;
use rushes_faces::Group;
use rushes_model::MediaId;
use std::collections::HashMap;

/// How much later than its rounded time a frame may be, in seconds. A frame at a cut must not come to lie before
/// it; one before it is a frame's length away.
const ROUNDED: f64 = 0.0005;

/// The frames in which somebody is seen, by medium.
#[derive(Debug, Clone, Default)]
pub struct Presence(HashMap<MediaId, Vec<f64>>);

impl Presence {
    /// Adds the frames of a cluster's faces.
    pub fn add(&mut self, people: &People, cluster: &Group) {
        for face in &cluster.faces {
            let member = people.member(*face);
            let frames = member.track().frames.iter().map(|ms| f64::from(*ms) / 1000.0 + ROUNDED);
            self.0.entry(member.faces.meta.media_id).or_default().extend(frames);
        }
    }

    /// Times in seconds of the frames of a medium in which somebody is seen, in no order.
    #[must_use]
    pub fn of(&self, media_id: MediaId) -> &[f64] {
        self.0.get(&media_id).map_or(&[], Vec::as_slice)
    }
}
