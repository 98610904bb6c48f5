//! FCPXML as others read it, and frame for frame.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod parsers;
mod takes;

use proptest::prelude::*;
use quick_xml::{Reader, escape::unescape, events::Event};
use rushes_export::{Clip, Medium, Take, Timeline, TimelineFormat};
use rushes_model::{FieldOrder, FrameRate, MediaKind, SoundTrack};
use serde_json::Value;
use std::{collections::BTreeMap, io::Write};
use takes::{ODD_NAME, medium, rate, reasoned, selects, take};

/// Rates and start timecodes.
const RATES: [(&str, &str); 10] = [
    ("24000/1001", "01:00:00:00"),
    ("24", "14:59:59:23"),
    ("25", "10:00:00:00"),
    ("30000/1001", "01:00:00;00"),
    ("30000/1001", "01:00:00:00"),
    ("30", "00:00:00:00"),
    ("50", "23:59:00:00"),
    ("60000/1001", "00:59:59;56"),
    ("60000/1001", "02:03:04:05"),
    ("60", "01:00:00:00"),
];

/// An element as a reader of XML finds it.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    fn read(document: &str) -> Self {
        let mut reader = Reader::from_str(document);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => open.push(Self::begun(&start)),
                Event::Empty(empty) => open.last_mut().unwrap().children.push(Self::begun(&empty)),
                Event::End(_) => {
                    let closed = open.pop().unwrap();
                    assert!(!EMPTY.contains(&closed.name.as_str()), "{} has content", closed.name);
                    open.last_mut().unwrap().children.push(closed);
                }
                Event::Text(text) => open.last_mut().unwrap().text += &text.xml10_content(),
                Event::GeneralRef(name) => {
                    let reference = format!("&{};", name.xml10_content());
                    open.last_mut().unwrap().text += &unescape(&reference).unwrap();
                }
                Event::Eof => break,
                _ => {}
            }
        }
        open.pop().unwrap().children.remove(0)
    }

    fn begun(start: &quick_xml::events::BytesStart<'_>) -> Self {
        let attribute = |found: quick_xml::events::attributes::Attribute<'_>| {
            let key = found.key.as_ref().to_owned();
            (key, found.normalized_value(quick_xml::XmlVersion::Explicit1_0).unwrap().into_owned())
        };
        Self {
            name: start.name().as_ref().to_owned(),
            attributes: start.attributes().map(|found| attribute(found.unwrap())).collect(),
            ..Self::default()
        }
    }

    fn get(&self, attribute: &str) -> &str {
        self.find(attribute).unwrap_or_else(|| panic!("{} has no {attribute}", self.name))
    }

    fn find(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).map(String::as_str)
    }

    fn child(&self, name: &str) -> &Self {
        self.named(name).next().unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    fn with_id(&self, id: &str) -> &Self {
        let mut found = self.children.iter().filter(|child| child.find("id") == Some(id));
        let only = found.next().unwrap_or_else(|| panic!("{id} is not there"));
        assert!(found.next().is_none(), "{id} is there twice");
        only
    }

    /// A time as whole frames of a rate, which it has to be.
    fn frames(&self, attribute: &str, rate: FrameRate) -> u64 {
        let text = self.get(attribute);
        let (value, scale) = parts(text);
        let (frames, rest) = {
            let (num, den) = (u128::from(rate.num()), u128::from(rate.den()));
            (value * num / (scale * den), value * num % (scale * den))
        };
        assert_eq!(rest, 0, "{attribute} of {} is {text}, no frames of {rate}", self.name);
        frames.try_into().unwrap()
    }
}

/// Elements that the DTD wants empty.
const EMPTY: [&str; 5] = ["format", "marker", "keyword", "conform-rate", "md"];

fn parts(time: &str) -> (u128, u128) {
    let time = time.strip_suffix('s').unwrap_or_else(|| panic!("{time} is no time"));
    let (value, scale) = time.split_once('/').unwrap_or((time, "1"));
    (value.parse().unwrap(), scale.parse().unwrap())
}

