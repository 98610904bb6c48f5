//! Turning and scaling a face so that eyes, nose and mouth lie where the network expects them.

use super::resnet::SIDE;
use crate::InferError;
use crate::resize::{Area, FilterType, resize};
use rushes_model::Picture;

/// Where the five points of [`Face::landmarks`](crate::yunet::Face::landmarks) belong in a chip: means of
/// dlib's own alignment, whose chips of 150 pixels leave a quarter of the face around it.
pub(super) const TEMPLATE: [(f32, f32); 5] =
    [(47.549, 46.599), (100.476, 46.599), (74.013, 76.563), (50.415, 103.023), (97.610, 103.023)];

/// A turn, a scale and a shift: `(x, y)` goes to `(a x - b y + dx, b x + a y + dy)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Similarity {
    a: f64,
    b: f64,
    dx: f64,
    dy: f64,
}

impl Similarity {
    /// The one that brings `from` nearest to `to` by the sum of squares (Umeyama 1991, without
    /// mirroring). `None` when all points of `from` lie in one place or are not finite.
    fn between(from: &[(f32, f32); 5], to: &[(f32, f32); 5]) -> Option<Self> {
        let (from_middle, to_middle) = (middle(from), middle(to));
        let (mut spread, mut a, mut b) = (0.0, 0.0, 0.0);
        for (from, to) in from.iter().zip(to) {
            let (x, y) = (f64::from(from.0) - from_middle.0, f64::from(from.1) - from_middle.1);
            let (u, v) = (f64::from(to.0) - to_middle.0, f64::from(to.1) - to_middle.1);
            spread += x * x + y * y;
            a += x * u + y * v;
            b += x * v - y * u;
        }
        let (a, b) = (a / spread, b / spread);
        let dx = to_middle.0 - (a * from_middle.0 - b * from_middle.1);
        let dy = to_middle.1 - (b * from_middle.0 + a * from_middle.1);
        let found = Self { a, b, dx, dy };
        let usable = [dx, dy].iter().all(|value| value.is_finite()) && found.scale() > 0.0;
        usable.then_some(found)
    }

    /// The one that brings a face to a chip.
    pub(super) fn to_chip(landmarks: &[(f32, f32); 5]) -> Option<Self> {
        Self::between(landmarks, &TEMPLATE)
    }

    /// How much larger things become.
    fn scale(self) -> f64 {
        self.a.hypot(self.b)
    }

    /// By how much things are turned, in radians.
    #[cfg(test)]
    fn turn(self) -> f64 {
        self.b.atan2(self.a)
    }

    pub(super) fn apply(self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.a * x - self.b * y + self.dx, self.b * x + self.a * y + self.dy)
    }

    fn inverse(self) -> Self {
        let square = self.scale().powi(2);
        let (a, b) = (self.a / square, -self.b / square);
        Self { a, b, dx: b * self.dy - a * self.dx, dy: -b * self.dx - a * self.dy }
    }
}

fn middle(points: &[(f32, f32); 5]) -> (f64, f64) {
    let sum = points
        .iter()
        .fold((0.0, 0.0), |sum, point| (sum.0 + f64::from(point.0), sum.1 + f64::from(point.1)));
    (sum.0 / points.len() as f64, sum.1 / points.len() as f64)
}

/// The planes of a face brought upright: red, green and blue of [`SIDE`] x [`SIDE`] pixels, 0..=255; what
/// lies outside the picture is black. `None` when the points of a face fall together.
///
/// A face larger than the chip is shrunk first, so that its detail does not alias.
pub(super) fn chip(
    picture: &Picture,
    landmarks: &[(f32, f32); 5],
) -> Result<Option<Vec<f32>>, InferError> {
    let Some(transform) = Similarity::to_chip(landmarks) else { return Ok(None) };
    let back = transform.inverse();
    let Some(area) = reach(picture, back) else { return Ok(Some(vec![0.0; 3 * SIDE * SIDE])) };
    let shrink = transform.scale().min(1.0);
    let side = |side: f64| ((side * shrink).round() as u32).max(1);
    let size = (side(area.width), side(area.height));
    let part = resize(picture, area, size, FilterType::Bilinear)?;
    let scale = (f64::from(size.0) / area.width, f64::from(size.1) / area.height);
    Ok(Some(planes(&part, |at| {
        let (x, y) = back.apply(at);
        ((x + 0.5 - area.left) * scale.0 - 0.5, (y + 0.5 - area.top) * scale.1 - 0.5)
    })))
}

