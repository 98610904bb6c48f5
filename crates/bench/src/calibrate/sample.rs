//! Scores of a gallery for the queries that it answers and for those that it does not.

use crate::gallery::{Pair, Picture, analyse, gallery_rows, read_tables};
use anyhow::{Context, Result};
use rushes_engine::Engine;
use rushes_infer::{
    VisualModel,
    lite::{
        demand::{Demand, Signals},
        tables::{KEYS, Tables},
    },
};
use rushes_model::{ModelKey, Shot};
use rushes_store::{Analysis, AnalysisFolder, VisualBundleFile};
use rushes_vectors::{Query, Rows, Segment, dot, f16, top_k};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// A picture's score for a query, with what shows in the query alone.
#[derive(Clone, Copy)]
pub struct Scored {
    /// As the model gives it.
    pub score: f32,
    /// Zero for models that ask the same of all sentences.
    pub signals: Signals,
}

impl Scored {
    /// The score when what is asked of this query more than of others is taken away.
    pub fn under(self, demand: Demand) -> f32 {
        self.score - demand.of(self.signals)
    }
}

/// Scores of a gallery.
#[derive(Default)]
pub struct Sample {
    /// Number of pictures.
    pub pictures: usize,
    /// Of queries against the pictures that answer them.
    pub right: Vec<Scored>,
    /// Of queries against all other pictures.
    pub wrong: Vec<Scored>,
    /// Rank, from 1, and score of the best right picture of each query.
    found: Vec<(usize, Scored)>,
    /// Of the best picture of each nonsense query.
    pub nonsense: Vec<Scored>,
    /// Of the best picture of each query for what no picture shows.
    pub absent: Vec<Scored>,
    /// Cosines of frames of one shot.
    pub alike: Vec<f32>,
    /// Cosines of frames of different media.
    pub unlike: Vec<f32>,
}

/// What is asked, and of whom.
pub struct Questions<'a> {
    /// Tables of queries and pictures.
    pub tables: &'a [PathBuf],
    /// Where their packages are laid out.
    pub media: &'a Path,
    /// Queries that nothing answers: kind, query and split.
    pub absent: &'a str,
    /// The split of them that counts.
    pub split: &'a str,
}

impl Sample {
    /// Analyses the tables' pictures and asks for all that the tables and the split name.
    pub fn measure(engine: &Engine, key: &ModelKey, questions: &Questions<'_>) -> Result<Self> {
        let (pairs, gallery) = read_tables(questions.tables, questions.media)?;
        let folder = tempfile::tempdir()?;
        analyse(engine, &gallery, folder.path(), key)?;
        let rows = gallery_rows(folder.path(), key, &gallery)?;
        let (alike, unlike) = frames(folder.path())?;
        let model = engine.models().visual(key, Duration::from_secs(120))?;
        let labels = KEYS.contains(&key.as_str()).then(Tables::built_in).flatten();
        let asked = Asked { model: &*model, labels, rows: &rows };
        let mut sample = Self { pictures: rows.len(), alike, unlike, ..Self::default() };
        pairs.iter().try_for_each(|pair| sample.add(&asked, pair))?;
        sample.nonsense = asked.unanswered(questions, "nonsense")?;
        sample.absent = asked.unanswered(questions, "absent")?;
        Ok(sample)
    }

    fn add(&mut self, asked: &Asked<'_>, pair: &Pair) -> Result<()> {
        let scores = asked.scores(&pair.query)?;
        let (right, wrong): (Vec<_>, Vec<_>) = scores
            .iter()
            .enumerate()
            .partition(|(_, (row, _))| pair.right.contains(&asked.rows[*row].0));
        self.found.extend(right.first().map(|(before, (_, score))| (before + 1, *score)));
        self.right.extend(right.iter().map(|(_, (_, score))| score));
        self.wrong.extend(wrong.iter().map(|(_, (_, score))| score));
        Ok(())
    }

    /// Scores of the best right picture of each query that ranks it among so many.
    pub fn found_within(&self, rank: usize) -> Vec<Scored> {
        let within = self.found.iter().filter(|(at, _)| *at <= rank);
        within.map(|(_, score)| *score).collect()
    }

    /// Scores of the best pictures of all queries that nothing answers.
    pub fn unanswered(&self) -> Vec<Scored> {
        [&*self.nonsense, &*self.absent].concat()
    }
}

/// A gallery under a model.
struct Asked<'a> {
    model: &'a dyn VisualModel,
    /// Of a model whose demand depends on the sentence.
    labels: Option<Tables>,
    rows: &'a [(Picture, Segment)],
}

impl Asked<'_> {
    /// Scores of all pictures for a query, best first.
    fn scores(&self, query: &str) -> Result<Vec<(usize, Scored)>> {
        let text = self.model.embed_text(query)?;
        let of_labels = |tables: &Tables| Signals::of(&text.vector, &text.words, &tables.labels);
        let signals = self.labels.as_ref().map(of_labels).unwrap_or_default();
        let query = Query::new(text.vector).with_words(&text.words, text.word_weight);
        let segments: Vec<&Segment> = self.rows.iter().map(|(_, segment)| segment).collect();
        let hits = top_k(&segments, &query, segments.len(), None)?;
        Ok(hits.iter().map(|hit| (hit.segment, Scored { score: hit.score, signals })).collect())
    }

    /// Scores of the best pictures of the queries of one kind.
    fn unanswered(&self, questions: &Questions<'_>, kind: &str) -> Result<Vec<Scored>> {
        let mut best = Vec::new();
        for line in questions.absent.lines() {
            let mut columns = line.split('\t');
            let (of_kind, query, split) = (columns.next(), columns.next(), columns.next());
            if of_kind == Some(kind) && split == Some(questions.split) {
                let scores = self.scores(query.context("a row without a query")?)?;
                best.extend(scores.first().map(|(_, score)| *score));
            }
        }
        Ok(best)
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
