//! Weights as CTranslate2 writes them (`model.bin`, version 6): of each variable its name, shape, kind
//! of numbers and numbers, all little-endian, then names that stand for others.

use std::collections::HashMap;

/// The version of the format that is read.
const VERSION: u32 = 6;
/// CTranslate2's number of 16-bit floats among its kinds (`include/ctranslate2/types.h`).
const FLOAT16: u8 = 4;

/// Why bytes are not weights that can be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WeightsError {
    #[error("it ends early, at byte {0}")]
    Truncated(usize),
    #[error("it is of version {0} of CTranslate2's format; version {VERSION} is read")]
    Version(u32),
    #[error("it has a name that is no text")]
    Name,
    #[error("it has no variable {0}")]
    Missing(String),
    #[error("variable {name} has numbers of kind {kind}; 16-bit floats are read")]
    Kind { name: String, kind: u8 },
    #[error("variable {name} has the shape {shape:?}, which does not fit")]
    Shape { name: String, shape: Vec<usize> },
}

/// The variables of a file by name.
pub(super) struct Weights<'a> {
    variables: HashMap<String, Variable<'a>>,
}

struct Variable<'a> {
    shape: Vec<usize>,
    kind: u8,
    bytes: &'a [u8],
}

/// Numbers of 16 bits in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matrix<'a> {
    pub(super) shape: Vec<usize>,
    /// Two bytes a number.
    pub(super) bytes: &'a [u8],
}

impl<'a> Weights<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, WeightsError> {
        let mut reader = Reader { bytes, at: 0 };
        match reader.u32()? {
            VERSION => {}
            version => return Err(WeightsError::Version(version)),
        }
        reader.text()?;
        reader.u32()?;
        let mut variables = HashMap::new();
        for _ in 0..reader.u32()? {
            let name = reader.text()?;
            let rank = reader.u8()?;
            let shape = (0..rank).map(|_| Ok(reader.u32()? as usize)).collect::<Result<_, _>>()?;
            let kind = reader.u8()?;
            let length = reader.u32()? as usize;
            variables.insert(name, Variable { shape, kind, bytes: reader.take(length)? });
        }
        Ok(Self { variables })
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// A variable of 16-bit floats.
    pub(super) fn matrix(&self, name: &str) -> Result<Matrix<'a>, WeightsError> {
        let missing = || WeightsError::Missing(name.to_owned());
        let Variable { shape, kind, bytes } = self.variables.get(name).ok_or_else(missing)?;
        if *kind != FLOAT16 {
            return Err(WeightsError::Kind { name: name.to_owned(), kind: *kind });
        }
        let count = shape.iter().try_fold(2_usize, |count, &side| count.checked_mul(side));
        if count != Some(bytes.len()) {
            return Err(WeightsError::Shape { name: name.to_owned(), shape: shape.clone() });
        }
        Ok(Matrix { shape: shape.clone(), bytes })
    }
}

impl<'a> Matrix<'a> {
    /// The `part`-th of `parts` equal runs of rows; none when rows do not go into as many.
    pub(super) fn part(&self, part: usize, parts: usize) -> Option<Self> {
        let rows = *self.shape.first()?;
        let length = self.bytes.len() / parts;
        let bytes = self.bytes.get(part * length..(part + 1) * length)?;
        let mut shape = self.shape.clone();
        shape[0] = rows / parts;
        (rows % parts == 0).then_some(Self { shape, bytes })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], WeightsError> {
        let end = self.at.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(WeightsError::Truncated(self.bytes.len()))?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WeightsError> {
        let taken = self.take(N)?.try_into();
        taken.map_err(|_| WeightsError::Truncated(self.at))
    }

    fn u8(&mut self) -> Result<u8, WeightsError> {
        self.array().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, WeightsError> {
        self.array().map(u32::from_le_bytes)
    }

    /// A text of which the length counts a zero at its end.
    fn text(&mut self) -> Result<String, WeightsError> {
        let length = usize::from(self.array().map(u16::from_le_bytes)?);
        let bytes = self.take(length)?.strip_suffix(&[0]).ok_or(WeightsError::Name)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| WeightsError::Name)
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::{FLOAT16, VERSION};

    /// A file of these variables, whose numbers are all zero.
    pub(in crate::speech) fn file(variables: &[(&str, &[u32])]) -> Vec<u8> {
        let text =
            |text: &str| [&(text.len() as u16 + 1).to_le_bytes(), text.as_bytes(), &[0]].concat();
        let mut bytes =
            [&VERSION.to_le_bytes()[..], &text("WhisperSpec"), &3u32.to_le_bytes()].concat();
        bytes.extend((variables.len() as u32).to_le_bytes());
        for (name, shape) in variables {
            bytes.extend(text(name));
            bytes.push(shape.len() as u8);
            shape.iter().for_each(|side| bytes.extend(side.to_le_bytes()));
            let length = 2 * shape.iter().product::<u32>();
            bytes.push(FLOAT16);
            bytes.extend(length.to_le_bytes());
            bytes.resize(bytes.len() + length as usize, 0);
        }
        bytes.extend(0u32.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_come_with_their_shapes() {
        let bytes = testing::file(&[("a/weight", &[6, 2]), ("b", &[3])]);
        let weights = Weights::read(&bytes).unwrap();
        let matrix = weights.matrix("a/weight").unwrap();
        assert_eq!((matrix.shape.as_slice(), matrix.bytes.len()), ([6, 2].as_slice(), 24));
        assert_eq!(matrix.part(2, 3).unwrap().shape, [2, 2]);
        assert!(matrix.part(0, 4).is_none() && matrix.part(3, 3).is_none());
        assert!(weights.contains("b") && !weights.contains("c"));
        assert_eq!(weights.matrix("c").unwrap_err(), WeightsError::Missing("c".to_owned()));
    }

    #[test]
    fn every_cut_is_an_error() {
        let bytes = testing::file(&[("a/weight", &[6, 2]), ("b", &[3])]);
        // The names at the end that stand for others are not needed.
        for length in 0..bytes.len() - 4 {
            assert!(Weights::read(&bytes[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn hostile_figures_are_errors() {
        let other = [7u32.to_le_bytes().as_slice(), &[0; 40]].concat();
        assert_eq!(Weights::read(&other).err(), Some(WeightsError::Version(7)));
        let mut bytes = testing::file(&[("b", &[3])]);
        let kind = bytes.len() - 4 - 6 - 4 - 1;
        bytes[kind] = 1;
        let kind = Weights::read(&bytes).unwrap().matrix("b").unwrap_err();
        assert_eq!(kind, WeightsError::Kind { name: "b".to_owned(), kind: 1 });
        let mut bytes = testing::file(&[("b", &[3])]);
        let side = bytes.len() - 4 - 6 - 4 - 1 - 4;
        bytes[side..side + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(
            Weights::read(&bytes).unwrap().matrix("b"),
            Err(WeightsError::Shape { .. })
        ));
    }
}
