//! xmeml as others read it: OpenTimelineIO's adapter, xmllint, and a reader that knows only Apple's words.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod parsers;
mod takes;
mod tree;

use fs_err as fs;
use proptest::prelude::*;
use rushes_export::{Clip, Medium, Take, Timeline, TimelineFormat};
use rushes_model::{FieldOrder, MediaKind, SoundTrack};
use serde_json::Value;
use std::collections::HashMap;
use takes::{ODD_NAME, medium, rate, reasoned, selects, take};
use tree::Element;

fn written(timeline: &Timeline) -> String {
    TimelineFormat::Xmeml.write(timeline).unwrap().content
}

fn warnings(timeline: &Timeline) -> Vec<String> {
    TimelineFormat::Xmeml.write(timeline).unwrap().warnings
}

/// The tracks of picture and those of sound, as `OpenTimelineIO` finds them; xmllint has looked before.
fn read_by_otio(timeline: &Timeline) -> (Vec<Value>, Vec<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timeline.xml");
    fs::write(&path, written(timeline)).unwrap();
    parsers::well_formed(&path);
    let found = parsers::read("read_timeline.py", &[path.to_str().unwrap(), "fcp_xml"]);
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["name"], timeline.name.replace(['\n', '\r', '\t'], " "));
    assert_eq!(frame(&found[0]["start"], timeline), timeline.start);
    let tracks = found[0]["tracks"].as_array().unwrap().clone();
    tracks.into_iter().partition(|track| track["kind"] == "Video")
}

/// A time in frames of the sequence, exact.
fn frame(time: &Value, timeline: &Timeline) -> u64 {
    let value = frames(time, timeline);
    assert!((value - value.round()).abs() < 1e-3, "{value} is no frame");
    value.round() as u64
}

/// A time in frames of the sequence.
fn frames(time: &Value, timeline: &Timeline) -> f64 {
    time[0].as_f64().unwrap() / time[1].as_f64().unwrap() * timeline.rate.as_f64()
}

/// The path of a URL that our writer may have made.
fn path(url: &str) -> String {
    let rest = url.strip_prefix("file://").unwrap();
    let (host, rest) = rest.split_at(rest.find('/').unwrap());
    let mut bytes = Vec::new();
    let mut letters = rest.bytes();
    while let Some(letter) = letters.next() {
        let digits = if letter == b'%' { [letters.next(), letters.next()] } else { [None; 2] };
        bytes.push(match digits {
            [Some(high), Some(low)] => {
                u8::from_str_radix(std::str::from_utf8(&[high, low]).unwrap(), 16).unwrap()
            }
            _ => letter,
        });
    }
    let path = String::from_utf8(bytes).unwrap();
    match host {
        "localhost" if path.as_bytes().get(2) == Some(&b':') => path[1..].replace('/', "\\"),
        "localhost" => path,
        share => format!(r"\\{share}{}", path.replace('/', "\\")),
    }
}

/// Whether a clip that was found is one that was written, frame for frame.
fn assert_same(found: &Value, clip: &Clip, timeline: &Timeline) {
    let medium = timeline.medium(clip);
    assert_eq!(found["name"], clip.name.as_str());
    assert_eq!(path(found["url"].as_str().unwrap()), medium.path);
    let first = if medium.kind == MediaKind::Image { 0 } else { medium.first };
    let length = clip.record.end - clip.record.start;
    assert_eq!(frame(&found["record"]["start"], timeline), clip.record.start);
    assert_eq!(frame(&found["record"]["duration"], timeline), length);
    assert_eq!(frame(&found["source"]["duration"], timeline), length);
    // Never before the chosen frame, and less than a frame of the sequence after it.
    let begin = (first + clip.source.start) as f64 / medium.rate.as_f64() * timeline.rate.as_f64();
    let late = frames(&found["source"]["start"], timeline) - begin;
    let allowed = if medium.rate == timeline.rate { 1e-3 } else { 1.0 };
    assert!((-1e-3..allowed).contains(&late), "{late} frames late at {}", medium.rate);
    let available = &found["available"];
    assert_eq!(available["start"][0].as_f64().unwrap(), first as f64);
    let frames = medium.frames.unwrap_or(clip.source.end).max(clip.source.end);
    assert_eq!(available["duration"][0].as_f64().unwrap(), frames as f64);
    let rate = available["duration"][1].as_f64().unwrap();
    assert!((rate - medium.rate.as_f64()).abs() < 1e-9, "{rate} for {}", medium.rate);
}

