//! `WebVTT` as the W3C has it. Speakers whose names are known stand in voice tags.

use crate::{
    Transcript,
    captions::{Caption, Names, captions},
};

pub(crate) fn document(transcript: &Transcript) -> String {
    let captions = captions(transcript, Names::Aside);
    captions.iter().fold("WEBVTT\n".to_owned(), |text, caption| text + &cue(caption))
}

fn cue(caption: &Caption) -> String {
    let times = format!("{} --> {}", clock(caption.start_ms), clock(caption.end_ms));
    let voice = caption.voice.as_deref().map(voice);
    let text = escaped(&caption.lines.join("\n"));
    format!("\n{times}\n{}{text}\n", voice.unwrap_or_default())
}

/// The tag of who speaks. Readers take a line with an arrow for one of times, also where a name's hyphens and
/// the end of the tag make it; a space there is not part of the name (W3C WebVTT, 6.4).
fn voice(name: &str) -> String {
    let apart = if name.ends_with('-') { " " } else { "" };
    format!("<v {}{apart}>", escaped(name))
}

/// With every character escaped that begins a tag or an escape, or ends one; of an arrow nothing is left.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}", seconds % 60, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::voice;

    #[test]
    fn no_name_makes_an_arrow_with_the_end_of_its_tag() {
        assert_eq!(voice("Ines"), "<v Ines>");
        assert_eq!(voice("a > b --"), "<v a &gt; b -- >");
    }
}
