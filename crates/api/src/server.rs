//! The server: binds, accepts, stops.

use crate::{
    connection::{Connection, turn_away},
    docs,
    door::{self, Door},
    keys::Keys,
    lanes::Lanes,
    licensed::App,
    limits,
    refusal::{self, Refusal},
    rooms::Rooms,
    routes,
};
use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{HeaderValue, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rushes_engine::Engine;
use socketioxide::SocketIo;
use std::{
    any::Any,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::timeout,
};
use tower_http::catch_panic::CatchPanicLayer;

/// Ports that are tried when any free one will do: it has to be free on both loopback addresses.
const FREE_PORT_TRIES: usize = 8;

/// Where to listen and whom to let in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `localhost` or a loopback address: both loopback addresses are bound then. Any other address
    /// needs `open_to_network`.
    pub host: String,
    /// Port; 0 takes a free one.
    pub port: u16,
    /// More Host values to let in, with their port.
    pub hosts: Vec<String>,
    /// More Origin values to let in, such as `https://studio.example`, `file://` or `null`.
    pub origins: Vec<String>,
    /// Whether other machines may connect. Keys and footage then cross the network unencrypted.
    pub open_to_network: bool,
}

impl Default for Settings {
    /// This machine only, on the contract's port.
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 6699,
            hosts: Vec::new(),
            origins: Vec::new(),
            open_to_network: false,
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The host is neither `localhost` nor an address.
    #[error("\"{0}\" is no address to listen on: give localhost or an IP address")]
    UnknownHost(String),
    /// The address is not this machine's own.
    #[error(
        "listening on {0} would let other machines read this machine's footage, with the license key \
         crossing the network unencrypted: use localhost, or open the server to the network on purpose"
    )]
    NotLoopback(IpAddr),
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}; is another server running? try another port")]
    Bind {
        /// Address and port.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// A server that is bound and not serving yet.
pub struct Server {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    router: Router,
    rooms: Arc<Rooms>,
    io: SocketIo,
    engine: Engine,
}

impl Server {
    /// Takes the addresses.
    ///
    /// # Errors
    /// When the host is not allowed or an address cannot be had.
    pub async fn bind(engine: Engine, settings: &Settings) -> Result<Self, ServeError> {
        let listeners = listen(settings).await?;
        let addresses: Vec<SocketAddr> =
            listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let port = addresses.first().map_or(settings.port, SocketAddr::port);
        let door = Door::new(port, &hosts(settings, port), &settings.origins);
        let rooms = Rooms::new(engine.clone());
        let (socket_io, io) = SocketIo::builder()
            .ws_max_message_size(limits::MESSAGE)
            .ws_max_frame_size(limits::MESSAGE)
            .build_svc();
        rooms.open(&io);
        let (built, document) = routes::operations().into_parts();
        let app = App {
            engine: engine.clone(),
            keys: Arc::new(Keys::new()),
            lanes: Arc::new(Lanes::new()),
        };
        // As a route: laid over the router it would be remade for each connection and forget sessions.
        let router = built
            .merge(docs::routes(document))
            .with_state(app)
            .route_service("/socket.io/", socket_io)
            .fallback(refusal::no_such_path)
            .method_not_allowed_fallback(refusal::no_such_method);
        Ok(Self { listeners, addresses, router: guarded(router, door), rooms, io, engine })
    }

    /// The port, the same on all addresses.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.addresses.first().map_or(0, SocketAddr::port)
    }

    /// The addresses that are listened on.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until `shutdown` ends. Then nothing new is accepted, and what is under way has ten
    /// seconds.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let forward = Arc::clone(&self.rooms).forward(self.engine.progress());
        let forward = tokio::spawn(forward);
        let (stop, stopping) = watch::channel(());
        let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
        let mut shutdown = pin!(shutdown);
        while let Some(stream) = next_stream(&self.listeners, shutdown.as_mut()).await {
            match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    let connection = Connection::new(stream, place);
                    tokio::spawn(talk(connection, self.router.clone(), stopping.clone()));
                }
                Err(_) => turn_away(&stream),
            }
        }
        drop((self.listeners, stopping));
        // Each connection holds a receiver until it ends.
        let ended = async {
            self.io.close().await;
            stop.send_replace(());
            stop.closed().await;
        };
        if timeout(limits::STOP_TIME, ended).await.is_err() {
            tracing::warn!("some connections did not end in time and are cut off");
        }
        forward.abort();
    }
}

