//! Text in the picture, from drawn fixtures on real footage to the moments that `text:` finds.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;

use common::{Studio, clip, config, files_below, installed_home, make_clip, studio, text};
use fs_err as fs;
use rushes_engine::{
    Engine,
    replies::VisualMatch,
    requests::{AnalyzeRequest, CancelRequest, MetadataRequest, SearchTextRequest},
};
use rushes_model::{ErrorCode, Failure, TaskState};
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// One line of drawn text: size in pixels, place of its top left corner, further settings.
type Drawn = (&'static str, u32, u32, u32, &'static str);

const WHITE: &str = "font=DejaVu Sans:fontcolor=white";
const BAR: &str = "font=DejaVu Sans:fontcolor=white:box=1:boxcolor=black@0.5:boxborderw=14";
const DARK: &str = "font=DejaVu Sans:fontcolor=0x222222";

const SLATE: [Drawn; 5] = [
    ("PRODUCTION: NORTHERN LIGHTS", 60, 160, 120, WHITE),
    ("SCENE 12A", 140, 160, 260, WHITE),
    ("TAKE 3", 140, 1160, 260, WHITE),
    ("ROLL A001", 90, 160, 500, WHITE),
    ("CAMERA: J. OKAFOR", 40, 160, 700, WHITE),
];
const LOWER_THIRD: [Drawn; 2] =
    [("Maria Gonzalez", 60, 140, 820, BAR), ("Head of Urban Planning", 40, 140, 930, BAR)];
const SLIDE: [Drawn; 4] = [
    ("Quarterly Results", 120, 160, 100, DARK),
    ("Revenue grew by 14 percent", 60, 220, 360, DARK),
    ("Two new offices opened in Berlin", 48, 220, 520, DARK),
    ("Questions to finance department", 40, 220, 680, DARK),
];

/// Seconds of each shot of [`reel`].
const SHOT: f64 = 2.0;

/// A chain of filters that makes a shot of 1080p and draws on it.
fn drawn(folder: &Path, name: &str, lines: &[Drawn]) -> String {
    let mut filters = "scale=1920:1080,setsar=1,fps=25,format=yuv420p".to_owned();
    for (number, (line, size, x, y, style)) in lines.iter().enumerate() {
        let file = folder.join(format!("{name}{number}.txt"));
        fs::write(&file, line).unwrap();
        let file = text(&file);
        write!(
            filters,
            ",drawtext=textfile={file}:expansion=none:fontsize={size}:x={x}:y={y}:{style}"
        )
        .unwrap();
    }
    filters
}

/// Five shots at 1080p: footage, a slate, footage with a lower third, footage, a slide.
fn reel() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reel.mp4");
    let plain = |colour: &str| format!("color={colour}:size=1920x1080:rate=25");
    let footage =
        ["bikes.mp4", "carphone_pristine.mp4", "bigbuckbunny.mp4"].map(|name| text(&clip(name)));
    let (black, white) = (plain("black"), plain("white"));
    let shots: [(&[&str], &[Drawn]); 5] = [
        (&["-i", &footage[0]], &[]),
        (&["-f", "lavfi", "-i", &black], &SLATE),
        (&["-i", &footage[1]], &LOWER_THIRD),
        (&["-i", &footage[2]], &[]),
        (&["-f", "lavfi", "-i", &white], &SLIDE),
    ];
    let (mut arguments, mut graph, mut outputs) = (Vec::new(), String::new(), String::new());
    for (number, (input, lines)) in shots.iter().enumerate() {
        arguments.extend(["-t", "2"]);
        arguments.extend(*input);
        let filters = drawn(folder.path(), &number.to_string(), lines);
        write!(graph, "[{number}:v]{filters}[v{number}];").unwrap();
        write!(outputs, "[v{number}]").unwrap();
    }
    let graph = format!("{graph}{outputs}concat=n={}[v]", shots.len());
    arguments.extend(["-filter_complex", &graph, "-map", "[v]"]);
    arguments.extend(["-c:v", "libx264", "-preset", "ultrafast", "-crf", "20"]);
    make_clip(&path, &arguments);
    (folder, path)
}

