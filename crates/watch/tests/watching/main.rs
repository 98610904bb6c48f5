//! Watches on real folders, each test once by the system's events and once by polling.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot be set up has failed"
)]

mod folders;
#[cfg(target_os = "linux")]
mod idle;
#[cfg(target_os = "linux")]
mod volumes;
mod watched;

use rushes_watch::Method;

/// Runs a test by both methods at once.
fn both_ways(test: impl Fn(Method) + Sync) {
    std::thread::scope(|scope| {
        scope.spawn(|| test(Method::Native));
        scope.spawn(|| test(Method::Poll));
    });
}
