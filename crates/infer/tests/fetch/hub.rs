//! The model hub: resume, refusal, mirrors, local folders.

use super::{
    Bench, content, digest, no_packages,
    server::{Reply, Request, Server},
    settings,
};
use rushes_infer::fetch::{DEFAULT_ENDPOINT, FetchError, Settings};
use std::{
    cell::Cell,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

const LENGTH: usize = 300_000;
const PATH: &str = "/team/tower/resolve/0123abcd/onnx/model.onnx";

fn bench(content: &[u8]) -> Bench {
    Bench::new(&format!(
        "[[entry.files]]\nname = \"model.onnx\"\nbytes = {}\nsha256 = \"{}\"\n\
         source.hub = {{ repo = \"team/tower\", revision = \"0123abcd\", path = \"onnx/model.onnx\" }}",
        content.len(),
        digest(content)
    ))
}

fn assert_fetched(bench: &Bench, content: &[u8]) {
    assert_eq!(bench.names(), ["model.onnx"]);
    assert!(fs_err::read(bench.target("model.onnx")).unwrap() == content, "wrong content");
}

/// A server that serves the file as a model hub does.
fn hub(content: &[u8]) -> Server {
    let content = content.to_vec();
    Server::start(move |request: &Request, _| Reply::file(&content, request))
}

#[test]
fn a_file_arrives_whole_and_is_not_fetched_twice() {
    let content = content(LENGTH);
    let (bench, server) = (bench(&content), hub(&content));
    let mut steps = Vec::new();
    let report = bench
        .watch(
            &settings(&server.endpoint),
            &mut no_packages,
            &mut |step| {
                assert_eq!((step.key.as_str(), step.file), ("tiny", "model.onnx"));
                steps.push((step.bytes, step.total));
            },
            &|| false,
        )
        .unwrap();
    assert_fetched(&bench, &content);
    assert_eq!(report.fetched, [bench.target("model.onnx")]);
    assert_eq!((report.present, report.bytes), (0, LENGTH as u64));
    assert!(steps.is_sorted() && steps.last() == Some(&(LENGTH as u64, LENGTH as u64)));

    let again = bench.pull(&settings(&server.endpoint)).unwrap();
    assert_eq!((again.fetched.len(), again.present), (0, 1));
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].path, PATH);
    assert_eq!(requests[0].header("authorization"), None);
    assert_eq!(requests[0].header("accept-encoding"), Some("identity"));
}

#[test]
fn a_broken_transfer_goes_on_where_it_stopped() {
    let content = content(LENGTH);
    let (bench, served) = (bench(&content), content.clone());
    let server = Server::start(move |request, number| {
        let reply = Reply::file(&served, request);
        if number == 0 { reply.cut(LENGTH / 2) } else { reply }
    });
    bench.pull(&settings(&server.endpoint)).unwrap();
    assert_fetched(&bench, &content);
    let ranges: Vec<Option<usize>> = server.requests().iter().map(Request::range).collect();
    assert_eq!(ranges, [None, Some(LENGTH / 2)]);
}

#[test]
fn a_later_pull_resumes_an_earlier_one() {
    let content = content(LENGTH);
    let (bench, served) = (bench(&content), content.clone());
    let server = Server::start(move |request, number| {
        let reply = Reply::file(&served, request);
        if number == 0 { reply.cut(100_000) } else { reply }
    });
    let once = Settings { tries: 1, ..settings(&server.endpoint) };
    let error = bench.pull(&once).unwrap_err();
    assert!(matches!(error, FetchError::Network { .. }), "{error}");
    let part = format!("model.onnx.part-{}", &digest(&content).to_string()[..8]);
    assert_eq!(bench.names(), [part], "no partial file under the final name");

    bench.pull(&once).unwrap();
    assert_fetched(&bench, &content);
    assert_eq!(server.requests()[1].range(), Some(100_000));
}

#[test]
fn a_server_without_ranges_sends_the_file_again() {
    let content = content(LENGTH);
    let (bench, served) = (bench(&content), content.clone());
    let server = Server::start(move |_, number| {
        let reply = Reply::of(200, &served);
        if number == 0 { reply.cut(LENGTH / 3) } else { reply }
    });
    bench.pull(&settings(&server.endpoint)).unwrap();
    assert_fetched(&bench, &content);
    assert_eq!(server.requests()[1].range(), Some(LENGTH / 3));
}

