//! Files made to do harm, written byte by byte.

use crate::fixtures::Fixtures;
use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// A file, and how a probe of it ends: `ok`, or the name of the error.
pub struct Hostile {
    pub path: PathBuf,
    pub probe: &'static str,
}

/// All of them. `port` is where somebody listens.
pub fn all(made: &Fixtures, port: u16) -> Vec<Hostile> {
    let mut files = Vec::new();
    let mut add = |name: &str, bytes: &[u8], probe| {
        let path = made.path(name);
        fs_err::write(&path, bytes).unwrap();
        files.push(Hostile { path, probe });
    };
    let x264 = "-c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p";
    let sound = "-f lavfi -i sine=d=2:r=16000 -shortest -c:a aac";
    let mkv = made.numbered("25", 50, &format!("{sound} {x264} good.mkv"));
    let mp4 = made.numbered("25", 50, &format!("{sound} {x264} -movflags faststart good.mp4"));
    let (mkv, good) = (fs_err::read(mkv).unwrap(), fs_err::read(&mp4).unwrap());

    for (name, text) in playlists(&mp4, port) {
        add(name, text.as_bytes(), "NotMedia");
    }
    let url = format!("http://127.0.0.1:{port}/gab2");
    add("subtitles.avi", &avi_with_playlist(&hls(&url)), "ok");
    pictures(&mut add);
    add("attached.mkv", &attachments(30, 1 << 20), "ok");
    add("claims.mkv", &attachment_that_claims(1 << 40), "ok");
    add("inflates.mkv", &compressed_blocks(), "ok");
    add("streams.mkv", &many_tracks(10_000), "NotMedia");
    add("hundred-streams.mkv", &many_tracks(100), "OverLimit");
    for (name, duration, probe) in [
        ("negative.mkv", -5.0_f64, "ok"),
        ("nan.mkv", f64::NAN, "ok"),
        ("endless.mkv", 1e300, "ok"),
        ("days.mkv", 90_000.0, "OverLimit"),
        ("infinite.mkv", f64::INFINITY, "ok"),
    ] {
        add(name, &with_duration(&mkv, duration), probe);
    }
    add("empty.mp4", b"", "Empty");
    for (percent, first) in [(1, "NoStreams"), (10, "ok"), (50, "ok"), (99, "ok")] {
        add(&format!("cut-{percent}.mp4"), &good[..good.len() * percent / 100], first);
        let second = if percent == 1 { "NotMedia" } else { first };
        add(&format!("cut-{percent}.mkv"), &mkv[..mkv.len() * percent / 100], second);
    }
    add("nested.mp4", &nested_boxes(20_000), "NotMedia");
    for name in ["-i", "-i.mp4", "a:b.mp4", "new\nline.mp4", "\u{1f3ac}.mp4", "e\u{301}.mp4"] {
        add(name, &good, "ok");
    }
    files.extend(no_files(made));
    files
}

fn no_files(made: &Fixtures) -> [Hostile; 2] {
    let (fifo, zero) = (made.path("pipe.mp4"), made.path("zero.mp4"));
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    symlink("/dev/zero", &zero).unwrap();
    [fifo, zero].map(|path| Hostile { path, probe: "NotAFile" })
}

fn hls(target: &str) -> String {
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n")
}

fn playlists(real: &Path, port: u16) -> Vec<(&'static str, String)> {
    let (real, host) = (real.display(), format!("127.0.0.1:{port}"));
    let dash = format!(
        "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
         mediaPresentationDuration=\"PT9S\"><Period><AdaptationSet mimeType=\"video/mp4\">\
         <Representation id=\"1\" bandwidth=\"1\"><BaseURL>http://{host}/x.mp4</BaseURL>\
         </Representation></AdaptationSet></Period></MPD>"
    );
    vec![
        ("hls-http.mp4", hls(&format!("http://{host}/x.ts"))),
        ("hls-http.m3u8", hls(&format!("http://{host}/x.ts"))),
        ("hls-file.mp4", hls("file:///etc/passwd")),
        ("hls-local.mp4", hls("good.mp4")),
        ("concat.mp4", format!("ffconcat version 1.0\nfile '{real}'\n")),
        ("concat-http.mov", format!("ffconcat version 1.0\nfile 'http://{host}/x.mp4'\n")),
        ("session.sdp", format!("v=0\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\n")),
        ("dash.mp4", dash),
        ("picture%03d.png", "not a picture".to_owned()),
        ("vector.svg", format!("<svg xmlns=\"x\"><image href=\"http://{host}/x.png\"/></svg>")),
        ("text.mp4", "Meeting at noon.\n".repeat(500)),
    ]
}

