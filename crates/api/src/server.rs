//! The server: binds, accepts, stops.

use crate::{
    connection::{Reception, turn_away},
    docs,
    door::{self, Door},
    keys::Keys,
    lanes::Lanes,
    licensed::App,
    limits,
    listen::{Listeners, ServeError, Settings},
    metrics::{self, Metrics},
    refusal::{self, Refusal},
    rooms::Rooms,
    routes, trace,
};
use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use rushes_engine::Engine;
use socketioxide::SocketIo;
use std::{
    any::Any,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::TcpStream,
    sync::{Semaphore, watch},
    time::timeout,
};
use tower_http::catch_panic::CatchPanicLayer;

/// A server that is bound and not serving yet.
pub struct Server {
    listeners: Listeners,
    router: Router,
    rooms: Arc<Rooms>,
    io: SocketIo,
    engine: Engine,
    /// Connections that are free.
    places: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    is_stopping: Arc<AtomicBool>,
}

impl Server {
    /// Takes the addresses.
    ///
    /// # Errors
    /// When the host is not allowed, its certificate cannot be used or an address cannot be had.
    pub async fn bind(engine: Engine, settings: &Settings) -> Result<Self, ServeError> {
        let has_roots = !engine.config().roots.is_empty();
        let listeners = Listeners::bind(settings, has_roots).await?;
        let port = listeners.port();
        let door = Door::new(listeners.scheme(), port, &hosts(settings, port), &settings.origins);
        let rooms = Rooms::new(engine.clone());
        let (socket_io, io) = SocketIo::builder()
            .ws_max_message_size(limits::MESSAGE)
            .ws_max_frame_size(limits::MESSAGE)
            .build_svc();
        rooms.open(&io);
        let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
        let metrics = Arc::new(Metrics::new(Arc::clone(&places)));
        let is_stopping = Arc::new(AtomicBool::new(false));
        let (built, document) = routes::operations().into_parts();
        let app = App {
            engine: engine.clone(),
            keys: Arc::new(Keys::new()),
            lanes: Arc::new(Lanes::new()),
            metrics: Arc::clone(&metrics),
            is_on_loopback: listeners.are_on_loopback(),
            is_stopping: Arc::clone(&is_stopping),
        };
        // As a route: laid over the router it would be remade for each connection and forget sessions.
        let router = built
            .merge(metrics::routes())
            .merge(docs::routes(document))
            .with_state(app)
            .route_service("/socket.io/", socket_io)
            .fallback(refusal::no_such_path)
            .method_not_allowed_fallback(refusal::no_such_method);
        let router = guarded(router, door, Arc::clone(&metrics));
        Ok(Self { listeners, router, rooms, io, engine, places, metrics, is_stopping })
    }

    /// The port, the same on all addresses.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listeners.port()
    }

    /// The addresses that are listened on.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.listeners.addresses
    }

    /// What clients on this machine call the server, such as `http://localhost:6699`.
    #[must_use]
    pub fn address(&self) -> String {
        let host = match self.addresses().first() {
            Some(address) if !address.ip().is_loopback() && !address.ip().is_unspecified() => {
                address.to_string()
            }
            _ => format!("localhost:{}", self.port()),
        };
        format!("{}://{host}", self.listeners.scheme())
    }

    /// Serves until `shutdown` ends. Then no work is begun, and what is under way has nine seconds.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let forward = Arc::clone(&self.rooms).forward(self.engine.progress());
        let forward = tokio::spawn(forward);
        let (stop, stopping) = watch::channel(());
        let reception =
            Reception { router: self.router, tls: self.listeners.tls.clone(), stopping };
        let has_tls = self.listeners.tls.is_some();
        let patience = Arc::new(Semaphore::new(limits::TURNED_AWAY));
        let mut shutdown = pin!(shutdown);
        while let Some((stream, peer)) = next_stream(&self.listeners, shutdown.as_mut()).await {
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                self.metrics.turned_away();
                turn_away(stream, has_tls, &patience);
                continue;
            };
            tokio::spawn(reception.clone().receive(stream, peer.ip(), place));
        }
        self.is_stopping.store(true, Ordering::Relaxed);
        drop(reception);
        // Each connection holds a receiver until it ends.
        let ended = async {
            self.io.close().await;
            stop.send_replace(());
            stop.closed().await;
        };
        let refusing = async {
            let mut for_ever = pin!(std::future::pending());
            while let Some((stream, _)) = next_stream(&self.listeners, for_ever.as_mut()).await {
                turn_away(stream, has_tls, &patience);
            }
        };
        tokio::select! {
            ended = timeout(limits::STOP_TIME, ended) => if ended.is_err() {
                tracing::warn!("some connections did not end in time and are cut off");
            },
            () = refusing => {}
        }
        forward.abort();
    }
}

/// The next connection, or none when the server is to stop.
async fn next_stream(
    listeners: &Listeners,
    mut shutdown: impl Future<Output = ()> + Unpin,
) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => return None,
            accepted = listeners.accept() => accepted,
        };
        match accepted {
            Ok(accepted) => return Some(accepted),
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                // Out of file descriptors, most likely: trying again at once would only spin.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Wraps the routes: every request is noted, the door decides before any route is reached.
fn guarded(router: Router, door: Door, metrics: Arc<Metrics>) -> Router {
    router
        .layer(from_fn_with_state(Arc::new(door), door::guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(harmless))
        .layer(from_fn_with_state(metrics, trace::note))
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

/// Host values beyond the loopback names.
fn hosts(settings: &Settings, port: u16) -> Vec<String> {
    let own = settings.host.parse::<IpAddr>().ok().filter(|address| !address.is_unspecified());
    let own = own.map(|address| SocketAddr::new(address, port).to_string());
    settings.hosts.iter().cloned().chain(own).collect()
}
