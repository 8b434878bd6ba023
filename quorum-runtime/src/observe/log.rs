use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Event, Observer};

/// An observer that keeps the newest events, up to a number.
///
/// For tests, and for a look at what led to an error.
///
/// ```
/// use std::sync::Arc;
/// use quorum_runtime::{EventLog, Manager};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let log = Arc::new(EventLog::new(1000));
/// let manager = Manager::builder()
///     .node(1, nobody())
///     .incarnation(1)
///     .observer(Arc::clone(&log))
///     .build()?;
/// manager.node(1)?.read(()).await.unwrap_err();
///
/// let lines: Vec<_> = log.events().iter().map(ToString::to_string).collect();
/// let at = "process 0000000000000001";
/// assert_eq!(lines[..5], [
///     format!("{at}: called #1 example.Register.Read"),
///     format!("{at}: queued to node 1 #1 example.Register.Read"),
///     format!("{at}: connecting to node 1"),
///     format!("{at}: failed at node 1 #1 example.Register.Read: cannot connect: connection refused"),
///     format!("{at}: disconnected from node 1: connection refused"),
/// ]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct EventLog {
    events: Mutex<VecDeque<Event>>,
    max: usize,
}

impl EventLog {
    /// Keeps up to this many events, the newest, and at least one.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self { events: Mutex::new(VecDeque::new()), max }
    }

    /// The events that are kept, the oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.lock().iter().cloned().collect()
    }

    /// Takes the events that are kept, the oldest first.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.lock()).into()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for EventLog {
    fn event(&self, event: &Event) {
        let mut events = self.lock();
        while events.len() >= self.max.max(1) {
            events.pop_front();
        }
        events.push_back(event.clone());
    }
}