/// Stills that are larger than they look.
fn pictures(add: &mut impl FnMut(&str, &[u8], &'static str)) {
    add("huge.png", &png_header(50_000, 50_000), "OverLimit");
    add("broad.png", &png_header(2_000_000_000, 1), "NotMedia");
    let mut jpeg = rushes_media::jpeg(&picture(64, 64), 80).unwrap();
    // Start of frame: marker, length, precision, height, width (ITU T.81, B.2.2).
    let size = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap() + 5;
    jpeg[size..size + 4].fill(0xff);
    add("huge.jpg", &jpeg, "OverLimit");
    add(
        "huge.gif",
        b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x02D\x01\0;",
        "OverLimit",
    );
    let bmp = [
        b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\0\xff\xff\0\0\xff\xff\0\x01\0\x18\0".to_vec(),
        vec![0; 40],
    ];
    add("huge.bmp", &bmp.concat(), "NotMedia");
    add("huge.ppm", b"P6\n60000 60000\n255\nxxxx", "NoFrames");
    add("huge.qoi", b"qoif\0\x01\0\0\0\x01\0\0\x03\0xxxxxxxx\0\0\0\0\0\0\0\x01", "NoFrames");
    // Within what is allowed, out of a few kilobytes; and large enough that an allocator gives it back.
    add("allowed.png", &black_png(6000), "ok");
}

fn picture(width: u32, height: u32) -> rushes_model::Picture {
    let pixels = vec![0; (width * height * 3) as usize];
    rushes_model::Picture::new(width, height, pixels).unwrap()
}

fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 6, 0, 0, 0]);
    [b"\x89PNG\r\n\x1a\n".to_vec(), png_chunk(b"IHDR", &header), png_chunk(b"IDAT", b"x")].concat()
}

fn png_chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let named = [name, body].concat();
    let check = crc32fast::hash(&named).to_be_bytes();
    [&(body.len() as u32).to_be_bytes(), named.as_slice(), &check].concat()
}

