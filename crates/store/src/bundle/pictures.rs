//! Small pictures in a bundle, read one at a time.

use super::{
    contents::Contents,
    encoded::Body,
    layout::{Fields, Kind, Section, damaged},
};
use crate::StoreError;
use fs_err::File;
use std::{
    borrow::Cow,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

/// Bytes that say where a preview lies: offset, length, checksum.
const PREVIEW_BYTES: usize = 16;
/// Stands for "no preview" in the index.
const NO_PREVIEW: u32 = u32::MAX;

/// Small pictures of the rows; rows that look alike may share one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Previews {
    /// For each row the index of its picture, or none.
    pub of_row: Vec<Option<u32>>,
    /// The pictures as encoded image files.
    pub pictures: Vec<Vec<u8>>,
}

/// Where each row's picture lies.
#[derive(Debug, Clone)]
pub(super) struct PreviewIndex {
    of_row: Vec<u32>,
    pictures: Vec<PictureSpan>,
}

#[derive(Debug, Clone, Copy)]
struct PictureSpan {
    /// In the file.
    offset: u64,
    length: u32,
    crc: u32,
}

impl Previews {
    /// Whether there is one entry a row and every picture named is there.
    pub(super) fn check(&self, rows: usize) -> Result<(), &'static str> {
        if self.of_row.len() != rows {
            return Err("previews are not one a row");
        }
        let is_there = |index: &u32| (*index as usize) < self.pictures.len();
        let all_there = self.of_row.iter().flatten().all(is_there);
        if all_there { Ok(()) } else { Err("a row's preview does not exist") }
    }

    /// Their two sections.
    pub(super) fn bodies(&self) -> Result<[Body<'_>; 2], &'static str> {
        let pictures = self.pictures.iter().map(Cow::from).collect();
        Ok([
            Body::whole(Kind::PreviewIndex, self.index_bytes()?),
            Body { kind: Kind::Previews, pieces: pictures },
        ])
    }

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

impl PreviewIndex {
    /// The index of a bundle of `count` rows, checked.
    pub(super) fn of(contents: &Contents<'_>, count: usize) -> Result<Self, StoreError> {
        let pictures = contents.section(Kind::Previews);
        let index = contents.kept(Kind::PreviewIndex)?;
        pictures
            .and_then(|pictures| Self::parse(index, count, pictures))
            .ok_or_else(|| contents.damaged("its previews are not where they should be"))
    }

    /// The picture of a row, read from the bundle at `path`; none if it has none.
    pub(super) fn read(&self, path: &Path, row: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let picture = self.of_row.get(row).filter(|&&index| index != NO_PREVIEW);
        let Some(span) = picture.and_then(|&index| self.pictures.get(index as usize)) else {
            return Ok(None);
        };
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(span.offset))?;
        let mut bytes = Vec::new();
        file.take(u64::from(span.length)).read_to_end(&mut bytes)?;
        if bytes.len() != span.length as usize || crc32fast::hash(&bytes) != span.crc {
            return Err(damaged(path, "a preview is not what it was when the bundle was opened"));
        }
        Ok(Some(bytes))
    }

    /// `None` when the index does not have `count` rows or points outside the section of pictures.
    fn parse(bytes: &[u8], count: usize, section: &Section) -> Option<Self> {
        let mut fields = Fields(bytes);
        let pictures = fields.u32()? as usize;
        let (rows, places) = fields.0.split_at_checked(count.checked_mul(4)?)?;
        let of_row: Vec<u32> =
            rows.as_chunks().0.iter().map(|&number| u32::from_le_bytes(number)).collect();
        let (places, rest) = places.as_chunks::<PREVIEW_BYTES>();
        let spans: Option<Vec<PictureSpan>> =
            places.iter().map(|place| PictureSpan::parse(place, section)).collect();
        let known = |&number: &u32| number == NO_PREVIEW || (number as usize) < pictures;
        let whole = places.len() == pictures && rest.is_empty() && of_row.iter().all(known);
        Some(Self { of_row, pictures: spans.filter(|_| whole)? })
    }
}

impl PictureSpan {
    fn parse(bytes: &[u8], section: &Section) -> Option<Self> {
        let mut fields = Fields(bytes);
        let (start, length, crc) = (fields.u64()?, fields.u32()?, fields.u32()?);
        let offset = section.offset.checked_add(start)?;
        (start.checked_add(u64::from(length))? <= section.length).then_some(Self {
            offset,
            length,
            crc,
        })
    }
}
