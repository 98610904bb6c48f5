//! A catalogue that was lost, filled again from bundles.
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.

mod common;

use common::{copy_for, small, small_text};
use rushes_model::MediaId;
use rushes_store::{AnalysisFolder, BundleMeta, Catalogue, FileStamp, Identity, Rebuilt};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Footage, an analysis folder, and a catalogue that knows nothing.
struct Place {
    folder: TempDir,
    analyses: AnalysisFolder,
    catalogue: Catalogue,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("cache")).unwrap();
        fs_err::create_dir(folder.path().join("footage")).unwrap();
        let analyses = AnalysisFolder::open(&folder.path().join("cache")).unwrap();
        let catalogue = Catalogue::open(&folder.path().join("catalogue.db")).unwrap();
        Self { folder, analyses, catalogue }
    }

    fn footage(&self, name: &str) -> PathBuf {
        self.folder.path().join("footage").join(name)
    }

    /// A file, and what an analysis would know of it.
    fn shoot(&self, name: &str, content: &str) -> BundleMeta {
        let path = self.footage(name);
        fs_err::write(&path, content).unwrap();
        let mut meta = small(0).meta;
        meta.media_id = identify(&path).unwrap();
        meta.facts.size_bytes = content.len() as u64;
        meta.source_path = path;
        meta
    }

    fn rebuild(&self) -> Rebuilt {
        let folders = [self.analyses.clone()];
        self.catalogue.rebuild(&folders, &identify, &|_, _| true).unwrap()
    }

    fn known(&self, path: &Path) -> Option<Identity> {
        let stamp = FileStamp::of(&fs_err::metadata(path).unwrap()).unwrap();
        self.catalogue.identity(path, stamp).unwrap()
    }
}

/// A stand-in for the sampled hash of real media: the first bytes of the file.
fn identify(path: &Path) -> Option<MediaId> {
    let mut id = [0; 16];
    let bytes = fs_err::read(path).ok()?;
    id.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    Some(MediaId(id))
}

fn publish(place: &Place, meta: &BundleMeta) {
    place.analyses.publish(&rushes_store::VisualBundle { meta: meta.clone(), ..small(0) }).unwrap();
}

#[test]
fn only_what_is_still_the_same_is_entered() {
    let place = Place::new();
    let [same, moved, longer, other] = ["same", "moved", "longer", "other"]
        .map(|name| place.shoot(name, &format!("{name} content of some length")));
    for meta in [&same, &moved, &longer, &other] {
        publish(&place, meta);
    }
    // The same medium again, with more and later facts.
    let mut read = small_text(0);
    read.meta = BundleMeta { created_at: same.created_at + 9, ..same.clone() };
    read.meta.model_key = "pp-ocr-v4".parse().unwrap();
    read.meta.facts.width = 4096;
    place.analyses.publish_text(&read).unwrap();
    // What was at that path before is another medium.
    let before = BundleMeta { media_id: MediaId([9; 16]), ..same.clone() };
    publish(&place, &before);
    fs_err::rename(place.footage("moved"), place.footage("elsewhere")).unwrap();
    fs_err::write(place.footage("longer"), "longer content of another length").unwrap();
    fs_err::write(place.footage("other"), "OTHER content of some length").unwrap();
    let path =
        place.analyses.root().join("visual/lite-260/00/00000000000000000000000000000000.rvb");
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, "no bundle").unwrap();

    let rebuilt = place.rebuild();
    let expected = Rebuilt {
        bundles: 7,
        unreadable: 1,
        paths: 4,
        entered: 1,
        known: 0,
        absent: 1,
        changed: 2,
        is_complete: true,
    };
    assert_eq!(rebuilt, expected);
    let known = place.known(&same.source_path).unwrap();
    assert_eq!((known.media_id, known.hash_str), (same.media_id, same.hash_str));
    assert_eq!(known.facts, read.meta.facts);
    for name in ["elsewhere", "longer", "other"] {
        assert_eq!(place.known(&place.footage(name)), None, "{name}");
    }
    assert!(place.catalogue.paths_of(&before.media_id).unwrap().is_empty());
    let again = place.rebuild();
    assert_eq!((again.entered, again.known), (0, 1));
}

#[test]
fn what_was_found_before_it_was_stopped_is_entered() {
    let place = Place::new();
    for take in 0..50 {
        publish(&place, &place.shoot(&format!("{take}"), &format!("{take:016}")));
    }
    let folders = [place.analyses.clone()];
    let go_on = |done: usize, _: usize| done < 60;
    let rebuilt = place.catalogue.rebuild(&folders, &identify, &go_on).unwrap();
    assert!(!rebuilt.is_complete && (10..50).contains(&rebuilt.entered), "{rebuilt:?}");
    let rest = place.rebuild();
    assert_eq!((rest.known, rest.known + rest.entered), (rebuilt.entered, 50));
}

#[test]
fn ten_thousand_media_are_entered_within_a_minute() {
    const MEDIA: usize = 10_000;
    let place = Place::new();
    let template = place.shoot("00000.mov", "00000 and some bytes");
    let path =
        place.analyses.publish(&rushes_store::VisualBundle { meta: template.clone(), ..small(0) });
    let (path, old) = (path.unwrap(), template.source_path.to_str().unwrap());
    for take in 1..MEDIA {
        let name = format!("{take:05}.mov");
        let meta = place.shoot(&name, &format!("{take:05} and some bytes"));
        copy_for(&path, meta.media_id, &[(old, meta.source_path.to_str().unwrap())]);
    }
    let asked = AtomicUsize::new(0);
    let identify = |path: &Path| {
        asked.fetch_add(1, Ordering::Relaxed);
        identify(path)
    };
    let begun = Instant::now();
    let folders = [place.analyses.clone()];
    let rebuilt = place.catalogue.rebuild(&folders, &identify, &|_, _| true).unwrap();
    let took = begun.elapsed();
    println!("{MEDIA} media entered in {took:?}");
    assert_eq!((rebuilt.entered, asked.into_inner()), (MEDIA, MEDIA), "{rebuilt:?}");
    assert!(took < Duration::from_secs(60), "{took:?}");
    let begun = Instant::now();
    assert_eq!(place.rebuild().known, MEDIA);
    println!("and known the next time in {:?}", begun.elapsed());
}
