//! Face bundles: who is seen in one medium, followed through its shots.

use super::{
    BundleMeta, Previews,
    contents::Contents,
    encoded::{Body, Encoded, meta_json},
    layout::{self, Fields, Kind},
    pictures::PreviewIndex,
    read::table,
};
use crate::StoreError;
use rushes_model::Area;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Bytes of a stored track: number of the clearest of its frames, number of frames, quality.
const TRACK_BYTES: usize = 12;
/// Bytes of a stored frame of a track: time, four sides.
const SEEN_BYTES: usize = 24;
/// Sections that are kept in memory.
const KEPT: [Kind; 5] = [Kind::Meta, Kind::Tracks, Kind::Seen, Kind::Vectors, Kind::PreviewIndex];

/// Everybody who is seen in one medium.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceBundle {
    /// What it is of.
    pub meta: BundleMeta,
    /// Values a vector.
    pub dim: usize,
    /// The faces that were followed, in order of time.
    pub tracks: Vec<FaceTrack>,
    /// Bit patterns of f16 values, row after row, one a track: a vector of length 1.
    pub vectors: Vec<u16>,
    /// What each looks like.
    pub crops: Previews,
}

/// A face followed through a shot.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceTrack {
    /// The frames that it was seen in, in order of time; at least one.
    pub seen: Vec<Seen>,
    /// Number of the frame in which it is clearest.
    pub clearest: usize,
    /// How clear it is there, 0 to 1.
    pub quality: f32,
}

/// A face in one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Source time in seconds.
    pub seconds: f64,
    /// Where in the frame.
    pub area: Area,
}

/// A face bundle that was read and checked: everything but the pictures is in memory.
#[derive(Debug, Clone)]
pub struct FaceBundleFile {
    /// What it holds; the pictures of its `crops` are left out.
    pub faces: FaceBundle,
    /// Where they are.
    pub crops: FaceCrops,
}

/// The pictures of a face bundle, read one at a time.
#[derive(Debug, Clone)]
pub struct FaceCrops {
    path: PathBuf,
    index: PreviewIndex,
}

/// The META section: what a face bundle is of, and its shape.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct StoredMeta {
    dim: usize,
    bundle: BundleMeta,
}

impl FaceTrack {
    /// The frame in which it is clearest.
    #[must_use]
    pub fn representative(&self) -> Seen {
        self.seen[self.clearest]
    }
}

impl FaceBundle {
    /// Checks that everything fits together and would read back as it is, and lays it out.
    pub(crate) fn encode(&self) -> Result<Encoded<'_>, StoreError> {
        Encoded::new(&layout::FACES, &self.meta, self.bodies())
    }

    fn bodies(&self) -> Result<Vec<Body<'_>>, &'static str> {
        self.check()?;
        self.crops.check(self.tracks.len())?;
        let meta = StoredMeta { dim: self.dim, bundle: self.meta.clone() };
        let (mut tracks, mut seen) = (Vec::new(), Vec::new());
        for track in &self.tracks {
            let count = u32::try_from(track.seen.len()).map_err(|_| "a track is too long")?;
            tracks.extend((track.clearest as u32).to_le_bytes());
            tracks.extend(count.to_le_bytes().into_iter().chain(track.quality.to_le_bytes()));
        }
        for Seen { seconds, area } in self.tracks.iter().flat_map(|track| &track.seen) {
            seen.extend(seconds.to_le_bytes());
            let sides = [area.left, area.top, area.width, area.height];
            seen.extend(sides.into_iter().flat_map(f32::to_le_bytes));
        }
        let vectors = self.vectors.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let mut bodies = vec![
            Body::whole(Kind::Meta, meta_json(&meta)?),
            Body::whole(Kind::Tracks, tracks),
            Body::whole(Kind::Seen, seen),
            Body::whole(Kind::Vectors, vectors),
        ];
        bodies.extend(self.crops.bodies()?);
        Ok(bodies)
    }

    fn check(&self) -> Result<(), &'static str> {
        let times = |track: &FaceTrack| {
            let times = || track.seen.iter().map(|seen| seen.seconds);
            times().all(f64::is_finite) && times().is_sorted_by(|a, b| a < b)
        };
        if !self.tracks.iter().all(times) {
            return Err("the frames of a face are not in time order");
        }
        if !self.tracks.iter().all(|track| track.clearest < track.seen.len()) {
            return Err("a face is clearest in a frame that it is not in");
        }
        let sides = |Area { left, top, width, height }: Area| [left, top, width, height];
        let seen = || self.tracks.iter().flat_map(|track| &track.seen);
        if !seen().flat_map(|seen| sides(seen.area)).all(f32::is_finite) {
            return Err("the place of a face is not a number");
        }
        if !self.tracks.iter().all(|track| (0.0..=1.0).contains(&track.quality)) {
            return Err("the quality of a face is out of range");
        }
        let starts = || self.tracks.iter().map(|track| track.seen[0].seconds);
        if !starts().is_sorted() {
            return Err("its faces are not in time order");
        }
        let values = self.tracks.len().checked_mul(self.dim);
        let finite = self.vectors.iter().all(|bits| bits & 0x7C00 != 0x7C00);
        if self.dim == 0 || values != Some(self.vectors.len()) || !finite {
            return Err("its vectors are not one a face");
        }
        Ok(())
    }
}