fn assert_markers(found: &Value, clip: &Clip) {
    let found = found["markers"].as_array().unwrap();
    assert_eq!(found.len(), clip.markers.len());
    for (found, marker) in found.iter().zip(&clip.markers) {
        assert_eq!(found["name"], marker.name.as_str());
        assert_eq!(found["metadata"]["fcp_xml"]["comment"], marker.note.as_str());
        assert_eq!(found["range"]["start"][0], marker.source.start as f64);
        assert_eq!(found["range"]["duration"][0], (marker.source.end - marker.source.start) as f64);
    }
}

/// Two media with two tracks of mono, four takes, three of them of one medium and one with handles.
fn four(rate_text: &str, start: &str) -> Timeline {
    let rate = rate(rate_text);
    let media = vec![
        medium("/footage/Día & <1>/a b%.mov", rate, start),
        medium(r"C:\Rushes\b c.mov", rate, start),
    ];
    let first = Take { handle: 12, ..reasoned(take(0, ODD_NAME, 40_007, 333)) };
    let takes = vec![
        first,
        take(0, "second", 3, 1),
        reasoned(take(1, "third", 17_981, 1801)),
        take(0, "fourth", 50_000, 25),
    ];
    selects(rate, media, takes).assemble()
}

const RATES: [(&str, &str); 10] = [
    ("24000/1001", "01:02:03:04"),
    ("24", "10:59:58:23"),
    ("25", "00:00:00:00"),
    ("30000/1001", "01:00:59;29"),
    ("30000/1001", "01:00:59:29"),
    ("30", "09:08:07:06"),
    ("50", "01:00:00:49"),
    ("60000/1001", "01:09:59;59"),
    ("60000/1001", "23:59:59:59"),
    ("60", "22:00:00:59"),
];

#[test]
fn others_find_every_frame_at_every_rate() {
    for (rate, start) in RATES {
        let timeline = four(rate, start);
        assert_eq!(warnings(&timeline), Vec::<String>::new());
        let (video, audio) = read_by_otio(&timeline);
        assert_eq!((video.len(), audio.len()), (1, 2));
        for track in [&video[0], &audio[0], &audio[1]] {
            let clips = track["clips"].as_array().unwrap();
            assert_eq!(clips.len(), timeline.clips.len());
            for (found, clip) in clips.iter().zip(&timeline.clips) {
                assert_same(found, clip, &timeline);
            }
        }
        for (found, clip) in video[0]["clips"].as_array().unwrap().iter().zip(&timeline.clips) {
            assert_markers(found, clip);
        }
    }
}

#[test]
fn media_of_other_rates_begin_at_the_frame_that_was_chosen() {
    let start = "01:00:00:00";
    let media: Vec<Medium> =
        RATES.iter().map(|(of, _)| medium(&format!("/{of}.mov"), rate(of), start)).collect();
    for (sequence, _) in RATES {
        let takes = (0..media.len() * 7).map(|n| take(n % media.len(), "one", 1000 + n as u64, 49));
        let timeline = selects(rate(sequence), media.clone(), takes.collect()).assemble();
        let (video, _) = read_by_otio(&timeline);
        for (found, clip) in video[0]["clips"].as_array().unwrap().iter().zip(&timeline.clips) {
            assert_same(found, clip, &timeline);
        }
        assert_eq!(warnings(&timeline).len(), 1, "{:?}", warnings(&timeline));
        tree_agrees(&timeline);
    }
}

