//! What a file is called by its content.

use crate::{MediaError, source};
use rushes_model::{HashStr, MediaId};
use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// Files up to this size are read whole.
const WHOLE: u64 = 4 << 20;
/// Blocks sampled from larger files: the first, the last, and the rest evenly between. 32 seeks are a
/// third of a second even on a disk that turns.
const BLOCKS: u64 = 32;
/// Bytes of one block.
const BLOCK: u64 = 64 << 10;

/// A file's names and what tells that it may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// First 128 bits of BLAKE3 over the size (8 bytes, little endian) and the sampled blocks.
    pub media_id: MediaId,
    /// CRC-32 (IEEE 802.3) over the same bytes.
    pub hash_str: HashStr,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Time of the last change in nanoseconds since 1970.
    pub modified_ns: i128,
}

/// Identifies a file by its size and blocks from its start, its end and evenly in between; files up
/// to 4 MiB are read whole. Path, name and dates do not matter.
///
/// # Errors
/// When the path is not absolute or not a readable file with bytes in it.
pub fn identify(path: &Path) -> Result<Identity, MediaError> {
    let (file, metadata) = source::open(path)?;
    let size_bytes = metadata.len();
    let mut content = blake3::Hasher::new();
    let mut check = crc32fast::Hasher::new();
    let mut take = |bytes: &[u8]| {
        content.update(bytes);
        check.update(bytes);
    };
    take(&size_bytes.to_le_bytes());
    let mut buffer = vec![0; BLOCK as usize];
    for offset in offsets(size_bytes) {
        let wanted = BLOCK.min(size_bytes - offset) as usize;
        let read = read_at(&file, &mut buffer[..wanted], offset)
            .map_err(|error| source::unreadable(path, error))?;
        take(&buffer[..read]);
    }
    let mut media_id = [0; 16];
    media_id.copy_from_slice(&content.finalize().as_bytes()[..16]);
    Ok(Identity {
        media_id: MediaId(media_id),
        hash_str: HashStr(check.finalize()),
        size_bytes,
        modified_ns: metadata.modified().map_or(0, nanoseconds),
    })
}

/// Where the blocks start.
fn offsets(size: u64) -> Box<dyn Iterator<Item = u64>> {
    if size <= WHOLE {
        return Box::new((0..size).step_by(BLOCK as usize));
    }
    let last = size - BLOCK;
    // In 128 bits, because the product of an exabyte and 31 does not fit 64.
    let place = move |i| (u128::from(last) * u128::from(i) / u128::from(BLOCKS - 1)) as u64;
    Box::new((0..BLOCKS).map(place))
}

/// Fills the buffer from `offset`; fewer bytes only at the end of the file.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn nanoseconds(time: SystemTime) -> i128 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    }
}
