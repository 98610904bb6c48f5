//! What a model's scores mean, measured: the curves that make similarities of them, and the similarity
//! below which nothing is found.

use crate::gallery::{Pair, Picture, analyse, gallery_rows, read_table};
use anyhow::{Context, Result};
use clap::Args;
use rushes_engine::{Config, Engine};
use rushes_infer::{Curve, VisualModel};
use rushes_model::{ModelKey, Shot};
use rushes_store::{Analysis, AnalysisFolder, VisualBundleFile};
use rushes_vectors::{Query, Rows, Segment, dot, f16, top_k};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Arguments of `calibrate`.
#[derive(Args)]
pub struct Arguments {
    /// Tables of queries and pictures to fit the curves to.
    #[arg(long = "table", default_values = TUNED)]
    tables: Vec<PathBuf>,
    /// Tables to check them on.
    #[arg(long = "check", default_values = ["bench/eval/visual-check.tsv"])]
    checks: Vec<PathBuf>,
    /// Queries that nothing in the tables answers.
    #[arg(long, default_value = "bench/eval/visual-absent.tsv")]
    absent: PathBuf,
    /// Where the packages of the tables are laid out.
    #[arg(long, default_value = ".cache/eval")]
    media: PathBuf,
    /// Home folder with the models.
    #[arg(long, env = "RUSHES_HOME")]
    home: PathBuf,
    /// Models to measure.
    #[arg(long = "model", default_values = ["lite-260", "lite-260-fast"])]
    models: Vec<ModelKey>,
}

/// The tables that settings were chosen on.
const TUNED: [&str; 2] = ["bench/eval/visual-tune.tsv", "bench/eval/visual-tune-2.tsv"];
/// A right picture counts as found where it ranks among so many. In a gallery of a few hundred it stands
/// further back by chance.
const FOUND: usize = 5;
/// Ranks at which it is told how many right pictures the threshold loses.
const RANKS: [usize; 3] = [1, FOUND, 20];
/// Share of found pictures that the default threshold may lose.
const LOSS: f64 = 0.02;
/// Share of pairs of unlike pictures that may be taken for takes.
const FALSE_TAKES: f64 = 0.0005;

/// Measures each model and prints its calibration as a line for the registry.
pub fn run(arguments: &Arguments) -> Result<()> {
    let engine = Engine::open(Config::at(std::path::absolute(&arguments.home)?))?;
    let absent = fs_err::read_to_string(&arguments.absent)?;
    for key in &arguments.models {
        let fit = Sample::measure(&engine, key, &arguments.tables, &arguments.media)?;
        let model = engine.models().visual(key, Duration::from_secs(120))?;
        let text = logistic(&fit.right, &fit.wrong);
        let picture = logistic(&fit.alike, &fit.unlike);
        let same_take = quantile(&fit.unlike, 1.0 - FALSE_TAKES);
        let least = text.similarity(quantile(&fit.found_within(FOUND), LOSS));
        println!(
            "{key}: calibration = {{ text = {{ slope = {:.2}, centre = {:.4} }}, picture = {{ \
             slope = {:.2}, centre = {:.4} }}, same_take = {same_take:.3}, least = {least:.3} }}",
            text.slope, text.centre, picture.slope, picture.centre
        );
        fit.report("fitted on", &*model, &absent, "tune", text, least)?;
        let check = Sample::measure(&engine, key, &arguments.checks, &arguments.media)?;
        check.report("checked on", &*model, &absent, "check", text, least)?;
    }
    Ok(())
}

/// Scores of a gallery.
struct Sample {
    rows: Vec<(Picture, Segment)>,
    /// Of queries against the pictures that answer them.
    right: Vec<f32>,
    /// Of queries against all other pictures.
    wrong: Vec<f32>,
    /// Rank, from 1, and score of the best right picture of each query.
    found: Vec<(usize, f32)>,
    /// Cosines of frames of one shot.
    alike: Vec<f32>,
    /// Cosines of frames of different media.
    unlike: Vec<f32>,
}