impl FaceBundleFile {
    /// Reads a bundle once from end to end and checks every byte of it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when any byte is not what was written, [`StoreError::Newer`] when a later
    /// version wrote it, [`StoreError::Io`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        parse(&Contents::read(path, &layout::FACES, &KEPT)?)
    }
}

impl FaceCrops {
    /// The picture of a track as an encoded image file, or none if it has none.
    ///
    /// # Errors
    /// When the file cannot be read, or was damaged or replaced since it was opened.
    pub fn of(&self, track: usize) -> Result<Option<Vec<u8>>, StoreError> {
        self.index.read(&self.path, track)
    }
}

fn parse(contents: &Contents<'_>) -> Result<FaceBundleFile, StoreError> {
    let StoredMeta { dim, bundle: meta } = contents.meta()?;
    let tracks = parse_tracks(contents.kept(Kind::Tracks)?, contents.kept(Kind::Seen)?)
        .ok_or_else(|| contents.damaged("its faces and their frames do not fit together"))?;
    table(contents, Kind::Vectors, tracks.len(), dim, 2)?;
    let values = contents.kept(Kind::Vectors)?.as_chunks().0.iter();
    let vectors = values.map(|value| u16::from_le_bytes(*value)).collect();
    let index = PreviewIndex::of(contents, tracks.len())?;
    let crops = FaceCrops { path: contents.path.to_owned(), index };
    let faces = FaceBundle { meta, dim, tracks, vectors, crops: Previews::default() };
    faces.check().map_err(|reason| contents.damaged(reason))?;
    Ok(FaceBundleFile { faces, crops })
}

/// The tracks that two sections make; `None` when they do not use each other up.
fn parse_tracks(tracks: &[u8], seen: &[u8]) -> Option<Vec<FaceTrack>> {
    let (tracks, tracks_rest) = tracks.as_chunks::<TRACK_BYTES>();
    let (mut seen, seen_rest) = seen.as_chunks::<SEEN_BYTES>();
    let mut read = Vec::new();
    for track in tracks {
        let mut fields = Fields(track);
        let (clearest, count) = (fields.u32()? as usize, fields.u32()? as usize);
        let own;
        (own, seen) = seen.split_at_checked(count)?;
        let own = own.iter().map(parse_seen).collect::<Option<_>>()?;
        read.push(FaceTrack { seen: own, clearest, quality: fields.f32()? });
    }
    (seen.is_empty() && seen_rest.is_empty() && tracks_rest.is_empty()).then_some(read)
}

fn parse_seen(bytes: &[u8; SEEN_BYTES]) -> Option<Seen> {
    let mut fields = Fields(bytes);
    let seconds = fields.f64()?;
    let (left, top, width, height) = (fields.f32()?, fields.f32()?, fields.f32()?, fields.f32()?);
    Some(Seen { seconds, area: Area { left, top, width, height } })
}
