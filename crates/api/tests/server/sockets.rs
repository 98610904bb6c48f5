//! Socket.IO over long polling, packet by packet. The official clients are tried in `tests/clients`.

use crate::client::{Running, SHARED};
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};

/// A Socket.IO session over polling.
struct Session<'a> {
    server: &'a Running,
    target: String,
    next_ack: u32,
    inbox: Vec<String>,
}

impl<'a> Session<'a> {
    fn open(server: &'a Running) -> Self {
        let target = "/socket.io/?EIO=4&transport=polling".to_owned();
        let answer = server.send(&server.head("GET", &target), b"");
        let handshake: Value = serde_json::from_str(&answer.text()[1..]).unwrap();
        let target = format!("{target}&sid={}", handshake["sid"].as_str().unwrap());
        let mut session = Self { server, target, next_ack: 0, inbox: Vec::new() };
        session.send("40");
        assert!(session.wait_for("40").starts_with("40{"));
        session
    }

    fn send(&self, packet: &str) {
        let head =
            format!("{}content-type: text/plain\r\n", self.server.head("POST", &self.target));
        assert_eq!(self.server.send(&head, packet.as_bytes()).text(), "ok");
    }

    fn poll(&mut self) {
        let answer = self.server.send(&self.server.head("GET", &self.target), b"");
        assert_eq!(answer.status, 200, "{answer:?}");
        for packet in answer.text().split('\u{1e}') {
            match packet {
                "2" => self.send("3"),
                _ => self.inbox.push(packet.to_owned()),
            }
        }
    }

    fn wait_for(&mut self, prefix: &str) -> String {
        loop {
            if let Some(at) = self.inbox.iter().position(|packet| packet.starts_with(prefix)) {
                return self.inbox.remove(at);
            }
            self.poll();
        }
    }

    /// Emits an event and waits for its acknowledgement.
    fn call(&mut self, event: &str, arguments: &[Value]) -> Value {
        self.next_ack += 1;
        let mut packet = vec![json!(event)];
        packet.extend_from_slice(arguments);
        self.send(&format!("42{}{}", self.next_ack, Value::from(packet)));
        let prefix = format!("43{}", self.next_ack);
        let answer: Value = serde_json::from_str(&self.wait_for(&prefix)[prefix.len()..]).unwrap();
        answer[0].clone()
    }

    fn next_progress(&mut self) -> Value {
        let packet = self.wait_for("42[\"progress\"");
        serde_json::from_str::<Value>(&packet[2..]).unwrap()[1].clone()
    }

    fn progress_to_the_end(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        while events.last().is_none_or(|event: &Value| event["done"] != true) {
            events.push(self.next_progress());
        }
        events
    }

    /// Asserts that nothing but what was taken has been sent so far.
    fn assert_silent(&mut self) {
        // The acknowledgement comes after whatever was sent before it.
        self.call("leave", &[json!("x")]);
        assert_eq!(self.inbox, Vec::<String>::new());
    }
}

/// A clip of real footage.
fn clip() -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let folder = std::env::var_os("RUSHES_TEST_MEDIA")
        .map_or_else(|| PathBuf::from(root).join(".cache/media"), PathBuf::from);
    let clip = folder.join("carphone_pristine.mp4");
    assert!(clip.exists(), "{} is missing: run `make setup`", clip.display());
    clip.canonicalize().unwrap()
}

/// Starts an analysis and gives its task id.
fn analyze(server: &Running) -> String {
    let cache_dir = server.home.path().join("analysis");
    let body = json!({"cache_dir": cache_dir, "media_paths": [clip()], "force": true});
    let answer = server.post("/api/v1/analyze", &body);
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["task_id"].as_str().unwrap().to_owned()
}

fn assert_well_told(events: &[Value], task: &str) {
    let progress: Vec<f64> =
        events.iter().map(|event| event["progress"].as_f64().unwrap()).collect();
    assert!(progress.is_sorted(), "{progress:?}");
    assert_eq!(progress.last(), Some(&1.0));
    for event in events {
        assert_eq!(event["task_id"], task);
        for field in ["type", "state"] {
            assert!(event[field].is_string(), "{event}");
        }
        for field in ["files_total", "files_done"] {
            assert!(event[field].is_u64(), "{event}");
        }
        assert!(event.as_object().unwrap().values().all(|value| !value.is_null()), "{event}");
    }
    assert_eq!(events.iter().filter(|event| event["done"] == true).count(), 1);
}

