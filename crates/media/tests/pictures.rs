//! Stills: formats, orientation, limits, sizes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, helpers included")]

mod fixtures;

use fixtures::Fixtures;
use rushes_media::{Cancel, Limits, MediaError, Pass, Sample, Tools, fit, jpeg, resize};
use rushes_model::{MediaKind, Picture, Sampling};

/// Red above, blue below, wider than high.
fn two_halves() -> Picture {
    let row = |colour: [u8; 3]| colour.repeat(48 * 16);
    Picture::new(48, 32, [row([250, 10, 10]), row([10, 10, 250])].concat()).unwrap()
}

fn reddish(picture: &Picture, x: u32, y: u32) -> bool {
    let at = ((y * picture.width + x) * 3) as usize;
    picture.pixels[at] > 150 && picture.pixels[at + 2] < 100
}

#[test]
fn all_formats_are_one_picture() {
    let made = Fixtures::new();
    fs_err::write(made.path("a.jpg"), jpeg(&two_halves(), 95).unwrap()).unwrap();
    let mut names = vec!["a.jpg".to_owned()];
    for ending in ["png", "bmp", "tiff", "gif", "webp", "exr", "dpx", "jp2", "ppm", "qoi", "avif"] {
        let pixels = match ending {
            "exr" => "-pix_fmt gbrpf32le",
            "avif" => "-c:v libaom-av1 -cpu-used 8 -still-picture 1",
            _ => "",
        };
        made.ffmpeg(&format!("-i a.jpg -frames:v 1 {pixels} b.{ending}"));
        names.push(format!("b.{ending}"));
    }
    for name in names {
        let path = made.path(&name);
        let facts = made.probe(&path);
        let shape = (facts.kind, facts.width, facts.height);
        assert_eq!(shape, (MediaKind::Image, 48, 32), "{name}");
        assert!(facts.created_at.is_some() && facts.video_codec.is_some(), "{name}");
        let plan = made.tools.plan(&path, &facts, Sampling::Full).unwrap();
        assert_eq!(plan.passes, [Pass::Picture], "{name}");
        let picture = made.tools.read_image(&path).unwrap();
        assert_eq!((picture.width, picture.height), (48, 32), "{name}");
        assert!(reddish(&picture, 24, 8) && !reddish(&picture, 24, 24), "{name}");

        let mut stream =
            made.tools.frames(&path, &facts, &plan.passes[0], 24, &Cancel::new()).unwrap();
        let Some(Ok(Sample::Frame(frame))) = stream.next() else { panic!("{name}") };
        assert_eq!((frame.second, frame.picture.width), (0, 24), "{name}");
        assert!(stream.next().is_none(), "{name}");
        assert_eq!(made.tools.thumbnail(&path, &facts, 0.0, 12).unwrap().width, 12, "{name}");
    }
}

/// A JPEG with this EXIF orientation.
fn turned(orientation: u8) -> Vec<u8> {
    let mut file = jpeg(&two_halves(), 95).unwrap();
    // APP1 with a TIFF header and one directory entry: tag 0x0112, SHORT, one value.
    let mut exif =
        b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    file.splice(2..2, exif);
    file
}

#[test]
fn exif_orientation_is_applied() {
    let made = Fixtures::new();
    let path = made.path("turned.jpg");
    // Orientation, clockwise turn, and whether a point at the left and at the top is red.
    for (orientation, degrees, left, top) in
        [(1, 0, true, true), (3, 180, false, false), (6, 90, false, true), (8, 270, true, true)]
    {
        fs_err::write(&path, turned(orientation)).unwrap();
        let facts = made.probe(&path);
        let picture = made.tools.read_image(&path).unwrap();
        assert_eq!(facts.rotation, degrees);
        assert_eq!((facts.width, facts.height), (picture.width, picture.height));
        assert_eq!(picture.width > picture.height, degrees % 180 == 0, "{orientation}");
        let red = (reddish(&picture, 4, 4), reddish(&picture, picture.width - 5, 4));
        assert_eq!(red, (left, if degrees == 270 { false } else { top }), "{orientation}");
    }
}

