//! Who may speak to the server: the first thing that every request meets, Socket.IO's included.
//!
//! A page of any web site can send requests to this machine, and after DNS rebinding it can do so as
//! "same origin". The Host header still names the site then, and the Origin header cannot be forged by
//! a page, so both are compared with lists.

use crate::refusal::Refusal;
use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{self, HeaderName},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use rushes_model::{ErrorCode, Failure};
use std::sync::Arc;

/// Names under which the machine itself reaches the server.
const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What a page of a listed origin may send and read.
const CORS: [(HeaderName, &str); 4] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE"),
    (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type, x-license-key"),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "retry-after, x-request-id"),
    (header::ACCESS_CONTROL_MAX_AGE, "600"),
];

/// The Host and Origin values that are let in.
#[derive(Debug, Clone)]
pub struct Door {
    hosts: Vec<String>,
    origins: Vec<String>,
}

/// What the Origin header says.
enum Caller {
    /// No page: a program, or a page of this server that only reads.
    Program,
    /// A page of a listed origin.
    Page(HeaderValue),
    /// A page of another origin, or a malformed header.
    Stranger,
}

impl Door {
    /// A door for a server that speaks `http` or `https` on this port: the loopback names with exactly that
    /// port, their origins, and what the settings add. `hosts` are Host values such as `studio.local:6699`; `origins` are Origin
    /// values such as `https://studio.example`, `file://` or `null`.
    #[must_use]
    pub fn new(scheme: &str, port: u16, hosts: &[String], origins: &[String]) -> Self {
        let own_port = if scheme == "https" { 443 } else { 80 };
        let with_port = LOOPBACK_NAMES.iter().map(|name| format!("{name}:{port}"));
        // Clients leave the port out when it is the scheme's own.
        let bare =
            LOOPBACK_NAMES.iter().filter(|_| port == own_port).map(|name| (*name).to_owned());
        let own: Vec<String> = with_port.chain(bare).collect();
        let own_origins = own.iter().map(|host| format!("{scheme}://{host}"));
        Self {
            origins: own_origins.chain(origins.iter().cloned()).collect(),
            hosts: own.iter().chain(hosts).cloned().collect(),
        }
    }

    /// Whether a Host header with this value is let in. Names of hosts have no case.
    #[must_use]
    pub fn knows_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    /// Whether an Origin header with this value is let in. Browsers send origins in one spelling.
    #[must_use]
    pub fn knows_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|known| known == origin)
    }

    /// Whether the request names this server, in the one way that a client of an origin server does.
    fn is_meant(&self, request: &Request) -> bool {
        let host = only(request.headers(), &header::HOST);
        request.uri().authority().is_none()
            && host.is_some_and(|host| host.to_str().is_ok_and(|host| self.knows_host(host)))
    }

    fn caller(&self, headers: &HeaderMap) -> Caller {
        if !headers.contains_key(header::ORIGIN) {
            return Caller::Program;
        }
        match only(headers, &header::ORIGIN) {
            Some(origin) if origin.to_str().is_ok_and(|origin| self.knows_origin(origin)) => {
                Caller::Page(origin.clone())
            }
            _ => Caller::Stranger,
        }
    }
}

/// The value of a header that occurs exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Lets requests in or turns them away. A wrong Host learns nothing: its answer has no body.
pub(crate) async fn guard(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    if !door.is_meant(&request) {
        return StatusCode::FORBIDDEN.into_response();
    }
    match door.caller(request.headers()) {
        Caller::Program => next.run(request).await,
        Caller::Stranger => Refusal(stranger()).into_response(),
        Caller::Page(origin) if is_preflight(&request) => {
            let mut response = StatusCode::NO_CONTENT.into_response();
            let permissions = CORS.map(|(name, value)| (name, HeaderValue::from_static(value)));
            response.headers_mut().extend(permissions);
            readable_by(origin, response)
        }
        Caller::Page(origin) => {
            let mut response = next.run(request).await;
            let (name, value) = CORS[2].clone();
            response.headers_mut().insert(name, HeaderValue::from_static(value));
            readable_by(origin, response)
        }
    }
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Lets pages of this origin, and of no other, read the answer.
fn readable_by(origin: HeaderValue, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    response
}

fn stranger() -> Failure {
    Failure::new(
        ErrorCode::ForbiddenOrigin,
        "pages of this Origin may not use the server; add it to the setting `origins` if they should",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_may_be_left_out_only_where_it_is_the_schemes_own() {
        assert!(Door::new("http", 80, &[], &[]).knows_host("localhost"));
        assert!(Door::new("https", 443, &[], &[]).knows_origin("https://[::1]"));
        assert!(!Door::new("http", 6699, &[], &[]).knows_host("localhost"));
    }

    #[test]
    fn settings_add_hosts_and_origins() {
        let door = Door::new("http", 6699, &["studio.local:6699".into()], &["null".into()]);
        assert!(door.knows_host("STUDIO.local:6699") && door.knows_origin("null"));
        assert!(!door.knows_origin("http://studio.local:6699"));
    }
}
