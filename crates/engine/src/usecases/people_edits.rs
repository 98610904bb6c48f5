//! Naming people, correcting who is who, and grouping faces anew.

use super::{
    Engine, bad_request, check_count, check_range,
    edits::check_name,
    internal,
    people::{cluster_of, no_cluster},
};
use crate::{
    library::LoadedFolder,
    paths::shorten,
    people::{People, detected},
    replies::{ModifiedClusters, RenamedClusters, TaskStarted, UndoneCorrection},
    requests::{
        MergeClusters, ModifyClustersRequest, MoveFaces, ReclusterRequest, RenameClustersRequest,
        UndoClustersRequest,
    },
    tasks::{Asked, LeftOver, Standing, TaskHandle},
};
use rushes_faces::{ClusterId, ClusterRef, Decision, FaceId, Grouping, Groups, Merge, Move, Name};
use rushes_model::{ErrorCode, Failure, TaskKind, TaskState};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    thread,
};

/// Most clusters that one request names, and most faces that one moves: what fits into a record of the
/// journal.
const MAX_CLUSTERS: usize = 500;
const MAX_FACES: usize = 8_000;
/// Most faces that a person may be asked to have. A face keeps all its neighbours until it has so many.
const MAX_MIN_SAMPLES: u32 = 1_000;
/// Greatest cosine distance that there is.
const MAX_EPS: f64 = 2.0;

impl Engine {
    /// Gives clusters names, or takes them away: all that are asked for, or none. They stay with the faces
    /// when these are grouped anew.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`; `NotFound` for a collection or cluster that is not there.
    pub fn rename_clusters(
        &self,
        request: &RenameClustersRequest,
    ) -> Result<RenamedClusters, Failure> {
        check_count("assignments", request.assignments.len(), MAX_CLUSTERS)?;
        let folder = self.folder(&request.cache_dir)?;
        folder.decide(&request.cluster_job_name, |people| {
            let (mut names, mut changes) = (Vec::new(), BTreeMap::new());
            for one in &request.assignments {
                let name = check_name("assignments", &one.name)?;
                let cluster = cluster_of(people, &one.cluster_id)?;
                if changes.insert(one.cluster_id.clone(), name.clone()).is_some() {
                    let twice = &one.cluster_id;
                    return Err(bad_request(format!(
                        "assignments names the cluster {twice} twice"
                    )));
                }
                let cluster = people.groups.reference(cluster, &people.grouped.index);
                names.push(Name { cluster, name });
            }
            let reply = RenamedClusters { updated: changes.len() as u64, changes };
            Ok((Decision::Name { names }, reply))
        })
    }

    /// Merges clusters, then moves faces: all that is asked for, or nothing. It outlives a later
    /// grouping.
    ///
    /// # Errors
    /// Those of [`Engine::rename_clusters`]; `NotFound` for a face that is not there.
    pub fn modify_clusters(
        &self,
        request: &ModifyClustersRequest,
    ) -> Result<ModifiedClusters, Failure> {
        let merges = request.merges.as_deref().unwrap_or_default();
        let moves = request.moves.as_deref().unwrap_or_default();
        check_edit(merges, moves)?;
        let folder = self.folder(&request.cache_dir)?;
        folder.decide(&request.cluster_job_name, |people| {
            let mut edit = Edit::of(people);
            merges.iter().try_for_each(|merge| edit.merge(merge))?;
            moves.iter().try_for_each(|one| edit.take(one))?;
            let Edit { merges, moves, changed, .. } = edit;
            Ok((Decision::Edit { merges, moves }, changed))
        })
    }

