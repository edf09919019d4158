//! Turns a panic of the Parquet decoder into an error.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `decode`; a panic in it is returned as its message, and not printed.
///
/// The first call puts a hook before the process's panic hook which passes over panics of guarded threads and leaves all others to the hook
/// that was there. A hook that the program installs later prints them again; they are returned all the same.
///
/// # Errors
/// The message of the panic.
///
/// The decoder of Parquet files returns errors for most damaged files but asserts on some (a page that names a dictionary no page defined, for
/// example). Those are properties of the input, so the user gets the same kind of message as for any other damage. Nothing that `decode`
/// touched may be used after a panic.
pub fn guarded<T>(decode: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET_HOOK: Once = Once::new();
    QUIET_HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                loud(panic);
            }
        }));
    });
    let before = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(decode));
    GUARDED.set(before);
    result.map_err(|payload| message(&*payload))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("the decoder stopped without a reason").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_their_message_and_values_pass() {
        assert_eq!(guarded(|| 3), Ok(3));
        let empty: Option<u8> = "a".parse().ok();
        assert_eq!(guarded(|| empty.expect("a page")), Err("a page".to_owned()));
        let index = [1, 2].len();
        assert!(guarded(|| [1, 2][index]).unwrap_err().contains("out of bounds"));
        assert!(!GUARDED.get());
    }
}
