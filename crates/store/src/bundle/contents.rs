//! The sections of a bundle's file, checked in full, whatever they hold.

use super::layout::{Form, Kind, Section, damaged, read_header};
use crate::{StoreError, durable};
use fs_err::File;
use std::{io::Read, path::Path};

/// Bytes read at a time while checksums are taken.
const READ_BYTES: usize = 1 << 18;

/// The most that a section which is kept in memory may have: times of 1,500 hours.
pub(super) const KEPT_BYTES: u64 = 64 << 20;

/// A file's sections, and the bytes of those that belong in memory.
pub(super) struct Contents<'a> {
    pub(super) path: &'a Path,
    sections: Vec<Section>,
    kept: Vec<(u32, Vec<u8>)>,
}

impl<'a> Contents<'a> {
    /// Reads a file of this form once from end to end, checks every byte, and keeps the sections of
    /// the kinds `keep`.
    pub(super) fn read(path: &'a Path, form: &Form, keep: &[Kind]) -> Result<Self, StoreError> {
        let mut file = durable::open(path)?;
        let length = file.metadata()?.len();
        let (sections, header_end) = read_header(form, &mut file, length, path)?;
        let mut contents = Self { path, sections: Vec::new(), kept: Vec::new() };
        let mut end = header_end;
        for section in sections {
            contents.take(&mut file, section, end, keep)?;
            end = section.offset + section.length;
            contents.sections.push(section);
        }
        Ok(contents)
    }

    /// Reads the padding from `end` to a section and the section, checks both, and keeps what belongs
    /// in memory.
    fn take(
        &mut self,
        file: &mut File,
        section: Section,
        end: u64,
        keep: &[Kind],
    ) -> Result<(), StoreError> {
        let mut padding = vec![0; (section.offset - end) as usize];
        file.read_exact(&mut padding)?;
        if padding.iter().any(|&byte| byte != 0) {
            return Err(self.damaged("there is something between its sections"));
        }
        let keep = keep.iter().any(|&kind| kind as u32 == section.kind);
        if keep && section.length > KEPT_BYTES {
            return Err(self.damaged("a section is larger than any analysis"));
        }
        let (crc, bytes) = read_section(file, section.length, keep)?;
        if crc != section.crc {
            let reason = format!("the checksum of section {} does not fit", section.kind);
            return Err(self.damaged(&reason));
        }
        self.kept.extend(keep.then_some((section.kind, bytes)));
        Ok(())
    }

    /// The table's entry of a kind, if there is one.
    pub(super) fn section(&self, kind: Kind) -> Option<&Section> {
        self.sections.iter().find(|section| section.kind == kind as u32)
    }

    /// The bytes of a section that was kept.
    pub(super) fn kept(&self, kind: Kind) -> Result<&[u8], StoreError> {
        let found = self.kept.iter().find(|(number, _)| *number == kind as u32);
        found.map(|(_, bytes)| &bytes[..]).ok_or_else(|| self.damaged("a section is missing"))
    }

    /// The JSON of the META section.
    pub(super) fn meta<T: serde::de::DeserializeOwned>(&self) -> Result<T, StoreError> {
        serde_json::from_slice(self.kept(Kind::Meta)?)
            .map_err(|error| self.damaged(&format!("its facts do not read: {error}")))
    }

    pub(super) fn damaged(&self, reason: &str) -> StoreError {
        damaged(self.path, reason)
    }
}

/// The checksum of the next `length` bytes and, if asked for, the bytes.
fn read_section(file: &mut File, length: u64, keep: bool) -> Result<(u32, Vec<u8>), StoreError> {
    let mut crc = crc32fast::Hasher::new();
    let mut kept = Vec::new();
    let mut buffer = vec![0; READ_BYTES.min(length as usize)];
    let mut left = length;
    while left > 0 {
        let part = &mut buffer[..READ_BYTES.min(left as usize)];
        file.read_exact(part)?;
        crc.update(part);
        if keep {
            kept.extend_from_slice(part);
        }
        left -= part.len() as u64;
    }
    Ok((crc.finalize(), kept))
}
