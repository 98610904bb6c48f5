//! Frozen TensorFlow graphs, and the network that is built of one.
#![no_main]
#![allow(unused)]

#[path = "../../crates/infer/src/ssd/frozen.rs"]
mod frozen;
#[path = "../../crates/infer/src/ssd/network.rs"]
mod network;
#[path = "../../crates/infer/src/onnx/mod.rs"]
mod onnx;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(graph) = frozen::FrozenGraph::read(bytes) else { return };
    for name in ["w", "FeatureExtractor/MobilenetV2/Conv/weights"] {
        if let Ok(tensor) = graph.tensor(name) {
            assert_eq!(tensor.shape.iter().product::<usize>(), tensor.values.len());
        }
    }
    let _ = network::graph(&graph);
});