/// The pixels that a chip is made of; `None` when it lies outside the picture.
fn reach(picture: &Picture, back: Similarity) -> Option<Area> {
    let side = SIDE as f64;
    let corners = [(0.0, 0.0), (side, 0.0), (0.0, side), (side, side)].map(|at| back.apply(at));
    let span = |values: [f64; 4], limit: u32| {
        let first = values.into_iter().fold(f64::INFINITY, f64::min).floor() - 1.0;
        let last = values.into_iter().fold(f64::NEG_INFINITY, f64::max).ceil() + 1.0;
        let (first, last) = (first.max(0.0), last.min(f64::from(limit)));
        (last > first).then_some((first, last - first))
    };
    let (left, width) = span(corners.map(|corner| corner.0), picture.width)?;
    let (top, height) = span(corners.map(|corner| corner.1), picture.height)?;
    Some(Area { left, top, width, height })
}

/// The chip's planes; `source` says where in the picture a pixel of the chip comes from.
fn planes(picture: &Picture, source: impl Fn((f64, f64)) -> (f64, f64)) -> Vec<f32> {
    let mut planes = vec![0.0; 3 * SIDE * SIDE];
    for at in 0..SIDE * SIDE {
        let (x, y) = source(((at % SIDE) as f64, (at / SIDE) as f64));
        for (channel, value) in sampled(picture, x, y).into_iter().enumerate() {
            planes[channel * SIDE * SIDE + at] = value;
        }
    }
    planes
}

