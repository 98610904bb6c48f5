//! The gate against a license server that the test plays.
#![allow(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rushes_license::{Gate, Issuer, License, LicenseError, Server, Tier, Verifier};

/// A server that gives every request the same raw answer and keeps the bodies that it was sent.
struct Played {
    url: String,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Played {
    fn start(answer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/check", listener.local_addr().unwrap());
        let bodies = Arc::<Mutex<Vec<String>>>::default();
        let (kept, answer) = (Arc::clone(&bodies), answer.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                kept.lock().unwrap().push(read_body(&stream));
                // The client may hang up first: that is its choice.
                let _ = (&stream).write_all(answer.as_bytes());
            }
        });
        Self { url, bodies }
    }

    fn json(status: u16, body: &str) -> Self {
        let length = body.len();
        Self::start(&format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        ))
    }

    fn gate(&self) -> Gate {
        gate(&self.url)
    }

    fn asked(&self) -> usize {
        self.bodies.lock().unwrap().len()
    }
}

fn gate(url: &str) -> Gate {
    let server = Server::new(url, Duration::from_millis(500)).unwrap();
    Gate::new(Verifier::default(), Some(server))
}

fn read_body(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

#[test]
fn a_valid_key_is_asked_about_once() {
    let played = Played::json(200, r#"{"valid":true,"tier":"pro","expires":4000000000,"x":1}"#);
    let gate = played.gate();
    for _ in 0..5 {
        let license = gate.check("any \"text\"").unwrap();
        assert_eq!((license.tier, license.expires), (Tier::Pro, Some(4_000_000_000)));
        assert!(!license.id.contains("text"));
    }
    assert_eq!(*played.bodies.lock().unwrap(), [r#"{"license_key":"any \"text\""}"#]);
}

#[test]
fn many_calls_at_once_ask_once() {
    let played = Played::json(200, r#"{"valid":true,"tier":"standard"}"#);
    let gate = played.gate();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(gate.check("key").unwrap().tier, Tier::Standard));
        }
    });
    assert_eq!(played.asked(), 1);
}

#[test]
fn a_refusal_is_remembered_per_key() {
    let played = Played::json(200, r#"{"valid":false}"#);
    let gate = played.gate();
    for _ in 0..3 {
        assert!(matches!(gate.check("one"), Err(LicenseError::Refused)));
    }
    assert!(matches!(gate.check("two"), Err(LicenseError::Refused)));
    assert_eq!(played.asked(), 2);
}

#[test]
fn a_refusal_may_have_a_status_of_its_own() {
    for status in [400, 401, 403, 404] {
        let played = Played::json(status, r#"{"valid":false,"tier":null}"#);
        assert!(matches!(played.gate().check("key"), Err(LicenseError::Refused)), "{status}");
    }
}

#[test]
fn an_ended_license_is_refused_though_the_server_calls_it_valid() {
    let played = Played::json(200, r#"{"valid":true,"tier":"pro","expires":1000000000}"#);
    let error = played.gate().check("key").unwrap_err();
    assert!(error.to_string().contains("2001-09-09"), "{error}");
}

#[test]
fn what_is_no_answer_lets_nobody_in() {
    let yes = r#"{"valid":true,"tier":"pro"}"#;
    let cases = [
        Played::json(200, r#"{"valid":true}"#),
        Played::json(200, r#"{"valid":true,"tier":"gold"}"#),
        Played::json(200, r#"{"valid":"true","tier":"pro"}"#),
        Played::json(200, r#"{"valid":true,"tier":"pro","expires":-1}"#),
        Played::json(200, "true"),
        Played::json(200, "<html>ok</html>"),
        Played::json(200, ""),
        Played::json(200, &format!("{}{yes}", " ".repeat(70_000))),
        Played::json(201, yes),
        Played::json(302, yes),
        Played::json(403, yes),
        Played::json(500, yes),
        Played::json(503, r#"{"valid":false}"#),
        Played::start(""),
        Played::start("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"valid\":true,"),
        Played::start("no http at all\r\n\r\n"),
    ];
    for (index, played) in cases.iter().enumerate() {
        let error = played.gate().check("key").unwrap_err();
        assert!(matches!(error, LicenseError::Server { .. }), "case {index}: {error:?}");
        assert!(error.to_string().contains(&played.url), "{error}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Played::json(200, r#"{"valid":true,"tier":"pro"}"#);
    for status in [301, 302, 307, 308] {
        let played = Played::start(&format!(
            "HTTP/1.1 {status} X\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
            other.url
        ));
        assert!(matches!(played.gate().check("key"), Err(LicenseError::Server { .. })));
    }
    assert_eq!(other.asked(), 0);
}

#[test]
fn a_silent_server_is_given_up_after_its_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let gate = gate(&format!("http://{}/", listener.local_addr().unwrap()));
    let start = Instant::now();
    assert!(matches!(gate.check("key"), Err(LicenseError::Server { .. })));
    // The next call does not wait again.
    assert!(matches!(gate.check("key"), Err(LicenseError::Server { .. })));
    assert!(start.elapsed() < Duration::from_millis(950), "{:?}", start.elapsed());
}

#[test]
fn a_server_that_is_not_there_opens_no_door_to_signed_keys() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let issuer = Issuer::generate().unwrap();
    let key = issuer.issue(&License::new(Tier::Pro).unwrap()).unwrap();
    let server = Server::new(&format!("http://127.0.0.1:{port}/"), Duration::from_secs(1)).unwrap();
    let gate = Gate::new(Verifier::new([issuer.id()]), Some(server));
    assert!(matches!(gate.check(&key), Err(LicenseError::Server { .. })));
}

#[test]
fn a_server_that_comes_back_is_asked_again() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gate = gate(&format!("http://127.0.0.1:{port}/"));
    assert!(gate.check("key").is_err());
    thread::sleep(Duration::from_millis(2_100));
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        read_body(&stream);
        let body = r#"{"valid":true,"tier":"pro"}"#;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        (&stream).write_all(format!("{head}{body}").as_bytes()).unwrap();
    });
    assert_eq!(gate.check("key").unwrap().tier, Tier::Pro);
}
