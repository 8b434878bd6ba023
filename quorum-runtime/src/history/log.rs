use std::collections::BTreeMap;
use std::time::Duration;

use super::{Moment, Operation, Outcome};

/// What was noted. Events are numbered here, under the lock of the history.
#[derive(Debug)]
pub(super) struct Log<I, O> {
    /// In the order of their invocations.
    pub(super) operations: Vec<Operation<I, O>>,
    /// The index of the next event.
    events: u64,
    /// The process as which each client was last seen.
    processes: BTreeMap<u64, u64>,
    next_process: u64,
    /// The operations of processes that neither returned nor failed.
    open: BTreeMap<u64, usize>,
}

impl<I, O> Log<I, O> {
    /// Notes that a client asks for something, and numbers the operation.
    pub(super) fn invoke(&mut self, client: u64, input: I, clock: &dyn Fn() -> Duration) -> usize {
        let process = match self.processes.get(&client) {
            Some(process) if !self.open.contains_key(process) => *process,
            _ => self.next_process,
        };
        let at = self.now(clock);
        self.push(client, process, input, at)
    }

    /// Notes what came of an operation.
    pub(super) fn complete(
        &mut self,
        operation: usize,
        clock: &dyn Fn() -> Duration,
        outcome: impl FnOnce(Moment) -> Outcome<O>,
    ) {
        let outcome = outcome(self.now(clock));
        self.close(operation, outcome);
    }

    /// Notes an invocation of another history.
    pub(super) fn read_invocation(
        &mut self,
        client: u64,
        process: u64,
        input: I,
        at: Moment,
    ) -> Result<(), &'static str> {
        if self.open.contains_key(&process) {
            return Err("its process has an operation open, or left one open before");
        }
        self.read_moment(at)?;
        self.push(client, process, input, at);
        Ok(())
    }

    /// Notes what came of an operation in another history.
    pub(super) fn read_completion(
        &mut self,
        process: u64,
        invocation: u64,
        outcome: Outcome<O>,
    ) -> Result<(), &'static str> {
        let is_it = |operation: &&usize| {
            let Operation { invoked, outcome, .. } = &self.operations[**operation];
            invoked.index == invocation && outcome.at().is_none()
        };
        let Some(&operation) = self.open.get(&process).filter(is_it) else {
            return Err("its process has no operation open that was invoked there");
        };
        outcome.at().map_or(Ok(()), |at| self.read_moment(at))?;
        self.close(operation, outcome);
        Ok(())
    }

    fn read_moment(&mut self, at: Moment) -> Result<(), &'static str> {
        if at.index < self.events {
            return Err("its index is not above that of the event before");
        }
        self.events = at.index.saturating_add(1);
        Ok(())
    }

    fn now(&mut self, clock: &dyn Fn() -> Duration) -> Moment {
        let index = self.events;
        self.events += 1;
        Moment { index, time: clock() }
    }

    fn push(&mut self, client: u64, process: u64, input: I, invoked: Moment) -> usize {
        let (operation, outcome) = (self.operations.len(), Outcome::Unknown { at: None });
        self.operations.push(Operation { client, process, input, invoked, outcome });
        self.processes.insert(client, process);
        self.next_process = self.next_process.max(process.saturating_add(1));
        self.open.insert(process, operation);
        operation
    }

    fn close(&mut self, operation: usize, outcome: Outcome<O>) {
        let closed = &mut self.operations[operation];
        // Of what nobody knows may take effect later, so its process stays with it.
        if !matches!(outcome, Outcome::Unknown { .. }) {
            self.open.remove(&closed.process);
        }
        closed.outcome = outcome;
    }
}

impl<I, O> Default for Log<I, O> {
    fn default() -> Self {
        let (processes, open) = (BTreeMap::new(), BTreeMap::new());
        Self { operations: Vec::new(), events: 0, processes, next_process: 0, open }
    }
}
