//! Changing the model: what is analysed by one stays, what is searched is the other's, and models that
//! are not there are named.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;
mod tiny;

use common::{Studio, files_below, make_clip, text};
use fs_err as fs;
use rushes_engine::{
    Config, Engine,
    replies::Task,
    requests::{AnalyzeRequest, LoadModelRequest, SearchTextRequest},
};
use rushes_model::{ErrorCode, Failure, TaskState};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};
use tiny::{A, B, Hub};

/// A studio with the tiny models, and a red and a blue clip.
struct Bench {
    studio: Studio,
    hub: Hub,
    clips: [PathBuf; 2],
}

fn open(home: &Path, hub: &Hub) -> Result<Engine, Failure> {
    Engine::open(Config { hub_endpoint: Some(hub.endpoint()), ..Config::at(home) })
}

impl Bench {
    fn new() -> Self {
        let (hub, home) = (Hub::start(), tiny::home(&[A, B]));
        let engine = open(home.path(), &hub).unwrap();
        let clips = ["red", "blue"].map(|colour| {
            let path = home.path().join(format!("{colour}.mp4"));
            let source = format!("color={colour}:size=128x96:duration=2");
            make_clip(&path, &["-f", "lavfi", "-i", &source]);
            path
        });
        let studio = Studio { engine, home, cache: tempfile::tempdir().unwrap() };
        Self { studio, hub, clips }
    }

    /// The same home and folder as another process sees them.
    fn reopen(&mut self) {
        self.studio.engine = open(self.studio.home.path(), &self.hub).unwrap();
    }

    fn start_load(&self, key: &str) -> String {
        let request = LoadModelRequest { model_key: key.to_owned() };
        self.studio.engine.load_model(&request).unwrap().task_id
    }

