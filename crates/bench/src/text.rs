//! On-screen text: which words are found by their size, what a frame costs, and how fast many are
//! searched.

use crate::{gallery, search::meta};
use anyhow::{Result, ensure};
use clap::Args;
use rushes_engine::{
    Config, Engine,
    requests::{AnalyzeRequest, LoadRequest, SearchTextRequest},
};
use rushes_media::{Cancel, Limits, Tools, run_program};
use rushes_model::{Area, Shot, TimeRange};
use rushes_store::{
    Analysis, AnalysisFolder, Previews, RowTime, TextBundle, TextFrame, TextLine, VisualBundle,
};
use std::{
    ffi::OsString,
    fmt::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Arguments of `text`.
#[derive(Args)]
pub struct Arguments {
    /// Home folder with the models.
    #[arg(long, env = "RUSHES_HOME")]
    home: PathBuf,
    /// Folder with the sample footage.
    #[arg(long, env = "RUSHES_TEST_MEDIA")]
    media: PathBuf,
    /// Sizes of words in pixels at 1080p.
    #[arg(long, value_delimiter = ',', default_value = "24,32,40,56,72")]
    sizes: Vec<u32>,
    /// Shots with text in the folder that is searched; 0 searches none.
    #[arg(long, default_value_t = 400_000)]
    shots: usize,
    /// Searches for each query.
    #[arg(long, default_value_t = 20)]
    searches: usize,
}

/// Model that looks at the pictures; the quickest that installs from packages.
const VISUAL: &str = "lite-260-fast";
/// Seconds of a shot.
const SHOT: f64 = 2.0;
/// Time that ffmpeg has for a clip.
const PATIENCE: Duration = Duration::from_secs(120);

const WHITE: &str = "font=DejaVu Sans:fontcolor=white";
const BAR: &str = "font=DejaVu Sans:fontcolor=white:box=1:boxcolor=black@0.5:boxborderw=12";
const SHADOW: &str = "font=DejaVu Serif:fontcolor=white:shadowcolor=black:shadowx=3:shadowy=3";
const DARK: &str = "font=DejaVu Sans:fontcolor=0x222222";

/// Shots of the clip: a colour or a clip of the sample footage, how the lines are drawn, the lines.
const SHOTS: [(&str, &str, [&str; 2]); 8] = [
    ("black", WHITE, ["Production Northern Lights", "Scene 12A Take 3 Roll A001"]),
    ("bikes.mp4", BAR, ["Maria Gonzalez", "Head of Urban Planning"]),
    ("white", DARK, ["Quarterly Results", "Revenue grew by 14 percent in 23 countries"]),
    ("bigbuckbunny.mp4", SHADOW, ["A film by Clara Jensen", "Original music Samuel Whitaker"]),
    ("0x203050", WHITE, ["Chapter Two", "The long way home"]),
    ("carphone_pristine.mp4", BAR, ["Professor Thomas Weaver", "Institute for Animal Behaviour"]),
    ("0xf4f0e8", DARK, ["Welcome and introductions", "Please return your badges before leaving"]),
    ("vtest.avi", BAR, ["Breaking news", "City council approves new bridge"]),
];

/// Prints a line for each size and one for each query.
pub fn run(arguments: &Arguments) -> Result<()> {
    let engine = Engine::open(Config {
        visual_model: Some(VISUAL.parse()?),
        ..Config::at(std::path::absolute(&arguments.home)?)
    })?;
    for size in &arguments.sizes {
        read(&engine, &std::path::absolute(&arguments.media)?, *size)?;
    }
    if arguments.shots > 0 { search_many(&engine, arguments) } else { Ok(()) }
}

/// Draws the words in one size, reads them, and counts those that are found where they stand.
fn read(engine: &Engine, media: &Path, size: u32) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("clip.mp4");
    draw(media, folder.path(), &clip, size)?;
    let cache_dir = folder.path().display().to_string();
    let pictures =
        AnalyzeRequest::of_pictures(cache_dir.clone(), vec![clip.display().to_string()], None);
    gallery::finish(engine, &pictures)?;
    let begun = Instant::now();
    gallery::finish(engine, &AnalyzeRequest { ocr: true, ..pictures })?;
    let wall = begun.elapsed();
    let (mut all, mut found) = (0, 0);
    for (number, (_, _, lines)) in SHOTS.iter().enumerate() {
        for word in lines.iter().flat_map(|line| line.split(' ')) {
            let query = SearchTextRequest::simple(format!("text:\"{word}\""), &*cache_dir);
            let middle = SHOT * (number as f64 + 0.5);
            let matches = engine.search_text(&query)?.matches;
            let shown = matches
                .iter()
                .any(|one| (one.scene_start_seconds..one.scene_end_seconds).contains(&middle));
            all += 1;
            found += usize::from(shown);
        }
    }
    let analyses = AnalysisFolder::open(folder.path())?;
    let entries = analyses.list(Analysis::Text)?;
    let frames: usize = entries
        .iter()
        .map(|entry| Ok(TextBundle::open(&entry.path)?.frames.len()))
        .sum::<Result<_>>()?;
    println!(
        "{size} px: {found} of {all} words found ({:.1} %), {frames} frames, {:.0} ms a frame with decoding",
        100.0 * found as f64 / f64::from(all),
        wall.as_secs_f64() * 1000.0 / frames as f64
    );
    Ok(())
}

