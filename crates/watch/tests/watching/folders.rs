//! What a watch says of folders on a local disk.

use crate::watched::{QUIET, Watched, root, rules, write_files};
use rushes_watch::{Event, Method, Root, Rules, Settling};
use std::{
    io::{Error, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

/// Makes a test of each.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        mod by_events_and_by_polling {
            $(#[test] fn $name() { crate::both_ways(super::$name); })*
        }
    };
}

tests![
    what_is_there_is_reported_by_name,
    slow_copies_are_reported_once_at_their_end,
    temporary_names_are_passed_over,
    ten_thousand_files_are_reported,
    a_storm_of_renames_reports_no_content,
    a_folder_that_is_renamed_takes_its_files_along,
    case_only_renames_are_renames,
    wrong_clocks_change_nothing,
    changed_files_are_reported_again_and_deleted_ones_gone,
    an_emptied_folder_is_not_offline,
    a_root_that_is_away_is_offline,
    excluded_folders_are_not_walked,
    folders_below_are_left_out_on_request,
    cards_settle_as_one,
    cards_of_all_makers_report_their_clips,
    lost_events_are_made_good,
    the_file_system_decides_unless_told_otherwise,
    stopping_is_quick,
];

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("footage");
    fs_err::create_dir(&path).unwrap();
    (folder, path)
}

fn start(path: &Path, method: Method) -> Watched {
    let mut watched = Watched::start(root(path, method), rules());
    watched.until_event(&Event::Online);
    watched
}

fn what_is_there_is_reported_by_name(method: Method) {
    let (_keep, path) = folder();
    let mut paths = write_files(&path.join("b"), (0..300).map(|n| format!("{n:03}.mov")));
    paths.insert(0, path.join("a.MOV"));
    paths.push(path.join("c.wav"));
    fs_err::write(&paths[0], "a").unwrap();
    fs_err::write(&paths[301], "c").unwrap();
    fs_err::write(path.join("notes.txt"), "n").unwrap();
    let began = Instant::now();
    let mut watched = start(&path, method);
    watched.until_settled(&paths);
    assert!(began.elapsed() >= QUIET);
    assert_eq!(watched.settled(), paths, "all of them, once, by name");
    let snapshot = watched.watch.snapshot();
    assert_eq!((snapshot.pending, snapshot.known), (0, 302));
    assert!(snapshot.online);
    assert_eq!(snapshot.method, Some(method));
    watched.forget();
    watched.for_a_while(QUIET * 3);
    assert!(watched.seen.is_empty(), "{:?}", watched.seen);
}

fn slow_copies_are_reported_once_at_their_end(method: Method) {
    let (_keep, path) = folder();
    let mut watched = start(&path, method);
    let clip = path.join("new folder/clip.mov");
    fs_err::create_dir(path.join("new folder")).unwrap();
    let mut file = fs_err::File::create(&clip).unwrap();
    for _ in 0..20 {
        file.write_all(&[7; 1000]).unwrap();
        watched.for_a_while(QUIET / 2);
        assert_eq!(watched.settled(), [] as [PathBuf; 0], "it is still growing");
        assert!(watched.watch.snapshot().pending <= 1);
    }
    drop(file);
    let finished = Instant::now();
    watched.until_settled(std::slice::from_ref(&clip));
    assert!(finished.elapsed() >= QUIET / 2);
    watched.for_a_while(QUIET * 2);
    assert_eq!(watched.settled(), [clip]);
    let Some(Event::Settled(units)) = watched
        .seen
        .iter()
        .map(|(_, event)| event)
        .find(|event| matches!(event, Event::Settled(_)))
    else {
        panic!("no unit")
    };
    assert_eq!((units[0].stamp.size, units[0].card, units[0].files), (20_000, None, 1));
    assert_eq!(units[0].media[0].stamp, units[0].stamp);
}

