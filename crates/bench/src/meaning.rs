//! What cosines of sentences say about spoken text: the curve and threshold of semantic search, and what they do
//! on the queries that were kept aside.

use crate::logistic;
use anyhow::Result;
use clap::Args;
use rushes_infer::{
    Runtime,
    minilm::SentenceEncoder,
    registry::{ModelFolder, Registry},
};
use std::path::PathBuf;

/// Arguments of `meaning`.
#[derive(Args)]
pub struct Arguments {
    /// Home folder with ONNX Runtime and the sentence encoder.
    #[arg(long, env = "RUSHES_HOME")]
    home: PathBuf,
    /// Table of segments, queries that say the same in other words, and queries that nothing answers.
    #[arg(long, default_value = "bench/eval/spoken.tsv")]
    table: PathBuf,
    /// A text, one sentence a line, that answers no query: what a large folder adds.
    #[arg(long)]
    others: Option<PathBuf>,
}

/// A query against all segments.
struct Asked {
    split: String,
    query: String,
    /// Cosine of the right segment, if there is one, and how many segments come before it.
    right: Option<(f32, usize)>,
    /// The best cosine of any other.
    other: f32,
}

/// Thresholds that are compared, as cosines.
const THRESHOLDS: [f32; 7] = [0.30, 0.34, 0.38, 0.42, 0.46, 0.50, 0.54];

/// Prints the curve, and what thresholds trade on both splits.
pub fn run(arguments: &Arguments) -> Result<()> {
    let asked = asked(arguments)?;
    let tune: Vec<&Asked> = asked.iter().filter(|one| one.split == "tune").collect();
    let right: Vec<[f64; 2]> =
        tune.iter().filter_map(|one| Some([f64::from(one.right?.0), 1.0])).collect();
    let absent = tune.iter().filter(|one| one.right.is_none());
    let wrong: Vec<[f64; 2]> = absent.map(|one| [f64::from(one.other), 1.0]).collect();
    let [slope, offset] = logistic::fit(&right, &wrong);
    println!("slope {slope:.1}, centre {:.3}", -offset / slope);
    for split in ["tune", "check"] {
        let of_split: Vec<&Asked> = asked.iter().filter(|one| one.split == split).collect();
        report(split, &of_split);
    }
    for one in &tune {
        println!("{:?} {:.3} {}", one.right, one.other, one.query);
    }
    Ok(())
}

fn report(split: &str, asked: &[&Asked]) {
    let (right, absent): (Vec<&Asked>, Vec<&Asked>) =
        asked.iter().partition(|one| one.right.is_some());
    let first = right.iter().filter(|one| one.right.is_some_and(|(_, rank)| rank == 0)).count();
    println!("{split}: {first} of {} right ones come first", right.len());
    for least in THRESHOLDS {
        let found = right.iter().filter(|one| one.right.is_some_and(|(score, _)| score >= least));
        let empty = absent.iter().filter(|one| one.other < least).count();
        println!(
            "  cosine {least:.2}: {} of {} found, {empty} of {} empty",
            found.count(),
            right.len(),
            absent.len()
        );
    }
}

fn asked(arguments: &Arguments) -> Result<Vec<Asked>> {
    let models = arguments.home.join("models");
    let runtime = Runtime::installed(&Registry::builtin()?, &ModelFolder::new(models.clone()))?;
    let encoder = SentenceEncoder::open(&runtime, &models, 1)?;
    let table = fs_err::read_to_string(&arguments.table)?;
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|row| row.split('\t').collect()).collect();
    let mut texts: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    let others = arguments.others.as_ref().map(fs_err::read_to_string).transpose()?;
    texts.extend(others.iter().flat_map(|text| text.lines()));
    let vectors: Vec<Option<Vec<f32>>> = texts
        .iter()
        .map(|text| (!text.is_empty()).then(|| encoder.encode(text)).transpose())
        .collect::<Result<_, _>>()?;
    let mut asked = Vec::new();
    for (number, row) in rows.iter().enumerate().filter(|(_, row)| !row[1].is_empty()) {
        let query = encoder.encode(row[1])?;
        let cosine = |vector: &Vec<f32>| vector.iter().zip(&query).map(|(a, b)| a * b).sum::<f32>();
        let right = vectors[number].as_ref().map(cosine);
        let others = vectors.iter().enumerate().filter(|(at, _)| *at != number);
        let others: Vec<f32> = others.filter_map(|(_, one)| one.as_ref().map(cosine)).collect();
        let before = |score: f32| others.iter().filter(|other| **other > score).count();
        asked.push(Asked {
            split: row[2].to_owned(),
            query: row[1].to_owned(),
            right: right.map(|score| (score, before(score))),
            other: others.iter().copied().fold(f32::NEG_INFINITY, f32::max),
        });
    }
    Ok(asked)
}
