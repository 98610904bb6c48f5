//! Corrections of transcripts and names of speakers: that they hold, for every model and machine.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;

use common::{Studio, clip, config, publish_speech, studio, text};
use fs_err as fs;
use rushes_engine::{
    Engine,
    replies::{Segment, SpeakerNames, TranscriptMatch},
    requests::{
        AnalyzeRequest, CorrectTranscriptRequest, NameSpeakersRequest, SearchTranscriptRequest,
        TranscriptMode, TranscriptionsRequest,
    },
};
use rushes_model::{ErrorCode, Failure};
use rushes_store::{Analysis, AnalysisFolder, SpeechBundleFile};
use std::path::{Path, PathBuf};

const MODEL: &str = "whisper-tiny.en";
const OTHER: &str = "whisper-tiny";

fn segments(engine: &Engine, cache: &Path, medium: &Path) -> Vec<Segment> {
    let request = TranscriptionsRequest {
        cache_dir: text(cache),
        media_paths: vec![text(medium)],
        words: true,
    };
    engine.transcriptions(&request).unwrap().transcriptions.remove(0).segments
}

fn read(studio: &Studio, medium: &Path) -> Vec<Segment> {
    segments(&studio.engine, studio.cache.path(), medium)
}

fn texts(segments: &[Segment]) -> Vec<&str> {
    segments.iter().map(|one| one.text.as_str()).collect()
}

fn correct(
    studio: &Studio,
    medium: &Path,
    (start_seconds, end_seconds): (f64, f64),
    said: Option<&str>,
) -> Result<Vec<Segment>, Failure> {
    let request = CorrectTranscriptRequest {
        cache_dir: text(studio.cache.path()),
        media_path: text(medium),
        start_seconds,
        end_seconds,
        text: said.map(str::to_owned),
    };
    studio.engine.correct_transcript(&request).map(|page| page.segments)
}

fn name(studio: &Studio, medium: &Path, names: &[(&str, &str)]) -> Result<SpeakerNames, Failure> {
    let names = names.iter().map(|(label, name)| ((*label).to_owned(), (*name).to_owned()));
    let request = NameSpeakersRequest {
        cache_dir: text(studio.cache.path()),
        media_path: text(medium),
        names: names.collect(),
    };
    studio.engine.name_speakers(&request)
}

fn find(studio: &Studio, query: &str) -> Vec<TranscriptMatch> {
    let request = SearchTranscriptRequest::simple(query, text(studio.cache.path()));
    studio.engine.search_transcript(&request).unwrap().matches
}

fn listen(studio: &Studio, medium: &Path, force: bool) {
    let request = AnalyzeRequest {
        speech: true,
        speech_model_key: Some(MODEL.to_owned()),
        force,
        ..studio.request(&[medium.to_owned()])
    };
    let (task, _) = studio.analyze(&request);
    assert!(task.errors.is_empty(), "{:?}", task.errors);
}

/// "He might even have been made amiable himself."
fn voice() -> PathBuf {
    clip("sense_and_sensibility_01_austen_64kb-0930.wav")
}

#[test]
fn a_correction_of_real_speech_outlives_every_other_look() {
    let (studio, voice) = (studio(), voice());
    listen(&studio, &voice, false);
    let heard = read(&studio, &voice);
    assert_eq!(texts(&heard), ["He might even have been made amiable himself."]);
    assert!(!heard[0].edited);
    let range = (heard[0].start_seconds, heard[0].end_seconds);

    let right = "He might even have been made\n quite amiable,  himself. ";
    let said = correct(&studio, &voice, range, Some(right)).unwrap();
    assert_eq!(texts(&said), ["He might even have been made quite amiable, himself."]);
    let check = |now: &[Segment]| {
        assert_eq!(texts(now), ["He might even have been made quite amiable, himself."]);
        assert!(now[0].edited);
        let words = now[0].words.as_ref().unwrap();
        let before = heard[0].words.as_ref().unwrap();
        assert_eq!(
            words[8].start_seconds, before[7].start_seconds,
            "what was heard keeps its time"
        );
        assert!(words[6].start_seconds < words[6].end_seconds && words[6].probability == 1.0);
    };
    check(&said);
    assert_eq!(
        find(&studio, "made quite amiable himself").len(),
        1,
        "searches find the correction"
    );
    assert_eq!(find(&studio, "made amiable").len(), 0, "and not what it took the place of");

    listen(&studio, &voice, true);
    check(&read(&studio, &voice));
    publish_speech(studio.cache.path(), &voice, OTHER, &[(None, "he mite uneven amiable")]);
    fs::remove_dir_all(studio.cache.path().join("rushes/speech").join(MODEL)).unwrap();
    let other = read(&studio, &voice);
    assert_eq!(texts(&other), ["He might even have been made quite amiable, himself."]);

    correct(&studio, &voice, range, None).unwrap();
    assert_eq!(texts(&read(&studio, &voice)), ["he mite uneven amiable"], "taken back");
}

