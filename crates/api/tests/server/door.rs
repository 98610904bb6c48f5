//! Host and Origin, on every route.

use crate::{
    client::{Answer, Running, SHARED, exchange, free_port},
    contract::every_operation,
};
use rushes_api::Settings;
use std::sync::LazyLock;

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// A server that also lets two configured origins in.
static LISTED: LazyLock<Running> = LazyLock::new(|| {
    let origins = vec!["https://studio.example".to_owned(), "file://".to_owned()];
    Running::start(Settings { origins, ..free_port() })
});

/// Method and path of every route there is, and of some that are not.
fn routes() -> Vec<(String, String)> {
    let others = [
        ("GET", "/api/v1/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/docs/"),
        ("GET", "/docs/swagger-ui.css"),
        ("GET", POLLING),
        ("POST", "/socket.io/?EIO=4&transport=polling&sid=x"),
        ("GET", "/"),
        ("GET", "/health"),
        ("GET", "/metrics"),
        ("DELETE", "/api/v1/health"),
        ("OPTIONS", "/api/v1/analyze"),
    ];
    let others = others.map(|(method, path)| (method.to_owned(), path.to_owned()));
    let operations = every_operation()
        .into_iter()
        .map(|(method, path, _)| (method, format!("/api/v1{}", path.replace(['{', '}'], ""))));
    operations.chain(others).collect()
}

/// The head lines for a Host, and whether it is let in.
fn hosts(port: u16) -> Vec<(String, bool)> {
    let good = ["localhost:P", "127.0.0.1:P", "[::1]:P", "LOCALHOST:P", "LocalHost:P"];
    let bad = [
        "evil.com",
        "evil.com:P",
        "127.0.0.1.evil.com:P",
        "127.0.0.1.evil.com",
        "localhost.:P",
        "localhost.",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "localhost:1",
        "localhost:80",
        "localhost:",
        "localhost:0P",
        "localhost:P0",
        "0.0.0.0:P",
        "0.0.0.0",
        "[::]:P",
        "::1:P",
        "::1",
        "",
        ":P",
        "127.1:P",
        "127.0.0.2:P",
        "2130706433:P",
        "0x7f000001:P",
        "017700000001:P",
        "[::ffff:127.0.0.1]:P",
        "[0:0:0:0:0:0:0:1]:P",
        "localhost:P,evil.com",
        "localhost:P evil.com",
        "evil.com@localhost:P",
        "localhost:P@evil.com",
        "localhost:P/",
        "localhost:P#",
        "http://localhost:P",
        "localhost.localdomain:P",
        "xlocalhost:P",
        "localhostx:P",
        "local host:P",
        "null",
        "localhost\u{e9}:P",
    ];
    let line = |host: &str| format!("host: {}\r\n", host.replace('P', &port.to_string()));
    let good = good.into_iter().map(|host| (line(host), true));
    let bad = bad.into_iter().map(|host| (line(host), false));
    let several = [
        format!("{}{}", line("localhost:P"), line("localhost:P")),
        format!("{}{}", line("localhost:P"), line("evil.com")),
        format!("{}{}", line("evil.com"), line("localhost:P")),
        String::new(),
    ];
    good.chain(bad).chain(several.map(|lines| (lines, false))).collect()
}

fn with_host(server: &Running, method: &str, target: &str, host: &str) -> Answer {
    let head = format!(
        "{method} {target} HTTP/1.1\r\n{host}connection: close\r\ncontent-length: 0\r\n\r\n"
    );
    exchange(server.port, head.as_bytes())
}

#[test]
fn only_the_loopback_names_with_the_port_are_let_in_anywhere() {
    let routes = routes();
    assert!(routes.len() > 45);
    let hosts = hosts(SHARED.port);
    println!("{} Host values × {} routes", hosts.len(), routes.len());
    for (host, is_good) in hosts {
        for (method, path) in &routes {
            let answer = with_host(&SHARED, method, path, &host);
            if is_good {
                assert_ne!(answer.status, 403, "{method} {path} {host:?}");
            } else {
                // A Host that is no header value at all ends in the parser, just as silently.
                assert!([400, 403].contains(&answer.status), "{method} {path} {host:?} {answer:?}");
                assert!(answer.body.is_empty(), "{method} {path} {host:?} {answer:?}");
            }
        }
    }
}

#[test]
fn a_target_that_names_a_host_is_refused() {
    for authority in ["localhost:P", "evil.com", "127.0.0.1:P"] {
        let authority = authority.replace('P', &SHARED.port.to_string());
        let target = format!("http://{authority}/api/v1/health");
        let host = format!("host: localhost:{}\r\n", SHARED.port);
        let answer = with_host(&SHARED, "GET", &target, &host);
        assert_eq!((answer.status, answer.body.len()), (403, 0), "{target}");
        let answer = with_host(&SHARED, "CONNECT", &authority, &host);
        assert_eq!((answer.status, answer.body.len()), (403, 0), "CONNECT {authority}");
    }
}

