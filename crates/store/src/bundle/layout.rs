//! Header and table of sections.

use crate::{Analysis, StoreError};
use std::{io::Read, path::Path};

/// What tells the files of one analysis from those of others.
pub(super) struct Form {
    /// Begins every bundle. The odd bytes show up transfers that change line ends or drop the eighth bit.
    magic: [u8; 8],
    /// Version of the layout that is written; all up to it are read.
    pub(super) version: u32,
}

/// Visual bundles.
pub(super) const VISUAL: Form = Form { magic: *b"\x89RVB\r\n\x1a\n", version: 1 };
/// Text bundles.
pub(super) const TEXT: Form = Form { magic: *b"\x89RTB\r\n\x1a\n", version: 1 };
/// Speech bundles.
pub(super) const SPEECH: Form = Form { magic: *b"\x89RSB\r\n\x1a\n", version: 1 };
/// Face bundles.
pub(super) const FACES: Form = Form { magic: *b"\x89RFB\r\n\x1a\n", version: 1 };

/// The form of an analysis' bundles.
pub(super) fn form_of(analysis: Analysis) -> &'static Form {
    match analysis {
        Analysis::Visual => &VISUAL,
        Analysis::Text => &TEXT,
        Analysis::Speech => &SPEECH,
        Analysis::Faces => &FACES,
    }
}

/// Sections begin at multiples of this, so that mapped vectors are aligned.
const ALIGNMENT: u64 = 64;

/// Magic, version, number of sections, length of the file.
pub(super) const FIXED_BYTES: usize = 24;
/// Kind, checksum, offset, length.
const ENTRY_BYTES: usize = 24;
/// More sections than any version has.
pub(super) const MAX_SECTIONS: u32 = 64;

/// What a section holds, in whichever bundle. Numbers are for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Kind {
    Meta = 1,
    Times = 2,
    Vectors = 3,
    Tags = 4,
    Shots = 5,
    PreviewIndex = 6,
    Previews = 7,
    Frames = 8,
    Lines = 9,
    Characters = 10,
    Segments = 11,
    Words = 12,
    Meanings = 13,
    Tracks = 14,
    Seen = 15,
}

/// One entry of the table. `kind` is a number, since later versions may add kinds that this one skips.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Section {
    pub(super) kind: u32,
    pub(super) crc: u32,
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl Section {
    pub(super) fn end(&self) -> Option<u64> {
        self.offset.checked_add(self.length)
    }
}

/// Where the header of a file with `sections` sections ends.
pub(super) fn header_bytes(sections: usize) -> usize {
    FIXED_BYTES + sections * ENTRY_BYTES + 4
}

/// Lays sections out one after the other; `offset` need not be set.
pub(super) fn place(sections: &mut [Section]) {
    let mut end = header_bytes(sections.len()) as u64;
    for section in sections {
        section.offset = end.next_multiple_of(ALIGNMENT);
        end = section.offset + section.length;
    }
}

