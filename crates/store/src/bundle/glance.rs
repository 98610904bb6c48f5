//! What a bundle is of, without reading the rest of it.

use super::{
    BundleMeta,
    contents::KEPT_BYTES,
    layout::{
        FIXED_BYTES, Fields, Form, Kind, MAX_SECTIONS, Section, form_of, header_bytes, read_table,
    },
};
use crate::{Entry, durable};
use serde::Deserialize;
use std::io::{self, Read, Seek, SeekFrom};

/// What the META sections of all bundles have.
#[derive(Deserialize)]
struct OnlyBundle {
    bundle: BundleMeta,
}

/// What a bundle is of, if that much of it is whole: the section that says so has a checksum of its own. `None` where
/// it is not, and of a later version.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn glance(entry: &Entry) -> io::Result<Option<BundleMeta>> {
    let mut file = durable::open(&entry.path)?;
    let length = file.metadata()?.len();
    let Some(section) = meta_section(form_of(entry.analysis), &mut file)? else { return Ok(None) };
    if section.length > KEPT_BYTES || section.end().is_none_or(|end| end > length) {
        return Ok(None);
    }
    let mut bytes = vec![0; section.length as usize];
    file.seek(SeekFrom::Start(section.offset))?;
    file.read_exact(&mut bytes)?;
    let whole = Some(bytes).filter(|bytes| crc32fast::hash(bytes) == section.crc);
    let meta = whole.and_then(|bytes| serde_json::from_slice::<OnlyBundle>(&bytes).ok());
    Ok(meta.map(|meta| meta.bundle))
}

/// The table's entry of the META section.
fn meta_section(form: &Form, file: &mut impl Read) -> io::Result<Option<Section>> {
    let mut header = Vec::new();
    file.take(header_bytes(MAX_SECTIONS as usize) as u64).read_to_end(&mut header)?;
    let Some((fixed, table)) = header.split_at_checked(FIXED_BYTES) else { return Ok(None) };
    let mut fields = Fields(&fixed[8..]);
    let (version, count) = (fields.u32().unwrap_or(0), fields.u32().unwrap_or(0));
    if version > form.version {
        return Ok(None);
    }
    let sections = read_table(table);
    let mut own = sections.into_iter().take(count as usize);
    Ok(own.find(|section| section.kind == Kind::Meta as u32))
}
