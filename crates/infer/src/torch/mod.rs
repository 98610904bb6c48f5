//! PyTorch checkpoints, read without PyTorch: the tensors of a state dictionary by name.
//!
//! A [`Checkpoint`] is read from a file's bytes in either of the two forms that `torch.save` wrote,
//! and gives [`Tensor`]s in row-major order to whoever builds a graph of them. Nothing that a file asks
//! for is executed.

mod checkpoint;
mod pickle;
mod zipped;

pub(crate) use checkpoint::{Checkpoint, CheckpointError, Tensor};
