//! Measures Rushes through its own engine; `bench/README.md` has the method, `bench/runs/` the results.

#![allow(clippy::print_stdout, reason = "the figures are its output")]

mod analysis;
mod calibrate;
mod exports;
mod gallery;
mod logistic;
mod meaning;
mod people;
mod pictures;
mod refine;
mod retrieval;
mod scan;
mod search;
mod space;
mod spoken;
mod templates;
mod text;

use anyhow::Result;
use clap::Parser;

/// What to measure.
#[derive(Parser)]
enum Command {
    /// Recall and rank of labelled pictures and frames.
    Retrieval(retrieval::Arguments),
    /// Speed, memory and size of an analysis, and the time to its first result.
    Analysis(analysis::Arguments),
    /// Thumbnails of a long film, and a large still on its way to the model.
    Pictures(pictures::Arguments),
    /// A long sequence in every format, and clips cut out of a film.
    Exports(exports::Arguments),
    /// What a model's scores mean: its calibration for the registry.
    Calibrate(calibrate::Arguments),
    /// What weight words should have beside a picture that they refine.
    Refine(refine::Arguments),
    /// Which templates for searches serve a model.
    Templates(templates::Arguments),
    /// Latency of the exact scan.
    Scan(scan::Arguments),
    /// Latency of whole searches, previews and reply included.
    Search(search::Arguments),
    /// Words that are read, by their size, and the latency of searching text.
    Text(text::Arguments),
    /// How well the people among labelled faces are gathered, and the time of a frame.
    People(people::Arguments),
    /// Latency of searching what is said, by words and by meaning.
    Spoken(spoken::Arguments),
    /// What cosines of sentences say about spoken text.
    Meaning(meaning::Arguments),
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Retrieval(arguments) => retrieval::run(&arguments),
        Command::Analysis(arguments) => analysis::run(&arguments),
        Command::Pictures(arguments) => pictures::run(&arguments),
        Command::Exports(arguments) => exports::run(&arguments),
        Command::Calibrate(arguments) => calibrate::run(&arguments),
        Command::Refine(arguments) => refine::run(&arguments),
        Command::Templates(arguments) => templates::run(&arguments),
        Command::Scan(arguments) => scan::run(&arguments),
        Command::Search(arguments) => search::run(&arguments),
        Command::Text(arguments) => text::run(&arguments),
        Command::People(arguments) => people::run(&arguments),
        Command::Spoken(arguments) => spoken::run(&arguments),
        Command::Meaning(arguments) => meaning::run(&arguments),
    }
}
