//! Latency of whole searches over a folder of made analyses: from the request to the reply's JSON, previews
//! included. The model is a made one whose text tower takes no time.

use crate::space::{SHOT_ROWS, Space};
use anyhow::{Context, Result, ensure};
use clap::Args;
use fs_err as fs;
use rushes_engine::{
    Config, Engine,
    requests::{LoadRequest, SearchTextRequest},
};
use rushes_infer::onnx::{Attribute, Element, GraphWriter};
use rushes_model::{MediaId, ModelKey, Picture, Sampling, Shot, TimeRange};
use rushes_store::{AnalysisFolder, BundleMeta, Previews, RowTime, VisualBundle};
use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// Arguments of `search`.
#[derive(Args)]
pub struct Arguments {
    /// Hours of footage, one medium an hour, at one frame a second.
    #[arg(long, default_value_t = 100)]
    hours: u16,
    /// Length of the vectors.
    #[arg(long, default_value_t = 768)]
    dimensions: usize,
    /// Searches of each kind.
    #[arg(long, default_value_t = 100)]
    searches: usize,
    /// Home folder with ONNX Runtime.
    #[arg(long, env = "RUSHES_HOME")]
    home: PathBuf,
    /// Wait so many seconds before the searches: large folders are sketched in the background.
    #[arg(long, default_value_t = 0)]
    wait: u64,
}

const ROWS_AN_HOUR: usize = 3600;
/// Key of the made model.
const MODEL: &str = "made";
/// Tokens that the SigLIP 2 family reads of a sentence.
const TOKENS: usize = 64;
/// Words that its sentences are made of.
const WORDS: usize = 400;
/// Matches asked for: a first page.
const RESULTS: u32 = 50;
/// The first searches bring the pages in.
const UNTIMED: usize = 5;

/// Makes the folder, opens an engine on it, and prints the latencies.
pub fn run(arguments: &Arguments) -> Result<()> {
    let (home, cache) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let mut space = Space::new(arguments.dimensions, true);
    make_model(arguments, &mut space, home.path())?;
    let begun = Instant::now();
    for hour in 0..arguments.hours {
        make_medium(arguments, &mut space, hour, cache.path())?;
    }
    println!("{} hours of made footage in {:.0?}", arguments.hours, begun.elapsed());
    let visual_model = Some(MODEL.parse()?);
    let engine = Engine::open(Config { visual_model, ..Config::at(home.path()) })?;
    let cache_dir = cache.path().display().to_string();
    let begun = Instant::now();
    let loaded = engine.load(&LoadRequest { cache_dir: cache_dir.clone() })?.loaded;
    println!("{} frames loaded and checked in {:.1?}", loaded.frames, begun.elapsed());
    measure(&engine, arguments, "first minute", |n| request(n, &cache_dir))?;
    if arguments.wait > 0 {
        thread::sleep(Duration::from_secs(arguments.wait));
        measure(&engine, arguments, "later", |n| request(n, &cache_dir))?;
    }
    measure(&engine, arguments, "with an excluded concept", |n| SearchTextRequest {
        exclude: Some(vec![format!("w{}", n + 3)]),
        ..request(n, &cache_dir)
    })?;
    measure(&engine, arguments, "a AND b NOT c", |n| SearchTextRequest {
        query: format!("\"w{n} w7\" AND \"w{}\" NOT \"w{}\"", n + 1, n + 2),
        ..request(n, &cache_dir)
    })
}

fn request(n: usize, cache_dir: &str) -> SearchTextRequest {
    SearchTextRequest { max_results: RESULTS, ..SearchTextRequest::simple(words(n), cache_dir) }
}

/// Another sentence for each number.
fn words(n: usize) -> String {
    format!("w{} w{} w{}", n % WORDS, (n * 7 + 1) % WORDS, (n * 13 + 2) % WORDS)
}

fn measure(
    engine: &Engine,
    arguments: &Arguments,
    what: &str,
    request: impl Fn(usize) -> SearchTextRequest,
) -> Result<()> {
    let mut times = Vec::new();
    for n in 0..arguments.searches + UNTIMED {
        let begun = Instant::now();
        let reply = engine.search_text(&request(n))?;
        let json = serde_json::to_vec(&reply)?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        ensure!(reply.matches.len() == RESULTS as usize, "{} matches", reply.matches.len());
        ensure!(json.len() > 1000, "a reply of {} bytes", json.len());
    }
    times.drain(..UNTIMED);
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(0.0);
    println!(
        "{} h x {}, {what}, {RESULTS} matches: p50 {:.1} ms, p95 {:.1} ms",
        arguments.hours,
        arguments.dimensions,
        at(0.5),
        at(0.95)
    );
    Ok(())
}

