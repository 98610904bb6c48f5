//! How well people are gathered: pictures whose people are known, put through the real pipeline, and the time
//! that a frame with two faces takes.

use crate::gallery::finish;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use rushes_engine::{
    Config, Engine,
    replies::Face,
    requests::{AnalyzeRequest, ClusterFacesRequest, ReclusterRequest},
};
use rushes_infer::{
    Runtime,
    faces::FaceModel,
    registry::{ModelFolder, Registry},
};
use rushes_media::{Limits, Tools, resize};
use rushes_model::{Picture, TaskState};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

/// Arguments of `people`.
#[derive(Args)]
pub struct Arguments {
    /// Table of faces.
    #[arg(long, default_value = "bench/eval/people.tsv")]
    table: PathBuf,
    /// Where `scripts/people_media.py` put its files.
    #[arg(long)]
    media: PathBuf,
    /// Home folder with the models.
    #[arg(long, env = "RUSHES_HOME")]
    home: PathBuf,
    /// Distances to gather by; the first is the default's.
    #[arg(long = "eps", default_values_t = [0.48, 0.36, 0.42, 0.45, 0.51, 0.54, 0.6])]
    eps: Vec<f64>,
    /// Frames that are timed.
    #[arg(long, default_value_t = 40)]
    frames: usize,
}

/// A labelled face.
struct Row {
    file: String,
    /// Of the frame, in a clip.
    seconds: Option<f64>,
    middle: (f64, f64),
    width: f64,
    identity: String,
}

/// A labelled face, and the cluster that it came into.
struct Told<'a> {
    row: &'a Row,
    cluster: Option<String>,
}

/// Gathers the people of the table and prints a line for each distance; then times frames.
pub fn run(arguments: &Arguments) -> Result<()> {
    let rows = read_table(&arguments.table)?;
    let home = std::path::absolute(&arguments.home)?;
    let engine = Engine::open(Config::at(&home))?;
    let folder = tempfile::tempdir()?;
    let cache_dir = folder.path().display().to_string();
    let files: HashSet<&str> = rows.iter().map(|row| row.file.as_str()).collect();
    let media = std::path::absolute(&arguments.media)?;
    let mut paths: Vec<String> =
        files.iter().map(|file| media.join(file).display().to_string()).collect();
    paths.sort();
    let request = AnalyzeRequest {
        visual: false,
        faces: true,
        cluster_job_name: Some(JOB.to_owned()),
        ..AnalyzeRequest::of_pictures(cache_dir.clone(), paths, None)
    };
    let begun = Instant::now();
    finish(&engine, &request)?;
    println!("{} files in {:.1?}", files.len(), begun.elapsed());
    for eps in &arguments.eps {
        recluster(&engine, &cache_dir, *eps, false)?;
        measure(&format!("eps {eps:.2}"), &rows, &faces(&engine, &cache_dir)?);
    }
    let message = recluster(&engine, &cache_dir, 0.0, true)?;
    measure(&message, &rows, &faces(&engine, &cache_dir)?);
    time_frames(&home, &media, &rows, arguments.frames)
}

/// The collection.
const JOB: &str = "bench";

fn read_table(table: &Path) -> Result<Vec<Row>> {
    let text = fs_err::read_to_string(table)?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let mut rows = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split('\t').collect();
        let of = |name: &str| {
            let place = names.iter().position(|one| *one == name);
            let cell = place.and_then(|place| cells.get(place));
            cell.copied().with_context(|| format!("{}: no {name} in {line}", table.display()))
        };
        rows.push(Row {
            file: of("file")?.to_owned(),
            seconds: Some(of("seconds")?)
                .filter(|cell| !cell.is_empty())
                .map(str::parse)
                .transpose()?,
            middle: (of("x")?.parse()?, of("y")?.parse()?),
            width: of("width")?.parse()?,
            identity: of("identity")?.to_owned(),
        });
    }
    Ok(rows)
}

/// Gathers anew, and gives the closing message.
fn recluster(engine: &Engine, cache_dir: &str, eps: f64, auto: bool) -> Result<String> {
    let mut events = engine.progress();
    let started = engine.recluster(&ReclusterRequest {
        cache_dir: cache_dir.to_owned(),
        cluster_job_name: JOB.to_owned(),
        eps,
        min_samples: 5,
        auto_detect_params: auto,
        clear_names: false,
    })?;
    while let Some(event) = events.blocking_recv() {
        if event.task_id.to_string() == started.task_id && event.done {
            if event.state != TaskState::Completed {
                bail!("{}", event.message.unwrap_or_default());
            }
            return Ok(event.message.unwrap_or_default());
        }
    }
    bail!("the engine has stopped")
}

