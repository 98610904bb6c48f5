//! How well sentences find pictures: recall and mean reciprocal rank on a table of pairs.
//!
//! ```text
//! scripts/eval-media
//! cargo run --release -p rushes-infer --example retrieval -- \
//!     ~/.rushes/models bench/eval/visual-tune.tsv .cache/eval lite-260 [ranks.tsv]
//! ```
//!
//! Below the figures of vectors as they come stand those of vectors stored smaller: as halves, which is
//! how analyses are stored, and as bytes with a scale a row.
//!
//! The gallery is every picture of the table. A query is right at the rank of its picture or of one
//! that the table calls right as well, whichever is better; a score that is no number ranks last.

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use anyhow::{Context, Result, bail};
use half::f16;
use rushes_infer::registry::{ModelFolder, Registry};
use rushes_infer::{Embedding, Runtime, TextQuery, VisualModel, lite};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[path = "pictures/mod.rs"]
mod pictures;

/// One line of the table.
struct Row {
    picture: String,
    path: PathBuf,
    query: String,
    group: String,
    also: Vec<String>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ([models, table, media, key], ranks_file) = match &arguments[..] {
        [models, table, media, key] => ([models, table, media, key], None),
        [models, table, media, key, ranks] => ([models, table, media, key], Some(ranks)),
        _ => bail!("usage: retrieval MODELS_FOLDER TABLE PICTURES_FOLDER KEY [RANKS_FILE]"),
    };
    let models = Path::new(models);
    let runtime = Runtime::installed(&Registry::builtin()?, &ModelFolder::new(models))?;
    let model = lite::open(models, &key.parse()?, 1, &runtime)?;
    let rows = rows(table, Path::new(media))?;
    let (gallery, spent) = embed(&model, &rows)?;
    let ranks = ranks(&model, &rows, &gallery)?;
    if let Some(file) = ranks_file {
        fs_err::write(file, listing(&rows, &ranks))?;
    }
    let each = spent.as_secs_f64() * 1e3 / gallery.len() as f64;
    println!("{key}: {} pairs, gallery {}, {each:.1} ms a picture", ranks.len(), gallery.len());
    report(&rows, &ranks);
    for (name, form) in [("f32", as_it_is as Form), ("f16", as_halves), ("int8", as_bytes)] {
        let stored: Vec<Embedding> = gallery.iter().map(|picture| stored(picture, form)).collect();
        storage(name, &self::ranks(&model, &rows, &stored)?);
    }
    Ok(())
}

/// What is read back of a vector that was stored.
type Form = fn(&[f32]) -> Vec<f32>;

fn as_it_is(vector: &[f32]) -> Vec<f32> {
    vector.to_vec()
}

fn as_halves(vector: &[f32]) -> Vec<f32> {
    vector.iter().map(|&value| f16::from_f32(value).to_f32()).collect()
}

/// The largest value of a row becomes 127.
fn as_bytes(vector: &[f32]) -> Vec<f32> {
    let largest = vector.iter().fold(f32::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
    let step = largest / 127.0;
    vector.iter().map(|value| (value / step).round() * step).collect()
}

fn stored(picture: &Embedding, form: Form) -> Embedding {
    Embedding { vector: form(&picture.vector), tags: picture.tags.clone() }
}

fn storage(name: &str, ranks: &[(usize, usize)]) {
    let count = ranks.len() as f64;
    let ten = ranks.iter().filter(|&&(_, rank)| rank <= 10).count() as f64 / count;
    let reciprocal = ranks.iter().map(|&(_, rank)| 1.0 / rank as f64).sum::<f64>() / count;
    println!("stored as {name:4}  R@10 {ten:.4}  MRR {reciprocal:.4}");
}

fn rows(table: &str, media: &Path) -> Result<Vec<Row>> {
    fs_err::read_to_string(table)?.lines().skip(1).map(|line| row(line, media)).collect()
}

fn row(line: &str, media: &Path) -> Result<Row> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [package, path, query, _, group, also] = fields[..] else {
        bail!("a line has {} fields of 6: {line}", fields.len());
    };
    let folder = media.join(package.replace(['/', ':', ' '], "_"));
    let frame = format!("{path}.png");
    let is_frame = path.rsplit_once('@').is_some_and(|(_, at)| at.parse::<f64>().is_ok());
    Ok(Row {
        picture: format!("{package} {path}"),
        path: folder.join(if is_frame { &frame } else { path }),
        query: query.to_owned(),
        group: group.to_owned(),
        also: also.split(';').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
    })
}

