//! Probing, plans and passes on media whose every frame carries its number.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, helpers included")]

mod fixtures;

use fixtures::{Fixtures, HEIGHT, WIDTH, first_frames, number};
use rushes_media::{Limits, MediaError, Pass, Tools};
use rushes_model::{MediaKind, Sampling};
use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
};

const H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -sc_threshold 0";

fn whole() -> Pass {
    Pass::Whole { covered: BTreeSet::new() }
}

#[test]
fn long_gops_are_read_in_two_passes_without_a_second_twice() {
    let made = Fixtures::new();
    let path = made.numbered("25", 250, &format!("{H264} -bf 2 -g 50 -keyint_min 50 a.mp4"));
    let facts = made.probe(&path);
    assert_eq!((facts.kind, facts.width, facts.height), (MediaKind::Video, WIDTH, HEIGHT));
    assert_eq!(facts.frame_rate.map(|rate| rate.to_string()).as_deref(), Some("25/1"));
    assert!((facts.duration_seconds - 10.0).abs() < 0.01 && !facts.variable_frame_rate);
    assert!(facts.audio_codec.is_none() && facts.created_at.is_some());

    let plan = |sampling| made.tools.plan(&path, &facts, sampling).unwrap().passes;
    let keyframes = Pass::Keyframes { reordered: true };
    assert_eq!(plan(Sampling::Full), [keyframes.clone(), whole()]);
    assert_eq!(plan(Sampling::Fast), std::slice::from_ref(&keyframes));

    let keys = made.run(&path, &keyframes).unwrap();
    assert!(keys.changes.is_empty());
    let covered: BTreeSet<u32> = keys.numbers().into_keys().collect();
    assert_eq!(covered, BTreeSet::from([0, 2, 4, 6, 8]));

    let rest = made.run(&path, &Pass::Whole { covered }).unwrap();
    let mut numbers = keys.numbers();
    numbers.extend(rest.numbers());
    assert_eq!(rest.frames.len(), 5);
    assert_eq!(numbers, first_frames(10, 25, 1));
    assert_eq!(rest.changes.len(), 250);
    assert!(rest.changes.iter().enumerate().all(|(i, (t, _))| (t - i as f64 / 25.0).abs() < 1e-6));
    // From 511 to 512 every stripe turns; here 127 to 128 turns eight of ten.
    let largest = rest.changes.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert!((largest.0 - 128.0 / 25.0).abs() < 1e-6 && largest.1 > 50.0, "{largest:?}");
}

#[test]
fn dense_keyframes_are_enough() {
    let made = Fixtures::new();
    let output = format!("{H264} -g 30 -keyint_min 30 -bf 0 b.mp4");
    let path = made.numbered("30000/1001", 300, &output);
    let facts = made.probe(&path);
    let plan = made.tools.plan(&path, &facts, Sampling::Full).unwrap();
    assert_eq!(plan.passes, [Pass::Keyframes { reordered: false }]);
    let taken = made.run(&path, &plan.passes[0]).unwrap();
    assert_eq!(taken.numbers(), first_frames(10, 30_000, 1001));
    let second = &taken.frames[3];
    assert!((second.seconds - 3.003).abs() < 1e-6 && second.second == 3);
    assert_eq!((second.picture.width, second.picture.height), (128, 72));
}

#[test]
fn intra_codecs_are_read_at_in_points_and_give_the_frames_of_a_full_decode() {
    let made = Fixtures::new();
    let cases = [
        ("-c:v prores_ks -profile:v 0 p.mov".to_owned(), "30000/1001", (30_000, 1001)),
        ("-c:v mjpeg -q:v 3 -pix_fmt yuvj420p m.avi".to_owned(), "25", (25, 1)),
        (format!("{H264} -g 1 i.mp4"), "24000/1001", (24_000, 1001)),
        (format!("{H264} -g 1 i.mkv"), "24000/1001", (24_000, 1001)),
        ("-c:v prores_ks -profile:v 0 -output_ts_offset 7.4 o.mov".to_owned(), "50", (50, 1)),
    ];
    for (output, rate, (num, den)) in cases {
        let path = made.numbered(rate, 220, &output);
        let facts = made.probe(&path);
        let plan = made.tools.plan(&path, &facts, Sampling::Full).unwrap();
        assert_eq!(plan.passes, [Pass::InPoints], "{output}");
        let seconds = u32::div_ceil(220 * den, num);
        let taken = made.run(&path, &Pass::InPoints).unwrap();
        assert_eq!(taken.numbers(), first_frames(seconds, num, den), "{output}");
        for frame in &taken.frames {
            let expected = f64::from(number(&frame.picture) * den) / f64::from(num);
            assert!((frame.seconds - expected).abs() < 1e-6, "{output}: {}", frame.seconds);
        }
        let decoded = made.run(&path, &whole()).unwrap();
        let pictures = |taken: &fixtures::Taken| {
            taken.frames.iter().map(|frame| frame.picture.clone()).collect::<Vec<_>>()
        };
        assert!(pictures(&decoded) == pictures(&taken), "{output}: other pixels");
    }
}