/// Thirty seconds without a cut, on which one line follows the other every ten seconds.
fn talk(folder: &Path) -> PathBuf {
    let path = folder.join("talk.mp4");
    let names = ["Introduction", "Measurements", "Conclusion"];
    let lines = names.map(|name| (name, 60, 300, 400, DARK));
    let mut filters = drawn(folder, "talk", &lines);
    for number in 0..names.len() {
        let (file, from) = (format!("talk{number}.txt:"), 10 * number);
        let shown = format!("{file}enable='gte(t,{from})*lt(t,{})':", from + 10);
        filters = filters.replacen(&file, &shown, 1);
    }
    let source = ["-f", "lavfi", "-i", "color=white:size=1920x1080", "-t", "30", "-vf"];
    make_clip(
        &path,
        &[&source[..], &[&filters], &["-c:v", "libx264", "-preset", "ultrafast"]].concat(),
    );
    path
}

fn reading(studio: &Studio, media: &[PathBuf]) -> AnalyzeRequest {
    AnalyzeRequest { ocr: true, ..studio.request(media) }
}

fn try_search(engine: &Engine, cache_dir: &Path, query: &str) -> Result<Vec<VisualMatch>, Failure> {
    let request = SearchTextRequest::simple(query, text(cache_dir));
    engine.search_text(&request).map(|found| found.matches)
}

/// Files of text below an analysis folder.
fn text_bundles(studio: &Studio) -> Vec<PathBuf> {
    let root = studio.cache.path().join("rushes/text");
    if root.is_dir() { files_below(&root) } else { Vec::new() }
}

/// Whether a moment is shot number `shot` of [`reel`].
fn is_shot(found: &VisualMatch, shot: usize) -> bool {
    let start = SHOT * shot as f64;
    let near = |a: f64, b: f64| (a - b).abs() < 0.2;
    near(found.scene_start_seconds, start) && near(found.scene_end_seconds, start + SHOT)
}

#[test]
fn words_on_slates_lower_thirds_and_slides_are_found_in_their_shots() {
    let studio = studio();
    let (folder, reel) = reel();
    let still = folder.path().join("still.png");
    let sheet = drawn(folder.path(), "still", &[("ENTRANCE CLOSED", 90, 300, 400, DARK)]);
    let page = ["-f", "lavfi", "-i", "color=white:size=1920x1080", "-frames:v", "1"];
    make_clip(&still, &[&page[..], &["-vf", &sheet]].concat());
    let media = [reel, still.clone(), clip("bikes.mp4")];
    let (task, events) = studio.analyze(&reading(&studio, &media));
    assert_eq!((task.state, task.errors.len()), (TaskState::Completed, 0), "{:?}", task.errors);
    assert!(events.is_sorted_by(|a, b| a.progress <= b.progress));

    let shots: [(usize, &[Drawn]); 3] = [(1, &SLATE), (2, &LOWER_THIRD), (4, &SLIDE)];
    let (mut all, mut lost) = (0, Vec::new());
    for (shot, lines) in shots {
        for word in lines.iter().flat_map(|(line, ..)| line.split_whitespace()) {
            all += 1;
            let found = studio.search(&format!("text:\"{word}\""));
            if !found.iter().any(|found| is_shot(found, shot)) {
                lost.push(word);
            }
        }
    }
    assert!(all >= 30 && lost.len() * 20 <= all, "{} of {all} were lost: {lost:?}", lost.len());

    let slate = studio.search("text:\"scene 12a take 3\"");
    assert_eq!(slate.len(), 1);
    assert!(is_shot(&slate[0], 1) && slate[0].similarity > 0.99, "{}", slate[0].similarity);
    assert!((slate[0].time_seconds - 3.0).abs() < 1.0, "{}", slate[0].time_seconds);
    assert!(slate[0].on_screen_text.iter().any(|line| line.contains("OKAFOR")));
    let closed = studio.search("text:closed kind:image");
    assert_eq!((closed.len(), &closed[0].video_path), (1, &text(&still)));
    assert_eq!(closed[0].on_screen_text, ["ENTRANCE CLOSED"]);

    assert!(studio.search("text:zebra").is_empty());
    assert!(studio.search("text:closed kind:video").is_empty());
    let silent = studio.search("people riding bicycles kind:video NOT text:maria");
    assert!(!silent.is_empty() && !silent.iter().any(|found| is_shot(found, 2)));
    // Beside other terms it multiplies: where the words are not, nothing is found.
    let both = studio.search("a face text:gonzalez");
    assert!(both.len() == 1 && is_shot(&both[0], 2), "{}", both.len());
    assert!(both[0].similarity < studio.search("text:gonzalez")[0].similarity);

    let request = MetadataRequest {
        media_paths: vec![text(&still)],
        cache_dir: Some(text(studio.cache.path())),
    };
    let row = studio.engine.media_metadata(&request).unwrap().media.remove(0);
    assert_eq!(row.analysis.unwrap().text, ["pp-ocr-v4"]);
}

