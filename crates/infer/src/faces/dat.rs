//! Networks as dlib writes them: `serialize` of dlib's `dnn/core.h`, `dnn/layers.h` and `serialize.h`.
//!
//! A whole number is a byte that holds its length and sign, then its bytes, little-endian. A float is
//! two whole numbers, mantissa and exponent of two. A tensor is a version, four sides and its values. A
//! network names its loss, then says a version for every layer from the last to the first, then holds
//! the layers from the first to the last.

/// Version of a tensor's form, `dnn/tensor.h`.
const TENSOR_VERSION: i64 = 2;
/// Version of the layer that stands on the input; those of all others are smaller.
const FIRST_LAYER_VERSION: i64 = 3;
/// Layers that a network may have, tags and skips included; the face network has 130.
const MAX_LAYERS: usize = 1000;
/// Bytes of a layer's name.
const MAX_NAME: usize = 64;
/// Low bits of a number's first byte: how many bytes follow.
const LENGTH_BITS: u8 = 0x0f;
/// Highest bit of a number's first byte: the number is negative.
const SIGN_BIT: u8 = 0x80;

/// Why a file is not the network that it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum DatError {
    #[error("it ends early, at byte {at}")]
    Truncated { at: usize },
    #[error("there is no number at byte {at}")]
    Number { at: usize },
    #[error("there is no name of a layer at byte {at}")]
    Name { at: usize },
    #[error("it has a {found} where {wanted} should be, at byte {at}")]
    Kind { at: usize, wanted: &'static str, found: String },
    #[error("the version of what stands at byte {at} is {found}, which is not read")]
    Version { at: usize, found: i64 },
    #[error("the {kind} at byte {at} has other sides than the network of faces")]
    Sides { at: usize, kind: String },
    #[error("bytes follow its last layer, from byte {at}")]
    Rest { at: usize },
}

/// A part of what a kind of layer holds.
enum Part {
    Integers(usize),
    Floats(usize),
    Tensor,
    /// Where weights or biases lie in the tensor: a version and four sides.
    Sides,
}

/// What the layers of the face network hold, `serialize` of each in `dnn/layers.h`.
const KINDS: [(&str, &[Part]); 7] = [
    ("con_4", &[Part::Tensor, Part::Integers(7), Part::Sides, Part::Sides, Part::Floats(4)]),
    ("affine_", &[Part::Tensor, Part::Sides, Part::Sides, Part::Integers(1)]),
    ("relu_", &[]),
    ("max_pool_2", &[Part::Integers(6)]),
    ("avg_pool_2", &[Part::Integers(6)]),
    ("add_prev_", &[]),
    (
        "fc_2",
        &[
            Part::Integers(2),
            Part::Tensor,
            Part::Sides,
            Part::Sides,
            Part::Integers(1),
            Part::Floats(4),
        ],
    ),
];

/// A layer as it stands in the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    /// Where it begins.
    pub at: usize,
    /// One of [`KINDS`].
    pub kind: String,
    /// Its whole numbers in order, of those kinds of layers whose meaning they carry: of a convolution
    /// filters, kernel, stride and padding; of a pool kernel, stride and padding; of a projection
    /// outputs and inputs. Sides and modes follow.
    pub numbers: Vec<i64>,
    /// Its weights.
    pub values: Vec<f32>,
}

/// A network for pictures of a fixed size.
#[derive(Debug, PartialEq)]
pub(super) struct Network {
    /// What is taken away from red, green and blue before they are divided by 256.
    pub means: [f32; 3],
    /// Height and width.
    pub sides: [i64; 2],
    /// From the input on.
    pub layers: Vec<Layer>,
}

