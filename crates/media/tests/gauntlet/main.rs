//! Every hostile file through every call that opens media: nobody is called, nothing panics or hangs, and
//! this process stays as small as it was. One test, because it measures this process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, helpers included")]

mod files;
#[path = "../fixtures/mod.rs"]
mod fixtures;

use files::Hostile;
use fixtures::Fixtures;
use rushes_media::{
    Cancel, Codec, Cut, CutMode, DecodePlan, MediaError, Pass, Tools, estimate, extension, identify,
};
use rushes_model::{MediaFacts, Sampling, TimeRange};
use std::{
    collections::BTreeSet,
    io::ErrorKind,
    net::TcpListener,
    panic,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// By the clock, for one call on one file.
const SOON: Duration = Duration::from_secs(10);
/// Growth of this process that counts as none, in kilobytes.
const GROWTH: u64 = 50 << 10;

/// The name of an error that a file may end in; of one that it must not, the message.
fn name(error: &MediaError) -> String {
    let name = match error {
        MediaError::NotAFile { .. } => "NotAFile",
        MediaError::Empty(_) => "Empty",
        MediaError::NotMedia { .. } => "NotMedia",
        MediaError::NoStreams(_) => "NoStreams",
        MediaError::NoFrames(_) => "NoFrames",
        MediaError::NoPictures(_) => "NoPictures",
        MediaError::NoSound(_) => "NoSound",
        MediaError::NoDecoder { .. } => "NoDecoder",
        MediaError::OverLimit { .. } => "OverLimit",
        MediaError::Decode { .. } => "Decode",
        MediaError::StillPicture(_) => "StillPicture",
        MediaError::OutOfRange { .. } => "OutOfRange",
        MediaError::BadCut { .. } => "BadCut",
        MediaError::Cut { .. } => "Cut",
        MediaError::TooLarge { .. } => "TooLarge",
        other => return format!("UNEXPECTED {other}"),
    };
    name.to_owned()
}

/// What a file claims when nobody has looked: the calls after a probe must hold on their own, since a file
/// may change behind one.
fn claims() -> MediaFacts {
    serde_json::from_str(
        r#"{"kind":"video","size_bytes":9,"duration_seconds":2.0,"width":160,"height":90,
        "frame_rate":"25/1","variable_frame_rate":false,"start_timecode":null,"start_time":0.0,
        "rotation":0,"video_codec":"h264","audio_codec":"aac","audio_tracks":1,"created_at":null}"#,
    )
    .unwrap()
}

struct Run<'a> {
    tools: &'a Tools,
    path: &'a Path,
    outcomes: Vec<(&'static str, String)>,
}

impl Run<'_> {
    fn call<T>(
        &mut self,
        call: &'static str,
        work: impl FnOnce() -> Result<T, MediaError>,
    ) -> Option<T> {
        let start = Instant::now();
        let result = work();
        let took = start.elapsed();
        assert!(took < SOON, "{call} of {} took {took:?}", self.path.display());
        let outcome = result.as_ref().err().map_or("ok".to_owned(), name);
        assert!(!outcome.starts_with("UNEXPECTED"), "{call} of {}: {outcome}", self.path.display());
        self.outcomes.push((call, outcome));
        result.ok()
    }

    fn everything(&mut self) {
        let (tools, path) = (self.tools, self.path);
        self.call("identify", || identify(path));
        let facts = self.call("probe", || tools.probe(path)).unwrap_or_else(claims);
        let forced = || {
            let whole = Pass::Whole { covered: BTreeSet::new() };
            DecodePlan { passes: vec![Pass::Keyframes { reordered: false }, Pass::InPoints, whole] }
        };
        let plan = self.call("plan", || tools.plan(path, &facts, Sampling::Full));
        for pass in plan.unwrap_or_else(forced).passes {
            let frames = || tools.frames(path, &facts, &pass, 96, &Cancel::new());
            self.call("frames", || frames()?.try_for_each(|frame| frame.map(drop)));
        }
        let sound = || tools.sound(path, &facts, 0, &Cancel::new());
        self.call("sound", || sound()?.try_for_each(|block| block.map(drop)));
        self.call("thumbnail", || tools.thumbnail(path, &facts, 0.0, 80));
        let times = [0.2, 0.9, 1.5];
        for picture in tools.thumbnails(path, &facts, &times, 80, |_, picture| picture) {
            self.call("thumbnails", || picture);
        }
        self.call("still", || tools.read_image(path));
        self.cuts(&facts);
    }

    fn cuts(&mut self, facts: &MediaFacts) {
        let (tools, path) = (self.tools, self.path);
        for mode in [CutMode::Copy, CutMode::Reencode(Codec::H264)] {
            let target = path.with_file_name("clip").with_extension(extension(facts, path, mode));
            let cut = Cut { range: TimeRange { start: 0.2, end: 1.2 }, mode };
            let _ = estimate(facts, &cut);
            let done = self.call("cut", || tools.cut(path, facts, &cut, &target, |_| ()));
            assert_eq!(target.exists(), done.is_some(), "{}", path.display());
            let _ = fs_err::remove_file(&target);
        }
    }
}

/// A figure of this process in kilobytes.
fn memory(name: &str) -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn hostile_files_through_every_call() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        print(info);
    }));
    let made = Fixtures::new();
    println!("{}", made.tools.sandbox());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let files = files::all(&made, listener.local_addr().unwrap().port());
    // What the first call of each kind keeps for good is no growth.
    let warm = made.path("good.mp4");
    Run { tools: &made.tools, path: &warm, outcomes: Vec::new() }.everything();

    let (before, start) = (memory("VmRSS:"), Instant::now());
    let mut longest = (Duration::ZERO, &files[0].path);
    let mut wrong = Vec::new();
    for Hostile { path, probe } in &files {
        let began = Instant::now();
        let mut run = Run { tools: &made.tools, path, outcomes: Vec::new() };
        run.everything();
        longest = longest.max((began.elapsed(), path));
        println!("{:?} {:.1?}: {:?}", path.file_name().unwrap(), began.elapsed(), run.outcomes);
        if run.outcomes[1].1 != *probe {
            wrong.push(format!("{}: {} is not {probe}", path.display(), run.outcomes[1].1));
        }
    }
    let growth = memory("VmRSS:").saturating_sub(before);
    println!(
        "{} files in {:.1?}, the longest {:.1?} ({}); grown by {growth} kB, at most {} kB in all",
        files.len(),
        start.elapsed(),
        longest.0,
        longest.1.display(),
        memory("VmHWM:"),
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(growth < GROWTH, "grown by {growth} kB");
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}
