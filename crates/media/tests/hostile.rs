//! Files made to do harm, or broken: each ends soon with an error that says why.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, helpers included")]

mod fixtures;

use fixtures::Fixtures;
use rushes_media::{Cancel, Limits, MediaError, Pass, Tools, identify};
use rushes_model::Sampling;
use std::{
    collections::BTreeSet,
    net::TcpListener,
    os::unix::fs::symlink,
    path::Path,
    time::{Duration, Instant},
};

/// What a probe may take by the clock; on a machine of its own none of these takes two seconds.
const SOON: Duration = Duration::from_secs(30);

fn refused(made: &Fixtures, path: &Path) -> MediaError {
    let start = Instant::now();
    let error = made.tools.probe(path).expect_err(&path.display().to_string());
    assert!(start.elapsed() < SOON, "{}", path.display());
    assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
    error
}

#[test]
fn playlists_in_disguise_open_nothing() {
    let made = Fixtures::new();
    let real = made.numbered("25", 25, "-c:v libx264 -g 25 -pix_fmt yuv420p real.mp4");
    let real = real.display();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let hls = |target: &str| {
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n")
    };
    let http = format!("http://127.0.0.1:{port}/x");
    let texts = [
        ("hls-http.mp4", hls(&format!("{http}.ts"))),
        ("hls-http.m3u8", hls(&format!("{http}.ts"))),
        ("hls-file.mp4", hls("file:///etc/passwd")),
        ("hls-local.mp4", hls("real.mp4")),
        ("concat.mp4", format!("ffconcat version 1.0\nfile '{real}'\n")),
        ("concat-http.mov", format!("ffconcat version 1.0\nfile '{http}.mp4'\n")),
        (
            "session.sdp",
            format!("v=0\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"),
        ),
        ("dash.mpd", format!("<?xml version=\"1.0\"?><MPD><BaseURL>{http}</BaseURL></MPD>")),
        ("picture%03d.png", "not a picture".to_owned()),
        ("text.mp4", "Meeting at noon.\n".repeat(500)),
        ("vector.svg", format!("<svg xmlns=\"x\"><image href=\"{http}.png\"/></svg>")),
    ];
    for (name, text) in texts {
        let path = made.path(name);
        fs_err::write(&path, text).unwrap();
        let error = refused(&made, &path);
        assert!(matches!(error, MediaError::NotMedia { .. }), "{name}: {error}");
    }
    assert!(listener.accept().is_err(), "something connected");
}

#[test]
fn a_pattern_in_a_name_opens_no_other_file() {
    let made = Fixtures::new();
    made.ffmpeg("-f lavfi -i testsrc=s=48x32 -frames:v 1 -pix_fmt gbrpf32le shot001.exr");
    let path = made.path("shot%03d.exr");
    fs_err::copy(made.path("shot001.exr"), &path).unwrap();
    fs_err::write(made.path("shot001.exr"), "replaced").unwrap();
    assert_eq!(made.probe(&path).width, 48);
    assert_eq!(made.tools.read_image(&path).unwrap().width, 48);
}

#[test]
fn what_is_no_file_is_refused_before_anything_opens_it() {
    let made = Fixtures::new();
    let fifo = made.path("pipe.mp4");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let zero = made.path("zero.mp4");
    symlink("/dev/zero", &zero).unwrap();
    let empty = made.path("empty.mp4");
    fs_err::write(&empty, "").unwrap();
    let folder = made.path("folder.mp4");
    fs_err::create_dir_all(&folder).unwrap();
    let long = Path::new("/").join("x".repeat(5000));
    let check = |path: &Path, fits: fn(&MediaError) -> bool| {
        let error = refused(&made, path);
        assert!(fits(&error), "{error}");
        assert_eq!(error.to_string(), identify(path).unwrap_err().to_string());
    };
    check(&fifo, |e| matches!(e, MediaError::NotAFile { what: "a pipe", .. }));
    check(&zero, |e| matches!(e, MediaError::NotAFile { what: "a device", .. }));
    check(&folder, |e| matches!(e, MediaError::NotAFile { what: "a folder", .. }));
    check(&empty, |e| matches!(e, MediaError::Empty(_)));
    check(&made.path("gone.mp4"), |e| matches!(e, MediaError::Missing(_)));
    check(Path::new("relative.mp4"), |e| matches!(e, MediaError::BadPath { .. }));
    check(Path::new("/nul\0.mp4"), |e| matches!(e, MediaError::BadPath { .. }));
    check(&long, |e| matches!(e, MediaError::BadPath { .. }));
}

