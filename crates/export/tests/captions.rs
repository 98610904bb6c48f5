//! Captions: where they are cut, what stands in them, and when.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod common;

use common::{said_by, sentence, transcript};
use proptest::prelude::*;
use rushes_export::{Format, Segment, Speaker, Transcript, Word};
use rushes_model::{FrameRate, MediaFacts, SourceClock};
use unicode_segmentation::UnicodeSegmentation;

/// A caption as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    start: u64,
    end: u64,
    lines: Vec<String>,
}

/// Captions of an SRT document.
fn read_srt(document: &str) -> Vec<Shown> {
    let blocks = document.split("\r\n\r\n").filter(|block| !block.is_empty());
    let read = |(index, block): (usize, &str)| {
        let mut lines = block.split("\r\n");
        assert_eq!(lines.next(), Some((index + 1).to_string().as_str()));
        let (start, end) = lines.next().unwrap().split_once(" --> ").unwrap();
        let lines = lines.map(str::to_owned).collect();
        Shown { start: milliseconds(start), end: milliseconds(end), lines }
    };
    blocks.enumerate().map(read).collect()
}

/// `HH:MM:SS,mmm` or `HH:MM:SS.mmm`.
fn milliseconds(clock: &str) -> u64 {
    let parts: Vec<u64> = clock.split([':', ',', '.']).map(|part| part.parse().unwrap()).collect();
    let [hours, minutes, seconds, rest] = parts[..] else { panic!("{clock} is no time") };
    ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest
}

fn captions(transcript: &Transcript) -> Vec<Shown> {
    read_srt(&Format::Srt.write(transcript).unwrap())
}

fn texts(transcript: &Transcript) -> Vec<String> {
    captions(transcript).iter().map(|caption| caption.lines.join(" | ")).collect()
}

const AUSTEN: &str = "He was not an ill-disposed young man, unless to be rather cold hearted and rather \
    selfish is to be ill-disposed: but he was, in general, well respected; for he conducted himself with \
    propriety in the discharge of his ordinary duties. Had he married a more amiable woman, he might have \
    been made still more respectable than he was.";

#[test]
fn lines_end_where_a_reader_would_pause() {
    let captions = texts(&transcript(vec![sentence(AUSTEN, 1.0, 15.0)]));
    let expected = [
        "He was not an ill-disposed young man, | unless to be rather cold hearted",
        "and rather selfish is to be ill-disposed: | but he was, in general, well respected;",
        "for he conducted himself with propriety | in the discharge of his ordinary duties.",
        "Had he married a more amiable woman,",
        "he might have been made still | more respectable than he was.",
    ];
    assert_eq!(captions, expected);
}

#[test]
fn no_line_ends_with_a_word_that_belongs_to_the_next() {
    let said = "We went down to the beach with the whole crew and the light was incredible and then I said \
        to Mr. Smith that we should wait until the sun is behind the lighthouse before we put the camera \
        on the crane";
    for line in
        captions(&transcript(vec![sentence(said, 0.0, 15.0)])).iter().flat_map(|one| &one.lines)
    {
        let last = line.rsplit(' ').next().unwrap();
        assert!(!["the", "to", "and", "on", "Mr.", "I", "we", "is"].contains(&last), "{line:?}");
    }
}

#[test]
fn a_caption_stays_into_the_pause_until_it_is_read() {
    let fast = sentence("These forty-two characters go by in a second", 10.0, 42.0);
    let slow = sentence("And then nothing.", 20.0, 10.0);
    let shown = captions(&transcript(vec![fast, slow]));
    // The space at which the line is broken is not read.
    let reading = 43.0_f64 / 17.0 * 1000.0;
    assert_eq!((shown[0].start, shown[0].end), (10_000, 10_000 + reading.ceil() as u64));
    assert_eq!(shown[1].start, 20_000, "where the first word begins");
    let word = Word { text: "No.".to_owned(), start: 3.0, end: 3.1, probability: 1.0 };
    let short = Segment { speaker: None, edited: false, words: vec![word] };
    let shown = captions(&transcript(vec![short]));
    assert_eq!((shown[0].start, shown[0].end), (3_000, 3_834), "5/6 of a second at least");
}

