//! What faces and clusters are called.

use rushes_model::{Area, MediaId};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Steps of a place across a frame.
const STEPS: f32 = 1000.0;

/// A face by where it is: a medium, a time and a place. It outlives the analysis that found it, since
/// another one finds a face there again.
///
/// Written as `<media id>-<milliseconds>-<across>-<down>`, the places of the face's middle in thousandths
/// of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FaceId {
    /// The medium.
    pub media_id: MediaId,
    /// Source time of the frame in which it is clearest, in milliseconds.
    pub milliseconds: u32,
    /// Where its middle is from left to right, in thousandths of the frame.
    pub across: i16,
    /// Where its middle is from top to bottom, in thousandths of the frame.
    pub down: i16,
}

/// A cluster. Its id comes from the face that it begins with or, for one that somebody began, from chance.
///
/// Written as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterId(pub u64);

/// A text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no id of a {0}")]
pub struct NoId(&'static str);

impl FaceId {
    /// The id of a face in this place.
    #[must_use]
    pub fn new(media_id: MediaId, milliseconds: u32, area: Area) -> Self {
        let middle = |start: f32, length: f32| ((start + length / 2.0) * STEPS).round() as i16;
        let (across, down) = (middle(area.left, area.width), middle(area.top, area.height));
        Self { media_id, milliseconds, across, down }
    }
}

impl ClusterId {
    /// The id of the cluster of a collection that begins with this face.
    #[must_use]
    pub fn of(collection: &str, first: FaceId) -> Self {
        let hash = blake3::hash(format!("{first} {collection}").as_bytes());
        let bytes = hash.as_bytes().first_chunk().copied().unwrap_or_default();
        Self(u64::from_be_bytes(bytes))
    }
}

impl fmt::Display for FaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { media_id, milliseconds, across, down } = self;
        write!(f, "{media_id}-{milliseconds}-{across}-{down}")
    }
}

impl FromStr for FaceId {
    type Err = NoId;
    fn from_str(text: &str) -> Result<Self, NoId> {
        let read = || {
            let (media_id, rest) = text.split_at_checked(32)?;
            let (milliseconds, rest) = rest.strip_prefix('-')?.split_once('-')?;
            // A face at the left edge may have its middle outside: `-` then stands twice.
            let dash = rest.char_indices().skip(1).find(|(_, letter)| *letter == '-')?.0;
            Some(Self {
                media_id: media_id.parse().ok()?,
                milliseconds: milliseconds.parse().ok()?,
                across: rest[..dash].parse().ok()?,
                down: rest[dash + 1..].parse().ok()?,
            })
        };
        // Only what we would write ourselves: one face has one id.
        read().filter(|id: &Self| id.to_string() == text).ok_or(NoId("face"))
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for ClusterId {
    type Err = NoId;
    fn from_str(text: &str) -> Result<Self, NoId> {
        let read = u64::from_str_radix(text, 16).ok().map(Self);
        read.filter(|id| id.to_string() == text).ok_or(NoId("cluster"))
    }
}

macro_rules! text_conversions {
    ($($name:ident),*) => {$(
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
        impl TryFrom<String> for $name {
            type Error = NoId;
            fn try_from(text: String) -> Result<Self, NoId> {
                text.parse()
            }
        }
    )*};
}
text_conversions!(FaceId, ClusterId);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_read_back(
            id in any::<[u8; 16]>(), ms in any::<u32>(), across in any::<i16>(), down in any::<i16>(),
            cluster in any::<u64>(), text in ".{0,60}",
        ) {
            let face = FaceId { media_id: MediaId(id), milliseconds: ms, across, down };
            prop_assert_eq!(face.to_string().parse(), Ok(face));
            prop_assert_eq!(ClusterId(cluster).to_string().parse(), Ok(ClusterId(cluster)));
            prop_assert!(text.parse::<FaceId>().is_err() && text.parse::<ClusterId>().is_err());
        }
    }

    #[test]
    fn one_id_is_written_in_one_way() {
        let media = "ab".repeat(16);
        for good in ["-0-500-250", "-4294967295--20-1000"] {
            assert!(format!("{media}{good}").parse::<FaceId>().is_ok(), "{good}");
        }
        for bad in ["", "-1", "-1-2", "-+1-2-3", "-01-2-3", "-1-2-3-4", "-1-2-3 ", "-1-2-99999"] {
            assert!(format!("{media}{bad}").parse::<FaceId>().is_err(), "{bad}");
        }
        assert!(media.to_uppercase().parse::<FaceId>().is_err());
        assert!("ABCDEF0123456789".parse::<ClusterId>().is_err());
        assert!("abcdef".parse::<ClusterId>().is_err());
    }

    #[test]
    fn clusters_of_collections_differ() {
        let face = FaceId::new(MediaId([7; 16]), 1500, Area::default());
        assert_ne!(ClusterId::of("a", face), ClusterId::of("b", face));
        assert_eq!(ClusterId::of("a", face), ClusterId::of("a", face));
    }
}