fn decoded(url: &str) -> String {
    let mut parts = url.strip_prefix("file://").unwrap().split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).unwrap()
}

fn write(timeline: &Timeline) -> String {
    TimelineFormat::Fcpxml.write(timeline).unwrap().content
}

/// Reads a document, and compares everything in it with what it was to say.
fn check(timeline: &Timeline, document: &str) {
    let root = Element::read(document);
    assert_eq!((root.name.as_str(), root.get("version")), ("fcpxml", "1.10"));
    let event = root.child("library").child("event");
    let project = event.child("project");
    assert_eq!((event.get("name"), project.get("name")), (&*timeline.name, &*timeline.name));
    let sequence = project.child("sequence");
    assert_eq!(sequence.frames("duration", timeline.rate), timeline.frames());
    assert_eq!(sequence.frames("tcStart", timeline.rate), timeline.start);
    assert_eq!(sequence.get("tcFormat"), if timeline.drop { "DF" } else { "NDF" });
    let format = root.child("resources").with_id(sequence.get("format"));
    assert_eq!(format.frames("frameDuration", timeline.rate), 1);
    let stories = &sequence.child("spine").children;
    assert_eq!(stories.len(), timeline.clips.len());
    let mut next = timeline.start;
    for (clip, story) in timeline.clips.iter().zip(stories) {
        assert_eq!(story.frames("offset", timeline.rate), next, "clips abut");
        next += story.frames("duration", timeline.rate);
        assert_eq!(next, timeline.start + clip.record.end);
        check_story(timeline, clip, story, root.child("resources"));
    }
}

fn check_story(timeline: &Timeline, clip: &Clip, story: &Element, resources: &Element) {
    let medium = timeline.medium(clip);
    let asset = resources.with_id(story.get("ref"));
    assert_eq!(story.get("name"), clip.name);
    assert_eq!(story.frames("start", medium.rate), medium.first + clip.source.start);
    if medium.kind == MediaKind::Image {
        assert_eq!((story.name.as_str(), asset.get("duration")), ("video", "0s"));
        assert!(resources.with_id(asset.get("format")).find("frameDuration").is_none());
    } else {
        assert_eq!(story.name, "asset-clip");
        assert_eq!(story.get("tcFormat"), if medium.drop { "DF" } else { "NDF" });
        assert_eq!(asset.frames("start", medium.rate), medium.first);
        let frames = asset.frames("duration", medium.rate);
        assert!(frames >= medium.frames.unwrap_or(0) && frames >= clip.source.end);
        let (value, scale) = parts(story.get("duration"));
        let left = u128::from(frames - clip.source.start) * u128::from(medium.rate.den());
        let inside = value * u128::from(medium.rate.num()) <= left * scale;
        let known = medium.frames.is_some() && clip.record.end - clip.record.start > 1;
        assert!(inside || !known, "a clip outlasts its medium");
    }
    if medium.kind == MediaKind::Video {
        let format = resources.with_id(story.get("format"));
        assert_eq!(asset.get("format"), story.get("format"));
        assert_eq!(format.frames("frameDuration", medium.rate), 1);
        let size = [medium.size.0.to_string(), medium.size.1.to_string()];
        assert_eq!([format.get("width"), format.get("height")], size);
    }
    let source = asset.child("media-rep");
    assert_eq!(source.get("kind"), "original-media");
    assert_eq!(decoded(source.get("src")), medium.path);
    assert_eq!(asset.find("hasVideo").is_some(), medium.has_pictures());
    assert_eq!(asset.find("hasAudio").is_some(), !medium.sound.is_empty());
    check_remarks(clip, story, medium);
}

