//! What goes into a run and what comes out.

use half::f16;
use ort::session::SessionInputValue;
use ort::value::{DynValue, TensorElementType, TensorRef};

/// One input of a run: its sides and its values in row-major order.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// 32-bit floats.
    F32(&'a [usize], &'a [f32]),
    /// 16-bit floats.
    F16(&'a [usize], &'a [f16]),
    /// 64-bit integers.
    I64(&'a [usize], &'a [i64]),
}

/// One output of a run; 16-bit floats arrive widened.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Sides.
    pub shape: Vec<usize>,
    /// Values in row-major order.
    pub values: Vec<f32>,
}

pub(super) fn tensor<'a>(input: &Input<'a>) -> ort::Result<SessionInputValue<'a>> {
    Ok(match *input {
        Input::F32(shape, values) => TensorRef::from_array_view((shape, values))?.into(),
        Input::F16(shape, values) => TensorRef::from_array_view((shape, values))?.into(),
        Input::I64(shape, values) => TensorRef::from_array_view((shape, values))?.into(),
    })
}

pub(super) fn extract(value: &DynValue) -> ort::Result<Output> {
    let (shape, values) = match value.dtype().tensor_type() {
        Some(TensorElementType::Float16) => {
            let (shape, values) = value.try_extract_tensor::<f16>()?;
            (shape, values.iter().map(|value| value.to_f32()).collect())
        }
        _ => {
            let (shape, values) = value.try_extract_tensor::<f32>()?;
            (shape, values.to_vec())
        }
    };
    Ok(Output { shape: shape.iter().map(|&side| side as usize).collect(), values })
}
