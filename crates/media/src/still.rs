//! Still pictures.
//!
//! The common formats are decoded here, by decoders in safe Rust with limits set before anything is
//! allocated. The others go through ffmpeg, with the demuxer chosen by content: left to itself,
//! ffmpeg would take a name such as `shot%03d.exr` for a pattern and open other files.

use crate::{Limits, MediaError, Tools, source};
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, metadata::Orientation};
use memchr::memmem;
use rushes_model::{MediaFacts, MediaKind, Picture, StreamFacts};
use std::{
    fs::File,
    io::{BufReader, Cursor, Read as _, Seek as _},
    path::Path,
};

/// Bytes that tell every format of the table.
const HEAD: u64 = 16;
/// Markers of JPEG (ITU T.81, table B.1): a scan begins, and the picture ends.
const START_OF_SCAN: u8 = 0xda;
const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];
/// Longest side of a preview, in pixels.
const PREVIEW_SIDE: u32 = 1024;

/// Formats that ffmpeg decodes: first bytes, ffmpeg's demuxer.
const DEMUXERS: [(&[u8], &str); 13] = [
    (b"\x76\x2f\x31\x01", "exr_pipe"),
    (b"SDPX", "dpx_pipe"),
    (b"XPDS", "dpx_pipe"),
    (b"\x00\x00\x00\x0cjP  ", "j2k_pipe"),
    (b"\xff\x4f\xff\x51", "j2k_pipe"),
    (b"\x00\x00\x00\x0cJXL ", "jpegxl_pipe"),
    (b"\xff\x0a", "jpegxl_pipe"),
    (b"8BPS", "psd_pipe"),
    (b"qoif", "qoi_pipe"),
    (b"P4\n", "pbm_pipe"),
    (b"P5\n", "pgm_pipe"),
    (b"P6\n", "ppm_pipe"),
    (b"PF\n", "pfm_pipe"),
];

/// What the first bytes of a file say about it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A still that is decoded here.
    Decodable(ImageFormat),
    /// A still that ffmpeg decodes.
    Demuxer(&'static str),
    /// Anything else.
    Container,
}

impl Kind {
    /// The demuxer that ffmpeg is to use, if it may not choose.
    pub(crate) fn demuxer(self) -> Option<&'static str> {
        match self {
            Self::Demuxer(name) => Some(name),
            _ => None,
        }
    }
}

/// Looks at the first bytes.
pub(crate) fn recognise(file: &File, path: &Path, limits: &Limits) -> Result<Kind, MediaError> {
    let mut head = Vec::new();
    let mut file = file;
    file.take(HEAD)
        .read_to_end(&mut head)
        .and_then(|_| file.rewind())
        .map_err(|source| source::unreadable(path, source))?;
    let format = image::guess_format(&head).ok().filter(ImageFormat::reading_enabled);
    Ok(match format {
        // A GIF may move: then it is a video.
        Some(ImageFormat::Gif) if moves(file, limits) => Kind::Container,
        Some(format) => Kind::Decodable(format),
        None => {
            let row = DEMUXERS.iter().find(|(magic, _)| head.starts_with(magic));
            row.map_or(Kind::Container, |(_, name)| Kind::Demuxer(name))
        }
    })
}

/// Whether a GIF has a second frame. One over the limits counts as a still, and is refused as one.
fn moves(mut file: &File, limits: &Limits) -> bool {
    use image::{AnimationDecoder as _, codecs::gif::GifDecoder};
    let gif = GifDecoder::new(BufReader::new(file)).ok();
    // A frame may say that it is larger than the picture.
    let gif = gif.and_then(|mut gif| gif.set_limits(memory(limits)).is_ok().then_some(gif));
    let gif =
        gif.filter(|gif| limits.refuse_size(gif.dimensions().0, gif.dimensions().1).is_none());
    let frames = gif.map_or(0, |gif| gif.into_frames().take(2).filter(Result::is_ok).count());
    file.rewind().is_ok() && frames > 1
}

/// Facts about a still that is decoded here.
pub(crate) fn facts(
    file: File,
    path: &Path,
    format: ImageFormat,
    limits: &Limits,
) -> Result<MediaFacts, MediaError> {
    let size_bytes = file.metadata().map_err(|source| source::unreadable(path, source))?.len();
    let mut decoder = open(file, path, format, limits)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let (width, height) = decoder.dimensions();
    let rotation = rotation(orientation);
    let (width, height) = if rotation % 180 == 90 { (height, width) } else { (width, height) };
    Ok(MediaFacts {
        kind: MediaKind::Image,
        size_bytes,
        duration_seconds: 0.0,
        width,
        height,
        frame_rate: None,
        variable_frame_rate: false,
        start_timecode: None,
        start_time: 0.0,
        rotation,
        video_codec: Some(codec(format).to_owned()),
        audio_codec: None,
        audio_tracks: 0,
        created_at: None,
        streams: Some(StreamFacts {
            coded: decoder.dimensions(),
            pixel_aspect: (1, 1),
            ..StreamFacts::default()
        }),
    })
}

