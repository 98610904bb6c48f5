//! What an analysis folder knows of ranges: who is seen and what is said.

use crate::{
    library::{LoadedFolder, LoadedTranscript},
    people::Presence,
    usecases::{Engine, transcripts::Transcripts},
};
use rushes_model::{Failure, MediaFacts, MediaId, TimeRange};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    rc::Rc,
    sync::Arc,
};

/// Times in seconds at which somebody is seen, in order, and whose place among the people that is.
type Sightings = Rc<Vec<(f64, usize)>>;

/// An analysis folder while ranges are looked up in it.
pub struct Known<'a> {
    /// Its transcripts.
    pub transcripts: Transcripts<'a>,
    /// People with names, and when each is seen.
    people: Vec<(String, Presence)>,
    /// By medium, as they are asked for.
    sightings: RefCell<HashMap<MediaId, Sightings>>,
    heard: RefCell<HashMap<MediaId, Option<Arc<LoadedTranscript>>>>,
}

impl<'a> Known<'a> {
    /// Over the folder that a caller named.
    ///
    /// # Errors
    /// `BadPath`, `CacheDir`.
    pub fn open(engine: &'a Engine, cache_dir: &str) -> Result<Self, Failure> {
        let transcripts = engine.transcripts(cache_dir)?;
        let people = named_people(&transcripts.folder)?;
        let (sightings, heard) = Default::default();
        Ok(Self { transcripts, people, sightings, heard })
    }

    /// A medium that was analysed when it lay at `path`.
    pub fn analysed(&self, path: &Path) -> Option<(MediaId, MediaFacts)> {
        let media = self.transcripts.folder.by_source(path)?;
        Some((media.media_id, media.facts.clone()))
    }

    /// Who is seen in a range, in order of their names.
    pub fn seen(&self, media_id: MediaId, range: &TimeRange) -> Vec<String> {
        let sightings = self.sightings(media_id);
        let first = sightings.partition_point(|(time, _)| *time < range.start);
        let within = sightings[first..].iter().take_while(|(time, _)| *time < range.end);
        let people: BTreeSet<usize> = within.map(|(_, person)| *person).collect();
        people.into_iter().map(|person| self.people[person].0.clone()).collect()
    }

    fn sightings(&self, media_id: MediaId) -> Sightings {
        let gather = || {
            let people = self.people.iter().enumerate();
            let times = people.flat_map(|(person, (_, presence))| {
                presence.of(media_id).iter().map(move |time| (*time, person))
            });
            let mut times: Vec<_> = times.collect();
            times.sort_by(|a, b| a.0.total_cmp(&b.0));
            Rc::new(times)
        };
        Rc::clone(self.sightings.borrow_mut().entry(media_id).or_insert_with(gather))
    }

    /// What is said in a range: the words whose middle lies in it.
    pub fn said(&self, media_id: MediaId, range: &TimeRange) -> Option<String> {
        let found = self.heard(media_id)?;
        let segments = &found.speech.segments;
        let near = segments.iter().filter(|one| one.start() < range.end && one.end() > range.start);
        let words = near.flat_map(|segment| &segment.words);
        let inside = words.filter(|word| range.contains((word.start + word.end) / 2.0));
        let texts: Vec<&str> = inside.map(|word| word.text.as_str()).collect();
        let text = texts.join(if found.speech.voice.spaced { " " } else { "" });
        (!text.is_empty()).then_some(text)
    }

    fn heard(&self, media_id: MediaId) -> Option<Arc<LoadedTranscript>> {
        let mut heard = self.heard.borrow_mut();
        heard.entry(media_id).or_insert_with(|| self.transcripts.of_medium(media_id)).clone()
    }
}

/// Everybody who has a name in a collection of the folder: clusters of one name are one person.
fn named_people(folder: &LoadedFolder) -> Result<Vec<(String, Presence)>, Failure> {
    let mut named: BTreeMap<String, Presence> = BTreeMap::new();
    for collection in folder.collections() {
        let people = folder.people(&collection)?;
        for cluster in people.groups.clusters() {
            if let Some(name) = &cluster.name {
                named.entry(name.clone()).or_default().add(&people, cluster);
            }
        }
    }
    Ok(named.into_iter().collect())
}