/// A home folder whose only visual model is a made one, beside the installed ONNX Runtime.
fn make_model(arguments: &Arguments, space: &mut Space, home: &Path) -> Result<()> {
    let files = [
        ("vision.onnx", picture_tower(arguments.dimensions)),
        ("text.onnx", text_tower(arguments.dimensions, space)),
        ("tokenizer.json", tokenizer().into_bytes()),
    ];
    let folder = home.join("models");
    fs::create_dir_all(folder.join(MODEL))?;
    let installed = std::path::absolute(arguments.home.join("models/onnxruntime"))?;
    std::os::unix::fs::symlink(installed, folder.join("onnxruntime"))?;
    let mut entry = format!(
        "[[entry]]\nkey = \"{MODEL}\"\nname = \"Made\"\nkind = \"visual\"\nlicense = \"Apache-2.0\"\n\
         family = \"siglip2\"\nresolution = 32\ndimensions = {}\n",
        arguments.dimensions
    );
    for (name, content) in &files {
        fs::write(folder.join(MODEL).join(name), content)?;
        entry += &format!(
            "[[entry.files]]\nname = \"{name}\"\nbytes = {}\nsha256 = \"{}\"\n\
             source.hub = {{ repo = \"a/b\", revision = \"c\", path = \"d\" }}\n",
            content.len(),
            "0".repeat(64)
        );
    }
    fs::write(home.join("models.toml"), entry)?;
    Ok(())
}

/// A tower that nobody runs.
fn picture_tower(dimensions: usize) -> Vec<u8> {
    let mut graph = GraphWriter::new();
    graph.input("pixel_values", Element::F32, &[-1, 3, 32, 32]);
    graph.node("Flatten", &["pixel_values"], "flat", vec![Attribute::int("axis", 1)]);
    graph.floats("weights", &[3072, dimensions as i64], &vec![0.1; 3072 * dimensions]);
    graph.node("MatMul", &["flat", "weights"], "pooler_output", vec![]);
    graph.output("pooler_output", Element::F32, &[-1, dimensions as i64]);
    graph.into_bytes()
}

/// A tower that adds up a vector of the space for each token by the token's number.
fn text_tower(dimensions: usize, space: &mut Space) -> Vec<u8> {
    let (tokens, values) = (TOKENS as i64, dimensions as i64);
    let mut graph = GraphWriter::new();
    graph.input("input_ids", Element::I64, &[-1, tokens]);
    graph.node("Cast", &["input_ids"], "ids", vec![Attribute::int("to", Element::F32 as i64)]);
    let weights: Vec<f32> = (0..TOKENS).flat_map(|_| space.sentence()).collect();
    graph.floats("weights", &[tokens, values], &weights);
    graph.node("MatMul", &["ids", "weights"], "pooler_output", vec![]);
    graph.output("pooler_output", Element::F32, &[-1, values]);
    graph.into_bytes()
}

/// Words `w0`, `w1` … by number.
fn tokenizer() -> String {
    let words: Vec<String> = (0..WORDS).map(|n| format!("\"w{n}\": {}", n + 3)).collect();
    format!(
        r#"{{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": {{"type": "Whitespace"}}, "post_processor": null,
        "decoder": null, "model": {{"type": "WordLevel", "unk_token": "<unk>",
        "vocab": {{"<pad>": 0, "<eos>": 1, "<unk>": 2, {}}}}}}}"#,
        words.join(", ")
    )
}

/// An analysis of an hour, published as every analysis is.
fn make_medium(
    arguments: &Arguments,
    space: &mut Space,
    hour: u16,
    cache_dir: &Path,
) -> Result<()> {
    let shots = (0..ROWS_AN_HOUR / SHOT_ROWS).map(|shot| {
        let at = |shot: usize| (shot * SHOT_ROWS) as f64;
        Shot { range: TimeRange { start: at(shot), end: at(shot + 1) } }
    });
    let times =
        (0..ROWS_AN_HOUR as u32).map(|second| RowTime { second, seconds: f64::from(second) });
    let of_row = |row: usize| Some((row / SHOT_ROWS) as u32);
    let bundle = VisualBundle {
        meta: meta(hour, MODEL.parse()?)?,
        dim: arguments.dimensions,
        times: times.collect(),
        vectors: space.medium(ROWS_AN_HOUR).iter().map(|value| value.to_bits()).collect(),
        tags: None,
        shots: shots.collect(),
        previews: Previews {
            of_row: (0..ROWS_AN_HOUR).map(of_row).collect(),
            pictures: vec![preview()?; ROWS_AN_HOUR / SHOT_ROWS],
        },
    };
    AnalysisFolder::open(cache_dir)?.publish(&bundle)?;
    Ok(())
}

/// What an analysis of a made hour is of.
pub fn meta(hour: u16, model_key: ModelKey) -> Result<BundleMeta> {
    let facts = r#"{"kind": "video", "size_bytes": 1, "duration_seconds": 3600.0, "width": 1920,
        "height": 1080, "frame_rate": "25/1", "variable_frame_rate": false, "start_timecode": null,
        "start_time": 0.0, "rotation": 0, "video_codec": "h264", "audio_codec": null,
        "created_at": null}"#;
    let mut id = [0; 16];
    id[..2].copy_from_slice(&hour.to_be_bytes());
    Ok(BundleMeta {
        media_id: MediaId(id),
        hash_str: rushes_model::HashStr(hour.into()),
        model_key,
        facts: serde_json::from_str(facts)?,
        source_path: format!("/footage/{hour}.mov").into(),
        sampling: Sampling::Full,
        created_at: 0,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// A picture of a preview's size, in sides and in bytes.
fn preview() -> Result<Vec<u8>> {
    let value = |i: u32| (i.wrapping_mul(2_654_435_761) >> 27) as u8 + (i / 300 % 200) as u8;
    let picture = Picture::new(256, 144, (0..256 * 144 * 3).map(value).collect());
    Ok(rushes_media::jpeg(&picture.context("a picture")?, 30)?)
}
