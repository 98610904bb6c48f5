//! Small pictures kept beside the vectors, so that a match can be shown without opening the medium.

use rushes_media::MediaError;
use rushes_model::Picture;

/// Long side of a video frame's preview, in pixels.
const FRAME_SIDE: u32 = 256;
/// Bytes of a video frame's preview. With vectors, tags and times ten seconds stay under 50 KB.
const FRAME_BYTES: usize = 3_900;
/// Long side of a still's preview: there is one a file, so it may be larger.
const STILL_SIDE: u32 = 640;
/// Bytes of a still's preview: the contract allows 100 KiB.
const STILL_BYTES: usize = 90_000;
/// JPEG qualities, best first; the first that fits is taken, the last one in any case.
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

fn fitting(picture: &Picture, budget: usize) -> Result<Vec<u8>, MediaError> {
    let mut jpeg = Vec::new();
    for quality in QUALITIES {
        jpeg = rushes_media::jpeg(picture, quality)?;
        if jpeg.len() <= budget {
            break;
        }
    }
    Ok(jpeg)
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
    fn previews_keep_to_their_budget_where_the_picture_allows() {
        let grey = Picture::new(1280, 720, vec![90; 1280 * 720 * 3]).unwrap();
        assert!(of_frame(&grey).unwrap().len() < FRAME_BYTES);
        // Noise is the worst that a frame can be; even so the contract's bound holds.
        assert!(of_frame(&noise(640, 360)).unwrap().len() < 40_000);
        assert!(of_still(&noise(900, 900)).unwrap().len() < 100 * 1024 * 3);
    }
}