impl Sample {
    fn measure(engine: &Engine, key: &ModelKey, tables: &[PathBuf], media: &Path) -> Result<Self> {
        let (mut pairs, mut gallery) = (Vec::new(), Vec::new());
        for table in tables {
            let (more_pairs, pictures) = read_table(table, media)?;
            pairs.extend(more_pairs);
            gallery.extend(pictures);
        }
        gallery.sort();
        gallery.dedup();
        let folder = tempfile::tempdir()?;
        analyse(engine, &gallery, folder.path(), key)?;
        let rows = gallery_rows(folder.path(), key, &gallery)?;
        let (alike, unlike) = frames(folder.path())?;
        let (right, wrong, found) = (Vec::new(), Vec::new(), Vec::new());
        let mut sample = Self { rows, right, wrong, found, alike, unlike };
        let model = engine.models().visual(key, Duration::from_secs(120))?;
        pairs.iter().try_for_each(|pair| sample.add(&*model, pair))?;
        Ok(sample)
    }

    /// Scores of all pictures for a query, best first, as far as they stand above what the model asks of
    /// this query more than of others.
    fn scores(&self, model: &dyn VisualModel, query: &str) -> Result<Vec<(usize, f32)>> {
        let text = model.embed_text(query)?;
        let asked = text.curve.centre - model.calibration().text.centre;
        let query = Query::new(text.vector).with_words(&text.words, text.word_weight);
        let segments: Vec<&Segment> = self.rows.iter().map(|(_, segment)| segment).collect();
        let hits = top_k(&segments, &query, segments.len(), None)?;
        Ok(hits.iter().map(|hit| (hit.segment, hit.score - asked)).collect())
    }

    fn add(&mut self, model: &dyn VisualModel, pair: &Pair) -> Result<()> {
        let scores = self.scores(model, &pair.query)?;
        let (right, wrong): (Vec<_>, Vec<_>) = scores
            .iter()
            .enumerate()
            .partition(|(_, (row, _))| pair.right.contains(&self.rows[*row].0));
        self.found.extend(right.first().map(|(before, (_, score))| (before + 1, *score)));
        self.right.extend(right.iter().map(|(_, (_, score))| score));
        self.wrong.extend(wrong.iter().map(|(_, (_, score))| score));
        Ok(())
    }

    /// Scores of the best right picture of each query that ranks it among so many.
    fn found_within(&self, rank: usize) -> Vec<f32> {
        let within = self.found.iter().filter(|(at, _)| *at <= rank);
        within.map(|(_, score)| *score).collect()
    }

    /// Prints what a threshold loses and what it leaves empty.
    fn report(
        &self,
        how: &str,
        model: &dyn VisualModel,
        absent: &str,
        split: &str,
        curve: Curve,
        least: f32,
    ) -> Result<()> {
        println!("  {how} {} pictures, {} queries", self.rows.len(), self.found.len());
        for rank in RANKS {
            let found = self.found_within(rank);
            let lost = found.iter().filter(|score| curve.similarity(**score) < least).count();
            let share = 100.0 * lost as f64 / found.len().max(1) as f64;
            println!("  right among the first {rank}: {}, {lost} lost ({share:.1} %)", found.len());
        }
        for kind in ["nonsense", "absent"] {
            let wanted = |columns: &Vec<&str>| columns[0] == kind && columns.get(2) == Some(&split);
            let queries = absent.lines().map(|line| line.split('\t').collect()).filter(wanted);
            let (mut all, mut empty) = (0_u32, 0_u32);
            for columns in queries {
                let query = columns.get(1).context("a row without a query")?;
                let best = self.scores(model, query)?.first().map_or(0.0, |(_, score)| *score);
                all += 1;
                empty += u32::from(curve.similarity(best) < least);
            }
            let share = 100.0 * f64::from(empty) / f64::from(all.max(1));
            println!("  {kind} queries that come back empty: {empty} of {all} ({share:.1} %)");
        }
        Ok(())
    }
}

