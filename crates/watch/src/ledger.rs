//! What looks at a folder and the time that has passed mean. Touches no file and asks no clock.
//!
//! A file is *pending* until it was the same for long enough, then it is *reported*. A reported file that
//! a look does not find is *missing*; it is *gone* after as many looks and as much time as a file needs to
//! settle, and only if its volume has been there all along. Files of a card share one clock.

mod moves;
mod presence;
mod ripe;
#[cfg(test)]
mod tests;

pub(crate) use ripe::Candidate;

use crate::{
    Event, Settling, Stamp,
    cards::Card,
    mounts::{Mounts, Volumes},
    stamp::{Id, Stat},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// What was found at one look.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// What has been listed: files, and folders with all that is below. The root stands for all.
    pub(crate) scopes: BTreeSet<PathBuf>,
    /// The files that were found there.
    pub(crate) files: BTreeMap<PathBuf, Stat>,
    /// Files and folders there that could not be read: what lies below them is unknown.
    pub(crate) blind: BTreeSet<PathBuf>,
    /// What lies at the root and at mount points. Of a whole look, at all that are known.
    pub(crate) volumes: Volumes,
    /// Why the root could not be listed.
    pub(crate) root_error: Option<String>,
    /// What the system says was renamed: from, to.
    pub(crate) renames: Vec<(PathBuf, PathBuf)>,
}

impl Look {
    fn covers(&self, path: &Path) -> bool {
        path.ancestors().any(|folder| self.scopes.contains(folder))
    }

    fn is_blind_to(&self, path: &Path) -> bool {
        !self.blind.is_empty() && path.ancestors().any(|folder| self.blind.contains(folder))
    }
}

/// How long something has been the same.
#[derive(Debug, Clone, Copy)]
struct Calm {
    since: Instant,
    looks: u32,
}

impl Calm {
    fn from(now: Instant) -> Self {
        Self { since: now, looks: 0 }
    }

    fn lasted(&self, settling: Settling, factor: u32, now: Instant) -> bool {
        let quiet = now.saturating_duration_since(self.since);
        self.looks >= settling.looks && quiet >= settling.quiet * factor
    }
}

#[derive(Debug)]
struct Known {
    stat: Stat,
    calm: Calm,
    card: Option<Card>,
    /// Whether it is to be reported, rather than only a part of a card.
    is_media: bool,
    reported: Option<Stamp>,
    missing: Option<Calm>,
    /// Somebody writes to it and has not closed it, as far as the system tells.
    is_open: bool,
    /// When to try to open it again, and how long was waited for that.
    retry: Option<(Instant, Duration)>,
    epoch: u64,
}

impl Known {
    fn awaits_report(&self) -> bool {
        self.is_media && self.missing.is_none() && self.reported != Some(self.stat.stamp)
    }

    fn changes(&mut self, stat: Stat, now: Instant) {
        self.stat = stat;
        self.calm = Calm::from(now);
        self.retry = None;
    }
}

/// All that is known of the files below a root.
#[derive(Debug)]
pub(crate) struct Ledger {
    root: PathBuf,
    is_media: fn(&Path) -> bool,
    pub(crate) settling: Settling,
    pub(crate) mounts: Mounts,
    files: BTreeMap<PathBuf, Known>,
    cards: BTreeMap<PathBuf, Calm>,
    /// Where files were reported, by what tells them from others.
    places: HashMap<Id, PathBuf>,
    /// Files and cards that are to be looked at again soon.
    restless: BTreeSet<PathBuf>,
    /// Media files that wait to be reported, and those that were.
    pending: usize,
    reported: usize,
    /// None before the first look.
    online: Option<bool>,
}

impl Ledger {
    pub(crate) fn new(root: PathBuf, is_media: fn(&Path) -> bool, settling: Settling) -> Self {
        Self {
            is_media,
            settling,
            mounts: Mounts::new(root.clone()),
            root,
            files: BTreeMap::new(),
            cards: BTreeMap::new(),
            places: HashMap::new(),
            restless: BTreeSet::new(),
            pending: 0,
            reported: 0,
            online: None,
        }
    }

