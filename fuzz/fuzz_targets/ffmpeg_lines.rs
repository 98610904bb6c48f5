//! What ffmpeg prints while it works: frame times, keyframes, packets, messages.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|output: &[u8]| rushes_media::fuzzing::lines(output));
