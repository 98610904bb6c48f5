//! The use cases of Rushes, callable without any transport.
//!
//! An [`Engine`] is opened once with a [`Config`] and shared. It takes the [requests] that the public
//! contract describes and gives its [replies] or a [`Failure`] of the one error table, so that HTTP,
//! the command line and agents agree by construction.
//!
//! ```no_run
//! use rushes_engine::{Config, Engine, requests::SearchTextRequest};
//!
//! let engine = Engine::open(Config::at("/home/me/.rushes"))?;
//! let request = serde_json::json!({ "query": "a dog on a beach", "cache_dir": "/footage/analysis" });
//! let request: SearchTextRequest = serde_json::from_value(request).unwrap();
//! for moment in engine.search_text(&request)?.matches {
//!     println!("{} {}", moment.timestamp, moment.video_path);
//! }
//! # Ok::<(), rushes_model::Failure>(())
//! ```

mod analysis;
mod background;
mod config;
mod decisions;
pub mod doctor;
pub mod door;
mod face_models;
mod folders;
mod hearing;
pub mod instance;
mod intake;
mod library;
mod meaning;
mod metadata;
mod models;
mod output;
mod paths;
mod people;
mod pictures;
mod previews;
mod pull;
pub mod replies;
pub mod requests;
mod search;
mod speakers;
mod tasks;
mod thumbnails;
mod usecases;
mod walk;
mod workshop;

pub use config::Config;
pub use models::ModelPool;
pub use pull::PullProgress;
pub use usecases::{Engine, Mended};
