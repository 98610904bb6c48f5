//! Bytes of a journal's file: a header, then records, each with its length and checksums.

use std::io;

/// What a file begins with: magic and version.
pub(super) const HEADER: [u8; 12] = *b"\x89RJL\r\n\x1a\n\x01\0\0\0";
/// Bytes of the magic.
const MAGIC: usize = 8;
/// Version of the layout that this code writes and reads.
const VERSION: u32 = 1;
/// Bytes before a record: its length, its checksum, and the checksum of both.
const PREFIX: usize = 12;
/// Longest record, in bytes of JSON.
const MAX_RECORD: usize = 1 << 20;

/// What a file holds, up to the first byte that makes no sense.
pub(super) struct Contents<'a> {
    /// The records.
    pub payloads: Vec<&'a [u8]>,
    /// Bytes up to the end of the last record.
    pub whole: usize,
    /// What comes then.
    pub rest: Rest,
}

/// What comes after the last record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Nothing,
    /// A record that was not written to its end, so that nobody was told that it was.
    Torn,
    /// Something that was not written so.
    Damaged(&'static str),
    /// What a later version wrote.
    Newer(u32),
}

impl<'a> Contents<'a> {
    pub fn parse(bytes: &'a [u8]) -> Self {
        let mut contents = Self { payloads: Vec::new(), whole: 0, rest: header(bytes) };
        if contents.rest != Rest::Nothing || bytes.is_empty() {
            return contents;
        }
        contents.whole = HEADER.len();
        while contents.rest == Rest::Nothing && contents.whole < bytes.len() {
            match record_of(&bytes[contents.whole..]) {
                Ok(payload) => {
                    contents.payloads.push(payload);
                    contents.whole += PREFIX + payload.len();
                }
                Err(rest) => contents.rest = rest,
            }
        }
        contents
    }
}

/// What is wrong with the header, if anything is.
fn header(bytes: &[u8]) -> Rest {
    let there = &bytes[..bytes.len().min(HEADER.len())];
    if HEADER.starts_with(there) {
        let torn = !there.is_empty() && there.len() < HEADER.len();
        return if torn { Rest::Torn } else { Rest::Nothing };
    }
    if is_zero(bytes) {
        return Rest::Torn;
    }
    match there.split_at_checked(MAGIC) {
        Some((magic, version)) if magic == &HEADER[..MAGIC] => match version.try_into() {
            Ok(version) if u32::from_le_bytes(version) > VERSION => {
                Rest::Newer(u32::from_le_bytes(version))
            }
            _ => Rest::Damaged("its version is none"),
        },
        _ => Rest::Damaged("it does not begin as a journal does"),
    }
}

/// The record that some bytes begin with, or why there is none.
fn record_of(bytes: &[u8]) -> Result<&[u8], Rest> {
    // A file system may have given a file its length before its bytes.
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>().filter(|_| !is_zero(bytes))
    else {
        return Err(Rest::Torn);
    };
    let number = |at: usize| {
        u32::from_le_bytes([prefix[at], prefix[at + 1], prefix[at + 2], prefix[at + 3]])
    };
    let length = number(0) as usize;
    if crc32fast::hash(&prefix[..8]) != number(8) || length > MAX_RECORD {
        return Err(Rest::Damaged("the beginning of a record is not as it was written"));
    }
    let payload = rest.get(..length).ok_or(Rest::Torn)?;
    if crc32fast::hash(payload) != number(4) {
        return Err(Rest::Damaged("a record is not as it was written"));
    }
    Ok(payload)
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// A record as it stands in a file.
///
/// # Errors
/// When it is too long.
pub(super) fn record(payload: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= MAX_RECORD);
    let too_long = || io::Error::new(io::ErrorKind::InvalidInput, "a record of over 1 MiB");
    let mut bytes = length.ok_or_else(too_long)?.to_le_bytes().to_vec();
    bytes.extend(crc32fast::hash(payload).to_le_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes.extend(payload);
    Ok(bytes)
}
