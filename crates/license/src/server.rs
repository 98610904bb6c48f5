//! A license server that decides about keys in place of signatures.
//!
//! Protocol: `POST` of `{"license_key": "…"}`, answered with `{"valid": bool, "tier": "pro" |
//! "standard", "expires": seconds since 1970}`; `tier` is needed where `valid` is true, `expires` is
//! optional. A valid key is asked about once a session.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use ureq::{
    Agent,
    http::{Uri, uri::Scheme},
};

use crate::{
    License, LicenseError, Tier,
    license::{hex, unix_now},
};

/// How long a refusal is believed, so that a key bought meanwhile works soon.
const REFUSAL_HOLDS: Duration = Duration::from_secs(60);

/// How long calls fail at once after the server failed, so that they do not queue for its timeout.
const FAILURE_HOLDS: Duration = Duration::from_secs(2);

/// Most answers remembered.
const MOST_ANSWERS: usize = 1_024;

/// Most bytes of an answer.
const LONGEST_ANSWER: u64 = 64 * 1_024;

/// A license server and what it said in this session.
#[derive(Debug)]
pub struct Server {
    url: String,
    agent: Agent,
    answers: Mutex<HashMap<KeyDigest, Answer>>,
    /// Held while asking: many calls with one new key ask once.
    asking: Mutex<()>,
}

/// Keys are not kept, and looking one up takes a time that tells nothing about another.
type KeyDigest = [u8; 32];

#[derive(Debug, Clone)]
enum Answer {
    Valid(License),
    Refused { until: Instant },
    Failed { reason: String, until: Instant },
}

/// The body of a server's answer.
#[derive(Debug, Deserialize)]
struct Reply {
    valid: bool,
    tier: Option<Tier>,
    expires: Option<u64>,
}

impl Server {
    /// A server at this address that answers within `timeout`.
    ///
    /// # Errors
    /// The address is not an `https` one. `http` is allowed on this machine's own loopback.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, LicenseError> {
        let local = check_address(url).map_err(|reason| LicenseError::ServerAddress {
            url: without_password(url).to_owned(),
            reason,
        })?;
        let mut config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            // The key goes to the configured server and nowhere else.
            .max_redirects(0)
            .max_redirects_will_error(false);
        if local {
            config = config.proxy(None);
        }
        Ok(Self {
            url: url.to_owned(),
            agent: config.build().into(),
            answers: Mutex::default(),
            asking: Mutex::default(),
        })
    }

    /// What the server says about a key, now or earlier in this session.
    ///
    /// # Errors
    /// The key is refused or its license has ended, or the server could not be asked.
    pub fn check(&self, key: &str) -> Result<License, LicenseError> {
        let digest: KeyDigest = Sha256::digest(key).into();
        if let Some(answer) = self.remembered(&digest) {
            return self.decide(answer);
        }
        let _asking = lock(&self.asking);
        let answer = match self.remembered(&digest) {
            Some(answer) => answer,
            None => self.ask_and_remember(key, digest),
        };
        self.decide(answer)
    }

    fn remembered(&self, digest: &KeyDigest) -> Option<Answer> {
        lock(&self.answers).get(digest).filter(|answer| answer.holds()).cloned()
    }

    fn decide(&self, answer: Answer) -> Result<License, LicenseError> {
        match answer {
            Answer::Valid(license) => license.check_end(unix_now()).map(|()| license),
            Answer::Refused { .. } => Err(LicenseError::Refused),
            Answer::Failed { reason, .. } => {
                Err(LicenseError::Server { url: self.url.clone(), reason })
            }
        }
    }

    fn ask_and_remember(&self, key: &str, digest: KeyDigest) -> Answer {
        let answer = match self.ask(key) {
            Ok(reply) => reply.into_answer(&digest),
            Err(reason) => Answer::failed(reason),
        };
        tracing::info!(key = short(&digest), answer = answer.name(), "asked the license server");
        let mut answers = lock(&self.answers);
        if answers.len() >= MOST_ANSWERS {
            answers.retain(|_, answer| matches!(answer, Answer::Valid(_)));
        }
        if answers.len() >= MOST_ANSWERS {
            answers.clear();
        }
        answers.insert(digest, answer.clone());
        answer
    }

    /// The server's reply, or why there is none.
    fn ask(&self, key: &str) -> Result<Reply, String> {
        let body = serde_json::json!({ "license_key": key }).to_string();
        let request = self.agent.post(&self.url).content_type("application/json");
        let mut response = request.send(body).map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(LONGEST_ANSWER).read_to_string();
        let reply = text.ok().and_then(|text| serde_json::from_str::<Reply>(&text).ok());
        match (status, reply) {
            (200, Some(reply)) if !reply.valid || reply.tier.is_some() => Ok(reply),
            (400..=499, Some(reply)) if !reply.valid => Ok(reply),
            (200, _) => Err("its answer is not one of a license server".into()),
            _ => Err(format!("it answered with status {status}")),
        }
    }
}

