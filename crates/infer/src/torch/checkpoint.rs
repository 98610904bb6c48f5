//! What a checkpoint holds, and its form before version 1.6 of PyTorch: five pickles (a magic number,
//! a protocol version, facts of the machine, the state dictionary, the storages' keys), then each
//! storage as a 64-bit count and its numbers, little-endian.

use super::pickle::{self, Reader, Storage, Value};
use super::zipped;
use crate::onnx::BatchNorm;
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

/// Pickle of the number 0x1950a86a20f9469cfc6c, torch/serialization.py's `MAGIC_NUMBER`.
const MAGIC: [u8; 15] = *b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e";
/// torch/serialization.py's `PROTOCOL_VERSION`.
const PROTOCOL: i64 = 1001;

/// Why a file is not a checkpoint that can be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointError {
    #[error("it is no PyTorch checkpoint")]
    Format,
    #[error("it ends early, at byte {at}")]
    Truncated { at: usize },
    #[error("pickle instruction {0:#04x} is not one that checkpoints use")]
    Opcode(u8),
    #[error("it wants to call {0}, which is not allowed")]
    Callable(String),
    #[error("its pickle is broken: {0}")]
    Pickle(&'static str),
    #[error("its archive is broken: {0}")]
    Zip(String),
    #[error("it holds numbers of the kind {0}, which are not read")]
    Kind(String),
    #[error("it has no tensor {0}")]
    Missing(String),
    #[error("tensor {0} reaches outside its storage")]
    Bounds(String),
    #[error("tensor {name} has the shape {shape:?}, which does not fit the network")]
    Shape { name: String, shape: Vec<usize> },
}

/// Kinds of numbers in a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ElementKind {
    F32,
    I64,
}

impl ElementKind {
    pub(super) fn of_storage(name: &str) -> Result<Self, CheckpointError> {
        match name {
            "torch.FloatStorage" => Ok(Self::F32),
            "torch.LongStorage" => Ok(Self::I64),
            _ => Err(CheckpointError::Kind(name.to_owned())),
        }
    }

    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::I64 => 8,
        }
    }
}

/// Where a tensor's numbers lie: element `[i, j, ...]` at `offset + i*strides[0] + j*strides[1] + ...`.
#[derive(Debug)]
pub(super) struct StoredTensor {
    pub storage: Rc<Storage>,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

/// A tensor in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// The tensors of a checkpoint by name, over the file's bytes.
pub(crate) struct Checkpoint<'a> {
    tensors: HashMap<Rc<str>, Rc<StoredTensor>>,
    storages: HashMap<Rc<str>, Cow<'a, [u8]>>,
}

impl<'a> Checkpoint<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, CheckpointError> {
        if bytes.starts_with(zipped::MAGIC) {
            let (tensors, storages) = zipped::read(bytes)?;
            let storages = storages.into_iter().map(|(key, bytes)| (key, Cow::Owned(bytes)));
            let (tensors, storages) = (tensors.into_iter().collect(), storages.collect());
            return Ok(Self { tensors, storages });
        }
        Self::read_unzipped(&mut Reader::new(bytes))
    }

    fn read_unzipped(reader: &mut Reader<'a>) -> Result<Self, CheckpointError> {
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(CheckpointError::Format);
        }
        if !matches!(pickle::read(reader)?, Value::Integer(PROTOCOL)) {
            return Err(CheckpointError::Format);
        }
        // The facts say that numbers are little-endian; the format was never written otherwise.
        pickle::read(reader)?;
        let (Value::Tensors(tensors), Value::Texts(keys)) =
            (pickle::read(reader)?, pickle::read(reader)?)
        else {
            return Err(CheckpointError::Format);
        };
        let storages = read_storages(reader, &tensors, &keys)?;
        Ok(Self { tensors: tensors.into_iter().collect(), storages })
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A tensor of 32-bit floats.
    pub(crate) fn tensor(&self, name: &str) -> Result<Tensor, CheckpointError> {
        let missing = || CheckpointError::Missing(name.to_owned());
        let stored = self.tensors.get(name).ok_or_else(missing)?;
        let bytes = self.storages.get(&stored.storage.key).ok_or_else(missing)?;
        if stored.storage.kind != ElementKind::F32 {
            return Err(CheckpointError::Kind("torch.LongStorage".to_owned()));
        }
        let (numbers, _) = bytes.as_chunks::<4>();
        let indices = indices(stored, numbers.len())
            .ok_or_else(|| CheckpointError::Bounds(name.to_owned()))?;
        let values = indices.into_iter().map(|index| f32::from_le_bytes(numbers[index])).collect();
        Ok(Tensor { shape: stored.shape.clone(), values })
    }

    /// The parts of a batch norm: factors, offsets, means and variances, `channels` of each. One that was
    /// trained without factors and offsets changes nothing by them.
    pub(crate) fn norm(
        &self,
        name: &str,
        channels: usize,
    ) -> Result<[Vec<f32>; 4], CheckpointError> {
        let part = |part: &str| {
            let tensor = self.tensor(&format!("{name}.{part}"))?;
            if tensor.shape != [channels] {
                let name = name.to_owned();
                return Err(CheckpointError::Shape { name, shape: tensor.shape });
            }
            Ok(tensor.values)
        };
        let (factors, offsets) = if self.contains(&format!("{name}.weight")) {
            (part("weight")?, part("bias")?)
        } else {
            (vec![1.0; channels], vec![0.0; channels])
        };
        Ok([factors, offsets, part("running_mean")?, part("running_var")?])
    }

    /// Weights and biases of a convolution without biases and the batch norm that follows it, as one
    /// convolution.
    pub(crate) fn folded(
        &self,
        layer: &str,
        norm: &str,
        epsilon: f32,
    ) -> Result<(Tensor, Vec<f32>), CheckpointError> {
        let mut weight = self.tensor(&format!("{layer}.weight"))?;
        let channels = weight.shape.first().copied().unwrap_or(0);
        let parts = self.norm(norm, channels)?;
        let [gamma, beta, mean, variance] = parts.each_ref().map(|part| &part[..]);
        let norm = BatchNorm { gamma, beta, mean, variance, epsilon };
        let bias = norm.fold_into(&mut weight.values);
        Ok((weight, bias))
    }
}

