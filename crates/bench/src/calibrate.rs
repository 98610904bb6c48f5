//! What a model's scores mean, measured: the curves that make similarities of them, what is asked of a
//! sentence by what shows in it, and the similarity below which nothing is found.

mod sample;

use crate::{gallery::Places, logistic};
use anyhow::Result;
use clap::Args;
use rushes_infer::lite::demand::Demand;
use rushes_infer::{Curve, lite};
use rushes_model::ModelKey;
use sample::{Questions, Sample, Scored};
use std::path::PathBuf;

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
    #[command(flatten)]
    places: Places,
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
/// Standard normal quantile of the share of found pictures that the threshold has to keep, 98 %.
const KEPT: f64 = 2.0537;
/// Standard normal quantile of how sure that has to be, 95 %.
const SURE: f64 = 1.6449;
/// Shares of found pictures lost at which the trade is told.
const TRADE: [f64; 6] = [0.0, 0.02, 0.05, 0.1, 0.2, 0.3];
/// Parts of the queries, each of which is held out once.
const FOLDS: usize = 5;
/// Share of pairs of unlike pictures that may be taken for takes.
const FALSE_TAKES: f64 = 0.0005;

/// Measures each model and prints its calibration as a line for the registry.
pub fn run(arguments: &Arguments) -> Result<()> {
    let engine = arguments.places.engine()?;
    let absent = fs_err::read_to_string(&arguments.absent)?;
    for key in &arguments.models {
        let questions = |tables, split| Questions {
            tables,
            media: &arguments.places.media,
            absent: &absent,
            split,
        };
        let fit = Sample::measure(&engine, key, &questions(&arguments.tables, "tune"))?;
        let varies = lite::tables::KEYS.contains(&key.as_str());
        let rule = Rule::fit(&fit.found_within(FOUND), &fit.unanswered(), varies);
        print_calibration(key, &fit, &rule, varies);
        rule.report("fitted on", &fit);
        print_held_out(&fit, varies);
        let check = Sample::measure(&engine, key, &questions(&arguments.checks, "check"))?;
        rule.report("checked on", &check);
        print_trade(&rule, &fit, &check);
    }
    Ok(())
}

/// Which pictures come back: those whose score, less what is asked of the sentence, is not below `least`.
struct Rule {
    demand: Demand,
    least: f32,
}

impl Rule {
    /// Of the best right pictures where they were found, and of the best pictures of queries that nothing
    /// answers. What is asked is the same of all sentences unless it `varies`.
    fn fit(found: &[Scored], unanswered: &[Scored], varies: bool) -> Self {
        let demand = if varies { demand(found, unanswered) } else { Demand::default() };
        let least = tolerance_limit(&under(demand, found));
        Self { demand, least }
    }

    fn loses(&self, scored: &[Scored]) -> usize {
        below(&under(self.demand, scored), self.least)
    }

    /// Prints what the threshold loses and what it leaves empty.
    fn report(&self, how: &str, sample: &Sample) {
        let queries = sample.found_within(usize::MAX).len();
        println!("  {how} {} pictures, {queries} queries", sample.pictures);
        for rank in RANKS {
            let found = sample.found_within(rank);
            let lost = share(self.loses(&found), found.len());
            println!("    right among the first {rank}: {lost} lost");
        }
        for (kind, scored) in [("nonsense", &sample.nonsense), ("absent", &sample.absent)] {
            println!("    {kind}: {} empty", share(self.loses(scored), scored.len()));
        }
    }
}

fn under(demand: Demand, scored: &[Scored]) -> Vec<f32> {
    scored.iter().map(|one| one.under(demand)).collect()
}

fn below(scores: &[f32], least: f32) -> usize {
    scores.iter().filter(|score| **score < least).count()
}

fn share(part: usize, of: usize) -> String {
    format!("{part} of {of} ({:.1} %)", 100.0 * part as f64 / of.max(1) as f64)
}

/// How much of a score its sentence explains, by logistic regression; to two decimals, as it stands in
/// the code.
fn demand(found: &[Scored], unanswered: &[Scored]) -> Demand {
    let row = |one: &Scored| {
        [one.score, one.signals.known_words, one.signals.nearest_label, 1.0].map(f64::from)
    };
    let rows = |side: &[Scored]| side.iter().map(row).collect::<Vec<_>>();
    let [score, known, nearest, _] = logistic::fit(&rows(found), &rows(unanswered));
    let rounded = |weight: f64| ((100.0 * weight / score).round() / 100.0) as f32;
    Demand { known_words: rounded(known), nearest_label: rounded(-nearest) }
}

