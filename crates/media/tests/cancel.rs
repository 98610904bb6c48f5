//! Cancelling, stalling and timing out. One test, because it counts this process's children.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, helpers included")]

mod fixtures;

use fixtures::Fixtures;
use rushes_media::{Cancel, Limits, MediaError, Pass, Tools, run_program};
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    path::Path,
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

/// What was decoded before the end may still come; then comes the reason of the end.
fn gone_or_waiting(stream: &mut rushes_media::FrameStream) {
    let start = Instant::now();
    let last = stream.last().unwrap();
    assert!(matches!(last, Err(MediaError::Cancelled)), "{last:?}");
    assert!(start.elapsed() < Duration::from_secs(1));
}
