//! Clips, compared with their source frame by frame.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, helpers included")]

mod fixtures;

use fixtures::{Fixtures, HEIGHT, WIDTH};
use rushes_media::{
    Cancel, Codec, Cut, CutMode, Cutting, Limits, MediaError, Tools, estimate, extension,
    run_program,
};
use rushes_model::{FieldOrder, MediaFacts, TimeRange};
use std::{
    cell::OnceCell,
    ffi::OsStr,
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

const H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -sc_threshold 0";
const PRORES: CutMode = CutMode::Reencode(Codec::ProRes);
const LONG: CutMode = CutMode::Reencode(Codec::H264);

/// What ffmpeg or ffprobe says on stdout; arguments are split at blanks, `@` is the file.
#[expect(clippy::disallowed_methods, reason = "asks the tools about results")]
fn ask(tool: &str, args: &str, file: &Path) -> String {
    let mut command = Command::new(tool);
    command.args(["-v", "error"]);
    let mut url = std::ffi::OsString::from("file:");
    url.push(file);
    for arg in args.split_whitespace() {
        if arg == "@" {
            command.arg(&url)
        } else {
            command.arg(arg)
        };
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn probe(entries: &str, file: &Path) -> String {
    ask("ffprobe", &format!("-of compact=p=0:nk=0 -show_entries {entries} @"), file)
}

/// Time and hash of every frame or, of streams that are copied, packet.
fn hashes(file: &Path, args: &str) -> Vec<(f64, String)> {
    let text = ask(
        "ffmpeg",
        &format!("-copyts -flags output_corrupt -flags2 +showall -i @ {args} -f framemd5 -"),
        file,
    );
    let mut tick = 0.0;
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(base) = line.strip_prefix("#tb 0: ") {
            let (num, den) = base.split_once('/').unwrap();
            tick = num.parse::<f64>().unwrap() / den.parse::<f64>().unwrap();
        } else if !line.starts_with('#') {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            found.push((fields[2].parse::<f64>().unwrap() * tick, fields[5].to_owned()));
        }
    }
    found
}

/// Every frame that is there. Of H.264 that begins in an open GOP ffmpeg hides some that are whole.
fn frames(file: &Path) -> Vec<(f64, String)> {
    hashes(file, "-map 0:V:0 -fps_mode passthrough")
}

fn sounds(file: &Path, track: u32) -> Vec<(f64, String)> {
    hashes(file, &format!("-map 0:a:{track} -c copy"))
}

/// The numbers that the frames of a file carry, upright or not.
fn numbers(file: &Path, filters: &str) -> Vec<u32> {
    let raw = tempfile::NamedTempFile::new().unwrap();
    let size = format!("scale={WIDTH}:{HEIGHT},format=gray");
    let args = format!(
        "-y -i @ -map 0:V:0 -vf {filters}{size} -fps_mode passthrough -f rawvideo {}",
        raw.path().display()
    );
    ask("ffmpeg", &args, file);
    let pixels = fs_err::read(raw.path()).unwrap();
    let row = |frame: &[u8]| {
        let middle = &frame[(HEIGHT / 2 * WIDTH) as usize..][..WIDTH as usize];
        (0..10).map(|bit| u32::from(middle[16 * bit + 8] > 127) << bit).sum()
    };
    pixels.chunks((WIDTH * HEIGHT) as usize).map(row).collect()
}

/// A fixture that clips are cut out of.
struct Source {
    made: Fixtures,
    path: PathBuf,
    facts: MediaFacts,
    frames: OnceCell<Vec<(f64, String)>>,
}

impl Source {
    /// 240 numbered frames, unless the arguments say otherwise, and sound.
    fn new(rate: &str, output: &str) -> Self {
        let made = Fixtures::new();
        let path = made.numbered(rate, 240, output);
        Self::of(made, path)
    }

    fn of(made: Fixtures, path: PathBuf) -> Self {
        let facts = made.probe(&path);
        Self { made, path, facts, frames: OnceCell::new() }
    }

    fn frame(&self) -> f64 {
        1.0 / self.facts.frame_rate.unwrap().as_f64()
    }

    /// From frame `first` up to frame `after`.
    fn range(&self, first: u32, after: u32) -> TimeRange {
        let frame = self.frame();
        TimeRange { start: f64::from(first) * frame, end: f64::from(after) * frame }
    }

    fn cut(&self, range: TimeRange, mode: CutMode) -> Result<(Cutting, PathBuf), MediaError> {
        let name = format!("{mode:?} {range:?}.{}", extension(&self.facts, &self.path, mode));
        let target = self.made.path(name);
        let cut = Cut { range, mode };
        let mut reached = 0.0;
        let done = self.made.tools.cut(&self.path, &self.facts, &cut, &target, |at| reached = at);
        if done.is_ok() {
            let bytes = fs_err::metadata(&target).unwrap().len();
            assert!(bytes <= estimate(&self.facts, &cut), "{bytes} bytes");
            assert!(reached >= 1.0);
        }
        done.map(|done| (done, target))
    }

    /// A copy is the source's frames, from a keyframe on, without a gap to the out point at least.
    fn check_copy(&self, first: u32, after: u32) -> Cutting {
        let what = format!("{}: {first} to {after}", self.path.display());
        let range = self.range(first, after);
        let (cutting, clip) = self.cut(range, CutMode::Copy).expect(&what);
        let source = self.frames.get_or_init(|| frames(&self.path));
        let result = frames(&clip);
        let start = source[0].0;
        let nearest = |seconds: f64| {
            let distance = |at: &usize| ((source[*at].0 - start - seconds).abs() * 1e6) as u64;
            (0..source.len()).min_by_key(distance).unwrap()
        };
        let from = nearest(cutting.range.start);
        assert!((source[from].0 - start - cutting.range.start).abs() < 0.002, "{what}");
        assert_eq!(cutting.frames, Some(result.len() as u64), "{what}");
        let hashes = |frames: &[(f64, String)]| -> Vec<String> {
            frames.iter().map(|(_, hash)| hash.clone()).collect()
        };
        assert!(from + result.len() <= source.len(), "{what}: {cutting:?} of {}", result.len());
        let expected = hashes(&source[from..from + result.len()]);
        assert!(hashes(&result) == expected, "{what}: other frames, {cutting:?}");
        let tolerance = 0.6 * self.frame();
        assert!(cutting.range.start <= range.start + tolerance, "{what}: {cutting:?}");
        assert!(cutting.range.end >= range.end - tolerance, "{what}: {cutting:?}");
        let end = source.get(from + result.len()).map_or(f64::NAN, |(time, _)| time - start);
        assert!(
            end.is_nan() || (end - cutting.range.end).abs() < 0.002,
            "{what}: {end} {cutting:?}"
        );
        cutting
    }

    /// What is coded anew is exactly the frames that were asked for, evenly spaced.
    fn check_anew(&self, first: u32, after: u32, mode: CutMode) -> PathBuf {
        let what = format!("{}: {first} to {after}, {mode:?}", self.path.display());
        let range = self.range(first, after);
        let (cutting, clip) = self.cut(range, mode).expect(&what);
        assert_eq!(numbers(&clip, ""), (first..after).collect::<Vec<_>>(), "{what}");
        assert_eq!(cutting.frames, Some(u64::from(after - first)), "{what}");
        assert!((cutting.range.start - range.start).abs() < 1e-5, "{what}: {cutting:?}");
        assert!((cutting.range.end - range.end).abs() < 1e-5, "{what}: {cutting:?}");
        let facts = self.made.probe(&clip);
        assert_eq!((facts.frame_rate, facts.variable_frame_rate), (self.facts.frame_rate, false));
        for (i, (time, _)) in frames(&clip).iter().enumerate() {
            assert!((time - i as f64 * self.frame()).abs() < 1e-4, "{what}: {time}");
        }
        clip
    }
}

/// In points at, before and after the keyframe at 48, and the ends.
const CLIPS: [(u32, u32); 7] =
    [(48, 100), (47, 97), (49, 98), (0, 10), (50, 51), (239, 240), (200, 238)];
/// A transport stream of a few small pictures is too short for ffmpeg to tell what is in it.
const GRAIN: &str = "-vf noise=alls=12:allf=t";

#[test]
fn copies_of_every_container_are_the_sources_frames() {
    let b_frames = format!("{H264} -bf 3 -g 48 -keyint_min 48");
    let cases = [
        ("24000/1001", format!("{b_frames} -timecode 01:00:00:00 a.mp4")),
        ("25", format!("{b_frames} b.mov")),
        ("30000/1001", format!("{b_frames} -timecode 01:00:00;00 c.mov")),
        ("24000/1001", format!("{b_frames} d.mkv")),
        ("25", format!("{b_frames} {GRAIN} e.ts")),
        ("25", format!("{b_frames} {GRAIN} -output_ts_offset 3723.4 f.ts")),
        ("30000/1001", format!("{b_frames} {GRAIN} g.m2ts")),
        ("25", "-c:v mpeg2video -q:v 3 -g 12 -bf 2 h.mxf".to_owned()),
        ("25", "-c:v mpeg4 -q:v 3 -g 24 i.avi".to_owned()),
        ("25", "-c:v libvpx -deadline realtime -b:v 1M -g 48 j.webm".to_owned()),
        ("30000/1001", "-c:v prores_ks -profile:v 0 k.mov".to_owned()),
        (
            "25",
            "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=48:bframes=3 \
             -pix_fmt yuv420p l.mp4"
                .to_owned(),
        ),
        (
            "25",
            "-c:v libx264 -preset medium -x264-params open-gop=1:keyint=48:min-keyint=48:\
             scenecut=0:bframes=3 -pix_fmt yuv420p m.mp4"
                .to_owned(),
        ),
        (
            "25",
            "-c:v libx264 -preset medium -x264-params open-gop=1:keyint=48:min-keyint=48:\
             scenecut=0:bframes=3 -pix_fmt yuv420p -vf noise=alls=12:allf=t n.ts"
                .to_owned(),
        ),
    ];
    for (rate, output) in cases {
        let source = Source::new(rate, &output);
        for (first, after) in CLIPS {
            source.check_copy(first, after);
        }
    }
}

#[test]
fn copies_start_at_the_keyframe_and_end_at_the_out_point() {
    let source = Source::new("25", &format!("{H264} -bf 0 -g 50 -keyint_min 50 a.mp4"));
    for ((first, after), start) in [((100, 120), 100), ((99, 120), 50), ((101, 102), 100)] {
        let cutting = source.check_copy(first, after);
        assert_eq!(cutting.range, source.range(start, after));
    }
    let intra = Source::new("24000/1001", "-c:v prores_ks -profile:v 0 b.mov");
    for (first, after) in [(0, 1), (7, 8), (100, 150), (239, 240)] {
        let cutting = intra.check_copy(first, after);
        assert_eq!(cutting.frames, Some(u64::from(after - first)));
    }
}

#[test]
fn frames_coded_anew_are_the_ones_asked_for() {
    let b_frames = format!("{H264} -bf 3 -g 48 -keyint_min 48");
    let cases = [
        ("24000/1001", format!("{b_frames} a.mp4")),
        ("30000/1001", format!("{b_frames} b.mkv")),
        ("25", format!("{b_frames} -output_ts_offset 3723.4 c.ts")),
        ("30000/1001", "-c:v prores_ks -profile:v 0 d.mov".to_owned()),
        (
            "25",
            "-c:v libx264 -preset medium -x264-params open-gop=1:keyint=48:min-keyint=48:\
             scenecut=0:bframes=3 -pix_fmt yuv420p e.mp4"
                .to_owned(),
        ),
        ("25", "-c:v mpeg2video -q:v 3 -g 12 -bf 2 f.mxf".to_owned()),
    ];
    for (rate, output) in cases {
        let source = Source::new(rate, &output);
        for (first, after) in [(47, 97), (0, 10), (50, 51)] {
            source.check_anew(first, after, LONG);
        }
        source.check_anew(47, 97, PRORES);
        source.check_anew(239, 240, PRORES);
    }
}

#[test]
fn timecode_and_tags_come_along() {
    let cases = [
        ("30000/1001", "01:00:59;28", "a.mov", "01:01:01;17", "01:01:01;18"),
        ("24000/1001", "10:00:59:23", "b.mp4", "10:01:01:22", "10:01:01:23"),
        ("25", "23:59:59:00", "c.mxf", "00:00:00:22", "00:00:00:23"),
        ("25", "10:00:00:00", "d.mkv", "10:00:01:22", "10:00:01:23"),
    ];
    for (rate, start, name, before, at) in cases {
        let codec = if name.ends_with("mxf") {
            "-c:v mpeg2video -q:v 3 -g 48 -bf 2".to_owned()
        } else {
            format!("{H264} -g 48 -keyint_min 48")
        };
        let tags = "-metadata title=Morning -metadata creation_time=2024-05-01T10:00:00Z \
                    -metadata:s:v:0 reel_name=A001";
        let source = Source::new(rate, &format!("{codec} -timecode {start} {tags} {name}"));
        assert_eq!(source.facts.start_timecode.as_deref(), Some(start));
        let (_, copy) = source.cut(source.range(48, 60), CutMode::Copy).unwrap();
        let copied = source.made.probe(&copy);
        let (_, anew) = source.cut(source.range(47, 60), PRORES).unwrap();
        let coded = source.made.probe(&anew);
        assert_eq!(coded.start_timecode.as_deref(), Some(before), "{name}");
        if !name.ends_with("mxf") {
            assert_eq!(coded.created_at.as_deref(), Some("2024-05-01T10:00:00Z"), "{name}");
            assert_eq!(copied.created_at.as_deref(), Some("2024-05-01T10:00:00Z"), "{name}");
            assert!(probe("format_tags=title", &copy).contains("Morning"), "{name}");
        }
        if name.ends_with("mov") {
            assert!(probe("stream_tags=reel_name", &copy).contains("A001"));
            assert!(probe("stream_tags=reel_name", &anew).contains("A001"));
        }
        assert_eq!(copied.start_timecode.as_deref(), Some(at), "{name}");
    }
}

/// The sound of a clip is packets of the source, in one piece, and as far from the picture as there.
fn check_sound(source: &Path, clip: &Path, track: u32, start: f64) {
    // Matroska may give its first picture a time after zero.
    let picture = |file: &Path| -> f64 {
        let text = ask(
            "ffprobe",
            "-select_streams V:0 -show_entries stream=start_time -of csv=p=0 @",
            file,
        );
        text.split_whitespace().next().unwrap().parse().unwrap()
    };
    let apart = start + picture(source) - picture(clip);
    let (all, some) = (sounds(source, track), sounds(clip, track));
    let first =
        all.iter().position(|(_, hash)| *hash == some[0].1).expect("a packet of the source");
    for ((time, hash), (there, packet)) in some.iter().zip(&all[first..]) {
        assert_eq!(hash, packet, "{}", clip.display());
        assert!((there - time - apart).abs() < 0.002, "{}: {there} {time}", clip.display());
    }
}

#[test]
fn every_track_of_sound_comes_along() {
    for name in ["a.mov", "b.mkv", "c.ts", "d.mxf"] {
        let mxf = name.ends_with("mxf");
        let codec =
            if mxf { "-c:v mpeg2video -q:v 3 -g 48 -bf 2" } else { &format!("{H264} -g 48") };
        let sound = match name {
            "a.mov" => "-c:a pcm_s24le",
            "d.mxf" => "-c:a pcm_s16le -ar 48000",
            _ => "-c:a aac",
        };
        let layouts = if mxf { ["mono", "mono"] } else { ["5.1", "mono"] };
        let made = Fixtures::new();
        let tone = |hertz: u32, layout: &str| {
            format!("-f lavfi -i aevalsrc=random(0)*0.5+sin({hertz}*t):c={layout}:s=48000")
        };
        let one = |layout: &str| match layout {
            "mono" => tone(440, "mono"),
            _ => "-f lavfi -i anoisesrc=r=48000:a=0.3,pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0"
                .to_owned(),
        };
        made.ffmpeg(&format!(
            "-f lavfi -i testsrc2=s=320x180:r=25:d=9.6 {} {} -map 0 -map 1 -map 2 -t 9.6 {codec} \
             {sound} -pix_fmt yuv420p {name}",
            one(layouts[0]),
            one(layouts[1])
        ));
        let path = made.path(name);
        let source = Source::of(made, path);
        let (cutting, copy) = source.cut(source.range(60, 140), CutMode::Copy).unwrap();
        let (_, anew) = source.cut(source.range(60, 140), PRORES).unwrap();
        let (_, small) = source.cut(source.range(60, 140), LONG).unwrap();
        if !mxf {
            check_sound(&source.path, &copy, 0, cutting.range.start);
            check_sound(&source.path, &copy, 1, cutting.range.start);
        }
        for clip in [&copy, &anew, &small] {
            let channels = probe("stream=codec_type,channels", clip);
            // The programs of a transport stream list their streams once more.
            let sounds = channels.lines().filter(|line| line.contains("audio"));
            let lines: Vec<&str> = sounds.take(2).collect();
            let expected = if mxf { ["channels=1"; 2] } else { ["channels=6", "channels=1"] };
            assert!(
                lines.len() == 2 && lines.iter().zip(expected).all(|(l, e)| l.ends_with(e)),
                "{name}: {channels}"
            );
        }
        let depth = if name == "d.mxf" { "pcm_s16le" } else { "pcm_s24le" };
        assert!(probe("stream=codec_name", &anew).contains(depth), "{name}");
        let facts = source.made.probe(&anew);
        assert!((facts.duration_seconds - 3.2).abs() < 0.03, "{name}: {}", facts.duration_seconds);
    }
}

#[test]
fn sound_alone_is_cut_too() {
    let cases = [
        ("a.wav", "-c:a pcm_s24le", "pcm_s24le", 0.03),
        ("b.mp3", "-c:a libmp3lame -b:a 128k", "mp3", 0.06),
        ("c.flac", "-c:a flac", "flac", 0.0),
        ("d.m4a", "-c:a aac", "aac", 0.05),
    ];
    for (name, codec, copied, precise) in cases {
        let made = Fixtures::new();
        made.ffmpeg(&format!("-f lavfi -i anoisesrc=r=48000:d=20:a=0.5 {codec} {name}"));
        let path = made.path(name);
        let source = Source::of(made, path);
        let range = TimeRange { start: 5.25, end: 8.5 };
        let (cutting, copy) = source.cut(range, CutMode::Copy).unwrap();
        assert_eq!(copy.extension(), source.path.extension());
        assert_eq!(cutting.frames, None);
        assert!((cutting.range.start - 5.25).abs() <= precise, "{name}: {cutting:?}");
        assert!((cutting.range.end - 8.5).abs() <= precise, "{name}: {cutting:?}");
        assert!(probe("stream=codec_name", &copy).contains(copied));
        let facts = source.made.probe(&copy);
        let length = cutting.range.duration();
        assert!((facts.duration_seconds - length).abs() < 0.08, "{name}: {facts:?} {cutting:?}");

        let (cutting, wav) = source.cut(range, PRORES).unwrap();
        assert_eq!(cutting.range, range);
        assert_eq!(wav.extension().unwrap(), "wav");
        assert!((source.made.probe(&wav).duration_seconds - 3.25).abs() < 0.001, "{name}");
        let (_, small) = source.cut(range, LONG).unwrap();
        assert_eq!(small.extension().unwrap(), "m4a");
        assert!((source.made.probe(&small).duration_seconds - 3.25).abs() < 0.05, "{name}");
    }
}

#[test]
fn uneven_frames_keep_their_times() {
    let made = Fixtures::new();
    // Frames 0 to 49 in two seconds, then one every 0.3 s.
    let times = "-vf settb=1/600,setpts='if(lt(N,50),N/25,2.1+(N-50)*0.3)/TB' -fps_mode vfr \
                 -enc_time_base 1:600";
    let output =
        format!("{times} {H264} -bf 2 -g 20 -keyint_min 20 -video_track_timescale 600 v.mp4");
    let path = made.numbered("25", 80, &output);
    let source = Source::of(made, path);
    assert!(source.facts.variable_frame_rate);
    // Frame 51 is shown from 2.4 s on, frame 59 from 4.8 s.
    let range = TimeRange { start: 2.5, end: 4.7 };
    let (cutting, clip) = source.cut(range, PRORES).unwrap();
    assert_eq!(numbers(&clip, ""), (51..59).collect::<Vec<_>>());
    assert!((cutting.range.start - 2.4).abs() < 0.002 && (cutting.range.end - 4.8).abs() < 0.002);
    let times =
        ask("ffprobe", "-select_streams V:0 -show_entries packet=pts_time -of csv=p=0 @", &clip);
    for (i, time) in times.split_whitespace().enumerate() {
        let time: f64 = time.parse().unwrap();
        assert!((time - i as f64 * 0.3).abs() < 0.002, "{i}: {time}");
    }
    let (cutting, clip) = source.cut(range, CutMode::Copy).unwrap();
    let shown = numbers(&clip, "");
    assert_eq!(shown, (40..40 + shown.len() as u32).collect::<Vec<_>>());
    assert_eq!(cutting.frames, Some(shown.len() as u64));
    assert!((cutting.range.start - 1.6).abs() < 0.002 && cutting.range.end >= 4.79, "{cutting:?}");
}

#[test]
fn turned_pictures_are_turned_once() {
    let made = Fixtures::new();
    made.numbered("25", 120, &format!("{H264} -bf 2 -g 48 flat.mp4"));
    made.ffmpeg("-i flat.mp4 -c copy -metadata:s:v:0 rotate=90 phone.mp4");
    let path = made.path("phone.mp4");
    let source = Source::of(made, path);
    assert_eq!((source.facts.width, source.facts.height), (HEIGHT, WIDTH));
    for mode in [CutMode::Copy, PRORES, LONG] {
        let (_, clip) = source.cut(source.range(48, 60), mode).unwrap();
        let facts = source.made.probe(&clip);
        assert_eq!((facts.width, facts.height), (HEIGHT, WIDTH), "{mode:?}");
        // Upright, the stripes lie: turned back they stand again.
        let turned =
            if source.facts.rotation == 90 { "transpose=cclock," } else { "transpose=clock," };
        assert_eq!(numbers(&clip, turned)[..12], (48..60).collect::<Vec<_>>(), "{mode:?}");
    }
}

#[test]
fn what_pictures_say_of_themselves_survives() {
    let made = Fixtures::new();
    let hdr = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range tv";
    let cases = [
        ("hdr.mp4", "yuv420p10le", hdr, "yuv420p10le"),
        (
            "pal.mov",
            "yuv420p",
            "-vf setsar=64/45 -color_primaries bt470bg -color_trc bt709 \
            -colorspace bt470bg -flags +ildct+ilme -x264-params tff=1",
            "yuv420p",
        ),
        (
            "phone.mp4",
            "yuvj420p",
            "-color_primaries bt709 -color_trc bt709 -colorspace bt709 \
            -color_range pc",
            "yuvj420p",
        ),
    ];
    let entries = "stream=color_primaries,color_transfer,color_space,sample_aspect_ratio";
    for (name, format, tags, kept) in cases {
        made.ffmpeg(&format!(
            "-f lavfi -i testsrc2=s=320x256:r=25:d=2 -pix_fmt {format} -c:v libx264 {tags} {name}"
        ));
        let path = made.path(name);
        let facts = made.probe(&path);
        for (mode, pixels) in [(CutMode::Copy, kept), (PRORES, "yuv422p10le"), (LONG, kept)] {
            let cut = Cut { range: TimeRange { start: 0.4, end: 1.2 }, mode };
            let target = made
                .path(format!("{mode:?}-{name}"))
                .with_extension(extension(&facts, &path, mode));
            made.tools.cut(&path, &facts, &cut, &target, |_| ()).unwrap();
            let (before, after) = (probe(entries, &path), probe(entries, &target));
            assert_eq!(before.lines().next(), after.lines().next(), "{name} {mode:?}");
            let coded = probe("stream=pix_fmt,color_range,field_order", &target);
            assert!(coded.contains(&format!("pix_fmt={pixels}")), "{name} {mode:?}: {coded}");
            let range = if name == "phone.mp4" && mode != PRORES { "pc" } else { "tv" };
            assert!(
                name == "pal.mov" || coded.contains(&format!("color_range={range}")),
                "{name} {mode:?}: {coded}"
            );
            let fields = coded.contains("field_order=t");
            assert_eq!(fields, name == "pal.mov", "{name} {mode:?}: {coded}");
        }
    }
}

#[test]
fn levels_of_full_range_pictures_are_converted_once() {
    let made = Fixtures::new();
    made.ffmpeg(
        "-f lavfi -i color=white:s=64x64:r=25:d=1 -vf scale=out_range=pc,format=yuvj420p \
         -c:v libx264 -color_range pc w.mp4",
    );
    let path = made.path("w.mp4");
    let source = Source::of(made, path);
    for mode in [CutMode::Copy, PRORES, LONG] {
        let (_, clip) = source.cut(source.range(0, 10), mode).unwrap();
        let raw = source.made.path("level.gray");
        let args = format!("-y -i @ -frames:v 1 -f rawvideo -pix_fmt rgb24 {}", raw.display());
        ask("ffmpeg", &args, &clip);
        let levels = fs_err::read(&raw).unwrap();
        assert!(levels.iter().all(|level| *level >= 253), "{mode:?}: {}", levels[0]);
    }
}

#[test]
fn an_edit_list_that_hides_the_first_frames_is_kept() {
    let made = Fixtures::new();
    made.numbered("25", 120, &format!("{H264} -bf 2 -g 48 -keyint_min 48 whole.mp4"));
    // Frames 48 to 57 stay in the file and are not shown.
    made.ffmpeg("-ss 2.32 -i whole.mp4 -c copy edited.mp4");
    let path = made.path("edited.mp4");
    assert_eq!(numbers(&path, "").first(), Some(&58));
    let shown = numbers(&path, "").len() as u64;
    let source = Source::of(made, path);
    // The container counts 72.
    assert_eq!(source.facts.streams.as_ref().unwrap().frames, Some(shown));
    let (cutting, clip) = source.cut(source.range(0, 10), CutMode::Copy).unwrap();
    assert!(cutting.range.start.abs() < 1e-6, "{cutting:?}");
    let shown = numbers(&clip, "");
    assert_eq!(shown, (58..58 + shown.len() as u32).collect::<Vec<_>>());
    assert_eq!(cutting.frames, Some(shown.len() as u64));
    let (_, clip) = source.cut(source.range(0, 10), LONG).unwrap();
    assert_eq!(numbers(&clip, ""), (58..68).collect::<Vec<_>>());
}

#[test]
fn tracks_that_end_early_do_not_read_to_the_end() {
    let made = Fixtures::new();
    fs_err::write(made.path("s.srt"), "1\n00:00:02,500 --> 00:00:03,000\nHello\n\n").unwrap();
    made.ffmpeg(&format!(
        "-f lavfi -i testsrc2=s=320x180:r=25:d=60 -f lavfi -i sine=d=3:r=48000 -i s.srt -map 0 -map 1 \
         -map 2 {H264} -g 48 -c:a aac -c:s srt a.mkv"
    ));
    let path = made.path("a.mkv");
    let source = Source::of(made, path);
    let (_, clip) = source.cut(source.range(50, 100), CutMode::Copy).unwrap();
    let streams = probe("stream=codec_name", &clip);
    assert!(streams.contains("subrip") && streams.contains("aac"), "{streams}");
    source.check_copy(500, 600);
}

#[test]
fn names_are_only_names() {
    let names =
        ["-i.mp4", "%d %03d.mp4", "it's \"so\".mp4", "line\nbreak.mp4", "🎬 é.mp4", "a:b|c.mp4"];
    let made = Fixtures::new();
    let path = made.numbered("25", 100, &format!("{H264} -g 25 n.mp4"));
    for name in names {
        let folder = made.path(format!("to {}", name.trim_end_matches(".mp4")));
        fs_err::create_dir_all(&folder).unwrap();
        let source = made.path(name);
        fs_err::copy(&path, &source).unwrap();
        let facts = made.probe(&source);
        let range = TimeRange { start: 1.0, end: 2.0 };
        for mode in [CutMode::Copy, LONG] {
            let target = folder.join(format!("{mode:?} {name}"));
            let done = made.tools.cut(&source, &facts, &Cut { range, mode }, &target, |_| ());
            assert_eq!(done.unwrap().frames, Some(25), "{name}");
            assert_eq!(made.probe(&target).duration_seconds, 1.0);
        }
        assert_eq!(fs_err::read_dir(&folder).unwrap().count(), 2, "{name}");
    }
}

#[test]
fn what_cannot_be_cut_says_why_and_leaves_nothing() {
    let source = Source::new("25", &format!("{H264} -g 48 a.mp4"));
    let refused = |start: f64, end: f64, name: &str| {
        let cut = Cut { range: TimeRange { start, end }, mode: CutMode::Copy };
        let target = source.made.path(name);
        source.made.tools.cut(&source.path, &source.facts, &cut, &target, |_| ()).unwrap_err()
    };
    for (start, end) in
        [(9.7, 10.0), (-1.0, 2.0), (3.0, 3.0), (4.0, 3.0), (1.0, 99.0), (f64::NAN, 1.0)]
    {
        let error = refused(start, end, "x.mp4");
        assert!(matches!(error, MediaError::BadCut { .. }), "{start} {end}: {error}");
    }
    for name in ["x.txt", "x", "no/such/folder/x.mp4"] {
        let error = refused(1.0, 2.0, name);
        assert!(error.to_string().contains('x'), "{error}");
        assert!(!source.made.path(name).exists());
    }
    // Neither a file nor a link is written over.
    let elsewhere = source.made.path("elsewhere.mp4");
    std::os::unix::fs::symlink(&elsewhere, source.made.path("link.mp4")).unwrap();
    fs_err::write(source.made.path("there.mp4"), "kept").unwrap();
    for name in ["link.mp4", "there.mp4"] {
        assert!(matches!(refused(1.0, 2.0, name), MediaError::NotWritten { .. }));
        assert!(fs_err::symlink_metadata(source.made.path(name)).is_ok());
    }
    assert!(!elsewhere.exists());
    assert_eq!(fs_err::read_to_string(source.made.path("there.mp4")).unwrap(), "kept");
}

/// A minute of 1080p.
fn large() -> Source {
    let made = Fixtures::new();
    made.ffmpeg(&format!(
        "-f lavfi -i testsrc2=s=1920x1080:r=25:d=2 {H264} -b:v 20M -g 50 short.mp4"
    ));
    made.ffmpeg("-stream_loop 29 -i short.mp4 -c copy long.mp4");
    let path = made.path("long.mp4");
    Source::of(made, path)
}

#[test]
fn cancelling_ends_a_cut_at_once_and_leaves_nothing() {
    let source = large();
    for mode in [PRORES, LONG, CutMode::Copy] {
        let cancel = Cancel::new();
        let tools = source.made.tools.until(&cancel);
        let cut = Cut { range: TimeRange { start: 1.0, end: 59.0 }, mode };
        let target =
            source.made.path("x").with_extension(extension(&source.facts, &source.path, mode));
        let mut since = None;
        let done = tools.cut(&source.path, &source.facts, &cut, &target, |_| {
            if since.is_none() {
                cancel.cancel();
                since = Some(Instant::now());
            }
        });
        assert!(matches!(done, Err(MediaError::Cancelled)), "{mode:?}: {done:?}");
        assert!(since.unwrap().elapsed() < Duration::from_millis(700), "{mode:?}");
        assert!(!target.exists(), "{mode:?}");
    }
}

#[test]
fn a_full_disk_is_named_and_nothing_stays_on_it() {
    let source = large();
    let disk = source.made.path("disk");
    fs_err::create_dir(&disk).unwrap();
    let disk = fs_err::canonicalize(&disk).unwrap();
    let run = |program: &str, args: &[&str]| {
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        let limit = Duration::from_secs(5);
        run_program(
            OsStr::new(program),
            &args,
            &source.made.path(""),
            limit,
            &Cancel::new(),
            &mut |_| (),
        )
    };
    let options = ["-t", "tmpfs", "-o", "size=2m", "tmpfs", "disk"];
    if !run("mount", &options).is_ok_and(|report| report.success()) {
        // Only the system's administrator may make a small disk.
        return;
    }
    let cuts = [PRORES, LONG, CutMode::Copy].map(|mode| {
        let cut = Cut { range: TimeRange { start: 1.0, end: 20.0 }, mode };
        let folder = disk.join("clips");
        fs_err::create_dir_all(&folder).unwrap();
        let target = folder.join("x").with_extension(extension(&source.facts, &source.path, mode));
        let done = source.made.tools.cut(&source.path, &source.facts, &cut, &target, |_| ());
        (done, fs_err::read_dir(&folder).unwrap().count())
    });
    assert!(run("umount", &["disk"]).unwrap().success());
    for (done, left) in cuts {
        let error = done.unwrap_err();
        assert!(matches!(error, MediaError::NoSpace { .. }), "{error}");
        let message = format!("the disk of {} is full", disk.display());
        assert!(error.to_string().starts_with(&message), "{error}");
        assert_eq!(left, 0);
    }
}

#[test]
fn a_missing_encoder_is_named() {
    let source = Source::new("25", &format!("{H264} -g 48 a.mp4"));
    let folder = source.made.path("tools");
    fs_err::create_dir(&folder).unwrap();
    let real = source.made.tools.ffmpeg();
    let script = format!(
        "#!/bin/bash\nfor a; do [ \"$a\" = prores_ks ] && a=no_such; args+=(\"$a\"); done\n\
         exec {} \"${{args[@]}}\"\n",
        real.display()
    );
    fs_err::write(folder.join("ffmpeg"), script).unwrap();
    fs_err::set_permissions(folder.join("ffmpeg"), Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(real.with_file_name("ffprobe"), folder.join("ffprobe")).unwrap();
    let tools = Tools::in_folder(&folder, Limits::default()).unwrap();
    let cut = Cut { range: source.range(0, 10), mode: PRORES };
    let target = source.made.path("x.mov");
    let error = tools.cut(&source.path, &source.facts, &cut, &target, |_| ()).unwrap_err();
    assert!(matches!(&error, MediaError::NoEncoder { encoder } if encoder == "no_such"), "{error}");
    assert!(!target.exists());
}

#[test]
fn one_look_serves_many_clips() {
    let source = Source::new("25", &format!("{H264} -bf 2 -g 24 a.mp4"));
    let ranges: Vec<TimeRange> = (0..23).map(|i| source.range(10 * i, 10 * i + 12)).collect();
    let cutter = source.made.tools.cutter(&source.path, &source.facts, &ranges).unwrap();
    for (i, range) in ranges.iter().enumerate() {
        let target = source.made.path(format!("{i}.mp4"));
        let cut = Cut { range: *range, mode: CutMode::Copy };
        let done = cutter.cut(&cut, &target, |_| ()).unwrap();
        let shown = numbers(&target, "");
        let first = 10 * i as u32 / 24 * 24;
        assert_eq!(shown, (first..first + shown.len() as u32).collect::<Vec<_>>());
        assert_eq!(done.frames, Some(shown.len() as u64));
        assert!(shown.contains(&(10 * i as u32 + 11)) && shown.len() < 24 + 12 + 4);
    }
    let other = Cut { range: source.range(1, 2), mode: CutMode::Copy };
    assert!(cutter.cut(&other, &source.made.path("x.mp4"), |_| ()).is_err());
}

#[test]
fn one_bad_range_spoils_no_other() {
    let made = Fixtures::new();
    let whole =
        made.numbered("25", 240, &format!("{H264} -bf 2 -g 48 -keyint_min 48 {GRAIN} w.ts"));
    // A recording that begins within a group of pictures: its first key is the one at 48.
    let packets = fs_err::read(&whole).unwrap();
    let tail = &packets[packets.len() / 8 / 188 * 188..];
    fs_err::write(made.path("t.ts"), tail).unwrap();
    let path = made.path("t.ts");
    let source = Source::of(made, path);
    let packets = "-select_streams V:0 -show_entries packet=pts_time,flags -of csv=p=0 @";
    let packets = ask("ffprobe", packets, &source.path);
    let key = packets.lines().find(|line| line.contains('K')).unwrap();
    let key: f64 = key.split(',').next().unwrap().parse().unwrap();
    assert!(key - source.facts.start_time > 0.3, "{key} {}", source.facts.start_time);
    let early = TimeRange { start: 0.0, end: 0.2 };
    let late = TimeRange { start: 3.0, end: 99.0 };
    let good = TimeRange { start: 3.0, end: 4.0 };
    let ranges = [early, late, good];
    let cutter = source.made.tools.cutter(&source.path, &source.facts, &ranges).unwrap();
    let cut = |range, name: &str| {
        let mode = CutMode::Copy;
        cutter.cut(&Cut { range, mode }, &source.made.path(name), |_| ())
    };
    let error = cut(early, "early.ts").unwrap_err();
    assert!(matches!(error, MediaError::Decode { .. }), "{error}");
    assert!(error.to_string().contains("no keyframe was found before 0.000 s"), "{error}");
    let error = cut(late, "late.ts").unwrap_err();
    assert!(matches!(error, MediaError::BadCut { .. }), "{error}");
    assert!(cut(good, "good.ts").unwrap().frames.unwrap() >= 25);
}

#[test]
fn an_out_point_far_from_a_keyframe_loses_nothing() {
    let keys = format!("{H264} -bf 3 -g 250 -keyint_min 250 {GRAIN}");
    for name in ["a.ts", "b.mp4"] {
        let made = Fixtures::new();
        let path = made.numbered("25", 520, &format!("{keys} {name}"));
        let source = Source::of(made, path);
        for after in [448, 449, 450, 451] {
            source.check_copy(250, after);
        }
        // The look from 15 s before the out point is the first that sees a keyframe.
        source.check_copy(0, 100);
    }
}

#[test]
fn the_last_half_frame_is_the_last_frame() {
    let source = Source::new("25", &format!("{H264} -bf 2 -g 48 -keyint_min 48 a.mp4"));
    let range = TimeRange { start: 9.59, end: 9.6 };
    let (cutting, clip) = source.cut(range, LONG).unwrap();
    assert_eq!(numbers(&clip, ""), [239]);
    assert_eq!(cutting.range, source.range(239, 240));
    let (_, clip) = source.cut(range, CutMode::Copy).unwrap();
    assert_eq!(numbers(&clip, "").last(), Some(&239));
}

#[test]
fn sound_that_has_ended_does_not_read_to_the_end() {
    let made = Fixtures::new();
    made.ffmpeg(&format!("-f lavfi -i testsrc2=s=640x360:r=25:d=2 {H264} -g 50 s.mp4"));
    made.ffmpeg("-f lavfi -i sine=d=3.5:r=48000 -c:a aac s.m4a");
    let longer = "-stream_loop 1799 -i s.mp4 -i s.m4a -map 0 -map 1 -c copy";
    // The sound ends before the first clip and within the others.
    for (name, start, mode) in [("a.mp4", 20.0, LONG), ("b.mp4", 3.0, PRORES), ("c.mkv", 3.0, LONG)]
    {
        made.ffmpeg(&format!("{longer} {name}"));
        let path = made.path(name);
        let facts = made.probe(&path);
        let target = made.path("x").with_extension(extension(&facts, &path, mode));
        let cut = Cut { range: TimeRange { start, end: start + 1.0 }, mode };
        let since = Instant::now();
        let done = made.tools.cut(&path, &facts, &cut, &target, |_| ()).unwrap();
        // An hour takes most of a minute to decode.
        let took = since.elapsed();
        assert!(took < Duration::from_secs(8), "{name}: {took:?}");
        assert_eq!(done.frames, Some(25), "{name}");
        assert_eq!(frames(&target).len(), 25, "{name}");
        fs_err::remove_file(&target).unwrap();
    }
}

#[test]
fn fields_keep_their_order() {
    let made = Fixtures::new();
    let cases = [
        ("prores_ks -pix_fmt yuv422p10le -flags +ildct", "mov"),
        ("mpeg2video -pix_fmt yuv422p -flags +ildct+ilme", "mxf"),
        ("mpeg2video -pix_fmt yuv422p -flags +ildct+ilme", "mov"),
    ];
    for (weave, first, order) in [
        ("interleave_top", "tff", FieldOrder::Upper),
        ("interleave_bottom", "bff", FieldOrder::Lower),
    ] {
        for (codec, container) in cases {
            let name = format!("{first}-{}-{container}.{container}", &codec[..6]);
            made.ffmpeg(&format!(
                "-f lavfi -i testsrc2=s=352x288:r=50:d=1 -vf \
                 tinterlace={weave},fieldorder={first},setfield={first} -c:v {codec} {name}"
            ));
            let path = made.path(&name);
            let facts = made.probe(&path);
            assert_eq!(facts.streams.as_ref().unwrap().fields, order, "{name}");
            for mode in [PRORES, LONG] {
                let target = made
                    .path(format!("{mode:?}-{name}"))
                    .with_extension(extension(&facts, &path, mode));
                let cut = Cut { range: TimeRange { start: 0.2, end: 0.6 }, mode };
                made.tools.cut(&path, &facts, &cut, &target, |_| ()).unwrap();
                let shown = probe("frame=interlaced_frame,top_field_first", &target);
                let expected = format!(
                    "interlaced_frame=1|top_field_first={}",
                    u8::from(order == FieldOrder::Upper)
                );
                let shown = shown.lines().next().unwrap_or_default();
                assert!(shown.starts_with(&expected), "{name} {mode:?}: {shown}");
            }
        }
    }
}