/// Markers and keywords, and that everything in a clip comes in the DTD's order.
fn check_remarks(clip: &Clip, story: &Element, medium: &Medium) {
    let order = ["note", "conform-rate", "marker", "keyword"];
    let place = |child: &Element| order.iter().position(|name| *name == child.name).unwrap();
    assert!(story.children.is_sorted_by_key(place));
    let notes: Vec<_> = clip.markers.iter().map(|marker| &*marker.note).collect();
    let note = story.named("note").map(|note| &*note.text).collect::<String>();
    assert_eq!(note, notes.join("\n\n"));
    let markers: Vec<_> = story.named("marker").collect();
    assert_eq!(markers.len(), clip.markers.len());
    for (marker, found) in clip.markers.iter().zip(markers) {
        assert_eq!(found.frames("start", medium.rate), medium.first + marker.source.start);
        let length = marker.source.end - marker.source.start;
        assert_eq!(found.frames("duration", medium.rate), length);
        assert_eq!(found.get("value"), marker.name);
        assert_eq!(found.find("note").unwrap_or(""), marker.note, "with its lines");
    }
    if !clip.keywords.is_empty() {
        let keyword = story.child("keyword");
        assert_eq!(keyword.frames("start", medium.rate), medium.first + clip.source.start);
        let length = clip.source.end - clip.source.start;
        assert_eq!(keyword.frames("duration", medium.rate), length);
        assert_eq!(keyword.get("value").split(", ").collect::<Vec<_>>(), clip.keywords);
    }
}

