//! Writers that are killed at any moment, again and again: what was acknowledged is there, and all of it can be read.
//!
//! `RUSHES_CRASH_ROUNDS` sets how many are killed, `RUSHES_CRASH_SEED` when.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.
#![allow(clippy::disallowed_methods)] // Only another process can be killed.
#![allow(clippy::print_stdout)] // That is how a child acknowledges.

mod common;

use common::{
    Random, again, child_folder, fully_read, large, small_faces, small_speech, small_text,
};
use rushes_model::MediaId;
use rushes_store::{
    Analysis, AnalysisFolder, BundleMeta, Claims, Journal, Machine, MachineId, Report,
};
use serde_json::json;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Which machine a child is, and what it does in which order.
const MACHINE: &str = "RUSHES_STORE_TEST_MACHINE";
const SEED: &str = "RUSHES_STORE_TEST_SEED";
/// Two writers, each on a machine of its own.
const MACHINES: [&str; 2] = ["here", "there"];
/// Media that they analyse over and over.
const MEDIA: usize = 16;

struct Writer {
    analyses: AnalysisFolder,
    journal: Journal,
    claims: Claims,
}

impl Writer {
    fn new(folder: &Path, machine: &str) -> Self {
        let home = folder.join(machine);
        fs_err::create_dir_all(&home).unwrap();
        let machine = Machine::open(&home).unwrap();
        let analyses = AnalysisFolder::open(folder).unwrap();
        let claims = Claims::new(&analyses, &machine);
        Self { journal: Journal::new(analyses.clone(), machine), analyses, claims }
    }

    /// Analyses a medium if nobody else does, and says so once it is published.
    fn analyse(&self, random: &mut Random) {
        let (medium, analysis) = (random.below(MEDIA), random.below(4));
        let Ok(Some(_claim)) = self.claims.claim(&id(medium), NAMES[analysis]) else { return };
        // Claims put those who publish a medium in order.
        let created_at = now();
        let meta = |meta: BundleMeta| BundleMeta { media_id: id(medium), created_at, ..meta };
        let published = match Analysis::ALL[analysis] {
            Analysis::Visual => {
                let mut bundle = large(0, 40, random.below(200_000));
                bundle.meta = meta(bundle.meta);
                self.analyses.publish(&bundle)
            }
            Analysis::Text => {
                let mut bundle = small_text(0);
                bundle.meta = meta(bundle.meta);
                self.analyses.publish_text(&bundle)
            }
            Analysis::Speech => {
                let mut bundle = small_speech(0);
                bundle.meta = meta(bundle.meta);
                self.analyses.publish_speech(&bundle)
            }
            Analysis::Faces => {
                let mut bundle = small_faces(0);
                bundle.meta = meta(bundle.meta);
                self.analyses.publish_faces(&bundle)
            }
        };
        published.unwrap();
        println!("\npublished {analysis} {medium} {created_at}");
    }

    /// Names or merges people, and says so once it is kept.
    fn decide(&self, random: &mut Random) {
        let mark = format!("{:016x}", random.next());
        let body = if random.below(2) == 0 {
            json!({"collection": "all", "what": "name", "names": [{"cluster": {"id": 3}, "name": mark}]})
        } else {
            let merge = json!({"clusters": [1, 2], "target": 4});
            json!({"collection": "all", "what": "edit", "merges": [merge], "moves": [], "mark": mark})
        };
        self.journal.append("people", &body).unwrap();
        println!("\ndecided {mark}");
    }
}

/// Kinds of work, as claims know them, in the order of the analyses.
const NAMES: [&str; 4] = ["visual", "text", "speech", "faces"];

fn id(medium: usize) -> MediaId {
    MediaId([medium as u8; 16])
}

/// Nanoseconds since 1970, which order what processes of one machine do.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// What the children of the next test do, without end.
#[test]
fn child_that_works() {
    let Some(folder) = child_folder() else { return };
    let writer = Writer::new(&folder, &std::env::var(MACHINE).unwrap());
    let mut random = Random(std::env::var(SEED).unwrap().parse().unwrap());
    loop {
        match random.below(2) {
            0 => writer.analyse(&mut random),
            _ => writer.decide(&mut random),
        }
    }
}

