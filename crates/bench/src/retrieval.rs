//! Recall and rank: each query of the table against all pictures of the table, every one of them put
//! through the real pipeline.

use crate::gallery::{Pair, Picture, Places, analyse, gallery_rows, read_table};
use anyhow::Result;
use clap::Args;
use rushes_engine::Engine;
use rushes_infer::TextQuery;
use rushes_model::ModelKey;
use rushes_vectors::{Hit, Query, Segment, top_k};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// Arguments of `retrieval`.
#[derive(Args)]
pub struct Arguments {
    /// Table of queries and pictures.
    #[arg(long, default_value = "bench/eval/visual-tune.tsv")]
    table: PathBuf,
    #[command(flatten)]
    places: Places,
    /// Models to measure.
    #[arg(long = "model", default_values = ["lite-260", "lite-260-fast"])]
    models: Vec<ModelKey>,
}

/// Sums over ranks.
#[derive(Default, Clone, Copy)]
pub struct Score {
    queries: u32,
    at_1: u32,
    at_3: u32,
    at_5: u32,
    reciprocal: f64,
}

impl Score {
    /// Counts a query whose best right picture has this rank, from 1.
    pub fn add(&mut self, rank: usize) {
        self.queries += 1;
        self.at_1 += u32::from(rank == 1);
        self.at_3 += u32::from(rank <= 3);
        self.at_5 += u32::from(rank <= 5);
        self.reciprocal += 1.0 / rank as f64;
    }

    /// Prints a line.
    pub fn print(&self, name: &str) {
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
    let (pairs, gallery) = read_table(&arguments.table, &arguments.places.media)?;
    println!("{} queries, gallery of {} pictures", pairs.len(), gallery.len());
    let engine = arguments.places.engine()?;
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

fn measure(
    engine: &Engine,
    model: &ModelKey,
    pairs: &[Pair],
    rows: &[(Picture, Segment)],
) -> Result<()> {
    let visual = engine.models().visual(model, Duration::from_secs(120))?;
    let mut groups: BTreeMap<&str, Score> = BTreeMap::new();
    let mut all = Score::default();
    for pair in pairs {
        let rank = rank_of(pair, visual.embed_text(&pair.query)?, rows)?;
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

/// Rank, from 1, of the best right picture of a query among all rows.
pub fn rank_of(pair: &Pair, text: TextQuery, rows: &[(Picture, Segment)]) -> Result<usize> {
    let segments: Vec<&Segment> = rows.iter().map(|(_, segment)| segment).collect();
    let query = Query::new(text.vector).with_words(&text.words, text.word_weight);
    let hits = top_k(&segments, &query, segments.len(), None)?;
    let right = |hit: &Hit| pair.right.contains(&rows[hit.segment].0);
    // What is not found at all, as with a score that is no number, counts as last.
    Ok(hits.iter().position(right).unwrap_or(segments.len()) + 1)
}