/// The bytes before the first section's padding.
pub(super) fn header(form: &Form, sections: &[Section]) -> Vec<u8> {
    let length = sections.last().map_or(0, |section| section.offset + section.length);
    let mut bytes = Vec::with_capacity(header_bytes(sections.len()));
    bytes.extend(form.magic);
    bytes.extend(form.version.to_le_bytes());
    bytes.extend((sections.len() as u32).to_le_bytes());
    bytes.extend(length.to_le_bytes());
    for section in sections {
        bytes.extend(section.kind.to_le_bytes());
        bytes.extend(section.crc.to_le_bytes());
        bytes.extend(section.offset.to_le_bytes());
        bytes.extend(section.length.to_le_bytes());
    }
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// Reads and checks the header of a file of `file_length` bytes: the table, whose sections follow each
/// other to the very end of the file, and the header's own length.
pub(super) fn read_header(
    form: &Form,
    reader: &mut impl Read,
    file_length: u64,
    path: &Path,
) -> Result<(Vec<Section>, u64), StoreError> {
    let damaged = |reason: &str| damaged(path, reason);
    if file_length < header_bytes(0) as u64 {
        return Err(damaged("it is too short to be a bundle"));
    }
    let mut bytes = vec![0; FIXED_BYTES];
    reader.read_exact(&mut bytes)?;
    let (count, length) = match read_fixed(form, &bytes, path) {
        Err(StoreError::Newer { .. }) if is_only_called_newer(form, &bytes, reader) => {
            return Err(damaged("its version is not what was written"));
        }
        fixed => fixed?,
    };
    if length != file_length {
        return Err(damaged(&format!("it should have {length} bytes and has {file_length}")));
    }
    if header_bytes(count) as u64 > file_length {
        return Err(damaged("its table of sections is longer than the file"));
    }
    bytes.resize(header_bytes(count), 0);
    reader.read_exact(&mut bytes[FIXED_BYTES..])?;
    let (table, crc) = bytes.split_at(bytes.len() - 4);
    if crc != crc32fast::hash(table).to_le_bytes() {
        return Err(damaged("the checksum of its header does not fit"));
    }
    let sections = read_table(&table[FIXED_BYTES..]);
    check_places(&sections, file_length)
        .ok_or_else(|| damaged("its sections do not fit together"))?;
    Ok((sections, bytes.len() as u64))
}

/// Whether the header of a file that says to be of a later version is one of ours but for that number: then the
/// number is what was damaged, and nobody will ever have a version that reads it.
fn is_only_called_newer(form: &Form, fixed: &[u8], reader: &mut impl Read) -> bool {
    let count = Fields(&fixed[12..]).u32().unwrap_or(u32::MAX);
    if count > MAX_SECTIONS {
        return false;
    }
    let mut bytes = fixed.to_vec();
    bytes.resize(header_bytes(count as usize), 0);
    if reader.read_exact(&mut bytes[FIXED_BYTES..]).is_err() {
        return false;
    }
    (1..=form.version).any(|version| {
        bytes[8..12].copy_from_slice(&version.to_le_bytes());
        let (table, crc) = bytes.split_at(bytes.len() - 4);
        crc == crc32fast::hash(table).to_le_bytes()
    })
}

/// Number of sections and length of the file.
fn read_fixed(form: &Form, bytes: &[u8], path: &Path) -> Result<(usize, u64), StoreError> {
    let mut fields = Fields(bytes);
    if fields.take() != Some(form.magic) {
        return Err(damaged(path, "it does not begin as a bundle does"));
    }
    let version = fields.u32().unwrap_or(0);
    if version > form.version {
        return Err(StoreError::Newer { path: path.to_owned(), version });
    }
    let count = fields.u32().unwrap_or(0);
    if version == 0 || count > MAX_SECTIONS {
        return Err(damaged(path, "its header makes no sense"));
    }
    Ok((count as usize, fields.u64().unwrap_or(0)))
}

pub(super) fn read_table(bytes: &[u8]) -> Vec<Section> {
    let entry = |bytes: &[u8; ENTRY_BYTES]| {
        let mut fields = Fields(bytes);
        let (kind, crc) = (fields.u32()?, fields.u32()?);
        Some(Section { kind, crc, offset: fields.u64()?, length: fields.u64()? })
    };
    bytes.as_chunks().0.iter().filter_map(entry).collect()
}

/// `Some` when sections follow each other without other gaps than padding, and end with the file.
fn check_places(sections: &[Section], file_length: u64) -> Option<()> {
    let mut end = header_bytes(sections.len()) as u64;
    for (index, section) in sections.iter().enumerate() {
        let known = sections[..index].iter().any(|earlier| earlier.kind == section.kind);
        if known || Some(section.offset) != end.checked_next_multiple_of(ALIGNMENT) {
            return None;
        }
        end = section.end()?;
    }
    (end == file_length).then_some(())
}

pub(super) fn damaged(path: &Path, reason: &str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}

/// Little-endian fields one after the other.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub(super) fn f32(&mut self) -> Option<f32> {
        self.take().map(f32::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Option<f64> {
        self.take().map(f64::from_le_bytes)
    }
}
