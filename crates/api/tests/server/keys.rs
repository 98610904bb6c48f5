//! License keys: who is let in, what the others are told, and that keys go nowhere else.

use crate::{
    client::{Answer, Running, SHARED, free_port},
    contract::{contract, operations},
};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Instant,
};
use tracing_subscriber::fmt::MakeWriter;

const NO_KEY: &str = r#"{"error":"Authentication required","message":"Provide license_key in request body or X-License-Key header"}"#;
const NOT_PRO: &str = r#"{"error":"Jumper Pro license required","message":"The public API requires a Jumper Pro license"}"#;

fn tasks(server: &Running, key_lines: &str) -> Answer {
    server.send(&format!("{}{key_lines}", server.head("GET", "/api/v1/tasks")), b"")
}

fn with_body(server: &Running, key_lines: &str, body: &str) -> Answer {
    let head = server.head("POST", "/api/v1/analyze/cancel");
    server.send(&format!("{head}content-type: application/json\r\n{key_lines}"), body.as_bytes())
}

fn assert_told(answer: &Answer, status: u16, body: &str) {
    assert_eq!((answer.status, answer.text().as_str()), (status, body), "{answer:?}");
}

#[test]
fn every_operation_but_health_wants_a_pro_key() {
    let server = Running::start(free_port());
    assert_eq!(server.send(&server.head("GET", "/api/v1/health"), b"").status, 200);
    for (method, path, _) in operations(&contract()) {
        if path == "/health" {
            continue;
        }
        let path = format!("/api/v1{}", path.replace(['{', '}'], ""));
        let head = format!("{}content-type: application/json\r\n", server.head(&method, &path));
        assert_told(&server.send(&head, b"{}"), 401, NO_KEY);
        let standard = format!("{head}x-license-key: {}\r\n", server.standard);
        assert_told(&server.send(&standard, b"{}"), 403, NOT_PRO);
        let pro = format!("{head}x-license-key: {}\r\n", server.pro);
        let status = server.send(&pro, b"{}").status;
        assert!(![401, 403].contains(&status), "{method} {path} {status}");
    }
}

#[test]
fn keys_that_are_no_keys_are_401() {
    let server = Running::start(free_port());
    let half = &server.pro[..server.pro.len() / 2];
    let huge = "k".repeat(1 << 20);
    let long = "k".repeat(4097);
    let lines = [
        String::new(),
        "x-license-key: \r\n".to_owned(),
        "x-license-key: nonsense\r\n".to_owned(),
        format!("x-license-key: {half}\r\n"),
        format!("x-license-key: {}x\r\n", server.pro),
        format!("x-license-key: x{}\r\n", server.pro),
        format!("x-license-key: {}\r\n", server.pro.to_uppercase()),
        format!("x-license-key: {huge}\r\n"),
        format!("x-license-key: {long}\r\n"),
        "x-license-key: kl\u{fc}\u{df}el\r\n".to_owned(),
        format!("x-license-key: {0}\r\nx-license-key: {0}\r\n", server.pro),
        format!("authorization: Bearer {}\r\n", server.pro),
    ];
    for line in lines {
        assert_told(&tasks(&server, &line), 401, NO_KEY);
    }
    let in_query = format!("/api/v1/tasks?license_key={}", server.pro);
    assert_told(&server.send(&server.head("GET", &in_query), b""), 401, NO_KEY);
    for value in ["\"\"", "5", "null", "[]", "{}", "\"nonsense\"", "\"kl\u{fc}\u{df}el\""] {
        let body = format!("{{\"license_key\":{value},\"task_id\":\"x\"}}");
        assert_told(&with_body(&server, "", &body), 401, NO_KEY);
    }
    for body in ["", "{", "null", "[]", "\"x\""] {
        assert_told(&with_body(&server, "", body), 401, NO_KEY);
    }
}

#[test]
fn the_header_is_preferred_and_the_body_will_do() {
    let (pro, standard) = (&SHARED.pro, &SHARED.standard);
    let body = |key: &str| format!("{{\"license_key\":\"{key}\",\"task_id\":\"x\"}}");
    let header = |key: &str| format!("x-license-key: {key}\r\n");
    // The task does not exist: 404 is the answer of who was let in.
    with_body(&SHARED, "", &body(pro)).refusal(404);
    with_body(&SHARED, "x-license-key: \r\n", &body(pro)).refusal(404);
    with_body(&SHARED, &header(pro), &body("nonsense")).refusal(404);
    assert_told(&with_body(&SHARED, "", &body(standard)), 403, NOT_PRO);
    assert_told(&with_body(&SHARED, &header(standard), &body(pro)), 403, NOT_PRO);
    assert_told(&with_body(&SHARED, &header("nonsense"), &body(pro)), 401, NO_KEY);
}

#[test]
fn unknown_keys_are_slowed_down_and_the_good_one_is_not() {
    let server = Running::start(free_port());
    let good = format!("x-license-key: {}\r\n", server.pro);
    assert_eq!(tasks(&server, &good).status, 200);
    let begun = Instant::now();
    for i in 0..15 {
        assert_told(&tasks(&server, &format!("x-license-key: guess{i}\r\n")), 401, NO_KEY);
    }
    assert!(begun.elapsed().as_millis() >= 400, "{:?}", begun.elapsed());
    let begun = Instant::now();
    (0..20).for_each(|_| assert_eq!(tasks(&server, &good).status, 200));
    assert!(begun.elapsed().as_millis() < 1500, "{:?}", begun.elapsed());
}

/// A log that is kept in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn keys_are_in_no_log_and_in_no_answer() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone());
    subscriber.init();
    let server = Running::start(free_port());
    let (pro, standard) = (&server.pro, &server.standard);
    let mut answers = vec![
        tasks(&server, &format!("x-license-key: {pro}\r\n")),
        tasks(&server, &format!("x-license-key: {standard}\r\n")),
        tasks(&server, &format!("x-license-key: {pro}x\r\n")),
        server.get(&format!("/api/v1/tasks/{pro}")),
        server.get(&format!("/{pro}?license_key={pro}")),
        with_body(&server, "", &format!("{{\"license_key\":\"{pro}\"}}")),
        with_body(&server, "", &format!("{{\"license_key\":\"{pro}x\"}}")),
        with_body(&server, "", &format!("{{\"license_key\":[\"{pro}\"]}}")),
        with_body(&server, &format!("x-license-key: {pro}\r\n"), "{"),
    ];
    // This one names what was asked for, and that is the key: it may say so to who sent it.
    answers.remove(3);
    let payload = &pro[7..47];
    for answer in answers {
        assert!(!answer.text().contains(payload), "{answer:?}");
    }
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.contains("/api/v1/tasks") && log.contains("request"), "nothing is logged");
    for secret in [payload, &standard[7..47]] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
}