#[test]
fn a_correction_is_found_by_its_meaning_and_no_model_is_said_to_have_heard_it() {
    let (studio, voice) = (studio(), voice());
    let heard =
        [(None, "he might even have been"), (None, "made amiable himself"), (None, "so it was")];
    publish_speech(studio.cache.path(), &voice, MODEL, &heard);
    correct(&studio, &voice, (3.6, 5.0), Some("A dog runs on the beach.")).unwrap();
    // What was heard before the encoder was there is not heard again: its meaning alone is added.
    listen(&studio, &voice, false);
    let folder = AnalysisFolder::open(studio.cache.path()).unwrap();
    let entries = folder.list(Analysis::Speech).unwrap();
    let SpeechBundleFile { speech, meanings } = SpeechBundleFile::open(&entries[0].path).unwrap();
    let texts: Vec<String> = speech.segments.iter().map(|one| one.text(&speech.voice)).collect();
    assert_eq!(texts, heard.map(|(_, text)| text), "a bundle holds what was heard");
    assert!(meanings.is_some());

    let alike = |query: &str| {
        let simple = SearchTranscriptRequest::simple(query, text(studio.cache.path()));
        let request = SearchTranscriptRequest { mode: TranscriptMode::Semantic, ..simple };
        let found = studio.engine.search_transcript(&request).unwrap().matches;
        found.into_iter().map(|one| one.text).collect::<Vec<_>>()
    };
    assert_eq!(alike("a puppy at the seaside")[0], "A dog runs on the beach.");
    correct(&studio, &voice, (0.0, 3.45), Some("")).unwrap();
    assert_eq!(alike("a puppy at the seaside")[0], "A dog runs on the beach.", "at its new place");
    correct(&studio, &voice, (0.0, 100.0), Some("")).unwrap();
    assert!(alike("a puppy at the seaside").is_empty(), "nothing is said any more");
    correct(&studio, &voice, (0.0, 100.0), None).unwrap();
    assert!(!alike("a puppy at the seaside").contains(&"A dog runs on the beach.".to_owned()));
}

#[test]
fn machines_that_share_a_folder_share_corrections_and_names() {
    let (here, film) = (studio(), clip("bikes.mp4"));
    publish_speech(here.cache.path(), &film, MODEL, &[(Some(0), "wheels upon wheels")]);
    let home = tempfile::tempdir().unwrap();
    let there = Engine::open(config(home.path())).unwrap();
    let over_there = || segments(&there, here.cache.path(), &film);
    assert_eq!(texts(&over_there()), ["wheels upon wheels"]);
    correct(&here, &film, (0.0, 9.0), Some("meals upon wheels")).unwrap();
    name(&here, &film, &[("SPEAKER_00", "Anna")]).unwrap();
    let seen = over_there();
    assert_eq!(texts(&seen), ["meals upon wheels"]);
    assert_eq!(seen[0].speaker_name.as_deref(), Some("Anna"));
    let request = CorrectTranscriptRequest {
        cache_dir: text(here.cache.path()),
        media_path: text(&film),
        start_seconds: 0.0,
        end_seconds: 9.0,
        text: Some("deals upon wheels".to_owned()),
    };
    there.correct_transcript(&request).unwrap();
    assert_eq!(texts(&read(&here, &film)), ["deals upon wheels"], "the later one holds");
    assert_eq!(fs::read_dir(here.cache.path().join("rushes/journal")).unwrap().count(), 2);
}

#[test]
fn parts_are_corrected_added_and_removed() {
    let (studio, film) = (studio(), clip("bikes.mp4"));
    let talk = [(Some(0), "one two three four"), (Some(1), "five six")];
    publish_speech(studio.cache.path(), &film, MODEL, &talk);
    let said = correct(&studio, &film, (1.4, 2.4), Some("Zwei drei")).unwrap();
    assert_eq!(texts(&said), ["Zwei drei"]);
    let all = read(&studio, &film);
    assert_eq!(texts(&all), ["one", "Zwei drei", "four", "five six"]);
    assert_eq!(all.iter().map(|one| one.edited).collect::<Vec<_>>(), [false, true, false, false]);
    assert!(all[..3].iter().all(|one| one.speaker.as_deref() == Some("SPEAKER_00")));
    assert!(correct(&studio, &film, (3.0, 4.0), Some("")).unwrap().is_empty());
    correct(&studio, &film, (20.0, 21.0), Some("The end.")).unwrap();
    assert_eq!(texts(&read(&studio, &film)), ["one", "Zwei drei", "four", "The end."]);
    assert_eq!(find(&studio, "the end")[0].start_seconds, 20.0);
    correct(&studio, &film, (0.0, 100.0), None).unwrap();
    assert_eq!(texts(&read(&studio, &film)), ["one two three four", "five six"]);
}

