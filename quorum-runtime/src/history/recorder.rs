use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::log::Log;
use super::{Invocation, Model, Moment, Operation, Outcome};

pub(super) type OperationOf<M> = Operation<<M as Model>::Input, <M as Model>::Output>;
type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;
type Observer = Arc<dyn Fn(&str) + Send + Sync>;

/// What clients asked for, and what they were answered.
///
/// One is shared by all clients: a clone notes in the same history. It grows with every operation.
///
/// Each client has a number, and each operation is an [`Invocation`]. What was before what is decided
/// by the order in which it is noted; the times are for the reader.
///
/// ```
/// use quorum_runtime::history::register::{Input, Output};
/// use quorum_runtime::history::{History, Register};
///
/// let history = History::new(Register::new());
/// let clients = [1, 2].map(|client| {
///     let history = history.clone();
///     std::thread::spawn(move || {
///         let write = history.invoke(client, Input::Write(client));
///         write.returned(Output::Done);
///     })
/// });
/// clients.into_iter().for_each(|client| client.join().unwrap());
/// assert_eq!(history.check()?.operations, 2);
/// # Ok::<_, quorum_runtime::history::CheckError>(())
/// ```
pub struct History<M: Model> {
    model: Arc<M>,
    clock: Clock,
    observer: Option<Observer>,
    log: Arc<Mutex<Log<M::Input, M::Output>>>,
}

impl<M: Model> History<M> {
    /// A history in which nothing has happened, of a service that should do as this model does. Its
    /// clock is tokio's, and begins now.
    #[must_use]
    pub fn new(model: M) -> Self {
        Self::of(model, Log::default())
    }

    pub(super) fn of(model: M, log: Log<M::Input, M::Output>) -> Self {
        let begun = Instant::now();
        let (model, log) = (Arc::new(model), Arc::new(Mutex::new(log)));
        Self { model, clock: Arc::new(move || begun.elapsed()), observer: None, log }
    }

    /// The same history with another clock, such as that of a simulation, which all its hosts share. It
    /// must not use the history.
    ///
    /// ```
    /// use std::time::Duration;
    /// use quorum_runtime::history::register::{Input, Register};
    /// use quorum_runtime::history::History;
    ///
    /// let history = History::new(Register::new()).with_clock(|| Duration::from_millis(1204));
    /// drop(history.invoke(1, Input::Write("a")));
    /// assert_eq!(history.operations()[0].invoked.to_string(), "1.204 s");
    /// ```
    #[must_use]
    pub fn with_clock(self, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// The same history, for a client that is watched: what it notes here is told as text too. Clones
    /// that were made before are not watched, so each client can have an observer of its own.
    ///
    /// It is called where the client is, and must neither wait nor panic.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use quorum_runtime::history::register::{Input, Output, Register};
    /// use quorum_runtime::history::History;
    ///
    /// let (told, history) = (Arc::default(), History::new(Register::new()));
    /// let lines: Arc<Mutex<Vec<_>>> = Arc::clone(&told);
    /// let watched =
    ///     history.clone().with_observer(move |text| lines.lock().unwrap().push(text.to_owned()));
    /// watched.invoke(1, Input::Write("a")).returned(Output::Done);
    /// watched.invoke(1, Input::Read).failed();
    /// drop(watched.invoke(1, Input::Read));
    /// assert_eq!(*told.lock().unwrap(), [
    ///     r#"invoked: write "a""#,
    ///     r#"returned: wrote "a""#,
    ///     "invoked: read",
    ///     "failed: read",
    ///     "invoked: read",
    ///     "unknown: read",
    /// ]);
    /// ```
    #[must_use]
    pub fn with_observer(self, observer: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// A client asks for something. What comes of it is told to what is returned.
    ///
    /// A client that asks while an operation of its own is open, or after it has given one up, does so
    /// as another [process](Operation::process).
    pub fn invoke(&self, client: u64, input: M::Input) -> Invocation<M> {
        let told = self.observer.is_some().then(|| self.model.describe(&input, None));
        if let Some(text) = &told {
            self.tell("invoked", text);
        }
        let operation = self.lock().invoke(client, input, &*self.clock);
        Invocation::new(self.clone(), operation, told)
    }

    /// All operations, in the order of their invocations.
    #[must_use]
    pub fn operations(&self) -> Vec<OperationOf<M>> {
        self.lock().operations.clone()
    }

    /// The model that the history is compared with.
    pub(super) fn model(&self) -> &M {
        &self.model
    }

    pub(super) fn returned(&self, operation: usize, output: M::Output, told: bool) {
        let returned = told.then(|| {
            let input = self.lock().operations[operation].input.clone();
            self.model.describe(&input, Some(&output))
        });
        self.complete(operation, |at| Outcome::Returned { output, at });
        if let Some(text) = returned {
            self.tell("returned", &text);
        }
    }

    /// Notes what came of an operation.
    pub(super) fn complete(
        &self,
        operation: usize,
        outcome: impl FnOnce(Moment) -> Outcome<M::Output>,
    ) {
        self.lock().complete(operation, &*self.clock, outcome);
    }

    /// With no lock held.
    pub(super) fn tell(&self, what: &str, text: &str) {
        if let Some(observer) = &self.observer {
            observer(&format!("{what}: {text}"));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Log<M::Input, M::Output>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Model> Clone for History<M> {
    fn clone(&self) -> Self {
        let (model, clock) = (Arc::clone(&self.model), Arc::clone(&self.clock));
        Self { model, clock, observer: self.observer.clone(), log: Arc::clone(&self.log) }
    }
}

impl<M: Model> fmt::Debug for History<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("operations", &self.lock().operations)
            .finish_non_exhaustive()
    }
}