#[test]
fn a_moving_gif_is_a_video() {
    let made = Fixtures::new();
    made.ffmpeg("-f lavfi -i testsrc=s=64x48:r=10 -t 3 moving.gif");
    let path = made.path("moving.gif");
    let facts = made.probe(&path);
    assert_eq!(facts.kind, MediaKind::Video);
    let plan = made.tools.plan(&path, &facts, Sampling::Full).unwrap();
    let taken = made.run(&path, &plan.passes[0]).unwrap();
    let seconds: Vec<u32> = taken.frames.iter().map(|frame| frame.second).collect();
    assert_eq!(seconds, [0, 1, 2]);
}

#[test]
fn a_frame_larger_than_the_picture_is_not_decoded_to_count_it() {
    use image::{Frame, RgbaImage, codecs::gif::GifEncoder};
    let made = Fixtures::new();
    let mut bytes = Vec::new();
    let mut gif = GifEncoder::new(&mut bytes);
    for side in [8, 256] {
        gif.encode_frame(Frame::new(RgbaImage::new(side, side))).unwrap();
    }
    drop(gif);
    let path = made.path("frames.gif");
    fs_err::write(&path, bytes).unwrap();
    let kind = |max_pixels| {
        let tools = Tools::locate(Limits { max_pixels, ..Limits::default() }).unwrap();
        tools.probe(&path).unwrap().kind
    };
    assert_eq!(kind(8192 * 8192), MediaKind::Video);
    assert_eq!(kind(64 * 64), MediaKind::Image);
}

/// A PNG of a few bytes that claims to be this large.
fn claiming(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
    header.extend([8, 2, 0, 0, 0]);
    let check = crc32fast::hash(&header).to_be_bytes();
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0d".as_slice(), &header, &check, b"\0\0\0\0IDAT"].concat()
}

#[test]
fn huge_and_damaged_pictures_are_refused() {
    let made = Fixtures::new();
    let path = made.path("huge.png");
    fs_err::write(&path, claiming(50_000, 50_000)).unwrap();
    for refused in [made.tools.probe(&path).err(), made.tools.read_image(&path).err()] {
        let error = refused.unwrap();
        assert!(matches!(error, MediaError::OverLimit { .. }), "{error}");
        assert!(error.to_string().contains("50000x50000"), "{error}");
    }
    let tight = Limits { max_still_bytes: 10, ..Limits::default() };
    let tight = Tools::locate(tight).unwrap().probe(&path);
    assert!(matches!(tight, Err(MediaError::OverLimit { .. })));

    let whole = jpeg(&two_halves(), 90).unwrap();
    for part in [4, whole.len() / 10, whole.len() / 2] {
        fs_err::write(&path, &whole[..part]).unwrap();
        // Half a picture may be shown, but nothing may break.
        if let Err(error) = made.tools.read_image(&path) {
            assert!(error.to_string().contains("huge.png"), "{error}");
        }
    }
}

#[test]
fn pictures_that_are_something_else() {
    let made = Fixtures::new();
    let read = |name: &str| made.tools.read_image(&made.path(name));
    made.ffmpeg("-f lavfi -i testsrc=s=64x48:r=10 -t 1 -c:v libx264 -pix_fmt yuv420p film.mp4");
    made.ffmpeg("-f lavfi -i testsrc=s=64x48:r=10 -t 1 moving.webp");
    // Content decides, not the name; of what moves the first picture is taken.
    fs_err::rename(made.path("film.mp4"), made.path("film.jpg")).unwrap();
    assert_eq!(made.probe(&made.path("film.jpg")).kind, MediaKind::Video);
    assert_eq!(read("film.jpg").unwrap().width, 64);
    assert_eq!(read("moving.webp").unwrap().width, 64);
    fs_err::write(made.path("still.mp4"), jpeg(&two_halves(), 90).unwrap()).unwrap();
    assert_eq!(made.probe(&made.path("still.mp4")).kind, MediaKind::Image);
    let dot = Picture::new(1, 1, vec![250, 10, 10]).unwrap();
    fs_err::write(made.path("dot.jpg"), jpeg(&dot, 90).unwrap()).unwrap();
    assert_eq!(fit(&read("dot.jpg").unwrap(), 640).width, 1);

    fs_err::write(made.path("text.jpg"), "Meeting at noon.\n".repeat(500)).unwrap();
    assert!(matches!(read("text.jpg"), Err(MediaError::NotMedia { .. })));
    fs_err::create_dir_all(made.path("folder.jpg")).unwrap();
    assert!(matches!(read("folder.jpg"), Err(MediaError::NotAFile { what: "a folder", .. })));
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let (cwd, fifo) = (rustix::fs::CWD, rustix::fs::FileType::Fifo);
    rustix::fs::mknodat(cwd, made.path("pipe.jpg"), fifo, mode, 0).unwrap();
    assert!(matches!(read("pipe.jpg"), Err(MediaError::NotAFile { what: "a pipe", .. })));
    std::os::unix::fs::symlink("/dev/zero", made.path("zero.jpg")).unwrap();
    assert!(matches!(read("zero.jpg"), Err(MediaError::NotAFile { what: "a device", .. })));
}

