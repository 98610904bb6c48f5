//! Pictures with text on them: what ffmpeg's drawtext writes, on plain colour or on footage.

use super::clips::{ffmpeg, input_of};
use rushes_model::Picture;
use std::fmt::Write as _;

/// What the text is drawn on.
#[derive(Debug, Clone, Copy)]
pub enum Base {
    /// One colour.
    Plain(&'static str),
    /// The frame of a clip at a second, filling the picture.
    Clip(&'static str, f64),
}

/// One line of text; `x` and `y` are its top left corner at 1080p.
#[derive(Debug, Clone)]
pub struct Text {
    /// What is drawn.
    pub text: &'static str,
    /// Font size in pixels at 1080p.
    pub size: u32,
    /// From the left.
    pub x: u32,
    /// From the top.
    pub y: u32,
    /// More settings of drawtext.
    pub style: &'static str,
}

/// A picture to be drawn.
#[derive(Debug, Clone)]
pub struct Fixture<'a> {
    /// What it shows.
    pub name: &'a str,
    /// What is behind.
    pub base: Base,
    /// What stands there.
    pub texts: &'a [Text],
    /// Degrees by which the text is turned clockwise.
    pub tilt: f64,
}

const fn text(text: &'static str, size: u32, x: u32, y: u32, style: &'static str) -> Text {
    Text { text, size, x, y, style }
}

const fn level<'a>(name: &'a str, base: Base, texts: &'a [Text]) -> Fixture<'a> {
    Fixture { name, base, texts, tilt: 0.0 }
}

const SANS: &str = "font=DejaVu Sans:fontcolor=white";
const BOLD: &str = "font=DejaVu Sans\\\\:bold:fontcolor=white";
const DARK: &str = "font=DejaVu Sans:fontcolor=0x222222";
const DARK_BOLD: &str = "font=DejaVu Sans\\\\:bold:fontcolor=0x102040";
const SERIF: &str = "font=DejaVu Serif:fontcolor=white";
const CHALK: &str = "font=DejaVu Sans Mono:fontcolor=0xdddddd";
const SHADOW: &str = "font=DejaVu Sans:fontcolor=white:shadowcolor=black:shadowx=3:shadowy=3";
const SERIF_SHADOW: &str =
    "font=DejaVu Serif:fontcolor=white:shadowcolor=black:shadowx=3:shadowy=3";
const BAR: &str = "font=DejaVu Sans:fontcolor=white:box=1:boxcolor=black@0.5:boxborderw=14";
const BLUE_BAR: &str =
    "font=DejaVu Sans\\\\:bold:fontcolor=white:box=1:boxcolor=0x1040a0@0.7:boxborderw=16";
const BURN_IN: &str = "font=DejaVu Sans Mono:fontcolor=white:box=1:boxcolor=black@0.6:boxborderw=8";
const OUTLINE: &str = "font=DejaVu Sans\\\\:bold:fontcolor=yellow:borderw=3:bordercolor=black";

const BUNNY: Base = Base::Clip("bigbuckbunny.mp4", 2.0);
const BIKES: Base = Base::Clip("bikes.mp4", 6.0);
const PHONE: Base = Base::Clip("carphone_pristine.mp4", 1.0);
const STREET: Base = Base::Clip("vtest.avi", 20.0);

/// The fixtures of the required figure: text of 40 pixels and larger at 1080p.
pub const FIXTURES: &[Fixture<'static>] = &[
    level(
        "slate",
        Base::Plain("black"),
        &[
            text("PRODUCTION: NORTHERN LIGHTS", 60, 160, 120, SANS),
            text("SCENE 12A", 140, 160, 260, BOLD),
            text("TAKE 3", 140, 1160, 260, BOLD),
            text("ROLL A001", 90, 160, 500, SANS),
            text("DATE 2024-05-17", 60, 160, 680, SANS),
            text("DIRECTOR: ANNA LINDQVIST", 48, 160, 820, SANS),
            text("CAMERA: J. OKAFOR", 40, 160, 920, SANS),
        ],
    ),
    level(
        "chalk slate",
        Base::Plain("0x181818"),
        &[
            text("Scene 104", 90, 200, 160, CHALK),
            text("Take 17", 90, 1100, 160, CHALK),
            text("Roll B023 Sound 8", 60, 200, 360, CHALK),
            text("Day Exterior Harbour", 48, 200, 520, CHALK),
            text("24 fps 180 degrees", 40, 200, 660, CHALK),
        ],
    ),
    level(
        "lower third on bikes",
        BIKES,
        &[
            text("Maria Gonzalez", 60, 140, 820, BAR),
            text("Head of Urban Planning", 40, 140, 930, BAR),
        ],
    ),
    level(
        "lower third on bunny",
        BUNNY,
        &[
            text("Professor Thomas Weaver", 60, 140, 800, BLUE_BAR),
            text("Institute for Animal Behaviour", 48, 140, 920, BAR),
        ],
    ),
    level(
        "lower third on a street",
        STREET,
        &[
            text("Breaking news", 90, 120, 740, BLUE_BAR),
            text("City council approves new bridge", 48, 120, 910, BAR),
        ],
    ),
    level(
        "slide",
        Base::Plain("white"),
        &[
            text("Quarterly Results", 140, 160, 100, DARK_BOLD),
            text("Revenue grew by 14 percent", 60, 220, 360, DARK),
            text("Customers in 23 countries", 60, 220, 480, DARK),
            text("Two new offices opened in Berlin", 48, 220, 620, DARK),
            text("Questions to finance department", 40, 220, 740, DARK),
        ],
    ),
    level(
        "dense slide",
        Base::Plain("0xf4f0e8"),
        &[
            text("Agenda", 90, 160, 80, DARK_BOLD),
            text("1. Welcome and introductions", 48, 200, 260, DARK),
            text("2. Review of last season", 48, 200, 360, DARK),
            text("3. Budget and schedule", 48, 200, 460, DARK),
            text("4. Equipment rental", 48, 200, 560, DARK),
            text("Lunch is served at noon in the garden room", 40, 200, 720, DARK),
            text("Please return your badges before leaving", 40, 200, 800, DARK),
        ],
    ),
    level(
        "title on bunny",
        BUNNY,
        &[
            text("THE MEADOW", 140, 420, 380, SERIF_SHADOW),
            text("a film by Clara Jensen", 60, 560, 600, SERIF_SHADOW),
        ],
    ),
    level(
        "subtitles on bikes",
        BIKES,
        &[
            text("I never said that it would be easy,", 48, 420, 880, SHADOW),
            text("but we have to try anyway.", 48, 520, 960, SHADOW),
        ],
    ),
    level(
        "subtitles on a car",
        PHONE,
        &[text("Where are we going tonight?", 60, 460, 900, OUTLINE)],
    ),
    level(
        "caption on a street",
        STREET,
        &[
            text("Camera 4 North Entrance", 40, 80, 60, SHADOW),
            text("Recorded without sound", 48, 80, 960, SHADOW),
        ],
    ),
    level(
        "timecode on a street",
        STREET,
        &[
            text("01:23:45:12", 60, 740, 960, BURN_IN),
            text("A012C004", 40, 80, 60, BURN_IN),
            text("REC 709", 40, 1640, 60, BURN_IN),
        ],
    ),
    level(
        "timecode on bunny",
        BUNNY,
        &[
            text("TCR 10:00:04:23", 48, 660, 980, BURN_IN),
            text("Proxy 1920x1080", 40, 60, 40, BURN_IN),
        ],
    ),
    level(
        "end titles",
        Base::Plain("black"),
        &[
            text("Directed by", 40, 820, 160, SERIF),
            text("Helena Brandt", 60, 740, 230, SERIF),
            text("Edited by", 40, 840, 400, SERIF),
            text("Samuel Whitaker", 60, 700, 470, SERIF),
            text("Original music", 40, 800, 640, SERIF),
            text("The Copenhagen Quartet", 60, 580, 710, SERIF),
        ],
    ),
    level(
        "chapter",
        Base::Plain("0x203050"),
        &[text("Chapter Two", 140, 500, 360, BOLD), text("The long way home", 90, 540, 580, SANS)],
    ),
    Fixture {
        name: "tilted slate",
        base: Base::Plain("black"),
        texts: &[
            text("SCENE 7", 140, 400, 320, BOLD),
            text("TAKE 2 ROLL C014", 90, 400, 520, SANS),
            text("Saturday morning", 48, 400, 680, SANS),
        ],
        tilt: 10.0,
    },
];

impl Fixture<'_> {
    /// Draws it; sizes and places shrink with the picture.
    pub fn draw(&self, width: u32, height: u32) -> Picture {
        let folder = tempfile::tempdir().expect("a folder");
        let mut filters = format!("scale={width}:{height}:flags=bicubic,setsar=1,format=rgb24");
        for (number, text) in self.texts.iter().enumerate() {
            let file = folder.path().join(format!("{number}.txt"));
            fs_err::write(&file, text.text).expect("written");
            let part = |value: u32| value * height / 1080;
            let (size, x, y) = (part(text.size), part(text.x), part(text.y));
            let (file, style) = (file.display(), text.style);
            write!(
                filters,
                ",drawtext=textfile={file}:expansion=none:fontsize={size}:x={x}:y={y}:{style}"
            )
            .expect("written");
        }
        if self.tilt != 0.0 {
            write!(filters, ",rotate={}", self.tilt.to_radians()).expect("written");
        }
        let input = match self.base {
            Base::Plain(colour) => {
                let source = format!("color={colour}:s={width}x{height}");
                ["-f", "lavfi", "-i", &source].map(str::to_owned).to_vec()
            }
            Base::Clip(clip, second) => input_of(clip, second),
        };
        ffmpeg(&input, &filters)
    }
}

/// Seconds of clips without text, spread over all that there is.
pub fn footage(count: usize) -> impl Iterator<Item = (&'static str, f64)> {
    let clips = [
        ("bigbuckbunny.mp4", 5.2),
        ("bikes.mp4", 9.9),
        ("carphone_pristine.mp4", 3.9),
        ("vtest.avi", 79.0),
    ];
    let each = count / clips.len();
    clips.into_iter().flat_map(move |(clip, seconds)| {
        (0..each).map(move |n| (clip, seconds * n as f64 / each as f64))
    })
}
