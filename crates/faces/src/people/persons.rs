//! Who somebody said faces are, before they are grouped.

use super::{
    ids::ClusterId,
    log::{ClusterRef, CollectionLog, Decision, Merge, Move, Name},
    replay::FaceIndex,
};
use std::collections::{BTreeSet, HashMap};

/// Faces that were named together.
struct Named<'a> {
    /// The cluster that they were named as.
    cluster: ClusterId,
    faces: BTreeSet<usize>,
    name: &'a str,
}

/// What was said so far.
struct Said<'a> {
    index: &'a FaceIndex,
    /// At most one of each cluster.
    all: Vec<Named<'a>>,
    /// Clusters that went into others. Whoever speaks of one did not know that it is no more.
    merged: BTreeSet<ClusterId>,
}

/// The person of each face that somebody named, by the decisions that hold: a number for each name, names being
/// alike as `folded` says. Faces of different persons are never of one cluster, so a person that was named
/// anew, merged or moved is not told for two. Numbers are in order of their first faces, so that in whatever order
/// people were named, who is who has the same numbers.
pub fn persons(
    log: &CollectionLog,
    index: &FaceIndex,
    folded: impl Fn(&str) -> String,
) -> Vec<Option<u32>> {
    let mut said = Said { index, all: Vec::new(), merged: BTreeSet::new() };
    for decision in log.corrections() {
        match decision {
            Decision::Name { names } => names.iter().for_each(|one| said.name(one)),
            Decision::Edit { merges, moves } => {
                merges.iter().for_each(|one| said.merge(one));
                moves.iter().for_each(|one| said.leave(one));
            }
            Decision::Group { .. } => said.all.clear(),
            Decision::Join { .. } | Decision::Undo { .. } => {}
        }
    }
    let named = said.all.iter().filter(|named| !named.name.is_empty());
    let folded: Vec<_> = named.map(|named| (folded(named.name), &named.faces)).collect();
    let mut names: Vec<Option<&str>> = vec![None; index.ids().len()];
    for (name, faces) in &folded {
        faces.iter().for_each(|face| names[*face] = Some(name));
    }
    numbered(&names)
}

/// A number for each name, in order of the first faces that have them.
fn numbered(names: &[Option<&str>]) -> Vec<Option<u32>> {
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    let mut number = |name| {
        let next = numbers.len() as u32;
        *numbers.entry(name).or_insert(next)
    };
    names.iter().map(|name| name.map(&mut number)).collect()
}

impl<'a> Said<'a> {
    fn name(&mut self, Name { cluster, name }: &'a Name) {
        if !self.merged.contains(&cluster.id) {
            let named = self.take(cluster);
            self.all.push(Named { name, ..named });
        }
    }

    /// The name is the target's, else that of the first that has one.
    fn merge(&mut self, merge: &'a Merge) {
        if self.merged.contains(&merge.target.id) {
            return;
        }
        let mut together = self.take(&merge.target);
        for source in merge.sources() {
            if self.merged.insert(source.id) {
                let Named { faces, name, .. } = self.take(source);
                together.faces.extend(faces);
                together.name = if together.name.is_empty() { name } else { together.name };
            }
        }
        self.all.push(together);
    }

    /// What was said of moved faces does not hold any more: they are where somebody put them.
    fn leave(&mut self, Move { faces, target }: &Move) {
        if !self.merged.contains(&target.id) {
            let moved = faces.iter().filter_map(|id| self.index.find(*id)).collect();
            self.forget(&moved);
        }
    }

    /// Takes out what was said of a cluster, with the faces of its reference, of which nothing else holds any more.
    fn take(&mut self, reference: &ClusterRef) -> Named<'a> {
        let mut faces: BTreeSet<usize> =
            reference.faces.iter().filter_map(|id| self.index.find(*id)).collect();
        self.forget(&faces);
        let cluster = reference.id;
        let known = self.all.iter().position(|named| named.cluster == cluster);
        let known = known.map(|at| self.all.remove(at));
        let name = known.as_ref().map_or("", |known| known.name);
        faces.extend(known.into_iter().flat_map(|known| known.faces));
        Named { cluster, faces, name }
    }

    fn forget(&mut self, faces: &BTreeSet<usize>) {
        for named in &mut self.all {
            named.faces.retain(|face| !faces.contains(face));
        }
    }
}
