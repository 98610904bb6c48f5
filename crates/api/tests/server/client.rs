//! A server to test, and a client that sends exactly the bytes it is told to.

use crate::tiny;
use rushes_api::{Server, Settings};
use rushes_engine::{Config, Engine};
use rushes_license::{Issuer, License, LocalKey, SIGNING_FILE, Tier};
use serde_json::Value;
use std::{
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    sync::{LazyLock, mpsc},
    thread,
    time::Duration,
};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// A server on a free port, with a home folder of its own.
pub struct Running {
    pub port: u16,
    /// A Pro key.
    pub pro: String,
    /// A valid key of a lower tier.
    pub standard: String,
    pub home: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// The server that tests share that need nothing special.
pub static SHARED: LazyLock<Running> = LazyLock::new(|| Running::start(free_port()));

/// Settings of a server on any free port.
pub fn free_port() -> Settings {
    Settings { port: 0, ..Settings::default() }
}

impl Running {
    pub fn start(settings: Settings) -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = Config::at(home.path());
        Self::start_with(settings, home, config)
    }

    /// A server whose model is small and on disk, and whose callers may name files under these folders.
    pub fn with_model(roots: Vec<PathBuf>) -> Self {
        let home = tiny::home(&[tiny::A]);
        tiny::install(home.path(), tiny::A);
        let visual_model = Some(tiny::A.parse().unwrap());
        let config = Config { visual_model, roots, ..Config::at(home.path()) };
        Self::start_with(free_port(), home, config)
    }

    /// A server over an engine of its own set-up.
    pub fn start_with(settings: Settings, home: TempDir, config: Config) -> Self {
        let pro = LocalKey::ensure(home.path()).unwrap().key;
        let issuer = Issuer::load(&home.path().join(SIGNING_FILE)).unwrap();
        let standard = issuer.issue(&License::new(Tier::Standard).unwrap()).unwrap();
        let engine = Engine::open(config).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (bound, port) = mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let server = Server::bind(engine, &settings).await.unwrap();
                bound.send(server.port()).unwrap();
                server.run(async { _ = stopped.await }).await;
            });
        });
        let port = port.recv_timeout(Duration::from_secs(30)).unwrap();
        Self { port, pro, standard, home, stop: Some(stop), thread: Some(thread) }
    }

    /// Tells the server to stop.
    pub fn begin_stop(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
    }

    /// Stops the server and waits for its end.
    pub fn stop(&mut self) {
        self.begin_stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// The head of a request as a good client without a key sends it.
    pub fn head(&self, method: &str, path: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n",
            self.port
        )
    }

    /// Sends a head and a body, and reads the answer.
    pub fn send(&self, head: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = match (length, head.starts_with("GET ")) {
            (0, true) => format!("{head}\r\n"),
            _ => format!("{head}content-length: {length}\r\n\r\n"),
        };
        exchange(self.port, &[head.as_bytes(), body].concat())
    }

    /// A GET with the Pro key.
    pub fn get(&self, path: &str) -> Answer {
        self.send(&format!("{}x-license-key: {}\r\n", self.head("GET", path), self.pro), b"")
    }

    /// A POST of JSON with the Pro key.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, &body.to_string())
    }

    /// A POST that claims to be JSON, with the Pro key.
    pub fn post_text(&self, path: &str, body: &str) -> Answer {
        self.send_text("POST", path, body)
    }

    /// The same by any method.
    pub fn send_text(&self, method: &str, path: &str, body: &str) -> Answer {
        let head = self.head(method, path);
        let head =
            format!("{head}content-type: application/json\r\nx-license-key: {}\r\n", self.pro);
        self.send(&head, body.as_bytes())
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The first header of this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields
            .into_iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Asserts that this is an error in the contract's shape, and gives its message.
    pub fn refusal(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let body = self.json();
        let fields = body.as_object().unwrap();
        assert_eq!(fields.len(), 2, "{body}");
        assert!(fields["error"].as_str().is_some_and(|error| !error.is_empty()), "{body}");
        fields["message"].as_str().unwrap().to_owned()
    }
}

/// Sends bytes and reads one answer. A server that answers before it has read everything may close:
/// what it said is still read.
pub fn exchange(port: u16, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    _ = stream.write_all(request);
    read_answer(&mut stream)
}

/// Reads one answer from a connection.
pub fn read_answer(stream: &mut impl Read) -> Answer {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        assert!(read_more(stream, &mut bytes), "no head: {}", String::from_utf8_lossy(&bytes));
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer { status, head, body: bytes.split_off(head_end) };
    let length = answer.header("content-length").map(|length| length.parse::<usize>().unwrap());
    let length = if status == 101 || status == 204 { Some(0) } else { length };
    while length.is_none_or(|length| answer.body.len() < length)
        && read_more(stream, &mut answer.body)
    {}
    answer
}

fn read_more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> bool {
    let mut part = [0; 16 << 10];
    match stream.read(&mut part) {
        Ok(0) | Err(_) => false,
        Ok(count) => {
            bytes.extend_from_slice(&part[..count]);
            true
        }
    }
}
