//! What is noted of every request: a line of the log, and its count.

use crate::metrics::Metrics;
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};
use tracing::Instrument;

/// Header of an answer that names the request in the log.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Number of the next request. Begins with the time, so that ids of several runs in one log differ.
static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    AtomicU64::new(since_1970.as_micros() as u64)
});

/// Names a request, counts it, and logs its route, not the path as it was sent: whatever a client puts
/// there stays out of the log, and so do queries, headers and bodies. An id that it sends is not taken
/// over for the same reason.
pub(crate) async fn note(
    State(metrics): State<Arc<Metrics>>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let id = format!("{:x}", NEXT.fetch_add(1, Ordering::Relaxed));
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("(no route)", MatchedPath::as_str);
    let span = tracing::info_span!("request", id);
    async {
        let mut response = next.run(request).await;
        let (status, took) = (response.status(), begun.elapsed());
        metrics.answered(&method, route, status, took);
        let ms = took.as_millis();
        tracing::info!(%method, path = route, status = status.as_u16(), ms, "request");
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }
    .instrument(span)
    .await
}
