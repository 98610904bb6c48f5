//! Ways out of the folders that callers may name files under, in every text of every operation.

use crate::{
    client::{Answer, Running},
    contract::{operations, ours},
    forgery::{body, contents},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Stands in every text outside, and in no answer.
const CANARY: &str = "canary-5b1f";
/// How wide and high the picture outside is; none inside is.
const OUTSIDE_SIZE: (u32, u32) = (617, 51);

/// A server with one root, and folders beside it that are nobody's business.
struct Fence {
    server: Running,
    top: TempDir,
}

impl Fence {
    fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        lay_out(top.path());
        let server = Running::with_model(vec![top.path().join("root")]);
        Self { server, top }
    }

    fn outside(&self) -> PathBuf {
        self.top.path().join("outside")
    }

    /// A path of an example, as it is under the root.
    fn moved(&self, path: &str) -> String {
        let name = match path {
            "/footage" => "",
            path if path.ends_with(".rushes") => "analysis",
            path if path.ends_with(".mp4") || path.ends_with(".mov") => "red.png",
            path if path.ends_with(".jpg") => "red.png",
            path => path.rsplit('/').next().unwrap(),
        };
        self.top.path().join("root").join(name).display().to_string()
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.server.send_text(method, &format!("/api/v1{path}"), &body.to_string())
    }

    /// Waits until nothing is under way, and gives what tasks told.
    fn settled(&self) -> Value {
        let begun = Instant::now();
        loop {
            let tasks = self.server.get("/api/v1/tasks").json();
            let is_over =
                |task: &Value| !["queued", "running"].contains(&task["state"].as_str().unwrap());
            if tasks["tasks"].as_array().unwrap().iter().all(is_over) {
                return tasks;
            }
            assert!(begun.elapsed() < Duration::from_secs(120), "{tasks}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "std makes no FIFO")]
fn lay_out(top: &Path) {
    let (root, outside) = (top.join("root"), top.join("outside"));
    for folder in
        [&root, &outside, &root.join("analysis"), &root.join("selects"), &top.join("root-not")]
    {
        fs_err::create_dir(folder).unwrap();
    }
    let picture = image::RgbImage::from_pixel(64, 48, image::Rgb([250, 10, 10]));
    picture.save(root.join("red.png")).unwrap();
    let (width, height) = OUTSIDE_SIZE;
    image::RgbImage::new(width, height).save(outside.join("photo.png")).unwrap();
    for folder in [outside.clone(), top.join("root-not"), top.to_owned()] {
        fs_err::write(folder.join("secret.txt"), CANARY).unwrap();
    }
    symlink(&outside, root.join("link")).unwrap();
    symlink(root.join("link"), root.join("link-to-link")).unwrap();
    symlink("../outside", root.join("relative-link")).unwrap();
    symlink(outside.join("secret.txt"), root.join("file-link.txt")).unwrap();
    symlink(outside.join("new.xml"), root.join("dangling.xml")).unwrap();
    symlink(outside.join("new"), root.join("dangling")).unwrap();
    symlink("/", root.join("slash")).unwrap();
    symlink(root.join("loop"), root.join("loop")).unwrap();
    // Whoever opens it without a look at what it is waits for ever.
    let made = Command::new("mkfifo").args([root.join("fifo.png"), root.join("fifo.mp4")]).status();
    assert!(made.unwrap().success());
}

/// Paths that lead out, and those that only look as if they did. R, O and T stand for the root, the folder outside
/// and the one that holds both.
#[rustfmt::skip]
const WAYS_OUT: &[&str] = &[
    "O", "O/", "O/secret.txt", "O/photo.png", "O/new/clip.mp4", "O/.rushes", "T", "T/root-not",
    "T/root-not/secret.txt", "T/rootx", "R/..", "R/../", "R/../outside", "R/../outside/secret.txt",
    "R/./../outside/secret.txt", "R//..//outside//secret.txt", "R/new/../../outside/secret.txt",
    "R/../root/../outside", "R/link", "R/link/", "R/link/secret.txt", "R/link/photo.png",
    "R/link/new", "R/link-to-link/secret.txt", "R/relative-link/secret.txt", "R/file-link.txt",
    "R/dangling", "R/dangling/new", "R/dangling.xml", "R/slash", "R/slashO/secret.txt",
    "R/slash/etc/passwd", "R/loop", "R/loop/secret.txt", "R/fifo.png", "R/fifo.mp4",
    "R/fifo.mp4/new", "/", "//", "/etc", "/etc/passwd", "/tmp", "/dev/zero", "/dev/stdin",
    "/dev/fd/0", "/proc/self/environ", "/proc/self/cwd", "/proc/self/rootO/secret.txt",
    "/proc/self/fd/3", "..", "../", "../../outside/secret.txt", "../outside/secret.txt",
    "outside/secret.txt", "./O", "", " ", " O/secret.txt", "~", "~/.ssh/id_rsa", "$PWD/.ssh",
    "$(cat O/secret.txt)", "file://O/secret.txt", "file:O/secret.txt", "http://127.0.0.1:1/",
    "concat:O/secret.txt|O/secret.txt", "subfile,,start,0,end,9,,:O/secret.txt", "pipe:0",
    "data:text/plain,x", "-i", "--", "|O", "R/\0/../../outside", "O/secret.txt\0.png",
    "R/%2e%2e/outside/secret.txt", "R/..%2foutside", "R/%252e%252e/outside", "R/....//outside",
    "R/..;/outside", "R/..\\outside\\secret.txt", "R\\..\\outside", "\\\\server\\share",
    "\\\\.\\C:", "\\\\?\\C:\\x", "//server/share", "C:\\Windows", "C:/Windows",
    "R/\u{2025}/outside", "R/\u{ff0e}\u{ff0e}/outside", "R/\u{2024}\u{2024}/outside",
    "R/.\u{200b}./outside", "\nO/secret.txt", "R/\r\n../outside",
];

fn ways_out(top: &Path) -> Vec<String> {
    let long = [format!("R/{}", "x/".repeat(2100)), format!("R/{}", "x".repeat(100_000))];
    let place = |letter| match letter {
        'R' => top.join("root").display().to_string(),
        'O' => top.join("outside").display().to_string(),
        'T' => top.display().to_string(),
        other => other.to_string(),
    };
    let fill = |text: &str| text.chars().map(place).collect();
    WAYS_OUT.iter().copied().chain(long.iter().map(String::as_str)).map(fill).collect()
}

/// Where a text of a request stands: names of fields, and an empty one for the items of a list.
type Place = Vec<String>;

/// The places of all texts in a schema.
fn texts(document: &Value, schema: &Value, at: &Place, found: &mut Vec<Place>) {
    if let Some(reference) = schema["$ref"].as_str() {
        return texts(document, document.pointer(&reference[1..]).unwrap(), at, found);
    }
    for choice in ["allOf", "oneOf", "anyOf"] {
        for part in schema[choice].as_array().into_iter().flatten() {
            texts(document, part, at, found);
        }
    }
    let deeper = |name: &str| [at.as_slice(), &[name.to_owned()]].concat();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        texts(document, property, &deeper(name), found);
    }
    if let Some(items) = schema.get("items") {
        texts(document, items, &deeper(""), found);
    }
    let kind = &schema["type"];
    if kind == "string" || kind.as_array().is_some_and(|kinds| kinds.contains(&"string".into())) {
        found.push(at.clone());
    }
}

/// Puts a text in its place, making what leads there.
fn put(body: &mut Value, place: &[String], text: &str) {
    match place {
        [] => *body = text.into(),
        [first, rest @ ..] if first.is_empty() => {
            if !body.is_array() || body.as_array().is_some_and(Vec::is_empty) {
                *body = json!([null]);
            }
            put(&mut body[0], rest, text);
        }
        [first, rest @ ..] => {
            if !body.is_object() {
                *body = json!({});
            }
            put(&mut body[first.as_str()], rest, text);
        }
    }
}

/// Whether a field holds a path.
fn is_path(place: &Place) -> bool {
    let name = place.iter().rfind(|name| !name.is_empty()).unwrap();
    ["path", "paths", "dir", "folder"].iter().any(|end| name.ends_with(end))
}

fn assert_tells_nothing(at: &str, answer: &Answer) {
    assert!(answer.status < 500 || [501, 503].contains(&answer.status), "{at}: {answer:?}");
    let told = answer.text();
    let width = format!("\"width\":{}", OUTSIDE_SIZE.0);
    for secret in [CANARY, "root:x:", &width] {
        assert!(!told.contains(secret), "{at}: {told}");
    }
}

/// Whether an answer says that nothing was done with the path. Rows of an answer have their own errors,
/// and a task that is started has them too.
fn is_refused(answer: &Answer) -> bool {
    let is_empty = |reply: &Value, list: &str| reply[list].as_array().is_some_and(Vec::is_empty);
    match answer.status {
        400 | 404 => true,
        200 => {
            let reply = answer.json();
            let rows = reply["media"].as_array().or_else(|| reply["thumbnails"].as_array());
            rows.is_some_and(|rows| rows.iter().all(|row| row.get("error").is_some()))
                || is_empty(&reply, "matches")
                || is_empty(&reply, "files")
                || is_empty(&reply, "transcriptions")
                || reply["loaded"]["media"] == 0
        }
        _ => false,
    }
}

/// Everything outside the root.
fn outside(fence: &Fence) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = contents(fence.top.path());
    all.retain(|path, _| !path.starts_with(fence.top.path().join("root")));
    all
}

#[test]
fn no_text_of_any_request_leads_out_of_the_root() {
    let fence = Fence::new();
    let document = ours();
    let ways = ways_out(fence.top.path());
    let before = outside(&fence);
    let (mut paths, mut count) = (0, 0);
    for (method, path, operation) in operations(&document) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let mut places = Vec::new();
        texts(&document, schema, &Place::new(), &mut places);
        let base = body(&operation, &|path| fence.moved(path));
        for place in places {
            paths += usize::from(is_path(&place));
            for way in &ways {
                let mut body = base.clone();
                put(&mut body, &place, way);
                let answer = fence.send(&method, &path, &body);
                let at = format!(
                    "{method} {path} {place:?} {}",
                    way.escape_debug().take(200).collect::<String>()
                );
                assert_tells_nothing(&at, &answer);
                let leads_out = Path::new(way).is_relative()
                    || way.starts_with("/etc")
                    || way.starts_with(&fence.outside().display().to_string());
                // With search_all, the list of media is not looked at.
                if is_path(&place) && leads_out && body["search_all"] != true {
                    assert!(is_refused(&answer), "{at}: {answer:?}");
                }
                count += 1;
            }
        }
    }
    let tasks = fence.settled().to_string();
    assert!(!tasks.contains(CANARY), "{tasks}");
    assert_eq!(outside(&fence), before);
    println!("{} texts × {paths} path fields and others: {count} requests, 0 outside", ways.len());
    assert!(paths >= 30 && ways.len() >= 60, "{paths} {}", ways.len());
}

#[test]
fn no_address_leads_out_of_the_root() {
    let fence = Fence::new();
    let ways = ways_out(fence.top.path());
    let escaped = |way: &str| way.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let mut count = 0;
    for (method, path, operation) in operations(&ours()) {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for way in ways.iter().filter(|way| way.len() < 5000) {
            for parameter in &parameters {
                let name = parameter["name"].as_str().unwrap();
                let target = match parameter["in"] == "path" {
                    true => path.replace(&format!("{{{name}}}"), &escaped(way)),
                    false => format!("{path}?{name}={}", escaped(way)),
                };
                let answer = fence.send(&method, &target, &json!({}));
                assert_tells_nothing(&format!("{method} {target}"), &answer);
                count += 1;
            }
        }
    }
    for target in [
        "/docs/../../../etc/passwd",
        "/docs/..%2f..%2fetc%2fpasswd",
        "/docs//etc/passwd",
        "/../etc/passwd",
    ] {
        let answer = fence.server.get(target);
        assert_tells_nothing(target, &answer);
        assert_eq!(answer.status, 404, "{target}");
    }
    println!("{count} addresses, 0 outside");
    assert!(count > 100);
}

#[test]
fn what_lies_under_the_root_is_read_and_written() {
    let fence = Fence::new();
    let document = ours();
    for (method, path, operation) in operations(&document) {
        if ![
            "/analyze",
            "/media/metadata",
            "/thumbnails",
            "/search/text",
            "/export/premiere-xml",
            "/export/clips",
        ]
        .contains(&path.as_str())
        {
            continue;
        }
        let answer = fence.send(&method, &path, &body(&operation, &|path| fence.moved(path)));
        assert!([200, 202].contains(&answer.status), "{path} {answer:?}");
    }
    fence.settled();
    assert!(fs_err::metadata(fence.moved("/footage/selects.xml")).unwrap().len() > 0);
}
