//! What people decided, laid over how faces were grouped.

use super::{
    ids::{ClusterId, FaceId},
    log::{ClusterRef, Decision, Merge, Move, Name},
};
use rushes_model::MediaId;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most faces that a [`ClusterRef`] names.
const EXEMPLARS: usize = 12;
/// A face that was analysed anew is seen at most so many milliseconds from when it was: another density of
/// frames.
const SAME_TIME: u32 = 1_000;
/// And its middle at most so many thousandths of the frame away, since it is clearest elsewhere.
const SAME_PLACE: i32 = 150;

/// The faces of a collection as clusters.
#[derive(Debug, Clone, PartialEq)]
pub struct Groups {
    /// Clusters by number; those that have ended have no faces.
    clusters: Vec<Group>,
    /// Ids of those that went into others. Whoever speaks of one did not know that it is no more.
    merged: BTreeSet<ClusterId>,
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
    by_medium: HashMap<MediaId, Vec<Spanned>>,
}

/// A face, and from when to when it is seen in its shot, in milliseconds.
struct Spanned {
    number: usize,
    from: u32,
    to: u32,
}

impl FaceIndex {
    /// An index of faces, whose numbers are their places, each with the first and the last millisecond at which
    /// it is seen.
    #[must_use]
    pub fn new(faces: &[(FaceId, u32, u32)]) -> Self {
        let ids: Vec<FaceId> = faces.iter().map(|(id, ..)| *id).collect();
        let exact = ids.iter().enumerate().map(|(number, id)| (*id, number)).collect();
        let mut by_medium: HashMap<MediaId, Vec<Spanned>> = HashMap::new();
        for (number, (id, from, to)) in faces.iter().enumerate() {
            let of_medium = by_medium.entry(id.media_id).or_default();
            of_medium.push(Spanned { number, from: *from, to: *to });
        }
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

    /// The face that is where this one was, as near as a new analysis of the medium may have put it: of those
    /// seen at its time the one whose clearest place is nearest to it.
    #[must_use]
    pub fn find(&self, id: FaceId) -> Option<usize> {
        self.get(id).or_else(|| self.nearest(id))
    }

    fn nearest(&self, id: FaceId) -> Option<usize> {
        let at = id.milliseconds;
        let late = |one: &Spanned| one.from.saturating_sub(at).max(at.saturating_sub(one.to));
        let away = |one: &Spanned| {
            let other = self.ids[one.number];
            let across = (i32::from(other.across) - i32::from(id.across)).abs();
            across.max((i32::from(other.down) - i32::from(id.down)).abs())
        };
        let is_near = |one: &&Spanned| late(one) <= SAME_TIME && away(one) <= SAME_PLACE;
        let near = self.by_medium.get(&id.media_id)?.iter().filter(is_near);
        near.min_by_key(|one| (late(one) > 0, away(one), one.number)).map(|one| one.number)
    }
}

impl Groups {
    /// Clusters as they were found: `labels` has the number of each face's, from 0, and `founders` the face that
    /// each is called after.
    #[must_use]
    pub fn new(collection: &str, labels: &[Option<u32>], founders: &[u32], ids: &[FaceId]) -> Self {
        let called = |face: &u32| ClusterId::of(collection, ids[*face as usize]);
        let begun = |face| Group { id: called(face), name: None, faces: Vec::new() };
        let mut clusters: Vec<Group> = founders.iter().map(begun).collect();
        let of_face: Vec<Option<usize>> =
            labels.iter().map(|label| label.map(|label| label as usize)).collect();
        for (face, cluster) in of_face.iter().enumerate() {
            cluster.iter().for_each(|number| clusters[*number].faces.push(face));
        }
        Self { clusters, merged: BTreeSet::new(), of_face }
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
    /// first. Where no face is left, the one with its id. None that was merged away before.
    fn meant(&self, reference: &ClusterRef, index: &FaceIndex) -> Option<usize> {
        if self.merged.contains(&reference.id) {
            return None;
        }
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
        if self.merged.contains(&reference.id) {
            return None;
        }
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
        for source in merge.sources() {
            let found = self.meant_or_revived(source, index);
            if let Some(found) = found.filter(|found| *found != target) {
                self.merged.insert(self.clusters[found].id);
                let faces = std::mem::take(&mut self.clusters[found].faces);
                let name = self.clusters[found].name.take();
                self.put(faces, target);
                let kept = &mut self.clusters[target].name;
                *kept = kept.take().or(name);
            }
            // It may be called otherwise by now, and who speaks of it by the id that it had then means the same.
            if self.get(source.id).is_none() {
                self.merged.insert(source.id);
            }
        }
    }

    /// Moves faces to a cluster, which is begun if it has no faces.
    pub fn take(&mut self, one: &Move, index: &FaceIndex) {
        let faces: Vec<usize> = one.faces.iter().filter_map(|id| index.find(*id)).collect();
        let known = self.meant_or_revived(&one.target, index);
        let is_new = one.target.faces.is_empty()
            && !faces.is_empty()
            && !self.merged.contains(&one.target.id);
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
