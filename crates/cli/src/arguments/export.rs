//! What can be typed after `rushes export`.

use super::seconds;
use clap::{Args, Subcommand, ValueEnum};
use rushes_model::FrameRate;
use std::{path::PathBuf, str::FromStr};

/// What the help of exports of ranges ends with.
const CLIPS_HELP: &str = "\
A CLIP is a file, @, an in point, -, and an out point, each in seconds, as HH:MM:SS or as the file's own \
timecode:
  rushes export timeline take.mov@12.5-18 take.mov@00:01:02-00:01:09.5 --output selects.fcpxml
  rushes export timeline A001.mov@01:00:10:00-01:00:14:12 --output selects.edl
What a search has found can be exported as it is:
  rushes search \"a dog on a beach\" --cache-dir D --json | rushes export timeline --from - --output dogs.xml
  rushes search --said \"good morning\" --cache-dir D --json | rushes export clips --from - --output-dir F";

/// Write for other programs.
#[derive(Subcommand)]
pub enum Export {
    /// Write transcripts as captions, text, JSON or tables.
    Transcripts(ExportTranscripts),
    /// Write ranges as a sequence for Premiere Pro, Resolve, Final Cut Pro, Avid and others.
    Timeline(ExportTimeline),
    /// Cut ranges into files of their own.
    Clips(ExportClips),
    /// Write ranges as a page of pictures, timecode, words and people, to print or to pass round.
    Sheet(ExportSheet),
}

/// Forms of transcripts.
#[derive(Clone, Copy, ValueEnum)]
pub enum TranscriptFormat {
    /// SubRip captions.
    Srt,
    /// WebVTT captions.
    Vtt,
    /// Paragraphs with timecode and speaker.
    Txt,
    /// The API's transcription, with source timecode.
    Json,
    /// A row a segment, with source timecode.
    Csv,
}

/// Write transcripts.
#[derive(Args)]
pub struct ExportTranscripts {
    /// Media files.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Analysis folder.
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: PathBuf,
    /// What they are written as.
    #[arg(long, value_enum)]
    pub format: TranscriptFormat,
    /// Folder to write into, a file a medium, called like it; nothing there is written over. Printed when
    /// absent.
    #[arg(long, value_name = "FOLDER")]
    pub output_dir: Option<PathBuf>,
}

/// Ranges to export.
#[derive(Args)]
pub struct Ranges {
    /// Ranges, in order.
    #[arg(value_name = "CLIP", required_unless_present = "from")]
    pub clips: Vec<ClipAt>,
    /// JSON with ranges, after those: what `rushes search --json` prints, or a list of clips of the API. A
    /// dash reads standard input.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Analysis folder, for what is said and who is seen in the ranges.
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: Option<PathBuf>,
    /// What was searched for, for markers.
    #[arg(long, value_name = "TEXT")]
    pub query: Option<String>,
}

/// Forms of timelines.
#[derive(Clone, Copy, ValueEnum)]
pub enum TimelineFormat {
    /// Final Cut Pro 7 XML, for Premiere Pro and DaVinci Resolve (.xml).
    Xmeml,
    /// Final Cut Pro XML (.fcpxml).
    Fcpxml,
    /// CMX 3600 edit decision list (.edl).
    Edl,
    /// OpenTimelineIO (.otio).
    Otio,
}

/// Write a sequence.
#[derive(Args)]
#[command(after_help = CLIPS_HELP)]
pub struct ExportTimeline {
    #[command(flatten)]
    pub ranges: Ranges,
    /// Seconds to add before and after each range.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    pub handles: f64,
    /// File to write.
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// What it is written as; what the file's name ends with says so when absent.
    #[arg(long, value_enum)]
    pub format: Option<TimelineFormat>,
    /// What the sequence is called.
    #[arg(long, default_value = "Selects")]
    pub name: String,
    /// Frames a second of the sequence, such as 24000/1001; those of the first clip when absent.
    #[arg(long, value_name = "RATE")]
    pub frame_rate: Option<FrameRate>,
    /// Timecode of its first frame; 01:00:00:00 when absent.
    #[arg(long, value_name = "TIMECODE")]
    pub start_timecode: Option<String>,
    /// Replace a document of the same kind.
    #[arg(long)]
    pub overwrite: bool,
}

/// What clips are encoded to.
#[derive(Clone, Copy, ValueEnum)]
pub enum ClipCodec {
    /// ProRes 422 with PCM sound, for editing.
    Prores,
    /// H.264 with AAC sound, for watching.
    H264,
}

/// Cut ranges into files.
#[derive(Args)]
#[command(after_help = CLIPS_HELP)]
pub struct ExportClips {
    #[command(flatten)]
    pub ranges: Ranges,
    /// Seconds to add before and after each range.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    pub handles: f64,
    /// Folder to write into; nothing there is written over.
    #[arg(long, value_name = "FOLDER")]
    pub output_dir: PathBuf,
    /// Encode anew, with exactly the frames of each range. Without it the codec is kept, and a clip begins
    /// at the keyframe at or before its in point.
    #[arg(long, value_enum, value_name = "CODEC")]
    pub reencode: Option<ClipCodec>,
}

/// Write a page.
#[derive(Args)]
#[command(after_help = CLIPS_HELP)]
pub struct ExportSheet {
    #[command(flatten)]
    pub ranges: Ranges,
    /// HTML file to write.
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// What stands above.
    #[arg(long, default_value = "Selects")]
    pub title: String,
    /// Replace another page.
    #[arg(long)]
    pub overwrite: bool,
}

/// A range of a file.
#[derive(Clone)]
pub struct ClipAt {
    /// The file.
    pub path: PathBuf,
    /// In point.
    pub start: Moment,
    /// Out point.
    pub end: Moment,
}

/// A time of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Moment {
    /// Seconds from its start.
    Seconds(f64),
    /// Its own timecode, `HH:MM:SS:FF` or `HH:MM:SS;FF`.
    Timecode(String),
}

impl FromStr for Moment {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let separators = text.matches([':', ';']).count();
        if separators == 3 {
            Ok(Self::Timecode(text.to_owned()))
        } else {
            seconds(text).map(Self::Seconds)
        }
    }
}

impl FromStr for ClipAt {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let form =
            "it takes a file and its range, such as clip.mov@12.5-18 or clip.mov@00:01:02-00:01:09";
        let (path, range) =
            text.rsplit_once('@').filter(|(path, _)| !path.is_empty()).ok_or(form)?;
        let (start, end) = range.split_once('-').ok_or(form)?;
        Ok(Self { path: path.into(), start: start.parse()?, end: end.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_in_every_form() {
        let read =
            |text: &str| text.parse::<ClipAt>().map(|clip| (clip.path, clip.start, clip.end));
        let timecode = |text: &str| Moment::Timecode(text.into());
        let (path, start, end) = read("a@b.mov@1.5-00:01:00").unwrap();
        assert_eq!(
            (path, start, end),
            ("a@b.mov".into(), Moment::Seconds(1.5), Moment::Seconds(60.0))
        );
        let (_, start, end) = read("a.mov@01:00:00:00-01:00:02;12").unwrap();
        assert_eq!((start, end), (timecode("01:00:00:00"), timecode("01:00:02;12")));
        for bad in ["a.mov", "@1-2", "a.mov@1", "a.mov@-1-2", "a.mov@x-y", "a.mov@1-2-3"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