/// Makes a clip of all shots at 1080p25, each with a hard cut to the next.
fn draw(media: &Path, folder: &Path, clip: &Path, size: u32) -> Result<()> {
    let mut arguments: Vec<OsString> =
        ["-v", "error", "-nostdin", "-y"].map(OsString::from).to_vec();
    let (mut graph, mut outputs) = (String::new(), String::new());
    for (number, (base, style, lines)) in SHOTS.iter().enumerate() {
        let input = media.join(base);
        arguments.extend(["-t".into(), SHOT.to_string().into()]);
        if input.is_file() {
            arguments.extend(["-i".into(), input.into()]);
        } else {
            let source = format!("color={base}:size=1920x1080:rate=25");
            arguments.extend(["-f".into(), "lavfi".into(), "-i".into(), source.into()]);
        }
        write!(graph, "[{number}:v]scale=1920:1080,setsar=1,fps=25,format=yuv420p")?;
        for (row, line) in lines.iter().enumerate() {
            let file = folder.join(format!("{number}-{row}.txt"));
            fs_err::write(&file, line)?;
            let y = 500 + row as u32 * size * 2;
            write!(
                graph,
                ",drawtext=textfile={}:expansion=none:fontsize={size}:x=160:y={y}:{style}",
                file.display()
            )?;
        }
        write!(graph, "[v{number}];")?;
        write!(outputs, "[v{number}]")?;
    }
    write!(graph, "{outputs}concat=n={}[v]", SHOTS.len())?;
    arguments.extend(["-filter_complex".into(), graph.into(), "-map".into(), "[v]".into()]);
    arguments.extend(["-c:v", "libx264", "-preset", "veryfast", "-crf", "20"].map(OsString::from));
    arguments.push(clip.into());
    let tools = Tools::locate(Limits::default())?;
    let arguments: Vec<_> = arguments.iter().map(OsString::as_os_str).collect();
    let program = tools.ffmpeg().as_os_str();
    let ended = run_program(program, &arguments, folder, PATIENCE, &Cancel::new(), &mut |_| {})?;
    ensure!(ended.success(), "ffmpeg could not draw: {}", ended.last_words);
    Ok(())
}

