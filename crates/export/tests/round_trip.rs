//! Captions as programs read them that have nothing to do with ours: pysubs2 and webvtt-py.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod common;
mod parsers;

use common::{said_by, sentence, transcript};
use fs_err as fs;
use rushes_export::{Format, Segment, Transcript};
use serde_json::Value;

/// One caption: begin and end in milliseconds, text, and who speaks.
type Read = (u64, u64, String, Option<String>);

/// What each reader finds.
fn read(document: &str, extension: &str) -> Vec<(String, Vec<Read>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("captions").with_extension(extension);
    fs::write(&path, document).unwrap();
    let found = parsers::read("read_captions.py", &[path]);
    let captions = |all: &Value| serde_json::from_value(all.clone()).unwrap();
    found.as_object().unwrap().iter().map(|(by, all)| (by.clone(), captions(all))).collect()
}

/// What we wrote, told from the text of an SRT or VTT document by its own rules: blocks parted by empty
/// lines, a line with the times, the lines of text.
fn written(document: &str) -> Vec<(u64, u64, String)> {
    let document = document.replace("\r\n", "\n");
    let blocks = document.split("\n\n").filter(|block| block.contains(" --> "));
    let block = |block: &str| {
        let (head, text) = block.split_once(" --> ").unwrap();
        let (end, text) = text.split_once('\n').unwrap();
        let start = milliseconds(head.lines().last().unwrap());
        (start, milliseconds(end), text.trim_end().to_owned())
    };
    blocks.map(block).collect()
}

fn milliseconds(clock: &str) -> u64 {
    let parts: Vec<u64> = clock.split([':', ',', '.']).map(|part| part.parse().unwrap()).collect();
    let [hours, minutes, seconds, rest] = parts[..] else { panic!("{clock} is no time") };
    ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest
}

/// An hour and more of talk with everything in it that formats may trip over.
fn talk() -> Transcript {
    let texts = [
        "“Where were you,” she said, “when the film was shot?”",
        "a < b && c > d, <i>really</i>, &amp; so on.",
        "42",
        "One --> two, and {\\an8} nothing else.",
        "Größe, Łódź, 日本語, العربية 🎬 and e\u{301}.",
        "WEBVTT NOTE STYLE",
        "I had a long day in which nothing happened that anybody would have wanted to film, \
         not even the weather, which was as it always is.",
    ];
    let segment = |n: usize| -> Segment {
        let start = n as f64 * 97.001 + 0.0004;
        let one = sentence(texts[n % texts.len()], start, 14.0 + n as f64);
        match n % 3 {
            0 => said_by("SPEAKER_00", Some("Anna & <Co>"), one),
            1 => said_by("SPEAKER_01", None, one),
            _ => one,
        }
    };
    transcript((0..42).map(segment).collect())
}

#[test]
fn srt_is_read_by_others_as_it_was_written() {
    let document = Format::Srt.write(&talk()).unwrap();
    let ours = written(&document);
    assert!(ours.len() > 42 && ours.last().unwrap().0 > 3_600_000);
    let found = read(&document, "srt");
    assert_eq!(found.len(), 1);
    for (by, captions) in found {
        let theirs: Vec<_> =
            captions.into_iter().map(|(from, to, text, _)| (from, to, text)).collect();
        assert_eq!(theirs, ours, "{by}");
    }
}

#[test]
fn vtt_is_read_by_others_as_it_was_written() {
    let document = Format::Vtt.write(&talk()).unwrap();
    let ours = written(&document);
    let found = read(&document, "vtt");
    assert_eq!(found.len(), 2);
    let times = |one: &Read| (one.0, one.1);
    for (by, captions) in &found {
        let ours: Vec<_> = ours.iter().map(|(from, to, _)| (*from, *to)).collect();
        assert_eq!(captions.iter().map(times).collect::<Vec<_>>(), ours, "{by}");
    }
    let (_, captions) = found.iter().find(|(by, _)| by == "webvtt").unwrap();
    let plain = |text: &str| text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    for ((.., text, voice), (.., written)) in captions.iter().zip(&ours) {
        let (tag, said) = match written.strip_prefix("<v ") {
            Some(tagged) => tagged.split_once('>').map(|(name, said)| (Some(name), said)).unwrap(),
            None => (None, written.as_str()),
        };
        assert_eq!(plain(text), plain(said));
        assert_eq!(voice.as_deref().map(plain), tag.map(plain));
    }
    let anna = captions.iter().filter(|(.., voice)| voice.is_some()).count();
    assert!(anna >= 14, "{anna}");
}