/// The next connection, or none when the server is to stop.
async fn next_stream(
    listeners: &[TcpListener],
    mut shutdown: impl Future<Output = ()> + Unpin,
) -> Option<TcpStream> {
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => return None,
            accepted = accept(listeners.first()) => accepted,
            accepted = accept(listeners.get(1)) => accepted,
        };
        match accepted {
            Ok((stream, _)) => return Some(stream),
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                // Out of file descriptors, most likely: trying again at once would only spin.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// Serves one connection to its end.
async fn talk(connection: Connection, router: Router, mut stopping: watch::Receiver<()>) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIME)
        .max_buf_size(limits::HEAD);
    let service = TowerToHyperService::new(router);
    let exchange = builder.serve_connection(TokioIo::new(connection), service).with_upgrades();
    let mut exchange = pin!(exchange);
    let ended = tokio::select! {
        ended = exchange.as_mut() => ended,
        _ = stopping.changed() => {
            exchange.as_mut().graceful_shutdown();
            exchange.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Wraps the routes: the log sees every request, the door decides before any of them is reached.
fn guarded(router: Router, door: Door) -> Router {
    router
        .layer(from_fn_with_state(Arc::new(door), door::guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(harmless))
        .layer(from_fn(log))
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    Refusal(refusal::defect()).into_response()
}

/// Keeps browsers from guessing types and from showing the pages inside others.
async fn harmless(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

/// Logs the route, not the path as it was sent: whatever a client puts there stays out of the log, and
/// so do queries, headers and bodies.
async fn log(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let path = path.as_ref().map_or("(no route)", MatchedPath::as_str);
    let ms = begun.elapsed().as_millis();
    tracing::info!(%method, path, status = response.status().as_u16(), ms, "request");
    response
}

/// Host values beyond the loopback names.
fn hosts(settings: &Settings, port: u16) -> Vec<String> {
    let own = settings.host.parse::<IpAddr>().ok().filter(|address| !address.is_unspecified());
    let own = own.map(|address| SocketAddr::new(address, port).to_string());
    settings.hosts.iter().cloned().chain(own).collect()
}

/// Binds what the settings ask for.
async fn listen(settings: &Settings) -> Result<Vec<TcpListener>, ServeError> {
    let host = settings.host.trim_matches(['[', ']']);
    let address = match host {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ => host.parse().map_err(|_| ServeError::UnknownHost(settings.host.clone()))?,
    };
    if address.is_loopback() {
        return listen_on_loopback(settings.port).await;
    }
    if !settings.open_to_network {
        return Err(ServeError::NotLoopback(address));
    }
    Ok(vec![bind(SocketAddr::new(address, settings.port)).await?])
}

/// Binds both loopback addresses, so that nobody else can be the other half of `localhost`.
async fn listen_on_loopback(port: u16) -> Result<Vec<TcpListener>, ServeError> {
    let mut tries = if port == 0 { FREE_PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let v4 = bind((Ipv4Addr::LOCALHOST, port).into()).await?;
        let port = v4.local_addr().map_or(port, |address| address.port());
        match bind((Ipv6Addr::LOCALHOST, port).into()).await {
            Ok(v6) => return Ok(vec![v4, v6]),
            Err(ServeError::Bind { source, .. }) if is_absent(&source) => return Ok(vec![v4]),
            Err(_) if tries > 0 => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether the machine has no such address. Systems name that in several ways (no address, no address
/// family, not supported), and the two that mean something else in one.
fn is_absent(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address, source })
}