    /// Takes back the last decision about names and clusters that holds, by whomever.
    ///
    /// # Errors
    /// `BadPath`, `CacheDir`; `NotFound` for a collection that is not there; `BadRequest` where nothing is
    /// left to take back.
    pub fn undo_clusters(
        &self,
        request: &UndoClustersRequest,
    ) -> Result<UndoneCorrection, Failure> {
        let folder = self.folder(&request.cache_dir)?;
        let name = &request.cluster_job_name;
        let Some(decision) = folder.undo(name)? else {
            return Err(bad_request(format!("nothing was decided in \"{name}\" that still holds")));
        };
        let (undone, what) = match decision {
            Decision::Name { names } => ("names", format!("names given: {}", names.len())),
            Decision::Edit { merges, moves } => {
                ("modify", format!("merges: {}, moves: {}", merges.len(), moves.len()))
            }
            _ => ("clear_names", "that all names were taken away".to_owned()),
        };
        Ok(UndoneCorrection { message: format!("Taken back: {what}"), undone: undone.to_owned() })
    }

    /// Groups the faces of a collection anew, in the background. What somebody corrected by hand stays.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`; `NotFound` for a collection that is not there.
    pub fn recluster(&self, request: &ReclusterRequest) -> Result<TaskStarted, Failure> {
        let folder = self.check_regrouping(request)?;
        let task = self.0.tasks.create(Asked::new(TaskKind::Recluster, "recluster", request))?;
        let message = format!("Grouping the faces of \"{}\"", request.cluster_job_name);
        let started = TaskStarted::new(message, task.id());
        start_regrouping(folder, request.clone(), task);
        Ok(started)
    }

    /// Goes on with what an earlier process did not end.
    pub(super) fn go_on_reclustering(&self, left: &LeftOver) -> Result<(), Failure> {
        let request: ReclusterRequest = left.asked.request()?;
        let folder = self.check_regrouping(&request)?;
        // It may have taken the names away already, and somebody given others since.
        let request = ReclusterRequest { clear_names: false, ..request };
        start_regrouping(folder, request, left.task.clone());
        Ok(())
    }

    fn check_regrouping(&self, request: &ReclusterRequest) -> Result<Arc<LoadedFolder>, Failure> {
        let eps = request.eps;
        if !(0.0..=MAX_EPS).contains(&eps) {
            return Err(bad_request(format!("eps is {eps}; it takes 0 to {MAX_EPS}")));
        }
        check_range("min_samples", request.min_samples, 1, MAX_MIN_SAMPLES)?;
        let folder = self.folder(&request.cache_dir)?;
        folder.ensure_writable()?;
        folder.check_collection(&request.cluster_job_name)?;
        Ok(folder)
    }
}

fn start_regrouping(folder: Arc<LoadedFolder>, request: ReclusterRequest, task: TaskHandle) {
    thread::spawn(move || {
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            regroup(&folder, &request, &task);
        }));
        if ended.is_err() {
            task.finish(TaskState::Failed, "a defect in Rushes stopped it; please report it");
        }
    });
}

fn regroup(folder: &Arc<LoadedFolder>, request: &ReclusterRequest, task: &TaskHandle) {
    if !task.start() {
        return;
    }
    let grouped = (|| {
        let collection = &request.cluster_job_name;
        let asked = Grouping { eps: request.eps, min_samples: request.min_samples, auto: false };
        let (grouping, reason) = match request.auto_detect_params {
            true => detected(&folder.faces_in(collection)?).map_err(internal)?,
            false => (asked, String::new()),
        };
        let decision = Decision::Group { grouping, clear_names: request.clear_names };
        let progress = |done: f64| {
            task.stand(Standing { progress: done, ..Standing::default() });
            !task.cancel().is_cancelled()
        };
        let people = folder.regroup(collection, decision, &progress)?;
        Ok(people.map(|people| format!("{}{reason}", people.summary())))
    })();
    match grouped {
        Ok(Some(message)) => task.finish(TaskState::Completed, message),
        Ok(None) => task.finish(TaskState::Cancelled, "Cancelled"),
        Err(Failure { message, .. }) => task.finish(TaskState::Failed, message),
    }
}

