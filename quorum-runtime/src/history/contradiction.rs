use std::collections::BTreeMap;

use super::recorder::OperationOf;
use super::search::{Optional, Problem, Required, Verdict, search};
use super::{Model, Outcome};

/// Operations that contradict each other, whatever the others did.
#[derive(Debug)]
pub(super) struct Contradiction {
    /// Which of the operations, in their order.
    pub(super) members: Vec<usize>,
    /// Which of them returned what no order explains.
    pub(super) culprit: usize,
    /// Without any of them the others no longer contradict each other.
    pub(super) minimal: bool,
}

/// How many steps are spent on one contradiction.
const MAX_STEPS: u64 = 4_000_000;

/// Finds a small contradiction among the operations on an object, whose history is not linearizable,
/// but is before the return `blocked`.
///
/// To leave operations out would be wrong: a read without the write that it saw is a violation that
/// never was. So an operation is *set free* instead: it may have taken effect at any time, many
/// times or never, and what it returned does not matter. That only allows more orders, so if there is
/// still none, those that are not free contradict each other.
///
/// First all are free but the *culprit*: the one with whose return the history ceases to be
/// linearizable. As long as there is an order, the free operations that take effect in it are bound
/// again, for they are its excuses. Then each is set free in turn, and stays so where there is still no
/// order. What is needed beside many others is needed beside few, so what is left is minimal.
pub(super) fn contradiction<M: Model>(
    model: &M,
    key: &M::Key,
    operations: &[&OperationOf<M>],
    blocked: u64,
) -> Contradiction {
    let mut search = Narrowing::new(model, key, operations);
    let enough = search.find_culprit(blocked);
    let minimal = enough && search.bind_excuses() && search.set_free_what_is_not_needed();
    let members = (0..operations.len()).filter(|operation| search.bound[*operation]).collect();
    Contradiction { members, culprit: search.culprit, minimal }
}

struct Narrowing<'a, 'o, M: Model> {
    model: &'a M,
    key: &'a M::Key,
    operations: &'o [&'a OperationOf<M>],
    /// Operations of one class ask for the same, so that one of them stands for all that are free.
    classes: Vec<usize>,
    /// Which are not free.
    bound: Vec<bool>,
    culprit: usize,
    /// The return of the culprit: what was later is as if it had not been yet.
    blocked: u64,
    steps: u64,
}

impl<'a, 'o, M: Model> Narrowing<'a, 'o, M> {
    fn new(model: &'a M, key: &'a M::Key, operations: &'o [&'a OperationOf<M>]) -> Self {
        let mut known = BTreeMap::new();
        let mut class = |operation: &&OperationOf<M>| {
            let next = known.len();
            *known.entry(format!("{:?}", operation.input)).or_insert(next)
        };
        let classes = operations.iter().map(&mut class).collect();
        let bound = vec![true; operations.len()];
        Self { model, key, operations, classes, bound, culprit: 0, blocked: 0, steps: MAX_STEPS }
    }

    /// Finds the first return with which there is no order, which is this one or later, and says
    /// whether the steps were enough: an operation that returns after this one may have an answer that
    /// fits less than those it could have had.
    fn find_culprit(&mut self, from: u64) -> bool {
        let returned = |(number, operation): (usize, &&OperationOf<M>)| {
            operation.outcome.returned().map(|(_, at)| (at.index, number))
        };
        let mut returns: Vec<_> = self.operations.iter().enumerate().filter_map(returned).collect();
        returns.sort_unstable();
        returns.retain(|(at, _)| *at >= from);
        for (at, operation) in returns {
            (self.blocked, self.culprit) = (at, operation);
            match self.attempt() {
                Attempt::Order { .. } => {}
                Attempt::Contradiction => return true,
                Attempt::Undecided => return false,
            }
        }
        false
    }

    /// Binds operations until there is no order, and says whether the steps were enough.
    fn bind_excuses(&mut self) -> bool {
        self.bound.fill(false);
        self.bound[self.culprit] = true;
        let (mut nearest, mut more) = (self.nearest().into_iter(), 1);
        loop {
            match self.attempt() {
                Attempt::Contradiction => return true,
                Attempt::Order { excuses } if excuses.is_empty() => {
                    // Those that are bound are at peace, so there is one missing: most often
                    // one that was shortly before.
                    if nearest.len() == 0 {
                        return false; // The model does not do the same every time.
                    }
                    nearest.by_ref().take(more).for_each(|operation| self.bound[operation] = true);
                    more *= 2;
                }
                Attempt::Order { excuses } => {
                    for (bound, class) in self.bound.iter_mut().zip(&self.classes) {
                        *bound |= excuses.contains(class);
                    }
                }
                Attempt::Undecided => {
                    self.bound.fill(true);
                    return false;
                }
            }
        }
    }

    /// Sets each operation free that is not needed, and says whether the steps were enough.
    fn set_free_what_is_not_needed(&mut self) -> bool {
        let mut enough = true;
        for operation in 0..self.bound.len() {
            if self.bound[operation] && operation != self.culprit {
                self.bound[operation] = false;
                let attempt = self.attempt();
                self.bound[operation] = !matches!(attempt, Attempt::Contradiction);
                enough &= !matches!(attempt, Attempt::Undecided);
            }
        }
        enough
    }

    /// All operations, first those that were begun before the contradiction, from the latest.
    fn nearest(&self) -> Vec<usize> {
        let begun = |o: &usize| self.operations[*o].invoked.index < self.blocked;
        let (before, after): (Vec<_>, Vec<_>) = (0..self.operations.len()).partition(begun);
        before.into_iter().rev().chain(after).collect()
    }

    fn attempt(&mut self) -> Attempt {
        let (problem, free) = self.problem();
        match search(&problem, &mut self.steps) {
            Verdict::NotLinearizable { .. } => Attempt::Contradiction,
            Verdict::Undecided => Attempt::Undecided,
            Verdict::Linearizable { taken } => {
                Attempt::Order { excuses: taken.into_iter().filter_map(|o| free[o]).collect() }
            }
        }
    }

    /// What is to be ordered, and the classes of those of its optional operations that are free.
    fn problem(&self) -> (Problem<'a, M>, Vec<Option<usize>>) {
        let (mut required, mut optional, mut free) = (Vec::new(), Vec::new(), Vec::new());
        let mut represented = vec![false; self.operations.len()];
        for (number, operation) in self.operations.iter().enumerate() {
            let (input, invoked) = (&operation.input, operation.invoked.index);
            let class = self.classes[number];
            match &operation.outcome {
                _ if !self.bound[number] => {
                    if !std::mem::replace(&mut represented[class], true) {
                        optional.push(Optional { input, from: 0, once: false });
                        free.push(Some(class));
                    }
                }
                Outcome::Returned { output, at } if at.index <= self.blocked => {
                    required.push(Required { input, output, interval: (invoked, at.index) });
                }
                _ => {
                    optional.push(Optional { input, from: invoked, once: true });
                    free.push(None);
                }
            }
        }
        (Problem { model: self.model, key: self.key, required, optional }, free)
    }
}

enum Attempt {
    Contradiction,
    /// There is an order, with these classes of free operations.
    Order {
        excuses: Vec<usize>,
    },
    Undecided,
}
