//! Where phrases were read or heard and people seen: shot by shot, once for all rows of a shot.

use super::plan::{Channel, Sought};
use crate::library::{LoadedMedia, LoadedText, LoadedTranscript};

/// A phrase that was read in a frame or heard, or a person who was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Number of the shot that it lies in, or begins in.
    pub shot: usize,
    /// The frame's own time, or when the first word begins.
    pub seconds: f64,
    /// Which of what is sought it was.
    pub phrase: usize,
    /// How well it fits, above 0 and at most 1.
    pub score: f32,
}

/// Every reading of what is sought in one medium, of which this is known, in order of shots.
pub fn readings(
    media: &LoadedMedia,
    text: Option<&LoadedText>,
    transcript: Option<&LoadedTranscript>,
    sought: &[Sought],
) -> Vec<Reading> {
    let mut readings = Vec::new();
    for (number, sought) in sought.iter().enumerate() {
        let mut add = |(seconds, score): (f64, f32)| {
            let shot = media.shot_at(seconds);
            readings.push(Reading { shot, seconds, phrase: number, score });
        };
        match sought {
            Sought::Words { phrase, channel: Channel::Text } => {
                text.iter().flat_map(|text| text.find(phrase)).for_each(&mut add);
            }
            Sought::Words { phrase, channel: Channel::Speech } => {
                transcript.iter().flat_map(|one| one.find(phrase)).for_each(&mut add);
            }
            Sought::Person(presence) => {
                presence.of(media.media_id).iter().for_each(|seconds| add((*seconds, 1.0)));
            }
        }
    }
    readings.sort_by_key(|reading| reading.shot);
    readings
}

/// The readings of each shot that has any.
pub fn by_shot(readings: &[Reading]) -> impl Iterator<Item = &[Reading]> {
    readings.chunk_by(|a, b| a.shot == b.shot)
}

/// The best score of a phrase among readings of one shot.
pub fn best_of(readings: &[Reading], phrase: usize) -> f32 {
    let scores = readings.iter().filter(|reading| reading.phrase == phrase);
    scores.map(|reading| reading.score).fold(0.0, f32::max)
}

/// When the best of readings of one shot was made, the first of equal ones.
pub fn best_time(readings: &[Reading]) -> Option<f64> {
    let best = readings.iter().rev().max_by(|a, b| a.score.total_cmp(&b.score));
    best.map(|reading| reading.seconds)
}

/// A score for every row and phrase of a medium: that of the row's shot.
#[derive(Default)]
pub struct RowScores {
    /// Row after row, one score a phrase; empty where nothing was found.
    scores: Vec<f32>,
    phrases: usize,
}

impl RowScores {
    /// Spreads readings over the rows of their shots.
    pub fn of(media: &LoadedMedia, readings: &[Reading], phrases: usize) -> Self {
        if readings.is_empty() {
            return Self::default();
        }
        let mut scores = vec![0.0; media.times.len() * phrases];
        for of_shot in by_shot(readings) {
            let own: Vec<f32> = (0..phrases).map(|phrase| best_of(of_shot, phrase)).collect();
            for row in media.rows_of(of_shot[0].shot) {
                scores[row * phrases..][..phrases].copy_from_slice(&own);
            }
        }
        Self { scores, phrases }
    }

    /// The score of a phrase in a row.
    pub fn get(&self, row: usize, phrase: usize) -> f32 {
        self.scores.get(row * self.phrases + phrase).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Draft, Row};
    use crate::intake::Intake;
    use rushes_model::{Area, HashStr, MediaId, Sampling, Shot, TimeRange};
    use rushes_store::{BundleMeta, TextBundle, TextFrame, TextLine};
    use rushes_text::Phrase;

    const FACTS: &str = r#"{"kind":"video","size_bytes":9,"duration_seconds":10.0,"width":64,
        "height":48,"frame_rate":"25/1","variable_frame_rate":false,"start_timecode":null,
        "start_time":0.0,"rotation":0,"video_codec":"h264","audio_codec":null,"created_at":null}"#;

    /// Ten rows, a second apart, in three shots, the second of which has none.
    fn medium() -> LoadedMedia {
        let facts = serde_json::from_str(FACTS).unwrap();
        let intake = Intake { media_id: MediaId([1; 16]), hash_str: HashStr(1), facts };
        let mut draft = Draft::default();
        for second in 0..10u32 {
            let row = Row { vector: vec![half::f16::ONE], tags: vec![], preview: vec![] };
            draft.arrived(second, f64::from(second), row);
        }
        let model = "lite-260".parse().unwrap();
        let mut media =
            LoadedMedia::in_memory("/a.mov".as_ref(), &intake, &model, &draft, 10.0).unwrap();
        let shot = |start, end| Shot { range: TimeRange { start, end } };
        media.shots = vec![shot(0.0, 3.1), shot(3.1, 3.6), shot(3.6, 10.0)];
        media
    }

    fn read(frames: &[(f64, &str)]) -> LoadedText {
        let frame = |&(seconds, text): &(f64, &str)| {
            let text = text.to_owned();
            let lines = vec![TextLine { text, confidence: 1.0, area: Area::default() }];
            TextFrame { seconds, lines }
        };
        let meta = BundleMeta {
            media_id: MediaId([1; 16]),
            hash_str: HashStr(1),
            model_key: "pp-ocr-v4".parse().unwrap(),
            facts: serde_json::from_str(FACTS).unwrap(),
            source_path: "/a.mov".into(),
            sampling: Sampling::Full,
            created_at: 0,
            tool_version: String::new(),
        };
        LoadedText::of(&TextBundle { meta, frames: frames.iter().map(frame).collect() })
    }

    #[test]
    fn the_rows_of_a_shot_are_those_that_lie_in_it() {
        let media = medium();
        for shot in 0..media.shot_count() {
            let rows = media.rows_of(shot);
            let lies = |row: &usize| media.shot_of(*row).0 == shot;
            assert_eq!((0..10).filter(lies).collect::<Vec<_>>(), rows.collect::<Vec<_>>());
        }
        assert!(media.rows_of(1).is_empty());
        let mut without_shots = medium();
        without_shots.shots.clear();
        assert_eq!((without_shots.shot_count(), without_shots.rows_of(0)), (1, 0..10));
    }

    #[test]
    fn a_phrase_scores_all_rows_of_the_shots_that_it_was_read_in() {
        let media = medium();
        let text = read(&[(1.0, "EXIT"), (4.0, "hamburq"), (7.0, "Hamburg"), (9.0, "Hamburg")]);
        let phrases = ["hamburg", "exit", "zebra"]
            .map(|words| Sought::Words { phrase: Phrase::new(words), channel: Channel::Text });
        let readings = readings(&media, Some(&text), None, &phrases);
        let times: Vec<Option<f64>> = by_shot(&readings).map(best_time).collect();
        assert_eq!(times, [Some(1.0), Some(7.0)], "the best, of equal ones the first");
        let scores = RowScores::of(&media, &readings, phrases.len());
        let of = |phrase: usize| (0..10).map(|row| scores.get(row, phrase)).collect::<Vec<_>>();
        assert_eq!(of(0), [[0.0; 4].as_slice(), &[1.0; 6]].concat());
        assert_eq!(of(1), [[1.0; 4].as_slice(), &[0.0; 6]].concat());
        assert_eq!(of(2), [0.0; 10]);
        assert_eq!(RowScores::of(&media, &[], 3).get(5, 1), 0.0);
    }
}