/// What `OpenTimelineIO`'s adapter finds: the one timeline. It looks for files where versions before
/// 1.9 had them, and fails on stills in the spine.
fn read_by_otio(document: &str) -> Value {
    let mut assets = document.split("<asset ");
    let mut document = assets.next().unwrap().to_owned();
    for asset in assets {
        let source = &asset[asset.find("src=").unwrap()..asset.find("/>").unwrap()];
        document += &format!("<asset {source} {asset}");
    }
    let mut file = tempfile::Builder::new().suffix(".fcpxml").tempfile().unwrap();
    file.write_all(document.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    let found = parsers::read("read_timeline.py", &[path, "fcpx_xml"]);
    assert_eq!(found.as_array().unwrap().len(), 1);
    found[0].clone()
}

/// What the adapter makes of a time: whole frames of whole rates, cut off, so that at 29.97 it counts
/// 29 frames a second.
fn cut_off(frames: u64, rate: FrameRate) -> f64 {
    let base = f64::from(rate.num() / rate.den());
    (frames as f64 * f64::from(rate.den()) / f64::from(rate.num()) * base).trunc()
}

/// Compares what the adapter finds with what was written, as exactly as it can tell.
fn check_by_otio(timeline: &Timeline, document: &str) {
    let found = read_by_otio(document);
    assert_eq!(found["name"], timeline.name);
    assert_eq!(found["tracks"].as_array().unwrap().len(), 1);
    let clips = found["tracks"][0]["clips"].as_array().unwrap();
    assert_eq!(clips.len(), timeline.clips.len());
    for clip in &timeline.clips {
        let medium = timeline.medium(clip);
        // It sorts clips of several rates by what it makes of each.
        let found = clips.iter().find(|found| found["name"] == clip.name).unwrap();
        // It multiplies doubles before it cuts off, which may take one more frame.
        let near = |found: &Value, frames, rate: FrameRate| {
            let off = cut_off(frames, rate) - found[0].as_f64().unwrap();
            assert!(
                (0.0..=1.0).contains(&off) && (off == 0.0 || rate.den() != 1),
                "{found} {frames}"
            );
        };
        assert_eq!(decoded(found["url"].as_str().unwrap()), medium.path);
        near(&found["source"]["start"], medium.first + clip.source.start, medium.rate);
        near(&found["available"]["start"], medium.first, medium.rate);
        if medium.rate == timeline.rate {
            near(&found["source"]["duration"], clip.record.end - clip.record.start, medium.rate);
        }
        // Its track begins at midnight, and what it has cut off it fills with gaps.
        if timeline.rate.den() == 1
            && timeline.media.iter().all(|medium| medium.rate == timeline.rate)
        {
            near(&found["record"]["start"], timeline.start + clip.record.start, timeline.rate);
        }
        let names: Vec<_> =
            found["markers"].as_array().unwrap().iter().map(|m| &m["name"]).collect();
        assert_eq!(names, clip.markers.iter().map(|marker| &marker.name).collect::<Vec<_>>());
    }
}

/// Several clips of one file and one of another, with all there is to say about some.
fn cut(rate: FrameRate, start: &str) -> Timeline {
    let media = vec![
        medium("/Volumes/A & B/ü#1 100%.mov", rate, start),
        medium("/b.mov", rate, "00:00:00:00"),
    ];
    let takes = vec![
        reasoned(take(0, ODD_NAME, 1234, 77)),
        take(1, "b", 0, 1),
        Take { handle: 12, ..reasoned(take(0, "again", 17_983, 250)) },
        take(0, "first frame", 0, 24),
    ];
    selects(rate, media, takes).assemble()
}

#[test]
fn every_frame_is_right_at_every_rate() {
    for (text, start) in RATES {
        let timeline = cut(rate(text), start);
        let document = write(&timeline);
        check(&timeline, &document);
        check_by_otio(&timeline, &document);
    }
}

#[test]
fn media_of_other_rates_keep_their_frames_and_the_sequence_has_its_own() {
    for (sequence, start) in RATES {
        let media = RATES.iter().enumerate();
        let media = media.map(|(n, (text, start))| medium(&format!("/{n}.mov"), rate(text), start));
        let takes =
            (0..30).map(|n| reasoned(take(n % 10, &format!("take {n}"), 100 + n as u64 * 91, 49)));
        let mut selects = selects(rate(sequence), media.collect(), takes.collect());
        selects.timeline.start = medium("/", rate(sequence), start).first;
        let timeline = selects.assemble();
        let document = write(&timeline);
        check(&timeline, &document);
        check_by_otio(&timeline, &document);
        let root = Element::read(&document);
        let stories = &root.child("library").child("event").child("project").child("sequence");
        for (clip, story) in timeline.clips.iter().zip(&stories.child("spine").children) {
            let conforms: Vec<_> = story.named("conform-rate").collect();
            let differs = timeline.medium(clip).rate != timeline.rate;
            assert_eq!(conforms.len(), usize::from(differs));
            assert!(conforms.iter().all(|conform| conform.get("scaleEnabled") == "0"));
        }
    }
}

#[test]
fn what_final_cut_pro_has_no_words_for_is_not_made_up() {
    let slow = rate("15");
    let timeline = selects(
        slow,
        vec![medium("/a.mov", rate("1000/33"), "00:00:00:00")],
        vec![take(0, "odd", 3, 100)],
    );
    let written = TimelineFormat::Fcpxml.write(&timeline.assemble()).unwrap();
    assert_eq!(written.warnings.len(), 1, "{:?}", written.warnings);
    assert!(!written.content.contains("conform-rate") && !written.content.contains("FFVideo"));
}

#[test]
fn stills_sound_and_odd_pictures_are_told_as_what_they_are() {
    let pal = rate("25");
    let still = Medium {
        kind: MediaKind::Image,
        frames: None,
        size: (4000, 3000),
        sound: vec![],
        ..medium("/still.jpg", pal, "00:00:00:00")
    };
    let sound = Medium {
        kind: MediaKind::Audio,
        size: (0, 0),
        sound: vec![SoundTrack { channels: 2, sample_rate: 96_000 }],
        ..medium("/sound.wav", pal, "09:00:00:00")
    };
    let tape = Medium {
        size: (1440, 1080),
        pixel_aspect: (4, 3),
        fields: FieldOrder::Upper,
        reel: Some("TAPE & 1".to_owned()),
        ..medium("/tape.mxf", pal, "09:00:00:00")
    };
    let upright = Medium {
        size: (1080, 1920),
        rotation: 90,
        frames: None,
        offline: true,
        sound: vec![],
        ..medium("/phone.mp4", pal, "00:00:00:00")
    };
    let takes = (0..4).map(|n| reasoned(take(n, "take", 10, 50))).collect();
    let timeline = selects(pal, vec![still, sound, tape, upright], takes).assemble();
    let document = write(&timeline);
    check(&timeline, &document);
    let root = Element::read(&document);
    let formats: Vec<_> =
        root.child("resources").named("format").map(|format| &format.attributes).collect();
    let told = |n: usize, keys: &[&str]| -> Vec<Option<&str>> {
        keys.iter().map(|key| formats[n].get(*key).map(String::as_str)).collect()
    };
    let undefined = Some("FFVideoFormatRateUndefined");
    assert_eq!(told(1, &["name", "width"]), [undefined, Some("4000")]);
    assert_eq!(told(2, &["name", "width"]), [undefined, None]);
    assert_eq!(
        told(3, &["name", "fieldOrder", "paspH", "paspV"]),
        [None, Some("upper first"), Some("4"), Some("3")]
    );
    assert_eq!(told(4, &["name", "width", "height"]), [None, Some("1080"), Some("1920")]);
    let assets: Vec<_> = root.child("resources").named("asset").collect();
    assert_eq!(assets[1].get("audioRate"), "96000");
    assert_eq!(assets[2].child("metadata").child("md").get("value"), "TAPE & 1");
    // Nobody knows how long it is: as long as the clip needs.
    assert_eq!(assets[3].frames("duration", pal), 60);
}

#[test]
fn names_survive_whatever_they_are_made_of() {
    let pal = rate("25");
    let long = "ü".repeat(300);
    let names =
        ["a/b\\c:d", "two\nlines\tand\rmore", "<!-- & --> &amp; &#10; ]]>", "'\"🎬", &long, " "];
    let takes = names.iter().map(|name| Take {
        reason: Some(((*name).to_owned(), (*name).to_owned())),
        ..take(0, name, 5, 5)
    });
    let media = vec![medium("/odd\n\u{1}name\u{7f}.mov", pal, "00:00:00:00")];
    let timeline = selects(pal, media, takes.collect()).assemble();
    let document = write(&timeline);
    check(&timeline, &document);
    check_by_otio(&timeline, &document);
    // XML has no control characters, not even escaped.
    let mut takes = timeline.clone();
    takes.clips[0].name = "bell \u{7} and \u{ffff}".to_owned();
    let shown = read_by_otio(&write(&takes))["tracks"][0]["clips"][0]["name"].clone();
    assert_eq!(shown, "bell \u{fffd} and \u{fffd}");
}

#[test]
fn commas_do_not_part_keywords() {
    let keywords = vec!["a dog, a cat".to_owned(), "Zoë".to_owned()];
    let takes = vec![Take { keywords, ..take(0, "a", 0, 5) }];
    let timeline = selects(rate("25"), vec![medium("/a.mov", rate("25"), "00:00:00:00")], takes);
    let written = TimelineFormat::Fcpxml.write(&timeline.assemble()).unwrap();
    assert!(written.content.contains(r#"value="a dog; a cat, Zoë""#));
    assert_eq!(written.warnings.len(), 1);
}

/// A medium at any of the rates, and takes of it as index, first frame and length.
fn any_timeline() -> impl Strategy<Value = Timeline> {
    let media = prop::collection::vec((0..RATES.len(), 0u64..2_000_000, any::<bool>()), 1..5);
    let takes =
        prop::collection::vec((any::<prop::sample::Index>(), 0u64..9_000_000, 1u64..5000), 0..12);
    (0..RATES.len(), 0u64..2_000_000, media, takes).prop_map(|(sequence, start, media, takes)| {
        let media: Vec<_> = media
            .into_iter()
            .map(|(n, first, known)| {
                let medium = medium("/any.mov", rate(RATES[n].0), RATES[n].1);
                Medium { first, frames: medium.frames.filter(|_| known), ..medium }
            })
            .collect();
        let takes = takes.iter().map(|(medium, from, length)| Take {
            handle: from % 50,
            ..reasoned(take(medium.index(media.len()), "any", *from, *length))
        });
        let takes = takes.collect();
        let mut selects = selects(rate(RATES[sequence].0), media, takes);
        selects.timeline.start = start;
        selects.assemble()
    })
}

proptest! {
    #[test]
    fn every_time_is_a_frame(timeline in any_timeline()) {
        check(&timeline, &write(&timeline));
    }
}
