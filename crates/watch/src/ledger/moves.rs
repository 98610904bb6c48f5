//! Files that have another name.

use super::{Ledger, Look};
use crate::{Event, cards::Card, stamp::Stat};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    time::Instant,
};

impl Ledger {
    /// Where the files of this look were reported before, if elsewhere. To tell whether they have moved,
    /// these paths must be part of the look.
    pub(crate) fn earlier_places(&self, look: &Look) -> BTreeSet<PathBuf> {
        let places = look.files.iter().filter_map(|(path, stat)| {
            self.places.get(&stat.id).filter(|place| *place != path).cloned()
        });
        places.collect()
    }

    /// Follows reported files to where they are now.
    pub(super) fn follow_moves(
        &mut self,
        look: &Look,
        noted: &[(&PathBuf, &Stat)],
        now: Instant,
        events: &mut Vec<Event>,
    ) {
        let hints: HashMap<_, _> =
            look.renames.iter().map(|(from, to)| (to.as_path(), from.as_path())).collect();
        let origin = |(to, stat): &(&PathBuf, &Stat)| {
            Some((self.origin(look, &hints, to, stat)?, PathBuf::clone(to)))
        };
        let moves: BTreeMap<PathBuf, PathBuf> = noted.iter().filter_map(origin).collect();
        for (from, to) in in_order(moves) {
            let Some(mut known) = self.forget(&from, now) else { continue };
            self.forget(&to, now);
            known.card = Card::of(&self.root, &to);
            known.seen_in = self.mounts.epoch_of(&to);
            known.reported_in = known.seen_in;
            known.missing = None;
            if let Some(stat) = look.files.get(&to) {
                known.stat = *stat;
            }
            let id = known.stat.id;
            self.files.insert(to.clone(), known);
            self.remember_place(id, &to);
            self.reported += 1;
            self.has_changed(&to, now);
            events.push(Event::Renamed { from, to });
        }
    }

    /// The path that the file at `to` had, if it was reported there and has only moved.
    fn origin(
        &self,
        look: &Look,
        hints: &HashMap<&Path, &Path>,
        to: &Path,
        stat: &Stat,
    ) -> Option<PathBuf> {
        if self.files.get(to).is_some_and(|known| known.stat == *stat) {
            return None;
        }
        let from = match self.places.get(&stat.id) {
            Some(place) => place.clone(),
            None => renamed_from(hints, to)?,
        };
        let known = self.files.get(&from)?;
        let is_same = known.reported == Some(stat.stamp)
            && known.reported_in == self.mounts.epoch_of(&from)
            && self.is_to_report(to, Card::of(&self.root, to).as_ref());
        // What has two names is linked and not renamed.
        let has_left = look.covers(&from)
            && !look.is_blind_to(&from)
            && look.files.get(&from).is_none_or(|now| now.id != stat.id);
        (from != to && is_same && has_left).then_some(from)
    }
}

/// What the system said of the file, or of a folder above it.
fn renamed_from(hints: &HashMap<&Path, &Path>, to: &Path) -> Option<PathBuf> {
    to.ancestors().find_map(|folder| {
        let from = hints.get(folder)?;
        let inside = to.strip_prefix(folder).ok()?;
        Some(inside.iter().fold(from.to_path_buf(), |path, part| path.join(part)))
    })
}

/// Puts moves, by their origins, into an order in which no file lands on one that has yet to move. Files
/// that have traded places are left out; they count as changed.
fn in_order(mut moves: BTreeMap<PathBuf, PathBuf>) -> Vec<(PathBuf, PathBuf)> {
    let origins: HashMap<PathBuf, PathBuf> =
        moves.iter().map(|(from, to)| (to.clone(), from.clone())).collect();
    let mut free: Vec<PathBuf> = moves
        .iter()
        .filter(|(_, to)| !moves.contains_key(*to))
        .map(|(from, _)| from.clone())
        .collect();
    free.reverse();
    let mut ordered = Vec::with_capacity(moves.len());
    while let Some(from) = free.pop() {
        free.extend(origins.get(&from).cloned());
        ordered.extend(moves.remove_entry(&from));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_wait_for_their_targets_to_be_free() {
        let path = |name: &&str| PathBuf::from(name);
        let moves = |pairs: &[(&str, &str)]| {
            in_order(pairs.iter().map(|(from, to)| (path(from), path(to))).collect())
        };
        let chain = moves(&[("1", "2"), ("2", "3"), ("3", "4"), ("a", "b")]);
        let expected = [("3", "4"), ("2", "3"), ("1", "2"), ("a", "b")];
        assert_eq!(chain, expected.map(|(from, to)| (path(&from), path(&to))));
        assert!(moves(&[("1", "2"), ("2", "1")]).is_empty(), "they traded places");
    }
}
