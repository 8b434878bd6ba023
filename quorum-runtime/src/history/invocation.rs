use std::fmt;

use super::{History, Model, Outcome};

/// An operation that a client has asked for and not been answered yet.
///
/// Tell it what came of it: [`returned`](Self::returned), or [`failed`](Self::failed). Dropped without
/// either, it may have taken effect, may do so later, or never: so it is after a timeout, and
/// so it becomes by itself when its client crashes.
///
/// ```
/// use quorum_runtime::history::register::{Input, Output};
/// use quorum_runtime::history::{History, Register};
///
/// let history = History::new(Register::new());
/// history.invoke(1, Input::Write("a")).failed();
/// drop(history.invoke(1, Input::Write("b")));
///
/// // Reads one after another: "b" is stored by and by.
/// history.invoke(2, Input::Read).returned(Output::Value(None));
/// history.invoke(2, Input::Read).returned(Output::Value(Some("b")));
/// assert_eq!(history.check()?.unknown, 1);
///
/// history.invoke(2, Input::Read).returned(Output::Value(Some("a")));
/// history.check().unwrap_err();
/// # Ok::<_, quorum_runtime::history::CheckError>(())
/// ```
#[must_use = "an operation that is dropped is one of which nobody knows whether it took effect"]
pub struct Invocation<M: Model> {
    history: History<M>,
    operation: usize,
    /// The text of the operation, if anybody is told.
    told: Option<String>,
    open: bool,
}

impl<M: Model> Invocation<M> {
    pub(super) const fn new(history: History<M>, operation: usize, told: Option<String>) -> Self {
        Self { history, operation, told, open: true }
    }

    /// It took effect between its invocation and now, and this was the answer.
    pub fn returned(mut self, output: M::Output) {
        self.open = false;
        self.history.returned(self.operation, output, self.told.is_some());
    }

    /// It has had no effect, and will have none. Only say so where that is certain: where nothing was
    /// sent, or where the service refused it.
    pub fn failed(mut self) {
        self.end("failed", |at| Outcome::Failed { at });
    }

    fn end(&mut self, what: &str, outcome: impl FnOnce(super::Moment) -> Outcome<M::Output>) {
        self.open = false;
        self.history.complete(self.operation, outcome);
        if let Some(text) = &self.told {
            self.history.tell(what, text);
        }
    }
}

impl<M: Model> Drop for Invocation<M> {
    fn drop(&mut self) {
        if self.open {
            self.end("unknown", |at| Outcome::Unknown { at: Some(at) });
        }
    }
}

impl<M: Model> fmt::Debug for Invocation<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation").field("operation", &self.operation).finish_non_exhaustive()
    }
}
