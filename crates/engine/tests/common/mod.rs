//! A real engine in a home of its own that borrows the installed models.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use fs_err as fs;
use rushes_engine::{
    Config, Engine,
    replies::{Task, VisualMatch},
    requests::{AnalyzeRequest, SearchTextRequest},
};
use rushes_media::{Limits, Tools, identify};
use rushes_model::{Progress, Sampling};
use rushes_store::{AnalysisFolder, BundleMeta, SpeechBundle, SpokenSegment, SpokenWord, Voice};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// An engine, its home and an analysis folder.
pub struct Studio {
    pub engine: Engine,
    pub home: TempDir,
    pub cache: TempDir,
}

/// Opens an engine that uses the fast embedded model.
pub fn studio() -> Studio {
    let home = tempfile::tempdir().unwrap();
    let models = installed_home().join("models");
    assert!(models.is_dir(), "{} is not there: run `make setup`", models.display());
    std::os::unix::fs::symlink(models, home.path().join("models")).unwrap();
    let engine = Engine::open(config(home.path())).unwrap();
    Studio { engine, home, cache: tempfile::tempdir().unwrap() }
}

pub fn config(home: &Path) -> Config {
    Config { visual_model: Some("lite-260-fast".parse().unwrap()), ..Config::at(home) }
}

/// The home whose models tests borrow.
pub fn installed_home() -> PathBuf {
    let default = || PathBuf::from(env::var_os("HOME").unwrap()).join(".rushes");
    env::var_os("RUSHES_HOME").map_or_else(default, PathBuf::from)
}

/// A clip that set-up installs.
pub fn clip(name: &str) -> PathBuf {
    let folder = env::var_os("RUSHES_TEST_MEDIA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/media"),
        PathBuf::from,
    );
    let path = fs::canonicalize(&folder).unwrap_or(folder).join(name);
    assert!(path.is_file(), "{} is not there: run `make setup`", path.display());
    path
}

/// Makes a clip with ffmpeg; `arguments` stand between the common flags and the output.
pub fn make_clip(output: &Path, arguments: &[&str]) {
    #[allow(clippy::disallowed_methods, reason = "fixtures are made by ffmpeg itself")]
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments)
        .arg(output)
        .status()
        .unwrap();
    assert!(status.success(), "ffmpeg could not make {}", output.display());
}

/// Text of a path, as requests hold it.
pub fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

impl Studio {
    pub fn request(&self, media: &[PathBuf]) -> AnalyzeRequest {
        let paths = media.iter().map(|path| text(path)).collect();
        AnalyzeRequest::of_pictures(text(self.cache.path()), paths, None)
    }

    /// Analyses media to the end; gives the task and all its events.
    pub fn analyze(&self, request: &AnalyzeRequest) -> (Task, Vec<Progress>) {
        let mut receiver = self.engine.progress();
        let id = self.engine.analyze(request).unwrap().task_id;
        let mut events = Vec::new();
        loop {
            let event = receiver.blocking_recv().unwrap();
            if event.task_id.to_string() == id {
                let done = event.done;
                events.push(event);
                if done {
                    return (self.engine.task(&id).unwrap(), events);
                }
            }
        }
    }

    /// A search of everything that leaves nothing out, however little it fits.
    pub fn search(&self, query: &str) -> Vec<VisualMatch> {
        let simple = SearchTextRequest::simple(query, text(self.cache.path()));
        let request = SearchTextRequest { min_similarity: Some(0.0), ..simple };
        self.engine.search_text(&request).unwrap().matches
    }
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

/// Processes whose command line names the file.
pub fn decoders_of(path: &Path) -> usize {
    let name = path.to_str().unwrap().as_bytes();
    let names_it = |pid: fs::DirEntry| {
        let line = fs::read(pid.path().join("cmdline")).unwrap_or_default();
        line.windows(name.len()).any(|part| part == name)
    };
    fs::read_dir("/proc").unwrap().flatten().map(names_it).filter(|found| *found).count()
}

/// A transcript of a clip as another machine makes it, with nothing said yet.
pub fn transcript_of(clip: &Path, model: &str) -> SpeechBundle {
    let identity = identify(clip).unwrap();
    SpeechBundle {
        meta: BundleMeta {
            media_id: identity.media_id,
            hash_str: identity.hash_str,
            model_key: model.parse().unwrap(),
            facts: Tools::locate(Limits::default()).unwrap().probe(clip).unwrap(),
            source_path: clip.to_owned(),
            sampling: Sampling::Full,
            created_at: 0,
            tool_version: "1".to_owned(),
        },
        voice: Voice {
            language: "en".to_owned(),
            track: 0,
            chosen: false,
            speakers: None,
            spaced: true,
        },
        segments: Vec::new(),
        meanings: None,
    }
}

/// Segments by speaker, of words that begin every `step` seconds from then on and last half a second at most.
pub fn spoken(segments: &[(Option<u32>, &str)], step: f64) -> Vec<SpokenSegment> {
    let mut start = 1.0 - step;
    let mut word = |text: &str| {
        start += step;
        let end = start + (step - 0.1).min(0.5);
        SpokenWord { text: text.to_owned(), start, end, probability: 0.9 }
    };
    let mut segment = |(speaker, words): &(Option<u32>, &str)| SpokenSegment {
        speaker: *speaker,
        words: words.split(' ').map(&mut word).collect(),
    };
    segments.iter().map(&mut segment).collect()
}

/// Publishes a transcript of a clip as another machine would, from the first second on two words a second.
pub fn publish_speech(cache: &Path, clip: &Path, model: &str, segments: &[(Option<u32>, &str)]) {
    let bundle = SpeechBundle { segments: spoken(segments, 0.5), ..transcript_of(clip, model) };
    AnalysisFolder::open(cache).unwrap().publish_speech(&bundle).unwrap();
}
