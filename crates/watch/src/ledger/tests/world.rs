//! A world of files and volumes that a ledger looks at, which knows what may be said of it.

use crate::{
    Event, Settling, Stamp, Unit,
    cards::Card,
    ledger::{Candidate, Ledger, Look},
    mounts::Volume,
    stamp::{Id, Stat},
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const ROOT: &str = "/w";

pub fn path(name: &str) -> PathBuf {
    Path::new(ROOT).join(name)
}

fn is_media(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "mov" || ending == "mxf")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    inode: u64,
    stamp: Stamp,
    changed: Instant,
    /// Since when it has been at its path.
    arrived: Instant,
    /// Where the last look found it, and when it had come there. That it was elsewhere meanwhile no look knows.
    found: Option<(PathBuf, Instant)>,
}

/// What can happen.
#[derive(Debug, Clone)]
pub enum Step {
    Wait(u64),
    Write(PathBuf),
    Delete(PathBuf),
    Rename(PathBuf, PathBuf),
    Unmount,
    Mount { volume: usize, device: u64 },
    Look,
    LookAtRestless,
}

fn any_path() -> impl Strategy<Value = PathBuf> {
    let names = [
        "a.mov",
        "b.mov",
        "c.mov",
        "notes.txt",
        "day/a.mov",
        "x/CONTENTS/VIDEO/1.mxf",
        "x/CONTENTS/VIDEO/2.mxf",
        "x/CONTENTS/CLIP/1.xml",
        "x/CONTENTS/PROXY/1.mxf",
    ];
    prop::sample::select(names.to_vec()).prop_map(path)
}

pub fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2500_u64).prop_map(Step::Wait),
        4 => any_path().prop_map(Step::Write),
        2 => any_path().prop_map(Step::Delete),
        2 => (any_path(), any_path()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => Just(Step::Unmount),
        2 => (0..2_usize, 1..3_u64).prop_map(|(volume, device)| Step::Mount { volume, device }),
        5 => Just(Step::Look),
        5 => Just(Step::LookAtRestless),
    ]
}

pub struct World {
    pub ledger: Ledger,
    pub now: Instant,
    pub events: Vec<Event>,
    /// Whether the root is one.
    pub is_mount_point: bool,
    /// A mount point below the root with what lies there, for tests of their own.
    pub submount: Option<(PathBuf, Option<Volume>)>,
    /// Files that nobody may open, and how often somebody tried to open any.
    pub locked: BTreeSet<PathBuf>,
    pub opened: u32,
    pub blind: BTreeSet<PathBuf>,
    pub hints: Vec<(PathBuf, PathBuf)>,
    pub has_ids: bool,
    volumes: [BTreeMap<PathBuf, File>; 2],
    /// Which is mounted, under which device number.
    mounted: Option<(usize, u64)>,
    /// What the listener believes: the file's stamp and its volume.
    told: BTreeMap<PathBuf, (Stamp, usize)>,
    /// When something was last missed in a card, by volume.
    cards: BTreeMap<(usize, PathBuf), Instant>,
    /// When files that had been found went, by volume.
    left: BTreeMap<(usize, PathBuf), Instant>,
    next: u64,
}

impl World {
    pub fn new() -> Self {
        let settling = Settling { quiet: Duration::from_secs(3), looks: 2 };
        Self {
            ledger: Ledger::new(PathBuf::from(ROOT), is_media, settling),
            now: Instant::now(),
            events: Vec::new(),
            is_mount_point: true,
            submount: None,
            locked: BTreeSet::new(),
            opened: 0,
            blind: BTreeSet::new(),
            hints: Vec::new(),
            has_ids: true,
            volumes: Default::default(),
            mounted: Some((0, 1)),
            told: BTreeMap::new(),
            cards: BTreeMap::new(),
            left: BTreeMap::new(),
            next: 1,
        }
    }

    pub fn take(&mut self, step: Step) {
        match step {
            Step::Wait(millis) => self.wait(millis),
            Step::Write(path) => self.write(path),
            Step::Delete(path) => {
                if let Some((volume, _)) = self.mounted {
                    self.delete(volume, path);
                }
            }
            Step::Rename(from, to) => self.rename(from, to),
            Step::Unmount => {
                self.unmount();
                self.look();
            }
            Step::Mount { volume, device } => {
                // Between two volumes of the same number there is a time without one, which looks find.
                if self.mounted.is_some_and(|mounted| mounted.0 != volume && mounted.1 == device) {
                    self.unmount();
                    self.look();
                }
                self.mount(volume, device);
                self.look();
            }
            Step::Look => self.look(),
            Step::LookAtRestless => self.look_at_restless(),
        }
    }

