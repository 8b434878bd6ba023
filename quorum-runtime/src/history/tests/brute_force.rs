//! Every order of every choice of operations, each compared with the definition.

use proptest::prelude::*;

use super::generated::{End, Noted, histories, recorded};
use super::{CheckError, History, Outcome, Register, Violation};
use crate::history::register::{Input, Output};

/// Herlihy and Wing (1990): some of the operations that did not return can be given answers, so that there is an order of
/// them and of all that returned, which a register could have had and which reverses no two that
/// followed one another.
fn is_linearizable(operations: &[Noted]) -> bool {
    let mut order = Vec::new();
    some_order(operations, &mut order)
}

fn some_order<'a>(operations: &'a [Noted], order: &mut Vec<&'a Noted>) -> bool {
    let is_in = |operation: &Noted| order.iter().any(|other| other.invoked == operation.invoked);
    let misses_none = operations
        .iter()
        .all(|operation| !matches!(operation.outcome, End::Returned(_)) || is_in(operation));
    if misses_none && keeps_the_order_of_time(order) && is_of_a_register(order) {
        return true;
    }
    let others: Vec<_> =
        operations.iter().filter(|o| o.outcome != End::Failed && !is_in(o)).collect();
    others.into_iter().any(|operation| {
        order.push(operation);
        let found = some_order(operations, order);
        order.pop();
        found
    })
}

fn keeps_the_order_of_time(order: &[&Noted]) -> bool {
    let precedes = |one: &Noted, other: &Noted| {
        matches!(one.outcome, End::Returned(_)) && one.ended < other.invoked
    };
    (0..order.len()).all(|late| (0..late).all(|early| !precedes(order[late], order[early])))
}

fn is_of_a_register(order: &[&Noted]) -> bool {
    let mut value = None;
    order.iter().all(|operation| {
        let answer = match &operation.input {
            Input::Read => Output::Value(value),
            Input::Write(new) => {
                value = Some(*new);
                Output::Done
            }
            Input::Delete => {
                value = None;
                Output::Done
            }
            Input::CompareAndSet { expected, new } => {
                let changed = value == *expected;
                value = if changed { Some(*new) } else { value };
                Output::Changed(changed)
            }
        };
        operation.outcome == End::Unknown || operation.outcome == End::Returned(answer)
    })
}

fn violation(history: &History<Register<u8>>) -> Option<Violation> {
    match history.check() {
        Ok(_) => None,
        Err(CheckError::Violation(violation)) => Some(violation),
        Err(CheckError::Undecided(undecided)) => panic!("{undecided}"),
    }
}

/// Without what is known of the operations that are no witnesses.
fn with_others_free(
    operations: &[Noted],
    history: &History<Register<u8>>,
    violation: &Violation,
) -> Vec<Noted> {
    let mut noted: Vec<_> = operations.to_vec();
    noted.sort_unstable_by_key(|operation| operation.invoked);
    let is_witness = |index| violation.witnesses().iter().any(|w| w.invoked.index == index);
    for (noted, operation) in noted.iter_mut().zip(history.operations()) {
        let failed = matches!(operation.outcome, Outcome::Failed { .. });
        if !failed && !is_witness(operation.invoked.index) {
            (noted.invoked, noted.outcome) = (noted.invoked % 100, End::Unknown);
        }
    }
    noted
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn both_say_the_same_of_up_to_six_operations(operations in histories(6, 1)) {
        let history = recorded(&operations);
        let found = violation(&history);
        prop_assert_eq!(found.is_none(), is_linearizable(&operations), "{:?}", found);
    }

    #[test]
    fn witnesses_contradict_each_other_and_none_is_too_many(operations in histories(5, 2)) {
        let history = recorded(&operations);
        let Some(violation) = violation(&history) else { return Ok(()) };
        prop_assert!(violation.is_minimal());
        let free = with_others_free(&operations, &history, &violation);
        prop_assert!(!is_linearizable(&free), "{violation}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn both_say_the_same_of_seven_operations(operations in histories(7, 3)) {
        let found = violation(&recorded(&operations));
        prop_assert_eq!(found.is_none(), is_linearizable(&operations), "{:?}", found);
    }
}
