//! Transcripts: how they are made of what is said, and what is brought into memory of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;

use common::{
    Studio, clip, decoders_of, files_below, make_clip, spoken, studio, text, transcript_of,
};
use fs_err as fs;
use rushes_engine::{
    Config, Engine,
    replies::{Segment, Transcription},
    requests::{
        AnalyzeRequest, CancelRequest, LoadModelRequest, LoadTranscriptionsRequest,
        MetadataRequest, TranscriptionRangeRequest, TranscriptionsRequest,
    },
};
use rushes_model::{ErrorCode, TaskState};
use rushes_store::{AnalysisFolder, SpeechBundle, SpokenSegment, SpokenWord};
use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// Publishes a transcript of a clip as another machine would, and tells where.
fn publish(cache: &Path, clip: &Path, model: &str) -> PathBuf {
    let bundle =
        SpeechBundle { segments: spoken(&[(None, "Hello.")], 1.0), ..transcript_of(clip, model) };
    AnalysisFolder::open(cache).unwrap().publish_speech(&bundle).unwrap()
}

/// Brings transcripts into memory and tells of how many media there are any.
fn load(studio: &Studio, media: Option<&[&Path]>) -> u64 {
    let request = LoadTranscriptionsRequest {
        cache_dir: text(studio.cache.path()),
        media_paths: media.map(|paths| paths.iter().map(|path| text(path)).collect()),
    };
    studio.engine.load_transcriptions(&request).unwrap().loaded.transcripts
}

#[test]
fn transcripts_are_loaded_counted_and_forgotten() {
    let studio = studio();
    let (rabbit, bikes) = (clip("bigbuckbunny.mp4"), clip("bikes.mp4"));
    let first = publish(studio.cache.path(), &rabbit, "whisper-base");
    publish(studio.cache.path(), &rabbit, "whisper-tiny.en");
    publish(studio.cache.path(), &bikes, "whisper-base");
    assert_eq!(load(&studio, Some(&[&clip("vtest.avi")])), 0, "nothing is said of that one");
    assert_eq!(load(&studio, Some(&[&rabbit])), 1, "a medium that two models heard counts once");
    assert_eq!(load(&studio, None), 2);

    let request = MetadataRequest {
        media_paths: vec![text(&rabbit)],
        cache_dir: Some(text(studio.cache.path())),
    };
    let rows = studio.engine.media_metadata(&request).unwrap().media;
    let analysed = rows[0].analysis.as_ref().unwrap();
    assert_eq!(analysed.speech, ["whisper-base", "whisper-tiny.en"]);
    assert!(analysed.visual.is_empty());

    fs::remove_dir_all(first.ancestors().nth(2).unwrap()).unwrap();
    assert_eq!(load(&studio, None), 1, "what somebody removed from the folder is gone");
}

#[test]
fn a_transcript_that_another_machine_replaces_or_removes_is_read_anew() {
    let studio = studio();
    let rabbit = clip("bigbuckbunny.mp4");
    let path = publish(studio.cache.path(), &rabbit, "whisper-base");
    let said = || {
        let (found, _) = transcripts(&studio, &[&rabbit]);
        found.first().map(|found| found.segments[0].text.clone())
    };
    assert_eq!(said().unwrap(), "Hello.");
    let mut bundle = SpeechBundle::open(&path).unwrap();
    bundle.segments[0].words[0].text = "Howdy.".to_owned();
    AnalysisFolder::open(studio.cache.path()).unwrap().publish_speech(&bundle).unwrap();
    assert_eq!(said().unwrap(), "Howdy.");
    fs::remove_file(&path).unwrap();
    assert_eq!(said(), None);
}

#[test]
fn a_damaged_transcript_is_moved_aside() {
    let studio = studio();
    let path = publish(studio.cache.path(), &clip("bikes.mp4"), "whisper-base");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(load(&studio, None), 0);
    assert!(!path.exists());
    let quarantine = studio.cache.path().join("rushes/quarantine");
    let names = fs::read_dir(quarantine).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().any(|name| name.to_str().unwrap().ends_with(".rsb")));
}

const MODEL: &str = "whisper-tiny.en";
const SAID: &str = "He might even have been made amiable himself.";

