//! Frozen TensorFlow graphs: the constants in them, by name.
//!
//! A file is one `GraphDef` of graph.proto. Every weight is a node of the operation `Const`, with its
//! numbers as the attribute `value`; the other nodes are not read.

use prost::Message;
use std::collections::HashMap;

/// Why a file is not a frozen graph that can be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrozenError {
    #[error("it is no frozen TensorFlow graph: {0}")]
    Format(#[from] prost::DecodeError),
    #[error("it has no constant {0}")]
    Missing(String),
    #[error("constant {name} holds numbers of the kind {kind}, not 32-bit floats")]
    Kind { name: String, kind: i32 },
    #[error(
        "constant {name} has the shape {shape:?}, which does not fit its numbers or the network"
    )]
    Shape { name: String, shape: Vec<i64> },
}

/// `DT_FLOAT` of types.proto.
const FLOAT: i32 = 1;

/// A tensor in row-major order; no side is zero.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// The constants of a graph.
pub(super) struct FrozenGraph {
    constants: HashMap<String, proto::Tensor>,
}

impl FrozenGraph {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, FrozenError> {
        let nodes = proto::Graph::decode(bytes)?.node.into_iter();
        let constants = nodes.filter(|node| node.op == "Const").filter_map(|node| {
            let value = node.attributes.into_iter().find(|attribute| attribute.key == "value")?;
            Some((node.name, value.value?.tensor?))
        });
        Ok(Self { constants: constants.collect() })
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.constants.contains_key(name)
    }

    /// A constant of 32-bit floats.
    pub(super) fn tensor(&self, name: &str) -> Result<Tensor, FrozenError> {
        let missing = || FrozenError::Missing(name.to_owned());
        let stored = self.constants.get(name).ok_or_else(missing)?;
        if stored.kind != FLOAT {
            return Err(FrozenError::Kind { name: name.to_owned(), kind: stored.kind });
        }
        let (numbers, rest) = stored.content.as_chunks::<4>();
        let shape = shape_of(&stored.sides(), numbers.len()).filter(|_| rest.is_empty());
        let shape = shape
            .ok_or_else(|| FrozenError::Shape { name: name.to_owned(), shape: stored.sides() })?;
        let values = numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        Ok(Tensor { shape, values })
    }
}

/// The sides, if none is zero or negative and a tensor of them has that many numbers.
fn shape_of(sides: &[i64], numbers: usize) -> Option<Vec<usize>> {
    let shape = sides.iter().map(|&side| usize::try_from(side).ok().filter(|&side| side > 0));
    let shape: Vec<usize> = shape.collect::<Option<_>>()?;
    let count = shape.iter().try_fold(1_usize, |count, &side| count.checked_mul(side))?;
    (count == numbers).then_some(shape)
}

/// What is read of graph.proto, node_def.proto, attr_value.proto and tensor.proto.
mod proto {
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Graph {
        #[prost(message, repeated, tag = "1")]
        pub node: Vec<Node>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Node {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(string, tag = "2")]
        pub op: String,
        #[prost(message, repeated, tag = "5")]
        pub attributes: Vec<Attribute>,
    }

    /// An entry of the map of attributes.
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Attribute {
        #[prost(string, tag = "1")]
        pub key: String,
        #[prost(message, optional, tag = "2")]
        pub value: Option<Value>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Value {
        #[prost(message, optional, tag = "8")]
        pub tensor: Option<Tensor>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Tensor {
        #[prost(int32, tag = "1")]
        pub kind: i32,
        #[prost(message, optional, tag = "2")]
        pub shape: Option<Shape>,
        #[prost(bytes = "vec", tag = "4")]
        pub content: Vec<u8>,
    }

    impl Tensor {
        pub(super) fn sides(&self) -> Vec<i64> {
            self.shape.iter().flat_map(|shape| &shape.side).map(|side| side.size).collect()
        }
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Shape {
        #[prost(message, repeated, tag = "2")]
        pub side: Vec<Side>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Side {
        #[prost(int64, tag = "1")]
        pub size: i64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(name: &str, kind: i32, sides: &[i64], content: &[u8]) -> proto::Node {
        let side = sides.iter().map(|&size| proto::Side { size }).collect();
        let shape = Some(proto::Shape { side });
        let tensor = Some(proto::Tensor { kind, shape, content: content.to_vec() });
        let value = Some(proto::Value { tensor });
        let attributes = vec![proto::Attribute { key: "value".into(), value }];
        proto::Node { name: name.into(), op: "Const".into(), attributes }
    }

    fn read(node: Vec<proto::Node>) -> FrozenGraph {
        FrozenGraph::read(&proto::Graph { node }.encode_to_vec()).expect("a graph")
    }

    #[test]
    fn constants_are_found_by_name() {
        let content = [1.0_f32, -2.5].map(f32::to_le_bytes).concat();
        let mut other = constant("b", FLOAT, &[2], &content);
        other.op = "Conv2D".into();
        let graph = read(vec![constant("a", FLOAT, &[1, 2], &content), other]);
        let expected = Tensor { shape: vec![1, 2], values: vec![1.0, -2.5] };
        assert_eq!(graph.tensor("a").expect("a"), expected);
        assert!(graph.contains("a") && !graph.contains("b"));
        assert!(matches!(graph.tensor("b"), Err(FrozenError::Missing(name)) if name == "b"));
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let shapes: [&[i64]; 7] =
            [&[3], &[0], &[-1, -2], &[2, 0], &[i64::MAX, i64::MAX], &[], &[i64::MIN]];
        for sides in shapes {
            let error = read(vec![constant("a", FLOAT, sides, &[0; 8])]).tensor("a");
            assert!(matches!(error, Err(FrozenError::Shape { .. })), "{sides:?}");
        }
        let ragged = read(vec![constant("a", FLOAT, &[2], &[0; 9])]).tensor("a");
        assert!(matches!(ragged, Err(FrozenError::Shape { .. })));
        let integers = read(vec![constant("a", 3, &[2], &[0; 8])]).tensor("a");
        assert!(matches!(integers, Err(FrozenError::Kind { kind: 3, .. })));
    }

    #[test]
    fn no_bytes_are_too_hostile() {
        let whole = proto::Graph { node: vec![constant("a", FLOAT, &[2], &[0; 8])] };
        let whole = whole.encode_to_vec();
        for end in 0..whole.len() {
            assert!(FrozenGraph::read(&whole[..end]).is_err() || end == 0, "cut at {end}");
        }
        for at in 0..whole.len() {
            for flipped in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << flipped;
                if let Ok(graph) = FrozenGraph::read(&bytes) {
                    // Whatever it says now, asking for it must end in a tensor or in an error.
                    let _ = graph.tensor("a");
                }
            }
        }
    }
}
