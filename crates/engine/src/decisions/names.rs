//! Names of those who speak.
//!
//! A model numbers speakers as it likes, and another time otherwise. So a name is kept with times at which
//! that person spoke, and goes to whoever speaks at most of them.

use super::Decided;
use rushes_model::MediaId;
use rushes_store::SpokenSegment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Times that are kept with a name: enough that chance errors do not decide.
const MAX_TIMES: usize = 50;

/// Names by the number of the speaker.
pub type Names = BTreeMap<u32, String>;

/// What some speakers of a medium are called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Naming {
    /// The medium.
    pub media_id: MediaId,
    /// Speaker by speaker.
    pub names: Vec<Named>,
}

/// What one speaker is called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// The name; empty for none any more.
    pub name: String,
    /// Number of the speaker at that time.
    pub label: u32,
    /// Seconds at which that speaker spoke.
    pub times: Vec<f64>,
}

impl Decided {
    /// The names of those who speak in these segments.
    #[must_use]
    pub fn names(&self, segments: &[SpokenSegment]) -> Names {
        let mut names = Names::new();
        for named in self.namings.iter().flat_map(|naming| &naming.names) {
            let Some(speaker) = speaker_at(segments, named) else { continue };
            if named.name.is_empty() {
                names.remove(&speaker);
            } else {
                names.insert(speaker, named.name.clone());
            }
        }
        names
    }
}

/// Who speaks at most of the times of a name; of several the one with its number, else the first.
fn speaker_at(segments: &[SpokenSegment], named: &Named) -> Option<u32> {
    let mut votes: BTreeMap<u32, usize> = BTreeMap::new();
    for time in &named.times {
        let after = segments.partition_point(|segment| segment.start() <= *time);
        let at = after.checked_sub(1).map(|index| &segments[index]);
        if let Some(speaker) = at.filter(|one| *time < one.end()).and_then(|one| one.speaker) {
            *votes.entry(speaker).or_default() += 1;
        }
    }
    let most = votes.values().max()?;
    let winners = || votes.iter().filter(|(_, count)| *count == most).map(|(speaker, _)| *speaker);
    winners().find(|speaker| *speaker == named.label).or_else(|| winners().next())
}

/// Times at which a speaker speaks, spread over all segments: the middle of a word of each.
#[must_use]
pub fn times_of(segments: &[SpokenSegment], speaker: u32) -> Vec<f64> {
    let own: Vec<&SpokenSegment> =
        segments.iter().filter(|segment| segment.speaker == Some(speaker)).collect();
    let count = own.len().min(MAX_TIMES);
    let chosen = (0..count).map(|n| own[n * own.len() / count]);
    let word = |segment: &SpokenSegment| segment.words.get(segment.words.len() / 2).cloned();
    chosen.filter_map(word).map(|word| f64::midpoint(word.start, word.end)).collect()
}