/// A request to look and listen.
fn listen(studio: &Studio, media: &[PathBuf]) -> AnalyzeRequest {
    AnalyzeRequest {
        speech: true,
        speech_model_key: Some(MODEL.to_owned()),
        ..studio.request(media)
    }
}

fn transcripts(studio: &Studio, media: &[&Path]) -> (Vec<Transcription>, Vec<String>) {
    let request = TranscriptionsRequest {
        cache_dir: text(studio.cache.path()),
        media_paths: media.iter().map(|path| text(path)).collect(),
        words: true,
    };
    let reply = studio.engine.transcriptions(&request).unwrap();
    (reply.transcriptions, reply.missing)
}

/// The bicycles with a silent track, and one in which a sentence is said after two seconds.
fn spoken_film(studio: &Studio) -> PathBuf {
    let film = studio.home.path().join("spoken.mp4");
    let (pictures, voice) =
        (clip("bikes.mp4"), clip("sense_and_sensibility_01_austen_64kb-0930.wav"));
    let silence = "anullsrc=r=48000:cl=stereo:d=9";
    let inputs = [
        "-i",
        &text(&pictures),
        "-f",
        "lavfi",
        "-i",
        silence,
        "-itsoffset",
        "2",
        "-i",
        &text(&voice),
    ];
    let outputs = ["-map", "0:v", "-map", "1:a", "-map", "2:a", "-c:v", "copy", "-c:a", "aac"];
    make_clip(&film, &[&inputs[..], &outputs].concat());
    film
}

#[test]
fn what_is_said_is_written_down_at_its_time() {
    let studio = studio();
    let (film, silent) = (spoken_film(&studio), clip("vtest.avi"));
    studio.analyze(&listen(&studio, &[film.clone(), silent.clone()]));
    let (found, missing) = transcripts(&studio, &[&film, &silent]);
    assert_eq!(missing, [text(&silent)], "what has no sound has no transcript");
    let Transcription { language, model_key, segments, .. } = &found[0];
    assert_eq!((language.as_str(), model_key.as_str()), ("en", MODEL));
    assert_eq!((segments.len(), segments[0].text.as_str()), (1, SAID));
    let words = segments[0].words.as_ref().unwrap();
    assert_eq!(words.len(), 8);
    assert!((2.0..2.7).contains(&words[0].start_seconds), "{}", words[0].start_seconds);
    assert!(words[7].end_seconds < 5.5 && segments[0].end_timestamp.starts_with("00:00:0"));

    let range = |start_seconds: f64, end_seconds: f64| TranscriptionRangeRequest {
        cache_dir: text(studio.cache.path()),
        media_path: text(&film),
        start_seconds,
        end_seconds,
        limit: 1,
        cursor: None,
    };
    let page = studio.engine.transcription_range(&range(0.0, 2.9)).unwrap();
    assert_eq!((page.segments.len(), page.next_cursor), (1, None));
    assert!(studio.engine.transcription_range(&range(6.0, 9.0)).unwrap().segments.is_empty());
    for (start, end) in [(-1.0, 2.0), (2.0, 2.0), (f64::NAN, 3.0)] {
        let failure = studio.engine.transcription_range(&range(start, end)).unwrap_err();
        assert_eq!(failure.code, ErrorCode::BadRequest, "{start} to {end}");
    }
    let elsewhere = TranscriptionRangeRequest { media_path: text(&silent), ..range(0.0, 1.0) };
    let failure = studio.engine.transcription_range(&elsewhere).unwrap_err();
    assert_eq!(failure.code, ErrorCode::NotFound);

    let moments = studio.search("said:\"made amable himself\"");
    let shot = moments[0].scene_start_seconds..moments[0].scene_end_seconds;
    assert!(moments.len() == 1 && shot.contains(&words[5].start_seconds), "{shot:?}");
    assert_eq!(moments[0].spoken_text, [SAID]);

    let (task, events) = studio.analyze(&listen(&studio, &[film]));
    assert!(task.errors.is_empty());
    let end = events.last().unwrap().message.clone().unwrap();
    assert!(end.contains("0 analysed, 1 nothing to do"), "what is there is not made again: {end}");
}

