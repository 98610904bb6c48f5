//! What the targets share: a scratch folder, and numbers and texts as strangers write them.

use arbitrary::{Arbitrary, Result, Unstructured};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// A folder of this process. `scripts/fuzz` sets `TMPDIR` to memory and takes everything away at the end.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().expect("there is room").keep())
}

/// A file of these bytes, under the same name each time.
pub fn file(name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    let path = folder().join(name);
    fs::write(&path, bytes)?;
    Ok(path)
}

/// Writes a checksum over what stands before the last four bytes of a run, into these.
pub fn seal(bytes: &mut [u8]) {
    if let Some((body, crc)) = bytes.split_last_chunk_mut::<4>() {
        *crc = crc32fast::hash(body).to_le_bytes();
    }
}

/// Seconds: mostly such as media have, now and then any float at all.
#[derive(Debug, Clone, Copy)]
pub struct Seconds(pub f64);

impl<'a> Arbitrary<'a> for Seconds {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(match input.int_in_range(0..=15)? {
            0 => f64::arbitrary(input)?,
            1 => f64::from(i32::arbitrary(input)?),
            _ => f64::from(u32::arbitrary(input)? % 100_000_000) / 1000.0,
        }))
    }
}

/// A frame number: mostly within a day or two, now and then any number at all.
#[derive(Debug, Clone, Copy)]
pub struct Frame(pub u64);

impl<'a> Arbitrary<'a> for Frame {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(match input.int_in_range(0..=15)? {
            0 => u64::arbitrary(input)?,
            _ => u64::from(u32::arbitrary(input)? % 10_000_000),
        }))
    }
}

/// A frame rate: mostly one that cameras have.
#[derive(Debug, Clone, Copy)]
pub struct Rate(pub rushes_model::FrameRate);

impl<'a> Arbitrary<'a> for Rate {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        const USUAL: [(u32, u32); 7] =
            [(24, 1), (25, 1), (30_000, 1001), (24_000, 1001), (60_000, 1001), (50, 1), (120, 1)];
        let usual = input.int_in_range(0..=USUAL.len())?;
        let any = || Ok((u32::arbitrary(input)?, u32::arbitrary(input)?));
        let (num, den) = USUAL.get(usual).copied().map_or_else(any, Ok)?;
        rushes_model::FrameRate::new(num, den).map(Self).ok_or(arbitrary::Error::IncorrectFormat)
    }
}
