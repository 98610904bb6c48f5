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

/// What a file holds. What makes no sense is passed over up to the next whole record, for what was decided after
/// it still holds.
pub(super) struct Contents<'a> {
    /// The records.
    pub payloads: Vec<&'a [u8]>,
    /// Bytes up to the end of the last record.
    pub whole: usize,
    /// What is wrong, if anything is.
    pub rest: Rest,
    /// Bytes that were passed over.
    pub lost: usize,
    /// Bytes of what looked like a record and was none.
    vain: usize,
}

/// What a file has besides its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Nothing,
    /// At the end a record that was not written to its end, so that nobody was told that it was.
    Torn,
    /// Somewhere something that was not written so.
    Damaged(&'static str),
    /// What a later version wrote.
    Newer(u32),
}

impl<'a> Contents<'a> {
    pub fn parse(bytes: &'a [u8]) -> Self {
        let rest = header(bytes);
        let mut contents = Self { payloads: Vec::new(), whole: 0, rest, lost: 0, vain: 0 };
        match rest {
            Rest::Nothing if !bytes.is_empty() => contents.whole = HEADER.len(),
            Rest::Damaged(_) => match contents.next_record(bytes, 0) {
                Some(next) => contents.pass_over(next),
                None => return contents,
            },
            _ => return contents,
        }
        while contents.whole < bytes.len() && contents.take(bytes) {}
        contents
    }

    /// Takes the next record; says whether there may be more.
    fn take(&mut self, bytes: &'a [u8]) -> bool {
        match record_of(&bytes[self.whole..]) {
            Ok(payload) => {
                self.payloads.push(payload);
                self.whole += PREFIX + payload.len();
                return true;
            }
            Err(Rest::Damaged(reason)) => {
                if !matches!(self.rest, Rest::Damaged(_)) {
                    self.rest = Rest::Damaged(reason);
                }
                match self.next_record(bytes, self.whole + 1) {
                    Some(next) => {
                        self.pass_over(next);
                        return true;
                    }
                    None => self.lost += bytes.len() - self.whole,
                }
            }
            Err(rest) if self.rest == Rest::Nothing => self.rest = rest,
            Err(_) => {}
        }
        false
    }

    /// Where the first whole record at or after `from` begins. Both of its checksums fit, and no record has another
    /// in it: JSON has no bytes as small as those of a length.
    fn next_record(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        for at in from..bytes.len().saturating_sub(PREFIX) {
            let Some(prefix) = bytes[at..].first_chunk().and_then(Prefix::of) else { continue };
            let rest = &bytes[at + PREFIX..];
            if prefix.payload(rest).is_some_and(|payload| !payload.is_empty()) {
                return Some(at);
            }
            self.vain += if prefix.length <= rest.len() { prefix.length } else { 0 };
            // Damaged records lie one behind the other. More than there is room for were made up, to have a long
            // record looked through at every byte.
            if self.vain > bytes.len() {
                break;
            }
        }
        None
    }

    fn pass_over(&mut self, next: usize) {
        self.lost += next - self.whole;
        self.whole = next;
    }

    /// More records than can have been lost.
    pub fn lost_records(&self) -> u64 {
        (self.lost / PREFIX) as u64
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

/// What stands before a record.
#[derive(Clone, Copy)]
struct Prefix {
    length: usize,
    crc: u32,
}

impl Prefix {
    /// A prefix whose own checksum fits.
    fn of(bytes: &[u8; PREFIX]) -> Option<Self> {
        let number = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let (length, crc) = (number(0) as usize, number(4));
        let fits = length <= MAX_RECORD && crc32fast::hash(&bytes[..8]) == number(8);
        fits.then_some(Self { length, crc })
    }

    /// The record behind it, if it is there and its checksum fits.
    fn payload(self, rest: &[u8]) -> Option<&[u8]> {
        rest.get(..self.length).filter(|payload| crc32fast::hash(payload) == self.crc)
    }
}

/// The record that some bytes begin with, or why there is none.
fn record_of(bytes: &[u8]) -> Result<&[u8], Rest> {
    // A file system may have given a file its length before its bytes.
    let Some((prefix, rest)) = bytes.split_first_chunk().filter(|_| !is_zero(bytes)) else {
        return Err(Rest::Torn);
    };
    let Some(prefix) = Prefix::of(prefix) else {
        return Err(Rest::Damaged("the beginning of a record is not as it was written"));
    };
    if rest.len() < prefix.length {
        return Err(Rest::Torn);
    }
    prefix.payload(rest).ok_or(Rest::Damaged("a record is not as it was written"))
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
