//! The people of a collection: who they are, what they look like, and where.

use super::{Engine, check_range};
use crate::{
    paths::shorten,
    people::{People, samples},
    replies::{Cluster, ClusterJob, ClusterJobs, ClusterSamples, Face, FacePage},
    requests::{ClusterFacesRequest, ClusterSamplesRequest, ListClustersRequest},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rushes_faces::Group;
use rushes_model::{Area, ErrorCode, Failure, MediaId, timestamp};
use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet},
};

/// What stands for a cluster where a face is in none.
pub const UNCLUSTERED: &str = "unclustered";

impl Engine {
    /// The face collections of a folder and their clusters, largest first.
    ///
    /// # Errors
    /// `BadPath`, `CacheDir`; `NotFound` for a collection that is not there.
    pub fn list_clusters(&self, request: &ListClustersRequest) -> Result<ClusterJobs, Failure> {
        let folder = self.folder(&request.cache_dir)?;
        let named = request.cluster_job_name.clone().map(|name| vec![name]);
        let names = named.unwrap_or_else(|| folder.collections());
        let job = |name: &String| folder.people(name).map(|people| job_of(&people));
        Ok(ClusterJobs { cluster_jobs: names.iter().map(job).collect::<Result<_, _>>()? })
    }

    /// The clearest faces of clusters, those that look most different first, with pictures.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`; `NotFound` for a collection or cluster that is not there.
    pub fn cluster_samples(
        &self,
        request: &ClusterSamplesRequest,
    ) -> Result<ClusterSamples, Failure> {
        check_range("samples_per_cluster", request.samples_per_cluster, 1, 20)?;
        let folder = self.folder(&request.cache_dir)?;
        let people = folder.people(&request.cluster_job_name)?;
        let clusters = match named(request.cluster_ids.as_deref()) {
            Some(ids) => {
                ids.into_iter().map(|id| cluster_of(&people, id)).collect::<Result<_, _>>()?
            }
            None => by_size(&people),
        };
        let each = request.samples_per_cluster as usize;
        let of = |cluster: &Group| {
            let chosen = samples(&people.grouped.members, &cluster.faces, each);
            (cluster.id.to_string(), self.faces(&people, &chosen))
        };
        Ok(ClusterSamples { samples: clusters.into_iter().map(of).collect() })
    }

    /// A page of the faces of clusters.
    ///
    /// # Errors
    /// Those of [`Engine::cluster_samples`].
    pub fn cluster_faces(&self, request: &ClusterFacesRequest) -> Result<FacePage, Failure> {
        check_range("limit", request.limit, 1, 2000)?;
        let folder = self.folder(&request.cache_dir)?;
        let people = folder.people(&request.cluster_job_name)?;
        let one = request.cluster_id.as_ref().map(std::slice::from_ref);
        let numbers = match named(request.cluster_ids.as_deref()).or(named(one)) {
            Some(ids) => faces_of(&people, ids)?,
            None => all_faces(&people),
        };
        let from = usize::try_from(request.offset).unwrap_or(usize::MAX).min(numbers.len());
        let to = numbers.len().min(from.saturating_add(request.limit as usize));
        Ok(FacePage {
            faces: self.faces(&people, &numbers[from..to]),
            total: numbers.len() as u64,
            limit: u64::from(request.limit),
            offset: request.offset,
        })
    }

    /// Faces as callers are told of them.
    fn faces(&self, people: &People, numbers: &[usize]) -> Vec<Face> {
        let mut paths: HashMap<MediaId, String> = HashMap::new();
        let face = |number: &usize| {
            let member = people.member(*number);
            let (meta, track) = (&member.faces.meta, member.track());
            let path = || self.0.reception.last_seen(meta.media_id, &meta.source_path);
            let path = paths.entry(meta.media_id).or_insert_with(|| path().display().to_string());
            let cluster = people.groups.of_face(*number).map(|cluster| cluster.id.to_string());
            let at = |frame: Option<&u32>| frame.map_or(0.0, |ms| f64::from(*ms) / 1000.0);
            Face {
                face_id: people.grouped.index.ids()[*number].to_string(),
                cluster_id: cluster.unwrap_or_else(|| UNCLUSTERED.to_owned()),
                media_path: path.clone(),
                hash_str: meta.hash_str.to_string(),
                time_seconds: track.clearest.seconds,
                timestamp: timestamp(track.clearest.seconds),
                place: within_frame(track.clearest.area),
                score: f64::from(track.quality),
                start_seconds: at(track.frames.first()),
                end_seconds: at(track.frames.last()),
                image: picture(member).map(|jpeg| STANDARD.encode(jpeg)),
            }
        };
        numbers.iter().map(face).collect()
    }
}

