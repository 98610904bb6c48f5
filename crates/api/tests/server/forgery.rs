//! What a page of another site can have a browser send without asking first.

use crate::{
    client::{Answer, Running, free_port},
    contract::every_operation,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Heads that a browser sends along, and whether the door lets them in.
const SENDERS: [(&str, bool); 4] = [
    // Browsers that name no origin, and programs.
    ("", true),
    ("origin: https://evil.com\r\n", false),
    ("origin: null\r\n", false),
    // sendBeacon and fetch in the mode no-cors.
    (
        "origin: https://evil.com\r\nsec-fetch-mode: no-cors\r\nsec-fetch-site: cross-site\r\n",
        false,
    ),
];

/// The lines of a content type, and how the body is written.
type Shape = (&'static str, fn(&Value) -> String);

/// Content types of what needs no preflight.
const SHAPES: [Shape; 9] = [
    ("content-type: application/x-www-form-urlencoded\r\n", form),
    ("content-type: application/x-www-form-urlencoded;charset=UTF-8\r\n", form),
    // A form whose one field is called like the beginning of the JSON and valued like its end.
    ("content-type: text/plain\r\n", plain_form),
    ("content-type: text/plain;charset=UTF-8\r\n", Value::to_string),
    ("content-type: multipart/form-data; boundary=b\r\n", multipart),
    ("content-type: application/jsonp\r\n", Value::to_string),
    ("content-type: application/json\r\ncontent-type: text/plain\r\n", Value::to_string),
    ("content-type: text/plain, application/json\r\n", Value::to_string),
    // A Blob or an ArrayBuffer without a type.
    ("", Value::to_string),
];

fn form(body: &Value) -> String {
    let fields = body.as_object().into_iter().flatten();
    let field = |(name, value): (&String, &Value)| format!("{name}={value}");
    fields.map(field).collect::<Vec<_>>().join("&")
}

fn plain_form(body: &Value) -> String {
    let text = body.to_string();
    format!("{},\"x\":\"=\"}}", &text[..text.len() - 1])
}

fn multipart(body: &Value) -> String {
    format!("--b\r\ncontent-disposition: form-data; name=\"x\"\r\n\r\n{body}\r\n--b--\r\n")
}

/// A body that would do something if it were let in: the example, with its paths in a folder.
pub fn body(operation: &Value, moved: &impl Fn(&str) -> String) -> Value {
    let example = &operation["requestBody"]["content"]["application/json"]["example"];
    match example {
        Value::Null => json!({}),
        _ => relocated(example, moved),
    }
}

fn relocated(value: &Value, moved: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) if text.starts_with('/') => moved(text).into(),
        Value::Array(items) => items.iter().map(|item| relocated(item, moved)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), relocated(value, moved)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        _ => value.clone(),
    }
}

/// Every file below a folder and what is in it.
pub fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs_err::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            all.extend(contents(&path));
        } else if entry.file_type().unwrap().is_file() {
            all.insert(path.clone(), fs_err::read(&path).unwrap());
        }
    }
    all
}

/// What a call could have changed: tasks, models, the home folder, the footage.
fn state(server: &Running, footage: &Path) -> (Vec<Value>, [BTreeMap<PathBuf, Vec<u8>>; 2]) {
    let told = ["/tasks", "/models/loaded", "/models/available", "/watch-folders"];
    let told = told.map(|path| server.get(&format!("/api/v1{path}")).json());
    let mut home = contents(server.home.path());
    // SQLite's own, which reading changes too.
    home.retain(|path, _| !path.to_string_lossy().contains("catalogue.db"));
    (told.to_vec(), [home, contents(footage)])
}

/// One request that a page can send.
struct Forged<'a> {
    method: &'a str,
    path: &'a str,
    head: String,
    body: String,
}

impl Forged<'_> {
    fn send(&self, server: &Running) -> Answer {
        let head = server.head(self.method, &format!("/api/v1{}", self.path));
        server.send(&format!("{head}{}", self.head), self.body.as_bytes())
    }
}

#[test]
fn what_a_page_may_send_without_asking_changes_nothing() {
    let server = Running::with_model(Vec::new());
    let footage = tempfile::tempdir().unwrap();
    let moved = |path: &str| format!("{}{path}", footage.path().display());
    fs_err::create_dir(footage.path().join("footage")).unwrap();
    let before = state(&server, footage.path());
    let key = format!("x-license-key: {}\r\n", server.pro);
    let mut count = 0;
    for (method, path, operation) in every_operation() {
        if method == "GET" {
            continue;
        }
        let path = path.replace(['{', '}'], "");
        for (content_type, write) in SHAPES {
            let mut with_key = body(&operation, &moved);
            with_key["license_key"] = server.pro.clone().into();
            // Nobody can tell a call that takes no body and declares none from one of a program.
            let takes_body = operation.get("requestBody").is_some() || !content_type.is_empty();
            for (sender, is_let_in) in SENDERS {
                // Even with a good key, which no page has.
                for key in ["", key.as_str()].into_iter().filter(|key| key.is_empty() || takes_body)
                {
                    let head = format!("{sender}{content_type}{key}");
                    let forged =
                        Forged { method: &method, path: &path, head, body: write(&with_key) };
                    let answer = forged.send(&server);
                    // 501 where nothing is built that could be changed.
                    let expected: &[u16] = if is_let_in { &[400, 401, 501] } else { &[403] };
                    let at = format!("{method} {path} {}", forged.head.escape_debug());
                    assert!(expected.contains(&answer.status), "{at} {answer:?}");
                    count += 1;
                }
            }
        }
    }
    assert_eq!(state(&server, footage.path()), before);
    println!("{count} forged requests, 0 changes");
    // The same body changes something once it is declared as what it is.
    let all = every_operation();
    let (.., analyze) = all.iter().find(|(_, path, _)| path == "/analyze").unwrap();
    let answer = server.post("/api/v1/analyze", &body(analyze, &moved));
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_ne!(state(&server, footage.path()), before);
}

#[test]
fn reading_changes_nothing() {
    let server = Running::start(free_port());
    let footage = tempfile::tempdir().unwrap();
    let before = state(&server, footage.path());
    for (method, path, _) in every_operation() {
        if method == "GET" {
            let path = path.replace(['{', '}'], "");
            let query = format!("cache_dir={}", footage.path().display());
            server.get(&format!("/api/v1{path}?{query}"));
        }
    }
    assert_eq!(state(&server, footage.path()), before);
}