fn temporary_names_are_passed_over(method: Method) {
    let (_keep, path) = folder();
    let mut watched = start(&path, method);
    let hidden = path.join(".clip.mov.Xa12Bc");
    let mut file = fs_err::File::create(&hidden).unwrap();
    for name in ["._clip.mov", "b.mov.part", "~c.mov", "d.mov.crdownload", "e.txt"] {
        fs_err::write(path.join(name), "x").unwrap();
    }
    for _ in 0..4 {
        file.write_all(&[7; 1000]).unwrap();
        watched.for_a_while(QUIET / 2);
    }
    watched.for_a_while(QUIET * 2);
    assert_eq!(watched.settled(), [] as [PathBuf; 0]);
    assert_eq!(watched.watch.snapshot().pending, 0);
    drop(file);
    fs_err::rename(&hidden, path.join("clip.mov")).unwrap();
    fs_err::rename(path.join("b.mov.part"), path.join("b.mov")).unwrap();
    watched.until_settled(&[path.join("clip.mov"), path.join("b.mov")]);
    watched.for_a_while(QUIET * 2);
    assert_eq!(watched.settled().len(), 2);
    assert_eq!(watched.renamed(), []);
}

fn ten_thousand_files_are_reported(method: Method) {
    let (_keep, path) = folder();
    let mut watched = start(&path, method);
    let began = Instant::now();
    let mut paths = Vec::new();
    for part in 0..20 {
        let names = (0..500).map(|n| format!("{n:04}.mov"));
        paths.extend(write_files(&path.join(format!("reel {part:02}")), names));
    }
    let dropped = began.elapsed();
    watched.until_settled(&paths);
    let took = began.elapsed();
    println!("{method:?}: 10,000 files written in {dropped:.1?}, reported after {took:.1?}");
    assert!(took - dropped < Duration::from_secs(30));
    let mut settled = watched.settled();
    settled.sort();
    assert_eq!(settled, paths, "each once");
}

fn a_storm_of_renames_reports_no_content(method: Method) {
    let (_keep, path) = folder();
    let paths = write_files(&path, (0..1000).map(|n| format!("{n:04}.mov")));
    let mut watched = start(&path, method);
    watched.until_settled(&paths);
    watched.forget();
    let target = |n: usize| path.join(format!("take {n:04}.mov"));
    for (n, from) in paths.iter().enumerate() {
        fs_err::rename(from, target(n)).unwrap();
    }
    watched.until("1,000 renames", |seen| seen.renamed().len() == 1000);
    watched.for_a_while(QUIET * 3);
    let mut renamed = watched.renamed();
    renamed.sort();
    let expected: Vec<_> =
        paths.into_iter().enumerate().map(|(n, from)| (from, target(n))).collect();
    assert_eq!(renamed, expected);
    assert_eq!((watched.settled().len(), watched.gone().len()), (0, 0));
}

fn a_folder_that_is_renamed_takes_its_files_along(method: Method) {
    let (_keep, path) = folder();
    let paths = write_files(&path.join("a/deep"), ["1.mov", "2.mov"].map(String::from));
    let mut watched = start(&path, method);
    watched.until_settled(&paths);
    fs_err::rename(path.join("a"), path.join("b")).unwrap();
    watched.until("two renames", |seen| seen.renamed().len() == 2);
    // What happens in the folder is seen under its new name.
    let late = path.join("b/deep/3.mov");
    fs_err::write(&late, "late").unwrap();
    watched.until_settled(&[late]);
    watched.for_a_while(QUIET * 2);
    assert_eq!((watched.settled().len(), watched.gone().len()), (3, 0));
}

fn case_only_renames_are_renames(method: Method) {
    let (_keep, path) = folder();
    let paths = write_files(&path, ["A001.MOV".to_owned()]);
    let mut watched = start(&path, method);
    watched.until_settled(&paths);
    let lower = path.join("a001.mov");
    fs_err::rename(&paths[0], &lower).unwrap();
    watched.until_event(&Event::Renamed { from: paths[0].clone(), to: lower });
    watched.for_a_while(QUIET * 2);
    assert_eq!((watched.settled().len(), watched.gone().len()), (1, 0));
}