fn check_edit(merges: &[MergeClusters], moves: &[MoveFaces]) -> Result<(), Failure> {
    if merges.is_empty() && moves.is_empty() {
        return Err(bad_request("nothing to do: neither merges nor moves are given".to_owned()));
    }
    for merge in merges {
        check_count("merges.cluster_ids", merge.cluster_ids.len(), MAX_CLUSTERS)?;
    }
    for one in moves {
        check_count("moves.face_ids", one.face_ids.len(), MAX_FACES)?;
    }
    let clusters: usize = merges.iter().map(|merge| merge.cluster_ids.len() + 1).sum();
    let faces: usize = moves.iter().map(|one| one.face_ids.len()).sum();
    if clusters + moves.len() > MAX_CLUSTERS || faces > MAX_FACES {
        return Err(bad_request(format!(
            "one request takes {MAX_CLUSTERS} clusters and {MAX_FACES} faces in all; send several"
        )));
    }
    Ok(())
}

/// A correction under way: what is asked for so far, and what that would make of the clusters.
struct Edit<'a> {
    people: &'a People,
    groups: Groups,
    merges: Vec<Merge>,
    moves: Vec<Move>,
    changed: ModifiedClusters,
}

impl<'a> Edit<'a> {
    fn of(people: &'a People) -> Self {
        let changed = ModifiedClusters { merged: 0, moved: 0, created_cluster_ids: Vec::new() };
        let groups = people.groups.clone();
        Self { people, groups, merges: Vec::new(), moves: Vec::new(), changed }
    }

    /// A cluster as it is at this point of the request.
    fn reference(&self, id: &str) -> Result<ClusterRef, Failure> {
        let found = id.parse().ok().and_then(|id| self.groups.get(id));
        let found = found.ok_or_else(|| no_cluster(&self.people.collection, id))?;
        Ok(self.groups.reference(found, &self.people.grouped.index))
    }

    fn merge(&mut self, asked: &MergeClusters) -> Result<(), Failure> {
        let target = self.reference(&asked.target_cluster_id)?;
        let ids: BTreeSet<&String> = asked.cluster_ids.iter().collect();
        let clusters: Vec<ClusterRef> =
            ids.into_iter().map(|id| self.reference(id)).collect::<Result<_, _>>()?;
        let clusters: Vec<ClusterRef> =
            clusters.into_iter().filter(|one| one.id != target.id).collect();
        if clusters.is_empty() {
            return Err(bad_request(format!(
                "a cluster cannot be merged with itself: {}",
                asked.target_cluster_id
            )));
        }
        self.changed.merged += clusters.len() as u64;
        let merge = Merge { clusters, target };
        self.groups.merge(&merge, &self.people.grouped.index);
        self.merges.push(merge);
        Ok(())
    }

    fn take(&mut self, asked: &MoveFaces) -> Result<(), Failure> {
        let target = match &asked.target_cluster_id {
            Some(id) => self.reference(id)?,
            None => self.new_cluster()?,
        };
        let faces: BTreeSet<FaceId> =
            asked.face_ids.iter().map(|id| self.face(id)).collect::<Result<_, _>>()?;
        let number = |id: &FaceId| self.people.grouped.index.get(*id);
        let elsewhere =
            |face: usize| self.groups.of_face(face).is_none_or(|cluster| cluster.id != target.id);
        let moved = faces.iter().filter_map(number).filter(|face| elsewhere(*face)).count();
        self.changed.moved += moved as u64;
        let one = Move { faces: faces.into_iter().collect(), target };
        self.groups.take(&one, &self.people.grouped.index);
        self.moves.push(one);
        Ok(())
    }

    fn new_cluster(&mut self) -> Result<ClusterRef, Failure> {
        let random = getrandom::u64();
        let target = ClusterRef { id: ClusterId(random.map_err(internal)?), faces: Vec::new() };
        self.changed.created_cluster_ids.push(target.id.to_string());
        Ok(target)
    }

    fn face(&self, named: &str) -> Result<FaceId, Failure> {
        let known = |id: &FaceId| self.people.grouped.index.get(*id).is_some();
        named.parse().ok().filter(known).ok_or_else(|| {
            let named = shorten(named);
            let collection = &self.people.collection;
            let message = format!("\"{collection}\" has no face \"{named}\"");
            Failure::new(ErrorCode::NotFound, message)
        })
    }
}
