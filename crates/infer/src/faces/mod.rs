//! Faces: where they are, how well they can be seen, and vectors that tell people apart.
//!
//! [`FaceModel`] finds faces with [YuNet](crate::yunet), brings each upright by its five points
//! ([`align`]) and gives the chip to dlib's ResNet ([`resnet`]), which is read from dlib's own file
//! ([`dat`]). How far an embedding can be trusted says [`quality`].

mod align;
mod dat;
mod mean;
mod model;
mod quality;
mod resnet;

pub use model::{ClearFace, EPS_SCALE, FaceModel, KEY, LEAST_QUALITY, SMALLEST_FACE, SeenFace};
pub use resnet::DIMENSIONS;

/// What the tests of the parts compare themselves with.
#[cfg(test)]
pub(crate) mod testing {
    use super::resnet::SIDE;
    use rushes_model::Picture;
    use serde::Deserialize;
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    /// What dlib and OpenCV make of some pictures; `tests/reference/README.md` says how.
    #[derive(Deserialize)]
    pub(crate) struct Reference {
        drawn: BTreeMap<String, Vec<f32>>,
        crops: BTreeMap<u32, Crop>,
        /// Faces of frames of [`frame`]'s clip: box, five points and score.
        pub faces: BTreeMap<u32, Vec<Vec<f32>>>,
    }

    #[derive(Deserialize)]
    struct Crop {
        left: usize,
        top: usize,
        vector: Vec<f32>,
    }

    impl Reference {
        pub(crate) fn read() -> Self {
            let text = include_str!("../../tests/reference/faces.json");
            serde_json::from_str(text).expect("is valid")
        }

        /// Name, red, green and blue of each pixel, and dlib's vector.
        pub(crate) fn chips(&self) -> Vec<(String, Vec<u8>, Vec<f32>)> {
            let drawn =
                self.drawn.iter().map(|(kind, vector)| (kind.clone(), drawn(kind), vector.clone()));
            let crops = self.crops.iter().map(|(&second, crop)| {
                (format!("second {second}"), crop.cut(&frame(second)), crop.vector.clone())
            });
            drawn.chain(crops).collect()
        }
    }

    impl Crop {
        /// A chip of a frame whose pixels become four each.
        fn cut(&self, frame: &Picture) -> Vec<u8> {
            let pixel = |at: usize| {
                let (x, y) = ((self.left + at % SIDE) / 2, (self.top + at / SIDE) / 2);
                let at = (y * frame.width as usize + x) * 3;
                frame.pixels[at..at + 3].to_vec()
            };
            (0..SIDE * SIDE).flat_map(pixel).collect()
        }
    }

    /// The pictures of `make_faces.py`.
    fn drawn(kind: &str) -> Vec<u8> {
        let value = |at: usize| {
            let (x, y, c) = ((at / 3 % SIDE) as i64, (at / 3 / SIDE) as i64, (at % 3) as i64);
            let value = match kind {
                "slope" => x + y * (c + 1) / 2,
                "noise" => (x * 7919 + y * 104_729 + c * 1_299_709) % 65_521 * 31 % 251,
                _ => mask(x, y, c),
            };
            (value % 256) as u8
        };
        (0..SIDE * SIDE * 3).map(value).collect()
    }

    fn mask(x: i64, y: i64, c: i64) -> i64 {
        let face = (x - 75).pow(2) + (y - 70).pow(2) < 4000;
        let eyes = (x - 48).pow(2).min((x - 100).pow(2)) + (y - 47).pow(2) < 60;
        let mouth = (x - 74).pow(2) / 6 + (y - 103).pow(2) < 40;
        match (eyes || mouth, face) {
            (true, _) => 40 + 10 * c,
            (false, true) => 190 - 20 * c,
            (false, false) => 60 + 30 * c,
        }
    }

    /// The frame at a second of a clip in which a man talks: 176 x 144 pixels.
    #[expect(clippy::disallowed_methods, reason = "only `media` starts processes, and tests")]
    pub(crate) fn frame(second: u32) -> Picture {
        let media = std::env::var_os("RUSHES_TEST_MEDIA").map(PathBuf::from);
        let path = media.expect("make setup, and RUSHES_TEST_MEDIA").join("carphone_pristine.mp4");
        let output = std::process::Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-ss", &second.to_string(), "-i"])
            .arg(path)
            .args(["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
            .output()
            .expect("ffmpeg runs");
        Picture::new(176, 144, output.stdout).expect("a whole frame")
    }
}
