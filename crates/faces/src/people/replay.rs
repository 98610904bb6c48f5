//! What people decided, laid over how faces were grouped.

use super::{
    ids::{ClusterId, FaceId},
    log::{ClusterRef, Decision, Merge, Move, Name},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most faces that a [`ClusterRef`] names.
const EXEMPLARS: usize = 12;
/// A face that was analysed anew is clearest at most so many milliseconds from where it was.
const SAME_TIME: u32 = 1_500;
/// And its middle at most so many thousandths of the frame away.
const SAME_PLACE: i32 = 100;

/// The faces of a collection as clusters.
#[derive(Debug, Clone, PartialEq)]
pub struct Groups {
    /// Clusters by number; those that have ended have no faces.
    clusters: Vec<Group>,
    /// The cluster of each face.
    of_face: Vec<Option<usize>>,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: ClusterId,
    /// Its name.
    pub name: Option<String>,
    /// Numbers of its faces, ascending.
    pub faces: Vec<usize>,
}

/// The faces of a collection by id.
pub struct FaceIndex {
    /// Ids in order.
    ids: Vec<FaceId>,
    exact: HashMap<FaceId, usize>,
    by_medium: BTreeMap<(rushes_model::MediaId, u32, usize), FaceId>,
}

impl FaceIndex {
    /// An index of faces, whose numbers are their places.
    #[must_use]
    pub fn new(ids: Vec<FaceId>) -> Self {
        let numbered = || ids.iter().copied().enumerate();
        let exact = numbered().map(|(number, id)| (id, number)).collect();
        let place = |(number, id): (usize, FaceId)| ((id.media_id, id.milliseconds, number), id);
        let by_medium = numbered().map(place).collect();
        Self { ids, exact, by_medium }
    }

    /// Ids in order.
    #[must_use]
    pub fn ids(&self) -> &[FaceId] {
        &self.ids
    }

    /// The number of exactly this face.
    #[must_use]
    pub fn get(&self, id: FaceId) -> Option<usize> {
        self.exact.get(&id).copied()
    }

    /// The face that is where this one was, as near as a new analysis of the medium may have put it.
    #[must_use]
    pub fn find(&self, id: FaceId) -> Option<usize> {
        self.get(id).or_else(|| self.nearest(id))
    }

    fn nearest(&self, id: FaceId) -> Option<usize> {
        let from = (id.media_id, id.milliseconds.saturating_sub(SAME_TIME), 0);
        let to = (id.media_id, id.milliseconds.saturating_add(SAME_TIME), usize::MAX);
        let away = |other: &FaceId| {
            let across = (i32::from(other.across) - i32::from(id.across)).abs();
            across.max((i32::from(other.down) - i32::from(id.down)).abs())
        };
        let near = self.by_medium.range(from..=to).filter(|(_, other)| away(other) <= SAME_PLACE);
        let rank = |(place, other): &(&(_, u32, usize), &FaceId)| {
            (place.1.abs_diff(id.milliseconds), away(other), place.2)
        };
        near.min_by_key(rank).map(|(place, _)| place.2)
    }
}

impl Groups {
    /// Clusters as they were found: `labels` has the number of each face's, from 0 in order of their first
    /// faces.
    #[must_use]
    pub fn new(collection: &str, labels: &[Option<u32>], ids: &[FaceId]) -> Self {
        let mut clusters: Vec<Group> = Vec::new();
        let mut of_face = Vec::with_capacity(labels.len());
        let mut numbers = HashMap::new();
        for (face, label) in labels.iter().enumerate() {
            let cluster = label.map(|label| {
                *numbers.entry(label).or_insert_with(|| {
                    let id = ClusterId::of(collection, ids[face]);
                    clusters.push(Group { id, name: None, faces: Vec::new() });
                    clusters.len() - 1
                })
            });
            cluster.iter().for_each(|number| clusters[*number].faces.push(face));
            of_face.push(cluster);
        }
        Self { clusters, of_face }
    }

    /// The clusters that have faces.
    pub fn clusters(&self) -> impl Iterator<Item = &Group> {
        self.clusters.iter().filter(|cluster| !cluster.faces.is_empty())
    }

    /// The cluster of this id.
    #[must_use]
    pub fn get(&self, id: ClusterId) -> Option<&Group> {
        self.clusters().find(|cluster| cluster.id == id)
    }

    /// The cluster of a face, if it has one.
    #[must_use]
    pub fn of_face(&self, face: usize) -> Option<&Group> {
        self.of_face[face].map(|number| &self.clusters[number])
    }

    /// The faces that are in no cluster.
    pub fn unclustered(&self) -> impl Iterator<Item = usize> {
        let faces = self.of_face.iter().enumerate();
        faces.filter(|(_, cluster)| cluster.is_none()).map(|(face, _)| face)
    }

    /// What a cluster is spoken of by: some faces spread over it.
    #[must_use]
    pub fn reference(&self, cluster: &Group, index: &FaceIndex) -> ClusterRef {
        let count = cluster.faces.len().min(EXEMPLARS);
        let spread = (0..count).map(|n| cluster.faces[n * cluster.faces.len() / count]);
        ClusterRef { id: cluster.id, faces: spread.map(|face| index.ids()[face]).collect() }
    }

    /// Lays a decision over what holds so far. What it speaks of and is not there any more is passed over.
    pub fn apply(&mut self, decision: &Decision, index: &FaceIndex) {
        match decision {
            Decision::Name { names } => {
                for Name { cluster, name } in names {
                    let found = match name.is_empty() {
                        true => self.meant(cluster, index),
                        false => self.meant_or_revived(cluster, index),
                    };
                    if let Some(found) = found {
                        self.clusters[found].name =
                            Some(name.clone()).filter(|name| !name.is_empty());
                    }
                }
            }
            Decision::Edit { merges, moves } => {
                merges.iter().for_each(|merge| self.merge(merge, index));
                moves.iter().for_each(|one| self.take(one, index));
            }
            Decision::Group { clear_names, .. } => {
                if *clear_names {
                    self.clusters.iter_mut().for_each(|cluster| cluster.name = None);
                }
            }
            Decision::Join { .. } | Decision::Undo { .. } => {}
        }
    }

    /// The cluster that holds most of the faces of a reference; of several the one with its id, else the
    /// first. Where no face is left, the one with its id.
    fn meant(&self, reference: &ClusterRef, index: &FaceIndex) -> Option<usize> {
        let mut votes: BTreeMap<usize, usize> = BTreeMap::new();
        let faces = reference.faces.iter().filter_map(|id| index.find(*id));
        for cluster in faces.filter_map(|face| self.of_face[face]) {
            *votes.entry(cluster).or_default() += 1;
        }
        let has_id = |cluster: &usize| self.clusters[*cluster].id == reference.id;
        let Some(most) = votes.values().max() else {
            return (0..self.clusters.len())
                .filter(|at| !self.clusters[*at].faces.is_empty())
                .find(has_id);
        };
        let winners = || votes.iter().filter(|(_, count)| *count == most).map(|(at, _)| *at);
        winners().find(has_id).or_else(|| winners().next())
    }

    /// The same or, where its faces are in no cluster any more, a cluster of those that the reference has:
    /// somebody vouched for them.
    fn meant_or_revived(&mut self, reference: &ClusterRef, index: &FaceIndex) -> Option<usize> {
        self.meant(reference, index).or_else(|| {
            let faces: BTreeSet<usize> =
                reference.faces.iter().filter_map(|id| index.find(*id)).collect();
            (!faces.is_empty()).then(|| {
                let revived = self.begin(reference.id);
                self.put(faces, revived);
                revived
            })
        })
    }

    /// Has the faces of clusters go to another one, which keeps its name or, without one, takes theirs.
    pub fn merge(&mut self, merge: &Merge, index: &FaceIndex) {
        let Some(target) = self.meant_or_revived(&merge.target, index) else { return };
        for source in &merge.clusters {
            if let Some(source) =
                self.meant_or_revived(source, index).filter(|source| *source != target)
            {
                let faces = std::mem::take(&mut self.clusters[source].faces);
                let name = self.clusters[source].name.take();
                self.put(faces, target);
                let kept = &mut self.clusters[target].name;
                *kept = kept.take().or(name);
            }
        }
    }

    /// Moves faces to a cluster, which is begun if it has no faces.
    pub fn take(&mut self, one: &Move, index: &FaceIndex) {
        let faces: Vec<usize> = one.faces.iter().filter_map(|id| index.find(*id)).collect();
        let known = self.meant_or_revived(&one.target, index);
        let is_new = one.target.faces.is_empty() && !faces.is_empty();
        let Some(target) = known.or_else(|| is_new.then(|| self.begin(one.target.id))) else {
            return;
        };
        let moved: BTreeSet<usize> = faces.iter().copied().collect();
        let left: BTreeSet<usize> = faces.iter().filter_map(|face| self.of_face[*face]).collect();
        for cluster in left {
            self.clusters[cluster].faces.retain(|face| !moved.contains(face));
        }
        self.put(faces, target);
    }

    fn begin(&mut self, id: ClusterId) -> usize {
        self.clusters.push(Group { id, name: None, faces: Vec::new() });
        self.clusters.len() - 1
    }

    /// Puts faces that lie in no cluster's list into that of one.
    fn put(&mut self, faces: impl IntoIterator<Item = usize>, target: usize) {
        for face in faces {
            self.of_face[face] = Some(target);
            self.clusters[target].faces.push(face);
        }
        let own = &mut self.clusters[target].faces;
        own.sort_unstable();
        own.dedup();
    }
}