#[test]
fn hevc_and_other_containers() {
    let made = Fixtures::new();
    let cases = [
        "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=50 -pix_fmt yuv420p h.mp4"
            .to_owned(),
        format!("{H264} -g 60 -keyint_min 60 t.ts"),
        format!("{H264} -g 60 -keyint_min 60 k.mkv"),
        "-c:v mpeg2video -q:v 3 -g 60 -bf 2 x.mxf".to_owned(),
        // Streamed, so that no length is written.
        "-c:v libx264 -preset ultrafast -g 60 -live 1 -f matroska l.webm".to_owned(),
    ];
    for output in cases {
        let path = made.numbered("25", 150, &output);
        let facts = made.probe(&path);
        assert!((facts.duration_seconds - 6.0).abs() < 0.1, "{output}: {facts:?}");
        let plan = made.tools.plan(&path, &facts, Sampling::Full).unwrap();
        assert_eq!(plan.passes.len(), 2, "{output}");
        // A keyframe stands for the second that it is in, in an open GOP too.
        for frame in made.run(&path, &plan.passes[0]).unwrap().frames {
            assert_eq!(frame.second, number(&frame.picture) / 25, "{output}");
            assert!((frame.seconds * 25.0 - f64::from(number(&frame.picture))).abs() < 0.1);
        }
        let taken = made.run(&path, &whole()).unwrap();
        assert_eq!(taken.numbers(), first_frames(6, 25, 1), "{output}");
        assert_eq!(taken.changes.len(), 150, "{output}");
    }
}

#[test]
fn a_second_without_a_frame_of_its_own_has_none() {
    let made = Fixtures::new();
    // Frames 0 to 49 in two seconds, then one every 2.5 s.
    let times = "-vf setpts='if(lt(N,50),N/25,2.1+(N-50)*2.5)/TB' -fps_mode vfr";
    let path =
        made.numbered("25", 54, &format!("{times} {H264} -g 250 -video_track_timescale 600 v.mp4"));
    let facts = made.probe(&path);
    assert!(facts.variable_frame_rate, "{facts:?}");
    let numbers = made.run(&path, &whole()).unwrap().numbers();
    assert_eq!(numbers, [(0, 0), (1, 25), (2, 50), (4, 51), (7, 52), (9, 53)].into());
    let shown = |seconds| number(&made.tools.thumbnail(&path, &facts, seconds, 160).unwrap());
    assert_eq!((shown(3.9), shown(4.7), shown(1.99)), (50, 51, 49));
}

#[test]
fn rotated_pictures_stand_upright() {
    let made = Fixtures::new();
    made.numbered("25", 60, &format!("{H264} -g 50 flat.mp4"));
    for degrees in [90, 180, 270] {
        made.ffmpeg(&format!(
            "-i flat.mp4 -c copy -metadata:s:v:0 rotate={degrees} r{degrees}.mp4"
        ));
        made.ffmpeg(&format!("-i r{degrees}.mp4 -vf select=eq(n\\,50) -frames:v 1 r{degrees}.png"));
        let path = made.path(format!("r{degrees}.mp4"));
        let facts = made.probe(&path);
        let turned = if degrees == 180 { (WIDTH, HEIGHT) } else { (HEIGHT, WIDTH) };
        // ffmpeg 5 turns the other way than the tag says: counterclockwise.
        assert_eq!((facts.rotation, (facts.width, facts.height)), (360 - degrees, turned));
        // ffmpeg's own idea of upright.
        let expected = made.tools.read_image(&made.path(format!("r{degrees}.png"))).unwrap();
        let thumbnail = made.tools.thumbnail(&path, &facts, 2.0, 4096).unwrap();
        assert_eq!((thumbnail.width, thumbnail.height), (expected.width, expected.height));
        let error: u64 = std::iter::zip(&thumbnail.pixels, &expected.pixels)
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        assert!(error / (expected.pixels.len() as u64) < 8, "{degrees}: {error}");
    }
}

