//! Changing the model over HTTP, with two tiny models on a hub of this machine.

use crate::{
    client::{Running, free_port},
    tiny::{self, A, B, Hub},
};
use rushes_engine::Config;
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A server with the tiny models, and a folder with a red and a blue picture.
struct Bench {
    server: Running,
    hub: Hub,
    footage: TempDir,
    cache: TempDir,
}

impl Bench {
    fn new() -> Self {
        let (hub, home) = (Hub::start(), tiny::home(&[A, B]));
        let config = Config { hub_endpoint: Some(hub.endpoint()), ..Config::at(home.path()) };
        let server = Running::start_with(free_port(), home, config);
        let footage = tempfile::tempdir().unwrap();
        for (name, colour) in [("red.png", [250, 10, 10]), ("blue.png", [10, 10, 250])] {
            let picture = image::RgbImage::from_pixel(64, 48, image::Rgb(colour));
            picture.save(footage.path().join(name)).unwrap();
        }
        Self { server, hub, footage, cache: tempfile::tempdir().unwrap() }
    }

    /// Starts a task, which is accepted.
    fn start(&self, path: &str, body: &Value) -> String {
        let answer = self.server.post(path, body);
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["task_id"].as_str().unwrap().to_owned()
    }

    fn start_load(&self, key: &str) -> String {
        self.start("/api/v1/models/load", &json!({ "model_key": key }))
    }

    fn wait_for(&self, task: &str) {
        let begun = Instant::now();
        loop {
            let task = self.server.get(&format!("/api/v1/tasks/{task}")).json();
            match task["state"].as_str().unwrap() {
                "queued" | "running" => thread::sleep(Duration::from_millis(10)),
                state => return assert_eq!(state, "completed", "{task}"),
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{task}");
        }
    }

    fn load(&self, key: &str) {
        self.wait_for(&self.start_load(key));
    }

    fn analyze(&self) {
        let body = json!({
            "cache_dir": self.cache.path(), "media_paths": [self.footage.path()], "speech": false,
        });
        self.wait_for(&self.start("/api/v1/analyze", &body));
    }

    fn search(&self, query: &str) -> crate::client::Answer {
        let body = json!({ "query": query, "cache_dir": self.cache.path() });
        self.server.post("/api/v1/search/text", &body)
    }

    fn assert_finds(&self) {
        for colour in ["red", "blue"] {
            let found = self.search(colour).json();
            let path = found["matches"][0]["video_path"].as_str().unwrap_or_default();
            assert!(path.ends_with(&format!("{colour}.png")), "{colour}: {found}");
        }
    }

    fn visual(&self) -> Value {
        self.server.get("/api/v1/models/loaded").json()["visual"].clone()
    }
}

#[test]
fn a_model_is_fetched_and_made_active_while_searches_wait() {
    let bench = Bench::new();
    bench.load(A);
    bench.analyze();
    bench.assert_finds();
    assert_eq!(bench.visual(), json!({ "model_key": A, "is_loading": false }));

    bench.hub.set_shut(true);
    let task = bench.start_load(B);
    assert_eq!(bench.visual(), json!({ "model_key": A, "is_loading": true }));
    let refused = bench.search("red");
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    assert!(refused.refusal(503).contains(B));
    bench.hub.set_shut(false);
    bench.wait_for(&task);
    assert_eq!(bench.visual(), json!({ "model_key": B, "is_loading": false }));

    let refused = bench.search("red").refusal(400);
    assert!(refused.contains("load tiny-a with POST /models/load"), "{refused}");
    bench.analyze();
    bench.assert_finds();
    bench.load(A);
    bench.assert_finds();
}

#[test]
fn available_models_tell_what_is_on_disk_and_active() {
    let bench = Bench::new();
    let known = |key: &str| {
        let models = bench.server.get("/api/v1/models/available").json();
        let all = models["visual"].as_array().unwrap().iter();
        let model = all.clone().find(|model| model["model_key"] == key).unwrap();
        (model["is_downloaded"] == true, model["is_active"] == true)
    };
    assert_eq!((known(A), known(B)), ((false, false), (false, false)));
    bench.load(B);
    assert_eq!((known(A), known(B)), ((false, false), (true, true)));
}

#[test]
fn a_model_that_is_not_there_is_a_400_that_says_what_to_do() {
    let bench = Bench::new();
    let unknown = bench.server.post("/api/v1/models/load", &json!({ "model_key": "tiny-c" }));
    let message = unknown.refusal(400);
    assert!(message.contains("tiny-c") && message.contains(A) && message.contains(B), "{message}");

    let analyze = json!({
        "cache_dir": bench.cache.path(), "media_paths": [bench.footage.path()],
        "visual_model_key": A,
    });
    let message = bench.server.post("/api/v1/analyze", &analyze).refusal(400);
    assert!(message.contains("`rushes models pull tiny-a`"), "{message}");

    bench.load(A);
    bench.analyze();
    let tower = bench.server.home.path().join("models/tiny-a/text.onnx");
    fs_err::remove_file(&tower).unwrap();
    let message = bench.server.post("/api/v1/analyze", &analyze).refusal(400);
    assert!(message.contains("text.onnx, which is not there"), "{message}");
    bench.load(A);
    bench.assert_finds();
}
