//! A real server with a real engine, spoken to over TCP byte by byte, so that what no well-behaved
//! client would send can be sent.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy.toml allows them in test functions, and this whole file serves those"
)]

mod bodies;
mod client;
mod contract;
mod door;
mod forgery;
mod keys;
mod limits;
mod metrics;
mod models;
mod paths;
mod sockets;
mod starting;
#[path = "../../../engine/tests/tiny/mod.rs"]
mod tiny;
mod tls;