/// An analysed medium: its rows, their times and the shots.
type Analysed = (Rows, Vec<f64>, Vec<Shot>);

/// Cosines of frames of one shot, and of frames of different media.
fn frames(folder: &Path) -> Result<(Vec<f32>, Vec<f32>)> {
    let mut media: Vec<Analysed> = Vec::new();
    for entry in AnalysisFolder::open(folder)?.list(Analysis::Visual)? {
        let file = VisualBundleFile::open(&entry.path)?;
        let at = file.rows();
        let rows = Rows::read(&at.path, at.offset, at.count, at.width)?;
        let times = file.times().iter().map(|time| time.seconds).collect();
        media.push((rows, times, file.shots().to_vec()));
    }
    let (mut alike, mut unlike) = (Vec::new(), Vec::new());
    for (index, (rows, times, shots)) in media.iter().enumerate() {
        for shot in shots {
            let inside = |row: &usize| shot.range.contains(times[*row]);
            let inside: Vec<usize> = (0..times.len()).filter(inside).collect();
            let pairs = inside.windows(2).map(|pair| cosine(rows.row(pair[0]), rows.row(pair[1])));
            // Frames that share one vector say nothing.
            alike.extend(pairs.filter(|cosine| *cosine < 0.9999));
        }
        for (other, ..) in &media[..index] {
            unlike.push(cosine(rows.row(0), other.row(0)));
        }
    }
    Ok((alike, unlike))
}

fn cosine(a: &[f16], b: &[f16]) -> f32 {
    let a: Vec<f32> = a.iter().map(|value| value.to_f32()).collect();
    dot(&a, b)
}

/// Logistic regression on one score, both sides weighing the same however many there are: similarity one
/// half is where a score is as likely among the right as among the wrong. Newton's method.
fn logistic(right: &[f32], wrong: &[f32]) -> Curve {
    let sides = [(right, 1.0), (wrong, 0.0)];
    let (mut slope, mut offset) = (1.0_f64, 0.0_f64);
    for _ in 0..100 {
        let (mut gradient, mut hessian) = ([0.0; 2], [1e-9, 0.0, 1e-9]);
        for (scores, target) in sides {
            let weight = 1.0 / scores.len().max(1) as f64;
            for score in scores.iter().map(|score| f64::from(*score)) {
                let likely = 1.0 / (1.0 + (-(slope * score + offset)).exp());
                let (error, spread) =
                    (weight * (likely - target), weight * likely * (1.0 - likely));
                gradient = [gradient[0] + error * score, gradient[1] + error];
                hessian[0] += spread * score * score;
                hessian[1] += spread * score;
                hessian[2] += spread;
            }
        }
        let determinant = hessian[0] * hessian[2] - hessian[1] * hessian[1];
        slope -= (hessian[2] * gradient[0] - hessian[1] * gradient[1]) / determinant;
        offset -= (hessian[0] * gradient[1] - hessian[1] * gradient[0]) / determinant;
    }
    Curve { slope: slope as f32, centre: (-offset / slope) as f32 }
}

fn quantile(values: &[f32], share: f64) -> f32 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let place = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(place).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_crosses_one_half_between_the_sides() {
        let right: Vec<f32> = (0..100).map(|i| 0.3 + i as f32 / 200.0).collect();
        let wrong: Vec<f32> = (0..1000).map(|i| i as f32 / 2000.0).collect();
        let curve = logistic(&right, &wrong);
        assert!(curve.slope > 0.0 && (0.3..0.5).contains(&curve.centre), "{curve:?}");
        assert!((quantile(&right, 0.5) - 0.55).abs() < 0.01);
    }
}