/// Shots of one medium that is made up: an hour of them at nine seconds each.
const SHOTS_A_MEDIUM: usize = 400;
/// Words that made-up lines are made of, with a number now and then.
const WORDS: [&str; 24] = [
    "production",
    "northern",
    "lights",
    "scene",
    "take",
    "roll",
    "camera",
    "director",
    "interview",
    "planning",
    "institute",
    "revenue",
    "quarterly",
    "results",
    "the",
    "of",
    "in",
    "berlin",
    "harbour",
    "exterior",
    "morning",
    "professor",
    "council",
    "bridge",
];
/// What is looked for: a rare word, a common one, one that is nowhere, a phrase, a beginning.
const QUERIES: [&str; 5] =
    ["text:zeppelin", "text:the", "text:interviewer", "text:\"scene 12 take 3\"", "text:profess"];

/// Fills a folder with made-up text and prints what searches of it take.
fn search_many(engine: &Engine, arguments: &Arguments) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let media = u16::try_from(arguments.shots.div_ceil(SHOTS_A_MEDIUM))?;
    fill(&AnalysisFolder::open(folder.path())?, media)?;
    let cache_dir = folder.path().display().to_string();
    engine.load(&LoadRequest { cache_dir: cache_dir.clone() })?;
    for query in QUERIES {
        let request = SearchTextRequest::simple(query, &*cache_dir);
        let (mut times, mut found) = (Vec::new(), 0);
        for _ in 0..=arguments.searches {
            let begun = Instant::now();
            found = engine.search_text(&request)?.matches.len();
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        // The first one loads what it needs.
        times.remove(0);
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[(times.len() as f64 * share) as usize];
        let shots = usize::from(media) * SHOTS_A_MEDIUM;
        println!(
            "{shots} shots, {query}: {found} matches, p50 {:.1} ms, p95 {:.1} ms",
            at(0.5),
            at(0.95)
        );
    }
    Ok(())
}

/// Publishes media of an hour, each shot of which has one row and two lines of five words.
fn fill(analyses: &AnalysisFolder, media: u16) -> Result<()> {
    let mut state = 0x2545_f491_u32;
    let mut below = |most: usize| {
        // Xorshift: the same text on every machine.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % most
    };
    let length = 9.0;
    for medium in 0..media {
        let mut word = || match below(6) {
            0 => below(200).to_string(),
            _ => WORDS[below(WORDS.len())].to_owned(),
        };
        let mut line = || TextLine {
            text: (0..5).map(|_| word()).collect::<Vec<_>>().join(" "),
            confidence: 0.9,
            area: Area::default(),
        };
        let middles = (0..SHOTS_A_MEDIUM).map(|shot| (shot as f64 + 0.5) * length);
        let mut frames: Vec<TextFrame> =
            middles.map(|seconds| TextFrame { seconds, lines: vec![line(), line()] }).collect();
        if medium == 0 {
            frames[7].lines[1].text.push_str(" ZEPPELIN");
        }
        analyses.publish(&seen(medium, length)?)?;
        analyses.publish_text(&TextBundle { meta: meta(medium, "pp-ocr-v4".parse()?)?, frames })?;
    }
    Ok(())
}

fn seen(medium: u16, length: f64) -> Result<VisualBundle> {
    let start = |shot: usize| shot as f64 * length;
    let row = |shot: usize| RowTime { second: start(shot) as u32 + 4, seconds: start(shot) + 4.5 };
    let shot = |shot: usize| Shot { range: TimeRange { start: start(shot), end: start(shot + 1) } };
    Ok(VisualBundle {
        meta: meta(medium, VISUAL.parse()?)?,
        dim: 1,
        times: (0..SHOTS_A_MEDIUM).map(row).collect(),
        vectors: vec![0; SHOTS_A_MEDIUM],
        tags: None,
        shots: (0..SHOTS_A_MEDIUM).map(shot).collect(),
        previews: Previews { of_row: vec![Some(0); SHOTS_A_MEDIUM], pictures: vec![vec![0; 6000]] },
    })
}