fn rotation(orientation: Orientation) -> u16 {
    match orientation {
        Orientation::Rotate90 | Orientation::Rotate90FlipH => 90,
        Orientation::Rotate180 | Orientation::FlipVertical => 180,
        Orientation::Rotate270 | Orientation::Rotate270FlipH => 270,
        _ => 0,
    }
}

/// ffmpeg's name of the codec.
fn codec(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Jpeg => "mjpeg",
        ImageFormat::Png => "png",
        ImageFormat::WebP => "webp",
        ImageFormat::Gif => "gif",
        ImageFormat::Bmp => "bmp",
        _ => "tiff",
    }
}

/// What a decoder may allocate.
fn memory(limits: &Limits) -> image::Limits {
    let mut allowed = image::Limits::default();
    // 16 bits of red, green, blue and alpha.
    allowed.max_alloc = Some(limits.max_pixels * 8);
    allowed
}

/// A decoder that has read the header and found the size within the limits.
fn open<'a>(
    file: File,
    path: &Path,
    format: ImageFormat,
    limits: &Limits,
) -> Result<impl image::ImageDecoder + 'a, MediaError> {
    let over = |(what, limit)| MediaError::OverLimit { path: path.to_owned(), what, limit };
    let size = file.metadata().map_err(|source| source::unreadable(path, source))?.len();
    if size > limits.max_still_bytes {
        let limit = format!("{} bytes", limits.max_still_bytes);
        return Err(over((format!("it is a still picture of {size} bytes"), limit)));
    }
    let mut reader = ImageReader::with_format(BufReader::new(file), format);
    reader.limits(memory(limits));
    let decoder = reader.into_decoder().map_err(|error| not_media(path, &error))?;
    let (width, height) = decoder.dimensions();
    match limits.refuse_size(width, height) {
        Some(refusal) => Err(over(refusal)),
        None => Ok(decoder),
    }
}

/// Refuses a JPEG without an end: its decoder would make the missing part grey.
fn refuse_cut_short(mut file: &File, path: &Path) -> Result<(), MediaError> {
    let mut bytes = Vec::new();
    let read = file.read_to_end(&mut bytes).and_then(|_| file.rewind());
    read.map_err(|source| source::unreadable(path, source))?;
    match scans(&bytes) {
        Some(scans) if memmem::find(scans, &END_OF_IMAGE).is_none() => Err(MediaError::NotMedia {
            path: path.to_owned(),
            detail: "the file ends in the middle of the picture".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// What follows the header of a JPEG; `None` when the header is not in order, which the decoder tells.
/// The segments are stepped over, since a small picture inside of them has an end too (ITU T.81, B.1).
fn scans(jpeg: &[u8]) -> Option<&[u8]> {
    let mut rest = jpeg.get(2..)?;
    loop {
        let &[0xff, marker, high, low, ..] = rest else { return None };
        if marker == START_OF_SCAN {
            return Some(rest);
        }
        rest = rest.get(2 + usize::from(u16::from_be_bytes([high, low]))..)?;
    }
}

fn not_media(path: &Path, error: &image::ImageError) -> MediaError {
    MediaError::NotMedia { path: path.to_owned(), detail: error.to_string() }
}

/// The picture of a JPEG file of at most 1024 pixels a side, as analyses keep them; `None`
/// when it is anything else.
#[must_use]
pub fn read_preview(jpeg: &[u8]) -> Option<Picture> {
    let mut reader = ImageReader::with_format(Cursor::new(jpeg), ImageFormat::Jpeg);
    let mut allowed = image::Limits::default();
    (allowed.max_image_width, allowed.max_image_height) = (Some(PREVIEW_SIDE), Some(PREVIEW_SIDE));
    reader.limits(allowed);
    let image = reader.decode().ok()?.into_rgb8();
    let (width, height) = image.dimensions();
    Picture::new(width, height, image.into_raw())
}

impl Tools {
    /// The picture of an image file as it is meant to be seen: upright, in RGB, transparency dropped.
    ///
    /// JPEG, PNG, WebP, GIF, BMP and TIFF are decoded in this process, the rest by ffmpeg.
    ///
    /// # Errors
    /// As [`Tools::probe`]; also when the picture is damaged, or the file holds no picture.
    pub fn read_image(&self, path: &Path) -> Result<Picture, MediaError> {
        let (file, _) = source::open(path)?;
        let kind = recognise(&file, path, self.limits())?;
        let Kind::Decodable(format) = kind else {
            return self.first_picture(path, kind);
        };
        if format == ImageFormat::Jpeg {
            refuse_cut_short(&file, path)?;
        }
        let mut decoder = open(file, path, format, self.limits())?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut image =
            DynamicImage::from_decoder(decoder).map_err(|error| not_media(path, &error))?;
        image.apply_orientation(orientation);
        let image = image.into_rgb8();
        let (width, height) = image.dimensions();
        Ok(Picture { width, height, pixels: image.into_raw() })
    }
}
