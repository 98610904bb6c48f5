//! From a bundle to bytes.

use super::{
    NO_PREVIEW, Previews, StoredMeta, TAG_ROW_BYTES, VisualBundle,
    layout::{Kind, Section, header, place},
};
use crate::StoreError;
use std::{
    borrow::Cow,
    io::{self, Write},
};

/// A section's bytes, in pieces so that pictures are not copied.
struct Body<'a> {
    kind: Kind,
    pieces: Vec<Cow<'a, [u8]>>,
}

/// A bundle that was checked and laid out.
pub(crate) struct Encoded<'a> {
    sections: Vec<Section>,
    bodies: Vec<Body<'a>>,
}

impl VisualBundle {
    /// Checks that everything fits together and would read back as it is, and lays it out.
    pub(crate) fn encode(&self) -> Result<Encoded<'_>, StoreError> {
        let bodies = self.bodies().map_err(|reason| StoreError::Invalid {
            media: self.meta.source_path.clone(),
            reason: reason.to_owned(),
        })?;
        let mut sections: Vec<Section> = bodies.iter().map(Body::section).collect();
        place(&mut sections);
        Ok(Encoded { sections, bodies })
    }

    fn bodies(&self) -> Result<Vec<Body<'_>>, &'static str> {
        self.check()?;
        let whole = |kind, bytes: Vec<u8>| Body { kind, pieces: vec![bytes.into()] };
        let mut bodies = vec![
            whole(Kind::Meta, self.meta_json()?),
            whole(Kind::Times, self.time_bytes()),
            whole(Kind::Vectors, self.vectors.iter().flat_map(|bits| bits.to_le_bytes()).collect()),
        ];
        if let Some(tags) = &self.tags {
            bodies.push(Body { kind: Kind::Tags, pieces: vec![tags.into()] });
        }
        bodies.push(whole(Kind::Shots, self.shot_bytes()));
        bodies.push(whole(Kind::PreviewIndex, self.previews.index_bytes()?));
        let pictures = self.previews.pictures.iter().map(Cow::from).collect();
        bodies.push(Body { kind: Kind::Previews, pieces: pictures });
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
        let pictures = self.previews.pictures.len();
        let has_picture = |index: &u32| (*index as usize) < pictures;
        let of_row = &self.previews.of_row;
        all(of_row.len() == rows, "previews are not one a row")?;
        all(of_row.iter().flatten().all(has_picture), "a row's preview does not exist")
    }

    fn meta_json(&self) -> Result<Vec<u8>, &'static str> {
        let stored =
            StoredMeta { rows: self.times.len(), dim: self.dim, bundle: self.meta.clone() };
        let json =
            serde_json::to_vec(&stored).map_err(|_| "its facts cannot be written as JSON")?;
        // A duration of NaN, say, is written as null and would make the bundle unreadable.
        match serde_json::from_slice::<StoredMeta>(&json) {
            Ok(read) if read.bundle == self.meta => Ok(json),
            _ => Err("its facts would not read back as they are"),
        }
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

impl Previews {
    fn index_bytes(&self) -> Result<Vec<u8>, &'static str> {
        let count = u32::try_from(self.pictures.len()).ok().filter(|&count| count < NO_PREVIEW);
        let mut bytes = count.ok_or("there are too many previews")?.to_le_bytes().to_vec();
        bytes.extend(self.of_row.iter().flat_map(|row| row.unwrap_or(NO_PREVIEW).to_le_bytes()));
        let mut offset = 0u64;
        for picture in &self.pictures {
            let length = u32::try_from(picture.len()).map_err(|_| "a preview is too large")?;
            bytes.extend(offset.to_le_bytes());
            bytes.extend(length.to_le_bytes());
            bytes.extend(crc32fast::hash(picture).to_le_bytes());
            offset += u64::from(length);
        }
        Ok(bytes)
    }
}

impl Body<'_> {
    /// The table's entry, its place not yet known.
    fn section(&self) -> Section {
        let mut crc = crc32fast::Hasher::new();
        self.pieces.iter().for_each(|piece| crc.update(piece));
        let length = self.pieces.iter().map(|piece| piece.len() as u64).sum();
        Section { kind: self.kind as u32, crc: crc.finalize(), offset: 0, length }
    }
}

impl Encoded<'_> {
    pub(crate) fn write_to(&self, writer: &mut dyn Write) -> io::Result<()> {
        let header = header(&self.sections);
        writer.write_all(&header)?;
        let mut end = header.len() as u64;
        for (section, body) in self.sections.iter().zip(&self.bodies) {
            let padding = vec![0; (section.offset - end) as usize];
            writer.write_all(&padding)?;
            body.pieces.iter().try_for_each(|piece| writer.write_all(piece))?;
            end = section.offset + section.length;
        }
        Ok(())
    }
}
