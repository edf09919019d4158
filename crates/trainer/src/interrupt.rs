//! Ctrl-C and SIGTERM: the first one asks for a clean stop, the second one ends the process at once.
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The exit status of a run that a signal stopped, as a shell would give it for SIGINT.
pub const EXIT_STATUS: u8 = 130;

/// A flag that the first signal sets.
///
/// # Errors
/// When the system refuses the signal handlers.
pub fn install() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the flag is still unset when the first signal arrives, and set when the second one does.
        flag::register_conditional_shutdown(signal, i32::from(EXIT_STATUS), Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}
