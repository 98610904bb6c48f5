//! Volumes that really come and go. Needs the right to mount; without it the tests say so and pass.

use crate::{
    both_ways,
    watched::{QUIET, Watched, root, rules, write_files},
};
use rushes_watch::Event;
use rustix::mount::{MountFlags, UnmountFlags};
use std::{
    io::Write,
    path::{Path, PathBuf},
};

/// A file system in memory, mounted until this is dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn new(path: &Path) -> Option<Self> {
        match rustix::mount::mount("none", path, "tmpfs", MountFlags::empty(), None) {
            Ok(()) => Some(Self(path.to_owned())),
            Err(error) => {
                println!("not tested, since nothing can be mounted here: {error}");
                None
            }
        }
    }

    /// Mounts the same file system once more at `to`, where it outlives its first place.
    fn also_at(&self, to: &Path) -> Self {
        rustix::mount::mount_bind(&self.0, to).unwrap();
        Self(to.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        rustix::mount::unmount(&self.0, UnmountFlags::DETACH).ok();
    }
}

fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (path, aside) = (folder.path().join("disk"), folder.path().join("aside"));
    fs_err::create_dir(&path).unwrap();
    fs_err::create_dir(&aside).unwrap();
    (folder, path, aside)
}

#[test]
fn a_disk_that_is_unmounted_amid_a_copy_loses_nothing() {
    both_ways(|method| {
        let (_keep, path, aside) = folders();
        let Some(disk) = Mounted::new(&path) else { return };
        let elsewhere = disk.also_at(&aside);
        let paths = write_files(&path.join("day 1"), ["1.mov", "2.mov"].map(String::from));
        let mut watched = Watched::start(root(&path, method), rules());
        watched.until_settled(&paths);
        let mut copy = fs_err::File::create(path.join("3.mov")).unwrap();
        copy.write_all(&[7; 5000]).unwrap();
        watched.for_a_while(QUIET / 4);
        drop(copy);
        drop(disk);
        watched.until("offline", Watched::is_offline);
        watched.for_a_while(QUIET * 3);
        assert_eq!((watched.settled().len(), watched.gone().len()), (2, 0));
        assert_eq!(watched.watch.snapshot().known, 2);
        // The copy goes on elsewhere, and the disk comes back.
        fs_err::File::options()
            .append(true)
            .open(aside.join("3.mov"))
            .unwrap()
            .write_all(&[7; 5000])
            .unwrap();
        let _disk = elsewhere.also_at(&path);
        watched.until("online", |seen| !seen.is_offline());
        watched.until_settled(&[path.join("3.mov")]);
        // Events come again, too.
        fs_err::write(path.join("day 1/4.mov"), "4").unwrap();
        watched.until_settled(&[path.join("day 1/4.mov")]);
        watched.for_a_while(QUIET * 2);
        assert_eq!((watched.settled().len(), watched.gone().len()), (4, 0), "{:?}", watched.seen);
    });
}

#[test]
fn a_disk_that_returns_under_another_number_is_the_same() {
    both_ways(|method| {
        let (_keep, path, _) = folders();
        let Some(disk) = Mounted::new(&path) else { return };
        let paths = write_files(&path, ["1.mov", "2.mov", "3.mov"].map(String::from));
        let times: Vec<_> =
            paths.iter().map(|path| fs_err::metadata(path).unwrap().modified().unwrap()).collect();
        let mut watched = Watched::start(root(&path, method), rules());
        watched.until_settled(&paths);
        watched.forget();
        drop(disk);
        watched.until("offline", Watched::is_offline);
        // A copy of it with all times, less one file.
        let _other = Mounted::new(&path).unwrap();
        write_files(&path, ["1.mov", "2.mov"].map(String::from));
        for (path, time) in paths.iter().zip(&times).take(2) {
            let file = fs_err::File::options().write(true).open(path).unwrap();
            file.file().set_modified(*time).unwrap();
        }
        watched.until("online", |seen| !seen.is_offline());
        watched.until_event(&Event::Gone(paths[2].clone()));
        watched.for_a_while(QUIET * 2);
        assert_eq!((watched.settled().len(), watched.gone().len()), (0, 1), "{:?}", watched.seen);
    });
}

#[test]
fn a_disk_below_the_root_is_protected_and_found() {
    both_ways(|method| {
        let (keep, path, _) = folders();
        let local = write_files(keep.path(), ["0.mov".to_owned()]);
        let mut watched = Watched::start(root(keep.path(), method), rules());
        watched.until_settled(&local);
        let Some(disk) = Mounted::new(&path) else { return };
        let paths = write_files(&path.join("day 1"), ["1.mov", "2.mov"].map(String::from));
        watched.until_settled(&paths);
        drop(disk);
        watched.for_a_while(QUIET * 4);
        assert_eq!(watched.gone(), [] as [PathBuf; 0]);
        assert!(!watched.is_offline(), "the root is there");
        // The automounter takes its folder away.
        fs_err::remove_dir(&path).unwrap();
        watched.for_a_while(QUIET * 4);
        assert_eq!((watched.settled().len(), watched.gone().len()), (3, 0), "{:?}", watched.seen);
        fs_err::remove_file(&local[0]).unwrap();
        watched.until_event(&Event::Gone(local[0].clone()));
    });
}
