//! Which item of a clip is on which track.

use super::{Medium, Timeline};
use crate::xml::Xml;
use std::io;

/// Most channels of a file that are written, as many as MADI carries (AES10): each item names all others of
/// its clip, so that what is written grows with the square of a number that a file may choose.
pub const MOST_CHANNELS: u32 = 64;

/// What a track, or an item on it, is in Premiere Pro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Picture,
    Mono,
    Left,
    Right,
}

impl Role {
    pub fn is_sound(self) -> bool {
        self != Self::Picture
    }

    /// By which Premiere Pro puts stereo tracks together again.
    pub fn attributes(self) -> [(&'static str, &'static str); 3] {
        let (index, count, name) = match self {
            Self::Right => ("1", "2", "Stereo"),
            Self::Left => ("0", "2", "Stereo"),
            Self::Picture | Self::Mono => ("0", "1", "Mono"),
        };
        [
            ("currentExplodedTrackIndex", index),
            ("totalExplodedTrackCount", count),
            ("premiereTrackType", name),
        ]
    }

    /// Where the track is heard. Mono tracks say nothing, so as not to be heard on one side only.
    pub fn output(self, xml: &mut Xml) -> io::Result<()> {
        match self {
            Self::Left => xml.text("outputchannelindex", 1),
            Self::Right => xml.text("outputchannelindex", 2),
            Self::Picture | Self::Mono => Ok(()),
        }
    }
}

/// One picture or one channel of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Index of the clip.
    pub clip: usize,
    pub role: Role,
    /// Channel of sound in the file, from 1.
    pub channel: u32,
    /// Number in the document, from 1.
    id: usize,
    /// Number of its track among those of its kind, from 1.
    track: usize,
    /// Number in its track, from 1.
    index: usize,
}

impl Item {
    /// By which others refer to it.
    pub fn name(&self) -> String {
        format!("clipitem-{}", self.id)
    }

    /// What another item says of it.
    pub fn link(&self, xml: &mut Xml) -> io::Result<()> {
        let audio = self.role.is_sound();
        xml.text("linkclipref", self.name())?;
        xml.text("mediatype", if audio { "audio" } else { "video" })?;
        xml.text("trackindex", self.track)?;
        xml.text("clipindex", self.index)?;
        if audio { xml.text("groupindex", 1) } else { Ok(()) }
    }
}

/// All items, by track and by clip.
#[derive(Default)]
pub struct Tracks {
    pub video: Vec<Item>,
    /// The first two are a stereo pair where any medium has one.
    pub audio: Vec<Vec<Item>>,
    /// Of each clip, its picture first.
    pub items: Vec<Vec<Item>>,
    /// How many tracks stand before the mono ones.
    paired: usize,
    count: usize,
}

impl Tracks {
    pub fn of(timeline: &Timeline) -> Self {
        let stereo = timeline.clips.iter().any(|clip| is_stereo(timeline.medium(clip)));
        let mut tracks = Self { paired: if stereo { 2 } else { 0 }, ..Self::default() };
        for (index, clip) in timeline.clips.iter().enumerate() {
            tracks.lay(index, timeline.medium(clip));
        }
        tracks
    }

    /// What the track of sound with an index holds.
    pub fn role(&self, track: usize) -> Role {
        match track {
            0 if self.paired > 0 => Role::Left,
            1 if self.paired > 0 => Role::Right,
            _ => Role::Mono,
        }
    }

    fn lay(&mut self, clip: usize, medium: &Medium) {
        let mut items = Vec::new();
        if medium.has_pictures() {
            items.push(self.item(clip, Role::Picture, 1));
        }
        if is_stereo(medium) {
            items.push(self.item(clip, Role::Left, 1));
            items.push(self.item(clip, Role::Right, 2));
        } else {
            let channels = medium.channels().min(MOST_CHANNELS);
            items.extend((1..=channels).map(|channel| self.item(clip, Role::Mono, channel)));
        }
        self.items.push(items);
    }

    fn item(&mut self, clip: usize, role: Role, channel: u32) -> Item {
        let index = match role {
            Role::Picture | Role::Left => 0,
            Role::Right => 1,
            Role::Mono => self.paired + channel as usize - 1,
        };
        if role.is_sound() && self.audio.len() <= index {
            self.audio.resize_with(index + 1, Vec::new);
        }
        let track = if role.is_sound() { &mut self.audio[index] } else { &mut self.video };
        self.count += 1;
        let item =
            Item { clip, role, channel, id: self.count, track: index + 1, index: track.len() + 1 };
        track.push(item);
        item
    }
}

/// Whether the only sound is one track of two channels.
pub fn is_stereo(medium: &Medium) -> bool {
    matches!(medium.sound[..], [only] if only.channels == 2)
}

/// One channel that the sequence is heard on.
pub fn output(xml: &mut Xml, index: u32) -> io::Result<()> {
    xml.element("group", &[], |xml| {
        xml.text("index", index)?;
        xml.text("numchannels", 1)?;
        xml.text("downmix", 0)?;
        xml.element("channel", &[], |xml| xml.text("index", index))
    })
}
