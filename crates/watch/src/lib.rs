//! Watch folders: which media files below a folder are there, complete and reachable.
//!
//! A [`Root`] is a folder that is watched; [`Watch::start`] does so on a thread of its own until the
//! [`Watch`] is dropped. What it finds it tells as [`Event`]s: a [`Unit`] that has *settled* is a file, or
//! a whole camera card, that nobody writes to any more; *gone* is what vanished while its volume was
//! provably there; a volume that is away is *offline*, and nothing on it is gone.
//!
//! Looks at the folder come from the system's own events or from polling, and a rescan now and then
//! makes good what events missed. What a look means is decided by a ledger, which touches no file and
//! is given the time: it alone knows the rules, so that they can be tested without waiting.
//!
//! Knows paths only: which names are media, and which file systems are on a network, the caller says.
//!
//! ```no_run
//! use rushes_watch::{Event, Root, Rules, Watch};
//!
//! let rules = Rules::new(
//!     |path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("mov")),
//!     |_| Ok(false),
//! );
//! let watch = Watch::start(Root::new("/footage"), rules, |event| {
//!     if let Event::Settled(units) = event {
//!         drop(units);
//!     }
//! })?;
//! assert!(watch.snapshot().pending < 10_000);
//! # Ok::<(), rushes_watch::WatchError>(())
//! ```

mod cards;
mod inbox;
mod ledger;
mod mounts;
mod names;
mod native;
mod scan;
mod stamp;
mod types;
mod watch;
mod worker;

pub use cards::{CARD_STRUCTURES, CardStructure};
pub use stamp::Stamp;
pub use types::{Event, Medium, Method, Root, Rules, Settling, Snapshot, Timing, Unit, WatchError};
pub use watch::Watch;
