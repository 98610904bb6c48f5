//! Speech bundles: what is said in one medium, word by word.

use super::{
    BundleMeta,
    contents::Contents,
    encoded::{Body, Encoded, meta_json},
    layout::{self, Fields, Kind},
    read::{Table, table},
};
use crate::StoreError;
use rushes_model::ModelKey;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Bytes of a stored segment: speaker, number of words.
const SEGMENT_BYTES: usize = 8;
/// Bytes of a stored word: start, end, probability, bytes of its text.
const WORD_BYTES: usize = 24;
/// Stands for a speaker who is not known.
const NOBODY: u32 = u32::MAX;
/// Sections that are kept in memory.
const KEPT: [Kind; 4] = [Kind::Meta, Kind::Segments, Kind::Words, Kind::Characters];

/// Everything that was heard in one medium.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeechBundle {
    /// What it is of.
    pub meta: BundleMeta,
    /// What language is spoken and where it was heard.
    pub voice: Voice,
    /// What is said, in order of time.
    pub segments: Vec<SpokenSegment>,
    /// What it means, where that was worked out.
    pub meanings: Option<Meanings>,
}

/// What the segments of a transcript mean, as vectors whose cosines say how near two meanings are.
#[derive(Debug, Clone, PartialEq)]
pub struct Meanings {
    /// Key of the sentence encoder.
    pub encoder: ModelKey,
    /// Values a vector.
    pub dim: usize,
    /// Bit patterns of f16 values, row after row, one a segment.
    pub vectors: Vec<u16>,
}

/// A speech bundle that was read and checked: everything but the vectors of its meanings is in memory.
#[derive(Debug, Clone)]
pub struct SpeechBundleFile {
    /// What it holds; its `meanings` are left out.
    pub speech: SpeechBundle,
    /// Key of the sentence encoder, and where the vectors lie as little-endian f16, if there are any.
    pub meanings: Option<(ModelKey, Table)>,
}

/// What is spoken, and in which track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voice {
    /// ISO 639-1 code of the language; empty where nothing is said.
    pub language: String,
    /// Number of the track among those with sound, from 0.
    pub track: u32,
    /// Whether this track was asked for, so that nothing is known of the others.
    #[serde(default)]
    pub chosen: bool,
    /// The model that told its speakers apart, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speakers: Option<ModelKey>,
    /// Whether spaces part its words.
    pub spaced: bool,
}

/// Words that belong together: a sentence, or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub struct SpokenSegment {
    /// Number of the speaker, if known.
    pub speaker: Option<u32>,
    /// In order of time; at least one.
    pub words: Vec<SpokenWord>,
}

/// A word that was said.
#[derive(Debug, Clone, PartialEq)]
pub struct SpokenWord {
    /// With its punctuation.
    pub text: String,
    /// When it begins, in seconds of source time.
    pub start: f64,
    /// When it ends.
    pub end: f64,
    /// How sure the model was, 0 to 1.
    pub probability: f32,
}

/// The META section: what a speech bundle is of.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct StoredMeta {
    voice: Voice,
    bundle: BundleMeta,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    meanings: Option<StoredMeanings>,
}

/// Whose vectors the MEANINGS section has, and how long they are.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct StoredMeanings {
    encoder: ModelKey,
    dim: usize,
}

impl SpeechBundle {
    /// Reads a bundle once from end to end and checks every byte of it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when any byte is not what was written, [`StoreError::Newer`] when a later
    /// version wrote it, [`StoreError::Io`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let keep = [KEPT.as_slice(), &[Kind::Meanings]].concat();
        let contents = Contents::read(path, &layout::SPEECH, &keep)?;
        let SpeechBundleFile { mut speech, meanings } = parse(&contents)?;
        if let Some((encoder, Table { width: dim, .. })) = meanings {
            let values = contents.kept(Kind::Meanings)?.as_chunks().0.iter();
            let vectors = values.map(|value| u16::from_le_bytes(*value)).collect();
            speech.meanings = Some(Meanings { encoder, dim, vectors });
        }
        Ok(speech)
    }

    /// Checks that everything fits together and would read back as it is, and lays it out.
    pub(crate) fn encode(&self) -> Result<Encoded<'_>, StoreError> {
        Encoded::new(&layout::SPEECH, &self.meta, self.bodies())
    }

    fn bodies(&self) -> Result<Vec<Body<'_>>, &'static str> {
        self.check()?;
        let meanings = self.meanings.as_ref().map(|Meanings { encoder, dim, .. }| StoredMeanings {
            encoder: encoder.clone(),
            dim: *dim,
        });
        let meta = StoredMeta { voice: self.voice.clone(), bundle: self.meta.clone(), meanings };
        let (mut segments, mut words) = (Vec::new(), Vec::new());
        for segment in &self.segments {
            let count =
                u32::try_from(segment.words.len()).map_err(|_| "a segment has too many words")?;
            segments.extend(segment.speaker.unwrap_or(NOBODY).to_le_bytes());
            segments.extend(count.to_le_bytes());
        }
        for word in self.words() {
            let bytes = u32::try_from(word.text.len()).map_err(|_| "a word is too long")?;
            words.extend([word.start, word.end].into_iter().flat_map(f64::to_le_bytes));
            words.extend(word.probability.to_le_bytes().into_iter().chain(bytes.to_le_bytes()));
        }
        let characters = self.words().map(|word| word.text.as_bytes().into()).collect();
        let mut bodies = vec![
            Body::whole(Kind::Meta, meta_json(&meta)?),
            Body::whole(Kind::Segments, segments),
            Body::whole(Kind::Words, words),
            Body { kind: Kind::Characters, pieces: characters },
        ];
        bodies.extend(self.meanings.as_ref().map(|Meanings { vectors, .. }| {
            let bytes = vectors.iter().flat_map(|value| value.to_le_bytes()).collect();
            Body::whole(Kind::Meanings, bytes)
        }));
        Ok(bodies)
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.segments.iter().any(|segment| segment.words.is_empty()) {
            return Err("a segment has no words");
        }
        if self.segments.iter().any(|segment| segment.speaker == Some(NOBODY)) {
            return Err("the number of a speaker is too large");
        }
        let is_timed = |word: &SpokenWord| word.start.is_finite() && word.end.is_finite();
        let lasts = |word: &SpokenWord| word.start <= word.end;
        let in_order = self.words().map(|word| word.start).is_sorted();
        if !self.words().all(|word| is_timed(word) && lasts(word)) || !in_order {
            return Err("its words are not in time order");
        }
        if !self.words().all(|word| (0.0..=1.0).contains(&word.probability)) {
            return Err("the probability of a word is not one");
        }
        let values = |dim: usize| self.segments.len().checked_mul(dim);
        let fits = |one: &Meanings| one.dim > 0 && values(one.dim) == Some(one.vectors.len());
        if !self.meanings.as_ref().is_none_or(fits) {
            return Err("its meanings are not one a segment");
        }
        Ok(())
    }

    fn words(&self) -> impl Iterator<Item = &SpokenWord> {
        self.segments.iter().flat_map(|segment| &segment.words)
    }
}