    pub fn wait(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    fn files(&mut self) -> Option<&mut BTreeMap<PathBuf, File>> {
        self.mounted.map(|(volume, _)| &mut self.volumes[volume])
    }

    pub fn write(&mut self, path: PathBuf) {
        self.next += 1;
        let (next, now) = (self.next, self.now);
        // The clock of the volume is wrong, and goes back and forth.
        let mtime_ns = if next.is_multiple_of(2) { 1 } else { -1 } * i64::try_from(next).unwrap();
        let stamp = Stamp { size: next, mtime_ns };
        let new = File { inode: next, stamp, changed: now, arrived: now, found: None };
        if let Some(files) = self.files() {
            let file = files.entry(path).or_insert(new);
            (file.stamp, file.changed) = (stamp, now);
        }
    }

    pub fn delete(&mut self, volume: usize, path: PathBuf) {
        if let Some(file) = self.volumes[volume].remove(&path) {
            self.leaves(volume, path, &file);
        }
    }

    fn leaves(&mut self, volume: usize, path: PathBuf, file: &File) {
        if file.found.as_ref().is_some_and(|(found, _)| *found == path) {
            self.left.insert((volume, path), self.now);
        }
    }

    pub fn rename(&mut self, from: PathBuf, to: PathBuf) {
        let Some((volume, _)) = self.mounted.filter(|_| from != to) else { return };
        let Some(mut file) = self.volumes[volume].remove(&from) else { return };
        file.arrived = self.now;
        self.leaves(volume, from, &file);
        self.volumes[volume].insert(to, file);
    }

    /// Takes note of what a look finds at these places, and of what it misses.
    fn is_found(&mut self, in_scope: impl Fn(&Path) -> bool) {
        let Some((volume, _)) = self.mounted else { return };
        for (path, file) in self.volumes[volume].iter_mut().filter(|(path, _)| in_scope(path)) {
            if file.found.as_ref().is_none_or(|(found, _)| found != path) {
                file.found = Some((path.clone(), file.arrived));
            }
        }
        let files = &self.volumes[volume];
        for ((_, path), at) in
            self.left.extract_if(.., |(of, path), _| *of == volume && in_scope(path))
        {
            if let (Some(card), false) =
                (Card::of(Path::new(ROOT), &path), files.contains_key(&path))
            {
                let last = self.cards.entry((volume, card.path)).or_insert(at);
                *last = at.max(*last);
            }
        }
    }

    pub fn unmount(&mut self) {
        self.mounted = None;
    }

    pub fn mount(&mut self, volume: usize, device: u64) {
        self.mounted = Some((volume, device));
    }

    /// Hides files from looks.
    pub fn take_away(&mut self, place: &Path) -> Vec<(PathBuf, File)> {
        let away: Vec<_> =
            self.volumes[0].extract_if(.., |path, _| path.starts_with(place)).collect();
        away
    }

    pub fn bring_back(&mut self, files: Vec<(PathBuf, File)>) {
        self.volumes[0].extend(files);
    }

    pub fn settled(&self) -> Vec<PathBuf> {
        let units = self.events.iter().filter_map(|event| match event {
            Event::Settled(units) => Some(units),
            _ => None,
        });
        units.flatten().flat_map(|unit| &unit.media).map(|medium| medium.path.clone()).collect()
    }

    pub fn gone(&self) -> Vec<PathBuf> {
        let gone = self.events.iter().filter_map(|event| match event {
            Event::Gone(path) => Some(path.clone()),
            _ => None,
        });
        gone.collect()
    }

    /// Looks at all, this many times, two seconds apart.
    pub fn looks(&mut self, times: usize) {
        for _ in 0..times {
            self.wait(2000);
            self.look();
        }
    }

    pub fn look(&mut self) {
        let scopes = [PathBuf::from(ROOT)].into();
        self.look_at(scopes);
    }

    /// Looks at what is restless, unless the volume is another: the watch looks at all then.
    fn look_at_restless(&mut self) {
        let root = Path::new(ROOT);
        if self.ledger.mounts.volume_at(root) == self.root_volume() {
            self.look_at(self.ledger.restless().clone());
        } else {
            self.look();
        }
    }

    /// Below the mount point lies an empty folder of the system's disk.
    fn root_volume(&self) -> Option<Volume> {
        let device = self.mounted.map_or(0, |(_, device)| device);
        let id = Id { device, inode: 2 };
        Some(Volume { id, is_mount_point: self.mounted.is_some() && self.is_mount_point })
    }

    fn stat(&self, file: &File) -> Stat {
        let device = self.mounted.map_or(0, |(_, device)| device);
        let id = Id { device, inode: file.inode };
        Stat { stamp: file.stamp, id: if self.has_ids { id } else { Id::default() } }
    }

    fn present(&self) -> BTreeMap<PathBuf, File> {
        self.mounted.map(|(volume, _)| self.volumes[volume].clone()).unwrap_or_default()
    }

    fn look_at(&mut self, scopes: BTreeSet<PathBuf>) {
        let in_scope = |path: &Path| path.ancestors().any(|folder| scopes.contains(folder));
        let is_taken = |path: &Path| is_media(path) || Card::of(Path::new(ROOT), path).is_some();
        let files = self.present();
        let files = files.iter().filter(|(path, _)| in_scope(path) && is_taken(path));
        let mut look = Look {
            files: files.map(|(path, file)| (path.clone(), self.stat(file))).collect(),
            volumes: [(PathBuf::from(ROOT), self.root_volume())].into(),
            blind: self.blind.clone(),
            renames: std::mem::take(&mut self.hints),
            ..Look::default()
        };
        look.scopes = scopes;
        look.volumes.extend(self.submount.clone());
        for earlier in self.ledger.earlier_places(&look) {
            if let Some(file) = self.present().get(&earlier) {
                look.files.insert(earlier.clone(), self.stat(file));
            }
            look.scopes.insert(earlier);
        }
        self.is_found(|path| path.ancestors().any(|folder| look.scopes.contains(folder)));
        for event in self.ledger.look(&look, self.now) {
            self.hears(event);
        }
        for candidate in self.ledger.ripe(self.now) {
            self.opens(candidate);
        }
    }

    fn opens(&mut self, candidate: Candidate) {
        let mut open = |path: &PathBuf| {
            self.opened += 1;
            let file = self.present().remove(path).filter(|_| !self.locked.contains(path));
            file.map(|file| self.stat(&file)).ok_or_else(|| io::Error::other("locked"))
        };
        let results = candidate.media.iter().map(&mut open).collect();
        let (unit, warnings) = self.ledger.opened(candidate, results, self.now);
        warnings.into_iter().for_each(|warning| self.hears(warning));
        if let Some(unit) = unit {
            let online = self.ledger.comes_online();
            online.into_iter().for_each(|online| self.hears(online));
            self.hears(Event::Settled(vec![unit]));
        }
    }

    /// Checks that what was said is true and news.
    fn hears(&mut self, event: Event) {
        let volume = self.mounted.map(|(volume, _)| volume);
        let present = self.present();
        match &event {
            Event::Settled(units) => units.iter().for_each(|unit| self.hears_of(unit)),
            Event::Gone(path) => {
                let (_, of) = self.told.remove(path).expect("it was told of");
                assert_eq!(Some(of), volume, "{path:?} is on a volume that is away");
                assert!(!present.contains_key(path), "{path:?} is there");
            }
            Event::Renamed { from, to } => {
                let (stamp, of) = self.told.remove(from).expect("it was told of");
                assert_eq!(Some(of), volume);
                assert_eq!(present[to].stamp, stamp, "{to:?} has other content");
                self.told.insert(to.clone(), (stamp, of));
            }
            Event::Offline(_) | Event::Online | Event::Warning(_) => {}
        }
        self.events.push(event);
    }

    fn hears_of(&mut self, unit: &Unit) {
        let quiet = self.ledger.settling.quiet;
        let (volume, _) = self.mounted.expect("the root is there");
        let present = self.present();
        if unit.card.is_some() {
            let left = self.cards.get(&(volume, unit.path.clone())).copied();
            let members = present.iter().filter(|(path, _)| path.starts_with(&unit.path));
            let arrived = |file: &File| file.found.as_ref().unwrap().1;
            let changes = members.flat_map(|(_, file)| [file.changed, arrived(file)]).chain(left);
            let last = changes.max().unwrap();
            assert!(self.now - last >= quiet, "{:?} has just changed", unit.path);
        }
        for medium in &unit.media {
            let file = &present[&medium.path];
            assert!(self.now - file.changed >= quiet, "{:?} has just changed", medium.path);
            assert_eq!(file.stamp, medium.stamp);
            assert!(is_media(&medium.path));
            assert!(!medium.path.starts_with(path("x/CONTENTS/PROXY")));
            let told = self.told.insert(medium.path.clone(), (medium.stamp, volume));
            assert_ne!(told, Some((medium.stamp, volume)), "{:?} was told before", medium.path);
        }
    }

    /// After some time without changes all that is there has been told.
    pub fn comes_to_rest(&mut self) {
        if self.mounted.is_none() {
            self.mount(0, 1);
        }
        self.looks(6);
        let footage =
            |path: &&PathBuf| is_media(path) && !path.starts_with(self::path("x/CONTENTS/PROXY"));
        let present = self.present();
        for path in present.keys().filter(footage) {
            let told = self.told.get(path).map(|(stamp, _)| *stamp);
            assert_eq!(told, Some(present[path].stamp), "{path:?} was not told of");
        }
        assert_eq!(self.ledger.pending(), 0);
        assert!(!self.ledger.is_offline() || present.keys().filter(footage).count() == 0);
    }
}