#[test]
fn a_range_that_was_not_asked_for_is_not_appended() {
    let content = content(LENGTH);
    let (bench, served) = (bench(&content), content.clone());
    let server = Server::start(move |request, number| match number {
        0 => Reply::file(&served, request).cut(LENGTH / 2),
        1 => {
            Reply::of(206, &served[LENGTH / 4..]).with("Content-Range", "bytes 75000-299999/300000")
        }
        _ => Reply::file(&served, request),
    });
    bench.pull(&settings(&server.endpoint)).unwrap();
    assert_fetched(&bench, &content);
    assert_eq!(server.requests()[2].range(), None);
}

#[test]
fn a_file_of_another_hash_is_refused_and_nothing_is_left() {
    let content = content(LENGTH);
    let mut other = content.clone();
    other[LENGTH / 2] ^= 1;
    let (bench, server) = (bench(&content), hub(&other));
    let error = bench.pull(&settings(&server.endpoint)).unwrap_err();
    assert!(
        matches!(&error, FetchError::WrongHash { expected, found, .. }
            if *expected == digest(&content) && *found == digest(&other)),
        "{error}"
    );
    assert!(error.to_string().contains(PATH), "{error}");
    assert_eq!(bench.names(), [""; 0]);
}

#[test]
fn a_file_of_another_size_is_refused_and_nothing_is_left() {
    let expected = content(LENGTH);
    for length in [LENGTH - 1, LENGTH + 1, 2 * LENGTH] {
        for announced in [true, false] {
            let (bench, served) = (bench(&expected), content(length));
            let server = Server::start(move |_, _| Reply {
                length: announced.then_some(length),
                ..Reply::of(200, &served)
            });
            let few = Settings { tries: 2, ..settings(&server.endpoint) };
            let error = bench.pull(&few).unwrap_err();
            if length < LENGTH && !announced {
                // A connection that ends early may be resumed, so what came is kept.
                assert!(matches!(error, FetchError::Network { .. }), "{error}");
            } else {
                assert!(matches!(error, FetchError::WrongSize { .. }), "{error}");
                assert_eq!(bench.names(), [""; 0]);
            }
            assert!(!bench.target("model.onnx").exists());
        }
    }
}

#[test]
fn refusals_say_what_to_do() {
    let content = content(LENGTH);
    for (status, tries, advice) in
        [(404, 1, "HF_ENDPOINT"), (401, 1, "HF_TOKEN"), (403, 1, "HF_TOKEN"), (503, 3, "later")]
    {
        let bench = bench(&content);
        let server = Server::start(move |_, _| Reply::of(status, b"no"));
        let few = Settings { tries: 3, ..settings(&server.endpoint) };
        let message = bench.pull(&few).unwrap_err().to_string();
        assert!(message.contains(advice) && message.contains(PATH), "{message}");
        assert_eq!(server.requests().len(), tries, "{status}");
        assert_eq!(bench.names(), [""; 0]);
    }
}

#[test]
fn a_server_that_is_busy_for_a_while_is_asked_again() {
    let content = content(LENGTH);
    let (bench, served) = (bench(&content), content.clone());
    let server =
        Server::start(
            move |request, number| {
                if number < 3 { Reply::of(503, b"") } else { Reply::file(&served, request) }
            },
        );
    bench.pull(&settings(&server.endpoint)).unwrap();
    assert_fetched(&bench, &content);
}

#[test]
fn an_address_without_a_server_fails_at_once() {
    for endpoint in ["http://127.0.0.1:9", "no address"] {
        let bench = bench(&content(LENGTH));
        let patient = Settings { retry_delay: Duration::from_secs(30), ..settings(endpoint) };
        let started = Instant::now();
        let error = bench.pull(&patient).unwrap_err();
        assert!(matches!(error, FetchError::Unreachable { .. }), "{endpoint}: {error}");
        assert!(started.elapsed() < Duration::from_secs(25), "{endpoint}");
        assert_eq!(bench.names(), [""; 0]);
    }
}

