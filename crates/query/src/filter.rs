//! Facts about media that are so or not.

use crate::{
    ast::Quoted,
    glob,
    values::{
        Date, Orientation, Resolution, Seconds, Test, canonical_codec, kind_name, natural,
        order_rates,
    },
};
use rushes_model::{FrameRate, MediaFacts, MediaKind};
use std::{
    fmt,
    path::{Component, Path},
};

/// How far a length may lie from the one asked for by `duration:30s`.
const SAME_LENGTH_SECONDS: f64 = 0.5;

/// A condition on a medium. What is not known about a medium fits no filter; the opposite of a filter
/// (`NOT`) therefore lets it through.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// What it is.
    Kind(MediaKind),
    /// It lies in this folder or below, or is this file. A path from the root on is meant as it
    /// stands; any other is a folder of that name anywhere in the path.
    In(String),
    /// Its file name fits a pattern with `*` and `?`, or contains this. Case does not matter.
    Name(String),
    /// When it was made, in UTC.
    Date(Test<Date>),
    /// Its length; images have none.
    Duration(Test<Seconds>),
    /// Pixels, as displayed.
    Width(Test<u32>),
    /// Pixels, as displayed.
    Height(Test<u32>),
    /// Its size, as displayed.
    Resolution(Resolution),
    /// Its frame rate, the average where it varies.
    Fps(Test<FrameRate>),
    /// The codec of its pictures or its sound, in ffmpeg's terms.
    Codec(String),
    /// Its shape, as displayed.
    Orientation(Orientation),
    /// It has sound.
    HasAudio,
}

/// What filters look at.
#[derive(Debug, Clone, Copy)]
pub struct MediaView<'m> {
    /// What probing told.
    pub facts: &'m MediaFacts,
    /// Where the file is.
    pub path: &'m Path,
}

impl Filter {
    /// Whether a medium is so.
    #[must_use]
    pub fn matches(&self, media: MediaView<'_>) -> bool {
        let MediaView { facts, path } = media;
        match self {
            Self::Kind(kind) => facts.kind == *kind,
            Self::In(folder) => is_in(path, Path::new(folder)),
            Self::Name(pattern) => has_name(path, pattern),
            Self::Date(test) => {
                let date = facts.created_at.as_deref().and_then(Date::of);
                date.is_some_and(|date| test.holds(|given| date.order(given)))
            }
            Self::Duration(test) => lasts(facts, test),
            Self::Width(test) => facts.width > 0 && test.holds(|given| facts.width.cmp(given)),
            Self::Height(test) => facts.height > 0 && test.holds(|given| facts.height.cmp(given)),
            Self::Resolution(resolution) => resolution.is_that_of(facts.width, facts.height),
            Self::Fps(test) => {
                facts.frame_rate.is_some_and(|rate| test.holds(|given| order_rates(rate, *given)))
            }
            Self::Codec(name) => [&facts.video_codec, &facts.audio_codec]
                .into_iter()
                .flatten()
                .any(|own| is_codec(own, name)),
            Self::Orientation(shape) => Orientation::of(facts.width, facts.height) == Some(*shape),
            Self::HasAudio => facts.has_audio(),
        }
    }

    /// Whether this asks for a range that ends before it begins.
    pub(crate) fn is_backward(&self) -> bool {
        match self {
            Self::Date(test) => test.is_backward(Date::order),
            Self::Duration(test) => test.is_backward(natural),
            Self::Width(test) | Self::Height(test) => test.is_backward(Ord::cmp),
            Self::Resolution(resolution) => resolution.is_backward(),
            Self::Fps(test) => test.is_backward(|from, to| order_rates(*from, *to)),
            _ => false,
        }
    }
}

fn is_in(path: &Path, folder: &Path) -> bool {
    if folder.has_root() {
        return path.starts_with(folder);
    }
    let names = |path: &Path| -> Vec<String> {
        let name = |part: Component<'_>| part.as_os_str().to_string_lossy().to_lowercase();
        path.components().filter(|part| *part != Component::CurDir).map(name).collect()
    };
    let wanted = names(folder);
    let folders = path.parent().map(names).unwrap_or_default();
    !wanted.is_empty() && folders.windows(wanted.len()).any(|part| part == wanted)
}

fn has_name(path: &Path, pattern: &str) -> bool {
    let Some(name) = path.file_name() else { return false };
    let (name, pattern) = (name.to_string_lossy().to_lowercase(), pattern.to_lowercase());
    if pattern.contains(['*', '?']) { glob::fits(&pattern, &name) } else { name.contains(&pattern) }
}

fn lasts(facts: &MediaFacts, test: &Test<Seconds>) -> bool {
    let own = facts.duration_seconds;
    // Probing writes 0 where a container does not tell.
    if facts.kind == MediaKind::Image || own.is_nan() || own <= 0.0 {
        return false;
    }
    match test {
        Test::Is(Seconds(given)) => (own - given).abs() <= SAME_LENGTH_SECONDS,
        test => test.holds(|given| natural(&Seconds(own), given)),
    }
}

fn is_codec(own: &str, wanted: &str) -> bool {
    let own = canonical_codec(own);
    // Uncompressed sound has a name for every sample format, such as pcm_s24le.
    own == wanted || (wanted == "pcm" && own.starts_with("pcm_"))
}

/// Text that parses to the same filter again.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => write!(f, "kind:{}", kind_name(*kind)),
            Self::In(folder) => write!(f, "in:{}", Quoted(folder)),
            Self::Name(pattern) => write!(f, "name:{}", Quoted(pattern)),
            Self::Date(test) => write!(f, "date:{test}"),
            Self::Duration(test) => write!(f, "duration:{test}"),
            Self::Width(test) => write!(f, "width:{test}"),
            Self::Height(test) => write!(f, "height:{test}"),
            Self::Resolution(resolution) => write!(f, "resolution:{resolution}"),
            Self::Fps(test) => write!(f, "fps:{test}"),
            Self::Codec(name) => write!(f, "codec:{name}"),
            Self::Orientation(shape) => write!(f, "orientation:{shape}"),
            Self::HasAudio => f.write_str("has:audio"),
        }
    }
}
