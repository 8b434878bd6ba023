//! A real map, each of whose operations takes effect at one instant, and what clients see of it.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{CheckError, History, Invocation, KeyValue};
use crate::history::key_value::{Input, Output};

type Map = KeyValue<u8, u32>;

/// Which client goes on, the key and what it does, if it begins something.
type Step = (u64, u8, u8);

/// Clients take turns: each asks, its operation takes effect at a later turn, and it hears of that
/// at a still later one, unless its operation fails or is given up.
struct Run {
    history: History<Map>,
    map: BTreeMap<u8, u32>,
    open: BTreeMap<u64, Open>,
    values: u32,
}

struct Open {
    invocation: Invocation<Map>,
    input: Input<u8, u32>,
    fate: u8,
    answer: Option<Output<u32>>,
}

impl Run {
    fn new() -> Self {
        let history = History::new(KeyValue::new());
        Self { history, map: BTreeMap::new(), open: BTreeMap::new(), values: 0 }
    }

    fn step(&mut self, (client, key, choice): Step) {
        match self.open.remove(&client) {
            None => self.begin(client, key, choice),
            Some(open) if open.answer.is_some() => self.end(open),
            // Given up, and it never takes effect; the like of it that does is given up in `end`.
            Some(open) if open.fate == 1 => drop(open.invocation),
            Some(open) if open.fate == 2 => open.invocation.failed(),
            Some(open) => {
                let answer = Some(self.take_effect(&open.input));
                self.open.insert(client, Open { answer, ..open });
            }
        }
    }

    fn begin(&mut self, client: u64, key: u8, choice: u8) {
        self.values += 1;
        let new = self.values;
        let input = match choice % 8 {
            0..3 => Input::Read { key },
            3..6 => Input::Write { key, value: new },
            6 => Input::CompareAndSet { key, expected: self.map.get(&key).copied(), new },
            _ => Input::Delete { key },
        };
        let invocation = self.history.invoke(client, input.clone());
        self.open.insert(client, Open { invocation, input, fate: choice / 8, answer: None });
    }

    fn take_effect(&mut self, input: &Input<u8, u32>) -> Output<u32> {
        match input {
            Input::Read { key } => return Output::Value(self.map.get(key).copied()),
            Input::Write { key, value } => self.map.insert(*key, *value),
            Input::Delete { key } => self.map.remove(key),
            Input::CompareAndSet { key, expected, .. }
                if self.map.get(key) != expected.as_ref() =>
            {
                return Output::Changed(false);
            }
            Input::CompareAndSet { key, new, .. } => {
                self.map.insert(*key, *new);
                return Output::Changed(true);
            }
        };
        Output::Done
    }

    fn end(&self, open: Open) {
        match open.answer {
            Some(answer) if open.fate != 3 => open.invocation.returned(answer),
            _ => drop(open.invocation),
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Of 16 operations one is given up and never takes effect, one fails, one is given up and does.
    let choice = prop_oneof![13 => 0..8_u8, 1 => 8..16_u8, 1 => 16..24_u8, 1 => 24..32_u8];
    vec((0..5_u64, 0..3_u8, choice), 0..300)
}

fn run(steps: Vec<Step>) -> Run {
    let mut run = Run::new();
    steps.into_iter().for_each(|step| run.step(step));
    run
}

proptest! {
    #[test]
    fn what_clients_see_of_it_is_linearizable(steps in steps()) {
        let run = run(steps);
        run.history.check().map_err(|error| TestCaseError::fail(error.to_string()))?;
    }

    #[test]
    fn a_stale_read_is_found_and_shown_by_three_operations(
        before in steps(),
        between in vec((0..5_u64, 1..3_u8, 0..8_u8), 0..50),
        after in steps(),
    ) {
        let mut run = run(before);
        let write = |value| Input::Write { key: 0, value };
        run.history.invoke(8, write(1_000_001)).returned(Output::Done);
        run.history.invoke(8, write(1_000_002)).returned(Output::Done);
        between.into_iter().for_each(|step| run.step(step));
        run.history.invoke(9, Input::Read { key: 0 }).returned(Output::Value(Some(1_000_001)));
        after.into_iter().for_each(|step| run.step(step));

        let Err(CheckError::Violation(violation)) = run.history.check() else {
            return Err(TestCaseError::fail("it is not found"));
        };
        prop_assert_eq!(violation.witnesses().len(), 3, "{}", violation);
        prop_assert!(violation.is_minimal());
        prop_assert_eq!(violation.culprit().client, 9);
        prop_assert_eq!(&violation.culprit().text, "read 1000001 at 0");
    }

    #[test]
    fn a_history_that_was_written_is_read_as_it_was(steps in steps()) {
        let history = run(steps).history;
        let mut file = Vec::new();
        history.write_json(&mut file).unwrap();
        let read = History::read_json(Map::new(), &file[..]).unwrap();
        prop_assert_eq!(format!("{:?}", read.operations()), format!("{:?}", history.operations()));
        let mut again = Vec::new();
        read.write_json(&mut again).unwrap();
        prop_assert_eq!(file, again);
    }
}
