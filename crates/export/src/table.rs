//! CSV as RFC 4180 has it: a header, then a row a segment, lines ended by CR LF, in UTF-8.

use crate::{ExportError, Segment, Transcript};
use csv::{Terminator, WriterBuilder};
use std::borrow::Cow;

/// Names of the columns. In and out are source timecode, empty where the medium has no frames.
const HEADER: [&str; 6] = ["in", "out", "start_seconds", "end_seconds", "speaker", "text"];
/// A cell that begins with one of these is a formula to a spreadsheet (OWASP, "CSV Injection"), the wide
/// forms too where the language has them.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

pub(crate) fn document(transcript: &Transcript) -> Result<String, ExportError> {
    rows(transcript).map_err(|error| ExportError::Table {
        media: transcript.media_path.clone(),
        reason: error.to_string(),
    })
}

fn rows(transcript: &Transcript) -> Result<String, Box<dyn std::error::Error>> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(HEADER)?;
    for segment in &transcript.segments {
        writer.write_record(row(transcript, segment))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn row(transcript: &Transcript, segment: &Segment) -> [String; HEADER.len()] {
    let (start, end) = (segment.start(), segment.end());
    let timecode = |seconds| transcript.timecode(seconds).unwrap_or_default();
    let speaker = segment.shown_speaker().unwrap_or_default();
    [
        timecode(start),
        timecode(end),
        format!("{start:.3}"),
        format!("{end:.3}"),
        harmless(speaker).into_owned(),
        harmless(&transcript.text(segment)).into_owned(),
    ]
}

/// A text that a spreadsheet shows instead of working it out: an apostrophe goes before one that looks
/// like a formula, as OWASP says. Programs take the apostrophe away again.
fn harmless(text: &str) -> Cow<'_, str> {
    if text.starts_with(FORMULA) { format!("'{text}").into() } else { text.into() }
}
