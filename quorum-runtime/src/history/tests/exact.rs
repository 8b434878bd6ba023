//! Histories written by hand, and the texts that users read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use expect_test::{Expect, expect};

use super::{CheckError, History, Invocation, Register};
use crate::history::register::{Input, Output};

/// A history whose clock moves a tenth of a second with each event.
fn history() -> History<Register<&'static str>> {
    let ticks = AtomicU64::new(0);
    let clock = move || Duration::from_millis(100 * ticks.fetch_add(1, Ordering::Relaxed));
    History::new(Register::new()).with_clock(clock)
}

fn write(
    history: &History<Register<&'static str>>,
    client: u64,
    value: &'static str,
) -> Invocation<Register<&'static str>> {
    history.invoke(client, Input::Write(value))
}

fn read(history: &History<Register<&'static str>>, client: u64, value: Option<&'static str>) {
    history.invoke(client, Input::Read).returned(Output::Value(value));
}

fn says(history: &History<Register<&'static str>>, expected: &Expect) {
    let error = history.check().unwrap_err();
    assert!(matches!(&error, CheckError::Violation(violation) if violation.is_minimal()));
    expected.assert_eq(&error.to_string());
}

#[test]
fn a_value_that_was_never_written() {
    let history = history();
    write(&history, 1, "a").returned(Output::Done);
    read(&history, 2, Some("x"));
    read(&history, 2, Some("a"));
    says(
        &history,
        &expect![[
            r#"the history of the register is not linearizable: client 2 read "x" between 0.200 s and 0.300 s, which no order explains, whatever the other operations did"#
        ]],
    );
}

#[test]
fn a_value_that_is_written_later() {
    let history = history();
    write(&history, 3, "a").returned(Output::Done);
    read(&history, 2, Some("b"));
    write(&history, 1, "b").returned(Output::Done);
    says(
        &history,
        &expect![[r#"
        the history of the register is not linearizable: client 2 read "b" between 0.200 s and 0.300 s; no order explains these 2 of 3 operations, whatever the others did:
        > client 2: 0.200 s to 0.300 s: read "b"
          client 1: 0.400 s to 0.500 s: wrote "b""#]],
    );
}

#[test]
fn a_value_that_was_lost() {
    let history = history();
    write(&history, 1, "a").returned(Output::Done);
    read(&history, 2, Some("a"));
    read(&history, 2, None);
    says(
        &history,
        &expect![[r#"
        the history of the register is not linearizable: client 2 found nothing between 0.400 s and 0.500 s, after client 2 read "a" (acknowledged at 0.300 s); no order explains these 2 of 3 operations, whatever the others did:
          client 2: 0.200 s to 0.300 s: read "a"
        > client 2: 0.400 s to 0.500 s: found nothing"#]],
    );
}

#[test]
fn a_value_that_flickers() {
    let history = history();
    let writes = (write(&history, 1, "a"), write(&history, 2, "b"));
    for value in ["a", "b", "a"] {
        read(&history, 3, Some(value));
    }
    drop(writes);
    says(
        &history,
        &expect![[r#"
        the history of the register is not linearizable: client 3 read "a" between 0.600 s and 0.700 s, after client 3 read "b" (acknowledged at 0.500 s); no order explains these 4 of 5 operations, whatever the others did:
          client 1: from 0.000 s, no answer: write "a"
          client 3: 0.200 s to 0.300 s: read "a"
          client 3: 0.400 s to 0.500 s: read "b"
        > client 3: 0.600 s to 0.700 s: read "a""#]],
    );
}

#[test]
fn a_write_that_failed_and_is_seen() {
    let history = history();
    write(&history, 1, "a").failed();
    read(&history, 2, Some("a"));
    says(
        &history,
        &expect![[
            r#"the history of the register is not linearizable: client 2 read "a" between 0.200 s and 0.300 s, which no order explains, whatever the other operations did"#
        ]],
    );
}

#[test]
fn two_changes_of_one_value() {
    let history = history();
    write(&history, 1, "a").returned(Output::Done);
    let change =
        |client, new| history.invoke(client, Input::CompareAndSet { expected: Some("a"), new });
    let (one, other) = (change(1, "b"), change(2, "c"));
    one.returned(Output::Changed(true));
    other.returned(Output::Changed(true));
    says(
        &history,
        &expect![[r#"
            the history of the register is not linearizable: client 2 changed "a" to "c" between 0.300 s and 0.500 s, after client 1 wrote "a" (acknowledged at 0.100 s); no order explains these 3 operations:
              client 1: 0.000 s to 0.100 s: wrote "a"
              client 1: 0.200 s to 0.400 s: changed "a" to "b"
            > client 2: 0.300 s to 0.500 s: changed "a" to "c""#]],
    );
}

#[test]
fn a_client_that_left_an_operation_open_goes_on_as_another_process() {
    let history = history();
    drop(write(&history, 7, "a"));
    read(&history, 7, Some("a"));
    read(&history, 8, Some("a"));
    let open = write(&history, 7, "b");
    write(&history, 7, "c").returned(Output::Done);
    open.returned(Output::Done);
    write(&history, 7, "d").failed();
    read(&history, 7, Some("c"));
    let processes: Vec<_> = history.operations().iter().map(|o| (o.client, o.process)).collect();
    assert_eq!(processes, [(7, 0), (7, 1), (8, 2), (7, 1), (7, 3), (7, 3), (7, 3)]);
    assert_eq!(history.check().unwrap().unknown, 1);
}

#[test]
fn writes_that_were_left_open_take_effect_late_and_in_any_order_and_once() {
    let history = history();
    for value in ["a", "b", "c"] {
        drop(write(&history, 1, value));
    }
    for value in ["c", "a", "b"] {
        read(&history, 2, Some(value));
    }
    history.check().unwrap();
    read(&history, 2, Some("a"));
    history.check().unwrap_err();
}

#[test]
fn writes_that_were_left_open_are_not_tried_in_every_order() {
    let history = history();
    for value in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"] {
        drop(write(&history, 1, value));
    }
    read(&history, 2, Some("p"));
    read(&history, 2, Some("x"));
    let error = history.check_within(1000).unwrap_err();
    assert!(matches!(error, CheckError::Violation(_)), "{error}");
}

#[test]
fn a_violation_counts_more_than_a_key_of_which_nothing_was_found_out() {
    use crate::history::KeyValue;
    use crate::history::key_value::Input;

    let history = History::new(KeyValue::new());
    // Any way from value to value is a way that they could have gone.
    for expected in 0..6 {
        for new in 0..6 {
            let expected = (expected > 0).then_some(expected);
            drop(history.invoke(1, Input::CompareAndSet { key: "a", expected, new }));
        }
    }
    history.invoke(2, Input::Read { key: "a" }).returned(Output::Value(Some(30)));
    let undecided = |error| matches!(error, CheckError::Undecided(_));
    assert!(undecided(history.check_within(10_000).unwrap_err()));
    history.invoke(2, Input::Read { key: "b" }).returned(Output::Value(Some(30)));
    assert!(!undecided(history.check_within(10_000).unwrap_err()));
}

#[test]
fn a_history_without_operations_is_linearizable_and_says_so() {
    assert_eq!(history().check().unwrap().to_string(), "0 operations, 0 keys: linearizable");
}
