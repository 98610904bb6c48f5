//! From the faces of media to the people of a collection.

use super::kept::{LARGE, keep, kept};
use crate::library::{LoadedFaces, LoadedTrack};
use rushes_faces::{
    Clustering, CollectionLog, Decision, Density, Face, FaceId, FaceIndex, Faces, FacesError,
    Grouping, Groups, Settings, cluster, detect_settings, extend,
};
use rushes_infer::faces as model;
use rushes_text::words;
use std::{collections::HashMap, path::Path, sync::Arc};

/// A face of a collection.
#[derive(Clone)]
pub struct Member {
    /// The faces of its medium.
    pub faces: Arc<LoadedFaces>,
    /// Which of them.
    pub track: usize,
}

/// The people of one collection.
pub struct People {
    /// Its name.
    pub collection: String,
    /// How its faces are grouped.
    pub grouping: Grouping,
    /// Number of media whose faces they are.
    pub media_count: usize,
    /// Its faces, in order of their joining.
    pub members: Vec<Member>,
    /// The same by id.
    pub index: FaceIndex,
    /// The same by person.
    pub groups: Groups,
}

/// People, and what they were worked out from.
pub struct Gathered {
    /// The people.
    pub people: Arc<People>,
    log: Arc<CollectionLog>,
    media: Vec<Arc<LoadedFaces>>,
    persons: Vec<Option<u32>>,
    clustering: Clustering,
}

impl Member {
    /// Where it was seen.
    #[must_use]
    pub fn track(&self) -> &LoadedTrack {
        &self.faces.tracks[self.track]
    }

    fn id(&self) -> FaceId {
        self.track().id(&self.faces)
    }
}

impl People {
    /// How many people there are, as a sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        let (people, faces) = (self.groups.clusters().count(), self.members.len());
        let alone = self.groups.unclustered().count();
        format!("{people} people among {faces} faces, {alone} of them in no cluster")
    }
}

/// Settings that suit a collection by what its faces show, and why, as a sentence.
///
/// # Errors
/// When a face does not fit in, which its bundle's checks should have found.
pub fn detected(people: &People) -> Result<(Grouping, String), FacesError> {
    let nobody = vec![None; people.members.len()];
    let found = detect_settings(&faces(&people.members, &nobody)?, &settings(Grouping::DEFAULT));
    let eps = f64::from(found.settings.eps / model::EPS_SCALE);
    // Two digits are more than the rule can tell, and what people see is what they can ask for again.
    let grouping = Grouping {
        eps: (eps * 100.0).round() / 100.0,
        min_samples: found.settings.min_samples,
        auto: true,
    };
    let Grouping { eps, min_samples, .. } = grouping;
    Ok((grouping, format!(" with eps {eps} and min_samples {min_samples}: {}", found.reason())))
}

impl Gathered {
    /// Whether they would come out the same.
    #[must_use]
    pub fn is_current(&self, log: &Arc<CollectionLog>, media: &[Arc<LoadedFaces>]) -> bool {
        *log == self.log && is_same(&self.media, media)
    }
}

fn is_same(known: &[Arc<LoadedFaces>], media: &[Arc<LoadedFaces>]) -> bool {
    known.len() == media.len() && begins(known, media)
}

/// Whether all that is known stands at the beginning.
fn begins(known: &[Arc<LoadedFaces>], media: &[Arc<LoadedFaces>]) -> bool {
    known.len() <= media.len() && known.iter().zip(media).all(|(a, b)| Arc::ptr_eq(a, b))
}

