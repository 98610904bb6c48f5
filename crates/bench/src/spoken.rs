//! Latency of searching what is said, from the request to the matches, in a folder of made transcripts.

use crate::search::meta;
use anyhow::{Context, Result};
use clap::Args;
use half::f16;
use rushes_engine::{
    Config, Engine,
    requests::{LoadTranscriptionsRequest, SearchTranscriptRequest, TranscriptMode},
};
use rushes_infer::{
    Runtime,
    minilm::{self, SentenceEncoder},
    registry::{ModelFolder, Registry},
};
use rushes_store::{AnalysisFolder, Meanings, SpeechBundle, SpokenSegment, SpokenWord, Voice};
use std::{path::PathBuf, thread, time::Duration, time::Instant};

/// Arguments of `spoken`.
#[derive(Args)]
pub struct Arguments {
    /// Home folder with the sentence encoder.
    #[arg(long, env = "RUSHES_HOME")]
    home: PathBuf,
    /// Media, an hour each.
    #[arg(long, default_value_t = 1400)]
    media: u16,
    /// Segments a medium: one in five seconds.
    #[arg(long, default_value_t = 715)]
    segments: usize,
    /// Searches of each kind.
    #[arg(long, default_value_t = 100)]
    searches: usize,
    /// Wait so many seconds before the searches by meaning: large folders are sketched in the background.
    #[arg(long, default_value_t = 0)]
    wait: u64,
}

/// Words of a segment.
const WORDS: usize = 12;
/// Words of the made language: what an educated speaker of a natural one uses.
const VOCABULARY: f64 = 30_000.0;
/// Sentences whose real vectors are mixed to make those of all others.
const ENCODED: usize = 1000;
/// The first searches bring the pages in.
const UNTIMED: usize = 3;

/// The same numbers on every machine: xorshift.
struct Dice(u32);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % most
    }

    /// A word: the one of rank *n* is said once for *n* times that the first one is, as Zipf found.
    fn word(&mut self) -> String {
        let share = self.below(1 << 24) as f64 / f64::from(1 << 24);
        word(VOCABULARY.powf(share) as usize - 1)
    }
}

/// The word of a rank: the more often it is said, the shorter.
fn word(rank: usize) -> String {
    let syllable = |number: usize| {
        let [start, middle] = [b"bcdfghklmnprstvw"[number % 16], b"aeiou"[number / 16 % 5]];
        [start as char, middle as char]
    };
    let mut letters: Vec<char> = syllable(rank % 80).to_vec();
    let mut rest = rank / 80;
    while rest > 0 {
        letters.extend(syllable((rest - 1) % 80));
        rest = (rest - 1) / 80;
    }
    letters.into_iter().collect()
}

/// Fills a folder and prints what searches of it take.
pub fn run(arguments: &Arguments) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let home = std::path::absolute(&arguments.home)?;
    let mut dice = Dice(0x2545_f491);
    let begun = Instant::now();
    let phrases = fill(arguments, &AnalysisFolder::open(folder.path())?, &mut dice)?;
    println!("made in {:.0} s", begun.elapsed().as_secs_f64());
    let engine = Engine::open(Config::at(home))?;
    let cache_dir = folder.path().display().to_string();
    let begun = Instant::now();
    engine.load_transcriptions(&LoadTranscriptionsRequest {
        cache_dir: cache_dir.clone(),
        media_paths: None,
    })?;
    println!("read in {:.0} s", begun.elapsed().as_secs_f64());
    let exact = |words: &str| SearchTranscriptRequest::simple(words, &*cache_dir);
    let once: Vec<_> = phrases.iter().map(|words| exact(words)).collect();
    time(&engine, "four words that follow each other once or so", &once)?;
    let nowhere: Vec<_> = phrases.iter().map(|words| exact(&format!("{words} zeppelin"))).collect();
    time(&engine, "the same and a word that is nowhere", &nowhere)?;
    for (about, words) in [("the commonest word", word(0)), ("one letter", "b".to_owned())] {
        let request = SearchTranscriptRequest { max_results: 1000, ..exact(&words) };
        time(&engine, about, &vec![request; arguments.searches])?;
    }
    let semantic =
        |words: &String| SearchTranscriptRequest { mode: TranscriptMode::Semantic, ..exact(words) };
    let semantic: Vec<_> = phrases.iter().map(semantic).collect();
    engine.search_transcript(&semantic[0])?;
    thread::sleep(Duration::from_secs(arguments.wait));
    time(&engine, "by meaning", &semantic)
}