fn embed(model: &impl VisualModel, rows: &[Row]) -> Result<(Vec<Embedding>, Duration)> {
    let mut spent = Duration::ZERO;
    let mut gallery = Vec::new();
    for row in rows {
        let picture = pictures::read(&row.path, model.frame_long_side())?;
        if gallery.is_empty() {
            // The first picture waits for the weights, which is no cost of a picture.
            model.embed_picture(&picture)?;
        }
        let started = Instant::now();
        gallery.push(model.embed_picture(&picture).with_context(|| row.picture.clone())?);
        spent += started.elapsed();
    }
    Ok((gallery, spent))
}

/// Row and rank (from 1) of each query.
fn ranks(
    model: &impl VisualModel,
    rows: &[Row],
    gallery: &[Embedding],
) -> Result<Vec<(usize, usize)>> {
    let mut ranks = Vec::new();
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| !row.query.is_empty()) {
        let query = model.embed_text(&row.query)?;
        let scores: Vec<f32> = gallery.iter().map(|picture| score(&query, picture)).collect();
        let right = |other: usize| other == index || row.also.contains(&rows[other].picture);
        let best = (0..rows.len()).filter(|&at| right(at)).map(|at| scores[at]);
        let best = best.fold(f32::NEG_INFINITY, f32::max);
        let before = (0..rows.len()).filter(|&at| !right(at) && scores[at] >= best).count();
        ranks.push((index, before + 1));
    }
    Ok(ranks)
}

fn score(query: &TextQuery, picture: &Embedding) -> f32 {
    let cosine: f32 = query.vector.iter().zip(&picture.vector).map(|(a, b)| a * b).sum();
    let tag = |tag: &u16| {
        let found = picture.tags.iter().find(|(other, _)| other == tag);
        found.map_or(0.0, |&(_, weight)| f32::from(weight) / 255.0)
    };
    let word = |tags: &Vec<u16>| tags.iter().map(tag).fold(0.0, f32::max);
    let words: f32 = query.words.iter().map(word).sum();
    let score = cosine + query.word_weight * words / (query.words.len().max(1) as f32).sqrt();
    if score.is_nan() { f32::NEG_INFINITY } else { score }
}

fn report(rows: &[Row], ranks: &[(usize, usize)]) {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &(row, rank) in ranks {
        groups.entry(&rows[row].group).or_default().push(rank);
        groups.entry("all").or_default().push(rank);
    }
    println!("group  pairs   R@1   R@3   R@5   MRR");
    for (group, ranks) in groups {
        let count = ranks.len() as f64;
        let within = |k: usize| ranks.iter().filter(|&&rank| rank <= k).count() as f64 / count;
        let reciprocal = ranks.iter().map(|&rank| 1.0 / rank as f64).sum::<f64>() / count;
        println!(
            "{group:5}  {:5}  {:.3} {:.3} {:.3} {reciprocal:.3}",
            ranks.len(),
            within(1),
            within(3),
            within(5)
        );
    }
}

fn listing(rows: &[Row], ranks: &[(usize, usize)]) -> String {
    ranks.iter().fold(String::from("rank\tquery\tpicture\n"), |mut text, &(row, rank)| {
        let _ = writeln!(text, "{rank}\t{}\t{}", rows[row].query, rows[row].picture);
        text
    })
}