#[test]
fn redirects_are_followed_and_the_token_stays_behind() {
    let content = content(LENGTH);
    let bench = bench(&content);
    let store = hub(&content);
    let elsewhere = format!("{}/blobs/1", store.endpoint.replace("127.0.0.1", "localhost"));
    let server = Server::start(move |request, _| match request.path.as_str() {
        PATH => Reply::of(302, b"").with("Location", "/moved/here"),
        _ => Reply::of(307, b"").with("Location", &elsewhere),
    });
    let with_token = Settings { token: Some("hf_secret".into()), ..settings(&server.endpoint) };
    bench.pull(&with_token).unwrap();
    assert_fetched(&bench, &content);
    let asked = server.requests();
    assert_eq!(asked[0].header("authorization"), Some("Bearer hf_secret"));
    assert_eq!(asked[1].path, "/moved/here");
    assert_eq!(store.requests()[0].path, "/blobs/1");
    assert_eq!(store.requests()[0].header("authorization"), None);
    assert!(!format!("{with_token:?}").contains("secret"));
}

#[test]
fn offline_nothing_is_asked() {
    let content = content(LENGTH);
    let (bench, server) = (bench(&content), hub(&content));
    let offline = Settings { offline: true, ..settings(&server.endpoint) };
    let message = bench.pull(&offline).unwrap_err().to_string();
    assert!(message.contains("HF_HUB_OFFLINE") && message.contains("team/tower"), "{message}");
    assert_eq!(server.requests().len(), 0);
    assert_eq!(bench.names(), [""; 0]);
}

#[test]
fn local_folders_serve_in_both_layouts() {
    let content = content(LENGTH);
    for path in
        ["team/tower/onnx/model.onnx", "hub/models--team--tower/snapshots/0123abcd/onnx/model.onnx"]
    {
        let bench = bench(&content);
        let local = bench.home.path().join("local");
        let copy = local.join(path);
        fs_err::create_dir_all(copy.parent().unwrap()).unwrap();
        fs_err::write(&copy, &content).unwrap();
        let offline =
            Settings { offline: true, folders: vec![local], ..settings("http://127.0.0.1:9") };
        bench.pull(&offline).unwrap();
        assert_fetched(&bench, &content);
        assert!(copy.exists(), "the folder is only read");
    }
}

#[test]
fn a_wrong_local_file_is_passed_over_when_the_network_may_be_used() {
    let content = content(LENGTH);
    let (bench, server) = (bench(&content), hub(&content));
    let local = bench.home.path().join("local");
    fs_err::create_dir_all(local.join("team/tower/onnx")).unwrap();
    fs_err::write(local.join("team/tower/onnx/model.onnx"), vec![0; LENGTH]).unwrap();
    let mut both = Settings { folders: vec![local], ..settings(&server.endpoint) };
    both.offline = true;
    let error = bench.pull(&both).unwrap_err();
    assert!(matches!(error, FetchError::WrongHash { .. }), "{error}");
    assert_eq!(bench.names(), [""; 0]);
    both.offline = false;
    bench.pull(&both).unwrap();
    assert_fetched(&bench, &content);
}

#[test]
fn a_cancelled_pull_stops_and_can_go_on() {
    let content = content(4 << 20);
    let (bench, server) = (bench(&content), hub(&content));
    let stop = Cell::new(false);
    let error = bench
        .watch(
            &settings(&server.endpoint),
            &mut no_packages,
            &mut |step| stop.set(step.bytes > 1 << 20),
            &|| stop.get(),
        )
        .unwrap_err();
    assert!(matches!(error, FetchError::Cancelled), "{error}");
    assert!(!bench.target("model.onnx").exists());
    bench.pull(&settings(&server.endpoint)).unwrap();
    assert_fetched(&bench, &content);
    assert!(server.requests()[1].range().is_some_and(|from| from > 1 << 20));
}