impl SpeechBundleFile {
    /// The same as [`SpeechBundle::open`], but for the vectors, which are checked and not kept.
    ///
    /// # Errors
    /// Those of [`SpeechBundle::open`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        parse(&Contents::read(path, &layout::SPEECH, &KEPT)?)
    }
}

impl SpokenSegment {
    /// When its first word begins, in seconds.
    #[must_use]
    pub fn start(&self) -> f64 {
        self.words.first().map_or(0.0, |word| word.start)
    }

    /// When its last word ends, in seconds.
    #[must_use]
    pub fn end(&self) -> f64 {
        self.words.last().map_or(0.0, |word| word.end)
    }

    /// Its words as a text. In languages without spaces, words in Latin letters are parted all the same.
    #[must_use]
    pub fn text(&self, voice: &Voice) -> String {
        let is_latin = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let mut text = String::new();
        for word in &self.words {
            let (before, after) = (text.as_bytes().last(), word.text.as_bytes().first());
            if !text.is_empty() && (voice.spaced || is_latin(before) && is_latin(after)) {
                text.push(' ');
            }
            text.push_str(&word.text);
        }
        text
    }
}

fn parse(contents: &Contents<'_>) -> Result<SpeechBundleFile, StoreError> {
    let StoredMeta { voice, bundle: meta, meanings } = contents.meta()?;
    let (segments, words) = (contents.kept(Kind::Segments)?, contents.kept(Kind::Words)?);
    let segments = parse_segments(segments, words, contents.kept(Kind::Characters)?)
        .ok_or_else(|| contents.damaged("its segments and words do not fit together"))?;
    let speech = SpeechBundle { meta, voice, segments, meanings: None };
    speech.check().map_err(|reason| contents.damaged(reason))?;
    let Some(StoredMeanings { encoder, dim }) = meanings else {
        return Ok(SpeechBundleFile { speech, meanings: None });
    };
    let rows = table(contents, Kind::Meanings, speech.segments.len(), dim, 2)?;
    let rows = rows.filter(|_| dim > 0).ok_or_else(|| contents.damaged("it has no meanings"))?;
    Ok(SpeechBundleFile { speech, meanings: Some((encoder, rows)) })
}

/// The segments that three sections make; `None` when they do not use each other up.
fn parse_segments(segments: &[u8], words: &[u8], characters: &[u8]) -> Option<Vec<SpokenSegment>> {
    let (segments, segments_rest) = segments.as_chunks::<SEGMENT_BYTES>();
    let (mut words, words_rest) = words.as_chunks::<WORD_BYTES>();
    let mut characters = std::str::from_utf8(characters).ok()?;
    let mut read = Vec::new();
    for segment in segments {
        let mut fields = Fields(segment);
        let (speaker, count) = (fields.u32()?, fields.u32()? as usize);
        let own;
        (own, words) = words.split_at_checked(count)?;
        let own = own.iter().map(|word| parse_word(word, &mut characters));
        let speaker = (speaker != NOBODY).then_some(speaker);
        read.push(SpokenSegment { speaker, words: own.collect::<Option<_>>()? });
    }
    let used_up = words.is_empty() && characters.is_empty();
    (used_up && segments_rest.is_empty() && words_rest.is_empty()).then_some(read)
}

/// A word, whose text is taken from the beginning of `characters`.
fn parse_word(bytes: &[u8; WORD_BYTES], characters: &mut &str) -> Option<SpokenWord> {
    let mut fields = Fields(bytes);
    let (start, end, probability) = (fields.f64()?, fields.f64()?, fields.f32()?);
    let (text, rest) = characters.split_at_checked(fields.u32()? as usize)?;
    *characters = rest;
    Some(SpokenWord { text: text.to_owned(), start, end, probability })
}