#[test]
fn what_is_no_correction_is_refused() {
    let (studio, film) = (studio(), clip("bikes.mp4"));
    publish_speech(studio.cache.path(), &film, MODEL, &[(Some(0), "one two")]);
    let refused = |range, said: Option<&str>| correct(&studio, &film, range, said).unwrap_err();
    for range in [(-1.0, 2.0), (2.0, 2.0), (3.0, 2.0), (f64::NAN, 2.0), (1.0, f64::NAN)] {
        assert_eq!(refused(range, Some("x")).code, ErrorCode::BadRequest, "{range:?}");
    }
    let long = "x".repeat(20_001);
    for said in ["\u{0}", "bell\u{7}", "escape \u{1b}[31m", &long] {
        assert_eq!(refused((0.0, 1.0), Some(said)).code, ErrorCode::BadRequest, "{said:?}");
    }
    let silent = correct(&studio, &clip("vtest.avi"), (0.0, 1.0), Some("x")).unwrap_err();
    assert_eq!(silent.code, ErrorCode::NotFound);
    assert!(!studio.cache.path().join("rushes/journal").exists(), "nothing was kept");
    fs::write(studio.cache.path().join("rushes/journal"), "in the way").unwrap();
    let failure = refused((0.0, 1.0), Some("x"));
    assert_eq!(failure.code, ErrorCode::CacheDir);
    assert!(failure.message.contains("journal"), "{}", failure.message);
    assert_eq!(texts(&read(&studio, &film)), ["one two"], "what was not kept does not hold");
}

/// Names by segment.
fn named(segments: &[Segment]) -> Vec<Option<&str>> {
    segments.iter().map(|one| one.speaker_name.as_deref()).collect()
}

#[test]
fn names_stay_with_the_voices() {
    let (studio, film) = (studio(), clip("bikes.mp4"));
    let talk =
        [(Some(0), "where were you"), (Some(1), "at home"), (Some(0), "all of it"), (None, "hm")];
    publish_speech(studio.cache.path(), &film, MODEL, &talk);
    let reply = name(&studio, &film, &[("SPEAKER_00", " Anna Ł. "), ("SPEAKER_01", "Bo")]).unwrap();
    assert_eq!(reply.names["SPEAKER_00"], "Anna Ł.");
    let expected = [Some("Anna Ł."), Some("Bo"), Some("Anna Ł."), None];
    assert_eq!(named(&read(&studio, &film)), expected);
    assert_eq!(find(&studio, "where were you")[0].speaker_name.as_deref(), Some("Anna Ł."));
    let by_name = |speaker: &str| {
        let simple = SearchTranscriptRequest::simple("all of it", text(studio.cache.path()));
        let request = SearchTranscriptRequest { speaker: Some(speaker.to_owned()), ..simple };
        studio.engine.search_transcript(&request).unwrap().matches.len()
    };
    assert_eq!((by_name("anna ł."), by_name("SPEAKER_00"), by_name("Bo")), (1, 1, 0));

    // Heard again, the numbers are others, and one sentence goes to somebody else.
    let again = [
        (Some(4), "where were you"),
        (Some(0), "at home"),
        (Some(4), "all of"),
        (Some(2), "it hm"),
    ];
    publish_speech(studio.cache.path(), &film, MODEL, &again);
    let expected = [Some("Anna Ł."), Some("Bo"), Some("Anna Ł."), None];
    assert_eq!(named(&read(&studio, &film)), expected);

    let reply = name(&studio, &film, &[("SPEAKER_04", "")]).unwrap();
    assert_eq!(
        reply.names.into_iter().collect::<Vec<_>>(),
        [("SPEAKER_00".to_owned(), "Bo".to_owned())]
    );
    assert_eq!(named(&read(&studio, &film)), [None, Some("Bo"), None, None]);
}

#[test]
fn names_are_given_all_or_none() {
    let (studio, film) = (studio(), clip("bikes.mp4"));
    publish_speech(studio.cache.path(), &film, MODEL, &[(Some(0), "one"), (Some(1), "two")]);
    let unknown =
        name(&studio, &film, &[("SPEAKER_00", "Anna"), ("SPEAKER_07", "Bo")]).unwrap_err();
    assert_eq!(unknown.code, ErrorCode::NotFound);
    assert!(unknown.message.contains("SPEAKER_07"), "{}", unknown.message);
    let long = "x".repeat(1000);
    for bad in [long.as_str(), "An\nna", "An\u{0}na", "\u{1b}[2J"] {
        let both = [("SPEAKER_00", "Anna"), ("SPEAKER_01", bad)];
        let failure = name(&studio, &film, &both).unwrap_err();
        assert_eq!(failure.code, ErrorCode::BadRequest, "{bad:?}");
        assert!(failure.message.contains("SPEAKER_01"), "{}", failure.message);
    }
    assert_eq!(name(&studio, &film, &[]).unwrap_err().code, ErrorCode::BadRequest);
    assert_eq!(named(&read(&studio, &film)), [None, None], "nothing has changed");
    let silent = name(&studio, &clip("vtest.avi"), &[("SPEAKER_00", "Anna")]).unwrap_err();
    assert_eq!(silent.code, ErrorCode::NotFound);
}
