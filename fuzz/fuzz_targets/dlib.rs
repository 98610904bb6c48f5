//! Networks as dlib writes them, and the graph that is built of one.
#![no_main]
#![allow(unused)]

#[path = "../../crates/infer/src/faces/dat.rs"]
mod dat;
#[path = "../../crates/infer/src/onnx/mod.rs"]
mod onnx;
#[path = "../../crates/infer/src/faces/resnet.rs"]
mod resnet;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(network) = dat::Network::read(bytes) {
        let values: usize = network.layers.iter().map(|layer| layer.values.len()).sum();
        assert!(values * 4 <= bytes.len(), "more numbers than the file has");
    }
    let _ = resnet::graph(bytes);
});
