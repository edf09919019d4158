//! Who listens to a run.

use super::event::Event;
use crate::repro::FileError;

/// Why an observer failed: it could not write what it keeps.
pub type ObserveError = FileError;

/// A listener to a run.
pub trait Observer {
    /// Takes note of an event.
    ///
    /// # Errors
    /// When what the observer keeps of it could not be written.
    fn observe(&mut self, event: &Event) -> Result<(), ObserveError>;
}

/// Several listeners, told in order.
#[derive(Default)]
pub struct Observers {
    observers: Vec<Box<dyn Observer>>,
}

impl Observers {
    /// These listeners.
    #[must_use]
    pub fn new(observers: Vec<Box<dyn Observer>>) -> Self {
        Self { observers }
    }
}

impl Observer for Observers {
    /// Tells every listener, also after one has failed; the first failure is returned.
    fn observe(&mut self, event: &Event) -> Result<(), ObserveError> {
        self.observers.iter_mut().map(|observer| observer.observe(event)).fold(Ok(()), Result::and)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::io;
    use std::path::Path;
    use std::rc::Rc;

    struct Recorder(Rc<RefCell<Vec<String>>>, &'static str);

    impl Observer for Recorder {
        fn observe(&mut self, event: &Event) -> Result<(), ObserveError> {
            let Event::Message(text) = event else { return Ok(()) };
            self.0.borrow_mut().push(format!("{} {text}", self.1));
            if text == "fail" {
                Err(FileError::write(Path::new(self.1), 1, io::Error::other("broken")))
            } else {
                Ok(())
            }
        }
    }

    #[test]
    fn every_observer_hears_every_event_in_order_and_the_first_failure_is_returned() {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let recorder = |name| -> Box<dyn Observer> { Box::new(Recorder(heard.clone(), name)) };
        let mut observers = Observers::new(vec![recorder("first"), recorder("second")]);
        assert!(observers.observe(&Event::Message("one".to_owned())).is_ok());
        let error = observers.observe(&Event::Message("fail".to_owned())).expect_err("both fail");
        assert!(error.to_string().contains("first"), "{error}");
        assert_eq!(*heard.borrow(), ["first one", "second one", "first fail", "second fail"]);
    }
}
