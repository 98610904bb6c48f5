//! Checkpoints as `torch.save` writes them since version 1.6: a zip of a pickle, `data.pkl`, and of one
//! file a storage, `data/<key>`, in a folder of any name.

use super::checkpoint::{CheckpointError, StoredTensor};
use super::pickle::{self, Reader, Value};
use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::rc::Rc;
use zip::ZipArchive;

/// A pickle of a million instructions is shorter.
const LONGEST_PICKLE: usize = 64 << 20;
/// What every zip begins with.
pub(super) const MAGIC: &[u8] = b"PK";

/// Tensors by name, and the bytes of their storages by key.
type Contents = (Vec<(Rc<str>, Rc<StoredTensor>)>, HashMap<Rc<str>, Vec<u8>>);

pub(super) fn read(bytes: &[u8]) -> Result<Contents, CheckpointError> {
    let mut archive = Archive(ZipArchive::new(Cursor::new(bytes)).map_err(broken)?);
    let root = archive.root().ok_or(CheckpointError::Format)?;
    let order = archive.member(&format!("{root}byteorder"), LONGEST_PICKLE)?;
    if order.is_some_and(|order| order != b"little") {
        return Err(CheckpointError::Format);
    }
    let pickle = archive.member(&format!("{root}data.pkl"), LONGEST_PICKLE)?;
    let pickle = pickle.ok_or(CheckpointError::Format)?;
    let Value::Tensors(tensors) = pickle::read(&mut Reader::new(&pickle))? else {
        return Err(CheckpointError::Format);
    };
    let mut storages = HashMap::new();
    // PyTorch stores numbers as they are: no more of them can be had than the file has bytes. Deflated, a few
    // of these can claim to be gigabytes.
    let mut left = bytes.len();
    for (_, tensor) in &tensors {
        let storage = &tensor.storage;
        if storages.contains_key(&storage.key) {
            continue;
        }
        let length = storage.bytes()?;
        let too_long = CheckpointError::Pickle("its storages are longer than the file");
        left = left.checked_sub(length).ok_or(too_long)?;
        let found = archive.member(&format!("{root}data/{}", storage.key), length)?;
        let found = found.filter(|found| found.len() == length);
        let found = found.ok_or(CheckpointError::Pickle(
            "a storage is missing or has another length than described",
        ))?;
        storages.insert(storage.key.clone(), found);
    }
    Ok((tensors, storages))
}

struct Archive<'a>(ZipArchive<Cursor<&'a [u8]>>);

impl Archive<'_> {
    /// The folder that everything lies in, with its slash.
    fn root(&self) -> Option<String> {
        let mut names = self.0.file_names().filter_map(Result::ok);
        names.find_map(|name| Some(name.strip_suffix("data.pkl")?.to_owned()))
    }

    /// A file's bytes, if it is there; longer ones than `most` are an error, whatever their header claims.
    fn member(&mut self, name: &str, most: usize) -> Result<Option<Vec<u8>>, CheckpointError> {
        if self.0.index_for_name(name).is_none() {
            return Ok(None);
        }
        let file = self.0.by_name(name).map_err(broken)?;
        let mut bytes = Vec::new();
        file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(broken)?;
        if bytes.len() > most {
            return Err(broken(format!("{name} is longer than it should be")));
        }
        Ok(Some(bytes))
    }
}

fn broken(reason: impl ToString) -> CheckpointError {
    CheckpointError::Zip(reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::Checkpoint;
    use std::io::{Cursor, Write};
    use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

    /// `{"state": {"w": [1, 2]}, "version": 1.5}`.
    const PICKLE: &[u8] = b"\x80\x02}(X\x05\x00\x00\x00state}X\x01\x00\x00\x00wctorch._utils\n\
_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x007X\x03\x00\x00\x00cpuK\
\x02tQK\x00K\x02\x85K\x01\x85tRsX\x07\x00\x00\x00versionG\x3f\xf8\0\0\0\0\0\0u.";
    const NUMBERS: &[u8] = b"\x00\x00\x80\x3f\x00\x00\x00\x40";

    type Member = (&'static str, &'static [u8]);

    fn zip(members: &[Member]) -> Vec<u8> {
        zip_as(members, SimpleFileOptions::default().compression_method(CompressionMethod::Stored))
    }

    fn zip_as(members: &[Member], options: SimpleFileOptions) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            writer.start_file(*name, options).expect("starts");
            writer.write_all(bytes).expect("writes");
        }
        writer.finish().expect("is whole").into_inner()
    }

    #[test]
    fn tensors_of_nested_dictionaries_have_names_with_dots() {
        let bytes = zip(&[("a/data.pkl", PICKLE), ("a/data/7", NUMBERS)]);
        let checkpoint = Checkpoint::read(&bytes).expect("reads");
        let tensor = checkpoint.tensor("state.w").expect("is there");
        assert_eq!((tensor.shape, tensor.values), (vec![2], vec![1.0, 2.0]));
        assert!(checkpoint.tensor("w").is_err());
        for end in 0..bytes.len() {
            assert!(Checkpoint::read(&bytes[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn what_is_missing_or_of_another_size_is_an_error() {
        let pickle: Member = ("a/data.pkl", PICKLE);
        let cases: [(&[Member], &str); 6] = [
            (&[("a/data/7", NUMBERS)], "no PyTorch checkpoint"),
            (&[pickle], "a storage is missing"),
            (&[pickle, ("b/data/7", NUMBERS)], "a storage is missing"),
            (&[pickle, ("a/data/7", &NUMBERS[1..])], "another length"),
            (&[pickle, ("a/data/7", &[0; 9])], "longer than it should be"),
            (&[pickle, ("a/data/7", NUMBERS), ("a/byteorder", b"big")], "no PyTorch checkpoint"),
        ];
        for (members, expected) in cases {
            let bytes = zip(members);
            let error = Checkpoint::read(&bytes).err().expect(expected).to_string();
            assert!(error.contains(expected), "{error} does not say {expected}");
        }
    }

    #[test]
    fn storages_are_not_unpacked_beyond_the_size_of_the_file() {
        // One storage of a mebibyte of zeros, deflated to a kibibyte.
        let pickle = PICKLE.to_vec();
        let place = pickle.windows(2).position(|pair| pair == b"K\x02").expect("its length");
        let long = [&pickle[..place], b"J\x00\x00\x04\x00", &pickle[place + 2..]].concat();
        let (long, zeros): (&'static [u8], &'static [u8]) = (long.leak(), vec![0; 1 << 20].leak());
        let deflated = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        let members = [("a/data.pkl", long), ("a/data/7", zeros)];
        let error = Checkpoint::read(&zip_as(&members, deflated)).err().expect("is a bomb");
        assert!(error.to_string().contains("longer than the file"), "{error}");
        assert!(Checkpoint::read(&zip(&members)).is_ok(), "stored, it is none");
    }
}