#[test]
fn lines_that_follow_each_other_in_a_long_shot_are_all_read() {
    let studio = studio();
    let folder = tempfile::tempdir().unwrap();
    let talk = talk(folder.path());
    let (task, _) = studio.analyze(&reading(&studio, &[talk]));
    assert_eq!((task.state, task.errors.len()), (TaskState::Completed, 0), "{:?}", task.errors);
    for (number, word) in ["introduction", "measurements", "conclusion"].iter().enumerate() {
        let found = studio.search(&format!("text:{word}"));
        assert_eq!(found.len(), 1, "{word}");
        let from = 10.0 * number as f64;
        assert_eq!((found[0].scene_start_seconds, found[0].on_screen_text.len()), (0.0, 3));
        assert!((from..from + 10.0).contains(&found[0].time_seconds), "{}", found[0].time_seconds);
        assert!(
            found[0].more_frames.len() == 5
                && found[0].on_screen_text[number].to_lowercase() == *word
        );
    }
}

#[test]
fn text_that_is_read_later_is_found_and_not_read_again() {
    let studio = studio();
    let (_folder, reel) = reel();
    let media = [reel];
    let query = "text:\"quarterly results\"";
    let cache = studio.cache.path();
    assert_eq!(try_search(&studio.engine, cache, query).unwrap().len(), 0, "nothing is there");
    studio.analyze(&studio.request(&media));
    let visual = files_below(cache);
    let written = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let seen = written(&visual[0]);
    let another_machine = Engine::open(config(studio.home.path())).unwrap();
    for engine in [&studio.engine, &another_machine] {
        let refused = try_search(engine, cache, query).unwrap_err();
        assert_eq!(refused.code, ErrorCode::BadRequest);
        assert!(refused.message.contains("ocr: true"), "{}", refused.message);
    }

    studio.analyze(&reading(&studio, &media));
    assert_eq!(written(&visual[0]), seen, "the pictures were not looked at again");
    assert_eq!(studio.search(query).len(), 1);
    let begun = Instant::now();
    while try_search(&another_machine, cache, query).unwrap().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "late text is never found");
        std::thread::sleep(Duration::from_millis(100));
    }

    let read = text_bundles(&studio);
    let before = written(&read[0]);
    let (_, events) = studio.analyze(&reading(&studio, &media));
    assert_eq!((read.len(), written(&read[0])), (1, before), "read again without force");
    let message = events.last().unwrap().message.clone().unwrap();
    assert!(message.contains("0 analysed, 1 nothing to do"), "{message}");
    studio.analyze(&AnalyzeRequest { force: true, ..reading(&studio, &media) });
    assert!(written(&read[0]) > before && written(&visual[0]) > seen);

    // A damaged bundle is put aside, and what it held can be read again.
    let mut bytes = fs::read(&read[0]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&read[0], bytes).unwrap();
    let third = Engine::open(config(studio.home.path())).unwrap();
    assert_eq!(try_search(&third, cache, query).unwrap_err().code, ErrorCode::BadRequest);
    assert!(!read[0].exists() && cache.join("rushes/quarantine").is_dir());
    assert!(!try_search(&third, cache, "kind:video").unwrap().is_empty());
    let studio = Studio { engine: third, ..studio };
    studio.analyze(&reading(&studio, &media));
    assert_eq!(studio.search(query).len(), 1);
}