fn wrong_clocks_change_nothing(method: Method) {
    let (_keep, path) = folder();
    let mut watched = start(&path, method);
    let hour = Duration::from_secs(3600);
    let times = [SystemTime::now() - hour, SystemTime::now() + hour, SystemTime::UNIX_EPOCH - hour];
    let mut paths = Vec::new();
    for (index, time) in times.into_iter().enumerate() {
        let clip = path.join(format!("{index}.mov"));
        let file = fs_err::File::create(&clip).unwrap();
        file.file().set_modified(time).unwrap();
        paths.push(clip);
    }
    let began = Instant::now();
    watched.until_settled(&paths);
    assert!(began.elapsed() >= QUIET / 2);
    // Set back by an hour is a change like any other, and the last.
    fs_err::File::options()
        .write(true)
        .open(&paths[1])
        .unwrap()
        .file()
        .set_modified(SystemTime::now() - hour)
        .unwrap();
    watched.until("a second report", |seen| seen.settled().len() == 4);
    watched.for_a_while(QUIET * 2);
    assert_eq!(watched.settled()[3], paths[1]);
    assert_eq!((watched.settled().len(), watched.gone().len()), (4, 0));
}

fn changed_files_are_reported_again_and_deleted_ones_gone(method: Method) {
    let (_keep, path) = folder();
    let paths = write_files(&path, ["1.mov", "2.mov", "3.mov"].map(String::from));
    let mut watched = start(&path, method);
    watched.until_settled(&paths);
    watched.forget();
    fs_err::write(&paths[0], "another take").unwrap();
    fs_err::remove_file(&paths[1]).unwrap();
    watched.until_settled(&[paths[0].clone()]);
    watched.until_event(&Event::Gone(paths[1].clone()));
    watched.for_a_while(QUIET * 2);
    assert_eq!((watched.settled().len(), watched.gone().len()), (1, 1));
    assert_eq!(watched.watch.snapshot().known, 2);
}

fn an_emptied_folder_is_not_offline(method: Method) {
    let (_keep, path) = folder();
    let paths = write_files(&path, ["1.mov", "2.mov"].map(String::from));
    let mut watched = start(&path, method);
    watched.until_settled(&paths);
    paths.iter().for_each(|path| fs_err::remove_file(path).unwrap());
    watched.until("two files gone", |seen| seen.gone().len() == 2);
    assert!(!watched.is_offline());
}

fn a_root_that_is_away_is_offline(method: Method) {
    let (keep, path) = folder();
    let paths = write_files(&path.join("day 1"), ["1.mov", "2.mov"].map(String::from));
    let mut watched = start(&path, method);
    watched.until_settled(&paths);
    let away = keep.path().join("away");
    fs_err::rename(&path, &away).unwrap();
    watched.until("offline", Watched::is_offline);
    assert!(!watched.watch.snapshot().online);
    // An empty folder at its place, as below a mount point, is not the root.
    fs_err::create_dir(&path).unwrap();
    watched.for_a_while(QUIET * 3);
    assert!(watched.is_offline());
    fs_err::remove_dir(&path).unwrap();
    fs_err::rename(&away, &path).unwrap();
    watched.until("online", |seen| !seen.is_offline());
    let late = path.join("day 1/3.mov");
    fs_err::write(&late, "late").unwrap();
    watched.until_settled(&[late]);
    watched.for_a_while(QUIET * 2);
    assert_eq!((watched.settled().len(), watched.gone().len()), (3, 0), "{:?}", watched.seen);
}

fn excluded_folders_are_not_walked(method: Method) {
    let (_keep, path) = folder();
    let analyses = path.join("analyses");
    write_files(&analyses.join("thumbnails"), ["1.jpg".to_owned()]);
    let excluding = Root { excluded: vec![analyses.clone()], ..root(&path, method) };
    let mut watched = Watched::start(excluding, rules());
    watched.until_event(&Event::Online);
    write_files(&analyses.join("late"), ["2.jpg".to_owned()]);
    fs_err::write(analyses.join("3.jpg"), "3").unwrap();
    let clip = path.join("analyses 2.mov");
    fs_err::write(&clip, "x").unwrap();
    watched.until_settled(std::slice::from_ref(&clip));
    watched.for_a_while(QUIET * 2);
    assert_eq!(watched.settled(), [clip]);
}