fn sounds(channels: &[u32]) -> Vec<SoundTrack> {
    channels.iter().map(|&channels| SoundTrack { channels, sample_rate: 48_000 }).collect()
}

#[test]
fn every_channel_is_heard_from_its_own_place() {
    let layouts: [(MediaKind, &[u32]); 9] = [
        (MediaKind::Video, &[1, 1]),
        (MediaKind::Video, &[2]),
        (MediaKind::Video, &[6]),
        (MediaKind::Video, &[2, 2]),
        (MediaKind::Video, &[]),
        (MediaKind::Audio, &[1]),
        (MediaKind::Audio, &[2]),
        (MediaKind::Image, &[]),
        (MediaKind::Video, &[2, 1, 1]),
    ];
    let rate = rate("25");
    let one = |(n, (kind, channels)): (usize, &(MediaKind, &[u32]))| Medium {
        kind: *kind,
        sound: sounds(channels),
        frames: (*kind != MediaKind::Image).then_some(90_000),
        offline: n % 2 == 0,
        ..medium(&format!(r"\\nas\Rushes\{n} – a.mov"), rate, "01:00:00:00")
    };
    let media: Vec<Medium> = layouts.iter().enumerate().map(one).collect();
    let takes = (0..media.len()).map(|n| reasoned(take(n, "one", 10 * n as u64, 50))).collect();
    let timeline = selects(rate, media, takes).assemble();
    let (video, audio) = read_by_otio(&timeline);
    // Two of a stereo pair, which the adapter takes for one, and six of mono.
    assert_eq!((video.len(), audio.len()), (1, 7));
    let starts = |track: &Value| -> Vec<u64> {
        let clips = track["clips"].as_array().unwrap();
        clips.iter().map(|clip| frame(&clip["record"]["start"], &timeline) / 50).collect()
    };
    assert_eq!(starts(&video[0]), [0, 1, 2, 3, 4, 7, 8]);
    assert_eq!(starts(&audio[0]), [1, 6], "stereo");
    assert_eq!(starts(&audio[1]), [0, 2, 3, 5, 8], "first channels");
    assert_eq!(starts(&audio[2]), [0, 2, 3, 8]);
    assert_eq!(starts(&audio[4]), [2, 3, 8]);
    assert_eq!(starts(&audio[6]), [2], "5.1");
    for track in video.iter().chain(&audio) {
        for found in track["clips"].as_array().unwrap() {
            let index = frame(&found["record"]["start"], &timeline) / 50;
            assert_same(found, &timeline.clips[index as usize], &timeline);
        }
    }
    tree_agrees(&timeline);
}

/// Facts of an analysis that came from elsewhere may say anything.
#[test]
fn channels_without_end_are_left_out_and_said() {
    let mut timeline = four("25/1", "01:00:00:00");
    timeline.media[0].sound = sounds(&[u32::MAX, 2, u32::MAX]);
    let document = written(&timeline);
    assert!(document.len() < 4 << 20, "{} bytes", document.len());
    assert!(document.contains("<sourcechannel>64</sourcechannel>"));
    assert!(!document.contains("<sourcechannel>65</sourcechannel>"));
    let said = warnings(&timeline);
    assert!(said.iter().any(|one| one.contains("more than 64 channels")), "{said:?}");
    for format in [TimelineFormat::Fcpxml, TimelineFormat::Edl, TimelineFormat::Otio] {
        assert!(format.write(&timeline).unwrap().content.len() < 1 << 20, "{format:?}");
    }
}

