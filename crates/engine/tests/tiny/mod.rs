//! Two tiny two-tower models on a model hub of this machine, and a home folder whose registry has them.
//!
//! They see the mean colour of a picture and know the words red and blue. One is of CLIP's family with
//! vectors of three values, the other of SigLIP 2's with four.

#![allow(dead_code, reason = "each test file uses its own part")]

#[path = "../../../infer/tests/fetch/server.rs"]
mod server;

use fs_err as fs;
use rushes_infer::{
    onnx::{Attribute, Element, GraphWriter},
    registry::Sha256Digest,
};
use server::{Reply, Server};
use std::{
    env,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
};
use tempfile::TempDir;

/// Keys of the two.
pub const A: &str = "tiny-a";
pub const B: &str = "tiny-b";

const WORDS: &str = r#"{
    "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
    "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
    "model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": {"<pad>": 0, "<eos>": 1, "<unk>": 2,
        "<|startoftext|>": 3, "<|endoftext|>": 4, "red": 5, "blue": 6}}}"#;

/// Values of the tokens in [`WORDS`], in red, green, blue and one more dimension.
const MEANINGS: [[f32; 4]; 7] = [
    [0.0; 4],
    [0.0, 0.0, 0.0, 0.1],
    [0.0, 0.1, 0.0, 0.0],
    [0.0; 4],
    [0.0, 0.1, 0.0, 0.0],
    [1.0, -1.0, -1.0, 0.0],
    [-1.0, -1.0, 1.0, 0.0],
];

struct Tower {
    family: &'static str,
    side: i64,
    tokens: i64,
    dimensions: usize,
    picture: &'static str,
    words: &'static str,
}

const TOWERS: [(&str, Tower); 2] = [
    (
        A,
        Tower {
            family: "clip",
            side: 224,
            tokens: 77,
            dimensions: 3,
            picture: "image_embeds",
            words: "text_embeds",
        },
    ),
    (
        B,
        Tower {
            family: "siglip2",
            side: 256,
            tokens: 64,
            dimensions: 4,
            picture: "pooler_output",
            words: "pooler_output",
        },
    ),
];

impl Tower {
    /// The mean colour; a fourth dimension is 0.
    fn vision(&self) -> Vec<u8> {
        let mut graph = GraphWriter::new();
        graph.input("pixel_values", Element::F32, &[-1, 3, self.side, self.side]);
        graph.node("GlobalAveragePool", &["pixel_values"], "mean", vec![]);
        graph.node("Flatten", &["mean"], "colour", vec![]);
        let row = |row: usize| (0..self.dimensions).map(move |column| f32::from(row == column));
        let identity: Vec<f32> = (0..3).flat_map(row).collect();
        graph.floats("identity", &[3, self.dimensions as i64], &identity);
        graph.node("MatMul", &["colour", "identity"], self.picture, vec![]);
        graph.output(self.picture, Element::F32, &[-1, self.dimensions as i64]);
        graph.into_bytes()
    }

    /// The sum of what the tokens mean.
    fn text(&self) -> Vec<u8> {
        let mut graph = GraphWriter::new();
        graph.input("input_ids", Element::I64, &[-1, self.tokens]);
        let table: Vec<f32> =
            MEANINGS.iter().flat_map(|meaning| &meaning[..self.dimensions]).copied().collect();
        let sides = [MEANINGS.len() as i64, self.dimensions as i64];
        graph.floats("table", &sides, &table);
        graph.node("Gather", &["table", "input_ids"], "meanings", vec![]);
        let over_tokens = vec![Attribute::ints("axes", &[1]), Attribute::int("keepdims", 0)];
        graph.node("ReduceMean", &["meanings"], self.words, over_tokens);
        graph.output(self.words, Element::F32, &[-1, self.dimensions as i64]);
        graph.into_bytes()
    }

    fn files(&self) -> [(&'static str, Vec<u8>); 3] {
        [
            ("vision.onnx", self.vision()),
            ("text.onnx", self.text()),
            ("tokenizer.json", WORDS.as_bytes().to_vec()),
        ]
    }

    fn entry(&self, key: &str) -> String {
        let mut entry = format!(
            "[[entry]]\nkey = \"{key}\"\nname = \"Tiny\"\nkind = \"visual\"\nlicense = \"MIT\"\n\
             family = \"{}\"\ndimensions = {}\nresolution = {}\nrequires = [\"onnxruntime\"]\n",
            self.family, self.dimensions, self.side
        );
        for (name, content) in self.files() {
            entry += &format!(
                "[[entry.files]]\nname = \"{name}\"\nbytes = {}\nsha256 = \"{}\"\n\
                 source.hub = {{ repo = \"tiny/{key}\", revision = \"0123\", path = \"{name}\" }}\n",
                content.len(),
                Sha256Digest::of(&content)
            );
        }
        entry
    }
}

/// Opens or shuts the way to the hub's files.
#[derive(Default)]
struct Gate {
    shut: Mutex<bool>,
    changed: Condvar,
}

/// The hub that has the files of both.
pub struct Hub {
    server: Server,
    gate: Arc<Gate>,
}

impl Hub {
    pub fn start() -> Self {
        let gate = Arc::new(Gate::default());
        let seen = Arc::clone(&gate);
        let server = Server::start(move |request, _| {
            let shut = seen.shut.lock().unwrap();
            drop(seen.changed.wait_while(shut, |shut| *shut).unwrap());
            let found = TOWERS.iter().flat_map(|(key, tower)| {
                let path = move |name| format!("/tiny/{key}/resolve/0123/{name}");
                tower.files().map(|(name, content)| (path(name), content))
            });
            let found = found.into_iter().find(|(path, _)| *path == request.path);
            found.map_or(Reply::of(404, b""), |(_, content)| Reply::file(&content, request))
        });
        Self { server, gate }
    }

    pub fn endpoint(&self) -> String {
        self.server.endpoint.clone()
    }

    /// Has requests wait until the hub is opened again.
    pub fn set_shut(&self, shut: bool) {
        *self.gate.shut.lock().unwrap() = shut;
        self.gate.changed.notify_all();
    }

    /// How many files were asked for.
    pub fn requests(&self) -> usize {
        self.server.requests().len()
    }
}

/// A home folder with ONNX Runtime and these models in its registry, none of them on disk.
pub fn home(keys: &[&str]) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let models = home.path().join("models");
    fs::create_dir(&models).unwrap();
    let runtime = installed_models().join("onnxruntime");
    assert!(runtime.is_dir(), "{} is not there: run `make setup`", runtime.display());
    std::os::unix::fs::symlink(runtime, models.join("onnxruntime")).unwrap();
    register(home.path(), keys);
    home
}

/// Lays a model's files on disk.
pub fn install(home: &Path, key: &str) {
    let folder = home.join("models").join(key);
    fs::create_dir_all(&folder).unwrap();
    let (_, tower) = TOWERS.iter().find(|(known, _)| *known == key).unwrap();
    for (name, content) in tower.files() {
        fs::write(folder.join(name), content).unwrap();
    }
}

/// Writes a home folder's own registry.
pub fn register(home: &Path, keys: &[&str]) {
    let named = TOWERS.iter().filter(|(key, _)| keys.contains(key));
    let entries: String = named.map(|(key, tower)| tower.entry(key)).collect();
    fs::write(home.join("models.toml"), entries).unwrap();
}

fn installed_models() -> PathBuf {
    let home = env::var_os("RUSHES_HOME")
        .map_or_else(|| env::home_dir().unwrap().join(".rushes"), PathBuf::from);
    home.join("models")
}