fn read_storages<'a>(
    reader: &mut Reader<'a>,
    tensors: &[(Rc<str>, Rc<StoredTensor>)],
    keys: &[Rc<str>],
) -> Result<HashMap<Rc<str>, Cow<'a, [u8]>>, CheckpointError> {
    let described: HashMap<_, _> =
        tensors.iter().map(|(_, tensor)| (&tensor.storage.key, &tensor.storage)).collect();
    let mut storages = HashMap::new();
    for key in keys {
        let storage = described.get(key).ok_or(CheckpointError::Pickle("a storage is unknown"))?;
        if usize::try_from(reader.u64()?) != Ok(storage.length) {
            return Err(CheckpointError::Pickle("a storage has another length than described"));
        }
        storages.insert(key.clone(), Cow::Borrowed(reader.take(storage.bytes()?)?));
    }
    Ok(storages)
}

/// Storage indices of a tensor's elements in row-major order; `None` when one lies outside, or when
/// the tensor claims more elements than its storage has.
fn indices(tensor: &StoredTensor, length: usize) -> Option<Vec<usize>> {
    let count = tensor.shape.iter().try_fold(1_usize, |count, &side| count.checked_mul(side))?;
    let sides = || tensor.shape.iter().zip(&tensor.strides);
    let last = sides().try_fold(tensor.offset, |last, (&side, &stride)| {
        last.checked_add(side.checked_sub(1)?.checked_mul(stride)?)
    })?;
    if count > length || last >= length {
        return None;
    }
    let mut indices = vec![tensor.offset];
    for (&side, &stride) in sides() {
        let along = |&start: &usize| (0..side).map(move |step| start + step * stride);
        indices = indices.iter().flat_map(along).collect();
    }
    Some(indices)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(length: usize) -> Rc<Storage> {
        Rc::new(Storage { key: "1".into(), kind: ElementKind::F32, length })
    }

    #[test]
    fn strides_are_followed_and_bounds_kept() {
        let mut tensor =
            StoredTensor { storage: storage(6), offset: 0, shape: vec![2, 3], strides: vec![1, 2] };
        assert_eq!(indices(&tensor, 6), Some(vec![0, 2, 4, 1, 3, 5]));
        assert_eq!(indices(&tensor, 5), None);
        tensor.strides = vec![usize::MAX, 2];
        assert_eq!(indices(&tensor, 6), None);
        tensor.strides = vec![0, 0];
        assert_eq!(indices(&tensor, 5), None, "a broadcast must not outgrow its storage");
    }

    /// Header, then a state dictionary and a list of keys as given.
    fn file(state: &[u8], rest: &[u8]) -> Vec<u8> {
        [&MAGIC[..], b"\x80\x02M\xe9\x03.", b"\x80\x02}.", state, rest].concat()
    }

    #[test]
    fn hostile_files_are_errors() {
        let deep = [b"\x80\x02)".to_vec(), b"\x85".repeat(100), b".".to_vec()].concat();
        let cases: [(&[u8], &str); 7] = [
            (b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.", "os.system"),
            (b"\x80\x02X\xff\xff\xff\xffabc", "ends early"),
            (b"\x80\x02R.", "stack is empty"),
            (b"\x80\x02u.", "mark is missing"),
            (b"\x80\x02h\x07.", "memo is empty"),
            (b"\x80\x02i.", "instruction 0x69"),
            (&deep, "nest too deep"),
        ];
        for (state, expected) in cases {
            let bytes = file(state, b"\x80\x02].");
            let error = Checkpoint::read(&bytes).err().expect(expected).to_string();
            assert!(error.contains(expected), "{error} does not say {expected}");
        }
        assert!(matches!(Checkpoint::read(b"PK\x03\x04"), Err(CheckpointError::Zip(_))));
        assert!(matches!(Checkpoint::read(b"\x80\x02"), Err(CheckpointError::Truncated { .. })));
        assert!(matches!(Checkpoint::read(&[0; 64]), Err(CheckpointError::Format)));
    }

    #[test]
    fn every_cut_of_a_small_checkpoint_is_an_error() {
        let state = b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage\
ctorch\nFloatStorage\nX\x01\x00\x00\x001X\x03\x00\x00\x00cpuK\x02NtQK\x00K\x02\x85K\x01\x85tRs.";
        let rest =
            b"\x80\x02](X\x01\x00\x00\x001e.\x02\0\0\0\0\0\0\0\x00\x00\x80\x3f\x00\x00\x00\x40";
        let whole = file(state, rest);
        let checkpoint = Checkpoint::read(&whole).expect("whole");
        let expected = Tensor { shape: vec![2], values: vec![1.0, 2.0] };
        assert_eq!(checkpoint.tensor("w").expect("w"), expected);
        assert!(matches!(checkpoint.tensor("v"), Err(CheckpointError::Missing(_))));
        for end in 0..whole.len() {
            assert!(Checkpoint::read(&whole[..end]).is_err(), "cut at {end}");
        }
    }
}
