//! What a bundle is of, without reading the rest of it.

use super::{
    BundleMeta,
    contents::KEPT_BYTES,
    layout::{FIXED_BYTES, Fields, Kind, MAX_SECTIONS, Section, header_bytes, read_table},
};
use crate::durable;
use serde::Deserialize;
use std::{
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

/// What the META sections of all bundles have.
#[derive(Deserialize)]
struct OnlyBundle {
    bundle: BundleMeta,
}

/// What a file says to be of and the version of its layout, if that much of it is whole: the section that says so
/// has a checksum of its own. `None` where it is not.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn glance(path: &Path) -> io::Result<Option<(u32, BundleMeta)>> {
    let mut file = durable::open(path)?;
    let length = file.metadata()?.len();
    let Some((version, section)) = meta_section(&mut file)? else { return Ok(None) };
    if section.length > KEPT_BYTES || section.end().is_none_or(|end| end > length) {
        return Ok(None);
    }
    let mut bytes = vec![0; section.length as usize];
    file.seek(SeekFrom::Start(section.offset))?;
    file.read_exact(&mut bytes)?;
    let whole = Some(bytes).filter(|bytes| crc32fast::hash(bytes) == section.crc);
    let meta = whole.and_then(|bytes| serde_json::from_slice::<OnlyBundle>(&bytes).ok());
    Ok(meta.map(|meta| (version, meta.bundle)))
}

/// The version of a file's layout, and its table's entry of the META section.
fn meta_section(file: &mut impl Read) -> io::Result<Option<(u32, Section)>> {
    let mut header = Vec::new();
    file.take(header_bytes(MAX_SECTIONS as usize) as u64).read_to_end(&mut header)?;
    let Some((fixed, table)) = header.split_at_checked(FIXED_BYTES) else { return Ok(None) };
    let mut fields = Fields(&fixed[8..]);
    let (version, count) = (fields.u32().unwrap_or(0), fields.u32().unwrap_or(0));
    let sections = read_table(table);
    let own = sections.iter().take(count as usize);
    let meta = own.copied().find(|section| section.kind == Kind::Meta as u32);
    Ok(meta.map(|section| (version, section)))
}
