//! Cancelling, stalling and timing out. One after the other, because they count this process's children.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, helpers included")]

mod fixtures;

use fixtures::Fixtures;
use rushes_media::{Cancel, Codec, Cut, CutMode, Limits, MediaError, Pass, Tools, run_program};
use rushes_model::TimeRange;
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Ids of the processes that descend from this one.
fn children() -> Vec<i32> {
    let own = std::process::id() as i32;
    let processes = fs_err::read_dir("/proc").unwrap().filter_map(|entry| {
        let id: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = fs_err::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // After the name, which may hold anything: state and parent.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        Some((id, parent))
    });
    let processes: Vec<(i32, i32)> = processes.collect();
    let mut found = vec![own];
    while let Some(&(id, _)) =
        processes.iter().find(|(id, parent)| found.contains(parent) && !found.contains(id))
    {
        found.push(id);
    }
    found.retain(|&id| id != own);
    found
}

/// Tests of one process run at once.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn gone_soon() {
    let start = Instant::now();
    while !children().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(1), "left over: {:?}", children());
        thread::sleep(Duration::from_millis(10));
    }
}

fn shell(script: &str, timeout: Duration, cancel: &Cancel) -> Result<Vec<String>, MediaError> {
    let mut lines = Vec::new();
    let args = ["-c", script].map(OsStr::new);
    let mut on_line = |line: &str| lines.push(line.to_owned());
    let report =
        run_program(OsStr::new("sh"), &args, Path::new("/"), timeout, cancel, &mut on_line)?;
    lines.push(format!("{:?} {}", report.code, report.last_words));
    Ok(lines)
}

