//! Numbers that were worked out once and may be worked out again: a cache file of this machine.

use crate::durable;
use std::{io, path::Path};

/// Begins such a file.
const MAGIC: [u8; 8] = *b"\x89RNB\r\n\x1a\n";
/// Magic and checksum of what follows.
const HEADER_BYTES: usize = 12;
/// Longest file that is read: the state of ten million faces.
const MAX_BYTES: u64 = 1 << 30;

/// Keeps numbers in a file, in place of others.
///
/// # Errors
/// When it cannot be written.
pub fn keep_numbers(path: &Path, numbers: &[u32]) -> io::Result<()> {
    let body: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    durable::publish(path, |file| {
        file.write_all(&MAGIC)?;
        file.write_all(&crc32fast::hash(&body).to_le_bytes())?;
        file.write_all(&body)
    })
}

/// The numbers of such a file; `None` where there is none, or one that is not what was written.
#[must_use]
pub fn kept_numbers(path: &Path) -> Option<Vec<u32>> {
    let bytes = durable::read_limited(path, MAX_BYTES).ok()?;
    let (header, body) = bytes.split_at_checked(HEADER_BYTES)?;
    let (numbers, rest) = body.as_chunks();
    let is_whole = header[..8] == MAGIC
        && header[8..] == crc32fast::hash(body).to_le_bytes()
        && rest.is_empty();
    is_whole.then(|| numbers.iter().map(|number| u32::from_le_bytes(*number)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below").join("numbers");
        assert_eq!(kept_numbers(&path), None);
        for numbers in [vec![], vec![7], vec![0, u32::MAX, 1 << 20]] {
            keep_numbers(&path, &numbers).unwrap();
            assert_eq!(kept_numbers(&path), Some(numbers));
        }
        let whole = fs_err::read(&path).unwrap();
        for position in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[position] ^= 0x40;
            fs_err::write(&path, bytes).unwrap();
            assert_eq!(kept_numbers(&path), None, "byte {position}");
            fs_err::write(&path, &whole[..position]).unwrap();
            assert_eq!(kept_numbers(&path), None, "{position} bytes");
        }
    }
}