    fn ended(&self, task: &str) -> Task {
        let begun = Instant::now();
        loop {
            let task = self.studio.engine.task(task).unwrap();
            if !matches!(task.state, TaskState::Queued | TaskState::Running) {
                return task;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{task:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn load(&self, key: &str) {
        let task = self.ended(&self.start_load(key));
        assert_eq!(task.state, TaskState::Completed, "{task:?}");
    }

    fn analyze(&self) {
        let (task, _) = self.studio.analyze(&self.studio.request(&self.clips));
        assert!(task.state == TaskState::Completed && task.errors.is_empty(), "{task:?}");
    }

    fn search(&self, query: &str) -> Result<Vec<String>, Failure> {
        let request = SearchTextRequest::simple(query, text(self.studio.cache.path()));
        let matches = self.studio.engine.search_text(&request)?.matches;
        Ok(matches.into_iter().map(|found| found.video_path).collect())
    }

    /// Both colours are found by the model that is active.
    fn assert_finds(&self) {
        for (colour, clip) in ["red", "blue"].into_iter().zip(&self.clips) {
            let found = self.search(colour).unwrap();
            assert_eq!((found.len(), &found[0]), (2, &text(clip)), "{colour}");
        }
    }

    fn refusal(&self) -> Failure {
        self.search("red").unwrap_err()
    }

    /// Every file of the analysis folder with its content.
    fn analyses(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = files_below(self.studio.cache.path()).into_iter();
        files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }

    fn is_loading(&self) -> bool {
        self.studio.engine.loaded_models().visual.is_loading
    }

    fn file(&self, key: &str, name: &str) -> PathBuf {
        self.studio.home.path().join("models").join(key).join(name)
    }
}

#[test]
fn analyses_of_two_models_live_side_by_side() {
    let bench = Bench::new();
    bench.load(A);
    bench.analyze();
    bench.assert_finds();
    let of_a = bench.analyses();

    bench.load(B);
    let refused = bench.refusal();
    assert_eq!(refused.code, ErrorCode::BadRequest);
    assert!(refused.message.contains("analysed with tiny-a, not with tiny-b"), "{refused}");
    assert!(refused.message.contains("load tiny-a with POST /models/load"), "{refused}");

    bench.analyze();
    bench.assert_finds();
    let of_both = bench.analyses();
    assert_eq!(of_both.len(), 2 * of_a.len());
    assert!(of_a.iter().all(|(path, content)| of_both.get(path) == Some(content)));

    // What the refusal advises works, and nothing is analysed or fetched again.
    let fetched = bench.hub.requests();
    bench.load(A);
    bench.assert_finds();
    assert_eq!((bench.analyses() == of_both, bench.hub.requests()), (true, fetched));

    // A forced analysis by the one leaves the other's.
    let again = AnalyzeRequest {
        force: true,
        visual_model_key: Some(B.to_owned()),
        ..bench.studio.request(&bench.clips)
    };
    bench.studio.analyze(&again);
    let after = bench.analyses();
    assert!(of_a.iter().all(|(path, content)| after.get(path) == Some(content)));
    bench.assert_finds();
}

#[test]
fn while_a_model_is_made_active_callers_are_told_to_wait() {
    let bench = Bench::new();
    bench.load(A);
    bench.analyze();
    bench.hub.set_shut(true);
    let task = bench.start_load(B);
    assert!(bench.is_loading());
    let refused = bench.refusal();
    assert_eq!(refused.code, ErrorCode::Loading, "{refused}");
    assert!(refused.message.contains(B), "{refused}");
    let request = bench.studio.request(&bench.clips);
    assert_eq!(bench.studio.engine.analyze(&request).unwrap_err().code, ErrorCode::Loading);
    // Who names a model is not concerned.
    let named = AnalyzeRequest { visual_model_key: Some(A.to_owned()), ..request };
    assert_eq!(bench.studio.analyze(&named).0.state, TaskState::Completed);

    bench.hub.set_shut(false);
    assert_eq!(bench.ended(&task).state, TaskState::Completed);
    assert!(!bench.is_loading());
    let loaded = bench.studio.engine.loaded_models().visual;
    assert_eq!(loaded.model_key.as_deref(), Some(B));
    bench.analyze();
    bench.assert_finds();
}

#[test]
fn a_later_load_takes_the_place_of_an_earlier_one() {
    let bench = Bench::new();
    bench.load(A);
    bench.analyze();
    bench.hub.set_shut(true);
    let earlier = bench.start_load(B);
    let later = bench.start_load(A);
    assert_eq!(bench.ended(&later).state, TaskState::Completed);
    bench.assert_finds();
    bench.hub.set_shut(false);
    assert_eq!(bench.ended(&earlier).state, TaskState::Cancelled);
    assert!(!bench.is_loading());
    bench.assert_finds();
}

#[test]
fn a_load_that_fails_leaves_the_model_that_was_active() {
    let bench = Bench::new();
    bench.load(A);
    bench.analyze();
    // Nobody can make a folder where a file is.
    fs::write(bench.studio.home.path().join("models").join(B), "in the way").unwrap();
    let task = bench.ended(&bench.start_load(B));
    assert_eq!(task.state, TaskState::Failed);
    assert!(!bench.is_loading());
    bench.assert_finds();
}

#[test]
fn a_half_fetched_model_is_named_and_load_completes_it() {
    let mut bench = Bench::new();
    bench.load(A);
    bench.analyze();
    let [vision, words] = ["vision.onnx", "tokenizer.json"].map(|name| bench.file(A, name));
    let whole = fs::read(&vision).unwrap();
    for (short, path) in [(true, &vision), (false, &words)] {
        if short {
            fs::write(path, &whole[..whole.len() / 2]).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        bench.reopen();
        let state = if short { "is not whole" } else { "is not there" };
        let request = bench.studio.request(&bench.clips);
        let refusals = [bench.refusal(), bench.studio.engine.analyze(&request).unwrap_err()];
        for refused in refusals {
            assert_eq!(refused.code, ErrorCode::BadRequest, "{refused}");
            for part in [&text(path), state, "`rushes models pull tiny-a`"] {
                assert!(refused.message.contains(part), "{part:?} is not in {refused}");
            }
        }
        bench.load(A);
        bench.assert_finds();
    }
    assert!(fs::read(&vision).unwrap() == whole);
}

#[test]
fn an_analysis_by_a_model_that_is_gone_says_so() {
    let mut bench = Bench::new();
    bench.load(B);
    bench.analyze();
    // The registry has lost the model that is chosen and that made the analysis.
    tiny::register(bench.studio.home.path(), &[A]);
    bench.reopen();
    assert_eq!(bench.studio.engine.models().active_visual().as_str(), "lite-260");
    bench.load(A);
    let refused = bench.refusal();
    assert_eq!(refused.code, ErrorCode::BadRequest);
    for part in ["analysed with tiny-b", "this Rushes does not have", "again with tiny-a"] {
        assert!(refused.message.contains(part), "{part:?} is not in {refused}");
    }
    let unknown = LoadModelRequest { model_key: B.to_owned() };
    let unknown = bench.studio.engine.load_model(&unknown).unwrap_err();
    assert_eq!(unknown.code, ErrorCode::UnknownModel);
    bench.analyze();
    bench.assert_finds();
}

#[test]
fn a_configured_model_is_advised_about_where_it_is_configured() {
    let bench = Bench::new();
    bench.load(A);
    bench.analyze();
    bench.load(B);
    let home = bench.studio.home.path();
    let configured = |key: &str| {
        let config = Config { hub_endpoint: Some(bench.hub.endpoint()), ..Config::at(home) };
        Engine::open(Config { visual_model: Some(key.parse().unwrap()), ..config })
    };
    let request = SearchTextRequest::simple("red", text(bench.studio.cache.path()));
    let refused = configured(B).unwrap().search_text(&request).unwrap_err();
    assert!(refused.message.contains("name tiny-a as visual_model"), "{refused}");
    assert_eq!(configured(A).unwrap().search_text(&request).unwrap().matches.len(), 2);
    let refused = configured("nowhere").err().unwrap();
    assert!(refused.message.contains("visual_model in the configuration"), "{refused}");
}