/// JPEG of a face. One that cannot be read any more leaves the face without a picture.
fn picture(member: &crate::people::Member) -> Option<Vec<u8>> {
    let read = member.faces.crop(member.track);
    read.inspect_err(|error| tracing::warn!(%error, "the picture of a face was not read")).ok()?
}

/// A box without what lies outside the frame.
fn within_frame(area: Area) -> [f32; 4] {
    let inside = |value: f32| value.clamp(0.0, 1.0);
    let (left, top) = (inside(area.left), inside(area.top));
    [left, top, inside(area.left + area.width) - left, inside(area.top + area.height) - top]
}

fn job_of(people: &People) -> ClusterJob {
    let unclustered = people.groups.unclustered().count() as u64;
    ClusterJob {
        cluster_job_name: people.collection.clone(),
        face_count: people.grouped.members.len() as u64,
        unclustered_face_count: unclustered,
        eps: people.grouped.grouping.eps,
        min_samples: people.grouped.grouping.min_samples,
        auto_detected: people.grouped.grouping.auto,
        media_count: people.media_count() as u64,
        clusters: by_size(people).into_iter().map(|cluster| told(people, cluster)).collect(),
    }
}

fn told(people: &People, cluster: &Group) -> Cluster {
    let members = || cluster.faces.iter().map(|face| people.member(*face));
    let media: HashSet<MediaId> = members().map(|member| member.faces.meta.media_id).collect();
    Cluster {
        cluster_id: cluster.id.to_string(),
        name: cluster.name.clone(),
        face_count: cluster.faces.len() as u64,
        media_count: media.len() as u64,
        frame_count: members().map(|member| member.track().frames.len() as u64).sum(),
    }
}

/// The clusters, largest first; of equal ones in the order of their first faces.
fn by_size(people: &People) -> Vec<&Group> {
    let mut clusters: Vec<&Group> = people.groups.clusters().collect();
    clusters.sort_by_key(|cluster| (Reverse(cluster.faces.len()), cluster.faces[0]));
    clusters
}

/// The clusters that are asked for, each once; none where none is named.
fn named(ids: Option<&[String]>) -> Option<BTreeSet<&str>> {
    let ids = ids.filter(|ids| !ids.is_empty())?;
    Some(ids.iter().map(String::as_str).collect())
}

fn all_faces(people: &People) -> Vec<usize> {
    let clustered = by_size(people).into_iter().flat_map(|cluster| cluster.faces.clone());
    clustered.chain(people.groups.unclustered()).collect()
}

fn faces_of(people: &People, ids: BTreeSet<&str>) -> Result<Vec<usize>, Failure> {
    let mut faces = Vec::new();
    for id in ids {
        if id == UNCLUSTERED {
            faces.extend(people.groups.unclustered());
        } else {
            faces.extend(&cluster_of(people, id)?.faces);
        }
    }
    Ok(faces)
}

/// The cluster of an id.
///
/// # Errors
/// `NotFound`.
pub fn cluster_of<'a>(people: &'a People, id: &str) -> Result<&'a Group, Failure> {
    let found = id.parse().ok().and_then(|id| people.groups.get(id));
    found.ok_or_else(|| no_cluster(&people.collection, id))
}

pub fn no_cluster(collection: &str, id: &str) -> Failure {
    let id = shorten(id);
    let message = format!(
        "\"{collection}\" has no cluster \"{id}\"; it may have been merged or grouped anew since it was listed"
    );
    Failure::new(ErrorCode::NotFound, message)
}
