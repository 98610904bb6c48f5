//! License keys at the door: the engine decides, this decides how often it is asked.
//!
//! A key that was accepted once is asked about without delay. Any other waits for its turn, ten a
//! second after a first ten, so that nobody can use the server to flood a license server or to try keys.
//! Who would have to wait for more than five seconds is told to come back.

use crate::{lanes, limits};
use rushes_engine::Engine;
use rushes_model::{ErrorCode, Failure};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use subtle::ConstantTimeEq;

/// Keys that are remembered as good; one machine has one or two.
const REMEMBERED: usize = 8;

/// Time between two checks of unknown keys.
const SPACING: Duration = Duration::from_millis(1000 / limits::KEY_CHECKS as u64);

/// The accepted keys, and when the next unknown one may be checked. Never printed.
pub(crate) struct Keys(Mutex<State>);

struct State {
    known: VecDeque<String>,
    next_turn: Instant,
}

impl Keys {
    /// Nothing known yet.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State { known: VecDeque::new(), next_turn: Instant::now() }))
    }

    /// Whether a call with this key may be answered. The failures' texts are the contract's, whatever
    /// is wrong with the key.
    pub(crate) async fn check(&self, engine: &Engine, key: Option<String>) -> Result<(), Failure> {
        let key = key.filter(|key| !key.is_empty()).ok_or_else(Failure::no_key)?;
        if key.len() > limits::KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::no_key());
        }
        if !self.lock().knows(&key) {
            let wait = self.lock().turn(Instant::now()).ok_or_else(too_many)?;
            tokio::time::sleep(wait).await;
        }
        let (engine, asked) = (engine.clone(), key.clone());
        let answer = lanes::blocking(move || engine.authorize(Some(&asked))).await;
        self.lock().learn(key, answer.as_ref().map_err(|failure| failure.code).copied());
        answer.map_err(|failure| match failure.code {
            ErrorCode::Unauthorized => Failure::no_key(),
            ErrorCode::NotPro => Failure::not_pro(),
            _ => failure,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn knows(&self, key: &str) -> bool {
        self.known.iter().any(|known| known.as_bytes().ct_eq(key.as_bytes()).into())
    }

    /// How long an unknown key has to wait, or none when that is too long. Takes the turn.
    fn turn(&mut self, now: Instant) -> Option<Duration> {
        let burst = SPACING * (limits::KEY_CHECKS - 1);
        let earliest = now.checked_sub(burst).unwrap_or(now);
        let turn = self.next_turn.max(earliest);
        let wait = turn.saturating_duration_since(now);
        if wait > limits::KEY_WAIT {
            return None;
        }
        self.next_turn = turn + SPACING;
        Some(wait)
    }

    /// Remembers a key that was signed by us, whatever its tier; forgets one that is not good any more.
    fn learn(&mut self, key: String, answer: Result<(), ErrorCode>) {
        match answer {
            Ok(()) | Err(ErrorCode::NotPro) if !self.knows(&key) => {
                self.known.truncate(REMEMBERED - 1);
                self.known.push_front(key);
            }
            Err(ErrorCode::Unauthorized) => self.known.retain(|known| *known != key),
            _ => {}
        }
    }
}

fn too_many() -> Failure {
    Failure::new(ErrorCode::Busy, "too many unknown license keys; try again in a few seconds")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(now: Instant) -> State {
        State { known: VecDeque::new(), next_turn: now }
    }

    #[test]
    fn ten_unknown_keys_a_second_after_a_burst_of_ten() {
        let now = Instant::now() + Duration::from_secs(60);
        let mut state = state(now - Duration::from_secs(60));
        let waits: Vec<_> = std::iter::from_fn(|| state.turn(now)).collect();
        assert!(waits[..10].iter().all(Duration::is_zero));
        assert_eq!(waits[10], SPACING);
        assert_eq!(waits[19], SPACING * 10);
        assert_eq!(waits.last(), Some(&limits::KEY_WAIT));
        assert_eq!(state.turn(now + SPACING), Some(limits::KEY_WAIT));
    }

    #[test]
    fn good_keys_are_remembered_until_refused() {
        let mut state = state(Instant::now());
        state.learn("bad".into(), Err(ErrorCode::Unauthorized));
        state.learn("unsure".into(), Err(ErrorCode::LicenseServer));
        state.learn("basic".into(), Err(ErrorCode::NotPro));
        state.learn("pro".into(), Ok(()));
        assert!(state.knows("pro") && state.knows("basic"));
        assert!(!state.knows("bad") && !state.knows("unsure") && !state.knows("pr"));
        state.learn("pro".into(), Err(ErrorCode::Unauthorized));
        assert!(!state.knows("pro"));
        (0..20).for_each(|i| state.learn(format!("{i}"), Ok(())));
        assert_eq!(state.known.len(), REMEMBERED);
    }
}
