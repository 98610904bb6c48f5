//! What ffmpeg says on stderr: frame times, differences, and errors worth repeating.

use std::collections::VecDeque;

/// Messages are kept up to this many bytes, the last ones.
const KEPT: usize = 4 << 10;
/// Messages repeated in an error.
const REPEATED: usize = 3;

/// The last messages of a child.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Messages {
    pub(crate) fn push(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = plain(&text).trim();
        if text.is_empty() || self.lines.back().is_some_and(|last| last == text) {
            return;
        }
        self.bytes += text.len();
        self.lines.push_back(text.to_owned());
        while self.bytes > KEPT && self.lines.len() > 1 {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.len());
        }
    }

    /// What the first message gives that gives anything.
    pub(crate) fn find<T>(&self, look: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.lines.iter().find_map(|line| look(line))
    }

    /// The last few messages as one line.
    pub(crate) fn text(&self) -> String {
        let skipped = self.lines.len().saturating_sub(REPEATED);
        let lines: Vec<&str> = self.lines.iter().skip(skipped).map(String::as_str).collect();
        lines.join("; ")
    }
}

/// A message without the addresses and levels that ffmpeg puts before it.
fn plain(mut text: &str) -> &str {
    while let Some((tag, rest)) = text.strip_prefix('[').and_then(|text| text.split_once("] ")) {
        let level = ["error", "fatal", "panic", "warning", "info"].contains(&tag);
        if !level && !tag.contains(" @ 0x") {
            break;
        }
        text = rest;
    }
    text
}

/// One thing that the filters of a decoder report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Report {
    /// Seconds of one tick; comes before everything else.
    TimeBase(f64),
    /// A picture that will come out on stdout, at this time in ticks.
    Picture(i64),
    /// How much the frame at this time in ticks differs from the one before, 0 to 100.
    Change(i64, f32),
}

/// Reads the lines of the filters `showinfo` and `metadata=print`.
#[derive(Debug, Default)]
pub(crate) struct ReportReader {
    /// `metadata` prints a frame's time one line before its value.
    ticks: Option<i64>,
}

impl ReportReader {
    /// What the line reports, if anything.
    pub(crate) fn read(&mut self, line: &[u8]) -> Option<Report> {
        let line = std::str::from_utf8(line).ok()?;
        let (filter, text) = line.strip_prefix("[Parsed_")?.split_once("] [info] ")?;
        if filter.starts_with("showinfo") {
            showinfo(text)
        } else if filter.starts_with("metadata") {
            self.metadata(text)
        } else {
            None
        }
    }

    fn metadata(&mut self, text: &str) -> Option<Report> {
        if let Some(value) = text.strip_prefix("lavfi.scd.mafd=") {
            return Some(Report::Change(self.ticks.take()?, value.parse().ok()?));
        }
        self.ticks = after(text, "pts:");
        None
    }
}

fn showinfo(text: &str) -> Option<Report> {
    if let Some(rest) = text.strip_prefix("config in time_base: ") {
        let (num, den) = rest.split(',').next()?.split_once('/')?;
        let (num, den): (f64, f64) = (num.parse().ok()?, den.parse().ok()?);
        return (num > 0.0 && den > 0.0).then(|| Report::TimeBase(num / den));
    }
    text.starts_with("n:").then(|| after(text, "pts:")).flatten().map(Report::Picture)
}

/// The number after a name and blanks.
fn after(text: &str, name: &str) -> Option<i64> {
    let (_, rest) = text.split_once(name)?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As ffmpeg 5.1.9 prints them.
    const LINES: [(&str, Option<Report>); 6] = [
        (
            "[Parsed_showinfo_9 @ 0x5628ff8200c0] [info] config in time_base: 1/12800, \
             frame_rate: 25/1",
            Some(Report::TimeBase(1.0 / 12800.0)),
        ),
        ("[Parsed_showinfo_9 @ 0x5628] [info] config out time_base: 0/0, frame_rate: 0/0", None),
        (
            "[Parsed_showinfo_9 @ 0x5628] [info] n:   1 pts:  12800 pts_time:1       pos:  1364358",
            Some(Report::Picture(12800)),
        ),
        ("[Parsed_metadata_4 @ 0x5628] [info] frame:1    pts:512     pts_time:0.04", None),
        (
            "[Parsed_metadata_4 @ 0x5628] [info] lavfi.scd.mafd=0.235",
            Some(Report::Change(512, 0.235)),
        ),
        ("    title           : [Parsed_showinfo_9 @ 0x1] [info] n: 1 pts: 7", None),
    ];

    #[test]
    fn filter_lines_are_read_and_tags_of_the_file_are_not() {
        let mut reader = ReportReader::default();
        for (line, expected) in LINES {
            assert_eq!(reader.read(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn messages_lose_addresses_and_stay_short() {
        let mut messages = Messages::default();
        messages.push(b"[mov,mp4 @ 0x55d0] [error] moov atom not found\n");
        assert_eq!(messages.text(), "moov atom not found");
        for i in 0..10_000 {
            messages.push(format!("[error] {i}: {}", "x".repeat(100)).as_bytes());
        }
        assert!(messages.bytes <= KEPT && messages.text().contains("9999"));
    }

    proptest! {
        #[test]
        fn no_line_panics(lines: Vec<Vec<u8>>, text: String) {
            let mut reader = ReportReader::default();
            for prefix in ["[Parsed_showinfo_0 @ 0x1] [info] ", "[Parsed_metadata_0 @ 0x1] [info] "] {
                reader.read(format!("{prefix}{text}").as_bytes());
            }
            let mut messages = Messages::default();
            for line in lines {
                reader.read(&line);
                messages.push(&line);
            }
        }
    }
}
