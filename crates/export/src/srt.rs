//! SubRip text: numbered captions, lines ended as that program ends them. Speakers are named in the text.

use crate::{
    Transcript,
    captions::{Caption, Names, captions},
};

pub(crate) fn document(transcript: &Transcript) -> String {
    let captions = captions(transcript, Names::InText);
    captions.iter().enumerate().map(|(index, caption)| block(index + 1, caption)).collect()
}

fn block(number: usize, caption: &Caption) -> String {
    let times = format!("{} --> {}", clock(caption.start_ms), clock(caption.end_ms));
    // SubRip text has no escapes, and readers tell captions apart by lines with an arrow.
    let text = caption.lines.join("\r\n").replace("-->", "→");
    format!("{number}\r\n{times}\r\n{text}\r\n\r\n")
}

fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02},{:03}", seconds % 60, ms % 1000)
}
