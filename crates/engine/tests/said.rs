//! Searching what is said: words as they are remembered, in transcripts of real speech and made ones.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;

use common::{Studio, clip, spoken, studio, text, transcript_of};
use fs_err as fs;
use rushes_engine::{
    replies::TranscriptMatch,
    requests::{
        AnalyzeRequest, LoadTranscriptionsRequest, SearchTextRequest, SearchTranscriptRequest,
        TranscriptMode,
    },
};
use rushes_model::{ErrorCode, Failure};
use rushes_store::{AnalysisFolder, SpeechBundle, Voice};
use std::path::{Path, PathBuf};

const MODEL: &str = "whisper-tiny.en";

fn request(studio: &Studio, query: &str) -> SearchTranscriptRequest {
    SearchTranscriptRequest::simple(query, text(studio.cache.path()))
}

fn find(studio: &Studio, query: &str) -> Vec<TranscriptMatch> {
    studio.engine.search_transcript(&request(studio, query)).unwrap().matches
}

/// Searches by meaning.
fn mean(
    studio: &Studio,
    query: &str,
    speaker: Option<&str>,
) -> Result<Vec<TranscriptMatch>, Failure> {
    let speaker = speaker.map(str::to_owned);
    let mode = TranscriptMode::Semantic;
    let request = SearchTranscriptRequest { mode, speaker, ..request(studio, query) };
    studio.engine.search_transcript(&request).map(|reply| reply.matches)
}

/// Publishes a transcript of a clip: segments by speaker, a second a word.
fn publish(studio: &Studio, clip: &Path, voice: (&str, bool), segments: &[(Option<u32>, &str)]) {
    let mut bundle = SpeechBundle { segments: spoken(segments, 1.0), ..transcript_of(clip, MODEL) };
    bundle.voice = Voice { language: voice.0.to_owned(), spaced: voice.1, ..bundle.voice };
    AnalysisFolder::open(studio.cache.path()).unwrap().publish_speech(&bundle).unwrap();
}

fn english(studio: &Studio, clip: &Path, segments: &[(Option<u32>, &str)]) {
    publish(studio, clip, ("en", true), segments);
}

fn times(found: &[TranscriptMatch]) -> Vec<(f64, f64)> {
    found.iter().map(|one| (one.start_seconds, one.end_seconds)).collect()
}

#[test]
fn real_speech_is_found_at_the_time_of_its_words() {
    let studio = studio();
    let numbers = ["0870", "0880", "0890", "0920", "0930"];
    let clips: Vec<PathBuf> =
        numbers.map(|n| clip(&format!("sense_and_sensibility_01_austen_64kb-{n}.wav"))).into();
    let listen = AnalyzeRequest {
        speech: true,
        speech_model_key: Some(MODEL.to_owned()),
        ..studio.request(&clips)
    };
    let (task, _) = studio.analyze(&listen);
    assert!(task.errors.is_empty(), "{:?}", task.errors);

    let found = find(&studio, "AMIABLE, himself");
    assert_eq!(found.len(), 1);
    let himself = &found[0];
    assert_eq!(himself.media_path, text(&clips[4]));
    assert_eq!(himself.text, "He might even have been made amiable himself.");
    assert!(himself.start_seconds > 1.0, "the in point is that of the word: {himself:?}");
    assert!(himself.end_seconds > himself.start_seconds && himself.similarity.is_none());

    let everywhere = find(&studio, "he");
    assert!(everywhere.len() > 2, "{everywhere:?}");
    let paths: Vec<&str> = everywhere.iter().map(|one| one.media_path.as_str()).collect();
    assert!(paths.is_sorted(), "{paths:?}");
    assert_eq!(times(&find(&studio, "dashw")), times(&find(&studio, "DASHWOOD")));
    assert!(find(&studio, "zeppelin").is_empty());

    let better = mean(&studio, "a better wife would have improved him", None).unwrap();
    assert!(better[0].text.contains("amiable woman"), "{better:?}");
    assert!(better.iter().all(|one| one.similarity.is_some_and(|s| (0.5..=1.0).contains(&s))));
    assert!(better.is_sorted_by(|a, b| a.similarity >= b.similarity));
    for nothing in ["flurbel gramp zonk", "tattoo removal with a laser", "?!"] {
        let found = mean(&studio, nothing, None).unwrap();
        assert!(found.is_empty(), "{nothing}: {found:?}");
    }
    let said_by = |who| mean(&studio, "a better wife would have improved him", Some(who)).unwrap();
    assert!(!said_by("speaker_00").is_empty() && said_by("SPEAKER_01").is_empty(), "one reads");

    let named = |search_all| SearchTranscriptRequest {
        media_paths: Some(vec![text(&clips[4])]),
        search_all,
        ..request(&studio, "he")
    };
    let media = |search_all| -> Vec<String> {
        let found = studio.engine.search_transcript(&named(search_all)).unwrap().matches;
        let mut media: Vec<_> = found.into_iter().map(|one| one.media_path).collect();
        media.dedup();
        media
    };
    assert_eq!(media(None), [text(&clips[4])]);
    assert_eq!(media(Some(false)), [text(&clips[4])]);
    assert!(media(Some(true)).len() > 1);
}

