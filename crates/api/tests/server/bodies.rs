//! Bodies that are wrong, paths and methods that are not there: the error's shape and its words.

use crate::client::{Answer, SHARED};
use serde_json::{Value, json};

fn post_as(content_type: &str, body: &str) -> Answer {
    let head = SHARED.head("POST", "/api/v1/analyze");
    let head = format!("{head}{content_type}x-license-key: {}\r\n", SHARED.pro);
    SHARED.send(&head, body.as_bytes())
}

#[test]
fn the_message_names_the_field() {
    let table = [
        ("/search/text", json!({"cache_dir": "/c"}), "query"),
        ("/search/text", json!({"query": 5, "cache_dir": "/c"}), "query"),
        (
            "/search/text",
            json!({"query": "x", "cache_dir": "/c", "max_results": -1}),
            "max_results",
        ),
        (
            "/search/text",
            json!({"query": "x", "cache_dir": "/c", "max_results": 1.5}),
            "max_results",
        ),
        (
            "/search/text",
            json!({"query": "x", "cache_dir": "/c", "max_results": "5"}),
            "max_results",
        ),
        (
            "/search/text",
            json!({"query": "x", "cache_dir": "/c", "people_filter": [{}]}),
            "cluster_job_name",
        ),
        ("/analyze", json!({"cache_dir": "/c"}), "media_paths"),
        ("/analyze", json!({"cache_dir": "/c", "media_paths": "/a.mp4"}), "media_paths"),
        ("/analyze", json!({"cache_dir": "/c", "media_paths": [5]}), "media_paths[0]"),
        ("/analyze", json!({"cache_dir": null, "media_paths": ["/a"]}), "cache_dir"),
        ("/analyze", json!({"cache_dir": "/c", "media_paths": ["/a"], "visual": "yes"}), "visual"),
        (
            "/thumbnails",
            json!({"cache_dir": "/c", "requests": [{"media_path": "/a"}]}),
            "time_seconds",
        ),
        (
            "/thumbnails",
            json!({"cache_dir": "/c", "requests": [{"media_path": "/a", "time_seconds": "0"}]}),
            "requests[0].time_seconds",
        ),
        ("/models/load", json!({"model_key": ["x"]}), "model_key"),
        (
            "/export/transcripts",
            json!({"cache_dir": "/c", "media_paths": ["/a"], "format": "doc"}),
            "format",
        ),
        ("/analyze/cancel", json!({}), "task_id"),
    ];
    for (path, body, field) in table {
        let message = SHARED.post(&format!("/api/v1{path}"), &body).refusal(400);
        assert!(message.contains(field), "{path} {body}: {message}");
    }
    let range =
        json!({"cache_dir": "/c", "media_path": "/a", "start_seconds": 1, "end_seconds": 2});
    let with = |field: &str, value: Value| {
        let mut body = range.clone();
        body[field] = value;
        body
    };
    let table = [
        // A text that was forgotten takes no correction back.
        ("/transcriptions/segments", range.clone(), "text"),
        ("/transcriptions/segments", with("text", json!(["x"])), "text"),
        ("/transcriptions/segments", with("start_seconds", json!("1")), "start_seconds"),
        ("/transcriptions/speakers", range.clone(), "names"),
        ("/transcriptions/speakers", with("names", json!({"SPEAKER_00": 5})), "SPEAKER_00"),
    ];
    for (path, body, field) in table {
        let answer = SHARED.send_text("PUT", &format!("/api/v1{path}"), &body.to_string());
        let message = answer.refusal(400);
        assert!(message.contains(field), "{path} {body}: {message}");
    }
}

