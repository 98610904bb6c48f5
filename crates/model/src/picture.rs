//! Decoded pictures on their way from `media` to the models.

/// An RGB picture: 8 bits a channel, rows from top to bottom without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width * height * 3` bytes: R, G, B of each pixel.
    pub pixels: Vec<u8>,
}

impl Picture {
    /// `None` when a side is zero or the number of bytes does not fit the sides.
    #[must_use]
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Option<Self> {
        let bytes = u64::from(width) * u64::from(height) * 3;
        (bytes > 0 && bytes == pixels.len() as u64).then_some(Self { width, height, pixels })
    }
}
