//! `rushes faces`.

use crate::{
    analyze::{absolute, watch},
    arguments::{Collection, Faces},
    settings::Settings,
};
use anyhow::{Context, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rushes_engine::{
    Engine,
    replies::{ClusterJob, ClusterJobs, Face},
    requests::{
        ClusterFacesRequest, ListClustersRequest, MergeClusters, ModifyClustersRequest, MoveFaces,
        NameAssignment, ReclusterRequest, RenameClustersRequest, UndoClustersRequest,
    },
};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Faces that are asked for at once.
const PAGE: u32 = 500;

/// Shows and corrects who was found.
pub fn run(settings: Settings, what: Faces) -> Result<ExitCode> {
    let engine = Engine::open(settings.engine)?;
    match what {
        Faces::List { of, json } => list(&engine, of, json)?,
        Faces::Show { cluster, of, pictures } => show(&engine, &of, &cluster, pictures)?,
        Faces::Name { cluster, name, of } => rename(&engine, &of, cluster, name)?,
        Faces::Merge { target, clusters, of } => {
            let merge = MergeClusters { cluster_ids: clusters, target_cluster_id: target };
            modify(&engine, &of, Some(vec![merge]), None)?;
        }
        Faces::Move { faces, to, of } => {
            let one = MoveFaces { face_ids: faces, target_cluster_id: to };
            modify(&engine, &of, None, Some(vec![one]))?;
        }
        Faces::Undo { of } => {
            let Place { cache_dir, cluster_job_name } = place(&engine, &of)?;
            let request = UndoClustersRequest { cache_dir, cluster_job_name };
            println!("{}", engine.undo_clusters(&request)?.message);
        }
        Faces::Regroup { of, eps, min_samples, auto, clear_names } => {
            let Place { cache_dir, cluster_job_name } = place(&engine, &of)?;
            let events = engine.progress();
            let started = engine.recluster(&ReclusterRequest {
                cache_dir,
                cluster_job_name,
                eps,
                min_samples,
                auto_detect_params: auto,
                clear_names,
            })?;
            return watch(&engine, events, &started);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A collection as requests name it.
struct Place {
    cache_dir: String,
    cluster_job_name: String,
}

/// The collection that is meant: the named one, or the only one that there is.
fn place(engine: &Engine, of: &Collection) -> Result<Place> {
    let cache_dir = absolute(&of.cache_dir)?;
    if let Some(name) = &of.collection {
        return Ok(Place { cache_dir, cluster_job_name: name.clone() });
    }
    let jobs = jobs(engine, of)?.cluster_jobs;
    match &jobs[..] {
        [one] => Ok(Place { cache_dir, cluster_job_name: one.cluster_job_name.clone() }),
        [] => bail!("there is no face collection in {cache_dir}; rushes analyze --faces makes one"),
        several => {
            let names: Vec<&str> = several.iter().map(|job| &*job.cluster_job_name).collect();
            bail!("there are several collections; choose with --collection: {}", names.join(", "))
        }
    }
}

fn jobs(engine: &Engine, of: &Collection) -> Result<ClusterJobs> {
    let cache_dir = absolute(&of.cache_dir)?;
    let cluster_job_name = of.collection.clone();
    Ok(engine.list_clusters(&ListClustersRequest { cache_dir, cluster_job_name })?)
}

fn list(engine: &Engine, of: Collection, json: bool) -> Result<()> {
    let jobs = jobs(engine, &of)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&jobs)?);
        return Ok(());
    }
    if jobs.cluster_jobs.is_empty() {
        println!("no face collections; rushes analyze --faces makes one");
    }
    jobs.cluster_jobs.iter().for_each(print_job);
    Ok(())
}

fn print_job(job: &ClusterJob) {
    println!(
        "{}: {} people, {} faces in {} media, {} of them in no cluster (eps {}, min_samples {})",
        job.cluster_job_name,
        job.clusters.len(),
        job.face_count,
        job.media_count,
        job.unclustered_face_count,
        job.eps,
        job.min_samples,
    );
    for cluster in &job.clusters {
        println!(
            "  {}  {:>5} faces  {:>6} frames  {:>4} media  {}",
            cluster.cluster_id,
            cluster.face_count,
            cluster.frame_count,
            cluster.media_count,
            cluster.name.as_deref().unwrap_or_default(),
        );
    }
}

fn show(engine: &Engine, of: &Collection, cluster: &str, pictures: Option<PathBuf>) -> Result<()> {
    let Place { cache_dir, cluster_job_name } = place(engine, of)?;
    let mut request = ClusterFacesRequest {
        cache_dir,
        cluster_job_name,
        cluster_id: Some(cluster.to_owned()),
        cluster_ids: None,
        limit: PAGE,
        offset: 0,
    };
    if let Some(folder) = &pictures {
        fs_err::create_dir_all(folder)?;
    }
    loop {
        let page = engine.cluster_faces(&request)?;
        for (number, face) in (request.offset + 1..).zip(&page.faces) {
            println!("{number:>5}  {}  {}  {}", face.face_id, face.timestamp, face.media_path);
            if let Some(folder) = &pictures {
                keep_picture(folder, number, face)?;
            }
        }
        request.offset += page.faces.len() as u64;
        if page.faces.is_empty() || request.offset >= page.total {
            return Ok(());
        }
    }
}

fn keep_picture(folder: &Path, number: u64, face: &Face) -> Result<()> {
    let Some(image) = &face.image else { return Ok(()) };
    let jpeg = STANDARD.decode(image).context("the picture of a face does not decode")?;
    let path = folder.join(format!("{number:05}.jpg"));
    fs_err::File::create_new(&path)?.write_all(&jpeg)?;
    Ok(())
}

fn rename(engine: &Engine, of: &Collection, cluster_id: String, name: String) -> Result<()> {
    let Place { cache_dir, cluster_job_name } = place(engine, of)?;
    let assignments = vec![NameAssignment { cluster_id, name }];
    let request = RenameClustersRequest { cache_dir, cluster_job_name, assignments };
    for (cluster, name) in engine.rename_clusters(&request)?.changes {
        println!("{cluster}  {}", if name.is_empty() { "has no name now" } else { &name });
    }
    Ok(())
}

fn modify(
    engine: &Engine,
    of: &Collection,
    merges: Option<Vec<MergeClusters>>,
    moves: Option<Vec<MoveFaces>>,
) -> Result<()> {
    let Place { cache_dir, cluster_job_name } = place(engine, of)?;
    let request = ModifyClustersRequest { cache_dir, cluster_job_name, merges, moves };
    let changed = engine.modify_clusters(&request)?;
    println!("{} clusters merged, {} faces moved", changed.merged, changed.moved);
    for id in &changed.created_cluster_ids {
        println!("new cluster: {id}");
    }
    Ok(())
}