#[test]
fn pages_of_segments_follow_each_other() {
    let studio = studio();
    let film = clip("bikes.mp4");
    let path = publish(studio.cache.path(), &film, MODEL);
    let mut bundle = SpeechBundle::open(&path).unwrap();
    let segment = |n: u32| {
        let (start, end) = (f64::from(n), f64::from(n) + 0.5);
        let text = n.to_string();
        SpokenSegment {
            speaker: Some(n % 2),
            words: vec![SpokenWord { text, start, end, probability: 1.0 }],
        }
    };
    bundle.segments = (0..10).map(segment).collect();
    AnalysisFolder::open(studio.cache.path()).unwrap().publish_speech(&bundle).unwrap();
    let (mut cursor, mut said) = (None, Vec::new());
    loop {
        let request = TranscriptionRangeRequest {
            cache_dir: text(studio.cache.path()),
            media_path: text(&film),
            start_seconds: 2.5,
            end_seconds: 9.0,
            limit: 4,
            cursor,
        };
        let page = studio.engine.transcription_range(&request).unwrap();
        said.extend(page.segments.into_iter().map(|one| (one.text, one.speaker.unwrap())));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let expected = (3..9).map(|n| (n.to_string(), format!("SPEAKER_{:02}", n % 2)));
    assert_eq!(said, expected.collect::<Vec<_>>(), "half-open at both ends");
}

#[test]
fn languages_and_models_that_there_are_not_are_refused() {
    let studio = studio();
    let request = listen(&studio, &[clip("bikes.mp4")]);
    let refused = |language: Option<&str>, model: &str| {
        let request = AnalyzeRequest {
            language: language.map(str::to_owned),
            speech_model_key: Some(model.to_owned()),
            ..request.clone()
        };
        studio.engine.analyze(&request).unwrap_err()
    };
    let unknown = refused(Some("xx"), MODEL);
    assert!(
        unknown.code == ErrorCode::BadRequest && unknown.message.contains("\"xx\""),
        "{}",
        unknown.message
    );
    let lacking = refused(Some("de"), MODEL);
    assert!(
        lacking.code == ErrorCode::BadRequest && lacking.message.contains(MODEL),
        "{}",
        lacking.message
    );
    assert_eq!(refused(None, "whisper-none").code, ErrorCode::UnknownModel);
    assert_eq!(refused(None, "lite-260").code, ErrorCode::UnknownModel);
}

/// A wave file of some minutes of speech.
fn long_talk(studio: &Studio) -> PathBuf {
    let talk = studio.home.path().join("talk.wav");
    let voice = text(&clip("sense_and_sensibility_01_austen_64kb-0880.wav"));
    make_clip(&talk, &["-stream_loop", "60", "-i", &voice, "-t", "600", "-c:a", "pcm_s16le"]);
    talk
}

#[test]
fn sound_is_listened_to_without_a_look_at_pictures() {
    let studio = studio();
    let (film, voice) =
        (spoken_film(&studio), clip("sense_and_sensibility_01_austen_64kb-0930.wav"));
    let request = listen(&studio, &[film.clone(), voice.clone()]);
    let (task, _) = studio.analyze(&AnalyzeRequest { visual: false, ..request.clone() });
    assert!(task.errors.is_empty(), "{:?}", task.errors);
    let (found, missing) = transcripts(&studio, &[&film, &voice]);
    assert!(missing.is_empty() && found.iter().all(|one| one.is_complete));
    assert_eq!([&found[0].segments[0].text, &found[1].segments[0].text], [SAID, SAID]);
    assert!(studio.search("bicycles").is_empty(), "no picture was looked at");

    let unequipped = Engine::open(Config::at(studio.home.path().join("empty"))).unwrap();
    let refused =
        unequipped.analyze(&AnalyzeRequest { speech_model_key: None, visual: false, ..request });
    let refused = refused.unwrap_err();
    assert_eq!(refused.code, ErrorCode::BadRequest);
    assert!(refused.message.contains("rushes models pull"), "{}", refused.message);
}

#[test]
fn a_track_can_be_asked_for() {
    let studio = studio();
    let film = spoken_film(&studio);
    let in_track = |track: Option<u32>| {
        let request = listen(&studio, std::slice::from_ref(&film));
        let (task, events) =
            studio.analyze(&AnalyzeRequest { visual: false, audio_track: track, ..request });
        let (found, _) = transcripts(&studio, &[&film]);
        let segments = found.first().map(|one| one.segments.len());
        (segments, task.errors, events.last().unwrap().message.clone().unwrap())
    };
    let (segments, _, end) = in_track(Some(0));
    assert!(segments == Some(0) && end.contains("1 analysed"), "nobody speaks in it: {end}");
    let (segments, _, end) = in_track(None);
    assert!(segments == Some(1) && end.contains("1 analysed"), "there is another: {end}");
    for there in [None, Some(1)] {
        assert!(in_track(there).2.contains("0 analysed, 1 nothing to do"), "{there:?}");
    }
    let (segments, errors, _) = in_track(Some(2));
    assert!(errors[0].message.contains("no audio track 2: it has 2"), "{}", errors[0].message);
    assert_eq!(segments, Some(1), "what was there stays");
}

#[test]
fn a_track_that_cannot_be_decoded_does_not_hide_the_next() {
    let studio = studio();
    let (good, odd) = (studio.home.path().join("good.mkv"), studio.home.path().join("odd.mkv"));
    let film = text(&spoken_film(&studio));
    let map = ["-map", "0:a:0", "-map", "0:a:1", "-c", "copy", "-write_crc32", "0"];
    make_clip(&good, &[&["-i", &film], &map[..]].concat());
    let mut bytes = fs::read(&good).unwrap();
    let codec = bytes.windows(5).position(|name| name == b"A_AAC").unwrap();
    bytes[codec..codec + 5].copy_from_slice(b"A_XYZ");
    fs::write(&odd, bytes).unwrap();
    let request = listen(&studio, std::slice::from_ref(&odd));
    let (task, _) = studio.analyze(&AnalyzeRequest { visual: false, ..request.clone() });
    assert!(task.errors.is_empty(), "{:?}", task.errors);
    assert_eq!(transcripts(&studio, &[&odd]).0[0].segments[0].text, SAID);

    let request = AnalyzeRequest { visual: false, audio_track: Some(0), force: true, ..request };
    let (task, _) = studio.analyze(&request);
    assert!(task.errors[0].message.contains("odd.mkv"), "{}", task.errors[0].message);
}

#[test]
fn words_can_be_read_while_the_rest_is_listened_to() {
    let studio = studio();
    let talk = long_talk(&studio);
    let request = listen(&studio, std::slice::from_ref(&talk));
    let started = studio.engine.analyze(&AnalyzeRequest { visual: false, ..request }).unwrap();
    let so_far = loop {
        if let Some(one) = transcripts(&studio, &[&talk]).0.pop() {
            break one;
        }
        let state = studio.engine.task(&started.task_id).unwrap().state;
        assert!(matches!(state, TaskState::Queued | TaskState::Running), "{state:?}");
        thread::sleep(Duration::from_millis(50));
    };
    assert!(!so_far.is_complete && so_far.segments[0].text.contains(' '));
    assert!(so_far.segments.last().unwrap().end_seconds < 300.0);
    let mut events = studio.engine.progress();
    studio.engine.cancel(&CancelRequest { task_id: started.task_id.clone() }).unwrap();
    while studio.engine.task(&started.task_id).unwrap().state == TaskState::Running {
        events.blocking_recv().unwrap();
    }
    while decoders_of(&talk) > 0 || !transcripts(&studio, &[&talk]).0.is_empty() {
        thread::sleep(Duration::from_millis(50));
    }
    let bundles = files_below(studio.cache.path());
    assert!(bundles.is_empty(), "{bundles:?}");
}

#[test]
fn the_model_that_listens_by_default_can_be_chosen() {
    let studio = studio();
    let active = || {
        let speech = studio.engine.available_models().speech;
        speech.into_iter().find(|model| model.is_active).unwrap().model_key
    };
    assert_eq!(studio.engine.loaded_models().speech.model_key, None, "until it is needed");
    let request = LoadModelRequest { model_key: MODEL.to_owned() };
    let started = studio.engine.load_model(&request).unwrap();
    assert!(studio.engine.loaded_models().speech.is_loading);
    let task = loop {
        let task = studio.engine.task(&started.task_id).unwrap();
        if !matches!(task.state, TaskState::Queued | TaskState::Running) {
            break task;
        }
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(task.state, TaskState::Completed);
    let speech = studio.engine.loaded_models().speech;
    assert_eq!((speech.model_key.as_deref(), speech.is_loading), (Some(MODEL), false));
    assert_eq!(active(), MODEL);

    fs::write(studio.home.path().join("speech-model"), "whisper-none").unwrap();
    assert!(["whisper-base", MODEL].contains(&active().as_str()), "a choice that is gone is none");
    let unknown = LoadModelRequest { model_key: "whisper-none".to_owned() };
    assert_eq!(studio.engine.load_model(&unknown).unwrap_err().code, ErrorCode::UnknownModel);
}

#[test]
fn speakers_are_told_apart_also_in_what_was_heard_before() {
    let studio = studio();
    let models = studio.home.path().join("models");
    let installed = fs::read_link(&models).unwrap();
    fs::remove_file(&models).unwrap();
    fs::create_dir(&models).unwrap();
    let lend = |name: &std::ffi::OsStr| symlink(installed.join(name), models.join(name)).unwrap();
    let all = fs::read_dir(&installed).unwrap().map(|entry| entry.unwrap().file_name());
    all.filter(|name| name != "campplus").for_each(|name| lend(&name));

    let talk = clip("sample.wav");
    let request = listen(&studio, std::slice::from_ref(&talk));
    let request = AnalyzeRequest { visual: false, ..request };
    let heard = || {
        let (task, events) = studio.analyze(&request);
        assert!(task.errors.is_empty(), "{:?}", task.errors);
        let segments = transcripts(&studio, &[&talk]).0.remove(0).segments;
        (segments, events.last().unwrap().message.clone().unwrap())
    };
    let (unlabelled, _) = heard();
    assert!(unlabelled.iter().all(|segment| segment.speaker.is_none()), "no guesses");

    lend("campplus".as_ref());
    let (labelled, end) = heard();
    assert!(end.contains("1 analysed"), "{end}");
    let words = |segments: &[Segment]| {
        let words = segments.iter().flat_map(|segment| segment.words.clone().unwrap());
        words.map(|word| word.word).collect::<Vec<_>>()
    };
    assert_eq!(words(&labelled), words(&unlabelled), "they are not written down again");
    let said_by = |label: &str| {
        let theirs = labelled.iter().filter(|one| one.speaker.as_deref() == Some(label));
        theirs.map(|one| one.text.clone()).collect::<Vec<_>>().join(" ")
    };
    let (first, second) = (said_by("SPEAKER_00"), said_by("SPEAKER_01"));
    let all: usize = labelled.iter().map(|one| one.text.len() + 1).sum();
    assert_eq!(first.len() + second.len() + 2, all, "two people speak, and nothing is nobody's");
    let both = [&first, &second];
    let of = |name: &str| both.iter().position(|said| said.contains(name));
    assert!(of("Diane").is_some() && of("Sheila").is_some() && of("Diane") != of("Sheila"));
    assert!(heard().1.contains("0 analysed, 1 nothing to do"), "nothing is left to tell");
}

#[test]
fn clipped_narrow_and_damaged_sound_is_written_down_as_well_as_it_can_be() {
    let studio = studio();
    let voice = text(&clip("sense_and_sensibility_01_austen_64kb-0930.wav"));
    let made = |name: &str, arguments: &[&str]| {
        let path = studio.home.path().join(name);
        make_clip(&path, &[&["-i", &voice], arguments].concat());
        path
    };
    let clipped = made("clipped.wav", &["-af", "volume=30dB", "-c:a", "pcm_s16le"]);
    let telephone = made("telephone.wav", &["-ar", "8000", "-c:a", "pcm_mulaw"]);
    let damaged = made("damaged.mkv", &["-c:a", "aac", "-b:a", "96k"]);
    let mut bytes = fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 200].fill(0xff);
    fs::write(&damaged, bytes).unwrap();
    let media = [clipped, telephone, damaged];
    let request = AnalyzeRequest { visual: false, ..listen(&studio, &media) };
    let (task, _) = studio.analyze(&request);
    assert!(task.errors.is_empty(), "{:?}", task.errors);
    for one in transcripts(&studio, &media.each_ref().map(PathBuf::as_path)).0 {
        let said: String = one.segments.iter().map(|segment| segment.text.clone()).collect();
        let right = SAID.split(' ').filter(|word| said.contains(word)).count();
        assert!(right >= 5, "{}: {said}", one.media_path);
    }
}
