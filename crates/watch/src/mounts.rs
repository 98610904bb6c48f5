//! Which volumes lie where, and whether what was seen on them can be trusted still.

use crate::stamp::Id;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The folder at the root of a volume, or at the root of what is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) id: Id,
    /// Whether the folder above is on another device.
    pub(crate) is_mount_point: bool,
}

/// What lies at the root and at each mount point, if anything.
pub(crate) type Volumes = BTreeMap<PathBuf, Option<Volume>>;

/// The root and the mount points below it, with the epoch of each.
///
/// An epoch lasts while the same volume was there at every look. When a volume goes, comes or is another
/// one, a new epoch begins. A file may be called gone only in the epoch in which it was last seen: device
/// numbers and inodes are no proof, for the next card in the reader may well have the same.
#[derive(Debug)]
pub(crate) struct Mounts {
    root: PathBuf,
    places: BTreeMap<PathBuf, Place>,
    epochs: u64,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    volume: Option<Volume>,
    epoch: u64,
}

impl Mounts {
    pub(crate) fn new(root: PathBuf) -> Self {
        let places = BTreeMap::from([(root.clone(), Place { volume: None, epoch: 0 })]);
        Self { root, places, epochs: 0 }
    }

    /// Takes note of what lies at `path` now.
    pub(crate) fn see(&mut self, path: &Path, volume: Option<Volume>) {
        let is_new = self.places.get(path).is_none_or(|place| place.volume != volume);
        if is_new {
            self.epochs += 1;
            self.places.insert(path.to_owned(), Place { volume, epoch: self.epochs });
        }
    }

    /// Stops trusting what was seen on the volume at `path`.
    pub(crate) fn distrust(&mut self, path: &Path) {
        if let Some(place) = self.places.get_mut(path) {
            self.epochs += 1;
            place.epoch = self.epochs;
        }
    }

    /// The innermost place that a file lies in.
    pub(crate) fn place_of(&self, file: &Path) -> &Path {
        if self.places.len() == 1 {
            return &self.root;
        }
        let place = file.ancestors().find_map(|folder| self.places.get_key_value(folder));
        place.map_or(self.root.as_path(), |(path, _)| path)
    }

    /// The epoch that files at this place are seen in.
    pub(crate) fn epoch_of(&self, file: &Path) -> u64 {
        self.places.get(self.place_of(file)).map_or(0, |place| place.epoch)
    }

    pub(crate) fn volume_at(&self, place: &Path) -> Option<Volume> {
        self.places.get(place).and_then(|place| place.volume)
    }

    pub(crate) fn root_is_here(&self) -> bool {
        self.volume_at(&self.root).is_some()
    }

    /// Drops places that are no mount points any more and hold nothing that is known. A volume that comes back
    /// to one begins an epoch, as any other does.
    pub(crate) fn drop_former(&mut self, holds_files: impl Fn(&Path) -> bool) {
        let Self { root, places, .. } = self;
        places.retain(|path, place| {
            let is_mount_point = place.volume.is_some_and(|volume| volume.is_mount_point);
            path == root || is_mount_point || holds_files(path)
        });
    }

    /// The root, the mount points, and what was one and has files that are known.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.places.keys().map(PathBuf::as_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_volume_that_comes_begins_an_epoch() {
        let volume = |device| Some(Volume { id: Id { device, inode: 2 }, is_mount_point: true });
        let (root, card) = (Path::new("/w"), Path::new("/w/card"));
        let (outside, inside) = (Path::new("/w/a.mov"), Path::new("/w/card/a.mov"));
        let mut mounts = Mounts::new(root.to_owned());
        mounts.see(root, volume(1));
        mounts.see(card, volume(2));
        let first = mounts.epoch_of(inside);
        assert_ne!(first, mounts.epoch_of(outside));
        mounts.see(card, volume(2));
        assert_eq!(mounts.epoch_of(inside), first, "it is still the same");
        mounts.see(card, None);
        mounts.see(card, volume(2));
        assert_ne!(mounts.epoch_of(inside), first, "it was away, and may be another");
        assert_eq!(mounts.place_of(inside), card);
        assert_eq!(mounts.place_of(outside), root);
    }

    #[test]
    fn former_mount_points_are_dropped_unless_something_of_them_is_known() {
        let volume = Some(Volume { id: Id { device: 1, inode: 2 }, is_mount_point: true });
        let root = Path::new("/w");
        let mut mounts = Mounts::new(root.to_owned());
        for number in 0..100 {
            let card = root.join(number.to_string());
            mounts.see(&card, volume);
            mounts.drop_former(|path| path.ends_with("7"));
            assert_eq!(mounts.volume_at(&card), volume, "it is there");
            mounts.see(&card, None);
        }
        mounts.drop_former(|path| path.ends_with("7"));
        assert_eq!(mounts.paths().collect::<Vec<_>>(), [root, Path::new("/w/7")]);
        let before = mounts.epoch_of(Path::new("/w/7/a.mov"));
        mounts.see(Path::new("/w/8"), volume);
        assert!(mounts.epoch_of(Path::new("/w/8/a.mov")) > before, "another epoch");
    }
}