#[test]
fn previews_are_jpegs_of_a_small_size() {
    let preview = rushes_media::read_preview(&jpeg(&two_halves(), 90).unwrap()).unwrap();
    assert!(preview.width == 48 && reddish(&preview, 24, 8));
    let wide = Picture::new(1025, 1, vec![9; 1025 * 3]).unwrap();
    assert!(rushes_media::read_preview(&jpeg(&wide, 90).unwrap()).is_none());
    for bad in [b"".as_slice(), b"\xff\xd8\xff", &claiming(8, 8)] {
        assert!(rushes_media::read_preview(bad).is_none());
    }
}

#[test]
fn sizes() {
    let picture = two_halves();
    let small = resize(&picture, 12, 8);
    assert!(reddish(&small, 6, 2) && !reddish(&small, 6, 6));
    assert_eq!(fit(&picture, 4096), picture);
    assert_eq!((fit(&picture, 24).width, fit(&picture, 24).height), (24, 16));
    assert_eq!(resize(&picture, 0, 5).width, 1);
    let wide = Picture::new(3000, 1, vec![9; 9000]).unwrap();
    assert_eq!((fit(&wide, 100).width, fit(&wide, 100).height), (100, 1));
    let broken = Picture { width: 70_000, height: 1, pixels: Vec::new() };
    assert!(jpeg(&broken, 80).is_err());
    assert!(jpeg(&Picture { width: 8, height: 8, pixels: vec![0; 3] }, 80).is_err());
}

/// Stills are decoded in this process, where a panic would be ours.
#[test]
fn mutated_pictures_are_refused_or_read() {
    let made = Fixtures::new();
    fs_err::write(made.path("a.jpg"), jpeg(&two_halves(), 95).unwrap()).unwrap();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let (mut read, mut refused) = (0, 0);
    for ending in ["jpg", "png", "bmp", "tiff", "gif", "webp"] {
        if ending != "jpg" {
            made.ffmpeg(&format!("-i a.jpg -frames:v 1 a.{ending}"));
        }
        let whole = fs_err::read(made.path(format!("a.{ending}"))).unwrap();
        let path = made.path("mutated");
        for round in 0..400 {
            let mut bytes = whole.clone();
            for _ in 0..1 + round % 12 {
                // What comes first tells the format.
                let place = 16 + next() as usize % (bytes.len() - 16);
                bytes[place] = match next() % 4 {
                    0 => 0xff,
                    1 => 0,
                    _ => next() as u8,
                };
            }
            if round % 5 == 0 {
                bytes.truncate(16 + next() as usize % (bytes.len() - 16));
            }
            fs_err::write(&path, &bytes).unwrap();
            match made.tools.read_image(&path) {
                Ok(_) => read += 1,
                Err(MediaError::NotMedia { .. } | MediaError::OverLimit { .. }) => refused += 1,
                Err(error) => panic!("{ending} {round}: {error}"),
            }
        }
    }
    assert!(read > 300 && refused > 300, "{read} {refused}");
}