fn folders_below_are_left_out_on_request(method: Method) {
    let (_keep, path) = folder();
    write_files(&path.join("below"), ["1.mov".to_owned()]);
    let flat = Root { recursive: false, ..root(&path, method) };
    let mut watched = Watched::start(flat, rules());
    watched.until_event(&Event::Online);
    write_files(&path.join("late"), ["2.mov".to_owned()]);
    fs_err::write(path.join("below/3.mov"), "3").unwrap();
    let clip = path.join("4.mov");
    fs_err::write(&clip, "x").unwrap();
    watched.until_settled(std::slice::from_ref(&clip));
    watched.for_a_while(QUIET * 2);
    assert_eq!(watched.settled(), [clip]);
}

fn cards_settle_as_one(method: Method) {
    let (_keep, path) = folder();
    let mut watched = start(&path, method);
    let card = path.join("A001/PRIVATE/M4ROOT");
    let clips = write_files(&card.join("CLIP"), ["C0001.MP4", "C0002.MP4"].map(String::from));
    write_files(&card.join("SUB"), ["C0001S03.MP4".to_owned()]);
    write_files(&card.join("THMBNL"), ["C0001T01.JPG".to_owned()]);
    let single = path.join("single.mov");
    fs_err::write(&single, "x").unwrap();
    // The card goes on being copied into a hidden file, while its clips stay as they are.
    for step in 0..8 {
        fs_err::write(card.join("CLIP/.C0003.MP4.Ab12"), vec![0; step * 100]).unwrap();
        watched.for_a_while(QUIET / 2);
        assert!(!watched.settled().contains(&clips[0]), "the card is not complete");
    }
    assert_eq!(watched.settled(), [single], "what is no part of the card does not wait for it");
    fs_err::rename(card.join("CLIP/.C0003.MP4.Ab12"), card.join("CLIP/C0003.MP4")).unwrap();
    watched.until_settled(&clips);
    let units = watched.seen.iter().filter_map(|(_, event)| match event {
        Event::Settled(units) if units[0].card.is_some() => Some(units.clone()),
        _ => None,
    });
    let units: Vec<_> = units.collect::<Vec<_>>().concat();
    assert_eq!(units.len(), 1, "{units:?}");
    assert_eq!((units[0].card, &units[0].path, units[0].files), (Some("XAVC"), &card, 5));
    assert_eq!(units[0].media.len(), 3, "proxies and thumbnails are not footage");
    // A clip that comes later is reported alone.
    let late = card.join("CLIP/C0004.MP4");
    fs_err::write(&late, "late").unwrap();
    watched.until_settled(&[late]);
    watched.for_a_while(QUIET * 2);
    assert_eq!(watched.settled().len(), 5);
}

