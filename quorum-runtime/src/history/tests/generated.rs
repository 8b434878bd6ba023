//! Random histories of a register of small numbers.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::history::register::{Input, Output};
use crate::history::{History, Register};

/// An operation, and when its client asked and was answered: numbers that are unlike all others.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    pub(super) input: Input<u8>,
    pub(super) outcome: End,
    pub(super) invoked: u32,
    pub(super) ended: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum End {
    Returned(Output<u8>),
    Failed,
    Unknown,
}

/// Up to so many operations, of which this part in ten does not return.
pub(super) fn histories(operations: usize, open: u32) -> impl Strategy<Value = Vec<Noted>> {
    let input = prop_oneof![
        4 => Just(Input::Read),
        3 => (1..3_u8).prop_map(Input::Write),
        1 => Just(Input::Delete),
        2 => (prop::option::of(1..3_u8), 1..3_u8)
            .prop_map(|(expected, new)| Input::CompareAndSet { expected, new }),
    ];
    let answers = (prop::option::of(1..3_u8), any::<bool>());
    let times = (0..100_u32, 1..40_u32);
    let operation = (input, answers, 0..10_u32, times);
    vec(operation, 0..=operations).prop_map(move |operations| {
        let note = |(number, (input, (value, changed), fate, (begin, length)))| Noted {
            outcome: match fate {
                _ if fate + open >= 10 => End::Unknown,
                0 => End::Failed,
                _ => End::Returned(answer(&input, value, changed)),
            },
            input,
            invoked: begin * 100 + number,
            ended: (begin + length) * 100 + number,
        };
        (0..).zip(operations).map(note).collect()
    })
}

fn answer(input: &Input<u8>, value: Option<u8>, changed: bool) -> Output<u8> {
    match input {
        Input::Read => Output::Value(value),
        Input::Write(_) | Input::Delete => Output::Done,
        Input::CompareAndSet { .. } => Output::Changed(changed),
    }
}

/// Lets clients do what is written there.
pub(super) fn recorded(operations: &[Noted]) -> History<Register<u8>> {
    let history = History::new(Register::new());
    let mut events: Vec<_> = (0..operations.len())
        .flat_map(|o| [(operations[o].invoked, o), (operations[o].ended, o)])
        .collect();
    events.sort_unstable();
    let mut open: Vec<_> = operations.iter().map(|_| None).collect();
    for (_, operation) in events {
        let Noted { input, outcome, .. } = &operations[operation];
        let Some(invocation) = open[operation].take() else {
            open[operation] = Some(history.invoke(operation as u64 % 3, input.clone()));
            continue;
        };
        match outcome {
            End::Returned(output) => invocation.returned(output.clone()),
            End::Failed => invocation.failed(),
            End::Unknown => drop(invocation),
        }
    }
    history
}
