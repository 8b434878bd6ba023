use super::Model;
use super::configuration::{Linearized, Seen, StateId, States};
use super::entries::Entries;

/// The operations on one object, of which an order is looked for.
#[derive(Debug)]
pub(super) struct Problem<'a, M: Model> {
    pub(super) model: &'a M,
    pub(super) key: &'a M::Key,
    /// What must have taken effect, in the order of the invocations.
    pub(super) required: Vec<Required<'a, M>>,
    /// What may have.
    pub(super) optional: Vec<Optional<'a, M>>,
}

/// An operation that returned.
#[derive(Debug)]
pub(super) struct Required<'a, M: Model> {
    pub(super) input: &'a M::Input,
    pub(super) output: &'a M::Output,
    /// The indices of its invocation and of its return.
    pub(super) interval: (u64, u64),
}

/// An operation of which it is not known whether it took effect.
#[derive(Debug)]
pub(super) struct Optional<'a, M: Model> {
    pub(super) input: &'a M::Input,
    /// The index from which on it may.
    pub(super) from: u64,
    /// It takes effect once at most.
    pub(super) once: bool,
}

/// What came of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is an order, in which these of the optional operations take effect.
    Linearizable { taken: Vec<usize> },
    /// There is none, but there is one of what was before this return.
    NotLinearizable { blocked: u64 },
    /// So many steps were not enough.
    Undecided,
}

/// Looks for an order, and takes the steps that it needs from those that are left. A step tries one
/// operation in one state.
///
/// Wing and Gong (Testing and Verifying Concurrent Objects, 1993) try every operation that could be
/// next, and go back when none can; an operation could be next when it was invoked before the first
/// return of those that are left. Lowe (Testing for Linearizability, 2017) keeps the events in
/// a list and does not try twice what has taken effect with the same state after it.
///
/// Of an operation that did not return only the invocation is known. It is tried when no other can
/// be next. It need not take effect where it would change nothing, nor directly before one that
/// overwrites what it did: without it that one leaves the same, and it is still there for later.
pub(super) fn search<M: Model>(problem: &Problem<'_, M>, steps: &mut u64) -> Verdict {
    let mut search = Search::new(problem);
    let mut cursor = search.start();
    while search.left > 0 {
        match search.candidate(cursor) {
            Some(_) if *steps == 0 => return Verdict::Undecided,
            Some(candidate) => {
                *steps -= 1;
                cursor = if search.linearize(candidate) {
                    search.start()
                } else {
                    search.behind(candidate)
                };
            }
            None => match search.undo() {
                Some(undone) => cursor = search.behind(undone),
                None => return Verdict::NotLinearizable { blocked: search.blocked },
            },
        }
    }
    Verdict::Linearizable { taken: search.taken() }
}

struct Search<'a, 'p, M: Model> {
    problem: &'p Problem<'a, M>,
    entries: Entries,
    states: States<M::State>,
    seen: Seen,
    state: StateId,
    required: Linearized,
    optional: Linearized,
    /// The numbers of the optional operations, first of those that do not overwrite.
    optional_order: Vec<usize>,
    overwriting_from: usize,
    /// What has taken effect, the last at the end, each with the state before it.
    order: Vec<(Candidate, StateId)>,
    /// How many of the required have not taken effect.
    left: usize,
    /// The latest of the returns before which something had to take effect and nothing could.
    blocked: u64,
}

/// Where to look for the next operation: in the list, or in the order of the optional ones.
#[derive(Clone, Copy)]
enum Cursor {
    Entry(usize),
    Optional(usize),
}

/// An operation that could be the next.
#[derive(Clone, Copy)]
enum Candidate {
    Required(usize),
    Optional { operation: usize, place: usize },
}

impl<'a, 'p, M: Model> Search<'a, 'p, M> {
    fn new(problem: &'p Problem<'a, M>) -> Self {
        let Problem { model, key, required, optional } = problem;
        let mut states = States::new();
        let (overwriting, mut optional_order): (Vec<_>, Vec<_>) =
            (0..optional.len()).partition(|operation| model.overwrites(optional[*operation].input));
        let overwriting_from = optional_order.len();
        optional_order.extend(overwriting);
        Self {
            problem,
            entries: Entries::new(required.iter().map(|operation| operation.interval)),
            state: states.id(model.init(key)),
            states,
            seen: Seen::default(),
            required: Linearized::new(required.len()),
            optional: Linearized::new(optional.len()),
            optional_order,
            overwriting_from,
            order: Vec::new(),
            left: required.len(),
            blocked: 0,
        }
    }