#[test]
fn without_a_host_even_the_old_protocol_is_refused() {
    let answer = exchange(SHARED.port, b"GET /api/v1/health HTTP/1.0\r\n\r\n");
    assert_eq!((answer.status, answer.body.len()), (403, 0));
}

#[test]
fn configured_hosts_are_let_in() {
    let hosts = vec!["studio.local:6699".to_owned()];
    let server = Running::start(Settings { hosts, ..free_port() });
    let answer = with_host(&server, "GET", "/api/v1/health", "host: studio.local:6699\r\n");
    assert_eq!(answer.status, 200);
    let answer = with_host(&server, "GET", "/api/v1/health", "host: studio.local\r\n");
    assert_eq!(answer.status, 403);
}

/// Origins, and whether they are let in.
fn origins(port: u16) -> Vec<(String, bool)> {
    let good = [
        "http://localhost:P",
        "http://127.0.0.1:P",
        "http://[::1]:P",
        "https://studio.example",
        "file://",
    ];
    let bad = [
        "null",
        "http://evil.com",
        "https://evil.com",
        "http://evil.com:P",
        "http://localhost",
        "http://localhost:1",
        "https://localhost:P",
        "http://localhost:P.evil.com",
        "http://localhost:P/",
        "http://127.0.0.1.evil.com:P",
        "https://studio.example.evil.com",
        "https://evilstudio.example",
        "http://studio.example",
        "https://studio.example:8443",
        "https://STUDIO.example",
        "*",
        "",
        "file:///",
        "http://localhost:P, http://evil.com",
        "chrome-extension://abc",
        "HTTP://localhost:P",
    ];
    let fill = |origin: &str| origin.replace('P', &port.to_string());
    let good = good.into_iter().map(|origin| (fill(origin), true));
    good.chain(bad.into_iter().map(|origin| (fill(origin), false))).collect()
}

fn with_origin(method: &str, path: &str, origin: &str, more: &str) -> Answer {
    let head = LISTED.head(method, path);
    LISTED.send(&format!("{head}origin: {origin}\r\n{more}"), b"")
}

fn assert_readable_by(answer: &Answer, origin: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{answer:?}");
    assert!(answer.header("vary").is_some_and(|vary| vary.to_lowercase().contains("origin")));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

fn assert_refused(answer: &Answer, origin: &str) {
    answer.refusal(403);
    assert!(!answer.head.to_lowercase().contains("access-control"), "{origin}: {answer:?}");
}

#[test]
fn only_listed_origins_get_an_answer_that_pages_can_read() {
    let (origins, routes) = (origins(LISTED.port), routes());
    println!("{} Origin values × {} routes", origins.len(), routes.len());
    for (origin, is_good) in origins {
        for (method, path) in routes.clone() {
            if method == "OPTIONS" {
                continue;
            }
            let answer = with_origin(&method, &path, &origin, "");
            match is_good {
                true => assert_readable_by(&answer, &origin),
                false => assert_refused(&answer, &origin),
            }
        }
    }
}

#[test]
fn preflights_are_answered_for_listed_origins_only() {
    let ask = "access-control-request-method: POST\r\n\
        access-control-request-headers: content-type,x-license-key\r\n";
    for (origin, is_good) in origins(LISTED.port) {
        for (_, path) in routes() {
            let answer = with_origin("OPTIONS", &path, &origin, ask);
            if !is_good {
                assert_refused(&answer, &origin);
                continue;
            }
            assert_readable_by(&answer, &origin);
            assert_eq!((answer.status, answer.body.len()), (204, 0));
            let headers = answer.header("access-control-allow-headers").unwrap();
            assert!(headers.contains("x-license-key") && headers.contains("content-type"));
            assert!(answer.header("access-control-allow-methods").unwrap().contains("PUT"));
        }
    }
}

#[test]
fn websockets_are_upgraded_for_listed_origins_only() {
    let upgrade = "upgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let path = "/socket.io/?EIO=4&transport=websocket";
    let host = format!("host: localhost:{}\r\n", LISTED.port);
    let send = |host: &str, more: &str| {
        let head =
            format!("GET {path} HTTP/1.1\r\n{host}connection: upgrade\r\n{upgrade}{more}\r\n");
        exchange(LISTED.port, head.as_bytes())
    };
    for (origin, is_good) in origins(LISTED.port) {
        let answer = send(&host, &format!("origin: {origin}\r\n"));
        assert_eq!(answer.status, if is_good { 101 } else { 403 }, "{origin}");
    }
    assert_eq!(send(&host, "").status, 101);
    assert_eq!(send("host: evil.com\r\n", "").status, 403);
    let two = "origin: https://studio.example\r\norigin: https://evil.com\r\n";
    assert_eq!(send(&host, two).status, 403);
}
