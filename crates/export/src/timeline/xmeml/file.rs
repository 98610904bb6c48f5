//! Files, and what their pictures and sound are like.

use super::{Medium, rate::Base, timecode, tracks};
use crate::{timeline::url, xml::Xml};
use rushes_model::{FieldOrder, MediaKind};
use std::{io, iter};

/// Bits a sample: nothing tells, and Premiere Pro itself writes this for every file.
const DEPTH: u32 = 16;

/// All that is known of a file; `length` is in frames of its own rate.
pub fn write(xml: &mut Xml, medium: &Medium, length: u64) -> io::Result<()> {
    let base = Base::of(medium.rate);
    xml.text("name", medium.file_name())?;
    xml.text("pathurl", path_url(&medium.path))?;
    base.write(xml)?;
    xml.text("duration", length)?;
    // Stills have no time of their own.
    if medium.kind != MediaKind::Image {
        timecode(xml, base, medium.timecode(0), medium.reel.as_deref())?;
    }
    xml.element("media", &[], |xml| {
        if medium.has_pictures() {
            xml.element("video", &[], |xml| {
                xml.element("samplecharacteristics", &[], |xml| {
                    base.write(xml)?;
                    picture(xml, medium.size, shown(medium), fields(medium.fields))
                })
            })?;
        }
        channels(xml, medium)
    })
}

/// Where the file is, with the colon after a drive as Premiere Pro writes it.
fn path_url(path: &str) -> String {
    let url = url::of_file(path, "localhost");
    let drive = url.strip_prefix("file://localhost/").and_then(|rest| rest.split_once(":/"));
    match drive {
        Some((drive, rest)) => format!("file://localhost/{drive}%3a/{rest}"),
        None => url,
    }
}

/// Sound as Premiere Pro describes it: a stereo file once, any other channel by channel.
fn channels(xml: &mut Xml, medium: &Medium) -> io::Result<()> {
    if tracks::is_stereo(medium) {
        return xml.element("audio", &[], |xml| {
            sound(xml, medium.sound[0].sample_rate)?;
            xml.text("channelcount", 2)
        });
    }
    let rates = medium
        .sound
        .iter()
        .flat_map(|track| iter::repeat_n(track.sample_rate, track.channels as usize));
    for (channel, sample_rate) in (1..=tracks::MOST_CHANNELS).zip(rates) {
        xml.element("audio", &[], |xml| {
            sound(xml, sample_rate)?;
            xml.text("channelcount", 1)?;
            xml.element("audiochannel", &[], |xml| xml.text("sourcechannel", channel))
        })?;
    }
    Ok(())
}

/// Sound of some samples a second.
pub fn sound(xml: &mut Xml, sample_rate: u32) -> io::Result<()> {
    xml.element("samplecharacteristics", &[], |xml| {
        xml.text("depth", DEPTH)?;
        xml.text("samplerate", sample_rate)
    })
}

/// The picture of a sequence: square pixels, whole frames.
pub fn sequence_picture(xml: &mut Xml, base: Base, size: (u32, u32)) -> io::Result<()> {
    xml.element("samplecharacteristics", &[], |xml| {
        base.write(xml)?;
        picture(xml, size, SQUARE, "none")
    })
}

/// What a clip item says of its picture.
pub fn item_picture(xml: &mut Xml, medium: &Medium) -> io::Result<()> {
    xml.text("alphatype", "none")?;
    shape(xml, shown(medium))?;
    if medium.kind == MediaKind::Image { xml.text("stillframe", "TRUE") } else { Ok(()) }
}

fn picture(xml: &mut Xml, size: (u32, u32), pixels: Pixels, fields: &str) -> io::Result<()> {
    xml.text("width", size.0)?;
    xml.text("height", size.1)?;
    shape(xml, pixels)?;
    xml.text("fielddominance", fields)
}

fn shape(xml: &mut Xml, pixels: Pixels) -> io::Result<()> {
    xml.text("pixelaspectratio", pixels.name)?;
    xml.text("anamorphic", if pixels.anamorphic { "TRUE" } else { "FALSE" })
}

fn fields(order: FieldOrder) -> &'static str {
    match order {
        FieldOrder::Progressive => "none",
        FieldOrder::Upper => "upper",
        FieldOrder::Lower => "lower",
    }
}

/// The shape of a pixel as Final Cut Pro 7 names it; `anamorphic` makes the picture 16:9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pixels {
    name: &'static str,
    anamorphic: bool,
}

const SQUARE: Pixels = Pixels { name: "square", anamorphic: false };

fn shown(medium: &Medium) -> Pixels {
    pixels(medium).unwrap_or(SQUARE)
}

/// What a medium's pixels are called, if anything. The names go by the size of the picture too.
pub fn pixels(medium: &Medium) -> Option<Pixels> {
    let (width, height) = medium.pixel_aspect;
    let named = |name| Some(Pixels { name, anamorphic: false });
    if width == height {
        return Some(SQUARE);
    }
    match medium.size {
        (1440, 1080) => named("HD-(1440x1080)"),
        (1280, 1080) => named("HD-(1280x1080)"),
        (960, 720) => named("HD-(960x720)"),
        // Pixels of 4:3 pictures are at most 1.1 wide, those of 16:9 ones at least 1.18.
        (702..=720, 480 | 486) => Some(wide("NTSC-601", medium.pixel_aspect)),
        (702..=720, 576 | 608) => Some(wide("PAL-601", medium.pixel_aspect)),
        _ => None,
    }
}

fn wide(name: &'static str, (width, height): (u32, u32)) -> Pixels {
    Pixels { name, anamorphic: f64::from(width) > 1.15 * f64::from(height) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_have_the_names_of_final_cut_pro() {
        let named = |size, pixel_aspect| {
            let pixels = pixels(&Medium { size, pixel_aspect, ..still() });
            pixels.map(|pixels| (pixels.name, pixels.anamorphic))
        };
        assert_eq!(named((1920, 1080), (1, 1)), Some(("square", false)));
        assert_eq!(named((1440, 1080), (4, 3)), Some(("HD-(1440x1080)", false)));
        assert_eq!(named((960, 720), (4, 3)), Some(("HD-(960x720)", false)));
        assert_eq!(named((720, 480), (8, 9)), Some(("NTSC-601", false)));
        assert_eq!(named((720, 480), (32, 27)), Some(("NTSC-601", true)));
        assert_eq!(named((720, 576), (16, 15)), Some(("PAL-601", false)));
        assert_eq!(named((720, 576), (64, 45)), Some(("PAL-601", true)));
        assert_eq!(named((1828, 1332), (2, 1)), None);
    }

    #[test]
    fn drives_are_written_as_premiere_does() {
        for (path, url) in [
            (r"D:\media\a b.mov", "file://localhost/D%3a/media/a%20b.mov"),
            ("/D:/media/a:/b.mov", "file://localhost/D%3A/media/a%3A/b.mov"),
            (r"\\nas\media\b.mov", "file://nas/media/b.mov"),
        ] {
            assert_eq!(path_url(path), url);
        }
    }

    fn still() -> Medium {
        Medium {
            path: "/a.png".to_owned(),
            kind: MediaKind::Image,
            rate: "25".parse().unwrap(),
            first: 0,
            drop: false,
            frames: None,
            size: (1, 1),
            pixel_aspect: (1, 1),
            fields: FieldOrder::Progressive,
            rotation: 0,
            sound: Vec::new(),
            reel: None,
            offline: false,
        }
    }
}