#[test]
fn matches_run_across_segments_and_not_across_media() {
    let studio = studio();
    let (bikes, rabbit) = (clip("bikes.mp4"), clip("bigbuckbunny.mp4"));
    let said =
        [(None, "Good morning, Zoë."), (None, "—"), (None, "Don't be late,"), (None, "again!")];
    english(&studio, &bikes, &said);
    english(&studio, &rabbit, &[(None, "And goodbye.")]);
    let found = find(&studio, "zoe dont be late again");
    assert_eq!(times(&found), [(3.0, 8.5)]);
    assert_eq!(found[0].text, "Good morning, Zoë. — Don't be late, again!");
    assert_eq!(found[0].start_timestamp, "00:00:03");
    for nothing in
        ["again and", "goodbye good", "—", "🎬", "?!", "\u{301}", &"morning ".repeat(250)]
    {
        assert!(find(&studio, nothing).is_empty(), "{nothing}");
    }
    assert_eq!(find(&studio, "goo").len(), 2);
    let limited = SearchTranscriptRequest { max_results: 1, ..request(&studio, "goo") };
    assert_eq!(studio.engine.search_transcript(&limited).unwrap().matches.len(), 1);
}

#[test]
fn media_come_as_they_are_named_and_then_by_path() {
    let studio = studio();
    let clips = ["vtest.avi", "bikes.mp4", "bigbuckbunny.mp4"].map(clip);
    clips
        .iter()
        .for_each(|clip| english(&studio, clip, &[(None, "Hello there."), (None, "Hello")]));
    let order = |media: Option<&[&Path]>| -> Vec<String> {
        let media_paths = media.map(|paths| paths.iter().map(|path| text(path)).collect());
        let request = SearchTranscriptRequest { media_paths, ..request(&studio, "hello") };
        let found = studio.engine.search_transcript(&request).unwrap().matches;
        assert!(found.chunks(2).all(|pair| pair[0].start_seconds < pair[1].start_seconds));
        let mut paths: Vec<_> = found.into_iter().map(|one| one.media_path).collect();
        paths.dedup();
        paths
    };
    let [street, bikes, rabbit] = clips.each_ref().map(|clip| text(clip));
    assert_eq!(order(None), [rabbit.clone(), bikes.clone(), street.clone()]);
    assert_eq!(order(Some(&[&clips[0], &clips[2]])), [street.clone(), rabbit.clone()]);
    assert_eq!(order(Some(&[clips[0].parent().unwrap()])), [rabbit, bikes.clone(), street]);
    let copy = studio.home.path().join("elsewhere.mp4");
    fs::copy(&clips[1], &copy).unwrap();
    assert_eq!(order(Some(&[&copy])), [text(&copy)], "a medium is known by its content");
    assert!(order(Some(&[])).is_empty());
}

#[test]
fn of_one_speaker_only_what_nobody_else_has_a_part_in_is_kept() {
    let studio = studio();
    let bikes = clip("bikes.mp4");
    let said = [(Some(0), "Where is it?"), (Some(1), "It is here."), (None, "Is it?")];
    english(&studio, &bikes, &said);
    let by = |query: &str, speaker: &str| {
        let speaker = Some(speaker.to_owned());
        let request = SearchTranscriptRequest { speaker, ..request(&studio, query) };
        studio.engine.search_transcript(&request).unwrap().matches
    };
    assert_eq!(times(&by("it", "SPEAKER_00")), [(3.0, 3.5)]);
    assert_eq!(times(&by("it", "speaker_01")), [(4.0, 4.5)]);
    assert_eq!(by("it", " ").len(), 3, "nobody is named");
    assert!(by("it", "SPEAKER_02").is_empty() && by("it it", "SPEAKER_00").is_empty());
    let across = find(&studio, "it it");
    assert_eq!(across[0].speaker.as_deref(), Some("SPEAKER_00"));
    assert_eq!(across[0].speakers, ["SPEAKER_00", "SPEAKER_01"]);
    assert!(find(&studio, "here")[0].speakers.is_empty());
}

#[test]
fn scripts_without_spaces_and_media_without_words_are_searched_too() {
    let studio = studio();
    publish(
        &studio,
        &clip("bikes.mp4"),
        ("ja", false),
        &[(None, "これ は 東京 です 。"), (None, "はい")],
    );
    publish(&studio, &clip("vtest.avi"), ("", true), &[]);
    let found = find(&studio, "東京です はい");
    assert_eq!((times(&found), found[0].text.as_str()), (vec![(3.0, 6.5)], "これは東京です。はい"));
    assert!(find(&studio, "京東").is_empty());
}