/// Red, green and blue between four pixels; outside is black.
fn sampled(picture: &Picture, x: f64, y: f64) -> [f32; 3] {
    let (left, top) = (x.floor(), y.floor());
    let (right_part, lower_part) = ((x - left) as f32, (y - top) as f32);
    let mut sum = [0.0; 3];
    for (dx, dy) in [(0_u8, 0_u8), (1, 0), (0, 1), (1, 1)] {
        let (x, y) = (left + f64::from(dx), top + f64::from(dy));
        let inside =
            x >= 0.0 && y >= 0.0 && x < f64::from(picture.width) && y < f64::from(picture.height);
        if inside {
            let weight = (if dx == 0 { 1.0 - right_part } else { right_part })
                * (if dy == 0 { 1.0 - lower_part } else { lower_part });
            let at = (y as usize * picture.width as usize + x as usize) * 3;
            let pixel = &picture.pixels[at..at + 3];
            sum.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += weight * f32::from(value));
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture whose pixels differ from their neighbours by little.
    fn slope(width: u32, height: u32) -> Picture {
        let pixel = |at: u32| [at % width, at / width, 40].map(|value| (value % 256) as u8);
        Picture { width, height, pixels: (0..width * height).flat_map(pixel).collect() }
    }

    /// The template turned by these degrees around the origin, scaled and shifted.
    fn moved(degrees: f64, scale: f64, shift: (f64, f64)) -> [(f32, f32); 5] {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let by = Similarity { a: scale * cos, b: scale * sin, dx: shift.0, dy: shift.1 };
        TEMPLATE.map(|(x, y)| {
            let (x, y) = by.apply((x.into(), y.into()));
            (x as f32, y as f32)
        })
    }

    #[test]
    fn points_in_place_stay_and_moved_ones_come_back() {
        let still = Similarity::to_chip(&TEMPLATE).expect("five points");
        let near = |a: f64, b: f64| (a - b).abs() < 1e-4;
        assert!(
            near(still.a, 1.0) && near(still.b, 0.0) && near(still.dx, 0.0) && near(still.dy, 0.0)
        );
        for (degrees, scale, shift) in
            [(30.0, 1.0, (0.0, 0.0)), (-170.0, 0.2, (700.0, -3.0)), (90.0, 7.0, (9.0, 9.0))]
        {
            let points = moved(degrees, scale, shift);
            let back = Similarity::to_chip(&points).expect("five points");
            assert!(near(back.scale(), 1.0 / scale), "{degrees}: {}", back.scale());
            assert!(near(back.turn().to_degrees(), -degrees), "{degrees}: {}", back.turn());
            for (point, wanted) in points.iter().zip(TEMPLATE) {
                let (x, y) = back.apply((point.0.into(), point.1.into()));
                let off = (x - f64::from(wanted.0)).hypot(y - f64::from(wanted.1));
                assert!(off < 1e-3, "{degrees}: {off}");
                let (x, y) = back.inverse().apply((x, y));
                assert!((x - f64::from(point.0)).hypot(y - f64::from(point.1)) < 1e-3);
            }
        }
    }

    /// Mirrored points are turned, never mirrored back.
    #[test]
    fn faces_are_not_mirrored() {
        let mirrored = TEMPLATE.map(|(x, y)| (150.0 - x, y));
        let found = Similarity::to_chip(&mirrored).expect("five points");
        assert!(found.a.hypot(found.b) < 0.9, "{found:?}");
    }

    #[test]
    fn points_in_one_place_or_nowhere_make_no_chip() {
        let picture = slope(200, 200);
        for points in [[(7.0, 7.0); 5], [(f32::NAN, 0.0); 5], [(f32::INFINITY, 1.0); 5]] {
            assert_eq!(chip(&picture, &points).expect("no error"), None);
        }
    }

    #[test]
    fn a_chip_of_a_picture_in_place_is_the_picture() {
        let picture = slope(SIDE as u32, SIDE as u32);
        let planes = chip(&picture, &TEMPLATE).expect("resizes").expect("a face");
        for (at, pixel) in picture.pixels.chunks_exact(3).enumerate() {
            for channel in 0..3 {
                let here = planes[channel * SIDE * SIDE + at];
                assert!((here - f32::from(pixel[channel])).abs() < 0.01, "{at}: {here}");
            }
        }
    }

    /// On a slope a chip shows the place that each of its pixels comes from.
    #[test]
    fn chips_of_turned_large_and_small_faces_are_taken_from_where_the_face_is() {
        let picture = slope(255, 255);
        for (degrees, scale, shift) in
            [(30.0, 0.7, (90.0, 40.0)), (-75.0, 0.3, (60.0, 150.0)), (0.0, 1.6, (5.0, 5.0))]
        {
            let points = moved(degrees, scale, shift);
            let planes = chip(&picture, &points).expect("resizes").expect("a face");
            let back = Similarity::to_chip(&points).expect("five points").inverse();
            for at in [(40, 40), (75, 75), (110, 60), (60, 110)] {
                let (x, y) = back.apply((at.0 as f64, at.1 as f64));
                let place = at.1 * SIDE + at.0;
                let here = (planes[place], planes[SIDE * SIDE + place]);
                let off = (f64::from(here.0) - x).hypot(f64::from(here.1) - y);
                assert!(off < 1.0, "{degrees}, {at:?}: {here:?}, not {x}, {y}");
            }
        }
    }

    /// Stripes of one pixel become grey, not wider stripes.
    #[test]
    fn large_faces_do_not_alias() {
        let pixels = (0..900 * 900).flat_map(|at| [if at % 900 % 2 == 0 { 255 } else { 0 }; 3]);
        let picture = Picture { width: 900, height: 900, pixels: pixels.collect() };
        let planes =
            chip(&picture, &moved(0.0, 5.5, (10.0, 10.0))).expect("resizes").expect("a face");
        assert!(planes.iter().all(|value| (value - 127.5).abs() < 12.0));
    }

    #[test]
    fn what_lies_outside_the_picture_is_black() {
        let picture = Picture { width: 80, height: 80, pixels: vec![200; 80 * 80 * 3] };
        let planes =
            chip(&picture, &moved(0.0, 1.0, (-75.0, 0.0))).expect("resizes").expect("a face");
        let at = |x: usize, y: usize| planes[y * SIDE + x];
        assert!(at(100, 30) > 199.0 && at(149, 70) > 199.0);
        assert!(
            [at(10, 0), at(70, 30), at(100, 90), at(10, 140)].iter().all(|value| *value == 0.0)
        );
        let away =
            chip(&picture, &moved(0.0, 1.0, (5000.0, 0.0))).expect("no error").expect("a face");
        assert!(away.iter().all(|&value| value == 0.0));
        for side in [1, 2] {
            let dot =
                Picture { width: side, height: side, pixels: vec![9; (side * side * 3) as usize] };
            assert!(chip(&dot, &TEMPLATE).expect("no error").is_some());
        }
    }
}