#[test]
fn facts_of_containers() {
    let made = Fixtures::new();
    let tone = "-f lavfi -i sine=d=2";
    made.numbered("30000/1001", 60, &format!("{H264} v.mp4"));
    made.ffmpeg(&format!(
        "-i v.mp4 {tone} {tone} -map 0 -map 1 -map 2 -c:v copy -c:a:0 pcm_s16le -c:a:1 aac \
         -timecode 01:00:00;00 -metadata creation_time=2024-05-01T10:00:00Z two.mov"
    ));
    let facts = made.probe(&made.path("two.mov"));
    assert_eq!(facts.start_timecode.as_deref(), Some("01:00:00;00"));
    assert_eq!(facts.created_at.as_deref(), Some("2024-05-01T10:00:00Z"));
    assert_eq!(facts.audio_codec.as_deref(), Some("pcm_s16le"));
    assert_eq!(facts.video_codec.as_deref(), Some("h264"));

    made.ffmpeg("-f lavfi -i testsrc=s=64x64 -frames:v 1 cover.png");
    made.ffmpeg(&format!(
        "{tone} -i cover.png -map 0 -map 1 -c:v copy -disposition:v:0 attached_pic -c:a aac song.m4a"
    ));
    made.ffmpeg(&format!("{tone} sound.wav"));
    for name in ["song.m4a", "sound.wav"] {
        let path = made.path(name);
        let facts = made.probe(&path);
        assert_eq!((facts.kind, facts.width, facts.has_audio()), (MediaKind::Audio, 0, true));
        assert!((facts.duration_seconds - 2.0).abs() < 0.1, "{name}");
        assert!(made.tools.plan(&path, &facts, Sampling::Full).unwrap().passes.is_empty());
        let refused = made.tools.thumbnail(&path, &facts, 0.0, 100);
        assert!(matches!(refused, Err(MediaError::NoPictures(_))), "{name}");
    }
}

#[test]
fn thumbnails_show_the_frame_of_that_time() {
    let made = Fixtures::new();
    let path = made.numbered("30000/1001", 300, &format!("{H264} -g 250 -bf 2 t.mp4"));
    let facts = made.probe(&path);
    let times: Vec<f64> = (0..8).map(|i| f64::from(i) * 1.33 + 0.01).collect();
    let pictures = made.tools.thumbnails(&path, &facts, &times, 80, |_, picture| picture);
    assert_eq!(pictures.len(), times.len());
    for (seconds, picture) in times.iter().zip(pictures) {
        let picture = picture.unwrap();
        assert_eq!(picture.width, 80);
        assert_eq!(number(&picture), (seconds * 30_000.0 / 1001.0) as u32, "{seconds}");
    }
    // The very time of a frame shows that frame; the end of the medium shows the last one.
    let shown = |seconds| made.tools.thumbnail(&path, &facts, seconds, 160).map(|p| number(&p));
    assert_eq!(shown(100.0 * 1001.0 / 30_000.0).unwrap(), 100);
    assert_eq!(shown(facts.duration_seconds).unwrap(), 299);
    for outside in [10.5, -0.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(shown(outside), Err(MediaError::OutOfRange { .. })), "{outside}");
    }
    assert!(made.tools.thumbnails(&path, &facts, &[], 80, |_, picture| picture).is_empty());
}

/// Times far apart, close together, twice the same, and the last one.
const MANY_TIMES: [f64; 11] = [7.3, 0.0, 3.02, 3.5, 4.4, 7.3, 1.0, 5.55, 7.9, 0.77, 2.26];

#[test]
fn pictures_of_one_process_are_those_of_these_times() {
    let made = Fixtures::new();
    let (h264, every): (_, fn(u32) -> bool) = (format!("{H264} -g 60 -bf 2"), |_| true);
    let uneven = format!("{h264} -vf select='mod(n\\,3)' -fps_mode vfr uneven.mkv");
    let table = [
        (format!("{h264} long.mp4"), every),
        (format!("{h264} -x264-params open-gop=1 open.mkv"), every),
        (format!("{h264} stream.ts"), every),
        ("-c:v prores_ks -profile:v 0 flat.mov".to_owned(), every),
        (uneven, |number| number % 3 != 0),
    ];
    for (output, kept) in table {
        let path = made.numbered("25", 200, &output);
        let facts = made.probe(&path);
        let first = (0..200).find(|number| kept(*number)).unwrap();
        let pictures = made.tools.thumbnails(&path, &facts, &MANY_TIMES, 160, |place, picture| {
            (place, number(&picture.unwrap()))
        });
        for (place, seconds) in MANY_TIMES.iter().enumerate() {
            // The clock starts with the first frame that is there.
            let at = (seconds * 25.0 + 1e-6) as u32 + first;
            let shown = (0..=at.min(199)).rfind(|number| kept(*number)).unwrap();
            assert_eq!(pictures[place], (place, shown), "{output} at {seconds}");
        }
    }
}