#[test]
fn pictures_are_described_as_they_are() {
    let rate = rate("30000/1001");
    let odd = Medium {
        size: (720, 480),
        pixel_aspect: (32, 27),
        fields: FieldOrder::Lower,
        reel: Some("A001 & Ä".to_owned()),
        ..medium("/dv.mov", rate, "01:00:00;02")
    };
    let turned = Medium {
        rotation: 90,
        size: (1080, 1920),
        pixel_aspect: (2, 3),
        ..medium("/phone.mov", rate, "00:00:00;00")
    };
    let still = Medium {
        kind: MediaKind::Image,
        frames: None,
        sound: Vec::new(),
        ..medium("/still.jpg", rate, "00:00:00;00")
    };
    let takes = vec![take(0, "dv", 0, 30), take(1, "phone", 0, 30), take(2, "still", 0, 150)];
    let timeline = selects(rate, vec![odd, turned, still], takes).assemble();
    let said = warnings(&timeline);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].contains("1 files have pixels") && said[1].contains("1 files are stored turned")
    );
    let document = tree::read(&written(&timeline));
    let files = document.all("file").filter(|file| !file.children.is_empty()).collect::<Vec<_>>();
    let picture = |index: usize| files[index].at("media/video/samplecharacteristics").unwrap();
    assert_eq!(picture(0).text("pixelaspectratio"), "NTSC-601");
    assert_eq!(picture(0).text("anamorphic"), "TRUE");
    assert_eq!(picture(0).text("fielddominance"), "lower");
    assert_eq!(files[0].text("timecode/string"), "01:00:00;02");
    assert_eq!(files[0].text("timecode/displayformat"), "DF");
    assert_eq!(files[0].text("timecode/reel/name"), "A001 & Ä");
    assert_eq!((picture(1).text("width"), picture(1).text("height")), ("1080", "1920"));
    assert_eq!(picture(1).text("pixelaspectratio"), "square");
    assert!(files[2].at("timecode").is_none() && files[2].at("media/audio").is_none());
    assert_eq!(files[2].text("duration"), "150");
    let stills = document.all("clipitem").filter(|item| item.at("stillframe").is_some());
    assert_eq!(stills.map(|item| item.text("name")).collect::<Vec<_>>(), ["still"]);
    let sequence = document.at("sequence").unwrap();
    assert_eq!(sequence.text("timecode/string"), "01:00:00;00");
    assert_eq!(sequence.text("media/video/format/samplecharacteristics/width"), "1920");
    read_by_otio(&timeline);
}

#[test]
fn rates_without_a_name_are_said() {
    let media = vec![
        medium("/phone.mov", rate("2983/100"), "00:00:00:00"),
        medium("/camera.mov", rate("2997/100"), "00:00:00:00"),
    ];
    let takes = vec![take(0, "phone", 1000, 30), take(1, "camera", 1000, 30)];
    let timeline = selects(rate("30000/1001"), media, takes).assemble();
    let said = warnings(&timeline);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("1 files have a frame rate without a name"));
    assert!(said[1].starts_with("1 clips begin between two frames"));
    let starts: Vec<String> = tree::read(&written(&timeline))
        .at("sequence/media/video/track")
        .unwrap()
        .all("in")
        .map(|start| start.text.clone())
        .collect();
    // 1000 frames at 29.83 last 1004.66 at 29.97.
    assert_eq!(starts, ["1005", "1000"]);
}

#[test]
fn what_names_may_hold_arrives() {
    let long = "ab ".repeat(100);
    for (name, expected) in [
        (ODD_NAME, ODD_NAME),
        ("two\nlines\tand\rmore", "two lines and more"),
        ("\u{1}\u{1b}[31m\u{fffe}", "\u{fffd}\u{fffd}[31m\u{fffd}"),
        (&long, &long),
        ("", ""),
        ("<![CDATA[&amp;]]>", "<![CDATA[&amp;]]>"),
    ] {
        let mut timeline = four("25", "00:00:00:00");
        timeline.clips[1].name = name.to_owned();
        let document = written(&timeline);
        let root = tree::read(&document);
        let item = root.at("sequence/media/video/track").unwrap().all("clipitem").nth(1).unwrap();
        assert_eq!(item.text("name"), expected);
        let (video, _) = read_by_otio(&timeline);
        assert_eq!(video[0]["clips"][1]["name"], expected);
    }
}