    /// Takes in a look that ended `now`.
    pub(crate) fn look(&mut self, look: &Look, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        for (path, volume) in &look.volumes {
            self.mounts.see(path, *volume);
        }
        if let Some(reason) = &look.root_error {
            self.mounts.see(&self.root.clone(), None);
            self.goes_offline(reason.clone(), &mut events);
            return events;
        }
        let is_whole = look.scopes.contains(&self.root);
        if is_whole {
            self.recognise_volumes(look);
        }
        self.follow_moves(look, now, &mut events);
        self.take_in_files(look, now);
        self.miss_files(look, now, &mut events);
        self.calm_cards(look, now);
        if is_whole {
            self.judge_presence(&mut events);
        }
        self.drop_settled();
        events
    }

    /// What is to be looked at again soon: files and the folders of cards.
    pub(crate) fn restless(&self) -> &BTreeSet<PathBuf> {
        &self.restless
    }

    pub(crate) fn is_offline(&self) -> bool {
        self.online == Some(false)
    }

    pub(crate) fn is_online(&self) -> bool {
        self.online == Some(true)
    }

    /// Media files that wait to be reported.
    pub(crate) fn pending(&self) -> usize {
        self.pending
    }

    /// Media files that were reported and are not gone.
    pub(crate) fn known(&self) -> usize {
        self.reported
    }

    /// Takes note that somebody wrote to a file, and whether the file was closed since.
    pub(crate) fn written(&mut self, path: &Path, is_closed: bool, now: Instant) {
        let Some(known) = self.files.get_mut(path) else { return };
        known.is_open = !is_closed;
        known.calm = Calm::from(now);
        let card = known.card.clone();
        self.touch(card.as_ref(), now);
    }

    fn is_pending(&self, path: &Path, known: &Known) -> bool {
        known.awaits_report() && known.epoch == self.mounts.epoch_of(path)
    }