#[test]
fn two_pulls_at_once_fetch_once() {
    let content = content(LENGTH);
    let (bench, served) = (bench(&content), content.clone());
    let server = Server::start(move |request, _| {
        thread::sleep(Duration::from_millis(300));
        Reply::file(&served, request)
    });
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| bench.pull(&settings(&server.endpoint)).unwrap());
        }
    });
    assert_fetched(&bench, &content);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_waiting_pull_can_be_cancelled() {
    let content = content(LENGTH);
    let (bench, stop) = (bench(&content), AtomicBool::new(false));
    let served = content.clone();
    let server = Server::start(move |request, _| {
        thread::sleep(Duration::from_secs(2));
        Reply::file(&served, request)
    });
    thread::scope(|scope| {
        let first = scope.spawn(|| bench.pull(&settings(&server.endpoint)));
        while server.requests().is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
        stop.store(true, Ordering::Relaxed);
        let second =
            bench.watch(&settings(&server.endpoint), &mut no_packages, &mut |_| {}, &|| {
                stop.load(Ordering::Relaxed)
            });
        assert!(matches!(second, Err(FetchError::Cancelled)));
        first.join().unwrap().unwrap();
    });
}

#[test]
fn an_altered_file_on_disk_is_fetched_anew() {
    let content = content(LENGTH);
    let (bench, server) = (bench(&content), hub(&content));
    fs_err::create_dir_all(bench.target("x").parent().unwrap()).unwrap();
    fs_err::write(bench.target("model.onnx"), vec![0; LENGTH]).unwrap();
    assert_eq!(bench.pull(&settings(&server.endpoint)).unwrap().fetched.len(), 1);
    assert_fetched(&bench, &content);
}

#[test]
fn more_than_the_disk_holds_is_refused_before_the_first_byte() {
    let content = content(LENGTH);
    let server = hub(&content);
    let bench = Bench::new(&format!(
        "[[entry.files]]\nname = \"model.onnx\"\nbytes = {}\nsha256 = \"{}\"\n\
         source.hub = {{ repo = \"team/tower\", revision = \"0123abcd\", path = \"m\" }}",
        1u64 << 60,
        digest(&content)
    ));
    let error = bench.pull(&settings(&server.endpoint)).unwrap_err();
    assert!(matches!(error, FetchError::NoSpace { .. }), "{error}");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn the_environment_sets_mirror_token_and_folders() {
    let lookup = |name: &str| {
        let value = match name {
            "HF_ENDPOINT" => "http://mirror.example/hf/",
            "HF_HUB_OFFLINE" => "Yes",
            "HF_TOKEN" => " hf_x\n",
            "RUSHES_HUB_FOLDER" => "/models",
            "HF_HOME" => "/cache",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let set = Settings::from_lookup(lookup);
    assert_eq!(set.endpoint, "http://mirror.example/hf");
    assert!(set.offline);
    assert_eq!(set.token.as_deref(), Some("hf_x"));
    assert_eq!(set.folders, ["/models", "/cache"].map(std::path::PathBuf::from));

    let unset = Settings::from_lookup(|name| (name == "HF_HUB_OFFLINE").then(|| "0".to_owned()));
    assert_eq!(unset, Settings::default());
    assert_eq!(unset.endpoint, DEFAULT_ENDPOINT);
}

#[test]
fn what_another_entry_has_on_disk_is_linked_and_not_fetched() {
    let content = content(LENGTH);
    let file = |name: &str, path: &str| {
        format!(
            "[[entry.files]]\nname = \"{name}\"\nbytes = {}\nsha256 = \"{}\"\n\
             source.hub = {{ repo = \"team/tower\", revision = \"0123abcd\", path = \"{path}\" }}\n",
            content.len(),
            digest(&content)
        )
    };
    let other =
        "[[entry]]\nkey = \"other\"\nname = \"x\"\nkind = \"component\"\nlicense = \"MIT\"\n";
    let entries = file("model.onnx", "onnx/model.onnx") + other + &file("same.onnx", "same.onnx");
    let (bench, server) = (Bench::new(&entries), hub(&content));
    let same = bench.folder.path().join("other/same.onnx");
    fs_err::create_dir_all(same.parent().unwrap()).unwrap();

    // A file of the right size and another content is no such file.
    fs_err::write(&same, vec![0; LENGTH]).unwrap();
    bench.pull(&settings(&server.endpoint)).unwrap();
    assert_fetched(&bench, &content);
    assert_eq!(server.requests().len(), 1);

    fs_err::write(&same, &content).unwrap();
    fs_err::write(bench.target("model.onnx"), "short").unwrap();
    let report = bench.pull(&settings(&server.endpoint)).unwrap();
    assert_fetched(&bench, &content);
    assert_eq!((report.fetched.len(), report.present, server.requests().len()), (0, 1, 1));
}
