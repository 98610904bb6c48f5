//! Binding and stopping.

use crate::client::{Running, free_port, read_answer};
use rushes_api::{ServeError, Server, Settings};
use rushes_engine::{Config, Engine};
use std::{
    io::Write,
    net::{IpAddr, TcpStream},
    time::{Duration, Instant},
};

async fn bind(settings: Settings) -> Result<Server, ServeError> {
    let home = tempfile::tempdir().unwrap();
    Server::bind(Engine::open(Config::at(home.path())).unwrap(), &settings).await
}

#[tokio::test]
async fn both_loopback_addresses_share_the_port() {
    for host in ["localhost", "127.0.0.1", "::1", "[::1]"] {
        let server = bind(Settings { host: host.to_owned(), ..free_port() }).await.unwrap();
        assert_ne!(server.port(), 0);
        assert!(server.addresses().iter().all(|address| address.ip().is_loopback()));
        assert!(server.addresses().iter().all(|address| address.port() == server.port()));
        let has_v6 = tokio::net::TcpListener::bind("[::1]:0").await.is_ok();
        assert_eq!(server.addresses().len(), 1 + usize::from(has_v6));
    }
}

#[tokio::test]
async fn the_network_is_closed_unless_opened_on_purpose() {
    for host in ["0.0.0.0", "::", "192.0.2.1", "10.0.0.1"] {
        let refused = bind(Settings { host: host.to_owned(), ..free_port() }).await.err().unwrap();
        assert!(matches!(refused, ServeError::NotLoopback(_)), "{host}: {refused}");
        assert!(refused.to_string().contains(host), "{refused}");
    }
    let opened = Settings { host: "0.0.0.0".into(), open_to_network: true, ..free_port() };
    let unfenced = bind(opened.clone()).await.err().unwrap();
    assert!(matches!(unfenced, ServeError::NoRoots(_)), "{unfenced}");
    let home = tempfile::tempdir().unwrap();
    let roots = vec![home.path().to_owned()];
    let engine = Engine::open(Config { roots, ..Config::at(home.path()) }).unwrap();
    let server = Server::bind(engine, &opened).await.unwrap();
    assert_eq!(server.addresses()[0].ip(), IpAddr::from([0, 0, 0, 0]));
    let unknown = bind(Settings { host: "example.com".into(), ..free_port() }).await.err().unwrap();
    assert!(matches!(unknown, ServeError::UnknownHost(_)), "{unknown}");
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_it() {
    let server = bind(free_port()).await.unwrap();
    let again = bind(Settings { port: server.port(), ..Settings::default() }).await.err().unwrap();
    assert!(again.to_string().contains(&server.port().to_string()), "{again}");
}

#[test]
fn stopping_finishes_what_is_under_way_and_accepts_nothing_new() {
    let mut server = Running::start(free_port());
    let mut slow = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let body = br#"{"task_id":"x"}"#;
    let head = server.head("POST", "/api/v1/analyze/cancel");
    let length = body.len();
    let head = format!(
        "{head}content-type: application/json\r\ncontent-length: {length}\r\nx-license-key: {}\r\n\r\n",
        server.pro
    );
    slow.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let sending = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        slow.write_all(body).unwrap();
        read_answer(&mut slow).status
    });
    let begun = Instant::now();
    server.stop();
    assert_eq!(sending.join().unwrap(), 404);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(TcpStream::connect(("127.0.0.1", server.port)).is_err());
}

#[test]
fn while_it_stops_no_client_is_taken_and_no_work_is_begun() {
    let mut server = Running::start(free_port());
    let body = br#"{"cache_dir":"/c","media_paths":["/a"]}"#;
    let begin = |path: &str| {
        let mut slow = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        let length = body.len();
        let head = server.head("POST", path);
        let key = &server.pro;
        let head = format!(
            "{head}content-type: application/json\r\ncontent-length: {length}\r\nx-license-key: {key}\r\n\r\n"
        );
        slow.write_all(head.as_bytes()).unwrap();
        slow
    };
    let (mut work, mut question) = (begin("/api/v1/analyze"), begin("/api/v1/analysis-data/clear"));
    std::thread::sleep(Duration::from_millis(200));
    server.begin_stop();
    std::thread::sleep(Duration::from_millis(200));
    let mut late = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    _ = late.write_all(format!("{}\r\n", server.head("GET", "/api/v1/health")).as_bytes());
    let answer = read_answer(&mut late);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
    work.write_all(body).unwrap();
    assert!(read_answer(&mut work).refusal(503).contains("stopping"));
    question.write_all(body).unwrap();
    assert_eq!(read_answer(&mut question).status, 200);
    server.stop();
}

#[test]
fn idle_connections_do_not_hold_up_the_end() {
    let mut server = Running::start(free_port());
    let mut kept = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let head = server.head("GET", "/api/v1/health").replace("connection: close\r\n", "");
    kept.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    assert_eq!(read_answer(&mut kept).status, 200);
    let begun = Instant::now();
    server.stop();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