#[test]
fn nothing_is_left_behind() {
    let _alone = alone();
    let made = Fixtures::new();
    let path =
        made.numbered("25", 1000, "-c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p c.mp4");
    let facts = made.probe(&path);
    let pass = Pass::Whole { covered: BTreeSet::new() };
    let start =
        |tools: &Tools, cancel: &Cancel| tools.frames(&path, &facts, &pass, 160, cancel).unwrap();

    // Nobody reads, so that the decoder waits for us; then it is cancelled.
    let cancel = Cancel::new();
    let mut stream = start(&made.tools, &cancel);
    assert!(stream.next().unwrap().is_ok());
    assert_eq!(children().len(), 1);
    cancel.cancel();
    gone_or_waiting(&mut stream);
    gone_soon();

    // Dropped half-way.
    let mut stream = start(&made.tools, &Cancel::new());
    assert!(stream.next().unwrap().is_ok());
    drop(stream);
    gone_soon();

    // Waiting for us is no standstill, for however long.
    let brief = Limits { stall: Duration::from_secs(3), ..Limits::default() };
    let brief = Tools::locate(brief).unwrap();
    let mut stream = start(&brief, &Cancel::new());
    assert!(stream.next().unwrap().is_ok());
    thread::sleep(Duration::from_secs(4));
    assert_eq!(stream.filter(Result::is_err).count(), 0);

    // A decoder that stands still is.
    let mut stream = start(&brief, &Cancel::new());
    assert!(stream.next().unwrap().is_ok());
    let decoder = rustix::process::Pid::from_raw(children()[0]).unwrap();
    rustix::process::kill_process(decoder, rustix::process::Signal::STOP).unwrap();
    let last = stream.last().unwrap();
    assert!(matches!(last, Err(MediaError::Stalled { .. })), "{last:?}");
    gone_soon();

    // A program, its children and a reader that waits for their output.
    let cancel = Cancel::new();
    let started = Instant::now();
    let result = thread::scope(|scope| {
        let run = scope.spawn(|| shell("sleep 60 & sleep 60", Duration::from_secs(60), &cancel));
        thread::sleep(Duration::from_millis(300));
        cancel.cancel();
        run.join().unwrap()
    });
    assert!(matches!(result, Err(MediaError::Cancelled)), "{result:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
    gone_soon();

    let late = shell("sleep 60", Duration::from_millis(200), &Cancel::new());
    assert!(matches!(late, Err(MediaError::TimedOut { .. } | MediaError::Stalled { .. })));
    let lines = shell("echo out; echo err >&2; exit 3", Duration::from_secs(5), &Cancel::new());
    let lines = lines.unwrap();
    assert!(lines.contains(&"out".to_owned()) && lines.contains(&"err".to_owned()), "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("Some(3) err"));
    let missing = run_program(
        OsStr::new("/no/such/program"),
        &[],
        Path::new("/"),
        Duration::from_secs(1),
        &Cancel::new(),
        &mut |_| (),
    );
    assert!(missing.unwrap_err().to_string().contains("/no/such/program"));
    gone_soon();
}

/// How a piece of work ended: how often it said so, and whether it was for being cancelled.
#[derive(Debug, Default, PartialEq)]
struct Ending {
    finals: usize,
    cancelled: bool,
}

impl Ending {
    /// Of a stream, which ends once; what comes after the end is counted too.
    fn of<T>(mut stream: impl Iterator<Item = Result<T, MediaError>>) -> Self {
        let mut ending = Self::default();
        for item in stream.by_ref() {
            if let Err(error) = item {
                ending.finals += 1;
                ending.cancelled = matches!(error, MediaError::Cancelled);
            }
        }
        ending.finals += usize::from(ending.finals == 0);
        ending.finals += stream.filter(Result::is_err).count();
        ending
    }
}

/// Every kind of work, cancelled at moments from before its start to after its end. Progress only grows.
#[test]
fn a_hundred_moments() {
    let _alone = alone();
    let made = Fixtures::new();
    let output = "-f lavfi -i sine=d=40 -shortest -c:a aac -c:v libx264 -preset ultrafast -g 50 \
        -pix_fmt yuv420p long.mp4";
    let path = made.numbered("25", 1000, output);
    let facts = made.probe(&path);
    let pass = Pass::Whole { covered: BTreeSet::new() };
    let work = |kind: u64, cancel: &Cancel| {
        let tools = made.tools.until(cancel);
        match kind {
            0 => tools.frames(&path, &facts, &pass, 160, cancel).map(Ending::of),
            1 => tools.frames(&path, &facts, &Pass::InPoints, 160, cancel).map(Ending::of),
            2 => tools.sound(&path, &facts, 0, cancel).map(Ending::of),
            _ => {
                let mode = if kind == 3 { CutMode::Reencode(Codec::H264) } else { CutMode::Copy };
                let cut = Cut { range: TimeRange { start: 1.0, end: 38.0 }, mode };
                let (target, mut last) = (made.path("clip.mp4"), 0.0);
                let done = tools.cut(&path, &facts, &cut, &target, |now| {
                    assert!(now >= last && now <= 1.0, "{last} then {now}");
                    last = now;
                });
                assert_eq!(target.exists(), done.is_ok());
                let _ = fs_err::remove_file(&target);
                assert!(done.is_err() || last == 1.0);
                done.map(|_| Ending { finals: 1, cancelled: false })
            }
        }
    };
    // How long each kind takes, so that moments fall into all of it.
    let lengths: Vec<u64> = (0..5)
        .map(|kind| {
            let start = Instant::now();
            assert_eq!(work(kind, &Cancel::new()).unwrap(), Ending { finals: 1, cancelled: false });
            start.elapsed().as_millis() as u64
        })
        .collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let (mut cancelled, mut slowest) = (0, Duration::ZERO);
    for i in 0..100 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (kind, cancel) = (i % 5, Cancel::new());
        let moment = Duration::from_millis(random % (lengths[kind as usize] * 11 / 10));
        let (ending, at) = thread::scope(|scope| {
            let at = scope.spawn(|| {
                thread::sleep(moment);
                cancel.cancel();
                Instant::now()
            });
            let ending = work(kind, &cancel);
            (ending, at.join().unwrap())
        });
        let ending = match ending {
            Ok(ending) => ending,
            Err(MediaError::Cancelled) => Ending { finals: 1, cancelled: true },
            Err(error) => panic!("kind {kind} at {moment:?}: {error}"),
        };
        assert_eq!(ending.finals, 1, "kind {kind} at {moment:?}");
        gone_soon();
        if ending.cancelled {
            slowest = slowest.max(at.elapsed());
            cancelled += 1;
        }
    }
    println!("{cancelled} of 100 were cancelled, all gone after {slowest:?} at most");
    assert!(cancelled > 40 && slowest < Duration::from_secs(1), "{cancelled} {slowest:?}");
}

/// What was decoded before the end may still come; then comes the reason of the end.
fn gone_or_waiting(stream: &mut rushes_media::FrameStream) {
    let start = Instant::now();
    let last = stream.last().unwrap();
    assert!(matches!(last, Err(MediaError::Cancelled)), "{last:?}");
    assert!(start.elapsed() < Duration::from_secs(1));
}
