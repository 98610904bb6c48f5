//! Rows of fixed width: mapped from a file or in memory.

use crate::VectorsError;
use fs_err::File;
use half::f16;
use memmap2::{Mmap, MmapOptions};
use std::{
    io::{Read, Seek, SeekFrom},
    path::Path,
    sync::Arc,
};

/// Stored rows begin at a multiple of this, so that a row's loads are aligned.
const ALIGNMENT: u64 = 64;

/// Values that a file holds as they are in memory.
///
/// # Safety
/// Every bit pattern must be a valid value, and the alignment must divide [`ALIGNMENT`].
pub(crate) unsafe trait Plain: Copy + Send + Sync + 'static {
    /// Reads values from little-endian bytes.
    fn from_bytes(bytes: Vec<u8>) -> Vec<Self>;
}

// SAFETY: any byte is a u8.
unsafe impl Plain for u8 {
    fn from_bytes(bytes: Vec<u8>) -> Vec<Self> {
        bytes
    }
}

// SAFETY: f16 is a transparent u16: any two bytes are one, and 2 divides 64.
unsafe impl Plain for f16 {
    fn from_bytes(bytes: Vec<u8>) -> Vec<Self> {
        bytes.as_chunks::<2>().0.iter().map(|&pair| f16::from_le_bytes(pair)).collect()
    }
}

/// `count` rows of `width` values each.
#[derive(Debug, Clone)]
pub(crate) struct Table<T> {
    storage: Storage<T>,
    count: usize,
    width: usize,
}

#[derive(Debug, Clone)]
enum Storage<T> {
    /// The rows of a published file, which nobody changes.
    Mapped(Arc<Mmap>),
    /// Blocks of `rows` rows, the last one shorter.
    Blocks { blocks: Vec<Arc<[T]>>, rows: usize },
}

impl<T: Plain> Table<T> {
    /// Maps rows that begin at byte `offset` of a file.
    pub(crate) fn map(
        path: &Path,
        offset: u64,
        count: usize,
        width: usize,
    ) -> Result<Self, VectorsError> {
        let (file, length) = open_checked::<T>(path, offset, count, width)?;
        if length == 0 {
            return Ok(Self::owned(Vec::new(), width));
        }
        let mut options = MmapOptions::new();
        options.offset(offset).len(length);
        // SAFETY: the map is read only, and the file is one that is published under its name once it is
        // complete and never written again: a new version is another file renamed over it, which leaves
        // the mapped one as it was. Its length was checked, so no access lies behind its end.
        let map = unsafe { options.map(file.file()) }.map_err(|error| named(path, &error))?;
        Ok(Self { storage: Storage::Mapped(Arc::new(map)), count, width })
    }

    /// Reads the rows into memory instead, for file systems that may go away.
    pub(crate) fn read(
        path: &Path,
        offset: u64,
        count: usize,
        width: usize,
    ) -> Result<Self, VectorsError> {
        let (mut file, length) = open_checked::<T>(path, offset, count, width)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        Ok(Self::owned(T::from_bytes(bytes), width))
    }

    /// Takes values; what does not make a whole row at the end is not reachable.
    pub(crate) fn owned(values: Vec<T>, width: usize) -> Self {
        let count = values.len().checked_div(width).unwrap_or(0);
        let storage = Storage::Blocks { blocks: vec![values.into()], rows: count.max(1) };
        Self { storage, count, width }
    }

    /// Takes blocks of `rows` rows each; the last one may be shorter.
    pub(crate) fn blocks(blocks: Vec<Arc<[T]>>, rows: usize, width: usize) -> Self {
        let values: usize = blocks.iter().map(|block| block.len()).sum();
        let count = values.checked_div(width).unwrap_or(0);
        Self { storage: Storage::Blocks { blocks, rows: rows.max(1) }, count, width }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Row `index`, which must be less than `count()`.
    pub(crate) fn row(&self, index: usize) -> &[T] {
        match &self.storage {
            Storage::Mapped(map) => &values(map)[index * self.width..][..self.width],
            Storage::Blocks { blocks, rows } => {
                &blocks[index / rows][index % rows * self.width..][..self.width]
            }
        }
    }
}

/// The values of a mapped region.
fn values<T: Plain>(map: &Mmap) -> &[T] {
    // SAFETY: `Plain` promises that every bit pattern is a value, and that its alignment divides the
    // offset's, which `open_checked` checked; maps begin at a page.
    let (head, values, _) = unsafe { map.align_to::<T>() };
    debug_assert!(head.is_empty());
    values
}

/// Opens a file and checks that it holds the rows, whose size in bytes it returns.
fn open_checked<T>(
    path: &Path,
    offset: u64,
    count: usize,
    width: usize,
) -> Result<(File, usize), VectorsError> {
    let layout = || VectorsError::Layout { path: path.to_owned(), offset, count, width };
    let bytes = count.checked_mul(width).and_then(|values| values.checked_mul(size_of::<T>()));
    let bytes =
        bytes.filter(|_| offset.is_multiple_of(ALIGNMENT) && width > 0).ok_or_else(layout)?;
    let needed = offset.checked_add(bytes as u64).ok_or_else(layout)?;
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length < needed {
        return Err(VectorsError::Short { path: path.to_owned(), length, needed });
    }
    Ok((file, bytes))
}

fn named(path: &Path, error: &std::io::Error) -> std::io::Error {
    std::io::Error::new(error.kind(), format!("failed to map file `{}`: {error}", path.display()))
}