    fn start(&self) -> Cursor {
        Cursor::Entry(self.entries.first())
    }

    fn behind(&self, candidate: Candidate) -> Cursor {
        match candidate {
            Candidate::Required(operation) => {
                Cursor::Entry(self.entries.after_invocation(operation))
            }
            Candidate::Optional { place, .. } => Cursor::Optional(place + 1),
        }
    }

    /// The first operation from there on that could be the next.
    fn candidate(&mut self, cursor: Cursor) -> Option<Candidate> {
        let Problem { model, required, optional, .. } = self.problem;
        let after_optional = matches!(self.order.last(), Some((Candidate::Optional { .. }, _)));
        let from = match cursor {
            Cursor::Entry(place) => {
                let may_follow = |operation: &usize| {
                    !(after_optional && model.overwrites(required[*operation].input))
                };
                match self.entries.invoked_from(place).find(may_follow) {
                    Some(operation) => return Some(Candidate::Required(operation)),
                    None => 0,
                }
            }
            Cursor::Optional(from) => from,
        };
        let until = required[self.entries.first_to_return()?].interval.1;
        self.blocked = self.blocked.max(until);
        let is_free = |place: &usize| {
            let operation = self.optional_order[*place];
            let Optional { from, once, .. } = optional[operation];
            from < until && !(once && self.optional.contains(operation))
        };
        let end = if after_optional { self.overwriting_from } else { optional.len() };
        let place = (from..end).find(is_free)?;
        Some(Candidate::Optional { operation: self.optional_order[place], place })
    }

    /// Lets the operation take effect, if it can and that leads to where the search has not been.
    fn linearize(&mut self, candidate: Candidate) -> bool {
        let before = self.state;
        let (input, output) = match candidate {
            Candidate::Required(operation) => {
                let Required { input, output, .. } = self.problem.required[operation];
                (input, Some(output))
            }
            Candidate::Optional { operation, .. } => (self.problem.optional[operation].input, None),
        };
        let Some(next) = self.problem.model.step(self.states.get(before), input, output) else {
            return false;
        };
        self.state = self.states.id(next);
        if output.is_none() && self.state == before {
            return false;
        }
        self.mark(candidate);
        if !self.seen.insert(&self.required, &self.optional, self.state) {
            self.unmark(candidate);
            self.state = before;
            return false;
        }
        if let Candidate::Required(operation) = candidate {
            self.entries.take_out(operation);
            self.left -= 1;
        }
        self.order.push((candidate, before));
        true
    }

    /// Takes back what took effect last.
    fn undo(&mut self) -> Option<Candidate> {
        let (candidate, before) = self.order.pop()?;
        self.unmark(candidate);
        self.state = before;
        if let Candidate::Required(operation) = candidate {
            self.entries.put_back(operation);
            self.left += 1;
        }
        Some(candidate)
    }

    fn taken(&self) -> Vec<usize> {
        let optional = |(candidate, _): &(Candidate, StateId)| match candidate {
            Candidate::Optional { operation, .. } => Some(*operation),
            Candidate::Required(_) => None,
        };
        self.order.iter().filter_map(optional).collect()
    }

    fn mark(&mut self, candidate: Candidate) {
        match candidate {
            Candidate::Required(operation) => self.required.insert(operation),
            Candidate::Optional { operation, .. } if self.problem.optional[operation].once => {
                self.optional.insert(operation);
            }
            Candidate::Optional { .. } => {}
        }
    }

    fn unmark(&mut self, candidate: Candidate) {
        match candidate {
            Candidate::Required(operation) => self.required.remove(operation),
            Candidate::Optional { operation, .. } if self.problem.optional[operation].once => {
                self.optional.remove(operation);
            }
            Candidate::Optional { .. } => {}
        }
    }
}
