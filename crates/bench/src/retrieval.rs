//! Recall and rank: each query of the table against all pictures of the table, every one of them put
//! through the real pipeline.

use anyhow::{Context, Result, bail};
use clap::Args;
use rushes_engine::{Config, Engine, requests::AnalyzeRequest};
use rushes_model::{ModelKey, TaskState};
use rushes_store::{AnalysisFolder, VisualBundleFile};
use rushes_vectors::{Query, Rows, Segment, Tags, top_k};
use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    time::Duration,
};

/// Arguments of `retrieval`.
#[derive(Args)]
pub struct Arguments {
    /// Table of queries and pictures.
    #[arg(long, default_value = "bench/eval/visual-tune.tsv")]
    table: PathBuf,
    /// Where the packages of the table are laid out.
    #[arg(long, default_value = ".cache/eval")]
    media: PathBuf,
    /// Home folder with the models.
    #[arg(long, env = "RUSHES_HOME")]
    home: PathBuf,
    /// Models to measure.
    #[arg(long = "model", default_values = ["lite-260", "lite-260-fast"])]
    models: Vec<ModelKey>,
}

/// A picture of the gallery: a file, or the frame of a file that stands for a second.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Picture {
    path: PathBuf,
    second: Option<u32>,
}

/// A query and the pictures that answer it.
struct Pair {
    query: String,
    group: String,
    right: Vec<Picture>,
}

/// Sums over ranks.
#[derive(Default, Clone, Copy)]
struct Score {
    queries: u32,
    at_1: u32,
    at_3: u32,
    at_5: u32,
    reciprocal: f64,
}

impl Score {
    fn add(&mut self, rank: usize) {
        self.queries += 1;
        self.at_1 += u32::from(rank == 1);
        self.at_3 += u32::from(rank <= 3);
        self.at_5 += u32::from(rank <= 5);
        self.reciprocal += 1.0 / rank as f64;
    }

    fn print(&self, name: &str) {
        let share = |count: u32| f64::from(count) / f64::from(self.queries.max(1));
        println!(
            "  {name:8} n={:3}  R@1 {:.3}  R@3 {:.3}  R@5 {:.3}  MRR {:.3}",
            self.queries,
            share(self.at_1),
            share(self.at_3),
            share(self.at_5),
            self.reciprocal / f64::from(self.queries.max(1))
        );
    }
}

/// Measures each model and prints a line a group.
pub fn run(arguments: &Arguments) -> Result<()> {
    let (pairs, gallery) = read_table(&arguments.table, &arguments.media)?;
    println!("{} queries, gallery of {} pictures", pairs.len(), gallery.len());
    let config = Config::at(std::path::absolute(&arguments.home)?);
    let engine = Engine::open(config)?;
    for model in &arguments.models {
        let folder = tempfile::tempdir()?;
        analyse(&engine, &gallery, folder.path(), model)?;
        let rows = gallery_rows(folder.path(), model, &gallery)?;
        if rows.len() < gallery.len() {
            println!("  {} pictures are missing", gallery.len() - rows.len());
        }
        measure(&engine, model, &pairs, &rows)?;
    }
    Ok(())
}

fn read_table(table: &Path, media: &Path) -> Result<(Vec<Pair>, Vec<Picture>)> {
    let text = fs_err::read_to_string(table)?;
    let (mut pairs, mut gallery) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [package, path, query, _, group, also @ ..] = columns.as_slice() else {
            bail!("{}: a row has too few columns: {line}", table.display());
        };
        let picture = locate(media, package, path)?;
        gallery.push(picture.clone());
        if query.is_empty() {
            continue;
        }
        let mut right = vec![picture];
        for named in
            also.iter().flat_map(|names| names.split(';')).filter(|name| !name.trim().is_empty())
        {
            let (package, path) =
                named.trim().rsplit_once(' ').context("also_ok names package path")?;
            right.push(locate(media, package, path)?);
        }
        pairs.push(Pair { query: (*query).to_owned(), group: (*group).to_owned(), right });
    }
    gallery.sort();
    gallery.dedup();
    Ok((pairs, gallery))
}

