//! Figures for Prometheus: what was asked, how long it took, what is in memory.
//!
//! The page is for a scraper on this machine. It needs a key like every other call, as `X-License-Key` or
//! as `Authorization: Bearer`, which is what Prometheus can be told to send.

use crate::{
    lanes,
    licensed::{App, Licensed},
    limits, process,
    refusal::{self, Refusal},
};
use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use rushes_engine::Engine;
use rushes_model::{ErrorCode, Failure};
use serde::Serialize;
use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

/// Upper ends of the histogram's buckets in seconds, up to the time that an answer may take.
const BUCKETS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// The page's content type: OpenMetrics, which Prometheus reads.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Names and values of what tells samples of one metric apart.
type Labels<const N: usize> = [(&'static str, String); N];

/// Where a connection comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// All figures of a server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Labels<3>, Counter>,
    durations: Family<Labels<1>, Histogram>,
    turned_away: Counter,
    standing: Mutex<Standing>,
    begun: Instant,
    places: Arc<Semaphore>,
}

/// What is looked up when somebody asks.
#[derive(Default)]
struct Standing {
    connections: Gauge,
    uptime: Gauge,
    memory: Gauge,
    files: Gauge,
    tasks: Family<Labels<2>, Gauge>,
    loaded: Family<Labels<1>, Gauge>,
    models: Family<Labels<2>, Gauge>,
}

impl Metrics {
    /// Nothing counted yet. `places` are the connections that are free.
    pub(crate) fn new(places: Arc<Semaphore>) -> Self {
        let mut registry = Registry::with_prefix("rushes");
        let requests = Family::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        let durations =
            Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let help = "Time from a request's head to its answer's";
        registry.register_with_unit("http_duration", help, Unit::Seconds, durations.clone());
        let turned_away = Counter::default();
        let help = "Connections for which there was no place";
        registry.register("connections_turned_away", help, turned_away.clone());
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        let build = Family::<[(&str, &str); 1], Gauge>::default();
        build.get_or_create(&version).set(1);
        registry.register("build", "The program", build);
        let standing = Standing::default();
        standing.register(&mut registry);
        let standing = Mutex::new(standing);
        Self { registry, requests, durations, turned_away, standing, begun: Instant::now(), places }
    }

    /// Counts an answered request. `route` is the pattern, so that clients cannot make up series.
    pub(crate) fn answered(
        &self,
        method: &Method,
        route: &str,
        status: StatusCode,
        took: Duration,
    ) {
        let known =
            [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::HEAD];
        let method = if known.contains(method) { method.as_str() } else { "other" };
        let labels = [
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status.as_str().to_owned()),
        ];
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&[("route", route.to_owned())]).observe(took.as_secs_f64());
    }

    /// Counts a connection that found no place.
    pub(crate) fn turned_away(&self) {
        self.turned_away.inc();
    }

    /// The page.
    fn page(&self, engine: &Engine) -> Result<String, Failure> {
        // Held to the end, so that two scrapes at once do not mix.
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.connections.set(whole(limits::CONNECTIONS - self.places.available_permits()));
        standing.uptime.set(whole(self.begun.elapsed().as_secs()));
        standing.look(engine);
        let mut page = String::new();
        encode(&mut page, &self.registry).map_err(|error| {
            Failure::new(ErrorCode::Internal, format!("writing the figures: {error}"))
        })?;
        Ok(page)
    }
}

impl Standing {
    fn register(&self, registry: &mut Registry) {
        let help = "Connections that are open";
        registry.register("connections", help, self.connections.clone());
        registry.register_with_unit(
            "uptime",
            "Time since the start",
            Unit::Seconds,
            self.uptime.clone(),
        );
        registry.register("tasks", "Tasks that are remembered", self.tasks.clone());
        registry.register("loaded", "What is in memory to be searched", self.loaded.clone());
        registry.register("models_loaded", "Models in memory", self.models.clone());
        if process::IS_KNOWN {
            let help = "Memory that the process holds";
            registry.register_with_unit("resident_memory", help, Unit::Bytes, self.memory.clone());
            registry.register("open_files", "Open file descriptors", self.files.clone());
        }
    }

    fn look(&self, engine: &Engine) {
        self.memory.set(whole(process::resident_bytes().unwrap_or_default()));
        self.files.set(whole(process::open_files().unwrap_or_default()));
        self.tasks.clear();
        for task in engine.tasks().tasks {
            let labels = [("kind", name(&task.kind)), ("state", name(&task.state))];
            self.tasks.get_or_create(&labels).inc();
        }
        let loaded = engine.loaded_counts();
        for (what, count) in [
            ("media", loaded.media),
            ("frames", loaded.frames),
            ("transcripts", loaded.transcripts),
            ("faces", loaded.faces),
        ] {
            self.loaded.get_or_create(&[("what", what.to_owned())]).set(whole(count));
        }
        self.models.clear();
        let models = engine.loaded_models();
        for (kind, model) in
            [("visual", models.visual), ("speech", models.speech), ("face", models.face)]
        {
            if let Some(key) = model.model_key {
                self.models.get_or_create(&[("kind", kind.to_owned()), ("model", key)]).set(1);
            }
        }
    }
}

/// A count as gauges have it.
fn whole(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// The contract's word for something.
fn name(value: &impl Serialize) -> String {
    let word = serde_json::to_value(value).ok();
    word.as_ref().and_then(|word| word.as_str()).unwrap_or_default().to_owned()
}

/// The route of the page.
pub(crate) fn routes() -> Router<App> {
    Router::new().route("/metrics", get(show))
}

async fn show(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Result<Response, Refusal> {
    if !app.is_on_loopback || !peer.to_canonical().is_loopback() {
        return Err(refusal::not_from_here().into());
    }
    Licensed::to_scrape(&app, request).await?;
    let page = lanes::blocking(move || app.metrics.page(&app.engine)).await?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], page).into_response())
}
