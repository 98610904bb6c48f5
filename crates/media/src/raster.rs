//! Pictures in memory: other sizes, and JPEG.

use crate::MediaError;
use fast_image_resize::{
    FilterType, ImageBufferError, ResizeAlg, ResizeError, ResizeOptions, Resizer,
    images::{TypedImage, TypedImageRef},
    pixels::U8x3,
};
use jpeg_encoder::{ColorType, Encoder};
use rushes_model::Picture;

/// The picture at exactly this size (a zero side counts as 1), bicubic and without aliasing.
///
/// A picture whose bytes do not fit its sides comes out black.
#[must_use]
pub fn resize(picture: &Picture, width: u32, height: u32) -> Picture {
    let (width, height) = (width.max(1), height.max(1));
    if (picture.width, picture.height) == (width, height) {
        return picture.clone();
    }
    let mut pixels = vec![0; width as usize * height as usize * 3];
    if let Err(error) = scale(picture, width, height, &mut pixels) {
        let (from_width, from_height) = (picture.width, picture.height);
        tracing::error!(%error, from_width, from_height, width, height, "resize failed");
    }
    Picture { width, height, pixels }
}

#[derive(Debug, thiserror::Error)]
enum ScaleError {
    #[error(transparent)]
    Buffer(#[from] ImageBufferError),
    #[error(transparent)]
    Resize(#[from] ResizeError),
}

/// Typed images, because the untyped ones compile every kernel for all thirteen kinds of pixel.
fn scale(picture: &Picture, width: u32, height: u32, pixels: &mut [u8]) -> Result<(), ScaleError> {
    let source =
        TypedImageRef::<U8x3>::from_buffer(picture.width, picture.height, &picture.pixels)?;
    let mut target = TypedImage::<U8x3>::from_buffer(width, height, pixels)?;
    let bicubic = ResizeAlg::Convolution(FilterType::CatmullRom);
    let options = ResizeOptions::new().resize_alg(bicubic);
    Ok(Resizer::new().resize_typed(&source, &mut target, &options)?)
}

/// The picture with its longer side at most `long_side`, aspect kept, never enlarged.
#[must_use]
pub fn fit(picture: &Picture, long_side: u32) -> Picture {
    let (width, height) = fitted(picture.width, picture.height, long_side);
    resize(picture, width, height)
}

/// Sides of a picture whose longer side is at most `long_side`, aspect kept, never enlarged.
pub(crate) fn fitted(width: u32, height: u32, long_side: u32) -> (u32, u32) {
    let longest = u64::from(width.max(height).max(1));
    let target = u64::from(long_side.max(1));
    if longest <= target {
        return (width.max(1), height.max(1));
    }
    let scale = |side: u32| ((u64::from(side) * target + longest / 2) / longest).max(1) as u32;
    (scale(width), scale(height))
}

/// The picture as a JPEG file; `quality` from 1 to 100, 80 is good for previews.
///
/// # Errors
/// When a side is over 65,535 pixels or the bytes do not fit the sides.
pub fn jpeg(picture: &Picture, quality: u8) -> Result<Vec<u8>, MediaError> {
    let &Picture { width, height, .. } = picture;
    let error = |detail: String| MediaError::Jpeg { width, height, detail };
    let (Ok(short_width), Ok(short_height)) = (u16::try_from(width), u16::try_from(height)) else {
        return Err(error("JPEG ends at 65535 pixels a side".to_owned()));
    };
    let mut file = Vec::new();
    Encoder::new(&mut file, quality.clamp(1, 100))
        .encode(&picture.pixels, short_width, short_height, ColorType::Rgb)
        .map_err(|failure| error(failure.to_string()))?;
    Ok(file)
}