/// Prints how long searches take.
fn time(engine: &Engine, about: &str, requests: &[SearchTranscriptRequest]) -> Result<()> {
    let (mut times, mut found) = (Vec::new(), 0);
    for request in requests {
        let begun = Instant::now();
        found += engine.search_transcript(request)?.matches.len();
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    times.drain(..UNTIMED.min(times.len() - 1));
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[(times.len() as f64 * share) as usize];
    println!(
        "{about}: {:.1} matches, p50 {:.1} ms, p95 {:.1} ms",
        found as f64 / requests.len() as f64,
        at(0.5),
        at(0.95)
    );
    Ok(())
}

/// Publishes media of an hour; gives phrases that were said, one a search.
fn fill(arguments: &Arguments, analyses: &AnalysisFolder, dice: &mut Dice) -> Result<Vec<String>> {
    let base = encoded(arguments, dice)?;
    let mut phrases = Vec::new();
    for medium in 0..arguments.media {
        let segments: Vec<SpokenSegment> =
            (0..arguments.segments).map(|number| segment(dice, number)).collect();
        let wanted = arguments.searches + UNTIMED;
        if phrases.len() < wanted {
            let share = wanted.div_ceil(arguments.media.into());
            let chosen = segments.iter().step_by(arguments.segments / share.max(1) + 1);
            let words = |one: &SpokenSegment| -> Vec<String> {
                one.words[4..8].iter().map(|word| word.text.clone()).collect()
            };
            phrases.extend(chosen.map(|one| words(one).join(" ")));
        }
        let vectors = segments.iter().flat_map(|_| vector(&base, dice)).collect();
        analyses.publish_speech(&SpeechBundle {
            meta: meta(medium, "whisper-base".parse()?)?,
            voice: Voice {
                language: "en".to_owned(),
                track: 0,
                chosen: false,
                speakers: None,
                spaced: true,
            },
            segments,
            meanings: Some(Meanings {
                encoder: minilm::COMPONENT.parse()?,
                dim: minilm::DIMENSIONS,
                vectors,
            }),
        })?;
    }
    Ok(phrases)
}

fn segment(dice: &mut Dice, number: usize) -> SpokenSegment {
    let start = number as f64 * 5.0;
    let word = |at: usize| SpokenWord {
        text: dice.word(),
        start: start + at as f64 * 0.4,
        end: start + at as f64 * 0.4 + 0.3,
        probability: 0.9,
    };
    SpokenSegment { speaker: Some(number as u32 % 3), words: (0..WORDS).map(word).collect() }
}

/// Vectors of some made sentences.
fn encoded(arguments: &Arguments, dice: &mut Dice) -> Result<Vec<Vec<f32>>> {
    let models = arguments.home.join("models");
    let runtime = Runtime::installed(&Registry::builtin()?, &ModelFolder::new(models.clone()))?;
    let encoder = SentenceEncoder::open(&runtime, &models, 1)?;
    let mut sentence = || (0..WORDS).map(|_| dice.word()).collect::<Vec<_>>().join(" ");
    let encode = |_| encoder.encode(&sentence()).context("a made sentence");
    (0..ENCODED).map(encode).collect()
}

/// A vector near one of these and less near to another, of length 1.
fn vector(base: &[Vec<f32>], dice: &mut Dice) -> Vec<u16> {
    let [near, far] = [(); 2].map(|()| &base[dice.below(base.len())]);
    let mixed: Vec<f32> = near.iter().zip(far).map(|(a, b)| a + 0.7 * b).collect();
    let length = mixed.iter().map(|value| value * value).sum::<f32>().sqrt();
    mixed.into_iter().map(|value| f16::from_f32(value / length).to_bits()).collect()
}