#[test]
fn who_joins_hears_a_task_to_its_end_and_who_comes_late_hears_the_end() {
    let server = Running::with_model(Vec::new());
    let mut early = Session::open(&server);
    let task = analyze(&server);
    assert_eq!(early.call("join", &[json!(task)]), json!({"ok": true, "task_id": task}));
    let events = early.progress_to_the_end();
    assert_well_told(&events, &task);
    early.assert_silent();
    for name in [json!(task), json!({"task_id": task}), json!({"room": task})] {
        let mut late = Session::open(&server);
        assert_eq!(late.call("join", &[name])["ok"], true);
        assert_eq!(late.next_progress(), *events.last().unwrap());
        late.assert_silent();
    }
}

#[test]
fn joining_at_any_moment_gives_the_last_event_exactly_once() {
    let server = Running::with_model(Vec::new());
    let task = analyze(&server);
    let sessions = (0..12).map(|i| {
        let (server, task) = (&server, &task);
        move || {
            let mut session = Session::open(server);
            std::thread::sleep(Duration::from_millis(i * 150));
            session.call("join", &[json!(task)]);
            assert_well_told(&session.progress_to_the_end(), task);
            session.assert_silent();
        }
    });
    std::thread::scope(|scope| sessions.for_each(|session| drop(scope.spawn(session))));
}

#[test]
fn who_leaves_hears_no_more() {
    let server = Running::with_model(Vec::new());
    let task = analyze(&server);
    let mut session = Session::open(&server);
    session.call("join", &[json!(task)]);
    assert_eq!(session.call("leave", &[json!(task)])["ok"], true);
    session.inbox.clear();
    let mut other = Session::open(&server);
    other.call("join", &[json!(task)]);
    other.progress_to_the_end();
    session.assert_silent();
}

#[test]
fn a_socket_may_be_in_64_rooms_at_a_time() {
    let server = Running::with_model(Vec::new());
    let tasks: Vec<_> = (0..90).map(|_| analyze(&server)).collect();
    let mut session = Session::open(&server);
    // The first may be over meanwhile; who joins those hears so and is in no room.
    let mut last = tasks.iter().rev();
    for task in last.by_ref().take(64) {
        assert_eq!(session.call("join", &[json!(task)])["ok"], true);
    }
    let further = json!(last.next().unwrap());
    assert_eq!(session.call("join", std::slice::from_ref(&further))["error"], "Server is busy");
    // Being there already takes no further place.
    assert_eq!(session.call("join", &[json!(tasks.last())])["ok"], true);
    session.call("leave", &[json!(tasks.last())]);
    assert_eq!(session.call("join", &[further])["ok"], true);
}

#[test]
fn rooms_that_name_no_task_are_refused() {
    let mut session = Session::open(&SHARED);
    let names = [
        vec![json!("0123456789abcdef0123456789abcdef")],
        vec![json!("x")],
        vec![json!("")],
        vec![json!({"room": "x"})],
        vec![json!({"task_id": 5})],
        vec![json!({})],
        vec![json!(5)],
        vec![Value::Null],
        vec![json!(["x"])],
        vec![json!("x".repeat(10_000))],
        vec![],
        vec![json!("x"), json!("y")],
    ];
    for name in names {
        let answer = session.call("join", &name);
        assert_eq!(answer["ok"], false, "{name:?}");
        assert!(answer["error"].is_string() && answer["message"].as_str().unwrap().len() < 300);
    }
    session.assert_silent();
}

#[test]
fn no_answer_is_sent_to_who_did_not_ask_for_it() {
    let mut session = Session::open(&SHARED);
    session.send("42[\"join\",\"x\"]");
    session.send("42[\"unknown\",{}]");
    session.assert_silent();
}

#[test]
fn a_message_that_is_too_long_ends_the_session_and_not_the_server() {
    let session = Session::open(&SHARED);
    let long = format!("42[\"join\",\"{}\"]", "x".repeat(200_000));
    let head = format!("{}content-type: text/plain\r\n", SHARED.head("POST", &session.target));
    assert_ne!(SHARED.send(&head, long.as_bytes()).status, 200);
    Session::open(&SHARED).assert_silent();
}
