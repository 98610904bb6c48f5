//! How much is taken: bodies, connections, time.

use crate::client::{Running, SHARED, free_port, read_answer};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

const MEGABYTE: usize = 1 << 20;

fn padded(length: usize) -> String {
    let (begin, end) =
        (r#"{"task_id":"x","cache_dir":"relative","media_paths":["/a"],"pad":""#, "\"}");
    format!("{begin}{}{end}", "x".repeat(length - begin.len() - end.len()))
}

#[test]
fn bodies_have_a_largest_size() {
    SHARED.post_text("/api/v1/analyze/cancel", &padded(MEGABYTE)).refusal(404);
    let message = SHARED.post_text("/api/v1/analyze/cancel", &padded(MEGABYTE + 1)).refusal(413);
    assert!(message.contains("1048576"), "{message}");
    SHARED.post_text("/api/v1/analyze", &padded(32 * MEGABYTE)).refusal(400);
    SHARED.post_text("/api/v1/analyze", &padded(32 * MEGABYTE + 1)).refusal(413);
}

#[test]
fn a_body_without_a_declared_length_is_measured_too() {
    let head = SHARED.head("POST", "/api/v1/analyze/cancel");
    let head = format!(
        "{head}content-type: application/json\r\ntransfer-encoding: chunked\r\nx-license-key: {}\r\n\r\n",
        SHARED.pro
    );
    let mut stream = TcpStream::connect(("127.0.0.1", SHARED.port)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..40 {
        stream.write_all(chunk.as_bytes()).unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    read_answer(&mut stream).refusal(413);
}

#[test]
fn large_bodies_of_strangers_are_not_kept() {
    let head = SHARED.head("POST", "/api/v1/analyze");
    let head = format!("{head}content-type: application/json\r\nx-license-key: nonsense\r\n");
    SHARED.send(&head, padded(8 * MEGABYTE).as_bytes()).refusal(401);
}

#[test]
fn a_head_that_does_not_come_ends_the_connection() {
    let mut stream = TcpStream::connect(("127.0.0.1", SHARED.port)).unwrap();
    stream.write_all(b"GET /api/v1/health HTTP/1.1\r\nhost: ").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let begun = Instant::now();
    let mut rest = Vec::new();
    _ = stream.read_to_end(&mut rest);
    let seconds = begun.elapsed().as_secs();
    assert!((8..15).contains(&seconds), "{seconds} s, {}", String::from_utf8_lossy(&rest));
}

#[test]
fn five_hundred_slow_heads_hold_the_server_for_ten_seconds_at_most() {
    let server = Running::start(free_port());
    let begun = Instant::now();
    let slow = |_| {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.write_all(b"GET /api/v1/health HTTP/1.1\r\nhost: ").unwrap();
        stream
    };
    let mut slow: Vec<_> = (0..500).map(slow).collect();
    // A byte now and then does not make a head that goes on for ever.
    let mut is_answered = || {
        slow.iter_mut().for_each(|stream| _ = stream.write_all(b"x"));
        server.send(&server.head("GET", "/api/v1/health"), b"").status == 200
    };
    assert!(!is_answered(), "there was a place left");
    while !is_answered() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("answered {:?} after the first of 500 slow heads", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn a_body_of_two_gigabytes_is_not_read() {
    for key in [SHARED.pro.as_str(), "nonsense"] {
        let mut stream = TcpStream::connect(("127.0.0.1", SHARED.port)).unwrap();
        let head = SHARED.head("POST", "/api/v1/analyze");
        let length = 2u64 << 30;
        let head = format!(
            "{head}content-type: application/json\r\ncontent-length: {length}\r\nx-license-key: {key}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let part = vec![b' '; MEGABYTE];
        let taken = (0..2048).take_while(|_| stream.write_all(&part).is_ok()).count();
        assert!(taken < 128, "{taken} MB were taken");
        let status = if key == "nonsense" { 401 } else { 413 };
        read_answer(&mut stream).refusal(status);
    }
}

#[test]
fn connections_are_counted_and_places_come_free() {
    let server = Running::start(free_port());
    let idle: Vec<_> =
        (0..256).map(|_| TcpStream::connect(("127.0.0.1", server.port)).unwrap()).collect();
    let mut refused = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let answer = read_answer(&mut refused);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
    drop(idle);
    let begun = Instant::now();
    while server.send(&server.head("GET", "/api/v1/health"), b"").status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_open_websocket_keeps_its_place() {
    let server = Running::start(free_port());
    let upgrade = |_| {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        let head = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: localhost:{}\r\nconnection: \
             upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: \
             dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            server.port
        );
        stream.write_all(head.as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream).status, 101);
        stream
    };
    let open: Vec<_> = (0..256).map(upgrade).collect();
    assert_eq!(server.send(&server.head("GET", "/api/v1/health"), b"").status, 503);
    drop(open);
}
