//! Still pictures that are decoded in our own process: recognised, measured, and decoded within limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rushes_fuzz::file;
use rushes_media::{Limits, Tools};
use std::sync::OnceLock;

/// Found once; no process is started with it here.
static TOOLS: OnceLock<Tools> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let limits = || Limits { max_pixels: 1 << 22, ..Limits::default() };
    let tools = TOOLS.get_or_init(|| Tools::locate(limits()).expect("ffmpeg is installed"));
    let path = file("still", bytes).expect("there is room");
    rushes_media::fuzzing::still(tools, &path);
    let _ = rushes_media::read_preview(bytes);
});
