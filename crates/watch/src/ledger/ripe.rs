//! Files that have been the same for long enough.

use super::{Known, Ledger};
use crate::{Event, Medium, Stamp, Unit, stamp::Stat};
use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// A file that its writer has not closed must be the same this many times longer: copies that stall go on.
/// Some writers never close, so that there is an end to waiting.
const OPEN_FACTOR: u32 = 10;

/// How long is waited at most until a file that could not be opened is tried again.
const LONGEST_RETRY: Duration = Duration::from_secs(300);

/// A unit that may be reported if its files can be opened and are still the same then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The file, or the card's folder.
    pub(crate) unit: PathBuf,
    /// The files to open.
    pub(crate) media: Vec<PathBuf>,
}

impl Ledger {
    /// What may be reported `now`, by name.
    pub(crate) fn ripe(&self, now: Instant) -> Vec<Candidate> {
        if !self.mounts.root_is_here() {
            return Vec::new();
        }
        let candidates = self.restless.iter().filter(|unit| self.has_settled(unit, now));
        let candidates = candidates.map(|unit| {
            let due = |known: &Known| known.retry.is_none_or(|(at, _)| at <= now);
            let media = self
                .members(unit)
                .filter(|(path, known)| self.is_pending(path, known) && due(known))
                .map(|(path, _)| path.clone())
                .collect();
            Candidate { unit: unit.clone(), media }
        });
        candidates.filter(|candidate| !candidate.media.is_empty()).collect()
    }

    fn has_settled(&self, unit: &Path, now: Instant) -> bool {
        let mut members = self.members(unit);
        let calm = match self.cards.get(unit) {
            Some(calm) => Some(*calm),
            None => self.files.get(unit).map(|known| known.calm),
        };
        let factor = if members.any(|(_, known)| known.is_open) { OPEN_FACTOR } else { 1 };
        calm.is_some_and(|calm| calm.lasted(self.settling, factor, now))
    }

    /// Takes in what opening the files of a candidate gave. The unit is reported if there is one.
    pub(crate) fn opened(
        &mut self,
        candidate: Candidate,
        results: Vec<io::Result<Stat>>,
        now: Instant,
    ) -> (Option<Unit>, Vec<Event>) {
        let mut media = Vec::new();
        let mut warnings = Vec::new();
        let mut has_changed = false;
        for (path, result) in candidate.media.into_iter().zip(results) {
            let Some(known) = self.files.get_mut(&path) else { continue };
            match result {
                Ok(stat) if stat.stamp != known.stat.stamp => {
                    known.changes(stat, now);
                    self.has_changed(&path, now);
                    has_changed = true;
                }
                Ok(stat) => media.push(Medium { path, stamp: stat.stamp }),
                Err(error) => warnings.extend(self.could_not_open(&path, &error, now)),
            }
        }
        if has_changed || media.is_empty() {
            return (None, warnings);
        }
        for medium in &media {
            if let Some(known) = self.files.get_mut(&medium.path) {
                self.reported += usize::from(known.reported.is_none());
                self.pending = self.pending.saturating_sub(1);
                known.reported = Some(medium.stamp);
                known.reported_in = known.seen_in;
                known.is_open = false;
                let id = known.stat.id;
                self.remember_place(id, &medium.path);
            }
        }
        if self.unsettled(&candidate.unit) == (0, 0) {
            self.restless.remove(&candidate.unit);
        }
        (Some(self.unit(candidate.unit, media)), warnings)
    }

    fn could_not_open(&mut self, path: &Path, error: &io::Error, now: Instant) -> Option<Event> {
        let known = self.files.get_mut(path)?;
        let is_first = known.retry.is_none();
        let waited = known.retry.map_or(self.settling.quiet, |(_, waited)| waited * 2);
        let wait = waited.min(LONGEST_RETRY);
        known.retry = Some((now + wait, wait));
        // A file that has just gone is no news yet.
        (is_first && error.kind() != io::ErrorKind::NotFound).then(|| {
            Event::Warning(format!(
                "a file is not complete or may not be read, and is tried again: {error}"
            ))
        })
    }

    fn unit(&self, path: PathBuf, media: Vec<Medium>) -> Unit {
        let mut unit = Unit { path, stamp: Stamp::default(), card: None, media, files: 0 };
        for (index, (_, known)) in self.members(&unit.path.clone()).enumerate() {
            let stamp = known.stat.stamp;
            unit.stamp.size += stamp.size;
            let latest = if index == 0 { stamp.mtime_ns } else { unit.stamp.mtime_ns };
            unit.stamp.mtime_ns = latest.max(stamp.mtime_ns);
            unit.card = known.card.as_ref().map(|card| card.structure.name);
            unit.files += 1;
        }
        unit
    }
}
