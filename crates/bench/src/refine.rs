//! What weight serves best where words refine a picture.
//!
//! For each query two searches are played: one with a picture that looks much like the right one and does
//! not answer the query, and, where several pictures answer it, one with each of these for the others.

use crate::{
    gallery::{Pair, Picture, Places, analyse, gallery_rows, read_tables},
    retrieval::Score,
};
use anyhow::Result;
use clap::Args;
use rushes_infer::{Curve, VisualModel};
use rushes_model::ModelKey;
use rushes_vectors::{Query, Segment, top_k};
use std::{path::PathBuf, time::Duration};

/// Arguments of `refine`.
#[derive(Args)]
pub struct Arguments {
    /// Tables of queries and pictures, all in one gallery.
    #[arg(
        long = "table",
        default_values = ["bench/eval/visual-tune.tsv", "bench/eval/visual-tune-2.tsv"]
    )]
    tables: Vec<PathBuf>,
    #[command(flatten)]
    places: Places,
    /// Models to measure.
    #[arg(long = "model", default_values = ["lite-260", "lite-260-fast"])]
    models: Vec<ModelKey>,
    /// Weights of the words beside the picture's 1.
    #[arg(
        long = "weight",
        default_values_t = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0, 8.0]
    )]
    weights: Vec<f32>,
}

/// One search: rows by number.
struct Case {
    /// The picture that is refined.
    picture: usize,
    /// What should be found.
    right: Vec<usize>,
}

/// The rows of a gallery, and the evidence (log odds) of each for a query.
struct Gallery<'a> {
    model: &'a dyn VisualModel,
    rows: &'a [(Picture, Segment)],
}

/// Prints a line for each weight, of both kinds of searches.
pub fn run(arguments: &Arguments) -> Result<()> {
    let engine = arguments.places.engine()?;
    let (pairs, pictures) = read_tables(&arguments.tables, &arguments.places.media)?;
    for key in &arguments.models {
        let folder = tempfile::tempdir()?;
        analyse(&engine, &pictures, folder.path(), key)?;
        let rows = gallery_rows(folder.path(), key, &pictures)?;
        let model = engine.models().visual(key, Duration::from_secs(120))?;
        println!("{key}: {} queries, {} pictures", pairs.len(), rows.len());
        measure(&Gallery { model: &*model, rows: &rows }, &pairs, &arguments.weights)?;
    }
    Ok(())
}

fn measure(gallery: &Gallery<'_>, pairs: &[Pair], weights: &[f32]) -> Result<()> {
    let mut alike = vec![Score::default(); weights.len()];
    let mut another = alike.clone();
    for pair in pairs {
        let words = gallery.words(&pair.query)?;
        let right = gallery.right(pair, &words);
        let Some(&best) = right.first() else { continue };
        add(
            gallery,
            &Case { picture: gallery.look_alike(best, &right)?, right: right.clone() },
            &words,
            weights,
            &mut alike,
        )?;
        for &picture in right.iter().filter(|_| right.len() > 1) {
            let others = right.iter().copied().filter(|other| *other != picture).collect();
            add(gallery, &Case { picture, right: others }, &words, weights, &mut another)?;
        }
    }
    for (weight, (alike, another)) in weights.iter().zip(alike.iter().zip(&another)) {
        alike.print(&format!("{weight:4}, a look-alike"));
        another.print(&format!("{weight:4}, another right"));
    }
    Ok(())
}

/// Counts a search at every weight. The picture itself is not looked for.
fn add(
    gallery: &Gallery<'_>,
    case: &Case,
    words: &[f32],
    weights: &[f32],
    scores: &mut [Score],
) -> Result<()> {
    let picture = gallery.alike(case.picture)?;
    for (weight, score) in weights.iter().zip(scores) {
        let mixed = |row: usize| picture[row] + weight * words[row];
        let best = case.right.iter().map(|&row| mixed(row)).fold(f32::NEG_INFINITY, f32::max);
        let other = |row: &usize| *row != case.picture && !case.right.contains(row);
        let before = (0..words.len()).filter(other).filter(|row| mixed(*row) >= best).count();
        score.add(before + 1);
    }
    Ok(())
}

impl Gallery<'_> {
    fn words(&self, query: &str) -> Result<Vec<f32>> {
        let text = self.model.embed_text(query)?;
        let curve = text.curve;
        self.odds(&Query::new(text.vector).with_words(&text.words, text.word_weight), curve)
    }

    /// How alike all rows look to one.
    fn alike(&self, row: usize) -> Result<Vec<f32>> {
        let vector = self.rows[row].1.rows().row(0).iter().map(|value| value.to_f32()).collect();
        self.odds(&Query::new(vector), self.model.calibration().picture)
    }

    fn odds(&self, query: &Query, curve: Curve) -> Result<Vec<f32>> {
        let segments: Vec<&Segment> = self.rows.iter().map(|(_, segment)| segment).collect();
        let mut odds = vec![f32::NEG_INFINITY; segments.len()];
        for hit in top_k(&segments, query, segments.len(), None)? {
            odds[hit.segment] = curve.slope * (hit.score - curve.centre);
        }
        Ok(odds)
    }

    /// Rows that answer a query, best first.
    fn right(&self, pair: &Pair, words: &[f32]) -> Vec<usize> {
        let answers = |row: &usize| pair.right.contains(&self.rows[*row].0);
        let mut right: Vec<usize> = (0..self.rows.len()).filter(answers).collect();
        right.sort_by(|a, b| words[*b].total_cmp(&words[*a]));
        right
    }

    /// The row most like this one that is no right one.
    fn look_alike(&self, row: usize, right: &[usize]) -> Result<usize> {
        let alike = self.alike(row)?;
        let others = (0..alike.len()).filter(|other| !right.contains(other));
        Ok(others.max_by(|a, b| alike[*a].total_cmp(&alike[*b])).unwrap_or(row))
    }
}
