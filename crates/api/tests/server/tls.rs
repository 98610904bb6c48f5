//! HTTPS, with a certificate made here.

use crate::client::{Answer, Running, free_port, read_answer};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rushes_api::{ServeError, Server, Settings, TlsFiles};
use rushes_engine::{Config, Engine};
use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, IpAddr as PkiAddress, ServerName},
};

/// A certificate for this machine's own address, and its key.
struct Certificate {
    folder: TempDir,
    der: CertificateDer<'static>,
}

impl Certificate {
    fn new() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("cert.pem"), cert.pem()).unwrap();
        fs_err::write(folder.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
        Self { folder, der: cert.der().clone() }
    }

    fn files(&self) -> TlsFiles {
        TlsFiles {
            certificate: self.folder.path().join("cert.pem"),
            key: self.folder.path().join("key.pem"),
        }
    }

    /// A client that trusts this certificate and no other.
    fn client(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    }

    /// Sends one request and reads the answer.
    fn ask(&self, port: u16, request: &str) -> Answer {
        let name = ServerName::IpAddress(PkiAddress::from(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let connection = ClientConnection::new(self.client(), name).unwrap();
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        stream.write_all(request.as_bytes()).unwrap();
        read_answer(&mut stream)
    }
}

fn serve(host: &str, certificate: &Certificate) -> Running {
    let home = tempfile::tempdir().unwrap();
    let config = Config { roots: vec![home.path().to_owned()], ..Config::at(home.path()) };
    let settings =
        Settings { host: host.to_owned(), tls: Some(certificate.files()), ..free_port() };
    Running::start_with(settings, home, config)
}

#[test]
fn a_certificate_opens_the_network_and_the_door_stands_behind_it() {
    let certificate = Certificate::new();
    for host in ["0.0.0.0", "localhost"] {
        let server = serve(host, &certificate);
        let get = |path: &str, more: &str| {
            certificate.ask(server.port, &format!("{}{more}\r\n", server.head("GET", path)))
        };
        assert_eq!(get("/api/v1/health", "").status, 200);
        get("/api/v1/tasks", "").refusal(401);
        let key = format!("x-license-key: {}\r\n", server.pro);
        assert_eq!(get("/api/v1/tasks", &key).status, 200);
        let evil = format!("GET /api/v1/health HTTP/1.1\r\nhost: evil.com\r\n{key}\r\n");
        let answer = certificate.ask(server.port, &evil);
        assert_eq!((answer.status, answer.body.len()), (403, 0));
        // Its own pages come by https; a page that came unencrypted may have been altered on the way.
        let origin = |scheme: &str| format!("origin: {scheme}://localhost:{}\r\n", server.port);
        assert_eq!(get("/api/v1/health", &origin("https")).status, 200);
        get("/api/v1/health", &origin("http")).refusal(403);
    }
}

#[test]
fn who_does_not_speak_tls_gets_nothing_and_holds_no_place_for_long() {
    let certificate = Certificate::new();
    let server = serve("localhost", &certificate);
    let mut plain = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    plain.write_all(format!("{}\r\n", server.head("GET", "/api/v1/health")).as_bytes()).unwrap();
    let mut rest = Vec::new();
    _ = plain.read_to_end(&mut rest);
    assert!(!String::from_utf8_lossy(&rest).contains("HTTP"), "{rest:?}");
    let silent = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let begun = Instant::now();
    assert_eq!((&silent).read(&mut [0; 10]).unwrap_or(0), 0);
    let seconds = begun.elapsed().as_secs();
    assert!((8..15).contains(&seconds), "{seconds} s");
}

#[test]
fn websockets_and_the_end_work_over_tls() {
    let certificate = Certificate::new();
    let mut server = serve("localhost", &certificate);
    let upgrade = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: localhost:{}\r\nconnection: \
         upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: \
         dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.port
    );
    assert_eq!(certificate.ask(server.port, &upgrade).status, 101);
    let _silent = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let begun = Instant::now();
    server.stop();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn files_that_are_no_certificate_or_not_its_key_are_named() {
    let (one, other) = (Certificate::new(), Certificate::new());
    let empty = one.folder.path().join("empty.pem");
    fs_err::write(&empty, "").unwrap();
    let table = [
        (one.folder.path().join("none.pem"), one.files().key, "none.pem"),
        (empty.clone(), one.files().key, "empty.pem"),
        (one.files().certificate, empty, "empty.pem"),
        (one.files().certificate, one.files().certificate, "cert.pem"),
        (one.files().certificate, other.files().key, "cert.pem"),
    ];
    for (certificate, key, named) in table {
        let home = tempfile::tempdir().unwrap();
        let engine = Engine::open(Config::at(home.path())).unwrap();
        let settings = Settings { tls: Some(TlsFiles { certificate, key }), ..free_port() };
        let error = Server::bind(engine, &settings).await.err().unwrap();
        assert!(matches!(error, ServeError::Tls { .. }), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_opens_no_server_without_roots() {
    let certificate = Certificate::new();
    let home = tempfile::tempdir().unwrap();
    let engine = Engine::open(Config::at(home.path())).unwrap();
    let tls = Some(certificate.files());
    let settings = Settings { host: "0.0.0.0".to_owned(), tls, ..free_port() };
    let error = Server::bind(engine, &settings).await.err().unwrap();
    assert!(matches!(error, ServeError::NoRoots(_)), "{error}");
}