fn locate(media: &Path, package: &str, path: &str) -> Result<Picture> {
    let folder = media.join(package.replace(['/', ':', ' '], "_"));
    let split = path.rsplit_once('@').and_then(|(file, at)| Some((file, at.parse().ok()?)));
    let (file, second) = split.map_or((path, None), |(file, second)| (file, Some(second)));
    Ok(Picture { path: std::path::absolute(folder.join(file))?, second })
}

fn analyse(engine: &Engine, gallery: &[Picture], folder: &Path, model: &ModelKey) -> Result<()> {
    let mut paths: Vec<String> =
        gallery.iter().map(|picture| picture.path.display().to_string()).collect();
    paths.dedup();
    let mut events = engine.progress();
    let started = engine.analyze(&AnalyzeRequest::of_pictures(
        folder.display().to_string(),
        paths,
        Some(model.to_string()),
    ))?;
    while let Some(event) = events.blocking_recv() {
        if event.task_id.to_string() == started.task_id && event.done {
            break;
        }
    }
    let task = engine.task(&started.task_id)?;
    for error in &task.errors {
        println!("  {}: {}", error.media_path, error.message);
    }
    if task.state != TaskState::Completed {
        bail!("the analysis ended as {:?}", task.state);
    }
    Ok(())
}

/// One segment a picture, taken from the published bundles.
fn gallery_rows(
    folder: &Path,
    model: &ModelKey,
    gallery: &[Picture],
) -> Result<Vec<(Picture, Segment)>> {
    let store = AnalysisFolder::open(folder)?;
    let mut by_path: HashMap<PathBuf, VisualBundleFile> = HashMap::new();
    for entry in store.list()?.into_iter().filter(|entry| entry.model_key == *model) {
        let file = VisualBundleFile::open(&entry.path)?;
        by_path.insert(file.meta().source_path.clone(), file);
    }
    let mut rows = Vec::new();
    for picture in gallery {
        let Some(file) = by_path.get(&picture.path) else { continue };
        let wanted = picture.second.unwrap_or(0);
        let row = file.times().iter().position(|time| time.second == wanted);
        let Some(row) = row else { continue };
        rows.push((picture.clone(), segment_of(file, row)?));
    }
    Ok(rows)
}

fn segment_of(file: &VisualBundleFile, row: usize) -> Result<Segment> {
    let at = file.rows();
    let vectors = Rows::read(&at.path, at.offset, at.count, at.width)?;
    let vector = vectors.row(row).to_vec();
    let tags = file.tags().map(|at| Tags::read(&at.path, at.offset, at.count)).transpose()?;
    let tags = tags.map(|tags| {
        let of_row: Vec<(u16, u8)> = tags.row(row).collect();
        Tags::owned(Tags::pack(&of_row).to_vec())
    });
    Ok(Segment::new(Rows::owned(vector, at.width)?, tags.transpose()?)?)
}

fn measure(
    engine: &Engine,
    model: &ModelKey,
    pairs: &[Pair],
    rows: &[(Picture, Segment)],
) -> Result<()> {
    let visual = engine.models().visual(model, Duration::from_secs(120))?;
    let segments: Vec<&Segment> = rows.iter().map(|(_, segment)| segment).collect();
    let mut groups: BTreeMap<&str, Score> = BTreeMap::new();
    let mut all = Score::default();
    for pair in pairs {
        let text = visual.embed_text(&pair.query)?;
        let query = Query::new(text.vector).with_words(&text.words, text.word_weight);
        let hits = top_k(&segments, &query, segments.len(), None)?;
        let right = |hit: &rushes_vectors::Hit| pair.right.contains(&rows[hit.segment].0);
        // What is not found at all, as with a score that is no number, counts as last.
        let rank = hits.iter().position(right).unwrap_or(segments.len()) + 1;
        groups.entry(&pair.group).or_default().add(rank);
        all.add(rank);
    }
    println!("{model}");
    for (group, score) in &groups {
        score.print(group);
    }
    all.print("all");
    Ok(())
}