#[test]
fn two_frames_lie_between_captions() {
    let facts = |rate: FrameRate| -> MediaFacts {
        serde_json::from_value(serde_json::json!({
            "kind": "video", "size_bytes": 1, "duration_seconds": 60.0, "width": 16, "height": 9,
            "frame_rate": rate, "variable_frame_rate": false, "start_timecode": null,
            "start_time": 0.0, "rotation": 0, "video_codec": null, "audio_codec": null,
            "created_at": null,
        }))
        .unwrap()
    };
    for (num, den, gap) in [(25, 1, 80), (24_000, 1001, 84), (50, 1, 40)] {
        let rate = FrameRate::new(num, den).unwrap();
        let segments = vec![sentence(AUSTEN, 1.0, 15.0)];
        let clock = SourceClock::of(&facts(rate));
        let shown = captions(&Transcript { clock, ..transcript(segments) });
        let gaps: Vec<u64> = shown.windows(2).map(|two| two[1].start - two[0].end).collect();
        assert!(gaps.iter().all(|one| *one == gap), "{gaps:?} at {rate}");
    }
}

#[test]
fn speakers_are_told_apart() {
    let talk = |anna: Option<&str>| {
        transcript(vec![
            said_by("SPEAKER_00", anna, sentence("Where were you last night?", 0.0, 15.0)),
            said_by("SPEAKER_00", anna, sentence("Tell me.", 2.0, 15.0)),
            said_by("SPEAKER_01", None, sentence("At home.", 4.0, 15.0)),
            said_by("SPEAKER_00", anna, sentence("All of it?", 6.0, 15.0)),
        ])
    };
    let unnamed = ["Where were you last night? Tell me.", "- At home.", "- All of it?"];
    assert_eq!(texts(&talk(None)), unnamed, "a dash where the speaker changes");
    let named = ["Anna: Where were you last night? Tell me.", "- At home.", "Anna: All of it?"];
    assert_eq!(texts(&talk(Some("Anna"))), named);
    let vtt = Format::Vtt.write(&talk(Some("A & <B>"))).unwrap();
    assert!(vtt.contains("\n<v A &amp; &lt;B&gt;>All of it?\n"), "{vtt}");
}

#[test]
fn people_who_interrupt_each_other_are_never_shown_at_once() {
    let say = |n: u32| {
        let speaker = format!("SPEAKER_{:02}", n % 2);
        said_by(&speaker, None, sentence("Yes.", f64::from(n) * 0.4, 20.0))
    };
    let shown = captions(&transcript((0..10).map(say).collect()));
    assert_eq!(shown.len(), 10);
    assert!(shown.windows(2).all(|two| two[1].start >= two[0].end + 80), "{shown:?}");
    assert!(shown.iter().all(|one| one.end - one.start >= 834), "{shown:?}");
}

#[test]
fn languages_without_spaces_are_broken_by_characters() {
    let said =
        "他并不是一个坏心肠的年轻人，除非说冷酷自私就是坏心肠：不过总的来说，他还是很受人尊敬的。";
    let words: Vec<Word> = said
        .graphemes(true)
        .enumerate()
        .map(|(n, text)| Word {
            text: text.to_owned(),
            start: n as f64 * 0.2,
            end: n as f64 * 0.2 + 0.2,
            probability: 1.0,
        })
        .collect();
    let segments = vec![Segment { speaker: None, edited: false, words }];
    let chinese =
        |segments| Transcript { language: "zh".to_owned(), spaced: false, ..transcript(segments) };
    let shown = captions(&chinese(segments));
    let lines: Vec<String> = shown.into_iter().flat_map(|one| one.lines).collect();
    assert_eq!(lines.concat(), said);
    assert!(lines.iter().all(|line| line.chars().count() <= 16), "{lines:?}");
    assert!(lines.iter().all(|line| !line.starts_with(['，', '。', '：'])), "{lines:?}");
    assert!(lines.iter().any(|line| line.ends_with('，')), "{lines:?}");
    let whole = Word { text: said.to_owned(), start: 0.0, end: 9.0, probability: 1.0 };
    let one = Segment { speaker: None, edited: false, words: vec![whole] };
    let again: Vec<String> =
        captions(&chinese(vec![one])).into_iter().flat_map(|one| one.lines).collect();
    assert_eq!(again.concat(), said, "a model may give a sentence as one word");
    assert!(again.iter().all(|line| line.chars().count() <= 16), "{again:?}");
}

