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
            let away = known.reported_in != self.mounts.epoch_of(path);
            if let Some(reported) = known.reported.filter(|_| away && !look.is_blind_to(path)) {
                let place = (self.mounts.place_of(path).to_owned(), known.reported_in);
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
            let place = (self.mounts.place_of(path).to_owned(), known.reported_in);
            if found.contains_key(&place) {
                known.reported_in = self.mounts.epoch_of(path);
                // Those that are there are taken in with the look.
                if !look.files.contains_key(path) {
                    known.seen_in = known.reported_in;
                    known.missing = None;
                }
            }
        }
    }

    /// Tells whether the root is there, after all of it was listed: if anything that is known is there as it was,
    /// if nothing is known, or as long as the volume is the one where something was.
    pub(super) fn judge_presence(&mut self, events: &mut Vec<Event>) {
        let is_there = self.reported == 0
            || self.files.iter().any(|(path, known)| {
                known.reported == Some(known.stat.stamp)
                    && known.missing.is_none()
                    && known.seen_in == self.mounts.epoch_of(path)
            });
        if is_there {
            events.extend(self.comes_online());
        } else if self.online_in != Some(self.mounts.epoch_of(&self.root)) {
            let (root, all) = (self.root.display(), self.reported);
            let reason = format!(
                "none of the {all} known files in {root} is there: its volume may be away, or another lies there"
            );
            self.goes_offline(reason, events);
        }
    }

    pub(crate) fn comes_online(&mut self) -> Option<Event> {
        self.online_in = Some(self.mounts.epoch_of(&self.root));
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
            known.missing.is_none() && known.seen_in == epoch && self.mounts.place_of(path) == place
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
