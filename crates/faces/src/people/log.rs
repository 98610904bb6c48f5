//! What people decided about the faces of a collection, in the order of their decisions.

use super::ids::{ClusterId, FaceId};
use rushes_model::MediaId;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// A cluster as it was when somebody spoke of it. Clusters change when faces come or are grouped anew; the
/// faces tell which one is meant then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterRef {
    /// Its id.
    pub id: ClusterId,
    /// Some of its faces.
    pub faces: Vec<FaceId>,
}

/// How faces are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Grouping {
    /// Cosine distance up to which two faces are neighbours, on the contract's scale.
    pub eps: f64,
    /// Faces that must be near one another to be a person.
    pub min_samples: u32,
    /// Whether both were picked by a rule.
    pub auto: bool,
}

/// A name for a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Name {
    /// Whose.
    pub cluster: ClusterRef,
    /// The name; empty takes it away.
    pub name: String,
}

/// Clusters that are one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Merge {
    /// The clusters that end.
    pub clusters: Vec<ClusterRef>,
    /// The one that their faces go to.
    pub target: ClusterRef,
}

/// Faces that belong to another cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// The faces.
    pub faces: Vec<FaceId>,
    /// Where they go; a cluster without faces is begun with them.
    pub target: ClusterRef,
}

/// Something that somebody decided about a collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Decision {
    /// Its faces are those of these media too.
    Join {
        /// The media.
        media: Vec<MediaId>,
    },
    /// Its faces are grouped anew.
    Group {
        /// How.
        grouping: Grouping,
        /// Whether all names go.
        clear_names: bool,
    },
    /// Clusters get names.
    Name {
        /// Which.
        names: Vec<Name>,
    },
    /// Clusters are corrected: merged first, then faces moved.
    Edit {
        /// Merges.
        merges: Vec<Merge>,
        /// Moves.
        moves: Vec<Move>,
    },
    /// Another decision does not hold.
    Undo {
        /// Which.
        of: Place,
    },
}

/// Where a decision stands: the machine's number and that of its record, as a text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Whose journal.
    pub machine: String,
    /// Number of the record in it.
    pub sequence: u64,
}

/// All that was decided about one collection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CollectionLog {
    decisions: Vec<(Place, Decision)>,
}

impl Grouping {
    /// The contract's.
    pub const DEFAULT: Self = Self { eps: 0.48, min_samples: 5, auto: false };
}

impl Default for Grouping {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Merge {
    /// The clusters that end. The target is none of them.
    pub(super) fn sources(&self) -> impl Iterator<Item = &ClusterRef> {
        self.clusters.iter().filter(|source| source.id != self.target.id)
    }
}

impl Decision {
    /// Whether it is one that can be taken back.
    fn is_correction(&self) -> bool {
        match self {
            Self::Name { .. } | Self::Edit { .. } => true,
            Self::Group { clear_names, .. } => *clear_names,
            Self::Join { .. } | Self::Undo { .. } => false,
        }
    }
}

impl CollectionLog {
    /// Adds a decision behind the others.
    pub fn push(&mut self, place: Place, decision: Decision) {
        self.decisions.push((place, decision));
    }

    /// The media of the collection in order of their joining.
    #[must_use]
    pub fn media(&self) -> Vec<MediaId> {
        let mut seen = HashSet::new();
        let joined = self.decisions.iter().filter_map(|(_, decision)| match decision {
            Decision::Join { media } => Some(media),
            _ => None,
        });
        joined.flatten().copied().filter(|id| seen.insert(*id)).collect()
    }

    /// How its faces are grouped.
    #[must_use]
    pub fn grouping(&self) -> Grouping {
        let grouping = |(_, decision): &(Place, Decision)| match decision {
            Decision::Group { grouping, .. } => Some(*grouping),
            _ => None,
        };
        self.decisions.iter().rev().find_map(grouping).unwrap_or_default()
    }

    /// The decisions about names and clusters that hold, in order.
    pub fn corrections(&self) -> impl Iterator<Item = &Decision> {
        let undone = self.undone();
        let holds = move |place: &Place| !undone.contains(place);
        let holding = self.decisions.iter().filter(move |(place, _)| holds(place));
        holding.map(|(_, decision)| decision).filter(|decision| decision.is_correction())
    }

    /// The last decision about names and clusters that holds.
    #[must_use]
    pub fn last_correction(&self) -> Option<(&Place, &Decision)> {
        let undone = self.undone();
        let holds = |place: &Place| !undone.contains(place);
        let mut decisions = self.decisions.iter();
        let last = decisions.rfind(|(place, what)| holds(place) && what.is_correction());
        last.map(|(place, decision)| (place, decision))
    }

    /// What does not hold any more, wherever the decision about that stands: clocks differ.
    fn undone(&self) -> HashSet<&Place> {
        let undone = self.decisions.iter().filter_map(|(_, decision)| match decision {
            Decision::Undo { of } => Some(of),
            _ => None,
        });
        undone.collect()
    }
}