#[test]
fn many_pictures_take_few_processes() {
    let made = Fixtures::new();
    let path = made.numbered("25", 200, &format!("{H264} -g 50 few.mp4"));
    // Each process takes a line out of a pipe, since a decoder may write nothing.
    let (tools, counted) = (made.path("tools"), made.path("counted"));
    fs_err::create_dir_all(&tools).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &counted, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let mut pipe = std::fs::OpenOptions::new().read(true).write(true).open(&counted).unwrap();
    let ffmpeg = made.tools.ffmpeg().display();
    let script = format!("#!/bin/sh\nread line <'{}'\nexec '{ffmpeg}' \"$@\"\n", counted.display());
    fs_err::write(tools.join("ffmpeg"), script).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs_err::set_permissions(tools.join("ffmpeg"), executable).unwrap();
    fs_err::copy("/bin/true", tools.join("ffprobe")).unwrap();
    let tools = Tools::in_folder(&tools, Limits { threads: 2, ..Limits::default() }).unwrap();
    let lines = [b'\n'; 100];
    pipe.write_all(&lines).unwrap();
    // What it takes to find out how to start a script is not of interest.
    let _ = tools.sandbox();
    let mut started = || {
        pipe.write_all(b"end").unwrap();
        let left = pipe.read(&mut [0; 200]).unwrap() - 3;
        pipe.write_all(&lines).unwrap();
        lines.len() - left
    };
    started();
    let times: Vec<f64> = (0..20).map(|i| f64::from(i) * 0.4).collect();
    let pictures =
        tools.thumbnails(&path, &made.probe(&path), &times, 80, |_, picture| picture.is_ok());
    assert_eq!(pictures, [true; 20]);
    assert_eq!(started(), 4);
}

#[test]
fn transport_streams_seek_to_the_right_frame_too() {
    let made = Fixtures::new();
    let path = made.numbered("25", 200, &format!("{H264} -g 75 -keyint_min 75 -bf 2 s.ts"));
    let facts = made.probe(&path);
    for seconds in [0.0, 0.5, 2.9, 3.1, 5.99, 7.5] {
        let picture = made.tools.thumbnail(&path, &facts, seconds, 160).unwrap();
        assert_eq!(number(&picture), (seconds * 25.0 + 1e-6) as u32, "{seconds}");
    }
}

#[test]
fn names_are_only_names() {
    use std::os::unix::ffi::OsStrExt as _;
    let made = Fixtures::new();
    let flat = made.numbered("25", 30, "-c:v prores_ks -profile:v 0 flat.mov");
    let names: [&[u8]; 8] = [
        b"-weird.mov",
        b"a:b.mov",
        b"new\nline.mov",
        "\u{1f3ac} e\u{301}.mov".as_bytes(),
        b"not utf-8 \xff\xfe.mov",
        b"'quote' \"and\" %03d*?.mov",
        b"http:x.mov",
        b"no ending",
    ];
    for name in names {
        let path = made.path(std::ffi::OsStr::from_bytes(name));
        fs_err::copy(&flat, &path).unwrap();
        // Two seconds, by the list of in points as well.
        let numbers = made.run(&path, &Pass::InPoints).unwrap().numbers();
        assert_eq!(numbers, first_frames(2, 25, 1), "{}", path.display());
    }
}

#[test]
fn real_footage_is_read_from_end_to_end() {
    let made = Fixtures::new();
    let folder = std::env::var_os("RUSHES_TEST_MEDIA").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/media"),
        std::path::PathBuf::from,
    );
    for (name, frames, seconds) in
        [("bikes.mp4", 250, 10), ("bigbuckbunny.mp4", 132, 6), ("carphone_pristine.mp4", 120, 4)]
    {
        let path = folder.join(name).canonicalize().expect("test media: run `make setup`");
        let taken = made.run(&path, &whole()).unwrap();
        assert_eq!((taken.changes.len(), taken.frames.len()), (frames, seconds), "{name}");
    }
}
