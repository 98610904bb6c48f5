//! HTTP and Socket.IO in front of the [`Engine`](rushes_engine::Engine); no logic of its own.
//!
//! * The [`Door`] decides who may speak to the server at all: by Host, then by Origin.
//! * An operation is one row of a table: path, documentation and the engine's method. The OpenAPI
//!   document and the route come from the same row, and a row cannot be written without the license
//!   check.
//! * Rooms carry the progress of tasks over Socket.IO.
//! * The [`Server`] binds the loopback addresses, counts connections and stops in good order.
//!
//! ```
//! use rushes_api::Door;
//!
//! let door = Door::new("http", 6699, &[], &["https://studio.example".to_owned()]);
//! assert!(door.knows_host("localhost:6699") && !door.knows_host("evil.example:6699"));
//! assert!(door.knows_origin("https://studio.example") && !door.knows_origin("null"));
//! ```

mod body;
mod connection;
mod docs;
mod document;
mod door;
mod keys;
mod lanes;
mod licensed;
mod limits;
mod listen;
mod metrics;
mod operation;
mod process;
mod refusal;
mod rooms;
mod routes;
mod server;
mod tls;
mod trace;

pub use door::Door;
pub use listen::{ServeError, Settings};
pub use refusal::ErrorBody;
pub use server::Server;
pub use tls::TlsFiles;
