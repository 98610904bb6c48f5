//! From a bundle to bytes.

use super::{
    StoredMeta, TAG_ROW_BYTES, VisualBundle,
    encoded::{Body, Encoded, meta_json},
    layout::{self, Kind},
};
use crate::StoreError;

impl VisualBundle {
    /// Checks that everything fits together and would read back as it is, and lays it out.
    pub(crate) fn encode(&self) -> Result<Encoded<'_>, StoreError> {
        Encoded::new(&layout::VISUAL, &self.meta, self.bodies())
    }

    fn bodies(&self) -> Result<Vec<Body<'_>>, &'static str> {
        self.check()?;
        let meta = StoredMeta { rows: self.times.len(), dim: self.dim, bundle: self.meta.clone() };
        let vectors = self.vectors.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let mut bodies = vec![
            Body::whole(Kind::Meta, meta_json(&meta)?),
            Body::whole(Kind::Times, self.time_bytes()),
            Body::whole(Kind::Vectors, vectors),
        ];
        if let Some(tags) = &self.tags {
            bodies.push(Body { kind: Kind::Tags, pieces: vec![tags.into()] });
        }
        bodies.push(Body::whole(Kind::Shots, self.shot_bytes()));
        bodies.extend(self.previews.bodies()?);
        Ok(bodies)
    }

    fn check(&self) -> Result<(), &'static str> {
        let rows = self.times.len();
        let all = |holds: bool, otherwise| if holds { Ok(()) } else { Err(otherwise) };
        let values = rows.checked_mul(self.dim);
        all(
            self.dim > 0 && values == Some(self.vectors.len()),
            "vectors and times differ in number",
        )?;
        let tag_bytes = self.tags.as_ref().map(Vec::len);
        all(
            tag_bytes.is_none_or(|bytes| bytes == rows * TAG_ROW_BYTES),
            "tags are not one row a vector",
        )?;
        all(self.times.iter().all(|time| time.seconds.is_finite()), "a time is not a number")?;
        let ordered = |start: f64, end: f64| start.is_finite() && end.is_finite() && start <= end;
        let mut ranges = self.shots.iter().map(|shot| shot.range);
        all(ranges.all(|range| ordered(range.start, range.end)), "a shot is no range of time")?;
        self.previews.check(rows)
    }

    fn time_bytes(&self) -> Vec<u8> {
        let pairs =
            self.times.iter().map(|time| (time.second.to_le_bytes(), time.seconds.to_le_bytes()));
        pairs.flat_map(|(second, seconds)| second.into_iter().chain(seconds)).collect()
    }

    fn shot_bytes(&self) -> Vec<u8> {
        let ends = self.shots.iter().flat_map(|shot| [shot.range.start, shot.range.end]);
        ends.flat_map(f64::to_le_bytes).collect()
    }
}
