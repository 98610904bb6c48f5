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
    names,
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
    /// Takes in what was looked at later.
    pub(crate) fn add(&mut self, later: Self) {
        self.scopes.extend(later.scopes);
        self.files.extend(later.files);
        self.blind.extend(later.blind);
        self.volumes.extend(later.volumes);
    }

    fn covers(&self, path: &Path) -> bool {
        path.ancestors().any(|folder| self.scopes.contains(folder))
    }

    fn is_blind_to(&self, path: &Path) -> bool {
        !self.blind.is_empty() && path.ancestors().any(|folder| self.blind.contains(folder))
    }
}

/// What of a look needs attention.
#[derive(Debug, Default)]
struct Findings<'a> {
    /// Files that are new, other than they were, or about to be reported.
    noted: Vec<(&'a PathBuf, &'a Stat)>,
    /// Files that are known and were not found.
    unseen: Vec<PathBuf>,
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
    /// The content that was reported, and the epoch in which it was last seen.
    reported: Option<Stamp>,
    reported_in: u64,
    missing: Option<Calm>,
    /// Somebody writes to it and has not closed it, as far as the system tells.
    is_open: bool,
    /// When to try to open it again, and how long was waited for that.
    retry: Option<(Instant, Duration)>,
    /// The epoch in which a file was last seen here, with whatever content.
    seen_in: u64,
    /// By what the file that was reported is known among all places.
    place: Option<Id>,
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
    /// The root's epoch when something was last found there.
    online_in: Option<u64>,
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
            online_in: None,
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
        let found = self.compare(look);
        self.follow_moves(look, &found.noted, now, &mut events);
        self.take_in_files(&found.noted, now);
        let unseen = found.unseen.into_iter();
        let lost = unseen.filter(|path| self.is_lost(path, now)).collect();
        self.give_up(lost, now, &mut events);
        self.calm_cards(look, now);
        if is_whole {
            self.judge_presence(&mut events);
            let Self { mounts, files, .. } = self;
            mounts.drop_former(|place| below(files, place).next().is_some());
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
        self.has_changed(path, now);
    }

    fn is_pending(&self, path: &Path, known: &Known) -> bool {
        known.awaits_report() && known.seen_in == self.mounts.epoch_of(path)
    }

    /// The files of a unit: of a card all, else the file itself.
    fn members<'a>(&'a self, unit: &'a Path) -> impl Iterator<Item = (&'a PathBuf, &'a Known)> {
        let limit = if self.cards.contains_key(unit) { usize::MAX } else { 1 };
        below(&self.files, unit).take(limit)
    }

    /// Finds what is not as it was. All else, which is nearly all at nearly every look, is passed by once.
    fn compare<'a>(&self, look: &'a Look) -> Findings<'a> {
        let mut findings = Findings::default();
        let mut seen = look.files.iter().peekable();
        let mut outer: Option<&Path> = None;
        for scope in &look.scopes {
            if outer.is_some_and(|outer| scope.starts_with(outer)) {
                continue;
            }
            outer = Some(scope);
            for (path, known) in below(&self.files, scope) {
                findings.noted.extend(std::iter::from_fn(|| seen.next_if(|(new, _)| *new < path)));
                match seen.next_if(|(new, _)| *new == path) {
                    Some(found) if self.is_noted(path, known, *found.1) => {
                        findings.noted.push(found);
                    }
                    Some(_) => {}
                    None if look.is_blind_to(path) => {}
                    None => findings.unseen.push(path.clone()),
                }
            }
        }
        findings.noted.extend(seen);
        findings
    }

    fn is_noted(&self, path: &Path, known: &Known, stat: Stat) -> bool {
        let epoch = self.mounts.epoch_of(path);
        let is_elsewhere = known.reported.is_some() && known.reported_in != epoch;
        known.stat != stat
            || known.missing.is_some()
            || known.awaits_report()
            || known.seen_in != epoch
            || is_elsewhere
    }

    fn take_in_files(&mut self, noted: &[(&PathBuf, &Stat)], now: Instant) {
        for &(path, stat) in noted {
            let epoch = self.mounts.epoch_of(path);
            let Some(known) = self.files.get_mut(path) else {
                self.meet(path, *stat, epoch, now);
                continue;
            };
            let comes_back = known.seen_in != epoch && known.awaits_report();
            known.seen_in = epoch;
            let was_missing = known.missing.take().is_some();
            if known.reported == Some(stat.stamp) {
                known.reported_in = epoch;
            }
            if known.stat.stamp == stat.stamp && !comes_back {
                known.calm.looks = known.calm.looks.saturating_add(1);
                let was = std::mem::replace(&mut known.stat.id, stat.id);
                if was != stat.id && known.reported.is_some() {
                    self.remember_place(stat.id, path);
                }
            } else {
                known.changes(*stat, now);
                self.has_changed(path, now);
            }
            if was_missing {
                self.has_changed(path, now);
            }
        }
    }

    fn meet(&mut self, path: &Path, stat: Stat, epoch: u64, now: Instant) {
        let card = Card::of(&self.root, path);
        let is_media = self.is_to_report(path, card.as_ref());
        let known = Known {
            stat,
            calm: Calm::from(now),
            card,
            is_media,
            reported: None,
            reported_in: epoch,
            missing: None,
            is_open: false,
            retry: None,
            seen_in: epoch,
            place: None,
        };
        self.files.insert(path.to_owned(), known);
        self.has_changed(path, now);
    }

    /// Whether a file is reported, rather than only a part of its card.
    fn is_to_report(&self, path: &Path, card: Option<&Card>) -> bool {
        let is_footage = card.is_none_or(|card| card.has_as_footage(path));
        is_footage && !names::is_ignored_file(path) && (self.is_media)(path)
    }

    /// A file came, went or is another: it is looked at again soon, and the clock of its card starts anew.
    fn has_changed(&mut self, path: &Path, now: Instant) {
        let Some(known) = self.files.get(path) else { return };
        let unit = known.card.as_ref().map_or(path, |card| &card.path).to_owned();
        if known.card.is_some() {
            self.cards.insert(unit.clone(), Calm::from(now));
        }
        self.restless.insert(unit);
    }

    /// Takes note of what tells a file that was reported from others, instead of what did so before.
    fn remember_place(&mut self, id: Id, path: &Path) {
        let Some(known) = self.files.get_mut(path) else { return };
        let was = std::mem::replace(&mut known.place, Some(id).filter(|id| id.is_told()));
        if let Some(was) = was {
            self.forget_place(was, path);
        }
        if id.is_told() {
            self.places.insert(id, path.to_owned());
        }
    }

    fn forget_place(&mut self, id: Id, path: &Path) {
        if self.places.get(&id).is_some_and(|place| place == path) {
            self.places.remove(&id);
        }
    }

    fn forget(&mut self, path: &Path, now: Instant) -> Option<Known> {
        self.has_changed(path, now);
        let mut known = self.files.remove(path)?;
        if let Some(place) = known.place.take() {
            self.forget_place(place, path);
        }
        self.reported -= usize::from(known.reported.is_some());
        Some(known)
    }

    /// Takes note that a look has not found a file. Tells whether it has been missing for long.
    fn is_lost(&mut self, path: &Path, now: Instant) -> bool {
        let epoch = self.mounts.epoch_of(path);
        let Some(known) = self.files.get_mut(path) else { return false };
        let Some(reported) = known.reported else {
            self.forget(path, now);
            return false;
        };
        if known.reported_in != epoch {
            // What lay at this path was another volume's, and what was reported is away.
            known.stat.stamp = reported;
            if std::mem::replace(&mut known.seen_in, known.reported_in) == epoch {
                self.has_changed(path, now);
            }
            return false;
        }
        if let Some(missing) = &mut known.missing {
            missing.looks = missing.looks.saturating_add(1);
            return missing.lasted(self.settling, 1, now);
        }
        known.missing = Some(Calm::from(now));
        self.has_changed(path, now);
        false
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
            if self.files.get(&path).is_some_and(|known| known.reported_in == epoch) {
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
            self.members(unit).filter(|(path, known)| known.seen_in == self.mounts.epoch_of(path));
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
