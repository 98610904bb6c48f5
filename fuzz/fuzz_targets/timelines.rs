//! Any selects as xmeml, FCPXML, EDL, OTIO and as a page: never a panic, and documents that are whole.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use quick_xml::{Reader, events::Event};
use rushes_export::{
    ContactSheet, Medium, Selects, SheetRow, Take, Timeline, TimelineError, TimelineFormat,
};
use rushes_fuzz::{Frame, Rate};
use rushes_model::{FieldOrder, LATEST_FRAME, MediaKind, SoundTrack};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    name: &'a str,
    rate: Rate,
    drop: bool,
    start: Frame,
    size: (u32, u32),
    first: File<'a>,
    others: Vec<File<'a>>,
    takes: Vec<Range<'a>>,
}

#[derive(Debug, Arbitrary)]
struct File<'a> {
    path: &'a str,
    kind: u8,
    rate: Option<Rate>,
    first: Frame,
    drop: bool,
    frames: Option<Frame>,
    size: (u32, u32),
    pixel_aspect: (u32, u32),
    fields: u8,
    turns: u8,
    sound: Vec<(u32, u32)>,
    reel: Option<&'a str>,
    offline: bool,
}

#[derive(Debug, Arbitrary)]
struct Range<'a> {
    medium: u8,
    name: &'a str,
    from: Frame,
    length: Frame,
    handle: u16,
    reason: Option<(&'a str, &'a str)>,
    keywords: Vec<&'a str>,
}

fuzz_target!(|input: Input<'_>| {
    let timeline = selects(&input).assemble();
    for format in
        [TimelineFormat::Xmeml, TimelineFormat::Fcpxml, TimelineFormat::Edl, TimelineFormat::Otio]
    {
        match (format.write(&timeline), format) {
            (Ok(written), TimelineFormat::Xmeml | TimelineFormat::Fcpxml) => xml(&written.content),
            (Ok(written), TimelineFormat::Otio) => {
                drop(serde_json::from_str::<serde_json::Value>(&written.content).expect("is JSON"));
            }
            (Ok(written), TimelineFormat::Edl) => edl(&written.content),
            (Err(TimelineError::MixedRates { .. }), TimelineFormat::Edl) => {}
            (Err(error), _) => panic!("{error}"),
        }
    }
    xml(&page(&input).html().expect("memory is enough"));
});

/// Every element ends, entities are known, attributes are in order, and no letter is one that XML does not
/// have.
fn xml(document: &str) {
    let mut reader = Reader::from_str(document);
    loop {
        match reader.read_event().expect("is XML") {
            Event::Eof => break,
            Event::Start(start) | Event::Empty(start) => start.attributes().for_each(|attribute| {
                attribute.expect("is an attribute");
            }),
            _ => {}
        }
    }
    let odd = |letter: char| letter < ' ' && !matches!(letter, '\t' | '\n' | '\r');
    assert!(!document.contains(odd), "a control character");
}

/// Lines of printable letters: a name must not begin a line of its own.
fn edl(document: &str) {
    for line in document.lines() {
        let begins = ["TITLE:", "FCM:", "*", "M2", "AUD"].iter().any(|word| line.starts_with(word));
        let event = line.split(' ').next().is_some_and(|word| word.parse::<u32>().is_ok());
        assert!(line.is_empty() || begins || event, "{line:?}");
    }
}

/// A frame as those of all times are.
fn time(frame: Frame) -> u64 {
    frame.0.min(LATEST_FRAME)
}

fn selects(input: &Input<'_>) -> Selects {
    let files = [&input.first].into_iter().chain(&input.others);
    let media: Vec<Medium> = files.map(|file| medium(file, input.rate)).collect();
    let takes = input.takes.iter().map(|range| Take {
        medium: usize::from(range.medium) % media.len(),
        name: range.name.to_owned(),
        source: time(range.from)..time(range.from) + time(range.length).max(1),
        handle: range.handle.into(),
        reason: range.reason.map(|(name, note)| (name.to_owned(), note.to_owned())),
        keywords: range.keywords.iter().map(|word| (*word).to_owned()).collect(),
    });
    let takes = takes.collect();
    let timeline = Timeline {
        name: input.name.to_owned(),
        rate: input.rate.0,
        drop: input.drop,
        start: time(input.start),
        size: input.size,
        media,
        clips: Vec::new(),
    };
    Selects { timeline, takes }
}

fn medium(file: &File<'_>, sequence: Rate) -> Medium {
    let sound = |&(channels, sample_rate): &(u32, u32)| SoundTrack { channels, sample_rate };
    Medium {
        path: file.path.to_owned(),
        kind: [MediaKind::Video, MediaKind::Image, MediaKind::Audio][usize::from(file.kind % 3)],
        rate: file.rate.unwrap_or(sequence).0,
        first: time(file.first),
        drop: file.drop,
        frames: file.frames.map(time),
        size: file.size,
        pixel_aspect: file.pixel_aspect,
        fields: [FieldOrder::Progressive, FieldOrder::Upper, FieldOrder::Lower]
            [usize::from(file.fields % 3)],
        rotation: [0, 90, 180, 270][usize::from(file.turns % 4)],
        sound: file.sound.iter().map(sound).collect(),
        reel: file.reel.map(str::to_owned),
        offline: file.offline,
    }
}

fn page(input: &Input<'_>) -> ContactSheet {
    let rows = input.takes.iter().map(|range| SheetRow {
        picture: range.keywords.first().map(|word| (*word).to_owned()),
        name: range.name.to_owned(),
        media_path: input.first.path.to_owned(),
        start: String::new(),
        end: String::new(),
        length: String::new(),
        lines: range.keywords.iter().map(|word| (*word).to_owned()).collect(),
    });
    ContactSheet { title: input.name.to_owned(), summary: String::new(), rows: rows.collect() }
}
