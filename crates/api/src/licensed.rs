//! The license check as a type: a call's body can be had no other way.

use crate::{
    body::{self, ContentType},
    keys::Keys,
    lanes::Lanes,
    limits,
    metrics::Metrics,
};
use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION},
};
use rushes_engine::Engine;
use rushes_model::Failure;
use serde::{Deserialize, de::DeserializeOwned};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Header of the key.
const KEY_HEADER: HeaderName = HeaderName::from_static("x-license-key");

/// What handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) engine: Engine,
    pub(crate) keys: Arc<Keys>,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) metrics: Arc<Metrics>,
    /// Whether nobody but this machine can connect.
    pub(crate) is_on_loopback: bool,
    /// Set once the server is to stop.
    pub(crate) is_stopping: Arc<AtomicBool>,
}

impl App {
    /// Whether the server is about to end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }
}

/// A request whose license was checked. Only the functions of this module make one.
pub(crate) struct Licensed<T>(T);

/// The one field of a body that is read before the license is known.
#[derive(Deserialize)]
struct KeyField {
    #[serde(default)]
    license_key: Option<String>,
}

impl<T> Licensed<T> {
    /// What was asked for.
    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

impl<T: DeserializeOwned> Licensed<T> {
    /// Checks the license, then reads a JSON body of at most `cap` bytes.
    pub(crate) async fn with_body(
        app: &App,
        request: Request,
        cap: usize,
    ) -> Result<Self, Failure> {
        let declared = body::content_type(request.headers());
        let bytes = admit(app, request, cap).await?;
        match declared {
            ContentType::Json => body::parse(&bytes).map(Self),
            ContentType::Absent | ContentType::Other => Err(body::not_json()),
        }
    }
}

impl Licensed<()> {
    /// Checks the license of a request whose body, if any, says nothing else. Forms and plain text are
    /// refused here too: pages may send them without asking first.
    pub(crate) async fn without_body(
        app: &App,
        request: Request,
        cap: usize,
    ) -> Result<Self, Failure> {
        let declared = body::content_type(request.headers());
        let bytes = admit(app, request, cap).await?;
        match declared {
            ContentType::Other if !bytes.is_empty() => Err(body::not_json()),
            _ => Ok(Self(())),
        }
    }

    /// Checks the license of a scraper, which may have its key in the header that scrapers know.
    pub(crate) async fn to_scrape(app: &App, mut request: Request) -> Result<Self, Failure> {
        let headers = request.headers_mut();
        if let (None, Some(key)) = (headers.get(KEY_HEADER), bearer(headers)) {
            headers.insert(KEY_HEADER, key);
        }
        Self::without_body(app, request, limits::SMALL_BODY).await
    }
}

/// Reads the body of a request with a good license. The key's header is preferred, and then nothing
/// of the body is looked at before the key is known to be good.
async fn admit(app: &App, request: Request, cap: usize) -> Result<Bytes, Failure> {
    let (parts, body) = request.into_parts();
    if let Some(key) = key_header(&parts.headers) {
        if let Err(failure) = app.keys.check(&app.engine, Some(key)).await {
            body::discard(body).await;
            return Err(failure);
        }
        return body::read(body, cap).await;
    }
    admit_by_body(app, body::content_type(&parts.headers), body, cap).await
}

async fn admit_by_body(
    app: &App,
    content_type: ContentType,
    body: Body,
    cap: usize,
) -> Result<Bytes, Failure> {
    match content_type {
        ContentType::Json => {
            let bytes = body::read(body, cap).await?;
            app.keys.check(&app.engine, key_field(&bytes)).await?;
            Ok(bytes)
        }
        // Without a declared type there is nothing that could hold a key.
        ContentType::Absent => {
            body::discard(body).await;
            Err(Failure::no_key())
        }
        ContentType::Other => {
            body::discard(body).await;
            Err(body::not_json())
        }
    }
}

/// The header's key; empty, which is no key, when it is not text or there are several.
fn key_header(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(KEY_HEADER).iter().filter(|value| !value.is_empty());
    let first = values.next()?;
    let text = first.to_str().ok().filter(|_| values.next().is_none());
    Some(text.unwrap_or_default().to_owned())
}

/// The key of `Authorization: Bearer`.
fn bearer(headers: &HeaderMap) -> Option<HeaderValue> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| HeaderValue::from_str(key.trim()).ok())?
}

fn key_field(bytes: &[u8]) -> Option<String> {
    serde_json::from_slice::<KeyField>(bytes).ok()?.license_key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_read_from_one_field() {
        assert_eq!(key_field(br#"{"query":1,"license_key":"k"}"#).as_deref(), Some("k"));
        for none in ["", "{}", "k", r#"{"license_key":5}"#, r#"{"license_key":null}"#] {
            assert_eq!(key_field(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn several_or_unreadable_headers_are_no_good_key() {
        let mut headers = HeaderMap::new();
        assert_eq!(key_header(&headers), None);
        headers.append(KEY_HEADER, HeaderValue::from_static(""));
        assert_eq!(key_header(&headers), None);
        headers.append(KEY_HEADER, HeaderValue::from_static("a"));
        assert_eq!(key_header(&headers).as_deref(), Some("a"));
        headers.append(KEY_HEADER, HeaderValue::from_static("b"));
        assert_eq!(key_header(&headers).as_deref(), Some(""));
        let odd = HeaderMap::from_iter([(KEY_HEADER, HeaderValue::from_bytes(b"\xff").unwrap())]);
        assert_eq!(key_header(&odd).as_deref(), Some(""));
    }
}
