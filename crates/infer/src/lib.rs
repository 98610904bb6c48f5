//! Models: what can be had, where it lies, and how pictures and words become vectors.
//!
//! A [`VisualModel`] turns a picture and a sentence into vectors of one space, so that their dot
//! product ranks pictures by the sentence. The [`registry`] names every model with the files that it
//! needs, [`fetch`] brings them, and [`open_visual`] makes a running model of them.

mod calibration;
pub mod faces;
pub mod fetch;
mod lazy;
pub mod lite;
pub mod minilm;
pub mod ocr;
pub mod onnx;
mod open;
pub mod registry;
mod resize;
mod runtime;
pub mod speakers;
pub mod speech;
pub mod ssd;
mod template;
mod torch;
pub mod towers;
mod visual;
pub mod yunet;

pub use calibration::{Calibration, Curve};
pub use open::open_visual;
pub use runtime::{Input, Output, Provider, ProviderChoice, Runtime, SessionPool};
pub use template::Template;
pub use visual::{Embedding, InferError, TextQuery, VisualModel};
