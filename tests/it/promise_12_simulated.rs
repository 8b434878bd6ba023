//! **12.** Every wait is driven by tokio's clock and every random choice by an injected generator, so
//! a run can be simulated.
//!
//! The sources name no other clock and no other generator, and on a paused clock the waits of a
//! client pass in no time at all and come out the same for the same seed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use quorum_runtime::{Manager, NodeError};
use quorum_tests::item;
use quorum_tests::recorder::RecorderNode as _;
use tokio::net::TcpListener;
use tokio::time::Instant;

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../quorum-runtime/src")
}

#[test]
fn the_quorum_module_names_nothing_of_the_world() {
    let mut files = 0;
    for file in fs::read_dir(sources().join("quorum")).unwrap() {
        let path = file.unwrap().path();
        let source = fs::read_to_string(&path).unwrap();
        for word in
            ["tokio", "tonic", "futures", "std::time", "std::net", "HashMap", "HashSet", "Mutex"]
        {
            assert!(!source.contains(word), "{} names {word}", path.display());
        }
        files += 1;
    }
    assert!(files > 3, "the module was found");
}

#[test]
fn the_runtime_names_no_other_clock_and_no_other_generator() {
    let mut folders = vec![sources()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                // The simulation itself stands outside of what it simulates.
                if !path.ends_with("src/sim") {
                    folders.push(path);
                }
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            let is_outside =
                path.ends_with("src/surroundings.rs") || path.ends_with("src/host/mod.rs");
            assert_eq!(faults(&source, is_outside), Vec::<String>::new(), "{}", path.display());
            files += 1;
        }
    }
    assert!(files > 50, "the sources were found: {files}");
}

/// The lines that take time or chance from elsewhere. What is outside may, where no simulation is around.
fn faults(source: &str, is_outside: bool) -> Vec<String> {
    let after = |line: &str, word: &str, allowed: &[&str]| {
        let mut rest = line.split(word).skip(1);
        rest.any(|rest| !allowed.iter().any(|allowed| rest.starts_with(allowed)))
    };
    let is_fault = |line: &str| {
        let of_outside = after(line, "std::time::", &["Duration;", "Duration::"])
            || after(line, "Rng::new", &[])
            || line.contains("SystemTime");
        (of_outside && !is_outside)
            || after(line, "fastrand::", &["Rng"])
            || after(line, "select!", &[" { biased;"])
            || ["thread::sleep", " rand::", "RandomState", "std::thread"]
                .iter()
                .any(|word| line.contains(word))
    };
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.filter(|line| is_fault(line)).map(str::to_owned).collect()
}

#[test]
fn what_is_looked_for_would_be_found() {
    for line in [
        "use std::time::{Duration, Instant};",
        "use std::time::Instant;",
        "let now = std::time::SystemTime::now();",
        "let wait = fastrand::u64(..);",
        "let random = fastrand::Rng::new();",
        "tokio::select! {",
        "use rand::Rng;",
        "std::thread::sleep(wait);",
    ] {
        assert_eq!(faults(line, false), [line]);
    }
    assert_eq!(faults("let random = fastrand::Rng::new();", true), Vec::<String>::new());
}

/// What passes on tokio's clock while something is awaited, and that it takes no time to speak of.
async fn takes(what: impl Future<Output = NodeError>) -> (Duration, NodeError) {
    let (simulated, real) = (Instant::now(), SystemTime::now());
    let error = what.await;
    let real = real.elapsed().unwrap_or_default();
    assert!(real < Duration::from_secs(10), "really took {real:?}");
    (simulated.elapsed(), error)
}

async fn ask(manager: &Manager) -> NodeError {
    manager.nodes()[0].ask(item(1)).await.unwrap_err().failure().error.clone()
}

/// Somebody who accepts connections, in the system's queue, and never says a word.
async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[tokio::test(start_paused = true)]
async fn deadlines_pass_on_tokios_clock() {
    let (_listener, address) = silent().await;
    let limit = Duration::from_secs(4);
    let manager = Manager::builder().nodes([address]).timeout(limit).build().unwrap();
    let (passed, error) = takes(ask(&manager)).await;
    assert!(matches!(error, NodeError::Deadline { .. }), "{error}");
    assert!(limit <= passed && passed < limit * 2, "{passed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_node_is_noticed_on_tokios_clock() {
    let (_listener, address) = silent().await;
    let limit = Duration::from_secs(24 * 60 * 60);
    let manager = Manager::builder().nodes([address]).timeout(limit).build().unwrap();
    let (passed, error) = takes(ask(&manager)).await;
    let is_cut = matches!(error, NodeError::Disconnected(_) | NodeError::Unreachable(_));
    assert!(is_cut && passed < Duration::from_secs(60), "after {passed:?}: {error}");
}

/// The waits between some attempts to connect to nobody.
async fn waits(seed: u64) -> Vec<Duration> {
    let (listener, address) = silent().await;
    drop(listener);
    let hour = Duration::from_secs(60 * 60);
    let builder = Manager::builder().nodes([address]).timeout(hour * 1000).seed(seed);
    let manager = builder.reconnect_wait(hour, hour * 8).build().unwrap();
    takes(ask(&manager)).await;
    let mut waits = Vec::new();
    for times in [1, 2, 4, 8, 8] {
        // Each call waits for the next attempt, and ends with it.
        let (wait, error) = takes(ask(&manager)).await;
        assert!(matches!(error, NodeError::Unreachable(_)), "{error}");
        let (least, most) = (hour * times / 2, hour * times + hour / 10);
        assert!(least <= wait && wait <= most, "{wait:?} of {times} hours");
        waits.push(wait);
    }
    waits
}

#[tokio::test(start_paused = true)]
async fn the_waits_between_attempts_pass_on_tokios_clock_and_follow_the_seed() {
    // An attempt may take some of the time that is simulated.
    let minutes = |waits: Vec<Duration>| -> Vec<_> {
        waits.iter().map(|wait| (wait.as_secs() + 30) / 60).collect()
    };
    let (one, again, other) = (waits(1).await, waits(1).await, waits(2).await);
    let apart = |a: &Duration, b: &Duration| a.abs_diff(*b);
    let near = one.iter().zip(&again).all(|(a, b)| apart(a, b) < Duration::from_secs(30));
    assert!(near, "{one:?} and {again:?}");
    assert_ne!(minutes(one), minutes(other));
}