/// All faces of the collection, by the name of their file.
fn faces(engine: &Engine, cache_dir: &str) -> Result<HashMap<String, Vec<Face>>> {
    let mut request = ClusterFacesRequest {
        cache_dir: cache_dir.to_owned(),
        cluster_job_name: JOB.to_owned(),
        cluster_id: None,
        cluster_ids: None,
        limit: 2000,
        offset: 0,
    };
    let mut found: HashMap<String, Vec<Face>> = HashMap::new();
    loop {
        let page = engine.cluster_faces(&request)?;
        request.offset += page.faces.len() as u64;
        let over = page.faces.is_empty() || request.offset >= page.total;
        for face in page.faces {
            let name = Path::new(&face.media_path).file_name().unwrap_or_default();
            found.entry(name.to_string_lossy().into_owned()).or_default().push(face);
        }
        if over {
            return Ok(found);
        }
    }
}

/// Prints what was told right, of all pictures and of those in colour.
fn measure(name: &str, rows: &[Row], faces: &HashMap<String, Vec<Face>>) {
    let told: Vec<Told<'_>> = rows.iter().map(|row| tell(row, faces)).collect();
    let missed = rows.iter().filter(|row| nearest(row, faces).is_none()).count();
    println!(
        "{name}: {missed} of {} faces not found, {} pairs of one cluster seen at once",
        rows.len(),
        violations(faces)
    );
    let known = |told: &&Told<'_>| told.row.identity != "?";
    let is_grey = |told: &&Told<'_>| told.row.file.starts_with("orl-");
    print_scores("all", &told.iter().filter(known).collect::<Vec<_>>());
    let colour: Vec<&Told<'_>> = told.iter().filter(known).filter(|told| !is_grey(told)).collect();
    print_scores("colour", &colour);
}

fn tell<'a>(row: &'a Row, faces: &HashMap<String, Vec<Face>>) -> Told<'a> {
    let cluster = nearest(row, faces).map(|face| face.cluster_id.clone());
    Told { row, cluster: cluster.filter(|id| id != "unclustered") }
}

/// The face that a row is about: in a still the one in its place, in a clip of those seen at its time the one
/// that was clearest nearest to it.
fn nearest<'a>(row: &Row, faces: &'a HashMap<String, Vec<Face>>) -> Option<&'a Face> {
    /// How far in seconds a frame may lie from those that were looked at.
    const STEP: f64 = 0.6;
    let away = |face: &&Face| {
        let [left, top, width, height] = face.place.map(f64::from);
        (left + width / 2.0 - row.middle.0).hypot(top + height / 2.0 - row.middle.1)
    };
    let is_there = |face: &&Face| match row.seconds {
        Some(at) => face.start_seconds - STEP <= at && at <= face.end_seconds + STEP,
        None => away(face) <= row.width * 0.75,
    };
    let there = faces.get(&row.file)?.iter().filter(is_there);
    there.min_by(|a, b| away(a).total_cmp(&away(b)))
}

/// Pairs of faces of one cluster that are seen at the same time in one medium.
fn violations(faces: &HashMap<String, Vec<Face>>) -> usize {
    let clash = |a: &Face, b: &Face| {
        let together = a.start_seconds <= b.end_seconds && b.start_seconds <= a.end_seconds;
        together && a.cluster_id == b.cluster_id && a.cluster_id != "unclustered"
    };
    let pairs = |faces: &Vec<Face>| -> usize {
        let later = |index: usize| faces[index + 1..].iter();
        let of = |(index, a): (usize, &Face)| later(index).filter(|b| clash(a, b)).count();
        faces.iter().enumerate().map(of).sum()
    };
    faces.values().map(pairs).sum()
}

