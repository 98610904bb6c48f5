//! From the faces of media to the people of a collection.

use super::kept::{LARGE, keep, kept};
use crate::library::{LoadedFaces, LoadedTrack};
use rushes_faces::{
    Clustering, CollectionLog, Density, Face, FaceId, FaceIndex, Faces, FacesError, Grouping,
    Groups, Settings, cluster, detect_settings, extend, founders, persons,
};
use rushes_infer::faces as model;
use rushes_text::words;
use std::{path::Path, sync::Arc};

/// A face of a collection.
#[derive(Clone)]
pub struct Member {
    /// The faces of its medium.
    pub faces: Arc<LoadedFaces>,
    /// Which of them.
    pub track: usize,
}

/// Faces as they were grouped, before what people decided about the groups.
pub struct Grouped {
    /// How.
    pub grouping: Grouping,
    /// The faces, in order of their joining.
    pub members: Vec<Member>,
    /// The same by id.
    pub index: FaceIndex,
    media: Vec<Arc<LoadedFaces>>,
    persons: Vec<Option<u32>>,
    founders: Vec<u32>,
    clustering: Clustering,
}

/// The people of one collection.
pub struct People {
    /// Its name.
    pub collection: String,
    /// Its faces.
    pub grouped: Arc<Grouped>,
    /// The same by person.
    pub groups: Groups,
}

impl Member {
    /// Where it was seen.
    #[must_use]
    pub fn track(&self) -> &LoadedTrack {
        &self.faces.tracks[self.track]
    }

    /// Its id, and from when to when it is seen.
    fn spanned(&self) -> (FaceId, u32, u32) {
        let track = self.track();
        let at = |frame: Option<&u32>| frame.copied().unwrap_or_default();
        (track.id(&self.faces), at(track.frames.first()), at(track.frames.last()))
    }
}

impl People {
    /// The people that faces are, by what was decided.
    #[must_use]
    pub fn new(collection: &str, grouped: Arc<Grouped>, log: &CollectionLog) -> Self {
        let Grouped { clustering, founders, index, .. } = &*grouped;
        let mut groups = Groups::new(collection, &clustering.labels, founders, index.ids());
        log.corrections().for_each(|decision| groups.apply(decision, index));
        Self { collection: collection.to_owned(), grouped, groups }
    }

    /// A face.
    #[must_use]
    pub fn member(&self, face: usize) -> &Member {
        &self.grouped.members[face]
    }

    /// Number of media that joined and in which faces were looked for.
    #[must_use]
    pub fn media_count(&self) -> usize {
        self.grouped.media.len()
    }

    /// How many people there are, as a sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        let (people, faces) = (self.groups.clusters().count(), self.grouped.members.len());
        let alone = self.groups.unclustered().count();
        format!("{people} people among {faces} faces, {alone} of them in no cluster")
    }
}

/// Settings that suit some faces by what they show, and why, as a sentence.
///
/// # Errors
/// When a face does not fit in: see [`group`].
pub fn detected(media: &[Arc<LoadedFaces>]) -> Result<(Grouping, String), FacesError> {
    let members = members(media);
    let nobody = vec![None; members.len()];
    let found = detect_settings(&faces(&members, &nobody)?, &settings(Grouping::DEFAULT));
    let eps = f64::from(found.settings.eps / model::EPS_SCALE);
    // Two digits are more than the rule can tell, and what people see is what they can ask for again.
    let grouping = Grouping {
        eps: (eps * 100.0).round() / 100.0,
        min_samples: found.settings.min_samples,
        auto: true,
    };
    let Grouping { eps, min_samples, .. } = grouping;
    let reason = found.reason(1.0 / model::EPS_SCALE);
    Ok((grouping, format!(" with eps {eps} and min_samples {min_samples}: {reason}")))
}

impl Grouped {
    /// Whether these media would be grouped the same by what was decided.
    #[must_use]
    pub fn is_current(&self, log: &CollectionLog, media: &[Arc<LoadedFaces>]) -> bool {
        self.grouping == log.grouping()
            && is_same(&self.media, media)
            && self.persons == persons(log, &self.index, folded)
    }

    /// What is known of the first of these media, if they were grouped in this way.
    fn density(&self, grouping: Grouping, media: &[Arc<LoadedFaces>]) -> Option<Density> {
        let goes_on = self.grouping == grouping && begins(&self.media, media);
        goes_on.then(|| self.clustering.density.clone())
    }
}

fn is_same(known: &[Arc<LoadedFaces>], media: &[Arc<LoadedFaces>]) -> bool {
    known.len() == media.len() && begins(known, media)
}

/// Whether all that is known stands at the beginning.
fn begins(known: &[Arc<LoadedFaces>], media: &[Arc<LoadedFaces>]) -> bool {
    known.len() <= media.len() && known.iter().zip(media).all(|(a, b)| Arc::ptr_eq(a, b))
}

/// Groups the faces of media that joined a collection in this order. What was grouped before spares the
/// comparison of the faces that were known then. Those of a large collection are kept in `file`, and taken from
/// there where nothing was grouped before.
///
/// `progress` hears the part that is done, from 0 to 1; `None` when it returned `false`.
///
/// # Errors
/// When there are more faces than can be numbered: what else could be wrong with them was checked when they
/// came into memory.
pub fn group(
    log: &CollectionLog,
    media: Vec<Arc<LoadedFaces>>,
    before: Option<&Grouped>,
    file: &Path,
    progress: &dyn Fn(f64) -> bool,
) -> Result<Option<Grouped>, FacesError> {
    let grouping = log.grouping();
    let members = members(&media);
    let spans: Vec<_> = members.iter().map(Member::spanned).collect();
    let index = FaceIndex::new(&spans);
    let persons = persons(log, &index, folded);
    let faces = faces(&members, &persons)?;
    let settings = settings(grouping);
    let known = before.and_then(|before| before.density(grouping, &media));
    let Some(clustering) = cluster_kept(&faces, &settings, known, file, progress) else {
        return Ok(None);
    };
    let founders = founders(&faces, &clustering.labels, &settings);
    Ok(Some(Grouped { grouping, members, index, media, persons, founders, clustering }))
}

/// A state is kept again when it has grown by the tenth part or has become another: whoever looks on while
/// footage is analysed should not have it written all the time.
const WORTH_KEEPING: usize = 10;

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
    let before = known.as_ref().map_or((0, 0), |known| (known.len(), known.fingerprint()));
    let clustering = match known {
        Some(known) => extend(known, faces, progress)?,
        None => cluster(faces, settings, progress)?,
    };
    let now = (clustering.density.len(), clustering.density.fingerprint());
    if is_large && now != before && now.0 >= before.0 + before.0 / WORTH_KEEPING {
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

/// A name as names are compared: whatever its case and accents, and without marks where it has letters.
#[must_use]
pub fn folded(name: &str) -> String {
    let letters: Vec<String> =
        words(name).into_iter().map(|word| word.into_iter().collect()).collect();
    if letters.is_empty() { name.trim().to_owned() } else { letters.join(" ") }
}
