//! What small parts of the runtime cost, one by one.
//!
//! ```text
//! cargo bench -p quorum-runtime                  all of them
//! cargo bench -p quorum-runtime -- envelope      those with this in their names
//! cargo bench -p quorum-runtime -- --test        each once, to see that it runs
//! ```
//!
//! They tell which of two versions of one function is faster. What that is worth in a call end to end
//! is told by `cargo run --release -p benchmark -- count`.

mod envelope;
mod history;
mod node_sets;
mod outbox;
mod replies;
mod systems;

fn main() {
    divan::main();
}
