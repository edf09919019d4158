//! Who listens to a run.

use super::event::Event;
use crate::repro::FileError;

/// A listener to a run.
pub trait Observer {
    /// Takes note of an event.
    ///
    /// # Errors
    /// When what the observer keeps of it could not be written.
    fn observe(&mut self, event: &Event) -> Result<(), FileError>;
}

/// Several listeners, told in order.
#[derive(Default)]
pub struct Observers {
    observers: Vec<Box<dyn Observer>>,
}

impl Observers {
    /// No listener yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more.
    #[must_use]
    pub fn with(mut self, observer: impl Observer + 'static) -> Self {
        self.observers.push(Box::new(observer));
        self
    }
}

impl Observer for Observers {
    /// Tells every listener, also after one has failed; the first failure is returned.
    fn observe(&mut self, event: &Event) -> Result<(), FileError> {
        self.observers.iter_mut().map(|observer| observer.observe(event)).fold(Ok(()), Result::and)
    }
}

impl Observer for Box<dyn Observer> {
    fn observe(&mut self, event: &Event) -> Result<(), FileError> {
        self.as_mut().observe(event)
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
        fn observe(&mut self, event: &Event) -> Result<(), FileError> {
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
        let mut observers =
            Observers::new().with(Recorder(heard.clone(), "first")).with(Recorder(heard.clone(), "second"));
        assert!(observers.observe(&Event::Message("one".to_owned())).is_ok());
        let error = observers.observe(&Event::Message("fail".to_owned())).expect_err("both fail");
        assert!(error.to_string().contains("first"), "{error}");
        assert_eq!(*heard.borrow(), ["first one", "second one", "first fail", "second fail"]);
    }
}
