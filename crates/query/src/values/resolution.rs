//! Sizes of pictures as displayed, after rotation.

use super::{Test, whole};
use std::{cmp::Ordering, fmt};

/// What `resolution:` asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolution {
    /// `1920x1080`: exactly this width and height.
    Size {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// `1080p`: the shorter side.
    Lines(Test<Lines>),
    /// `4k`: a class.
    Class(Test<Class>),
}

/// Length of the shorter side in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lines(pub u32);

/// Classes of sizes, without gaps. A picture is in the highest one of which it reaches the longer or
/// the shorter side, so that a crop to a wider shape stays in its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Less than HD.
    Sd,
    /// From 1280 × 720 on.
    Hd,
    /// From 3840 × 2160 on.
    Uhd,
    /// From 7680 × 4320 on.
    EightK,
}

/// Names of the classes; the first one of a class is its own.
const CLASSES: [(&str, Class); 6] = [
    ("sd", Class::Sd),
    ("hd", Class::Hd),
    ("4k", Class::Uhd),
    ("uhd", Class::Uhd),
    ("8k", Class::EightK),
    ("uhd2", Class::EightK),
];

impl Resolution {
    pub(crate) fn read(text: &str) -> Option<Self> {
        if let Some((width, height)) = text.split_once(['x', 'X', '×']) {
            let side = |text| whole(text).filter(|side| *side > 0);
            return Some(Self::Size { width: side(width)?, height: side(height)? });
        }
        let class = Test::read(text, Class::read).map(Self::Class);
        class.or_else(|| Test::read(text, Lines::read).map(Self::Lines))
    }

    /// `None` where the size is not known.
    pub(crate) fn is_that_of(self, width: u32, height: u32) -> bool {
        let (long, short) = (width.max(height), width.min(height));
        match self {
            _ if short == 0 => false,
            Self::Size { width: w, height: h } => (w, h) == (width, height),
            Self::Lines(test) => test.holds(|lines| short.cmp(&lines.0)),
            Self::Class(test) => test.holds(|class| Class::of(long, short).cmp(class)),
        }
    }

    pub(crate) fn is_backward(self) -> bool {
        match self {
            Self::Size { .. } => false,
            Self::Lines(test) => test.is_backward(Ord::cmp),
            Self::Class(test) => test.is_backward(Ord::cmp),
        }
    }
}

impl Lines {
    fn read(text: &str) -> Option<Self> {
        whole(text.strip_suffix(['p', 'P'])?).filter(|lines| *lines > 0).map(Self)
    }
}

impl Class {
    fn read(text: &str) -> Option<Self> {
        let named = CLASSES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
        named.map(|(_, class)| *class)
    }

    fn of(long: u32, short: u32) -> Self {
        match (long, short) {
            (7680.., _) | (_, 4320..) => Self::EightK,
            (3840.., _) | (_, 2160..) => Self::Uhd,
            (1280.., _) | (_, 720..) => Self::Hd,
            _ => Self::Sd,
        }
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { width, height } => write!(f, "{width}x{height}"),
            Self::Lines(test) => test.fmt(f),
            Self::Class(test) => test.fmt(f),
        }
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}p", self.0)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = CLASSES.iter().find(|(_, class)| class == self);
        f.write_str(own.map_or("", |(name, _)| name))
    }
}

/// Shape of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orientation {
    /// Wider than high.
    Landscape,
    /// Higher than wide.
    Portrait,
    /// As wide as high.
    Square,
}

const ORIENTATIONS: [(&str, Orientation); 3] = [
    ("landscape", Orientation::Landscape),
    ("portrait", Orientation::Portrait),
    ("square", Orientation::Square),
];

impl Orientation {
    pub(crate) fn read(text: &str) -> Option<Self> {
        let named = ORIENTATIONS.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
        named.map(|(_, orientation)| *orientation)
    }

    /// The shape of a picture of that size, if it has one.
    pub(crate) fn of(width: u32, height: u32) -> Option<Self> {
        (width > 0 && height > 0).then(|| match width.cmp(&height) {
            Ordering::Greater => Self::Landscape,
            Ordering::Less => Self::Portrait,
            Ordering::Equal => Self::Square,
        })
    }
}

impl fmt::Display for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = ORIENTATIONS.iter().find(|(_, orientation)| orientation == self);
        f.write_str(own.map_or("", |(name, _)| name))
    }
}
