//! The check of what five clients saw of one register.

use divan::Bencher;
use quorum_runtime::history::register::{Input, Output};
use quorum_runtime::history::{History, Invocation, Register};

/// What a client waits for, and what it will be answered.
type Open = (Invocation<Register<usize>>, Output<usize>);

const CLIENTS: usize = 5;
const OPERATIONS: [usize; 2] = [1000, 5000];

#[divan::bench(args = OPERATIONS)]
fn linearizable(bencher: Bencher<'_, '_>, operations: usize) {
    let history = history(operations, operations, 0);
    bencher.bench(|| history.check().expect("all is as one copy would do it"));
}

/// Ten of the writes were left open.
#[divan::bench(args = OPERATIONS)]
fn ten_open(bencher: Bencher<'_, '_>, operations: usize) {
    let history = history(operations, operations, 10);
    bencher.bench(|| history.check().expect("all is as one copy would do it"));
}

/// A read in the middle saw a value of long before, and the operations that show it are looked for.
#[divan::bench(args = OPERATIONS)]
fn stale_read(bencher: Bencher<'_, '_>, operations: usize) {
    let history = history(operations, operations / 2, 0);
    bencher.bench(|| history.check().expect_err("a read is stale"));
}

/// The same with ten writes that were left open.
#[divan::bench(args = OPERATIONS)]
fn stale_read_ten_open(bencher: Bencher<'_, '_>, operations: usize) {
    let history = history(operations, operations / 2, 10);
    bencher.bench(|| history.check().expect_err("a read is stale"));
}

/// Clients take turns at random; of two operations one is a write.
fn history(operations: usize, stale: usize, left_open: usize) -> History<Register<usize>> {
    let (history, mut random) = (History::new(Register::holding(0)), fastrand::Rng::with_seed(1));
    let mut open: [Option<Open>; CLIENTS] = Default::default();
    let (mut value, mut old, mut number, mut spoilt) = (0, 0, 0, false);
    while number < operations {
        let client = random.usize(..CLIENTS);
        if let Some((invocation, answer)) = open[client].take() {
            invocation.returned(answer);
            continue;
        }
        number += 1;
        let writes = random.bool();
        let input = if writes { Input::Write(number) } else { Input::Read };
        let invocation = history.invoke(client as u64, input);
        // It takes effect at once, but for those that are left open, which never do.
        if writes && left_open > 0 && number % (operations / 2 / left_open) == 0 {
            continue;
        }
        let is_stale = number > stale && !spoilt && !writes;
        let seen = if is_stale { old } else { value };
        spoilt |= is_stale;
        if writes {
            value = number;
            old = if number < stale / 2 { number } else { old };
        }
        open[client] =
            Some((invocation, if writes { Output::Done } else { Output::Value(Some(seen)) }));
    }
    history
}
