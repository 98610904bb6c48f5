//! Names of codecs.

/// What people call a codec, and what ffmpeg calls it (`ffmpeg -codecs`).
const ALIASES: [(&str, &str); 24] = [
    ("avc", "h264"),
    ("avc1", "h264"),
    ("h.264", "h264"),
    ("x264", "h264"),
    ("h265", "hevc"),
    ("h.265", "hevc"),
    ("hvc1", "hevc"),
    ("hev1", "hevc"),
    ("x265", "hevc"),
    ("av01", "av1"),
    ("vp09", "vp9"),
    ("dnxhr", "dnxhd"),
    ("vc3", "dnxhd"),
    ("vc-3", "dnxhd"),
    ("mpeg2", "mpeg2video"),
    ("mpeg-2", "mpeg2video"),
    ("mpeg-4", "mpeg4"),
    ("xvid", "mpeg4"),
    ("divx", "mpeg4"),
    ("dv", "dvvideo"),
    ("jpeg", "mjpeg"),
    ("jpg", "mjpeg"),
    ("j2k", "jpeg2000"),
    ("cineform", "cfhd"),
];

/// Whether `text` may be the name of a codec.
pub(crate) fn is_codec(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// The name in ffmpeg's terms, in lower case.
pub(crate) fn canonical(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    let known = ALIASES.iter().find(|(alias, _)| *alias == text);
    known.map_or(text, |(_, name)| (*name).to_owned())
}