impl Reply {
    fn into_answer(self, digest: &KeyDigest) -> Answer {
        match self.tier {
            Some(tier) if self.valid => Answer::Valid(License {
                id: short(digest),
                tier,
                issued: unix_now(),
                expires: self.expires,
                holder: None,
            }),
            _ => Answer::Refused { until: Instant::now() + REFUSAL_HOLDS },
        }
    }
}

impl Answer {
    fn failed(reason: String) -> Self {
        Self::Failed { reason, until: Instant::now() + FAILURE_HOLDS }
    }

    fn holds(&self) -> bool {
        match self {
            Self::Valid(_) => true,
            Self::Refused { until } | Self::Failed { until, .. } => Instant::now() < *until,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Valid(_) => "valid",
            Self::Refused { .. } => "refused",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Whether the address is on this machine, or what is wrong with it.
fn check_address(url: &str) -> Result<bool, &'static str> {
    let uri: Uri = url.parse().map_err(|_| "it is not an address")?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or("it names no host")?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("it must not hold a user name or password");
    }
    let local = is_loopback(host);
    match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => Ok(local),
        Some(scheme) if *scheme == Scheme::HTTP && local => Ok(local),
        Some(scheme) if *scheme == Scheme::HTTP => {
            Err("keys are only sent over https; http is for this machine's own addresses")
        }
        _ => Err("it should begin with https://"),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// What follows an `@`, if there is one: a password must not reach an error text.
fn without_password(url: &str) -> &str {
    url.rsplit_once('@').map_or(url, |(_, rest)| rest)
}

fn short(digest: &KeyDigest) -> String {
    hex(&digest[..8])
}

/// A thread that panicked while it held the lock left a whole map behind: inserts are atomic here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_leaves_the_machine() {
        for (url, ok) in [
            ("https://license.example.com/check", true),
            ("http://127.0.0.1:8080/check", true),
            ("http://127.8.9.1/", true),
            ("http://[::1]:8080/check", true),
            ("http://LOCALHOST/check", true),
            ("http://license.example.com/check", false),
            ("http://localhost.example.com/check", false),
            ("http://127.0.0.1.example.com/", false),
            ("http://localhost@example.com/", false),
            ("https://user:word@example.com/", false),
            ("ftp://127.0.0.1/", false),
            ("license.example.com", false),
            ("https://", false),
            ("", false),
        ] {
            assert_eq!(Server::new(url, Duration::from_secs(1)).is_ok(), ok, "{url}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_repeated() {
        let error = Server::new("https://user:word@example.com/", Duration::from_secs(1));
        assert!(!error.unwrap_err().to_string().contains("word@"));
    }

    #[test]
    fn a_refusal_ends() {
        let past = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        assert!(!Answer::Refused { until: past }.holds());
        assert!(Answer::failed(String::new()).holds());
    }
}
