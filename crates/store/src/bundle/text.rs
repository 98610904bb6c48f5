//! Text bundles: what was read in the frames of one medium.

use super::{
    BundleMeta,
    contents::Contents,
    encoded::{Body, Encoded, meta_json},
    layout::{self, Fields, Kind},
};
use crate::StoreError;
use rushes_model::Area;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Bytes of a stored frame: time, number of lines.
const FRAME_BYTES: usize = 12;
/// Bytes of a stored line: confidence, four sides, bytes of its text.
const LINE_BYTES: usize = 24;
/// All sections are kept in memory.
const KEPT: [Kind; 4] = [Kind::Meta, Kind::Frames, Kind::Lines, Kind::Characters];

/// Everything that a reader of on-screen text found in one medium.
#[derive(Debug, Clone, PartialEq)]
pub struct TextBundle {
    /// What it is of.
    pub meta: BundleMeta,
    /// The frames that were read, in time order, also those without text.
    pub frames: Vec<TextFrame>,
}

/// One frame that was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TextFrame {
    /// Source time in seconds.
    pub seconds: f64,
    /// Its lines in reading order.
    pub lines: Vec<TextLine>,
}

/// A line of text in a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct TextLine {
    /// What stands there.
    pub text: String,
    /// How sure the reader was, 0 to 1.
    pub confidence: f32,
    /// Where it stands.
    pub area: Area,
}

/// The META section: what a text bundle is of.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct StoredMeta {
    bundle: BundleMeta,
}

impl TextBundle {
    /// Reads a bundle once from end to end and checks every byte of it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when any byte is not what was written, [`StoreError::Newer`] when a later
    /// version wrote it, [`StoreError::Io`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let contents = Contents::read(path, &layout::TEXT, &KEPT)?;
        let StoredMeta { bundle: meta } = contents.meta()?;
        let (frames, lines) = (contents.kept(Kind::Frames)?, contents.kept(Kind::Lines)?);
        let frames = parse(frames, lines, contents.kept(Kind::Characters)?)
            .ok_or_else(|| contents.damaged("its frames and lines do not fit together"))?;
        let bundle = Self { meta, frames };
        bundle.check().map_err(|reason| contents.damaged(reason))?;
        Ok(bundle)
    }

    /// Checks that everything fits together and would read back as it is, and lays it out.
    pub(crate) fn encode(&self) -> Result<Encoded<'_>, StoreError> {
        Encoded::new(&layout::TEXT, &self.meta, self.bodies())
    }

    fn bodies(&self) -> Result<Vec<Body<'_>>, &'static str> {
        self.check()?;
        let meta = StoredMeta { bundle: self.meta.clone() };
        let (mut frames, mut lines) = (Vec::new(), Vec::new());
        for frame in &self.frames {
            let count =
                u32::try_from(frame.lines.len()).map_err(|_| "a frame has too many lines")?;
            frames.extend(frame.seconds.to_le_bytes().into_iter().chain(count.to_le_bytes()));
        }
        for line in self.lines() {
            let bytes = u32::try_from(line.text.len()).map_err(|_| "a line is too long")?;
            let Area { left, top, width, height } = line.area;
            let values = [line.confidence, left, top, width, height];
            lines.extend(values.into_iter().flat_map(f32::to_le_bytes));
            lines.extend(bytes.to_le_bytes());
        }
        let characters = self.lines().map(|line| line.text.as_bytes().into()).collect();
        Ok(vec![
            Body::whole(Kind::Meta, meta_json(&meta)?),
            Body::whole(Kind::Frames, frames),
            Body::whole(Kind::Lines, lines),
            Body { kind: Kind::Characters, pieces: characters },
        ])
    }

    fn check(&self) -> Result<(), &'static str> {
        let times = || self.frames.iter().map(|frame| frame.seconds);
        if !times().all(f64::is_finite) || !times().is_sorted() {
            return Err("its frames are not in time order");
        }
        let values = |line: &TextLine| {
            let Area { left, top, width, height } = line.area;
            [line.confidence, left, top, width, height]
        };
        if !self.lines().flat_map(values).all(f32::is_finite) {
            return Err("the place or confidence of a line is not a number");
        }
        Ok(())
    }

    fn lines(&self) -> impl Iterator<Item = &TextLine> {
        self.frames.iter().flat_map(|frame| &frame.lines)
    }
}

/// The frames that three sections make; `None` when they do not use each other up.
fn parse(frames: &[u8], lines: &[u8], characters: &[u8]) -> Option<Vec<TextFrame>> {
    let (frames, frames_rest) = frames.as_chunks::<FRAME_BYTES>();
    let (lines, lines_rest) = lines.as_chunks::<LINE_BYTES>();
    let mut lines = lines;
    let mut characters = std::str::from_utf8(characters).ok()?;
    let mut read = Vec::new();
    for frame in frames {
        let mut fields = Fields(frame);
        let (seconds, count) = (fields.f64()?, fields.u32()? as usize);
        let own;
        (own, lines) = lines.split_at_checked(count)?;
        let own = own.iter().map(|line| parse_line(line, &mut characters));
        read.push(TextFrame { seconds, lines: own.collect::<Option<_>>()? });
    }
    let used_up = lines.is_empty() && characters.is_empty();
    (used_up && frames_rest.is_empty() && lines_rest.is_empty()).then_some(read)
}

/// A line, whose text is taken from the beginning of `characters`.
fn parse_line(bytes: &[u8; LINE_BYTES], characters: &mut &str) -> Option<TextLine> {
    let mut fields = Fields(bytes);
    let confidence = fields.f32()?;
    let (left, top, width, height) = (fields.f32()?, fields.f32()?, fields.f32()?, fields.f32()?);
    let (text, rest) = characters.split_at_checked(fields.u32()? as usize)?;
    *characters = rest;
    let area = Area { left, top, width, height };
    Some(TextLine { text: text.to_owned(), confidence, area })
}
