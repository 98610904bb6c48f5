//! Who somebody said faces are, before they are grouped.

use super::{
    ids::ClusterId,
    log::{ClusterRef, CollectionLog, Decision, Move, Name},
    replay::FaceIndex,
};
use std::collections::{BTreeMap, BTreeSet};

/// Faces that were named together.
struct Named<'a> {
    /// The clusters that they were named as.
    clusters: BTreeSet<ClusterId>,
    faces: BTreeSet<usize>,
    name: &'a str,
}

/// The person of each face that somebody named, by the decisions that hold: a number for each name, names being
/// alike as `folded` says. Faces of different persons are never of one cluster, so a person that was named
/// anew, merged or moved is not told for two.
pub fn persons(
    log: &CollectionLog,
    index: &FaceIndex,
    folded: impl Fn(&str) -> String,
) -> Vec<Option<u32>> {
    let mut all: Vec<Named<'_>> = Vec::new();
    for decision in log.corrections() {
        match decision {
            Decision::Name { names } => {
                for Name { cluster, name } in names {
                    let named = take(&mut all, &[cluster], index);
                    all.push(Named { name, ..named });
                }
            }
            Decision::Edit { merges, moves } => {
                for merge in merges {
                    let target = take(&mut all, &[&merge.target], index);
                    let of_target = target.name;
                    all.push(target);
                    let references: Vec<&ClusterRef> =
                        std::iter::once(&merge.target).chain(&merge.clusters).collect();
                    let together = take(&mut all, &references, index);
                    let name = if of_target.is_empty() { together.name } else { of_target };
                    all.push(Named { name, ..together });
                }
                moves.iter().for_each(|one| leave(&mut all, one, index));
            }
            Decision::Group { .. } => all.clear(),
            Decision::Join { .. } | Decision::Undo { .. } => {}
        }
    }
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    let mut persons = vec![None; index.ids().len()];
    for named in all.iter().filter(|named| !named.name.is_empty()) {
        let next = numbers.len() as u32;
        let number = *numbers.entry(folded(named.name)).or_insert(next);
        named.faces.iter().for_each(|face| persons[*face] = Some(number));
    }
    persons
}

/// Takes out what was said of some clusters, with the faces of their references, of which nothing else holds
/// any more; the name is that of the first that has one.
fn take<'a>(all: &mut Vec<Named<'a>>, references: &[&ClusterRef], index: &FaceIndex) -> Named<'a> {
    let faces = references.iter().flat_map(|one| &one.faces).filter_map(|id| index.find(*id));
    let mut taken = Named {
        clusters: references.iter().map(|one| one.id).collect(),
        faces: faces.collect(),
        name: "",
    };
    for named in all.iter_mut() {
        named.faces.retain(|face| !taken.faces.contains(face));
    }
    let meant: Vec<Named<'_>> =
        all.extract_if(.., |named| !named.clusters.is_disjoint(&taken.clusters)).collect();
    for named in meant {
        if taken.name.is_empty() {
            taken.name = named.name;
        }
        taken.clusters.extend(named.clusters);
        taken.faces.extend(named.faces);
    }
    taken
}

/// What was said of moved faces does not hold any more: they are where somebody put them.
fn leave(all: &mut [Named<'_>], one: &Move, index: &FaceIndex) {
    for face in one.faces.iter().filter_map(|id| index.find(*id)) {
        for named in all.iter_mut() {
            named.faces.remove(&face);
        }
    }
}
