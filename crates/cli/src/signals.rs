//! Signals that end a command.

use anyhow::Result;
use signal_hook::consts::signal;
use std::sync::{Arc, atomic::AtomicBool};

/// Has a second SIGINT or SIGTERM end the process at once, whatever the first one is still waiting for.
///
/// The first signal arms the handler that the second one then runs.
pub fn exit_on_second_signal() -> Result<()> {
    // One for both: whichever comes first, the other is the second.
    let armed = Arc::new(AtomicBool::new(false));
    for number in [signal::SIGINT, signal::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(number, 1, Arc::clone(&armed))?;
        signal_hook::flag::register(number, Arc::clone(&armed))?;
    }
    Ok(())
}
