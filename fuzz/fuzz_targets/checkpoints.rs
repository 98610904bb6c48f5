//! `PyTorch` checkpoints in both forms, and the networks that are built of them.
#![no_main]
#![allow(unused)]

#[path = "../../crates/infer/src/speakers/campplus.rs"]
mod campplus;
#[path = "../../crates/infer/src/lite/efficientnet.rs"]
mod efficientnet;
#[path = "../../crates/infer/src/speakers/fbank.rs"]
mod fbank;
#[path = "../../crates/infer/src/onnx/mod.rs"]
mod onnx;
#[path = "../../crates/infer/src/speakers/pyannet.rs"]
mod pyannet;
#[path = "../../crates/infer/src/torch/mod.rs"]
mod torch;

use arbitrary::{Arbitrary as _, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::io::{Cursor, Write as _};
use zip::{ZipWriter, write::SimpleFileOptions};

/// A file whose form is right.
#[derive(Debug, arbitrary::Arbitrary)]
enum File<'a> {
    /// A zip of a pickle and the storages that it speaks of, whose names begin with `data/`.
    Zip { pickle: &'a [u8], order: Option<&'a [u8]>, storages: Vec<(&'a str, &'a [u8])> },
    /// The older form.
    Pickles { state: &'a [u8], rest: &'a [u8] },
}

fuzz_target!(|input: &[u8]| {
    check(input);
    if let Ok(file) = File::arbitrary_take_rest(Unstructured::new(input)) {
        check(&bytes(&file));
    }
});

fn check(bytes: &[u8]) {
    let Ok(checkpoint) = torch::Checkpoint::read(bytes) else { return };
    for name in ["w", "state.w", "w.weight"] {
        if let Ok(tensor) = checkpoint.tensor(name) {
            assert_eq!(tensor.shape.iter().product::<usize>(), tensor.values.len());
        }
        let _ = checkpoint.folded("w", name, 1e-5);
    }
    let _ = campplus::graph(&checkpoint);
    let _ = pyannet::graph(&checkpoint);
    let _ = efficientnet::graph(&checkpoint);
}

fn bytes(file: &File<'_>) -> Vec<u8> {
    match file {
        File::Zip { pickle, order, storages } => zip(pickle, *order, storages).unwrap_or_default(),
        File::Pickles { state, rest } => {
            let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e";
            [&magic[..], b"\x80\x02M\xe9\x03.", b"\x80\x02}.", state, rest].concat()
        }
    }
}

fn zip(
    pickle: &[u8],
    order: Option<&[u8]>,
    storages: &[(&str, &[u8])],
) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mut member = |name: &str, bytes: &[u8]| {
        writer.start_file(name, SimpleFileOptions::default())?;
        Ok::<_, zip::result::ZipError>(writer.write_all(bytes)?)
    };
    member("a/data.pkl", pickle)?;
    order.map(|order| member("a/byteorder", order)).transpose()?;
    storages.iter().try_for_each(|(key, bytes)| member(&format!("a/data/{key}"), bytes))?;
    Ok(writer.finish()?.into_inner())
}
