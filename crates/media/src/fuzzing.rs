//! What fuzzing reaches of this crate: readers of what ffmpeg and ffprobe say of files that strangers made,
//! and of stills. There in no build but that of `scripts/fuzz`.

use crate::{
    Tools,
    child::each_line,
    cut,
    ffprobe::Report,
    keyframes::PacketLines,
    messages::{Messages, ReportReader},
    source, still,
};
use rushes_model::MediaFacts;
use std::path::Path;

/// The facts in ffprobe's JSON; cutting asks for its part too.
#[must_use]
pub fn facts(json: &[u8]) -> Option<MediaFacts> {
    let report: Report = serde_json::from_str(&String::from_utf8_lossy(json)).ok()?;
    cut::fuzzing::ask(&report);
    Some(report.facts(1, report.duration().unwrap_or(1.0)))
}

/// Reads each line as that of every child that prints some.
pub fn lines(output: &[u8]) {
    let (mut reports, mut packets) = (ReportReader::default(), PacketLines::default());
    let mut messages = Messages::default();
    each_line(output, |line| {
        let _ = (reports.read(line), packets.key_time(line));
        messages.push(line);
        true
    });
    let _ = messages.text();
    cut::fuzzing::lines(output);
}

/// Measures and decodes a still; what ffmpeg would decode is left alone.
pub fn still(tools: &Tools, path: &Path) {
    let Ok((file, _)) = source::open(path) else { return };
    if let Ok(still::Kind::Decodable(_)) = still::recognise(&file, path, tools.limits()) {
        let _ = tools.probe(path);
        let _ = tools.read_image(path);
    }
}