/// The score that a share of [`KEPT`] of such pictures stands above, as sure as [`SURE`] says, if scores are
/// spread normally. A quantile of so few pictures rests on the worst two or three of them, and loses more
/// of others than of those that it was taken from.
fn tolerance_limit(found: &[f32]) -> f32 {
    let count = found.len().max(2) as f64;
    let values = || found.iter().map(|score| f64::from(*score));
    let mean = values().sum::<f64>() / count;
    let spread = (values().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    (mean - tolerance_factor(count, KEPT, SURE) * spread) as f32
}

/// Spreads between the mean and the one-sided tolerance limit, both shares as standard normal quantiles
/// (NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.6.3).
fn tolerance_factor(count: f64, kept: f64, sure: f64) -> f64 {
    let a = 1.0 - sure * sure / (2.0 * (count - 1.0));
    let b = kept * kept - sure * sure / count;
    (kept + (kept * kept - a * b).sqrt()) / a
}

/// The curve of scores: similarity one half is where a score is as likely among the right as among the
/// wrong.
fn curve(right: &[f32], wrong: &[f32]) -> Curve {
    let rows =
        |scores: &[f32]| scores.iter().map(|score| [f64::from(*score), 1.0]).collect::<Vec<_>>();
    let [slope, offset] = logistic::fit(&rows(right), &rows(wrong));
    Curve { slope: slope as f32, centre: (-offset / slope) as f32 }
}

/// Prints the line for the registry, and what the code of the embedded model has besides.
fn print_calibration(key: &ModelKey, fit: &Sample, rule: &Rule, varies: bool) {
    let text = curve(&under(rule.demand, &fit.right), &under(rule.demand, &fit.wrong));
    let picture = curve(&fit.alike, &fit.unlike);
    let same_take = quantile(&fit.unlike, 1.0 - FALSE_TAKES);
    let least = text.similarity(rule.least);
    println!(
        "{key}: calibration = {{ text = {{ slope = {:.2}, centre = {:.4} }}, picture = {{ \
         slope = {:.2}, centre = {:.4} }}, same_take = {same_take:.3}, least = {least:.3} }}",
        text.slope, text.centre, picture.slope, picture.centre
    );
    if varies {
        let Demand { known_words, nearest_label } = rule.demand;
        println!("  demand = {{ known_words = {known_words}, nearest_label = {nearest_label} }}");
    }
}

/// Prints what the rule does to queries that it was not fitted on: each part of them by the others.
fn print_held_out(fit: &Sample, varies: bool) {
    let (found, unanswered) = (fit.found_within(FOUND), fit.unanswered());
    let (mut lost, mut empty) = (0, 0);
    for fold in 0..FOLDS {
        let rule = Rule::fit(&but(&found, fold), &but(&unanswered, fold), varies);
        lost += rule.loses(&only(&found, fold));
        empty += rule.loses(&only(&unanswered, fold));
    }
    println!(
        "  each fifth by the others: right among the first {FOUND}: {} lost; nonsense and absent: {} empty",
        share(lost, found.len()),
        share(empty, unanswered.len())
    );
}

fn only(scored: &[Scored], fold: usize) -> Vec<Scored> {
    scored.iter().skip(fold).step_by(FOLDS).copied().collect()
}

fn but(scored: &[Scored], fold: usize) -> Vec<Scored> {
    let places = scored.iter().enumerate().filter(|(place, _)| place % FOLDS != fold);
    places.map(|(_, one)| *one).collect()
}

/// Prints what other thresholds would lose and leave empty, on both samples.
fn print_trade(rule: &Rule, fit: &Sample, check: &Sample) {
    let fitted = under(rule.demand, &fit.found_within(FOUND));
    for lost in TRADE {
        let other = Rule { least: quantile(&fitted, lost), ..*rule };
        let line = |sample: &Sample| {
            let found = sample.found_within(FOUND);
            let of =
                |scored: &[Scored]| 100.0 * other.loses(scored) as f64 / scored.len().max(1) as f64;
            format!(
                "{:.1} %, {:.1} %, {:.1} %",
                of(&found),
                of(&sample.nonsense),
                of(&sample.absent)
            )
        };
        println!(
            "  lost among the first {FOUND}, nonsense empty, absent empty: fitted {}; checked {}",
            line(fit),
            line(check)
        );
    }
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
    use rushes_infer::lite::demand::Signals;

    #[test]
    fn the_curve_crosses_one_half_between_the_sides() {
        let right: Vec<f32> = (0..100).map(|i| 0.3 + i as f32 / 200.0).collect();
        let wrong: Vec<f32> = (0..1000).map(|i| i as f32 / 2000.0).collect();
        let curve = curve(&right, &wrong);
        assert!(curve.slope > 0.0 && (0.3..0.5).contains(&curve.centre), "{curve:?}");
        assert!((quantile(&right, 0.5) - 0.55).abs() < 0.01);
    }

    /// Expected factor: the handbook's example, 43 values of which 90 % are kept, 99 % sure.
    #[test]
    fn few_pictures_ask_for_a_wider_margin() {
        assert!((tolerance_factor(43.0, 1.2816, 2.3263) - 1.8752).abs() < 5e-4);
        let margin = |count: usize| {
            let values: Vec<f32> = (0..count).map(|at| (at % 2) as f32).collect();
            0.5 - tolerance_limit(&values)
        };
        assert!(margin(10) > margin(100) && margin(100) > margin(10_000));
        assert!((f64::from(margin(1_000_000)) - 0.5 * KEPT).abs() < 0.01);
    }

    /// Right pictures score a quarter more than their sentence's signals say, others as much as they say.
    #[test]
    fn what_a_sentence_asks_is_found_again() {
        let scored = |more: f32, at: usize| {
            let place = |factor: f32| (at as f32 * factor).fract();
            let signals = Signals { known_words: place(0.618), nearest_label: place(0.414) };
            let noise = 0.5 * place(0.732);
            let score = 0.8 * signals.nearest_label - 0.3 * signals.known_words + more + noise;
            Scored { score, signals }
        };
        let side = |more: f32| (0..400).map(|at| scored(more, at)).collect::<Vec<_>>();
        let (right, wrong) = (side(0.25), side(0.0));
        let demand = demand(&right, &wrong);
        assert!((demand.known_words - 0.3).abs() < 0.05, "{demand:?}");
        assert!((demand.nearest_label - 0.8).abs() < 0.05, "{demand:?}");
        let rule = Rule::fit(&right, &wrong, true);
        assert!(rule.loses(&right) < rule.loses(&wrong));
    }
}