#[test]
fn what_was_heard_before_meanings_were_known_is_not_heard_again() {
    let studio = studio();
    let rabbit = clip("bigbuckbunny.mp4");
    assert!(mean(&studio, "a good day", None).unwrap().is_empty(), "there is nothing to search");
    english(
        &studio,
        &rabbit,
        &[(Some(0), "The orchestra rehearses on Tuesdays."), (Some(1), "Yes.")],
    );
    let load =
        LoadTranscriptionsRequest { cache_dir: text(studio.cache.path()), media_paths: None };
    studio.engine.load_transcriptions(&load).unwrap();
    let failure = mean(&studio, "when the musicians practise", None).unwrap_err();
    assert!(failure.code == ErrorCode::BadRequest && failure.message.contains("minilm-l6"));
    let listen = AnalyzeRequest {
        speech: true,
        speech_model_key: Some(MODEL.to_owned()),
        ..studio.request(&[rabbit])
    };
    let (task, _) = studio.analyze(&listen);
    assert!(task.errors.is_empty(), "{:?}", task.errors);
    // Nobody speaks in this clip: what is found is what was published.
    let found = mean(&studio, "when the musicians practise", None).unwrap();
    assert_eq!((found.len(), times(&found)), (1, vec![(1.0, 5.5)]));
    let by = |speaker| mean(&studio, "when the musicians practise", Some(speaker)).unwrap().len();
    assert_eq!((by("SPEAKER_00"), by("SPEAKER_01")), (1, 0));
}

#[test]
fn said_finds_the_shots_in_which_words_begin() {
    let studio = studio();
    let [street, bikes] = ["vtest.avi", "bikes.mp4"].map(clip);
    let (task, _) = studio.analyze(&studio.request(&[street.clone(), bikes.clone()]));
    assert!(task.errors.is_empty());
    let cache_dir = text(studio.cache.path());
    let search =
        |query: &str| studio.engine.search_text(&SearchTextRequest::simple(query, &*cache_dir));
    let failure = search("said:morning").unwrap_err();
    assert!(failure.code == ErrorCode::BadRequest && failure.message.contains("--speech"));

    let morning = [(None, "Good morning, my"), (None, "… dear"), (None, "Watson. A professional")];
    english(&studio, &bikes, &morning);
    // Searches list a folder again only after some seconds.
    let load = LoadTranscriptionsRequest { cache_dir: cache_dir.clone(), media_paths: None };
    assert_eq!(studio.engine.load_transcriptions(&load).unwrap().loaded.transcripts, 1);
    let found = studio.search("said:\"my dear wats\"");
    assert_eq!((found.len(), &found[0].video_path), (1, &text(&bikes)));
    assert!((found[0].time_seconds - 3.0).abs() <= 1.0, "{}", found[0].time_seconds);
    let shot = found[0].scene_start_seconds..found[0].scene_end_seconds;
    let during: Vec<&str> = morning
        .iter()
        .zip([1.0, 4.0, 6.0].iter().zip([3.5, 5.5, 8.5]))
        .filter(|(_, (start, end))| **start < shot.end && *end > shot.start)
        .map(|((_, text), _)| *text)
        .collect();
    assert_eq!(found[0].spoken_text, during);
    assert_eq!(studio.search("said:profesional").len(), 1, "one slip in twelve letters");
    assert!(studio.search("said:\"morning dear\"").is_empty());
    assert!(studio.search("said:morning in:\"/nowhere\"").is_empty());
    let other = studio.search("people NOT said:morning");
    assert!(other.iter().any(|one| one.video_path == text(&street) && one.spoken_text.is_empty()));
    let failure = search("said:?! kind:video").unwrap_err();
    assert!(failure.message.contains("`said:`"), "{}", failure.message);

    let of_street = SearchTextRequest {
        media_paths: Some(vec![text(&street)]),
        ..SearchTextRequest::simple("said:good", &*cache_dir)
    };
    assert!(studio.engine.search_text(&of_street).unwrap().matches.is_empty());
}

#[test]
fn requests_that_make_no_sense_are_refused_by_name() {
    let studio = studio();
    let refusal = |request: SearchTranscriptRequest| -> Failure {
        studio.engine.search_transcript(&request).unwrap_err()
    };
    let long = "a".repeat(2001);
    for query in ["", "  ", &long] {
        let failure = refusal(request(&studio, query));
        assert!(failure.code == ErrorCode::BadRequest && failure.message.contains("query"));
    }
    for max_results in [0, 1001] {
        let failure = refusal(SearchTranscriptRequest { max_results, ..request(&studio, "a") });
        assert!(failure.code == ErrorCode::BadRequest && failure.message.contains("max_results"));
    }
    let nowhere = text(&studio.home.path().join("none/there"));
    let failure = refusal(SearchTranscriptRequest::simple("a", nowhere));
    assert_eq!(failure.code, ErrorCode::CacheDir);
    assert!(find(&studio, &"é ".repeat(1000)).is_empty(), "2,000 characters are taken");
}