/// Compares what a document says, by the words of Apple's description, with what was to be written.
fn tree_agrees(timeline: &Timeline) {
    let root = tree::read(&written(timeline));
    assert_eq!(root.attribute("version"), Some("4"));
    let sequence = root.at("sequence").unwrap();
    assert_eq!(sequence.number("duration"), timeline.frames());
    let mut files = HashMap::new();
    for file in root.all("file") {
        let id = file.attribute("id").unwrap();
        // The whole file comes first, and once.
        assert_eq!(file.children.is_empty(), files.contains_key(id), "{id}");
        files.entry(id).or_insert(file);
    }
    let places = places(sequence);
    let mut seen = 0;
    for ((media, track, index), item) in &places {
        let clip =
            timeline.clips.iter().find(|clip| clip.record.start == item.number("start")).unwrap();
        seen += 1;
        let file = files[item.at("file").unwrap().attribute("id").unwrap()];
        item_agrees(item, file, clip, timeline);
        let id = item.attribute("id").unwrap();
        let links: Vec<&Element> = item.all("link").collect();
        for link in &links {
            let place =
                (link.text("mediatype"), link.number("trackindex"), link.number("clipindex"));
            assert_eq!(places[&place].attribute("id"), Some(link.text("linkclipref")), "{place:?}");
        }
        let own = links.iter().any(|link| link.text("linkclipref") == id);
        assert!(own || links.is_empty(), "{media} {track} {index}");
    }
    assert_eq!(seen, timeline.clips.iter().map(|clip| items(timeline.medium(clip))).sum::<usize>());
    channels_agree(sequence, timeline);
}

/// How many items a clip of a medium has.
fn items(medium: &Medium) -> usize {
    usize::from(medium.has_pictures()) + channels(medium) as usize
}

fn channels(medium: &Medium) -> u64 {
    medium.sound.iter().map(|track| u64::from(track.channels)).sum()
}

/// Each channel of a clip is heard once, and two that are stereo from the two tracks of a pair.
fn channels_agree(sequence: &Element, timeline: &Timeline) {
    let mut heard: HashMap<u64, Vec<u64>> = HashMap::new();
    for track in sequence.at("media/audio").unwrap().all("track") {
        for item in track.all("clipitem") {
            let channel = item.number("sourcetrack/trackindex");
            heard.entry(item.number("start")).or_default().push(channel);
            let kind = track.attribute("premiereTrackType").unwrap();
            assert_eq!(item.attribute("premiereChannelType").unwrap(), kind.to_lowercase());
            if kind == "Stereo" {
                let index = track.attribute("currentExplodedTrackIndex").unwrap();
                assert_eq!(index, (channel - 1).to_string());
                assert_eq!(track.number("outputchannelindex"), channel);
            }
        }
    }
    for clip in &timeline.clips {
        let found = heard.remove(&clip.record.start).unwrap_or_default();
        assert_eq!(found, (1..=channels(timeline.medium(clip))).collect::<Vec<_>>());
    }
    assert!(heard.is_empty());
}

/// Items by kind, number of track and number in the track.
fn places(sequence: &Element) -> HashMap<(&str, u64, u64), &Element> {
    let mut places = HashMap::new();
    for kind in ["video", "audio"] {
        let tracks = sequence.at("media").unwrap().at(kind).unwrap().all("track");
        for (track, number) in tracks.zip(1..) {
            for (item, index) in track.all("clipitem").zip(1..) {
                places.insert((kind, number, index), item);
            }
        }
    }
    places
}