fn cards_of_all_makers_report_their_clips(method: Method) {
    let (_keep, path) = folder();
    let red = "R/A001_0502AB.RDM/A001_C001_0502AB.RDC/A001_C001_0502AB_00";
    let clips = [
        "A/CONTENTS/AUDIO/0001AB00.MXF".to_owned(),
        "A/CONTENTS/VIDEO/0001AB.MXF".to_owned(),
        "B/CONTENTS/CLIPS001/AA0001/AA000101.MXF".to_owned(),
        "B/CONTENTS/CLIPS001/AA0001/AA000102.MXF".to_owned(),
        "C/XDROOT/Clip/C0001.MXF".to_owned(),
        "D/BPAV/CLPR/702_0001_01/702_0001_01.MP4".to_owned(),
        "E/AVCHD/BDMV/STREAM/00000.MTS".to_owned(),
        "F/DCIM/100CANON/MVI_0001.MP4".to_owned(),
        format!("{red}1.R3D"),
    ];
    let parts = [
        "A/CONTENTS/CLIP/0001AB.XML".to_owned(),
        "A/CONTENTS/PROXY/0001AB.MP4".to_owned(),
        "B/CONTENTS/CLIPS001/AA0001/AA0001.XML".to_owned(),
        "C/XDROOT/Sub/C0001S03.MP4".to_owned(),
        "D/BPAV/CLPR/702_0001_01/702_0001_01M01.XML".to_owned(),
        "E/AVCHD/BDMV/CLIPINF/00000.CPI".to_owned(),
        format!("{red}2.R3D"),
        format!("{red}3.R3D"),
    ];
    for name in clips.iter().chain(&parts) {
        let file = path.join(name);
        fs_err::create_dir_all(file.parent().unwrap()).unwrap();
        fs_err::write(file, name).unwrap();
    }
    let mut watched = start(&path, method);
    let expected = clips.map(|name| path.join(name));
    watched.until_settled(&expected);
    assert_eq!(watched.settled(), expected);
    let units = watched.seen.iter().filter_map(|(_, event)| match event {
        Event::Settled(units) => Some(units.iter().map(|unit| (unit.card, unit.files))),
        _ => None,
    });
    let units: Vec<_> = units.flatten().collect();
    let expected = [
        (Some("P2"), 4),
        (Some("Canon XF"), 3),
        (Some("XDCAM"), 2),
        (Some("XDCAM EX"), 2),
        (Some("AVCHD"), 2),
        (None, 1),
        (Some("RED"), 3),
    ];
    assert_eq!(units, expected);
}

/// More happens than is kept of what the system says.
fn lost_events_are_made_good(method: Method) {
    let (_keep, path) = folder();
    let rules = Rules { queue: 3, ..rules() };
    let mut watched = Watched::start(root(&path, method), rules);
    watched.until_event(&Event::Online);
    let paths = write_files(&path.join("a/b"), (0..200).map(|n| format!("{n:03}.mov")));
    watched.until_settled(&paths);
    for path in &paths[10..] {
        fs_err::remove_file(path).unwrap();
    }
    watched.until("190 gone", |seen| seen.gone().len() == 190);
    watched.for_a_while(QUIET);
    assert_eq!(watched.settled().len(), 200);
    let warnings = watched.seen.iter().filter(|(_, event)| matches!(event, Event::Warning(_)));
    assert_eq!(warnings.count(), usize::from(method == Method::Native), "said once");
}

fn the_file_system_decides_unless_told_otherwise(method: Method) {
    let (_keep, path) = folder();
    let clip = path.join("1.mov");
    fs_err::write(&clip, "1").unwrap();
    let slow = Settling { quiet: QUIET * 3, looks: 2 };
    let automatic = Root::new(&path);
    for on_network in [|_: &Path| Ok(false), |_: &Path| Ok(true), |_: &Path| Err(Error::other("x"))]
    {
        let is_remote = on_network(&path).unwrap_or(true);
        let chosen = if is_remote { Method::Poll } else { Method::Native };
        for (root, expected) in [(automatic.clone(), chosen), (root(&path, method), method)] {
            let began = Instant::now();
            let mut watched = Watched::start(root, Rules { on_network, network: slow, ..rules() });
            watched.until_settled(std::slice::from_ref(&clip));
            assert_eq!(watched.watch.snapshot().method, Some(expected));
            assert!(!is_remote || began.elapsed() >= slow.quiet, "files there settle later");
        }
    }
}

fn stopping_is_quick(method: Method) {
    let (_keep, path) = folder();
    write_files(&path, (0..2000).map(|n| format!("{n}.mov")));
    for wait in [0, 5, 50, 500] {
        // Other work may hold all processors; it does not three times in a row.
        let tries = (0..3).map(|_| {
            let watched = Watched::start(root(&path, method), rules());
            std::thread::sleep(Duration::from_millis(wait));
            let began = Instant::now();
            drop(watched);
            began.elapsed()
        });
        let took = tries.min().unwrap_or_default();
        assert!(took < Duration::from_millis(100), "{took:?} after {wait} ms");
    }
}