#[test]
fn truncated_files_end_in_frames_or_an_error() {
    let made = Fixtures::new();
    let x264 = "-c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p";
    for output in [
        format!("{x264} a.mp4"),
        format!("{x264} -movflags faststart b.mp4"),
        format!("{x264} c.mkv"),
    ] {
        let path = made.numbered("25", 150, &output);
        let whole = fs_err::read(&path).unwrap();
        for percent in [1, 10, 50, 99] {
            fs_err::write(&path, &whole[..whole.len() * percent / 100]).unwrap();
            let start = Instant::now();
            match read_all(&made, &path) {
                Ok(frames) => assert!(frames > 0, "{output} {percent} %"),
                Err(
                    MediaError::Decode { .. }
                    | MediaError::NotMedia { .. }
                    | MediaError::NoStreams(_)
                    | MediaError::NoFrames(_),
                ) => {}
                Err(error) => panic!("{output} {percent} %: {error}"),
            }
            assert!(start.elapsed() < SOON, "{output} {percent} %");
        }
    }
}

fn read_all(made: &Fixtures, path: &Path) -> Result<usize, MediaError> {
    let facts = made.tools.probe(path)?;
    made.tools.plan(path, &facts, Sampling::Full)?;
    Ok(made.run(path, &Pass::Whole { covered: BTreeSet::new() })?.frames.len())
}

#[test]
fn streams_without_frames_and_limits() {
    let made = Fixtures::new();
    made.ffmpeg("-f lavfi -i testsrc=s=64x48 -t 0 -c:v libx264 none.mp4");
    let error = refused(&made, &made.path("none.mp4"));
    assert!(matches!(error, MediaError::NoStreams(_) | MediaError::NoFrames(_)), "{error}");

    let path = made.numbered("25", 50, "-c:v libx264 -pix_fmt yuv420p fine.mp4");
    let tight: [Limits; 3] = [
        Limits { max_side: 100, ..Limits::default() },
        Limits { max_duration: Duration::from_secs(1), ..Limits::default() },
        Limits { max_streams: 0, ..Limits::default() },
    ];
    for limits in tight {
        let error = Tools::locate(limits).unwrap().probe(&path).unwrap_err();
        assert!(matches!(error, MediaError::OverLimit { .. }), "{error}");
    }
    // A decoder that is over its memory fails; it does not take the machine with it.
    let facts = made.probe(&path);
    let small = Tools::locate(Limits { memory_bytes: 64 << 20, ..Limits::default() }).unwrap();
    let pass = Pass::Whole { covered: BTreeSet::new() };
    let stream = small.frames(&path, &facts, &pass, 64, &Cancel::new()).unwrap();
    assert!(stream.collect::<Result<Vec<_>, _>>().is_err());
}

#[test]
fn mutated_files_never_hang_or_panic() {
    let made = Fixtures::new();
    let path =
        made.numbered("25", 50, "-c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p m.mp4");
    let whole = fs_err::read(&path).unwrap();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..12 {
        let mut bytes = whole.clone();
        for _ in 0..20 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let place = random as usize % bytes.len();
            bytes[place] = (random >> 32) as u8;
        }
        fs_err::write(&path, &bytes).unwrap();
        let start = Instant::now();
        let _ = read_all(&made, &path);
        assert!(start.elapsed() < SOON);
    }
}

#[test]
fn missing_tools_say_how_to_get_them() {
    let empty = tempfile::tempdir().unwrap();
    let error = Tools::in_folder(empty.path(), Limits::default()).unwrap_err();
    assert!(error.to_string().contains("apt install ffmpeg"), "{error}");
    assert!(
        Fixtures::new().tools.version().unwrap().starts_with(|c: char| c.is_ascii_alphanumeric())
    );
}