    /// The files of a unit: of a card all, else the file itself.
    fn members<'a>(&'a self, unit: &'a Path) -> impl Iterator<Item = (&'a PathBuf, &'a Known)> {
        let limit = if self.cards.contains_key(unit) { usize::MAX } else { 1 };
        below(&self.files, unit).take(limit)
    }

    fn touch(&mut self, card: Option<&Card>, now: Instant) {
        if let Some(card) = card {
            self.cards.insert(card.path.clone(), Calm::from(now));
            self.restless.insert(card.path.clone());
        }
    }

    fn take_in_files(&mut self, look: &Look, now: Instant) {
        for (path, stat) in &look.files {
            let epoch = self.mounts.epoch_of(path);
            let Some(known) = self.files.get_mut(path) else {
                self.meet(path, *stat, epoch, now);
                continue;
            };
            let comes_back = known.epoch != epoch && known.awaits_report();
            known.epoch = epoch;
            known.missing = None;
            if known.stat.stamp == stat.stamp && !comes_back {
                known.calm.looks = known.calm.looks.saturating_add(1);
                if known.stat.id != stat.id {
                    known.stat.id = stat.id;
                    if known.reported.is_some() {
                        self.remember_place(stat.id, path);
                    }
                }
            } else {
                self.changed(path, *stat, now);
            }
        }
    }

    fn meet(&mut self, path: &Path, stat: Stat, epoch: u64, now: Instant) {
        let card = Card::of(&self.root, path);
        let plays = card.as_ref().is_none_or(|card| card.has_as_footage(path));
        let is_media = plays && !crate::names::is_ignored_file(path) && (self.is_media)(path);
        let known = Known {
            stat,
            calm: Calm::from(now),
            card,
            is_media,
            reported: None,
            missing: None,
            is_open: false,
            retry: None,
            epoch,
        };
        self.files.insert(path.to_owned(), known);
        self.changed(path, stat, now);
    }

    /// The file is not what it was: its clock and its card's start anew.
    fn changed(&mut self, path: &Path, stat: Stat, now: Instant) {
        let Some(known) = self.files.get_mut(path) else { return };
        known.changes(stat, now);
        let card = known.card.clone();
        match card {
            Some(card) => self.touch(Some(&card), now),
            None => _ = self.restless.insert(path.to_owned()),
        }
    }

    fn remember_place(&mut self, id: Id, path: &Path) {
        if id.is_told() {
            self.places.insert(id, path.to_owned());
        }
    }

    fn forget(&mut self, path: &Path, now: Instant) {
        let Some(known) = self.files.remove(path) else { return };
        self.reported -= usize::from(known.reported.is_some());
        if self.places.get(&known.stat.id).is_some_and(|place| place == path) {
            self.places.remove(&known.stat.id);
        }
        self.touch(known.card.as_ref(), now);
    }

    fn miss_files(&mut self, look: &Look, now: Instant, events: &mut Vec<Event>) {
        let unseen: Vec<PathBuf> = look
            .scopes
            .iter()
            .flat_map(|scope| below(&self.files, scope))
            .map(|(path, _)| path)
            .filter(|path| !look.files.contains_key(*path) && !look.is_blind_to(path))
            .cloned()
            .collect();
        let mut lost = Vec::new();
        for path in unseen {
            let epoch = self.mounts.epoch_of(&path);
            let Some(known) = self.files.get_mut(&path) else { continue };
            if known.reported.is_none() {
                self.forget(&path, now);
            } else if known.epoch == epoch {
                let unit = known.card.as_ref().map_or(&path, |card| &card.path).clone();
                let missing = known.missing.get_or_insert(Calm::from(now));
                if missing.lasted(self.settling, 1, now) {
                    lost.push(path);
                }
                missing.looks += 1;
                self.restless.insert(unit);
            }
        }
        self.give_up(lost, now, events);
    }

    /// Files that have been missing for long are gone, unless their volume looks as if it were away.
    fn give_up(&mut self, lost: Vec<PathBuf>, now: Instant, events: &mut Vec<Event>) {
        let places: BTreeSet<_> =
            lost.iter().map(|path| self.mounts.place_of(path).to_owned()).collect();
        for place in places {
            self.distrust_if_empty(&place, events);
        }
        for path in lost {
            let epoch = self.mounts.epoch_of(&path);
            if self.files.get(&path).is_some_and(|known| known.epoch == epoch) {
                self.forget(&path, now);
                events.push(Event::Gone(path));
            }
        }
    }

    fn calm_cards(&mut self, look: &Look, now: Instant) {
        for (card, calm) in &mut self.cards {
            if look.blind.iter().any(|blind| blind.starts_with(card) || card.starts_with(blind)) {
                *calm = Calm::from(now);
            } else if calm.since != now && look.covers(card) {
                calm.looks = calm.looks.saturating_add(1);
            }
        }
    }

    /// Forgets cards without files, and what need not be looked at soon.
    fn drop_settled(&mut self) {
        let mut cards = std::mem::take(&mut self.cards);
        cards.retain(|card, _| below(&self.files, card).next().is_some());
        self.cards = cards;
        let mut restless = std::mem::take(&mut self.restless);
        self.pending = 0;
        restless.retain(|unit| {
            let (pending, missing) = self.unsettled(unit);
            self.pending += pending;
            pending + missing > 0
        });
        self.restless = restless;
    }

    /// How many files of a unit wait to be reported, and how many are missing.
    fn unsettled(&self, unit: &Path) -> (usize, usize) {
        let here =
            self.members(unit).filter(|(path, known)| known.epoch == self.mounts.epoch_of(path));
        here.fold((0, 0), |(pending, missing), (_, known)| {
            let is_missing = known.missing.is_some();
            (pending + usize::from(known.awaits_report()), missing + usize::from(is_missing))
        })
    }
}

/// A file, or the files below a folder.
fn below<'a>(
    files: &'a BTreeMap<PathBuf, Known>,
    path: &'a Path,
) -> impl Iterator<Item = (&'a PathBuf, &'a Known)> {
    files
        .range::<Path, _>((std::ops::Bound::Included(path), std::ops::Bound::Unbounded))
        .take_while(move |(file, _)| file.starts_with(path))
}
