//! Places in a picture.

/// An upright box as fractions of a frame's width and height.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Area {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

impl Area {
    /// The area of a box in pixels of a picture of this size.
    #[must_use]
    pub fn of_pixels(
        (left, top, width, height): (f32, f32, f32, f32),
        picture: &crate::Picture,
    ) -> Self {
        let (wide, high) = (picture.width as f32, picture.height as f32);
        Self { left: left / wide, top: top / high, width: width / wide, height: height / high }
    }
}
