//! Whether volumes are there.

use super::{Ledger, Look, below};
use crate::Event;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

impl Ledger {
    /// Finds out which of the volumes that were away lie at their places again: one is back if more than
    /// half of what was reported from it is there unchanged. What else it had may then be missing; of
    /// other volumes nothing is.
    pub(super) fn recognise_volumes(&mut self, look: &Look) {
        let mut found: HashMap<(PathBuf, u64), (usize, usize)> = HashMap::new();
        for (path, known) in &self.files {
            let away = known.epoch != self.mounts.epoch_of(path);
            if let Some(reported) = known.reported.filter(|_| away && !look.is_blind_to(path)) {
                let place = (self.mounts.place_of(path).to_owned(), known.epoch);
                let (all, same) = found.entry(place).or_default();
                *all += 1;
                *same += usize::from(look.files.get(path).is_some_and(|s| s.stamp == reported));
            }
        }
        found.retain(|_, (all, same)| *same * 2 > *all);
        if found.is_empty() {
            return;
        }
        for (path, known) in &mut self.files {
            let place = (self.mounts.place_of(path).to_owned(), known.epoch);
            if found.contains_key(&place) {
                known.epoch = self.mounts.epoch_of(path);
                known.missing = None;
            }
        }
    }

    /// Tells whether the root is there, after all of it was listed.
    pub(super) fn judge_presence(&mut self, events: &mut Vec<Event>) {
        let reported = self.files.iter().filter(|(_, known)| known.reported.is_some());
        let (mut seen, mut trusted) = (false, false);
        for (path, known) in reported {
            let here = known.epoch == self.mounts.epoch_of(path);
            trusted |= here;
            seen |= here && known.missing.is_none();
        }
        if seen || self.reported == 0 {
            events.extend(self.comes_online());
        } else if !trusted {
            let (root, all) = (self.root.display(), self.reported);
            let reason = format!(
                "none of the {all} known files in {root} is there: its volume may be away, or another lies there"
            );
            self.goes_offline(reason, events);
        }
    }

    pub(crate) fn comes_online(&mut self) -> Option<Event> {
        let was = self.online.replace(true);
        (was != Some(true)).then_some(Event::Online)
    }

    pub(super) fn goes_offline(&mut self, reason: String, events: &mut Vec<Event>) {
        if self.online.replace(false) != Some(false) {
            events.push(Event::Offline(reason));
        }
    }

    /// A mount point without any file is not trusted: what is mounted there may be empty because it is
    /// away itself, as a share is whose server has lost a disk.
    pub(super) fn distrust_if_empty(&mut self, place: &Path, events: &mut Vec<Event>) {
        let is_mount_point =
            self.mounts.volume_at(place).is_some_and(|volume| volume.is_mount_point);
        let epoch = self.mounts.epoch_of(place);
        let has_files = below(&self.files, place).any(|(path, known)| {
            known.missing.is_none() && known.epoch == epoch && self.mounts.place_of(path) == place
        });
        if is_mount_point && !has_files {
            self.mounts.distrust(place);
            if place == self.root {
                let reason = format!(
                    "{} is empty, and its volume may be away: nothing is forgotten",
                    place.display()
                );
                self.goes_offline(reason, events);
            }
        }
    }
}