fn item_agrees(item: &Element, file: &Element, clip: &Clip, timeline: &Timeline) {
    let medium = timeline.medium(clip);
    let length = clip.record.end - clip.record.start;
    let from = item.number("in");
    assert_eq!(item.number("end"), clip.record.end);
    assert_eq!(item.number("out") - from, length);
    assert!(item.number("duration") >= item.number("out"));
    // Seconds times numerators, so that nothing is rounded.
    let (own, of) = (medium.rate, timeline.rate);
    let chosen = u128::from(clip.source.start) * u128::from(own.den()) * u128::from(of.num());
    let one = u128::from(of.den()) * u128::from(own.num());
    let written = u128::from(from) * one;
    assert!(chosen <= written && written < chosen + one, "{} at {own} in {of}", clip.source.start);
    let ticks = 254_016_000_000 * u128::from(clip.source.start) * u128::from(own.den());
    assert_eq!(u128::from(item.number("pproTicksIn")), ticks / u128::from(own.num()));
    let out = item.number("pproTicksOut") - item.number("pproTicksIn");
    assert_eq!(
        u128::from(out),
        254_016_000_000 * u128::from(length) * u128::from(of.den()) / u128::from(of.num())
    );
    assert_eq!(path(file.text("pathurl")), medium.path);
    assert_eq!(file.text("name"), medium.file_name());
    assert_eq!(file.number("rate/timebase"), u64::from(own.timecode_base()));
    assert_eq!(file.text("rate/ntsc"), if own.den() == 1001 { "TRUE" } else { "FALSE" });
    if medium.kind != MediaKind::Image {
        assert_eq!(file.number("timecode/frame"), medium.first);
    }
    if medium.rate == timeline.rate {
        for (found, marker) in item.all("marker").zip(&clip.markers) {
            assert_eq!(found.number("in")..found.number("out"), marker.source);
        }
    }
}

fn any_medium(index: usize) -> impl Strategy<Value = Medium> {
    let kind = prop_oneof![Just(MediaKind::Video), Just(MediaKind::Image), Just(MediaKind::Audio)];
    let sound = prop::collection::vec(prop_oneof![Just(1u32), Just(2), Just(6)], 0..3);
    let name = "[^/\\\\\u{0}-\u{1f}\u{fffe}\u{ffff}]{1,20}";
    (kind, 0..RATES.len(), sound, name, 0u64..86_000, any::<bool>()).prop_map(
        move |(kind, of, channels, name, second, known)| {
            let rate = rate(RATES[of].0);
            Medium {
                kind,
                sound: if kind == MediaKind::Image { Vec::new() } else { sounds(&channels) },
                frames: (known && kind != MediaKind::Image).then_some(500_000),
                first: rate.nearest_frame(second as f64),
                ..medium(&format!("/{index}/{name}"), rate, "00:00:00:00")
            }
        },
    )
}

prop_compose! {
    fn any_timeline()(
        media in (any_medium(0), any_medium(1), any_medium(2)),
        of in 0..RATES.len(),
        drop: bool,
        takes in prop::collection::vec((0usize..3, 0u64..400_000, 1u64..2000, 0u64..50, any::<String>()), 1..12),
    ) -> Timeline {
        let sequence = rate(RATES[of].0);
        let mut media = vec![media.0, media.1, media.2];
        for medium in &mut media {
            if medium.kind != MediaKind::Video {
                // Only moving pictures have a rate of their own.
                medium.rate = sequence;
                medium.first = 0;
            }
        }
        let takes = takes.into_iter().map(|(medium, from, length, handle, name)| {
            Take { handle, ..reasoned(take(medium, &name, from, length)) }
        });
        let mut selects = selects(sequence, media, takes.collect());
        selects.timeline.drop = drop;
        selects.assemble()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_chosen_is_found_again(timeline in any_timeline()) {
        tree_agrees(&timeline);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn whatever_is_chosen_is_found_by_others(mut timeline in any_timeline()) {
        for (n, clip) in timeline.clips.iter_mut().enumerate() {
            clip.name = format!("{n}");
        }
        let (video, audio) = read_by_otio(&timeline);
        for found in video.iter().chain(&audio).flat_map(|track| track["clips"].as_array().unwrap()) {
            let index: usize = found["name"].as_str().unwrap().parse().unwrap();
            let clip = &timeline.clips[index];
            let first_use = timeline.clips.iter().filter(|one| one.medium == clip.medium);
            let needed = first_use.map(|one| one.source.end).max().unwrap();
            let mut known = timeline.clone();
            let frames = &mut known.media[clip.medium].frames;
            *frames = Some(frames.unwrap_or(1).max(needed));
            assert_same(found, clip, &known);
        }
    }
}
