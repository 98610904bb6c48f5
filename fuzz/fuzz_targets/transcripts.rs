//! Any transcript as captions, text, JSON and table: never a panic, and documents that their readers take.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rushes_export::{Format, Segment, Speaker, Transcript, Word};
use rushes_fuzz::{Rate, Seconds};
use rushes_model::{HashStr, MediaFacts, MediaKind, SourceClock};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    path: &'a str,
    language: &'a str,
    spaced: bool,
    rate: Option<Rate>,
    start: &'a str,
    segments: Vec<Spoken<'a>>,
}

#[derive(Debug, Arbitrary)]
struct Spoken<'a> {
    speaker: Option<(&'a str, Option<&'a str>)>,
    words: Vec<(Seconds, Seconds, &'a str)>,
}

fuzz_target!(|input: Input<'_>| {
    let transcript = transcript(&input);
    for format in [Format::Srt, Format::Vtt, Format::Txt, Format::Json, Format::Csv] {
        let document = format.write(&transcript).expect("memory is enough");
        match format {
            Format::Json => {
                drop(serde_json::from_str::<serde_json::Value>(&document).expect("is JSON"))
            }
            Format::Csv => table(&document, transcript.segments.len()),
            Format::Srt => captions(document.split("\r\n\r\n"), "\r\n"),
            Format::Vtt => captions(document.split("\n\n").skip(1), "\n"),
            Format::Txt => {}
        }
    }
});

fn table(document: &str, segments: usize) {
    let mut reader = csv::Reader::from_reader(document.as_bytes());
    assert_eq!(reader.headers().expect("a header").len(), 6);
    let rows = reader.records().map(|row| assert_eq!(row.expect("a row").len(), 6)).count();
    assert_eq!(rows, segments);
}

/// Each caption has one line of times and then text, without an empty line in it.
fn captions<'a>(blocks: impl Iterator<Item = &'a str>, end: &str) {
    for block in blocks.filter(|block| !block.trim().is_empty()) {
        let times = block.split(end).filter(|line| line.contains("-->")).count();
        assert_eq!(times, 1, "{block:?}");
    }
}

fn transcript(input: &Input<'_>) -> Transcript {
    let segments = input.segments.iter().map(|spoken| Segment {
        speaker: spoken.speaker.map(|(label, name)| Speaker {
            label: label.to_owned(),
            name: name.map(str::to_owned),
        }),
        edited: false,
        words: spoken.words.iter().map(word).collect(),
    });
    Transcript {
        media_path: input.path.to_owned(),
        hash_str: HashStr(1),
        model_key: "whisper-base".parse().expect("a key"),
        language: input.language.to_owned(),
        spaced: input.spaced,
        clock: input.rate.and_then(|rate| clock(rate, input.start)),
        segments: segments.collect(),
    }
}

fn word((start, end, text): &(Seconds, Seconds, &str)) -> Word {
    Word { text: (*text).to_owned(), start: start.0, end: end.0, probability: 0.5 }
}

fn clock(rate: Rate, start: &str) -> Option<SourceClock> {
    SourceClock::of(&MediaFacts {
        kind: MediaKind::Video,
        size_bytes: 1,
        duration_seconds: 1.0,
        width: 2,
        height: 2,
        frame_rate: Some(rate.0),
        variable_frame_rate: false,
        start_timecode: Some(start.to_owned()),
        start_time: 0.0,
        rotation: 0,
        video_codec: None,
        audio_codec: None,
        audio_tracks: 0,
        created_at: None,
        streams: None,
    })
}
