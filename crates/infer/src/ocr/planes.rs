//! Pictures as both networks take them.

use rushes_model::Picture;

/// Planes of blue, green and red as -1..=1, rows of `row` values: the picture lies at the left, what
/// is left of a row is 0, the middle grey.
pub(super) fn blue_green_red(picture: &Picture, row: usize) -> Vec<f32> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut planes = vec![0.0; 3 * row * height];
    for (y, line) in picture.pixels.chunks_exact(width * 3).enumerate() {
        let (pixels, _) = line.as_chunks::<3>();
        for (channel, plane) in planes.chunks_exact_mut(row * height).enumerate() {
            for (value, pixel) in plane[y * row..].iter_mut().zip(pixels) {
                *value = f32::from(pixel[2 - channel]) / 127.5 - 1.0;
            }
        }
    }
    planes
}