#[test]
fn times_and_widths_that_are_none_are_400() {
    let at = |time: &str, width: &str| {
        let one = format!("{{\"media_path\":\"/a.mp4\",\"time_seconds\":{time}}}");
        format!("{{\"cache_dir\":\"/c\",\"width\":{width},\"requests\":[{one}]}}")
    };
    let many = vec![r#"{"media_path":"/a.mp4","time_seconds":0}"#; 1001].join(",");
    let table = [
        (at("NaN", "320"), "expected value"),
        (at("Infinity", "320"), "expected value"),
        (at("1e999", "320"), "out of range"),
        (at("-0.5", "320"), "time_seconds is -0.5"),
        (at("-1e300", "320"), "time_seconds"),
        (at("0", "15"), "width is 15"),
        (at("0", "3841"), "width is 3841"),
        (at("0", "-1"), "width"),
        (r#"{"cache_dir":"/c","requests":[]}"#.to_owned(), "requests has 0 items"),
        (format!("{{\"cache_dir\":\"/c\",\"requests\":[{many}]}}"), "requests has 1001 items"),
    ];
    for (body, words) in table {
        let message = SHARED.post_text("/api/v1/thumbnails", &body).refusal(400);
        assert!(message.contains(words), "{words}: {message}");
    }
    // A time that no medium has is the row's own trouble, and a hundred rows take no time.
    let missing = vec![json!({"media_path": "/no/such.mp4", "time_seconds": 1e300}); 100];
    let body = json!({"cache_dir": "/tmp", "requests": missing});
    let rows = SHARED.post("/api/v1/thumbnails", &body).json();
    let rows = rows["thumbnails"].as_array().unwrap();
    assert_eq!(rows.len(), 100);
    assert!(rows.iter().all(|row| row["error"].as_str().unwrap().contains("/no/such.mp4")));
}

#[test]
fn what_is_not_a_json_object_is_400() {
    let bad = [
        "",
        " ",
        "{",
        "}",
        "null",
        "true",
        "5",
        "\"x\"",
        "[]",
        "[\"/c\",[\"/a\"]]",
        "{\"cache_dir\":}",
        "{\"cache_dir\":\"/c\",\"media_paths\":[\"/a\"]}{}",
        "{\"cache_dir\":\"\\ud800\"}",
        "\u{feff}{}",
        "{'cache_dir':'/c'}",
        "{\"cache_dir\":NaN}",
        "cache_dir=/c",
    ];
    for body in bad {
        assert!(!SHARED.post_text("/api/v1/analyze", body).refusal(400).is_empty(), "{body}");
    }
    let deep = format!("{{\"cache_dir\":{}", "[".repeat(100_000));
    SHARED.post_text("/api/v1/analyze", &deep).refusal(400);
    let invalid = [b"{\"cache_dir\":\"".as_slice(), b"\xff\xfe\"}"].concat();
    let head = SHARED.head("POST", "/api/v1/analyze");
    let head = format!("{head}content-type: application/json\r\nx-license-key: {}\r\n", SHARED.pro);
    SHARED.send(&head, &invalid).refusal(400);
}

#[test]
fn the_content_type_must_be_json() {
    let body = r#"{"cache_dir":"relative","media_paths":["/a.mp4"]}"#;
    for wrong in ["", "content-type: text/plain\r\n", "content-type: application/xml\r\n"] {
        assert!(post_as(wrong, body).refusal(400).contains("application/json"), "{wrong}");
    }
    for right in ["application/json", "application/json; charset=utf-8", "Application/Json"] {
        let message = post_as(&format!("content-type: {right}\r\n"), body).refusal(400);
        assert!(!message.contains("application/json"), "{right}: {message}");
    }
}

#[test]
fn unknown_paths_and_wrong_methods_have_error_bodies() {
    for path in
        ["/", "/api", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/tasks/", "/api/v1//health"]
    {
        SHARED.get(path).refusal(404);
    }
    let table = [
        ("GET", "/api/v1/analyze", "POST"),
        ("POST", "/api/v1/tasks", "GET"),
        ("DELETE", "/api/v1/search/text", "POST"),
        ("POST", "/api/v1/faces/clusters/names", "PUT"),
        ("PATCH", "/api/v1/watch-folders/7", "DELETE"),
        ("OPTIONS", "/api/v1/health", "GET"),
        ("TRACE", "/api/v1/health", "GET"),
    ];
    for (method, path, allowed) in table {
        let answer = SHARED.send(&SHARED.head(method, path), b"");
        answer.refusal(405);
        assert!(answer.header("allow").is_some_and(|allow| allow.contains(allowed)), "{answer:?}");
    }
}

#[test]
fn tasks_that_are_not_there_are_404() {
    for id in ["x", "0123456789abcdef0123456789abcdef", "..%2f..%2fetc", "%ff", "%00"] {
        SHARED.get(&format!("/api/v1/tasks/{id}")).refusal(404);
    }
    SHARED.post("/api/v1/analyze/cancel", &json!({"task_id": "x"})).refusal(404);
}

#[test]
fn health_says_ok_and_answers_head_requests() {
    let answer = SHARED.send(&SHARED.head("GET", "/api/v1/health"), b"");
    assert_eq!(answer.json()["status"], "ok");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(SHARED.send(&SHARED.head("HEAD", "/api/v1/health"), b"").status, 200);
}

#[test]
fn models_are_told() {
    assert!(SHARED.get("/api/v1/models/loaded").json()["visual"]["is_loading"].is_boolean());
    assert!(SHARED.get("/api/v1/models/available").json()["visual"].is_array());
    SHARED.post("/api/v1/models/load", &json!({"model_key": "no-such-model"})).refusal(400);
}
