//! Writing small ONNX graphs, without protoc and without a Python toolchain.
//!
//! A [`GraphWriter`] takes inputs, constants and nodes and gives the bytes of a model that ONNX
//! Runtime opens. Names are the wires: a node reads and writes tensors by name.
//!
//! ```
//! use rushes_infer::onnx::{Attribute, Element, GraphWriter};
//!
//! let mut graph = GraphWriter::new();
//! graph.input("x", Element::F32, &[1, 2]);
//! graph.floats("w", &[2, 3], &[1.0, 0.0, 0.5, 0.0, 1.0, 0.5]);
//! graph.node("Gemm", &["x", "w"], "y", vec![Attribute::float("alpha", 2.0)]);
//! graph.output("y", Element::F32, &[1, 3]);
//! assert!(!graph.into_bytes().is_empty());
//! ```

mod convolution;
mod proto;

pub(crate) use convolution::{BatchNorm, Convolution};
use half::f16;
use prost::Message;

/// Domain of the operators that are ONNX Runtime's own.
const MICROSOFT: &str = "com.microsoft";

/// What an input or output is made of. Numbers are `TensorProto.DataType` of onnx.proto.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floats.
    F32 = 1,
    /// Bytes.
    U8 = 2,
    /// 64-bit integers.
    I64 = 7,
    /// 16-bit floats.
    F16 = 10,
}

/// A named setting of a node.
#[derive(Debug, Clone)]
pub struct Attribute(proto::Attribute);

impl Attribute {
    /// A whole number.
    #[must_use]
    pub fn int(name: &str, value: i64) -> Self {
        let kind = proto::AttributeKind::Int;
        Self(proto::Attribute { i: value, ..proto::Attribute::named(name, kind) })
    }

    /// A list of whole numbers.
    #[must_use]
    pub fn ints(name: &str, values: &[i64]) -> Self {
        let kind = proto::AttributeKind::Ints;
        Self(proto::Attribute { ints: values.to_vec(), ..proto::Attribute::named(name, kind) })
    }

    /// A float.
    #[must_use]
    pub fn float(name: &str, value: f32) -> Self {
        let kind = proto::AttributeKind::Float;
        Self(proto::Attribute { f: value, ..proto::Attribute::named(name, kind) })
    }

    /// A string.
    #[must_use]
    pub fn string(name: &str, value: &str) -> Self {
        let kind = proto::AttributeKind::String;
        let s = value.as_bytes().to_vec();
        Self(proto::Attribute { s, ..proto::Attribute::named(name, kind) })
    }
}

/// A graph under construction.
#[derive(Debug, Default)]
pub struct GraphWriter {
    graph: proto::Graph,
}

impl GraphWriter {
    /// An empty graph.
    #[must_use]
    pub fn new() -> Self {
        Self { graph: proto::Graph { name: "rushes".into(), ..proto::Graph::default() } }
    }

    /// Declares an input; a negative side is free.
    pub fn input(&mut self, name: &str, element: Element, sides: &[i64]) {
        self.graph.input.push(proto::ValueInfo::tensor(name, element as i32, sides));
    }

    /// Declares an output; a negative side is free.
    pub fn output(&mut self, name: &str, element: Element, sides: &[i64]) {
        self.graph.output.push(proto::ValueInfo::tensor(name, element as i32, sides));
    }

    /// A constant tensor of 32-bit floats in row-major order; a scalar has no sides.
    pub fn floats(&mut self, name: &str, sides: &[i64], values: &[f32]) {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, Element::F32, sides, raw);
    }

    /// A constant tensor of 64-bit integers.
    pub fn integers(&mut self, name: &str, sides: &[i64], values: &[i64]) {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, Element::I64, sides, raw);
    }

    /// A constant tensor of 16-bit floats.
    pub fn halves(&mut self, name: &str, sides: &[i64], values: &[f16]) {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, Element::F16, sides, raw);
    }

    /// A constant tensor of bytes.
    pub fn bytes(&mut self, name: &str, sides: &[i64], values: &[u8]) {
        self.constant(name, Element::U8, sides, values.to_vec());
    }

    fn constant(&mut self, name: &str, element: Element, sides: &[i64], raw_data: Vec<u8>) {
        self.graph.initializer.push(proto::Tensor {
            dims: sides.to_vec(),
            data_type: element as i32,
            name: name.to_owned(),
            raw_data,
            ..proto::Tensor::default()
        });
    }

    /// Adds a node with one output. An input of the empty name is left out, as ONNX has it.
    pub fn node(&mut self, op: &str, inputs: &[&str], output: &str, attributes: Vec<Attribute>) {
        self.node_of("", op, inputs, output, attributes);
    }

    /// Adds a node whose output gets a name of its own, which is returned.
    pub fn step(&mut self, op: &str, inputs: &[&str], attributes: Vec<Attribute>) -> String {
        let output = format!("{op}.{}", self.graph.node.len());
        self.node(op, inputs, &output, attributes);
        output
    }

    /// Adds a constant of 32-bit floats that gets a name of its own, which is returned.
    pub fn weight(&mut self, sides: &[usize], values: &[f32]) -> String {
        let name = self.constant_name();
        let sides: Vec<i64> = sides.iter().map(|&side| side as i64).collect();
        self.floats(&name, &sides, values);
        name
    }

    /// Adds a list of 64-bit integers that gets a name of its own, which is returned.
    pub fn list(&mut self, values: &[i64]) -> String {
        let name = self.constant_name();
        self.integers(&name, &[values.len() as i64], values);
        name
    }

    fn constant_name(&self) -> String {
        format!("constant.{}", self.graph.initializer.len())
    }

    /// Adds a node of an operator that is ONNX Runtime's own.
    pub fn microsoft_node(
        &mut self,
        op: &str,
        inputs: &[&str],
        output: &str,
        attributes: Vec<Attribute>,
    ) {
        self.node_of(MICROSOFT, op, inputs, output, attributes);
    }

    fn node_of(
        &mut self,
        domain: &str,
        op: &str,
        inputs: &[&str],
        output: &str,
        attributes: Vec<Attribute>,
    ) {
        self.graph.node.push(proto::Node {
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: vec![output.to_owned()],
            name: output.to_owned(),
            op_type: op.to_owned(),
            attribute: attributes.into_iter().map(|attribute| attribute.0).collect(),
            domain: domain.to_owned(),
        });
    }

    /// The model's bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        let own = self.graph.node.iter().any(|node| node.domain == MICROSOFT);
        let own = own.then(|| proto::OperatorSet { domain: MICROSOFT.to_owned(), version: 1 });
        let standard = proto::OperatorSet { domain: String::new(), version: 13 };
        proto::Model {
            // The pair that ONNX 1.8 wrote: old enough for every runtime that is met today.
            ir_version: 7,
            opset_import: [standard].into_iter().chain(own).collect(),
            graph: Some(self.graph),
        }
        .encode_to_vec()
    }
}

/// Declares a model's only input anew, for models whose graph takes more sizes than their file
/// says; what the file says of inner and output sizes is dropped, since it no longer holds.
pub(crate) fn with_input_sides(model: &[u8], sides: &[i64]) -> Result<Vec<u8>, prost::DecodeError> {
    let mut model = proto::Model::decode(model)?;
    if let Some(graph) = &mut model.graph {
        for input in &mut graph.input {
            *input = proto::ValueInfo::tensor(&input.name, Element::F32 as i32, sides);
        }
        for output in &mut graph.output {
            output.forget_shape();
        }
    }
    Ok(model.encode_to_vec())
}
