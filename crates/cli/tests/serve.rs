//! `rushes serve` as a process: one a home folder, ended by signals and by its parent, silent about keys.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "what is unexpected fails the test")]
#![allow(clippy::disallowed_methods, reason = "the program is what is tested")]

use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A server that has said where it listens.
struct Running {
    child: Child,
    port: u16,
    /// What it said so far.
    said: String,
}

fn rushes(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rushes"));
    command.args(arguments).env("RUSHES_HOME", home).env_remove("RUSHES_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

impl Running {
    fn start(home: &Path, more: &[&str]) -> Self {
        Self::of(&mut rushes(home, &[&["serve", "--port", "0"], more].concat()))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("/docs\n") {
            assert!(lines.read_line(&mut said).unwrap() > 0, "{said} {:?}", child.wait());
        }
        // What it says further must not fill the pipe.
        thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        let port = said.split("localhost:").nth(1).unwrap().split('/').next().unwrap();
        Self { port: port.parse().unwrap(), child, said }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for its end.
    fn end(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn ask(&self, method: &str, path: &str, more: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n",
            self.port
        );
        stream.write_all(format!("{head}{more}\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Begins a request and leaves it open.
    fn hold(&self) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!("POST /api/v1/analyze HTTP/1.1\r\nhost: localhost:{}\r\n", self.port);
        let rest = "content-type: application/json\r\ncontent-length: 50\r\n\r\n{";
        stream.write_all(format!("{head}{rest}").as_bytes()).unwrap();
        thread::sleep(Duration::from_millis(200));
        stream
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[test]
fn a_second_server_on_the_same_home_is_told_who_the_first_is() {
    let home = home();
    let first = Running::start(home.path(), &[]);
    let second = rushes(home.path(), &["serve", "--port", "0"]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    for part in
        [format!("process {}", first.child.id()), format!("http://localhost:{}", first.port)]
    {
        assert!(said.contains(&part), "{said}");
    }
    assert!(first.ask("GET", "/api/v1/health", "").starts_with("HTTP/1.1 200"));
    // Commands run beside it.
    assert!(rushes(home.path(), &["license", "show"]).output().unwrap().status.success());
}

#[test]
fn a_lock_that_a_crash_left_behind_is_taken_over() {
    let home = home();
    for _ in 0..3 {
        let mut server = Running::start(home.path(), &[]);
        server.signal(Signal::KILL);
        assert!(!server.end().success());
    }
    let mut server = Running::start(home.path(), &[]);
    server.signal(Signal::TERM);
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn a_signal_ends_it_with_status_0_and_a_held_request_for_ten_seconds_at_most() {
    for signal in [Signal::TERM, Signal::INT] {
        let home = home();
        let mut server = Running::start(home.path(), &[]);
        server.signal(signal);
        let begun = Instant::now();
        assert_eq!(server.end().code(), Some(0));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    let home = home();
    let mut server = Running::start(home.path(), &[]);
    let _held = server.hold();
    server.signal(Signal::TERM);
    let begun = Instant::now();
    thread::sleep(Duration::from_millis(300));
    assert!(server.ask("GET", "/api/v1/health", "").starts_with("HTTP/1.1 503"));
    assert_eq!(server.end().code(), Some(0));
    println!("ended {:?} after the signal", begun.elapsed());
    assert!((8..=10).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for first in [Signal::TERM, Signal::INT] {
        let home = home();
        let mut server = Running::start(home.path(), &[]);
        let _held = server.hold();
        server.signal(first);
        thread::sleep(Duration::from_millis(500));
        assert_eq!(server.child.try_wait().unwrap(), None);
        let begun = Instant::now();
        server.signal(Signal::TERM);
        assert_eq!(server.end().code(), Some(1));
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}

#[test]
fn a_parent_that_ended_before_it_was_looked_for_is_noticed() {
    let home = home();
    // As it is after the parent has gone: the parent is not the one that was named.
    let arguments = ["serve", "--port", "0", "--exit-with-parent", "--parent-pid", "4000000"];
    let mut server = Running::of(&mut rushes(home.path(), &arguments));
    assert_eq!(server.end().code(), Some(0));
    let own = std::process::id().to_string();
    let arguments = ["serve", "--port", "0", "--exit-with-parent", "--parent-pid", &own];
    let mut server = Running::of(&mut rushes(home.path(), &arguments));
    thread::sleep(Duration::from_secs(1));
    assert_eq!(server.child.try_wait().unwrap(), None);
}

#[test]
fn standard_streams_that_nobody_reads_stop_nothing() {
    let home = home();
    let mut server = Running::start(home.path(), &[]);
    for _ in 0..1000 {
        assert!(server.ask("GET", "/api/v1/health", "").starts_with("HTTP/1.1 200"));
    }
    server.signal(Signal::TERM);
    assert_eq!(server.end().code(), Some(0));
    let mut errors = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(!errors.contains("/api/v1/health"), "requests are told in the file");

    let mut closed = rushes(home.path(), &["serve", "--port", "0"]).spawn().unwrap();
    drop(closed.stdout.take());
    let begun = Instant::now();
    let lock = home.path().join("server.lock");
    while !fs_err::read_to_string(&lock).unwrap().contains("localhost") {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not start");
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(500));
    kill_process(Pid::from_child(&closed), Signal::TERM).unwrap();
    assert_eq!(closed.wait().unwrap().code(), Some(0));
}

#[test]
fn it_ends_with_its_parents_pipe() {
    let home = home();
    let arguments = ["serve", "--port", "0", "--exit-with-parent"];
    let mut server = Running::of(rushes(home.path(), &arguments).stdin(Stdio::piped()));
    server.child.stdin.as_mut().unwrap().write_all(b"still here\n").unwrap();
    thread::sleep(Duration::from_secs(1));
    assert_eq!(server.child.try_wait().unwrap(), None);
    drop(server.child.stdin.take());
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn it_ends_with_its_parent_and_only_when_asked_to() {
    for (flag, ends) in [("--exit-with-parent", true), ("", false)] {
        let home = home();
        // The shell is the parent; it waits, and tells who its child is.
        let script = format!("\"$0\" serve --port 0 {flag} & echo $! >&2; wait");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_rushes")]).env("RUSHES_HOME", home.path());
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut parent = Running::of(&mut shell);
        let mut pid = String::new();
        BufReader::new(parent.child.stderr.take().unwrap()).read_line(&mut pid).unwrap();
        let child = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        parent.signal(Signal::KILL);
        parent.end();
        let begun = Instant::now();
        let answers = || TcpStream::connect(("127.0.0.1", parent.port)).is_ok();
        while answers() && begun.elapsed() < Duration::from_secs(3) {
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(answers(), !ends, "{flag}");
        if !ends {
            kill_process(child, Signal::KILL).unwrap();
        }
    }
}

/// The child of a process whose command line has this word.
#[cfg(target_os = "linux")]
fn child_with(parent: Pid, word: &str) -> Option<std::path::PathBuf> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let text = |path: std::path::PathBuf| {
        let bytes = std::fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let is_it = |process: &std::path::PathBuf| {
        let is_child =
            text(process.join("status")).contains(&format!("PPid:\t{}\n", parent.as_raw_nonzero()));
        is_child && text(process.join("cmdline")).split('\0').any(|part| part == word)
    };
    processes.into_iter().find(is_it)
}

#[cfg(target_os = "linux")]
#[test]
fn an_encoder_does_not_outlive_a_server_that_was_killed() {
    let home = home();
    let mut server = Running::start(home.path(), &[]);
    let film = home.path().join("film.mkv");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25:d=120"]);
    ffmpeg.args(["-c:v", "mpeg4", "-q:v", "20"]).arg(&film);
    assert!(ffmpeg.status().unwrap().success());
    let key = fs_err::read_to_string(home.path().join("license.key")).unwrap();
    let body = format!(
        "{{\"clips\":[{{\"media_path\":\"{}\",\"start_seconds\":0,\"end_seconds\":119}}],\
         \"output_dir\":\"{}\",\"mode\":\"reencode\"}}",
        film.display(),
        home.path().display()
    );
    let head = format!(
        "x-license-key: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        key.trim(),
        body.len()
    );
    let answer = server.ask("POST", "/api/v1/export/clips", &head);
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    let waits_until = |seconds, holds: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !holds() && begun.elapsed() < Duration::from_secs(seconds) {
            thread::sleep(Duration::from_millis(20));
        }
        holds()
    };
    let pid = server.pid();
    // One that only starts ends with its pipe in any case: part of the clip has to be there, in its hidden folder.
    let is_at_work = || {
        let entries = std::fs::read_dir(home.path()).unwrap().flatten().map(|entry| entry.path());
        let hidden = |path: &std::path::PathBuf| path.to_string_lossy().contains("/.rushes-clips");
        let files = entries.filter(hidden).flat_map(|path| std::fs::read_dir(path).unwrap());
        files.flatten().any(|file| file.metadata().is_ok_and(|metadata| metadata.len() > 0))
    };
    assert!(waits_until(60, &is_at_work), "nothing is encoded");
    let encoder = child_with(pid, "-progress").unwrap();
    server.signal(Signal::KILL);
    server.end();
    // Whoever inherits it may not have fetched what it ended with; it has no command line any more then.
    let is_gone = || std::fs::read(encoder.join("cmdline")).unwrap_or_default().is_empty();
    assert!(waits_until(10, &is_gone), "{} goes on", encoder.display());
}

/// Every file below a folder, with its text.
fn texts(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let of = |entry: std::fs::DirEntry| match entry.file_type().unwrap().is_dir() {
        true => texts(&entry.path()),
        false => {
            let text = String::from_utf8_lossy(&fs_err::read(entry.path()).unwrap()).into_owned();
            vec![(entry.path().display().to_string(), text)]
        }
    };
    entries.flat_map(of).collect()
}

#[test]
fn keys_are_in_no_log_no_answer_and_no_command_line() {
    let home = home();
    let mut command = rushes(home.path(), &["serve", "--port", "0"]);
    let errors = home.path().join("stderr.txt");
    command
        .env("RUSHES_LOG", "trace")
        .stderr(fs_err::File::create(&errors).unwrap().into_parts().0);
    let mut server = Running::of(&mut command);
    let key = fs_err::read_to_string(home.path().join("license.key")).unwrap().trim().to_owned();
    // Enough of the key that anybody could guess the rest.
    let payload = key[7..47].to_owned();
    let json = |key: &str| {
        format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n{key}", key.len())
    };
    let lines = [
        format!("x-license-key: {key}\r\n"),
        format!("x-license-key: {key}x\r\n"),
        format!("x-license-key: {key}\u{e9}\r\n"),
        format!("x-license-key: {}\r\n", key.repeat(3000)),
        format!("x-license-key: {key}\r\nx-license-key: {key}\r\n"),
        format!("authorization: Bearer {key}\r\n"),
        format!("cookie: key={key}\r\nreferer: http://localhost/{key}\r\nuser-agent: {key}\r\n"),
        json(&format!("{{\"license_key\":\"{key}\"}}")),
        json(&format!("{{\"license_key\":\"{key}x\"}}")),
        json(&format!("{{\"license_key\":[\"{key}\"]}}")),
        json(&format!("{{\"license_key\":\"{key}\"")),
        format!("x-license-key: {key}\r\n{}", json(&format!("{{\"license_key\":\"{key}\"}}"))),
    ];
    let targets = [
        ("GET", "/api/v1/tasks"),
        ("GET", "/metrics"),
        ("POST", "/api/v1/analyze"),
        ("POST", "/api/v1/search/text"),
        ("GET", "/socket.io/?EIO=4&transport=polling"),
        ("GET", "/nothing"),
    ];
    let mut count = 0;
    for (method, path) in targets {
        for more in &lines {
            let answer = server.ask(method, path, more);
            assert!(!answer.contains(&payload), "{method} {path}: {answer}");
            count += 1;
        }
    }
    server.ask("GET", &format!("/api/v1/tasks?license_key={key}"), "");
    server.ask("GET", &format!("/{key}"), "");
    // Where the system shows the command lines of all processes.
    let command_line =
        fs_err::read(format!("/proc/{}/cmdline", server.child.id())).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&command_line).contains(&payload));
    server.signal(Signal::TERM);
    assert_eq!(server.end().code(), Some(0));
    let mut shown = server.said.matches(&payload).count();
    let logs = [
        texts(&home.path().join("logs")),
        vec![("stderr".to_owned(), fs_err::read_to_string(&errors).unwrap())],
    ];
    let logs = logs.concat();
    assert!(logs.iter().all(|(_, text)| text.lines().count() > count), "nothing is logged");
    for (name, text) in &logs {
        let line = text.lines().find(|line| line.contains(&payload));
        assert_eq!(line, None, "{name}");
        shown += text.matches(&payload).count();
    }
    // Once to the person who started it for the first time, which the reader of the first lines may miss.
    assert!(shown <= 1);
    println!(
        "{count} requests, {} bytes of log, 0 keys",
        logs.iter().map(|(_, text)| text.len()).sum::<usize>()
    );
}

#[test]
fn the_log_is_json_names_requests_and_is_closed_to_others() {
    let home = home();
    let mut server = Running::start(home.path(), &[]);
    let answer = server.ask("GET", "/api/v1/health", "");
    let id =
        answer.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap().to_owned();
    server.signal(Signal::TERM);
    server.end();
    let path = home.path().join("logs/rushes.log");
    assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let log = fs_err::read_to_string(&path).unwrap();
    let events: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let request = events.iter().find(|event| event["span"]["id"] == id.as_str()).unwrap();
    assert_eq!(request["fields"]["path"], "/api/v1/health");
    assert_eq!(request["fields"]["status"], 200);
    for file in ["server.lock", "license.key"] {
        let mode = fs_err::metadata(home.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn the_network_needs_a_certificate_or_an_explicit_word_and_roots() {
    let home = home();
    let table: [(&[&str], &str); 5] = [
        (&["--host", "0.0.0.0"], "--tls-cert"),
        (&["--host", "0.0.0.0", "--open-to-network"], "--root"),
        (&["--host", "0.0.0.0", "--root", "/tmp"], "--open-to-network"),
        (&["--tls-cert", "/none.pem"], "--tls-key"),
        (&["--tls-cert", "/none.pem", "--tls-key", "/none.key"], "/none.pem"),
    ];
    for (flags, named) in table {
        let arguments = [&["serve", "--port", "0"], flags].concat();
        let output = rushes(home.path(), &arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{flags:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(named), "{flags:?}: {said}");
    }
}