impl Network {
    /// Reads a network with the loss `loss_metric_2` and the input `input_rgb_image_sized`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, DatError> {
        let mut reader = Reader { bytes, at: 0 };
        reader.integer()?;
        reader.expect("loss_metric_2")?;
        reader.skip(&[Part::Floats(2)])?;
        let count = reader.versions()?;
        reader.expect("input_rgb_image_sized")?;
        let means = [reader.float()?, reader.float()?, reader.float()?];
        let sides = [reader.integer()?, reader.integer()?];
        let mut layers = Vec::new();
        while reader.at < bytes.len() {
            if layers.len() == count {
                return Err(DatError::Rest { at: reader.at });
            }
            layers.push(reader.layer(layers.is_empty())?);
        }
        Ok(Self { means, sides, layers })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], DatError> {
        let end = self.at.checked_add(length).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or(DatError::Truncated { at: self.at })?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn integer(&mut self) -> Result<i64, DatError> {
        let at = self.at;
        let first = self.take(1)?[0];
        let length = usize::from(first & LENGTH_BITS);
        if length == 0 || length > 8 {
            return Err(DatError::Number { at });
        }
        let mut number = [0; 8];
        number[..length].copy_from_slice(self.take(length)?);
        let number = i64::try_from(u64::from_le_bytes(number));
        let number = number.map_err(|_| DatError::Number { at })?;
        Ok(if first & SIGN_BIT == 0 { number } else { -number })
    }

    fn float(&mut self) -> Result<f32, DatError> {
        let at = self.at;
        let (mantissa, exponent) = (self.integer()?, self.integer()?);
        let exponent = i32::try_from(exponent).map_err(|_| DatError::Number { at })?;
        Ok((mantissa as f64 * f64::from(exponent).exp2()) as f32)
    }

    fn name(&mut self) -> Result<&'a str, DatError> {
        let at = self.at;
        let length = usize::try_from(self.integer()?).ok().filter(|&length| length <= MAX_NAME);
        let name = self.take(length.ok_or(DatError::Name { at })?)?;
        std::str::from_utf8(name).map_err(|_| DatError::Name { at })
    }

    fn expect(&mut self, wanted: &'static str) -> Result<(), DatError> {
        let at = self.at;
        let found = self.name()?;
        if found == wanted {
            return Ok(());
        }
        Err(DatError::Kind { at, wanted, found: found.to_owned() })
    }

    /// The versions of all layers; how many there are.
    fn versions(&mut self) -> Result<usize, DatError> {
        for count in 1..=MAX_LAYERS {
            let at = self.at;
            match self.integer()? {
                FIRST_LAYER_VERSION => return Ok(count),
                1 | 2 => {}
                found => return Err(DatError::Version { at, found }),
            }
        }
        Err(DatError::Number { at: self.at })
    }

    /// Memory is taken for what the file holds only, whatever it says of sides.
    fn tensor(&mut self) -> Result<Vec<f32>, DatError> {
        let at = self.at;
        match self.integer()? {
            TENSOR_VERSION => {}
            found => return Err(DatError::Version { at, found }),
        }
        let mut bytes = size_of::<f32>();
        for _ in 0..4 {
            let side = usize::try_from(self.integer()?).map_err(|_| DatError::Number { at })?;
            bytes = bytes.checked_mul(side).ok_or(DatError::Number { at })?;
        }
        let (values, _) = self.take(bytes)?.as_chunks();
        Ok(values.iter().map(|&value| f32::from_le_bytes(value)).collect())
    }

    fn layer(&mut self, first: bool) -> Result<Layer, DatError> {
        let at = self.at;
        let kind = self.name()?;
        let known = KINDS.iter().find(|(name, _)| *name == kind);
        let (_, parts) = known.ok_or_else(|| DatError::Kind {
            at,
            wanted: "a layer of the network of faces",
            found: kind.to_owned(),
        })?;
        let mut layer = Layer { at, kind: kind.to_owned(), numbers: vec![], values: vec![] };
        for part in *parts {
            self.part(part, &mut layer)?;
        }
        // Three flags of training, gradients and a cached output, all empty in a network for use.
        self.take(3)?;
        self.skip(&[Part::Tensor, Part::Tensor, Part::Tensor])?;
        if first {
            self.integer()?;
        }
        Ok(layer)
    }

    fn part(&mut self, part: &Part, layer: &mut Layer) -> Result<(), DatError> {
        match part {
            Part::Integers(count) => {
                for _ in 0..*count {
                    layer.numbers.push(self.integer()?);
                }
            }
            Part::Floats(count) => (0..*count).try_for_each(|_| self.float().map(drop))?,
            Part::Tensor => layer.values = self.tensor()?,
            Part::Sides => {
                self.integer()?;
                for _ in 0..4 {
                    layer.numbers.push(self.integer()?);
                }
            }
        }
        Ok(())
    }

    fn skip(&mut self, parts: &[Part]) -> Result<(), DatError> {
        let mut layer = Layer { at: self.at, kind: String::new(), numbers: vec![], values: vec![] };
        parts.iter().try_for_each(|part| self.part(part, &mut layer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faces::FaceModel;
    use crate::runtime::testing::models;

    /// Bytes of a number.
    fn number(value: i64) -> Vec<u8> {
        let bytes = value.unsigned_abs().to_le_bytes();
        let length = bytes.iter().rposition(|&byte| byte != 0).map_or(1, |last| last + 1);
        let sign = if value < 0 { SIGN_BIT } else { 0 };
        [&[sign | length as u8], &bytes[..length]].concat()
    }

    fn numbers(values: &[i64]) -> Vec<u8> {
        values.iter().flat_map(|&value| number(value)).collect()
    }

    fn name(name: &str) -> Vec<u8> {
        [number(name.len() as i64), name.as_bytes().to_vec()].concat()
    }

    /// Flags and empty tensors behind a layer.
    fn rest() -> Vec<u8> {
        [b"110".to_vec(), numbers(&[2, 0, 0, 0, 0].repeat(3))].concat()
    }

    /// What stands before the layers of a network, with these versions of them.
    fn head(versions: &[i64]) -> Vec<u8> {
        [
            number(1),
            name("loss_metric_2"),
            numbers(&[5, -7, 9, -4]),
            numbers(versions),
            name("input_rgb_image_sized"),
            numbers(&[1, 2, 3, 5, -25, -3, 150, 150]),
        ]
        .concat()
    }

    /// A network in three parts: head, an affine layer of two values, what switches off.
    fn small() -> [Vec<u8>; 3] {
        let affine = [
            name("affine_"),
            numbers(&[2, 2, 1, 1, 1]),
            [2.5_f32, -1.0].map(f32::to_le_bytes).concat(),
            numbers(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]),
            rest(),
            number(1),
        ];
        [head(&[2, 1, 3]), affine.concat(), [name("relu_"), rest()].concat()]
    }

    #[test]
    fn a_small_network_is_read() {
        let network = Network::read(&small().concat()).expect("is whole");
        assert_eq!((network.means, network.sides), ([4.0, 96.0, -3.125], [150, 150]));
        let kinds: Vec<&str> = network.layers.iter().map(|layer| layer.kind.as_str()).collect();
        assert_eq!(kinds, ["affine_", "relu_"]);
        assert_eq!(network.layers[0].values, [2.5, -1.0]);
        assert_eq!(network.layers[0].numbers, [1, 1, 1, 1, 1, 1, 1, 1, 0]);
    }

    /// Behind a layer the file could end, as long as nobody asks for the next.
    #[test]
    fn every_cut_inside_a_layer_is_an_error() {
        let [head, affine, relu] = small();
        let ends = [head.len(), head.len() + affine.len()];
        let whole = [head, affine, relu].concat();
        for end in 0..whole.len() {
            match Network::read(&whole[..end]) {
                Ok(network) => assert_eq!(end, ends[network.layers.len()]),
                Err(error) => assert!(!ends.contains(&end), "{end}: {error}"),
            }
        }
    }

    #[test]
    fn hostile_files_are_errors() {
        let with = |versions: &[i64], rest: &[u8]| [&head(versions), rest].concat();
        let tensor = |sides: [i64; 4]| [name("affine_"), number(2), numbers(&sides)].concat();
        let many = vec![2; MAX_LAYERS + 1];
        let cases: [(Vec<u8>, &str); 10] = [
            (vec![], "ends early, at byte 0"),
            (b"\x00".to_vec(), "no number at byte 0"),
            (b"\x0f".to_vec(), "no number at byte 0"),
            ([number(1), number(1 << 40)].concat(), "no name"),
            (
                [number(1), name("loss_binary_hinge_")].concat(),
                "loss_binary_hinge_ where loss_metric_2",
            ),
            (with(&[2, 9], &[]), "version of what stands"),
            (with(&many, &[]), "no number at byte"),
            (with(&[3], &name("dropout_")), "dropout_ where a layer"),
            (with(&[3], &tensor([1 << 40, 1, 1, 1])), "ends early"),
            (with(&[3], &tensor([1 << 40, 1 << 40, 1, 1])), "no number at byte"),
        ];
        for (bytes, expected) in cases {
            let error = Network::read(&bytes).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error} does not say {expected}");
        }
        let more = [&small().concat()[..], &[name("relu_"), rest()].concat().repeat(2)].concat();
        assert!(matches!(Network::read(&more), Err(DatError::Rest { .. })));
    }

    #[test]
    fn the_network_of_faces_is_read_whole() {
        let bytes = fs_err::read(FaceModel::file(&models())).expect("make setup");
        let network = Network::read(&bytes).expect("is whole");
        assert_eq!((network.layers.len(), network.sides), (108, [150, 150]));
        assert_eq!(network.means, [122.782, 117.001, 104.298]);
        let weights: usize = network.layers.iter().map(|layer| layer.values.len()).sum();
        assert_eq!(weights, 5_614_592);
    }
}
