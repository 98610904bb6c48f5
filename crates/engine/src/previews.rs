//! Small pictures kept beside the vectors, so that a match can be shown without opening the medium.

use rushes_media::MediaError;
use rushes_model::Picture;
use std::borrow::Cow;

/// Long side of a video frame's preview, in pixels.
const FRAME_SIDE: u32 = 256;
/// Bytes of a video frame's preview. With vectors, tags and times ten seconds stay under 50 KB.
const FRAME_BYTES: usize = 3_900;
/// Long side of a still's preview: there is one a file, so it may be larger.
const STILL_SIDE: u32 = 640;
/// Bytes of a still's preview: the contract allows 100 KiB.
const STILL_BYTES: usize = 90_000;
/// A picture with sides up to this is not made smaller, whatever its size in bytes.
const SMALLEST_SIDE: u32 = 64;
/// JPEG qualities, best first.
const QUALITIES: [u8; 6] = [80, 68, 56, 44, 32, 20];

/// JPEG preview of a frame of a video.
///
/// # Errors
/// When the encoder refuses the picture.
pub fn of_frame(frame: &Picture) -> Result<Vec<u8>, MediaError> {
    fitting(&rushes_media::fit(frame, FRAME_SIDE), FRAME_BYTES)
}

/// JPEG preview of a still.
///
/// # Errors
/// When the encoder refuses the picture.
pub fn of_still(still: &Picture) -> Result<Vec<u8>, MediaError> {
    fitting(&rushes_media::fit(still, STILL_SIDE), STILL_BYTES)
}

/// The best quality that fits the budget; where none does, as with noise, a picture of half the size.
fn fitting(picture: &Picture, budget: usize) -> Result<Vec<u8>, MediaError> {
    let mut picture = Cow::Borrowed(picture);
    loop {
        let mut jpeg = Vec::new();
        for quality in QUALITIES {
            jpeg = rushes_media::jpeg(&picture, quality)?;
            if jpeg.len() <= budget {
                return Ok(jpeg);
            }
        }
        let side = picture.width.max(picture.height);
        if side <= SMALLEST_SIDE {
            return Ok(jpeg);
        }
        picture = Cow::Owned(rushes_media::fit(&picture, side / 2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: u32, height: u32) -> Picture {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let pixels = (0..width * height * 3).map(|_| next()).collect();
        Picture::new(width, height, pixels).unwrap()
    }

    #[test]
    fn previews_keep_to_their_budget() {
        let grey = Picture::new(1280, 720, vec![90; 1280 * 720 * 3]).unwrap();
        assert!(of_frame(&grey).unwrap().len() <= FRAME_BYTES);
        // Noise is the worst that a picture can be.
        assert!(of_frame(&noise(640, 360)).unwrap().len() <= FRAME_BYTES);
        assert!(of_still(&noise(900, 900)).unwrap().len() <= STILL_BYTES);
    }
}