fn black_png(side: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::GrayImage::new(side, side).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn chunk(name: &[u8], body: &[u8]) -> Vec<u8> {
    let mut chunk = [name, &(body.len() as u32).to_le_bytes(), body].concat();
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// An AVI whose subtitles are a playlist (the container of CVE-2017-9993).
fn avi_with_playlist(playlist: &str) -> Vec<u8> {
    let stream = |kind: &[u8], codec: &[u8], format: &[u8]| {
        let timing = words(&[0, 0, 0, 1, 25, 0, 25, 1 << 20, u32::MAX, 0, 0, 0]);
        let header = chunk(b"strh", &[kind, codec, &timing].concat());
        chunk(b"LIST", &[b"strl".to_vec(), header, chunk(b"strf", format)].concat())
    };
    let mut bitmap = words(&[40, 16, 16, 1 | 24 << 16]);
    bitmap.extend(*b"MJPG");
    bitmap.extend(words(&[0; 5]));
    let main = chunk(b"avih", &words(&[40_000, 0, 0, 0x10, 25, 0, 2, 1 << 20, 16, 16, 0, 0, 0, 0]));
    let streams = [stream(b"vids", b"MJPG", &bitmap), stream(b"txts", b"\0\0\0\0", b"")].concat();
    let header = chunk(b"LIST", &[b"hdrl".to_vec(), main, streams].concat());
    let mut subtitles = b"GAB2\0\x02\0\x02\0\0\0\0\0\x04\0".to_vec();
    subtitles.extend((playlist.len() as u32).to_le_bytes());
    subtitles.extend(playlist.as_bytes());
    let frame = chunk(b"01tx", &subtitles);
    let movie = chunk(b"LIST", &[b"movi".to_vec(), frame].concat());
    chunk(b"RIFF", &[b"AVI ".to_vec(), header, movie].concat())
}

/// An element of EBML, its size in eight bytes.
fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
    [id, &(1 << 56 | body.len() as u64).to_be_bytes(), body].concat()
}

fn matroska(parts: &[Vec<u8>]) -> Vec<u8> {
    let header = element(b"\x1a\x45\xdf\xa3", &element(b"\x42\x82", b"matroska"));
    let info = element(b"\x15\x49\xa9\x66", &element(b"\x2a\xd7\xb1", &[0x0f, 0x42, 0x40]));
    [header, element(b"\x18\x53\x80\x67", &[vec![info], parts.to_vec()].concat().concat())].concat()
}

/// A track of PCM at 8 kHz.
fn track(number: u32, more: &[u8]) -> Vec<u8> {
    let audio = element(b"\xe1", &element(b"\xb5", &8000_f64.to_be_bytes()));
    let parts = [
        element(b"\xd7", &number.to_be_bytes()),
        element(b"\x73\xc5", &number.to_be_bytes()),
        element(b"\x83", &[2]),
        element(b"\x86", b"A_PCM/INT/LIT"),
        audio,
        more.to_vec(),
    ];
    element(b"\xae", &parts.concat())
}

/// A second of sound in one block of the track 1.
fn cluster(sound: &[u8]) -> Vec<u8> {
    let block = element(b"\xa3", &[b"\x81\0\0\x80", sound].concat());
    element(b"\x1f\x43\xb6\x75", &[element(b"\xe7", &[0]), block].concat())
}

fn many_tracks(count: u32) -> Vec<u8> {
    let tracks: Vec<u8> = (1..=count).flat_map(|number| track(number, &[])).collect();
    matroska(&[element(b"\x16\x54\xae\x6b", &tracks), cluster(&[0; 8000])])
}

fn attached(name: &str, bytes: &[u8]) -> Vec<u8> {
    let parts = [
        element(b"\x46\x6e", name.as_bytes()),
        element(b"\x46\x60", b"application/zip"),
        element(b"\x46\xae", &[1]),
        element(b"\x46\x5c", bytes),
    ];
    element(b"\x61\xa7", &parts.concat())
}

fn attachments(count: usize, bytes: usize) -> Vec<u8> {
    let files: Vec<u8> =
        (0..count).flat_map(|i| attached(&format!("{i}.zip"), &vec![0; bytes])).collect();
    let tracks = element(b"\x16\x54\xae\x6b", &track(1, &[]));
    matroska(&[tracks, element(b"\x19\x41\xa4\x69", &files), cluster(&[0; 8000])])
}

/// An attachment that says it is a terabyte.
fn attachment_that_claims(bytes: u64) -> Vec<u8> {
    let mut file = attachments(1, 16);
    let size = file.windows(2).rposition(|pair| pair == b"\x46\x5c").unwrap() + 2;
    file[size..size + 8].copy_from_slice(&(1 << 56 | bytes).to_be_bytes());
    file
}

/// Blocks of a few kilobytes of which each inflates to more than ten megabytes.
fn compressed_blocks() -> Vec<u8> {
    // Of a picture of one colour, which is a stream of zlib.
    let png = black_png(4000);
    let start = png.windows(4).position(|name| name == b"IDAT").unwrap();
    let length = u32::from_be_bytes(png[start - 4..start].try_into().unwrap()) as usize;
    let zlib = &png[start + 4..start + 4 + length];
    let algorithm = element(b"\x50\x34", &element(b"\x42\x54", &[0]));
    let encoding = element(b"\x62\x40", &[element(b"\x50\x33", &[0]), algorithm].concat());
    let tracks = element(b"\x16\x54\xae\x6b", &track(1, &element(b"\x6d\x80", &encoding)));
    let mut parts = vec![tracks];
    parts.extend((0..8).map(|_| cluster(zlib)));
    matroska(&parts)
}

/// The same film with another length in its header (element `Duration`, eight bytes).
fn with_duration(mkv: &[u8], seconds: f64) -> Vec<u8> {
    let mut bytes = mkv.to_vec();
    let place = bytes.windows(3).position(|three| three == [0x44, 0x89, 0x88]).unwrap() + 3;
    bytes[place..place + 8].copy_from_slice(&(seconds * 1000.0).to_be_bytes());
    bytes
}

/// Boxes in boxes.
fn nested_boxes(depth: u32) -> Vec<u8> {
    let kind = b"\0\0\0\x14ftypisom\0\0\0\0isom";
    let boxes = (0..depth).flat_map(|i| {
        let name = if i == 0 { b"moov" } else { b"udta" };
        [(8 * (depth - i)).to_be_bytes(), *name].concat()
    });
    kind.iter().copied().chain(boxes).collect()
}
