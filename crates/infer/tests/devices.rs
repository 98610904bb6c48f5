//! Whether the devices that an ONNX Runtime library offers give the processor's vectors. The registry's
//! library has the processor alone, so this is run by hand where there is another one:
//!
//! ```sh
//! RUSHES_TEST_LIBRARY=/path/libonnxruntime.so cargo test -p rushes-infer --test devices -- --ignored
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed set-up is a failed test")]

use rushes_infer::{
    Provider, ProviderChoice, Runtime, VisualModel, open_visual,
    registry::{ModelFolder, Registry},
};
use rushes_model::Picture;
use std::{path::PathBuf, sync::Arc};

fn home() -> PathBuf {
    std::env::var_os("RUSHES_HOME")
        .map_or_else(|| std::env::home_dir().unwrap().join(".rushes"), PathBuf::from)
}

/// Every visual model whose files are on disk.
fn models(runtime: &Runtime) -> Vec<Arc<dyn VisualModel>> {
    let (registry, folder) =
        (Registry::builtin().unwrap(), ModelFolder::new(home().join("models")));
    let keys = registry.visual().map(|entry| &entry.key);
    let open = |key| open_visual(&registry, &folder, key, runtime, 2).ok();
    keys.filter_map(open).collect()
}

/// Bright waves, by formula.
fn picture(seed: u32) -> Picture {
    let value = |x: u32, y: u32, c: u32| ((x * (c + seed)) / 3 + y * y / (20 + 9 * c)) % 256;
    let pixels = (0..360_u32)
        .flat_map(|y| (0..640_u32).flat_map(move |x| (0..3).map(move |c| value(x, y, c) as u8)));
    Picture::new(640, 360, pixels.collect()).unwrap()
}

fn vectors(model: &dyn VisualModel) -> Vec<Vec<f32>> {
    let pictures = (1..4).map(|seed| model.embed_picture(&picture(seed)).unwrap().vector);
    let sentences = ["a dog on a beach", "rain"].map(|text| model.embed_text(text).unwrap().vector);
    pictures.chain(sentences).collect()
}

#[test]
#[ignore = "needs a library for devices, named by RUSHES_TEST_LIBRARY"]
fn every_offered_device_gives_the_processors_vectors() {
    let library = PathBuf::from(std::env::var_os("RUSHES_TEST_LIBRARY").expect("names a library"));
    let runtime = Runtime::load(&library).unwrap();
    println!("{}: offers {:?}", runtime.version(), runtime.offered());
    let on_processor = models(&runtime);
    for provider in runtime.offered().into_iter().filter(|one| *one != Provider::Cpu) {
        let device = runtime.clone().with_provider(ProviderChoice::Only(provider));
        println!("{provider}: runs on {}", device.provider_in_use().unwrap());
        for (there, here) in models(&device).iter().zip(&on_processor) {
            for (there, here) in vectors(&**there).iter().zip(vectors(&**here)) {
                let cosine: f32 = there.iter().zip(&here).map(|(a, b)| a * b).sum();
                assert!(cosine > 0.999, "{provider}: {cosine}");
            }
            println!("{provider}: {} is as on the processor", here.key());
        }
    }
}