fn print_scores(name: &str, told: &[&Told<'_>]) {
    let people: HashSet<&str> = told.iter().map(|told| &*told.row.identity).collect();
    let clustered = told.iter().filter(|told| told.cluster.is_some()).count();
    let (precision, recall) = pairwise(told);
    let (b_precision, b_recall) = b_cubed(told);
    println!(
        "  {name:6} {} faces of {} people, {clustered} in clusters; pairs: precision {precision:.4} recall \
         {recall:.4} F {:.4}; B-cubed: precision {b_precision:.4} recall {b_recall:.4} F {:.4}",
        told.len(),
        people.len(),
        harmonic(precision, recall),
        harmonic(b_precision, b_recall),
    );
}

fn harmonic(a: f64, b: f64) -> f64 {
    if a + b > 0.0 { 2.0 * a * b / (a + b) } else { 0.0 }
}

/// Of the pairs of one cluster those of one person, and the reverse.
fn pairwise(told: &[&Told<'_>]) -> (f64, f64) {
    let (mut both, mut one_cluster, mut one_person) = (0_u32, 0_u32, 0_u32);
    for (index, a) in told.iter().enumerate() {
        for b in &told[index + 1..] {
            let same_cluster = a.cluster.is_some() && a.cluster == b.cluster;
            let same_person = a.row.identity == b.row.identity;
            both += u32::from(same_cluster && same_person);
            one_cluster += u32::from(same_cluster);
            one_person += u32::from(same_person);
        }
    }
    let share = |of: u32| f64::from(both) / f64::from(of.max(1));
    (share(one_cluster), share(one_person))
}

/// Mean over faces of the share of their cluster that is of their person, and the reverse; a face in no
/// cluster is one by itself (Bagga and Baldwin, 1998).
fn b_cubed(told: &[&Told<'_>]) -> (f64, f64) {
    let (mut precision, mut recall) = (0.0, 0.0);
    for (index, a) in told.iter().enumerate() {
        let (mut both, mut cluster, mut person) = (0.0, 0.0, 0.0);
        for (other, b) in told.iter().enumerate() {
            let together = index == other || a.cluster.is_some() && a.cluster == b.cluster;
            let same = a.row.identity == b.row.identity;
            both += f64::from(u8::from(together && same));
            cluster += f64::from(u8::from(together));
            person += f64::from(u8::from(same));
        }
        precision += both / cluster;
        recall += both / person;
    }
    let count = told.len().max(1) as f64;
    (precision / count, recall / count)
}

/// Times frames of 1080p in which two people of the table are seen: one after the other, and two at a time.
fn time_frames(home: &Path, media: &Path, rows: &[Row], count: usize) -> Result<()> {
    let models = home.join("models");
    let runtime = Runtime::installed(&Registry::builtin()?, &ModelFolder::new(models.clone()))?;
    let model = FaceModel::open(&runtime, &models, 2)?;
    let frames = frames_of_two(&model, media, rows)?;
    let one = |number: usize| model.find(&frames[number % frames.len()]).map(drop);
    one(0)?;
    let begun = Instant::now();
    (0..count).try_for_each(one)?;
    let alone = begun.elapsed().as_secs_f64() * 1e3 / count as f64;
    let begun = Instant::now();
    thread::scope(|scope| {
        let half = || (0..count).try_for_each(one);
        let both = [scope.spawn(half), scope.spawn(half)];
        both.into_iter().try_for_each(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })?;
    let together = begun.elapsed().as_secs_f64() * 1e3 / (2 * count) as f64;
    println!(
        "a frame of 1920x1080 with two faces: {alone:.1} ms on one core, {together:.1} ms on two \
         ({} different frames)",
        frames.len()
    );
    Ok(())
}

/// Frames with two portraits of the table each, in which both are found.
fn frames_of_two(model: &FaceModel, media: &Path, rows: &[Row]) -> Result<Vec<Picture>> {
    let tools = Tools::locate(Limits::default())?;
    let mut stills: BTreeMap<&str, &str> = BTreeMap::new();
    let portraits = rows.iter().filter(|row| row.seconds.is_none() && row.width > 0.3);
    for row in portraits {
        stills.entry(&row.identity).or_insert(&row.file);
    }
    let files: Vec<&str> = stills.into_values().collect();
    let mut frames = Vec::new();
    for pair in files.chunks_exact(2) {
        let portrait = |file: &str| tools.read_image(&media.join(file));
        let frame = frame_of([portrait(pair[0])?, portrait(pair[1])?]);
        if model.find(&frame)?.len() == 2 {
            frames.push(frame);
        }
    }
    ensure!(!frames.is_empty(), "no frame has two faces");
    Ok(frames)
}

/// Two portraits beside each other in a grey frame.
fn frame_of(portraits: [Picture; 2]) -> Picture {
    /// Height of the portraits: heads as in a two-shot.
    const HEIGHT: u32 = 560;
    let (width, height) = (1920, 1080);
    let mut pixels = vec![128; width * height * 3];
    for (portrait, left) in portraits.iter().zip([240, 1060]) {
        let wide = portrait.width * HEIGHT / portrait.height.max(1);
        let portrait = resize(portrait, wide.clamp(1, 620), HEIGHT);
        let row_bytes = portrait.width as usize * 3;
        for (y, row) in portrait.pixels.chunks_exact(row_bytes).enumerate() {
            let start = ((y + 260) * width + left) * 3;
            pixels[start..start + row_bytes].copy_from_slice(row);
        }
    }
    Picture { width: width as u32, height: height as u32, pixels }
}
