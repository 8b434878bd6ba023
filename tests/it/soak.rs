//! Promises 1 to 6 all at once, for a short while. `cargo run --release -p quorum-tests --bin soak`
//! takes longer.

use std::time::Duration;

use quorum_tests::soak::Soak;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_soak_holds_the_promises() {
    let time = Duration::from_secs(2);
    let soak = Soak { time, seed: 4, servers: 5, clients: 2, heap: || 0 };
    let figures = soak.run(|_| {}).await.unwrap();
    assert!(figures.counts.ended["replied"] > 100, "{figures:?}");
    assert!(figures.restarts + figures.hangs > 0, "{figures:?}");
}
