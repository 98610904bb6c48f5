//! The rules, without a disk and without waiting.

mod world;

use super::Look;
use crate::{Event, mounts::Volume, stamp::Id};
use proptest::prelude::*;
use std::{path::PathBuf, time::Duration};
use world::{World, path, step};

const SECOND: Duration = Duration::from_secs(1);

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// The world checks at each step that nothing is reported early, twice or wrongly gone; at the end, that
    /// nothing was forgotten.
    #[test]
    fn what_is_said_is_true(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        world.comes_to_rest();
    }
}

/// A world with these files, which have been reported.
fn world_with(names: &[&str]) -> World {
    let mut world = World::new();
    names.iter().for_each(|name| world.write(path(name)));
    world.comes_to_rest();
    world.events.clear();
    world
}

fn paths(names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(|name| path(name)).collect()
}

#[test]
fn a_file_settles_after_two_more_looks_and_three_seconds() {
    let mut world = World::new();
    world.write(path("a.mov"));
    world.look();
    for wait in [1000, 1000, 999] {
        world.wait(wait);
        world.look();
        assert_eq!(world.settled(), [] as [PathBuf; 0]);
        assert_eq!(world.ledger.pending(), 1);
    }
    world.wait(1);
    world.look();
    assert_eq!(world.settled(), paths(&["a.mov"]));
    assert_eq!((world.ledger.pending(), world.ledger.known()), (0, 1));
    assert!(world.ledger.restless().is_empty());

    world.write(path("b.mov"));
    world.look();
    world.wait(60_000);
    world.look();
    assert_eq!(world.settled().len(), 1, "one look more does not do, however late");
    world.look();
    assert_eq!(world.settled().len(), 2);
}

#[test]
fn a_file_that_is_replaced_has_one_place() {
    let mut world = world_with(&["a.mov"]);
    for _ in 0..20 {
        world.delete(0, path("a.mov"));
        world.write(path("a.mov"));
        world.comes_to_rest();
    }
    assert_eq!((world.ledger.known(), world.ledger.places.len()), (1, 1));
}

#[test]
fn a_file_that_is_open_for_writing_settles_later() {
    let mut world = World::new();
    world.write(path("a.mov"));
    world.look();
    world.ledger.written(&path("a.mov"), false, world.now);
    for _ in 0..14 {
        world.wait(2000);
        world.look();
    }
    assert_eq!(world.settled().len(), 0, "28 s");
    world.wait(2000);
    world.look();
    assert_eq!(world.settled().len(), 1, "there is an end to waiting");

    world.write(path("b.mov"));
    world.look();
    world.ledger.written(&path("b.mov"), false, world.now);
    world.ledger.written(&path("b.mov"), true, world.now);
    world.looks(3);
    assert_eq!(world.settled().len(), 2);
}

#[test]
fn a_file_that_cannot_be_opened_is_tried_again_ever_later() {
    let mut world = World::new();
    world.write(path("a.mov"));
    world.locked.insert(path("a.mov"));
    world.looks(30);
    let warnings = |world: &World| {
        world.events.iter().filter(|event| matches!(event, Event::Warning(_))).count()
    };
    assert_eq!((world.settled().len(), warnings(&world)), (0, 1));
    assert!((3..8).contains(&world.opened), "tried {} times in a minute", world.opened);
    world.locked.clear();
    world.looks(150);
    assert_eq!(world.settled(), paths(&["a.mov"]));
}

#[test]
fn a_volume_that_goes_takes_nothing_along() {
    let names = ["a.mov", "b.mov", "c.mov"];
    let mut world = world_with(&names);
    world.unmount();
    world.looks(5);
    assert!(matches!(world.events.as_slice(), [Event::Offline(_)]), "{:?}", world.events);
    assert_eq!(world.ledger.known(), 3);
    // Back under another device number, and one file was deleted elsewhere meanwhile.
    world.delete(0, path("b.mov"));
    world.mount(0, 77);
    world.looks(1);
    assert_eq!(world.events.len(), 2);
    assert_eq!(world.events[1], Event::Online);
    world.looks(5);
    assert_eq!(world.events[2..], [Event::Gone(path("b.mov"))]);
}

#[test]
fn an_empty_mount_point_is_away_and_an_emptied_folder_empty() {
    for is_mount_point in [true, false] {
        let mut world = world_with(&["a.mov", "b.mov"]);
        world.is_mount_point = is_mount_point;
        // That it became one is a change of its own.
        world.looks(1);
        world.delete(0, path("a.mov"));
        world.looks(5);
        assert_eq!(world.events, [Event::Gone(path("a.mov"))]);
        world.delete(0, path("b.mov"));
        world.looks(2);
        assert_eq!(world.events.len(), 1, "two looks more are needed");
        world.looks(5);
        match &world.events[1..] {
            [Event::Offline(_)] => assert!(is_mount_point),
            events => {
                assert!(!is_mount_point, "{events:?}");
                assert_eq!(events, [Event::Gone(path("b.mov"))]);
            }
        }
    }
}

