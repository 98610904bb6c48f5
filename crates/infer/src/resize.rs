//! Bringing pictures to a model's size.

use crate::InferError;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{ResizeAlg, ResizeOptions, Resizer};
use rushes_model::Picture;

pub(crate) use fast_image_resize::FilterType;

/// The part of a picture that is read, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Area {
    /// The largest square in the middle.
    pub(crate) fn centre_square(picture: &Picture) -> Self {
        let (width, height) = (f64::from(picture.width), f64::from(picture.height));
        let side = width.min(height);
        Self { left: (width - side) / 2.0, top: (height - side) / 2.0, width: side, height: side }
    }

    /// The whole picture.
    pub(crate) fn whole(picture: &Picture) -> Self {
        let (width, height) = (f64::from(picture.width), f64::from(picture.height));
        Self { left: 0.0, top: 0.0, width, height }
    }
}

/// Resizes with a kernel that widens as pictures shrink, so that nothing aliases: `Bilinear` is
/// Pillow's BILINEAR, `Box` at whole factors OpenCV's `INTER_AREA`. At the borders of the area the
/// kernel sees the pixels beyond.
pub(crate) fn resize(
    picture: &Picture,
    area: Area,
    size: (u32, u32),
    filter: FilterType,
) -> Result<Picture, InferError> {
    scale(picture, area, size, ResizeAlg::Convolution(filter))
}

/// Resizes by looking at the four nearest pixels only, as OpenCV's `INTER_LINEAR` does: edges stay
/// as hard as they were.
pub(crate) fn sample(picture: &Picture, size: (u32, u32)) -> Result<Picture, InferError> {
    scale(picture, Area::whole(picture), size, ResizeAlg::Interpolation(FilterType::Bilinear))
}

fn scale(
    picture: &Picture,
    area: Area,
    size: (u32, u32),
    how: ResizeAlg,
) -> Result<Picture, InferError> {
    let failed = |reason: String| InferError::Picture {
        width: picture.width,
        height: picture.height,
        reason,
    };
    // Typed images, because the untyped ones compile every kernel for all thirteen kinds of pixel.
    let source = TypedImageRef::<U8x3>::from_buffer(picture.width, picture.height, &picture.pixels)
        .map_err(|error| failed(error.to_string()))?;
    let mut pixels = vec![0; size.0 as usize * size.1 as usize * 3];
    let mut target = TypedImage::<U8x3>::from_buffer(size.0, size.1, &mut pixels)
        .map_err(|error| failed(error.to_string()))?;
    let options = ResizeOptions::new()
        .resize_alg(how)
        .crop(area.left, area.top, area.width, area.height)
        .use_alpha(false);
    Resizer::new()
        .resize_typed(&source, &mut target, Some(&options))
        .map_err(|error| failed(error.to_string()))?;
    Ok(Picture { width: size.0, height: size.1, pixels })
}