#[test]
fn what_looks_like_the_format_is_no_part_of_it() {
    let hostile = "one --> two\n\n7\n00:00:01,000 --> 00:00:02,000\n<v Eve>&amp; \u{0}\u{7}done";
    let word = Word { text: hostile.to_owned(), start: 1.0, end: 4.0, probability: 1.0 };
    let hostile = transcript(vec![Segment { speaker: None, edited: false, words: vec![word] }]);
    let srt = Format::Srt.write(&hostile).unwrap();
    assert_eq!(srt.matches("-->").count(), captions(&hostile).len());
    let vtt = Format::Vtt.write(&hostile).unwrap();
    assert_eq!(vtt.matches("-->").count(), captions(&hostile).len());
    assert!(vtt.contains("&lt;v Eve&gt;&amp;amp; done"), "{vtt}");
    assert!(!vtt.contains('\u{0}') && !srt.contains('\u{7}'));
    let named = said_by("SPEAKER_00", Some("Eve\n\n--> \u{7}x"), sentence("Hi.", 1.0, 15.0));
    let vtt = Format::Vtt.write(&transcript(vec![named])).unwrap();
    assert!(vtt.ends_with("\n<v Eve --&gt; x>Hi.\n"), "{vtt}");
    let empty = transcript(Vec::new());
    assert_eq!(Format::Srt.write(&empty).unwrap(), "");
    assert_eq!(Format::Vtt.write(&empty).unwrap(), "WEBVTT\n");
}

fn any_segment() -> impl Strategy<Value = Segment> {
    let times = prop_oneof![0.0..30.0_f64, any::<f64>()];
    let text = prop_oneof!["[a-z]{1,9}[.,]?", "\\PC{0,50}", ".{0,9}", "[一-十]{1,40}"];
    let word = (text, times, 0.0..2.0_f64).prop_map(|(text, start, length)| Word {
        text,
        start,
        end: start + length,
        probability: 0.5,
    });
    let speaker = proptest::option::of((0..3u8, proptest::option::of(".{0,60}")));
    (proptest::collection::vec(word, 0..20), speaker).prop_map(|(words, speaker)| Segment {
        speaker: speaker.map(|(n, name)| Speaker { label: format!("SPEAKER_{n:02}"), name }),
        edited: false,
        words,
    })
}

/// What is left of a text when nothing but its letters counts.
fn letters(text: &str) -> String {
    let kept = text.replace("-->", "→");
    kept.chars().filter(|letter| !letter.is_whitespace() && !letter.is_control()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_transcript_keeps_to_the_limits(
        segments in proptest::collection::vec(any_segment(), 0..6),
        spaced: bool,
    ) {
        let said = transcript(segments);
        let said = Transcript { spaced, ..said };
        let mut last_end = 0;
        let shown = captions(&said);
        for caption in &shown {
            prop_assert!(last_end == 0 || caption.start >= last_end + 80, "{caption:?}");
            prop_assert!((834..=7000).contains(&(caption.end - caption.start)), "{caption:?}");
            prop_assert!((1..=2).contains(&caption.lines.len()), "{caption:?}");
            for line in &caption.lines {
                prop_assert!(line.graphemes(true).count() <= 42, "{line:?}");
                prop_assert!(!line.trim().is_empty());
            }
            last_end = caption.end;
        }
        let spoken = said.segments.iter().flat_map(|one| &one.words).map(|word| word.text.as_str());
        let bare = Transcript {
            segments: said.segments.iter().map(|one| Segment { speaker: None, ..one.clone() }).collect(),
            ..said.clone()
        };
        let lines: String = captions(&bare).iter().flat_map(|one| one.lines.clone()).collect();
        prop_assert_eq!(letters(&lines), letters(&spoken.collect::<String>()));
        for format in [Format::Vtt, Format::Txt, Format::Json, Format::Csv] {
            prop_assert!(format.write(&said).is_ok());
        }
    }
}