#[test]
fn the_next_card_in_the_reader_does_not_delete_the_last_one() {
    let mut world = world_with(&["a.mov", "b.mov"]);
    world.unmount();
    world.looks(1);
    // The next card has the same numbers, a file of the same name, and one of another.
    world.mount(1, 1);
    world.write(path("a.mov"));
    world.write(path("c.mov"));
    world.looks(1);
    assert!(world.ledger.is_offline(), "nothing of what is known is there");
    world.looks(5);
    assert_eq!(world.settled(), paths(&["a.mov", "c.mov"]));
    assert!(world.ledger.is_online());
    world.unmount();
    world.looks(2);
    world.mount(0, 1);
    world.looks(5);
    assert_eq!(world.gone(), [] as [PathBuf; 0], "neither is gone");
    assert_eq!(world.settled()[2..], paths(&["a.mov"]), "which had been overwritten in the ledger");
}

#[test]
fn a_mount_point_below_the_root_is_protected_too() {
    let mut world = world_with(&["a.mov"]);
    let volume = |device| Some(Volume { id: Id { device, inode: 2 }, is_mount_point: true });
    let disk = path("disk");
    world.submount = Some((disk.clone(), volume(9)));
    let names = ["disk/1.mov", "disk/2.mov"];
    names.iter().for_each(|name| world.write(path(name)));
    world.comes_to_rest();
    world.events.clear();
    // The disk goes, and its folder with it, as automounters do; then another disk has its number.
    let files = world.take_away(&disk);
    for volume in [None, volume(9), None] {
        world.submount = Some((disk.clone(), volume));
        world.looks(5);
    }
    assert_eq!(world.events, []);
    assert!(world.ledger.is_online());
    world.submount = Some((disk.clone(), volume(9)));
    world.bring_back(files);
    world.looks(5);
    assert_eq!(world.events, [], "nothing is new on it");
    world.delete(0, path("disk/1.mov"));
    world.looks(5);
    assert_eq!(world.events, [Event::Gone(path("disk/1.mov"))]);
    world.delete(0, path("disk/2.mov"));
    world.looks(5);
    assert_eq!(world.events.len(), 1, "it is empty, and may be away");
}

#[test]
fn renames_are_followed_and_chains_kept_in_order() {
    let mut world = world_with(&["1.mov", "2.mov", "3.mov"]);
    for (from, to) in [("3.mov", "4.mov"), ("2.mov", "3.mov"), ("1.mov", "2.mov")] {
        world.rename(path(from), path(to));
    }
    world.looks(5);
    let renamed = |from, to| Event::Renamed { from: path(from), to: path(to) };
    let chain = [renamed("3.mov", "4.mov"), renamed("2.mov", "3.mov"), renamed("1.mov", "2.mov")];
    assert_eq!(world.events, chain);
    world.events.clear();
    // Found missing at one look and under another name at the next.
    let files = world.take_away(&path("4.mov"));
    world.looks(1);
    world.bring_back(files.into_iter().map(|(_, file)| (path("5.mov"), file)).collect());
    world.looks(5);
    assert_eq!(world.events, [renamed("4.mov", "5.mov")]);
    // What is renamed and written to is another file.
    world.events.clear();
    world.rename(path("5.mov"), path("6.mov"));
    world.write(path("6.mov"));
    world.looks(5);
    assert_eq!(world.gone(), paths(&["5.mov"]));
    assert_eq!(world.settled(), paths(&["6.mov"]));
}

#[test]
fn what_the_system_says_of_renames_counts_where_files_have_no_numbers() {
    let mut world = world_with(&["day 1/a.mov", "day 1/b.mov"]);
    world.has_ids = false;
    world.looks(1);
    world.rename(path("day 1/a.mov"), path("day 2/a.mov"));
    world.rename(path("day 1/b.mov"), path("day 2/b.mov"));
    world.hints = vec![(path("day 1"), path("day 2"))];
    world.looks(5);
    assert_eq!(world.events.len(), 2);
    assert!(world.events.iter().all(|event| matches!(event, Event::Renamed { .. })));
}

#[test]
fn what_cannot_be_read_is_neither_gone_nor_complete() {
    let card = "A/CONTENTS";
    let mut world = world_with(&["A/CONTENTS/VIDEO/1.mxf", "b.mov"]);
    let files = world.take_away(&path(card));
    world.blind.insert(path("A/CONTENTS/VIDEO"));
    world.write(path("A/CONTENTS/AUDIO/2.mxf"));
    world.looks(10);
    assert_eq!(world.events, []);
    world.blind.clear();
    world.bring_back(files);
    world.looks(5);
    assert_eq!(world.settled(), paths(&["A/CONTENTS/AUDIO/2.mxf"]));
}

#[test]
fn what_is_not_part_of_a_look_is_not_missing() {
    let mut world = world_with(&["a.mov", "b.mov"]);
    let look = Look { scopes: [path("c")].into(), ..Look::default() };
    for _ in 0..5 {
        world.wait(10_000);
        assert_eq!(world.ledger.look(&look, world.now), []);
    }
    assert_eq!(world.ledger.known(), 2);
    assert_eq!(SECOND * 3, world.ledger.settling.quiet);
}
