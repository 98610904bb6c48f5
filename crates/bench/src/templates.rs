//! Whether a model finds more by words in a template than by words as typed.

use crate::{
    gallery::{Places, analyse, gallery_rows, read_table},
    retrieval::{Score, rank_of},
};
use anyhow::{Result, anyhow};
use clap::Args;
use rushes_infer::Template;
use rushes_model::ModelKey;
use std::{path::PathBuf, time::Duration};

/// Arguments of `templates`.
#[derive(Args)]
pub struct Arguments {
    /// Table of queries and pictures. What it recommends is to be checked on another one.
    #[arg(long, default_value = "bench/eval/visual-tune.tsv")]
    table: PathBuf,
    #[command(flatten)]
    places: Places,
    /// Model to measure.
    #[arg(long, default_value = "lite-260")]
    model: ModelKey,
    /// Templates to try, each with {} where the words go.
    #[arg(
        long = "template",
        default_values = [
            "a photo of {}",
            "a photo of {}.",
            "this is a photo of {}.",
            "a frame of a video of {}",
            "a scene with {}",
        ]
    )]
    templates: Vec<String>,
}

/// Prints a line for the words as typed, for each template, and for all of them together.
pub fn run(arguments: &Arguments) -> Result<()> {
    let templates: Result<Vec<Template>, String> =
        arguments.templates.iter().cloned().map(Template::try_from).collect();
    let templates = templates.map_err(|reason| anyhow!(reason))?;
    let (pairs, gallery) = read_table(&arguments.table, &arguments.places.media)?;
    println!("{}: {} queries, {} pictures", arguments.model, pairs.len(), gallery.len());
    let engine = arguments.places.engine()?;
    let folder = tempfile::tempdir()?;
    analyse(&engine, &gallery, folder.path(), &arguments.model)?;
    let rows = gallery_rows(folder.path(), &arguments.model, &gallery)?;
    let model = engine.models().visual(&arguments.model, Duration::from_secs(120))?;
    let measure = |name: &str, templates: &[Template]| -> Result<()> {
        let mut score = Score::default();
        for pair in &pairs {
            score.add(rank_of(pair, model.embed_text_in(templates, &pair.query)?, &rows)?);
        }
        score.print(&format!("{name:26}"));
        Ok(())
    };
    measure("as typed", &[])?;
    for template in &templates {
        measure(template.as_str(), std::slice::from_ref(template))?;
    }
    measure("all of them", &templates)
}