#[test]
fn cancelling_while_text_is_read_leaves_the_pictures_and_no_child() {
    let studio = studio();
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("long.mp4");
    let page = drawn(folder.path(), "page", &SLIDE);
    let cuts = "drawbox=color=0x90c0f0:t=fill:enable='mod(floor(t/2),2)'";
    let filters = page.replacen(",drawtext", &format!(",{cuts},drawtext"), 1);
    let source = ["-f", "lavfi", "-i", "color=white:size=1920x1080:rate=5", "-t", "40", "-vf"];
    let coded = ["-c:v", "libx264", "-preset", "ultrafast"];
    make_clip(&long, &[&source[..], &[&filters], &coded].concat());

    let mut events = studio.engine.progress();
    let request = reading(&studio, std::slice::from_ref(&long));
    let started = studio.engine.analyze(&request).unwrap();
    while events.blocking_recv().unwrap().file_progress.is_none_or(|progress| progress < 0.71) {}
    let begun = Instant::now();
    studio.engine.cancel(&CancelRequest { task_id: started.task_id.clone() }).unwrap();
    while !events.blocking_recv().unwrap().done {}
    assert!(begun.elapsed() < Duration::from_secs(2), "it took {:?} to stop", begun.elapsed());
    assert_eq!(common::decoders_of(&long), 0);
    let task = studio.engine.task(&started.task_id).unwrap();
    assert_eq!((task.state, task.errors.len()), (TaskState::Cancelled, 0), "{:?}", task.errors);
    assert_eq!((text_bundles(&studio).len(), files_below(studio.cache.path()).len()), (0, 1));
    assert!(!studio.search("a page").is_empty() || !studio.search("blue").is_empty());
}

#[test]
fn a_reader_that_is_not_there_is_told_before_any_work() {
    let studio = studio();
    let models = studio.home.path().join("models");
    fs::remove_file(&models).unwrap();
    fs::create_dir(&models).unwrap();
    for entry in fs::read_dir(installed_home().join("models")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "pp-ocr-v4" {
            std::os::unix::fs::symlink(entry.path(), models.join(entry.file_name())).unwrap();
        }
    }
    let (task, events) = studio.analyze(&reading(&studio, &[clip("bikes.mp4")]));
    assert_eq!(task.state, TaskState::Failed);
    let message = events.last().unwrap().message.clone().unwrap();
    assert!(message.contains("rushes models pull pp-ocr-v4"), "{message}");
    assert!(files_below(studio.cache.path()).is_empty());
}

#[test]
fn what_cannot_be_read_is_reported_and_its_pictures_stay() {
    let studio = studio();
    let in_the_way = studio.cache.path().join("rushes/text");
    fs::create_dir(studio.cache.path().join("rushes")).unwrap();
    fs::write(&in_the_way, "").unwrap();
    let (task, _) = studio.analyze(&reading(&studio, &[clip("carphone_pristine.mp4")]));
    assert_eq!((task.state, task.errors.len()), (TaskState::Completed, 1));
    assert!(task.errors[0].message.contains("rushes/text"), "{}", task.errors[0].message);
    assert!(!studio.search("a man's face").is_empty());

    let code =
        |query: &str| try_search(&studio.engine, studio.cache.path(), query).unwrap_err().code;
    assert_eq!(code("text:face"), ErrorCode::BadRequest);
    fs::remove_file(&in_the_way).unwrap();
    studio.analyze(&reading(&studio, &[clip("carphone_pristine.mp4")]));
    assert_eq!(code("text:\"?!\""), ErrorCode::BadRequest);
    assert!(studio.search("text:face").is_empty(), "nothing is written there");
    let blind =
        AnalyzeRequest { visual: false, speech: true, ..reading(&studio, &[clip("bikes.mp4")]) };
    let refused = studio.engine.analyze(&blind).unwrap_err();
    assert_eq!(refused.code, ErrorCode::BadRequest);
    assert!(refused.message.contains("visual"), "{}", refused.message);
}
