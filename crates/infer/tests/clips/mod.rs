//! Frames of the footage that set-up installs.

#![allow(clippy::expect_used, reason = "a test that cannot be set up has failed")]
#![allow(dead_code, reason = "each test file uses its own part")]

use rushes_model::Picture;
use std::path::PathBuf;

/// The frame of a clip at a second, at its own size or another.
pub fn frame(clip: &str, second: f64, size: Option<(u32, u32)>) -> Picture {
    let filters =
        size.map_or("null".to_owned(), |(width, height)| format!("scale={width}:{height}"));
    ffmpeg(&input_of(clip, second), &filters)
}

/// What ffmpeg is told to read for that.
pub fn input_of(clip: &str, second: f64) -> Vec<String> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("RUSHES_TEST_MEDIA").map(PathBuf::from);
    let path = folder.unwrap_or_else(|| workspace.join(".cache/media")).join(clip);
    assert!(path.is_file(), "{} is not there: run `make setup`", path.display());
    vec!["-ss".to_owned(), second.to_string(), "-i".to_owned(), path.display().to_string()]
}

/// The first frame of what ffmpeg reads, filtered.
#[expect(clippy::disallowed_methods, reason = "only `media` starts processes, and tests")]
pub fn ffmpeg(input: &[String], filters: &str) -> Picture {
    let output = std::process::Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error"])
        .args(input)
        .args(["-frames:v", "1", "-vf", filters, "-c:v", "ppm", "-f", "image2pipe", "-"])
        .output()
        .expect("ffmpeg runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    read_ppm(&output.stdout)
}

/// "P6 width height 255", then the pixels.
fn read_ppm(ppm: &[u8]) -> Picture {
    let mut parts = ppm.splitn(4, |&byte| byte.is_ascii_whitespace());
    let mut word = || parts.next().expect("a ppm header");
    assert_eq!(word(), b"P6");
    let mut side = || std::str::from_utf8(word()).expect("text").parse().expect("a number");
    let (width, height): (u32, u32) = (side(), side());
    let rest = parts.next().expect("pixels");
    let pixels = rest.strip_prefix(b"255\n").expect("8 bits a channel").to_vec();
    Picture::new(width, height, pixels).expect("a whole frame")
}
