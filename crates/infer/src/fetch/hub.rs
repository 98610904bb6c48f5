//! Files of the model hub: local folders first, then HTTP with resume.

use super::{FetchError, Monitor, Settings, Wanted, part::Part};
use crate::registry::HubSource;
use fs_err as fs;
use std::{io, path::Path, time::Duration};
use ureq::{
    Agent, Body, Timeout,
    config::RedirectAuthHeaders,
    http::{Response, header},
};

/// A try that brought this much starts the count of tries anew: a line that breaks now and then still
/// gets a large file through.
const WORTH_ANOTHER_COUNT: u64 = 1 << 20;

/// Longest wait between two tries.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// The model hub, as the settings say to reach it.
pub(super) struct Hub<'a> {
    settings: &'a Settings,
    agent: Agent,
}

impl<'a> Hub<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("rushes/", env!("CARGO_PKG_VERSION")))
            // A compressed answer has other byte positions than the file.
            .accept_encoding("identity")
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_connect(Some(settings.stall))
            .timeout_recv_response(Some(settings.stall))
            .timeout_per_read(Some(settings.stall));
        Self { settings, agent: config.build().new_agent() }
    }

    /// Fetches one file to its final name.
    pub(super) fn fetch(
        &self,
        wanted: &Wanted<'_>,
        source: &HubSource,
        monitor: &mut Monitor<'_>,
    ) -> Result<(), FetchError> {
        if let Some(path) = self.settings.local_copy(source) {
            match copy(wanted, &path, monitor) {
                Err(error @ (FetchError::WrongSize { .. } | FetchError::WrongHash { .. }))
                    if !self.settings.offline =>
                {
                    tracing::warn!("{error} The network is tried instead.");
                }
                result => return result,
            }
        }
        if self.settings.offline {
            return Err(FetchError::Offline {
                file: wanted.file.name.clone(),
                repo: source.repo.clone(),
                path: source.path.clone(),
            });
        }
        self.download(wanted, &self.settings.url(source), monitor)
    }

    fn download(
        &self,
        wanted: &Wanted<'_>,
        url: &str,
        monitor: &mut Monitor<'_>,
    ) -> Result<(), FetchError> {
        let mut part = Part::open(wanted)?;
        let mut failures = 0;
        while !part.is_full() {
            let before = part.length();
            let Err(error) = self.transfer(&mut part, url, wanted.file.bytes, monitor) else {
                continue;
            };
            if part.length() >= before + WORTH_ANOTHER_COUNT {
                failures = 0;
            }
            failures += 1;
            // No server at all, from the start: waiting would only keep the user from the message.
            let nobody = matches!(error, FetchError::Unreachable { .. }) && part.length() == 0;
            if nobody || !error.is_transient() || failures >= self.settings.tries {
                return Err(error);
            }
            tracing::debug!("try {failures} failed: {error}");
            monitor.sleep(self.delay_after(failures))?;
        }
        part.publish(url, monitor)
    }

    fn delay_after(&self, failures: u32) -> Duration {
        let factor = 1u32.checked_shl(failures - 1).unwrap_or(u32::MAX);
        self.settings.retry_delay.saturating_mul(factor).min(LONGEST_DELAY)
    }

    /// One request: fills the part to its end or says why not.
    fn transfer(
        &self,
        part: &mut Part<'_>,
        url: &str,
        bytes: u64,
        monitor: &mut Monitor<'_>,
    ) -> Result<(), FetchError> {
        monitor.check()?;
        let network = |reason: String| FetchError::Network { url: url.to_owned(), reason };
        let mut response =
            self.request(url, part.length()).map_err(|error| connect_error(url, &error))?;
        begin(part, &response, url, bytes)?;
        let body = response.body_mut();
        let announced = body.content_length().map_or(bytes, |rest| part.length() + rest);
        if announced != bytes {
            part.restart()?;
            return Err(part.wrong_size(url, announced));
        }
        part.fill(&mut body.as_reader(), url, monitor, &|error| network(error.to_string()))?;
        if part.is_full() {
            Ok(())
        } else {
            Err(network(format!("it ended after {} of {bytes} bytes", part.length())))
        }
    }

    fn request(&self, url: &str, from: u64) -> Result<Response<Body>, ureq::Error> {
        let mut request = self.agent.get(url);
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        if let Some(token) = &self.settings.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request.call()
    }
}

/// Tells a server that is not there from one that broke off.
fn connect_error(url: &str, error: &ureq::Error) -> FetchError {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    let (url, reason) = (url.to_owned(), error.to_string());
    let broke_off = match error {
        ureq::Error::Io(error) => matches!(
            error.kind(),
            BrokenPipe | ConnectionAborted | ConnectionReset | TimedOut | UnexpectedEof
        ),
        ureq::Error::Timeout(phase) => !matches!(phase, Timeout::Resolve | Timeout::Connect),
        ureq::Error::HostNotFound | ureq::Error::BadUri(_) | ureq::Error::Http(_) => false,
        _ => true,
    };
    if broke_off {
        FetchError::Network { url, reason }
    } else {
        FetchError::Unreachable { url, reason }
    }
}

/// Sets the part to where the answer's body begins, or says that the answer has none for it.
fn begin(
    part: &mut Part<'_>,
    response: &Response<Body>,
    url: &str,
    bytes: u64,
) -> Result<(), FetchError> {
    match response.status().as_u16() {
        200 => part.restart(),
        206 if continues(response, part.length(), bytes) => Ok(()),
        // The part is not a beginning of what the server has: from the start, then.
        206 | 416 => {
            part.restart()?;
            let reason = "it cannot go on where the download stopped".to_owned();
            Err(FetchError::Network { url: url.to_owned(), reason })
        }
        status => Err(FetchError::Http { url: url.to_owned(), status }),
    }
}

/// Whether `Content-Range` is from the byte asked for, in a file of the expected size.
fn continues(response: &Response<Body>, from: u64, bytes: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let parts = range
        .and_then(|range| range.trim().strip_prefix("bytes "))
        .and_then(|range| range.split_once('/'))
        .and_then(|(span, total)| Some((span.split_once('-')?.0.parse::<u64>().ok()?, total)));
    parts
        .is_some_and(|(start, total)| start == from && (total == "*" || total.parse() == Ok(bytes)))
}

fn copy(wanted: &Wanted<'_>, source: &Path, monitor: &mut Monitor<'_>) -> Result<(), FetchError> {
    let from = source.display().to_string();
    let mut file = fs::File::open(source)?;
    let mut part = Part::open(wanted)?;
    part.restart()?;
    part.fill(&mut file, &from, monitor, &FetchError::from)?;
    part.publish(&from, monitor)
}
