//! What leaves for other programs.

use crate::operation::{Operation, Operations};
use rushes_engine::Engine;
use serde_json::{Value, json};

/// The operations of the group Export.
pub(super) fn export(operations: Operations) -> Operations {
    timelines(transcripts(clips(operations)))
}

/// A range as examples have it.
fn range() -> Value {
    json!({"media_path": "/footage/A001_C001.mov", "start_seconds": 12.5, "end_seconds": 18})
}

fn clips(operations: Operations) -> Operations {
    operations
        .post(
            Operation::new("Export", "/export/clips", "exportClips")
                .says(
                    "Cuts each range into a file of its own. copy keeps the codec and starts at the \
                     keyframe at or before the in point; reencode is frame-exact. Timecode and metadata \
                     are carried over, and the task tells what is in each file.",
                )
                .takes_lists()
                .probes()
                .starts_task()
                .example(json!({"clips": [range()], "output_dir": "/footage/selects"})),
            Engine::export_clips,
        )
        .post(
            Operation::new("Export", "/export/contact-sheet", "exportContactSheet")
                .says(
                    "Ours: the ranges as one printable HTML page with pictures, timecode, words and \
                     people.",
                )
                .takes_lists()
                .decodes()
                .example(json!({"clips": [range()], "title": "Day 3, selects"})),
            Engine::export_contact_sheet,
        )
}

fn timelines(operations: Operations) -> Operations {
    operations
        .post(
            Operation::new("Export", "/export/premiere-xml", "exportPremiereXml")
                .says(
                    "A sequence of the ranges as Final Cut Pro 7 XML (xmeml version 4), which Premiere Pro \
                     and DaVinci Resolve import.",
                )
                .takes_lists()
                .probes()
                .example(json!({"clips": [range()], "output_path": "/footage/selects.xml"})),
            Engine::export_premiere_xml,
        )
        .post(
            Operation::new("Export", "/export/timeline", "exportTimeline")
                .says("The same sequence in the format of another editor.")
                .takes_lists()
                .probes()
                .example(json!({
                    "clips": [range()],
                    "format": "fcpxml",
                    "output_path": "/footage/selects.fcpxml",
                })),
            Engine::export_timeline,
        )
}

fn transcripts(operations: Operations) -> Operations {
    operations.post(
        Operation::new("Export", "/export/transcripts", "exportTranscripts")
            .says(
                "Finished transcripts as captions, text, JSON or tables. Each is written into output_dir \
                 as well if that is given, under the name of its medium.",
            )
            .takes_lists()
            .reads_much()
            .example(json!({
                "cache_dir": "/footage/.rushes",
                "media_paths": ["/footage/A001_C001.mp4"],
                "format": "srt",
            })),
        Engine::export_transcripts,
    )
}