fn spawn(folder: &Path, machine: &str, seed: u64) -> Child {
    let this = Command::new(std::env::current_exe().unwrap());
    let mut command = again(this, "child_that_works", folder);
    command.env(MACHINE, machine).env(SEED, seed.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// What writers were told is kept.
#[derive(Default)]
struct Acknowledged {
    /// By analysis and medium, when the last bundle was made.
    bundles: HashMap<(usize, usize), u64>,
    decisions: HashSet<String>,
    writes: usize,
}

impl Acknowledged {
    fn add(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["published", analysis, medium, created_at] => {
                let key = (analysis.parse().unwrap(), medium.parse().unwrap());
                let last = self.bundles.entry(key).or_default();
                *last = created_at.parse::<u64>().unwrap().max(*last);
            }
            ["decided", mark] => drop(self.decisions.insert(mark.to_owned())),
            _ => return,
        }
        self.writes += 1;
    }
}

/// What became of the writes.
#[derive(Debug, Default)]
struct Figures {
    kills: usize,
    acknowledged: usize,
    lost: usize,
    unreadable: usize,
    /// Bundles and journals that were read to tell.
    read: usize,
    left_unfinished: usize,
    left_claimed: usize,
    slowest_restart: Duration,
}

/// Looks at everything, as the next process does and more.
fn check(folder: &Path, acknowledged: &Acknowledged, figures: &mut Figures) {
    let begun = Instant::now();
    let writer = Writer::new(folder, MACHINES[0]);
    let entries = Analysis::ALL.map(|analysis| writer.analyses.list(analysis).unwrap());
    let records = writer.journal.read().unwrap();
    figures.slowest_restart = figures.slowest_restart.max(begun.elapsed());

    let mut made = HashMap::new();
    for (analysis, entry) in
        entries.iter().enumerate().flat_map(|(n, all)| all.iter().map(move |one| (n, one)))
    {
        figures.read += 1;
        match fully_read(entry.analysis, &entry.path) {
            Ok(meta) => {
                assert_eq!(meta.media_id, entry.media_id);
                made.insert((analysis, meta.media_id.0[0] as usize), meta.created_at);
            }
            Err(_) => figures.unreadable += 1,
        }
    }
    let is_older =
        |(key, last): (&(usize, usize), &u64)| made.get(key).is_none_or(|made| made < last);
    figures.lost += acknowledged.bundles.iter().filter(|bundle| is_older(*bundle)).count();

    figures.read += 1;
    figures.unreadable += records.damaged.len();
    let mark = |body: &serde_json::Value| {
        let name = &body["names"][0]["name"];
        name.as_str().or(body["mark"].as_str()).map(str::to_owned)
    };
    let kept: HashSet<String> = records.records.iter().filter_map(|one| mark(&one.body)).collect();
    figures.lost += acknowledged.decisions.difference(&kept).count();
    let mut sequences: BTreeMap<MachineId, Vec<u64>> = BTreeMap::new();
    for record in &records.records {
        sequences.entry(record.machine).or_default().push(record.sequence);
    }
    for own in sequences.into_values() {
        assert!(own.iter().copied().eq(0..own.len() as u64), "two wrote at once");
    }
}

/// Lets two writers work and kills both, one after the other.
fn round(folder: &Path, random: &mut Random, acknowledged: &mut Acknowledged) {
    let mut children = MACHINES.map(|machine| spawn(folder, machine, random.next()));
    let mut outputs = children
        .each_mut()
        .map(|child| BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok));
    // Now and then one dies before it has done anything.
    for lines in &mut outputs {
        if random.below(8) > 0 {
            let first =
                lines.find(|line| line.starts_with("published ") || line.starts_with("decided "));
            acknowledged.add(&first.unwrap());
        }
    }
    for child in &mut children {
        std::thread::sleep(Duration::from_micros(random.below(25_000) as u64));
        child.kill().unwrap();
    }
    for (mut child, lines) in children.into_iter().zip(outputs) {
        lines.for_each(|line| acknowledged.add(&line));
        child.wait().unwrap();
    }
}

/// All claims that dead processes left can be had by the machine they ran on, at once where the system tells that a
/// process is gone. Not those of one that died between making the file and writing to it: these take a minute.
fn break_all(folder: &Path) -> usize {
    let writers = MACHINES.map(|machine| Writer::new(folder, machine));
    let entries = fs_err::read_dir(writers[0].analyses.root().join("claims")).unwrap();
    let left: Vec<_> = entries.map(|entry| entry.unwrap()).collect();
    let mut count = 0;
    for entry in &left {
        let name = entry.file_name().into_string().unwrap();
        if name.contains(".broken-") || entry.metadata().unwrap().len() == 0 {
            continue;
        }
        let (id, what) = name.split_once('.').unwrap();
        let id: MediaId = id.parse().unwrap();
        let got = writers.iter().find_map(|writer| writer.claims.claim(&id, what).unwrap());
        assert!(got.is_some() || !cfg!(target_os = "linux"), "{name} cannot be had");
        count += 1;
    }
    count
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn killed_writers_lose_nothing_that_was_acknowledged() {
    let (kills, seed) = (number("RUSHES_CRASH_ROUNDS", 24), number("RUSHES_CRASH_SEED", 8));
    let folder = tempfile::tempdir().unwrap();
    let (mut random, mut acknowledged) = (Random(seed), Acknowledged::default());
    let (mut figures, begun) = (Figures::default(), Instant::now());
    while figures.kills < kills as usize {
        round(folder.path(), &mut random, &mut acknowledged);
        figures.kills += MACHINES.len();
        check(folder.path(), &acknowledged, &mut figures);
        assert_eq!((figures.lost, figures.unreadable), (0, 0), "seed {seed}: {figures:?}");
    }
    figures.acknowledged = acknowledged.writes;
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let report: Report = analyses.examine(&|_| true);
    assert!(report.is_sound() && report.foreign.is_empty(), "{report:?}");
    figures.left_unfinished = report.unfinished.len();
    figures.left_claimed = break_all(folder.path());
    println!("seed {seed}, {:?}: {figures:?}", begun.elapsed());
    assert!(figures.slowest_restart < Duration::from_secs(2));
}
