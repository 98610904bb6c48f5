//! What fuzzing reaches of cutting.

use super::{copy::Kept, look::Packet};
use crate::{child::each_line, ffprobe::Report};

/// All that cutting asks of ffprobe's report.
pub(crate) fn ask(report: &Report) {
    let _ = (report.has_index(), report.has_named_tags(), report.reel());
    for stream in report.known_audios().chain(report.video()) {
        let _ = (stream.depth(), stream.has_alpha(), stream.is_rgb(), stream.has_fine_sound());
        let _ = (stream.time_base(), stream.end(), report.fields(stream));
    }
}

/// Reads each line as a packet of ffprobe and as one of framecrc.
pub(crate) fn lines(output: &[u8]) {
    let (mut kept, mut last) = (Kept::default(), None);
    each_line(output, |line| {
        let _ = kept.read(line);
        last = Packet::read(line, last.as_ref()).or(last);
        true
    });
}
