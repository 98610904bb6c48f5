//! What a decoder can do in its cell: ffmpeg is told to do what a file might make it do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests, helpers included"
)]

use super::{Cell, Program, Reach};
use crate::{
    Cancel, Limits, MediaError, Tools,
    child::{self, Child, Ended},
    job::Job,
    program,
};
use rustix::{
    fs::{IFlags, Mode, OFlags},
    io::Errno,
    process::{self, Signal},
};
use std::{
    ffi::OsStr,
    fs::{OpenOptions, Permissions},
    io::ErrorKind,
    net::TcpListener,
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

struct Place {
    folder: TempDir,
    tools: Tools,
}

impl Place {
    fn new() -> Self {
        let tools = Tools::locate(Limits::default()).expect("ffmpeg: run `make setup`");
        Self { folder: tempfile::tempdir().unwrap(), tools }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A second of sound.
    fn wav(&self, name: &str) -> PathBuf {
        let mut bytes = b"RIFF\xa4\x3e\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        bytes.extend(*b"\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x80\x3e\0\0");
        bytes.extend([1; 16_000]);
        let path = self.path(name);
        fs_err::write(&path, bytes).unwrap();
        path
    }

    fn run(&self, job: Job) -> (Vec<u8>, Ended) {
        let budget = self.tools.look_budget();
        program::capture(job, budget, &Cancel::new(), 1 << 20).unwrap()
    }

    /// ffmpeg, with what these words say; `{}` is the folder.
    fn ffmpeg(&self, input: Option<&Path>, words: &str) -> Ended {
        let mut job = self.tools.bare_decode_job();
        if let Some(input) = input {
            job.input(input);
        }
        let folder = self.folder.path().display().to_string();
        job.args(words.split_whitespace().map(|word| word.replace("{}", &folder)));
        self.run(job).1
    }

    /// Whether this machine confines what the test is about; else says so.
    fn holds(&self, files: bool) -> bool {
        let report = self.tools.sandbox();
        println!("{report}");
        let guard = if files { &report.files } else { &report.network };
        if !guard.in_force {
            println!("SKIPPED: {guard}");
        }
        guard.in_force
    }
}

fn refused(ended: &Ended) {
    let text = ended.detail();
    assert_ne!(ended.code(), Some(0), "{text}");
    assert!(text.contains("not permitted") || text.contains("Permission denied"), "{text}");
}

/// Whether anybody has knocked.
fn silence(listener: &TcpListener) {
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().map(|_| ()).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn nobody_is_reached_even_if_every_whitelist_failed() {
    let place = Place::new();
    if !place.holds(false) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for url in ["http", "tcp"] {
        let words =
            format!("-protocol_whitelist file,tcp,http -i {url}://127.0.0.1:{port}/x -f null -");
        refused(&place.ffmpeg(None, &words));
    }
    let wav = place.wav("a.wav");
    // Neither sent nor awaited, by any protocol.
    refused(&place.ffmpeg(Some(&wav), &format!("-f s16le udp://127.0.0.1:{port}")));
    refused(&place.ffmpeg(None, "-protocol_whitelist udp -i udp://127.0.0.1:0 -f null -"));
    refused(&place.ffmpeg(Some(&wav), "-f s16le tcp://127.0.0.1:47001?listen=1"));
    let socket = UnixListener::bind(place.path("socket")).unwrap();
    refused(&place.ffmpeg(Some(&wav), "-f s16le unix:{}/socket"));
    socket.set_nonblocking(true).unwrap();
    assert!(socket.accept().is_err());
    silence(&listener);

    // The same ffmpeg outside of its cell does knock, or this test would say nothing.
    let mut command = child::command(place.tools.ffmpeg());
    let url = format!("tcp://127.0.0.1:{port}");
    command.args(["-v", "error", "-nostdin", "-i"]).arg(wav).args(["-f", "s16le", &url]);
    place.run(Job::free(command));
    assert!(listener.accept().is_ok());
}

#[test]
fn only_the_medium_is_read() {
    let place = Place::new();
    if !place.holds(true) {
        return;
    }
    let (own, other) = (place.wav("own.wav"), place.wav("other.wav"));
    let plain = "-f null -";
    assert_eq!(place.ffmpeg(Some(&own), plain).code(), Some(0));
    let another = format!("-i file:{} -map 1 {plain}", other.display());
    refused(&place.ffmpeg(Some(&own), &another));
    refused(&place.ffmpeg(None, &format!("-f s16le -i /etc/passwd {plain}")));
    refused(&place.ffmpeg(None, &format!("-f s16le -i /proc/self/environ {plain}")));
    // A link may lead anywhere: it is the file behind it that was allowed.
    let folder = place.path("folder");
    fs_err::create_dir(&folder).unwrap();
    symlink(&folder, place.path("link")).unwrap();
    symlink(&own, folder.join("medium.wav")).unwrap();
    let behind = place.path("link/medium.wav");
    assert_eq!(place.ffmpeg(Some(&behind), plain).code(), Some(0));
}

#[test]
fn nothing_is_written_but_the_one_output() {
    let place = Place::new();
    if !place.holds(true) {
        return;
    }
    let wav = place.wav("a.wav");
    fs_err::write(place.path("there.wav"), "kept").unwrap();
    fs_err::hard_link(&wav, place.path("alias.wav")).unwrap();
    for name in ["new.wav", "there.wav", "alias.wav"] {
        refused(&place.ffmpeg(Some(&wav), &format!("-c copy -f s16le -y file:{{}}/{name}")));
    }
    assert!(!place.path("new.wav").exists());
    assert_eq!(fs_err::read_to_string(place.path("there.wav")).unwrap(), "kept");

    let made = place.path("made.wav");
    let file = OpenOptions::new().write(true).create_new(true).open(&made).unwrap();
    let mut job = place.tools.bare_decode_job();
    job.input(&wav).args(["-c", "copy", "-fs", "8000"]).output(&made, &Arc::new(file));
    let Ok(launched) = job.launch() else { panic!("it did not start") };
    let budget = place.tools.cut_budget(1.0, 1 << 20, 0);
    let ended = Child::adopt(launched, budget, &Cancel::new(), |_| false).finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.detail());
    assert!(fs_err::metadata(&made).unwrap().len() > 4000);
}

#[test]
fn what_takes_the_place_of_a_medium_is_not_opened() {
    let place = Place::new();
    let error = Reach::open(vec![place.path("")], None).unwrap_err();
    assert!(matches!(error, MediaError::NotAFile { .. }), "{error}");
    let wav = place.wav("a.wav");
    let reach = Reach::open(vec![wav.clone()], None).unwrap();
    assert!(reach.is_unchanged());
    fs_err::rename(place.wav("b.wav"), &wav).unwrap();
    assert!(!reach.is_unchanged());
    if place.holds(true) {
        // What was put in its place does not start anything, not even without rules.
        let (cell, _) = Cell::fitting(place.tools.ffmpeg());
        let error = cell.launch(&mut child::command(place.tools.ffmpeg()), &reach).unwrap_err();
        assert!(error.to_string().contains("replaced"), "{error}");
    }
}

/// What a program in the cell tries that was taken over; it runs as the child of the test below.
#[test]
#[ignore = "runs in a cell, started by another test"]
fn inside() {
    let medium = std::env::var_os("MEDIUM").unwrap();
    let writes = std::env::var_os("CLIP").is_some();
    let open = |path: &OsStr, flags| rustix::fs::open(path, flags, Mode::empty());
    let refused = |flags| assert_eq!(open(&medium, flags).unwrap_err(), Errno::PERM, "{flags:?}");
    refused(OFlags::RDONLY | OFlags::TRUNC);
    // The mode that asks for no right.
    refused(OFlags::WRONLY | OFlags::RDWR | OFlags::TRUNC);
    if let Some(clip) = std::env::var_os("CLIP") {
        let clip = open(&clip, OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC).unwrap();
        rustix::fs::ftruncate(&clip, 3).unwrap();
    } else {
        [OFlags::WRONLY, OFlags::RDWR, OFlags::CREATE].into_iter().for_each(refused);
    }
    let file = open(&medium, OFlags::RDONLY).unwrap();
    let denied = Err(Errno::PERM);
    assert!(writes || rustix::fs::ftruncate(&file, 0) == denied);
    assert_eq!(rustix::fs::ioctl_setflags(&file, IFlags::IMMUTABLE), denied);
    let parent = process::getppid();
    assert_eq!(process::setpgid(None, parent), denied);
    assert_eq!(process::setsid().map(|_| ()), denied);
    assert_eq!(process::kill_process(parent.unwrap(), Signal::URG), denied);
    // The same question as the one before exec is answered: it leads nowhere but to a group of its own.
    assert_eq!(process::setpgid(None, None), Ok(()));
    println!("all was tried");
}

/// It goes by the filter alone: older kernels' Landlock knows nothing of most of this.
#[test]
fn what_only_the_filter_refuses_is_refused() {
    let place = Place::new();
    if !place.holds(false) {
        return;
    }
    let wav = place.wav("a.wav");
    let clip = place.path("clip.wav");
    fs_err::write(&clip, "something").unwrap();
    let program = Arc::new(Program::confined(std::env::current_exe().unwrap()));
    for writes in [false, true] {
        let mut job = Job::decoder(&program);
        job.args(["--exact", "sandbox::tests::inside", "--ignored", "--nocapture"]);
        let file = Arc::new(OpenOptions::new().write(true).open(&clip).unwrap());
        job.names(&wav, writes.then_some((clip.as_path(), &file)));
        let budget = place.tools.cut_budget(1.0, 1 << 20, 0);
        let (output, ended) = program::capture(job, budget, &Cancel::new(), 1 << 20).unwrap();
        let output = String::from_utf8_lossy(&output);
        assert!(output.contains("all was tried"), "{output} {}", ended.detail());
    }
    assert!(fs_err::metadata(&wav).unwrap().len() > 16_000);
    assert_eq!(fs_err::metadata(&clip).unwrap().len(), 3);
}

/// A program that starts another cannot do so where files are confined: it works all the same, and the
/// report tells.
#[test]
fn a_script_runs_in_a_looser_cell_and_the_report_says_so() {
    let place = Place::new();
    let real = place.tools.ffmpeg();
    let script = format!("#!/bin/sh\nexec {} \"$@\"\n", real.display());
    fs_err::write(place.path("ffmpeg"), script).unwrap();
    fs_err::set_permissions(place.path("ffmpeg"), Permissions::from_mode(0o755)).unwrap();
    symlink(real.with_file_name("ffprobe"), place.path("ffprobe")).unwrap();
    let tools = Tools::in_folder(place.folder.path(), Limits::default()).unwrap();
    let (whole, loose) = (place.tools.sandbox(), tools.sandbox());
    assert_eq!(loose.network, whole.network);
    assert!(!loose.files.in_force && !loose.complete(), "{loose}");
    assert!(!whole.files.in_force || loose.files.says.contains("does not start"), "{loose}");
    assert!(tools.version().is_ok());
}

#[test]
fn the_thread_that_asks_is_not_confined() {
    let place = Place::new();
    let (cell, _) = Cell::fitting(place.tools.ffmpeg());
    let report = cell.report();
    assert!(TcpListener::bind("127.0.0.1:0").is_ok());
    assert!(fs_err::read_dir("/").is_ok());
    assert!(report.resources.in_force);
}

/// Limits of the system as it has them for a running decoder, and what it was started with.
#[test]
fn a_running_decoder_has_its_limits_and_three_open_files() {
    let place = Place::new();
    let wav = place.wav("a.wav");
    let mut job = place.tools.bare_decode_job();
    // Slow enough to be looked at.
    job.arg("-re").input(&wav).args(["-f", "s16le", "pipe:1"]);
    let launched = job.launch().map_err(|error| error.to_string()).unwrap();
    let id = launched.process.id();
    let child = Child::adopt(launched, place.tools.look_budget(), &Cancel::new(), |_| false);
    let opened = || -> Vec<PathBuf> {
        let entries = fs_err::read_dir(format!("/proc/{id}/fd")).unwrap();
        entries.filter_map(|entry| fs_err::read_link(entry.ok()?.path()).ok()).collect()
    };
    let start = Instant::now();
    let mut files = opened();
    while !files.contains(&wav) && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
        files = opened();
    }
    let limits = fs_err::read_to_string(format!("/proc/{id}/limits")).unwrap();
    let status = fs_err::read_to_string(format!("/proc/{id}/status")).unwrap();
    drop(child);
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(limit("Max address space"), (2_u64 << 30).to_string());
    assert_eq!(limit("Max file size"), "0");
    assert_eq!(limit("Max core file size"), "0");
    assert_ne!(limit("Max cpu time"), "unlimited");
    if place.holds(false) {
        assert!(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"), "{status}");
    }
    // Whatever this process has open, such as a server's sockets, its decoders do not have.
    let strange = files.iter().filter(|file| file.to_string_lossy().starts_with("socket:"));
    assert_eq!(strange.count(), 0, "{files:?}");
    assert!(files.contains(&wav), "{files:?}");
}

/// `cargo test -p rushes-media --lib -- --ignored --nocapture what_the_cell_costs`
#[test]
#[ignore = "measures"]
fn what_the_cell_costs() {
    let place = Place::new();
    let wav = place.wav("a.wav");
    let confined = || {
        let mut job = place.tools.probe_job();
        job.args(["-show_format", "-show_streams"]).input(&wav);
        job
    };
    let free = || {
        let mut command = child::command(place.tools.ffmpeg().with_file_name("ffprobe"));
        command.args(["-hide_banner", "-loglevel", "error", "-show_format", "-show_streams", "-i"]);
        command.arg(&wav).env("MALLOC_ARENA_MAX", "2");
        Job::free(command)
    };
    let time = |job: Job| {
        let start = Instant::now();
        assert_eq!(place.run(job).1.code(), Some(0));
        start.elapsed().as_secs_f64() * 1e3
    };
    time(confined());
    time(free());
    let (mut within, mut outside): (Vec<f64>, Vec<f64>) =
        (0..200).map(|_| (time(confined()), time(free()))).unzip();
    let mut more: Vec<f64> = within.iter().zip(&outside).map(|(a, b)| a - b).collect();
    for (what, times) in
        [("within", &mut within), ("outside", &mut outside), ("difference", &mut more)]
    {
        times.sort_by(f64::total_cmp);
        let [low, median, high] = [20, 100, 180].map(|place| times[place]);
        println!("{what}: median {median:.2} ms, middle 80 % {low:.2} to {high:.2} ms");
    }
}
