//! Text, JSON and tables.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod common;

use common::{said_by, sentence, transcript};
use rushes_export::{Format, Transcript};
use rushes_model::{MediaFacts, SourceClock};
use serde_json::Value;

/// Two people, the second after a pause, at 29.97 drop-frame from one hour on.
fn interview() -> Transcript {
    let facts: MediaFacts = serde_json::from_value(serde_json::json!({
        "kind": "video", "size_bytes": 1, "duration_seconds": 60.0, "width": 16, "height": 9,
        "frame_rate": "30000/1001", "variable_frame_rate": false, "start_timecode": "01:00:00;00",
        "start_time": 0.0, "rotation": 0, "video_codec": null, "audio_codec": null,
        "created_at": null,
    }))
    .unwrap();
    let segments = vec![
        said_by("SPEAKER_00", Some("Anna Ł."), sentence("How did it begin?", 1.0, 15.0)),
        said_by("SPEAKER_00", Some("Anna Ł."), sentence("Tell us.", 2.5, 15.0)),
        said_by("SPEAKER_01", None, sentence("=1+1, \"they\" said;", 61.0, 15.0)),
        said_by("SPEAKER_01", None, sentence("And then?", 70.0, 15.0)),
    ];
    Transcript { clock: SourceClock::of(&facts), ..transcript(segments) }
}

#[test]
fn text_is_parted_by_speakers_and_pauses() {
    let expected = "[01:00:01;00] Anna Ł.\nHow did it begin? Tell us.\n\n\
        [01:01:01;00] SPEAKER_01\n=1+1, \"they\" said;\n\n[01:01:10;00] SPEAKER_01\nAnd then?\n";
    assert_eq!(Format::Txt.write(&interview()).unwrap(), expected);
    let long: Vec<_> =
        (0..40).map(|n| sentence("A sentence of some length.", f64::from(n) * 2.0, 15.0)).collect();
    let text = Format::Txt.write(&transcript(long)).unwrap();
    assert!(text.starts_with("[00:00:00]\nA sentence"), "without frames a time: {text}");
    assert_eq!(text.split("\n\n").count(), 2, "nobody reads a page without a break: {text}");
    assert_eq!(Format::Txt.write(&transcript(Vec::new())).unwrap(), "");
}

#[test]
fn json_is_what_the_api_answers_with_timecode() {
    let json: Value = serde_json::from_str(&Format::Json.write(&interview()).unwrap()).unwrap();
    assert_eq!(json["frame_rate"], "30000/1001");
    assert_eq!(json["hash_str"], "0000002a");
    let first = &json["segments"][0];
    assert_eq!(first["start_timecode"], "01:00:01;00");
    assert_eq!(first["start_timestamp"], "00:00:01");
    assert_eq!(
        (&first["speaker"], &first["speaker_name"]),
        (&"SPEAKER_00".into(), &"Anna Ł.".into())
    );
    assert_eq!(first["words"][3]["word"], "begin?");
    assert_eq!(json["segments"][2]["text"], "=1+1, \"they\" said;");
    assert!(json["segments"][2].get("speaker_name").is_none());
    let none = serde_json::from_str::<Value>(&Format::Json.write(&transcript(Vec::new())).unwrap());
    assert_eq!(none.unwrap()["segments"], Value::Array(Vec::new()));
}

#[test]
fn a_table_is_read_back_and_is_no_program() {
    let table = Format::Csv.write(&interview()).unwrap();
    assert!(table.starts_with("in,out,start_seconds,end_seconds,speaker,text\r\n"));
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<Vec<String>> =
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[0][..3], ["01:00:01;00", "01:00:02;05", "1.000"]);
    assert_eq!(rows[0][4..], ["Anna Ł.", "How did it begin?"]);
    assert_eq!(rows[2][5], "'=1+1, \"they\" said;", "a formula is text");
    let without = Format::Csv.write(&transcript(vec![sentence("Hm.", 0.0, 15.0)])).unwrap();
    assert!(without.contains("\r\n,,0.000,"), "no frames, no timecode: {without}");
}
