//! The page for Prometheus, and the names of requests.

use crate::client::{Answer, Running, SHARED, free_port};
use rushes_api::Settings;
use rushes_engine::Config;
use std::collections::HashSet;

fn scrape(server: &Running, key_lines: &str) -> Answer {
    server.send(&format!("{}{key_lines}", server.head("GET", "/metrics")), b"")
}

fn page(server: &Running) -> String {
    let answer = scrape(server, &format!("authorization: Bearer {}\r\n", server.pro));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    answer.text()
}

/// The value of a sample whose line begins so.
fn value(page: &str, sample: &str) -> Option<f64> {
    let rest = page.lines().find_map(|line| line.strip_prefix(sample))?;
    rest.trim().parse().ok()
}

#[test]
fn the_page_needs_a_key_in_either_header() {
    for none in
        ["", "authorization: Bearer \r\n", "authorization: Basic eDp5\r\n", "x-license-key: x\r\n"]
    {
        scrape(&SHARED, none).refusal(401);
    }
    scrape(&SHARED, &format!("authorization: Bearer {}\r\n", SHARED.standard)).refusal(403);
    scrape(&SHARED, &format!("x-license-key: x\r\nauthorization: Bearer {}\r\n", SHARED.pro))
        .refusal(401);
    assert_eq!(scrape(&SHARED, &format!("x-license-key: {}\r\n", SHARED.pro)).status, 200);
    assert_eq!(scrape(&SHARED, &format!("authorization: bearer {}\r\n", SHARED.pro)).status, 200);
}

#[test]
fn what_was_asked_is_counted_by_route_and_status() {
    let server = Running::start(free_port());
    for _ in 0..3 {
        server.get("/api/v1/tasks");
        server.get("/api/v1/tasks/made-up");
        server.send(&server.head("GET", "/api/v1/tasks"), b"");
    }
    let page = page(&server);
    let count = |method: &str, route: &str, status: u16| {
        let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"");
        value(&page, &format!("rushes_http_requests_total{{{labels}}}"))
    };
    assert_eq!(count("GET", "/api/v1/tasks", 200), Some(3.0), "{page}");
    assert_eq!(count("GET", "/api/v1/tasks", 401), Some(3.0), "{page}");
    assert_eq!(count("GET", "/api/v1/tasks/{task_id}", 404), Some(3.0), "{page}");
    let took = "rushes_http_duration_seconds_count{route=\"/api/v1/tasks\"}";
    assert_eq!(value(&page, took), Some(6.0), "{page}");
    // The one that asks, and any that is not quite closed yet.
    assert!(value(&page, "rushes_connections ") >= Some(1.0), "{page}");
    assert_eq!(value(&page, "rushes_loaded{what=\"frames\"}"), Some(0.0), "{page}");
    let version = concat!("rushes_build{version=\"", env!("CARGO_PKG_VERSION"), "\"}");
    assert_eq!(value(&page, version), Some(1.0), "{page}");
    assert!(value(&page, "rushes_uptime_seconds ").is_some(), "{page}");
    if cfg!(target_os = "linux") {
        assert!(value(&page, "rushes_resident_memory_bytes ") > Some(1e6), "{page}");
        assert!(value(&page, "rushes_open_files ") > Some(3.0), "{page}");
    }
    assert!(page.ends_with("# EOF\n") && !page.contains("made-up"), "{page}");
}

#[test]
fn nobody_can_make_up_series() {
    let server = Running::start(free_port());
    page(&server);
    for i in 0..50 {
        server.send(&server.head("GET", &format!("/made-up-{i}?x={i}")), b"");
        server.send(&server.head(&format!("MADEUP{i}"), "/api/v1/tasks"), b"");
        server.send(&server.head("GET", &format!("/docs/made-up-{i}")), b"");
    }
    let page = page(&server);
    let series = page.lines().filter(|line| line.starts_with("rushes_http_requests_total")).count();
    assert_eq!(series, 4, "{page}");
}

#[test]
fn tasks_and_models_are_told() {
    let server = Running::with_model(Vec::new());
    let footage = tempfile::tempdir().unwrap();
    let body = serde_json::json!({"cache_dir": footage.path(), "media_paths": [footage.path()]});
    assert_eq!(server.post("/api/v1/analyze", &body).status, 202);
    let told = page(&server);
    let tasks: f64 = ["queued", "running", "completed", "failed"]
        .iter()
        .filter_map(|state| {
            value(&told, &format!("rushes_tasks{{kind=\"analyze\",state=\"{state}\"}}"))
        })
        .sum();
    assert!((tasks - 1.0).abs() < 0.5, "{told}");
}

#[test]
fn other_machines_get_no_figures() {
    let home = tempfile::tempdir().unwrap();
    let config = Config { roots: vec![home.path().to_owned()], ..Config::at(home.path()) };
    let settings = Settings { host: "0.0.0.0".to_owned(), open_to_network: true, ..free_port() };
    let server = Running::start_with(settings, home, config);
    let answer = scrape(&server, &format!("authorization: Bearer {}\r\n", server.pro));
    answer.refusal(403);
    assert_eq!(server.get("/api/v1/tasks").status, 200);
}

#[test]
fn every_answer_names_its_request() {
    let mut ids = HashSet::new();
    for path in ["/api/v1/health", "/api/v1/tasks", "/nothing", "/metrics", "/docs"] {
        let head = format!("{}x-request-id: mine\r\n", SHARED.head("GET", path));
        let answer = SHARED.send(&head, b"");
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert!(id.len() >= 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert!(ids.insert(id), "{path}");
    }
}
