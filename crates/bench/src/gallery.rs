//! A table of queries and pictures, and its pictures put through the real pipeline.

use anyhow::{Context, Result, bail};
use clap::Args;
use rushes_engine::{Config, Engine, requests::AnalyzeRequest};
use rushes_model::{ModelKey, TaskState};
use rushes_store::{Analysis, AnalysisFolder, VisualBundleFile};
use rushes_vectors::{Rows, Segment, Tags};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

/// Where a table's pictures and the models lie.
#[derive(Args)]
pub struct Places {
    /// Where the packages of the tables are laid out.
    #[arg(long, default_value = ".cache/eval")]
    pub media: PathBuf,
    /// Home folder with the models.
    #[arg(long, env = "RUSHES_HOME")]
    home: PathBuf,
}

impl Places {
    /// An engine over the installed models.
    pub fn engine(&self) -> Result<Engine> {
        Ok(Engine::open(Config::at(std::path::absolute(&self.home)?))?)
    }
}

/// A picture of the gallery: a file, or the frame of a file that stands for a second.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Picture {
    /// The file.
    pub path: PathBuf,
    /// Second of a clip; none for a still.
    pub second: Option<u32>,
}

/// A query and the pictures that answer it.
pub struct Pair {
    /// What is looked for.
    pub query: String,
    /// Letter of its kind.
    pub group: String,
    /// What answers it.
    pub right: Vec<Picture>,
}

/// Reads a table: its pairs, and all its pictures as the gallery.
pub fn read_table(table: &Path, media: &Path) -> Result<(Vec<Pair>, Vec<Picture>)> {
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

/// Reads several tables as one.
pub fn read_tables(tables: &[PathBuf], media: &Path) -> Result<(Vec<Pair>, Vec<Picture>)> {
    let (mut pairs, mut gallery) = (Vec::new(), Vec::new());
    for table in tables {
        let (more_pairs, pictures) = read_table(table, media)?;
        pairs.extend(more_pairs);
        gallery.extend(pictures);
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

/// Analyses a gallery into a folder.
pub fn analyse(
    engine: &Engine,
    gallery: &[Picture],
    folder: &Path,
    model: &ModelKey,
) -> Result<()> {
    let mut paths: Vec<String> =
        gallery.iter().map(|picture| picture.path.display().to_string()).collect();
    paths.dedup();
    let cache_dir = folder.display().to_string();
    finish(engine, &AnalyzeRequest::of_pictures(cache_dir, paths, Some(model.to_string())))
}

/// An analysis to its end; single files that failed are printed.
pub fn finish(engine: &Engine, request: &AnalyzeRequest) -> Result<()> {
    let mut events = engine.progress();
    let started = engine.analyze(request)?;
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
pub fn gallery_rows(
    folder: &Path,
    model: &ModelKey,
    gallery: &[Picture],
) -> Result<Vec<(Picture, Segment)>> {
    let store = AnalysisFolder::open(folder)?;
    let mut by_path: HashMap<PathBuf, VisualBundleFile> = HashMap::new();
    for entry in store.list(Analysis::Visual)?.into_iter().filter(|entry| entry.model_key == *model)
    {
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
