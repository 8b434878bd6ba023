//! The checker against that of `todc-utils`, which knows no operations that are left open.

use proptest::collection::vec;
use proptest::prelude::*;
use todc_utils::linearizability::WGLChecker;
use todc_utils::specifications::register::{RegisterOperation, RegisterSpecification};
use todc_utils::{Action, History as Other};

use super::{History, Register};
use crate::history::register::{Input, Output};

type Checker = WGLChecker<RegisterSpecification<u32>>;

/// What each of three clients does next: `None` reads this value, `Some` writes it.
fn steps() -> impl Strategy<Value = Vec<(usize, bool, u32)>> {
    vec((0..3_usize, any::<bool>(), 0..3_u32), 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn both_say_the_same_of_reads_and_writes(steps in steps()) {
        let (mut ours, mut theirs) = (History::new(Register::holding(0)), Vec::new());
        let mut open = [const { None }; 3];
        // A client that is drawn returns if it has asked, and asks if it has not; at the end all return.
        for (client, reads, value) in steps.into_iter().chain((0..3).map(|client| (client, true, 0))) {
            match open[client].take() {
                Some((invocation, reads, value)) => end(invocation, reads, value, client, &mut theirs),
                None => open[client] = Some(begin(&mut ours, reads, value, client, &mut theirs)),
            }
        }
        for (client, open) in open.into_iter().enumerate() {
            if let Some((invocation, reads, value)) = open {
                end(invocation, reads, value, client, &mut theirs);
            }
        }
        let theirs = Checker::is_linearizable(Other::from_actions(theirs));
        prop_assert_eq!(ours.check().is_ok(), theirs);
    }
}

type Open = (crate::history::Invocation<Register<u32>>, bool, u32);
type Theirs = Vec<(usize, Action<RegisterOperation<u32>>)>;

fn begin(
    ours: &mut History<Register<u32>>,
    reads: bool,
    value: u32,
    client: usize,
    theirs: &mut Theirs,
) -> Open {
    let (input, other) = if reads {
        (Input::Read, RegisterOperation::Read(None))
    } else {
        (Input::Write(value), RegisterOperation::Write(value))
    };
    theirs.push((client, Action::Call(other)));
    (ours.invoke(client as u64, input), reads, value)
}

fn end(
    invocation: crate::history::Invocation<Register<u32>>,
    reads: bool,
    value: u32,
    client: usize,
    theirs: &mut Theirs,
) {
    let (output, other) = if reads {
        (Output::Value(Some(value)), RegisterOperation::Read(Some(value)))
    } else {
        (Output::Done, RegisterOperation::Write(value))
    };
    theirs.push((client, Action::Response(other)));
    invocation.returned(output);
}
