//! Shares of light and colour on a small copy of a picture.

use super::Look;
use rushes_model::Picture;

/// Hues that are told apart: the indices of [`Look::colours`].
pub(in crate::lite) const COLOURS: usize = 8;
/// See [`COLOURS`].
pub(in crate::lite) const RED: usize = 0;
/// See [`COLOURS`].
pub(in crate::lite) const ORANGE: usize = 1;
/// See [`COLOURS`].
pub(in crate::lite) const YELLOW: usize = 2;
/// See [`COLOURS`].
pub(in crate::lite) const GREEN: usize = 3;
/// See [`COLOURS`].
pub(in crate::lite) const CYAN: usize = 4;
/// See [`COLOURS`].
pub(in crate::lite) const BLUE: usize = 5;
/// See [`COLOURS`].
pub(in crate::lite) const PURPLE: usize = 6;
/// See [`COLOURS`].
pub(in crate::lite) const PINK: usize = 7;

/// Where each hue ends, in degrees; red begins again behind pink.
const HUE_ENDS: [u16; COLOURS] = [12, 42, 68, 165, 195, 255, 295, 345];

/// A pixel as OpenCV's 8-bit HSV, hue in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shade {
    hue: u16,
    saturation: u8,
    value: u8,
}

impl Shade {
    /// `cvtColor(COLOR_RGB2HSV)` with its 12-bit fixed-point division; its hue counts half degrees.
    fn of([red, green, blue]: [u8; 3]) -> Self {
        let value = red.max(green).max(blue);
        let span = value - red.min(green).min(blue);
        let [r, g, b, range] = [red, green, blue, span].map(i32::from);
        let (offset, divided) = match value {
            _ if value == red => (g - b, 0),
            _ if value == green => (b - r, 2),
            _ => (r - g, 4),
        };
        let half_degrees = fixed(offset + divided * range, 30, range);
        let hue = if half_degrees < 0 { half_degrees + 180 } else { half_degrees };
        let saturation = fixed(range, 255, i32::from(value));
        Self { hue: 2 * hue as u16, saturation: saturation as u8, value }
    }

    /// Index of the hue, when there is enough colour and light to tell.
    fn colour(self) -> Option<usize> {
        let told = f32::from(self.saturation) > 0.25 * 255.0 && f32::from(self.value) > 0.2 * 255.0;
        told.then(|| HUE_ENDS.iter().position(|&end| self.hue < end).unwrap_or(RED))
    }
}

/// `number * factor / by`, rounded as OpenCV's division tables do; 0 where `by` is.
fn fixed(number: i32, factor: i32, by: i32) -> i32 {
    if by == 0 {
        return 0;
    }
    let table = (f64::from(factor << 12) / f64::from(by)).round_ties_even() as i32;
    (number * table + (1 << 11)) >> 12
}

/// Sums over a part of a picture.
#[derive(Default)]
struct Sums {
    pixels: f32,
    value: f32,
    saturation: f32,
    dark: f32,
    white: f32,
    chroma: f32,
    colours: [f32; COLOURS],
}

impl Sums {
    fn add(&mut self, pixel: [u8; 3], shade: Shade) {
        let (saturation, value) =
            (f32::from(shade.saturation) / 255.0, f32::from(shade.value) / 255.0);
        let channels = pixel.map(f32::from);
        let mean = channels.iter().sum::<f32>() / 3.0;
        self.pixels += 1.0;
        self.value += value;
        self.saturation += saturation;
        self.dark += f32::from(u8::from(value < 0.2));
        self.white += f32::from(u8::from(value > 0.92 && saturation < 0.08));
        self.chroma += channels.iter().map(|channel| (channel - mean).abs()).sum::<f32>() / 3.0;
        if let Some(colour) = shade.colour() {
            self.colours[colour] += 1.0;
        }
    }

    fn shares(&self) -> [f32; COLOURS] {
        self.colours.map(|count| count / self.pixels.max(1.0))
    }
}

/// Light and colours of a whole picture and of its top and bottom thirds.
pub(super) struct Shades {
    whole: Sums,
    top: Sums,
    bottom: Sums,
}

impl Shades {
    pub(super) fn of(picture: &Picture) -> Self {
        let mut shades =
            Self { whole: Sums::default(), top: Sums::default(), bottom: Sums::default() };
        let third = picture.height as usize / 3;
        let rows = picture.pixels.chunks_exact(picture.width as usize * 3);
        for (y, row) in rows.enumerate() {
            for &pixel in row.as_chunks::<3>().0 {
                let shade = Shade::of(pixel);
                shades.whole.add(pixel, shade);
                if y < third {
                    shades.top.add(pixel, shade);
                } else if y >= picture.height as usize - third {
                    shades.bottom.add(pixel, shade);
                }
            }
        }
        shades
    }

    /// The figures that stand here; the others are left at zero.
    pub(super) fn look(&self) -> Look {
        let share = |sum: f32| sum / self.whole.pixels.max(1.0);
        Look {
            brightness: share(self.whole.value),
            brightness_top: self.top.value / self.top.pixels.max(1.0),
            saturation: share(self.whole.saturation),
            dark: share(self.whole.dark),
            white: share(self.whole.white),
            chroma: share(self.whole.chroma),
            colours: self.whole.shares(),
            colours_top: self.top.shares(),
            colours_bottom: self.bottom.shares(),
            ..Look::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From OpenCV 4.x: `cv2.cvtColor(numpy.uint8([[rgb]]), cv2.COLOR_RGB2HSV)`.
    #[test]
    fn shades_are_opencvs() {
        let cases = [
            ([255, 0, 0], [0, 255, 255]),
            ([255, 0, 40], [175, 255, 255]),
            ([12, 200, 7], [59, 246, 200]),
            ([30, 160, 40], [62, 207, 160]),
            ([20, 40, 220], [117, 232, 220]),
            ([140, 20, 220], [138, 232, 220]),
            ([240, 60, 180], [160, 191, 240]),
            ([120, 121, 119], [45, 4, 121]),
            ([0, 0, 0], [0, 0, 0]),
            ([255, 255, 255], [0, 0, 255]),
            ([1, 0, 0], [0, 255, 1]),
            ([200, 199, 180], [29, 25, 200]),
            ([99, 150, 151], [91, 88, 151]),
            ([255, 254, 3], [30, 252, 255]),
            ([37, 91, 60], [73, 151, 91]),
        ];
        for (rgb, [half_degrees, saturation, value]) in cases {
            let expected = Shade { hue: 2 * u16::from(half_degrees), saturation, value };
            assert_eq!(Shade::of(rgb), expected, "{rgb:?}");
        }
    }

    #[test]
    fn hues_are_told_apart() {
        let colour = |rgb| Shade::of(rgb).colour();
        assert_eq!(colour([255, 0, 0]), Some(RED));
        assert_eq!(colour([255, 0, 40]), Some(RED));
        assert_eq!(colour([255, 140, 0]), Some(ORANGE));
        assert_eq!(colour([240, 230, 20]), Some(YELLOW));
        assert_eq!(colour([30, 160, 40]), Some(GREEN));
        assert_eq!(colour([0, 200, 200]), Some(CYAN));
        assert_eq!(colour([20, 40, 220]), Some(BLUE));
        assert_eq!(colour([140, 20, 220]), Some(PURPLE));
        assert_eq!(colour([240, 60, 180]), Some(PINK));
        assert_eq!(colour([120, 121, 119]), None);
        assert_eq!(colour([30, 0, 0]), None);
    }
}