/// Groups the faces of media that joined a collection in this order. What was gathered before spares the
/// comparison of the faces that were known then.
///
/// Those of a large collection are kept in `file`, and taken from there where nothing was gathered before.
///
/// `progress` hears the part that is done, from 0 to 1; `None` when it returned `false`.
///
/// # Errors
/// When a face does not fit in, which its bundle's checks should have found.
pub fn gather(
    collection: &str,
    log: &Arc<CollectionLog>,
    media: Vec<Arc<LoadedFaces>>,
    before: Option<Gathered>,
    file: &Path,
    progress: &dyn Fn(f64) -> bool,
) -> Result<Option<Gathered>, FacesError> {
    let grouping = log.grouping();
    let members = members(&media);
    let index = FaceIndex::new(members.iter().map(Member::id).collect());
    let persons = persons(log, &index);
    let clustering = match before.filter(|before| before.people.grouping == grouping) {
        Some(before) if is_same(&before.media, &media) && before.persons == persons => {
            Some(before.clustering)
        }
        before => {
            let before = before.filter(|before| begins(&before.media, &media));
            let before = before.map(|before| before.clustering.density);
            cluster_kept(&faces(&members, &persons)?, &settings(grouping), before, file, progress)
        }
    };
    let Some(clustering) = clustering else { return Ok(None) };
    let mut groups = Groups::new(collection, &clustering.labels, index.ids());
    log.corrections().for_each(|decision| groups.apply(decision, &index));
    let collection = collection.to_owned();
    let media_count = media.len();
    let people = Arc::new(People { collection, grouping, media_count, members, index, groups });
    Ok(Some(Gathered { people, log: log.clone(), media, persons, clustering }))
}

/// Clusters faces, the first of which are known or were kept in a file.
fn cluster_kept(
    faces: &Faces,
    settings: &Settings,
    known: Option<Density>,
    file: &Path,
    progress: &dyn Fn(f64) -> bool,
) -> Option<Clustering> {
    let is_large = faces.len() >= LARGE;
    let known = known.or_else(|| is_large.then(|| kept(file, settings))?);
    let before = known.as_ref().map_or(0, Density::len);
    let clustering = match known {
        Some(known) => extend(known, faces, progress)?,
        None => cluster(faces, settings, progress)?,
    };
    if is_large && before != faces.len() {
        keep(file, &clustering.density);
    }
    Some(clustering)
}

/// Settings on the contract's scale as the model's distances need them.
#[must_use]
fn settings(grouping: Grouping) -> Settings {
    let eps = grouping.eps as f32 * model::EPS_SCALE;
    Settings { eps, min_samples: grouping.min_samples }
}

fn members(media: &[Arc<LoadedFaces>]) -> Vec<Member> {
    let of = |faces: &Arc<LoadedFaces>| {
        let faces = faces.clone();
        (0..faces.tracks.len()).map(move |track| Member { faces: faces.clone(), track })
    };
    media.iter().flat_map(of).collect()
}

/// The faces as they are grouped. One that was seen in many frames counts for as many.
fn faces(members: &[Member], persons: &[Option<u32>]) -> Result<Faces, FacesError> {
    let dim = members.first().map_or(1, |member| member.faces.dim());
    let mut faces = Faces::new(dim)?;
    let (mut scene, mut last) = (0, None);
    for (member, person) in members.iter().zip(persons) {
        let medium = member.faces.meta.media_id;
        if last.replace(medium).is_some_and(|last| last != medium) {
            scene += 1;
        }
        let vector: Vec<f32> = member.faces.vector(member.track).collect();
        let frames = &member.track().frames;
        let weight = frames.len() as u32;
        faces.push(&Face { vector: &vector, weight, scene, frames, person: *person })?;
    }
    Ok(faces)
}

/// Who somebody said each face is, by the faces that names were given to: a number for each name.
fn persons(log: &CollectionLog, index: &FaceIndex) -> Vec<Option<u32>> {
    let mut names: Vec<Option<&str>> = vec![None; index.ids().len()];
    for decision in log.corrections() {
        match decision {
            Decision::Name { names: given } => {
                for one in given {
                    let name = Some(one.name.as_str()).filter(|name| !name.is_empty());
                    let faces = one.cluster.faces.iter().filter_map(|id| index.find(*id));
                    faces.for_each(|face| names[face] = name);
                }
            }
            Decision::Group { .. } => names.fill(None),
            _ => {}
        }
    }
    let mut numbers = HashMap::new();
    let mut number = |name: &str| {
        let next = numbers.len() as u32;
        *numbers.entry(folded(name)).or_insert(next)
    };
    names.into_iter().map(|name| name.map(&mut number)).collect()
}

/// A name as names are compared: whatever its case and accents, and without marks where it has letters.
#[must_use]
pub fn folded(name: &str) -> String {
    let letters: Vec<String> =
        words(name).into_iter().map(|word| word.into_iter().collect()).collect();
    if letters.is_empty() { name.trim().to_owned() } else { letters.join(" ") }
}
