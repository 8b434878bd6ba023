//! `storage sim` as a user runs it.

#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};
use std::{fs, io};

/// Runs the subcommand in this folder.
fn sim(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_storage"));
    let arguments = arguments.split(' ').filter(|argument| !argument.is_empty());
    command.arg("sim").args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_registers_pass() {
    for mode in ["atomic", "single-writer", "byzantine"] {
        let folder = tempfile::tempdir().unwrap();
        let output = sim(folder.path(), &format!("--mode {mode} --seeds 5"));
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let last = text(&output.stdout).lines().last().unwrap();
        assert!(
            last.starts_with("5 seeds, ") && last.ends_with(" operations, 0 violations"),
            "{last}"
        );
        assert!(text(&output.stdout).contains(" simulated seconds a second"));
    }
}

/// Those of the other registers take too long without optimisation; `.ci/sim` has them found.
#[test]
fn every_mutant_is_found_within_500_seeds() {
    let folder = tempfile::tempdir().unwrap();
    let listed = sim(folder.path(), "--list-mutants");
    let mutants: Vec<_> = text(&listed.stdout).lines().collect();
    assert!(mutants.len() >= 11 && listed.status.success(), "{mutants:?}");
    for mutant in mutants {
        let output = sim(folder.path(), &format!("--seeds 500 --mutant {mutant}"));
        assert_eq!(output.status.code(), Some(1), "{mutant}: {output:?}");
        let told = text(&output.stdout);
        assert!(told.contains(" is not linearizable: "), "{mutant}: {told}");
        assert!(told.contains(&format!(" --mutant {mutant}\n")), "{mutant}: {told}");
    }
}

#[test]
fn a_violation_is_told_drawn_and_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let found = sim(folder.path(), "--seeds 500 --mutant reply-for-another-call");
    let told = text(&found.stdout);
    let line = |name| told.lines().find_map(|line: &str| line.strip_prefix(name)).unwrap();
    let drawing = fs::read_to_string(folder.path().join(line("drawing: "))).unwrap();
    assert!(drawing.contains("</html>"));
    assert!(drawing.contains("call hot"), "it opens at the calls that the violation is about");

    let replay = line("replay:  ").strip_prefix("cargo run --release -p storage -- sim ").unwrap();
    let again = sim(folder.path(), replay);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(text(&again.stdout).lines().next(), told.lines().next());
}

#[test]
fn a_seed_is_the_same_run_in_every_process() {
    let folder = tempfile::tempdir().unwrap();
    // In some of them processes end by themselves, because their disks fail.
    for seed in 0..8 {
        let run = |name: &str| {
            let output = sim(folder.path(), &format!("--seed {seed} --trace {name}.txt"));
            assert!(output.status.success(), "{output:?}");
            fs::read_to_string(folder.path().join(format!("{name}.txt"))).unwrap()
        };
        let (one, again) = (run("one"), run("again"));
        assert!(one.lines().count() > 1000);
        assert!(one == again, "seed {seed}");
    }
}

#[test]
fn a_run_is_written_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    for (name, has) in [
        ("run.html", "</html>"),
        ("run.svg", "</svg>"),
        ("run.shiviz", "node"),
        ("run.json", "traceEvents"),
        ("run.txt", "key: \"k1\""),
    ] {
        let output = sim(folder.path(), &format!("--seed 3 --trace {name}"));
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(read(name).contains(has), "{name}");
    }
    let output = sim(folder.path(), "--seed 3 --history run.jsonl");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let operations = text(&output.stdout).lines().last().unwrap();
    let invoked = read("run.jsonl").matches("\"invoke\"").count();
    assert_eq!(operations, format!("seed 3: {invoked} operations, 0 violations"));
}

#[test]
fn faults_can_be_written_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("faults"), "300ms crash 1 # the first\n400ms start 1").unwrap();
    let output = sim(folder.path(), "--seed 1 --schedule @faults --trace run.txt");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let run = fs::read_to_string(folder.path().join("run.txt")).unwrap();
    assert_eq!(run.matches(" crashed").count(), 1, "and no other fault");
}

/// What is said of arguments with which nothing can be run.
fn refused(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_storage"));
    let output = command.arg("sim").args(arguments).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    text(&output.stderr).to_owned()
}

#[test]
fn what_cannot_be_run_is_refused_with_a_sentence() {
    let error = refused(&["--seed", "seventeen"]);
    assert!(error.contains("invalid value 'seventeen' for '--seed <SEED>'"), "{error}");
    let error = refused(&["--mutant", "nice"]);
    assert!(error.starts_with("error: there is no mutant nice: there are acknowledge-"), "{error}");
    let error = refused(&["--schedule", "1s explode 1"]);
    assert!(
        error.contains("line 1 of the schedule, `1s explode 1`: `explode 1` is no fault"),
        "{error}"
    );
    let error = refused(&["--schedule", "@missing"]);
    assert!(error.starts_with("error: cannot read the schedule in missing: "), "{error}");
    let error = refused(&["--schedule", "1s crash 99"]);
    assert!(error.contains("the schedule has node 99, and there are"), "{error}");
    let error = refused(&["--seed", "1", "--trace", "run.png"]);
    assert!(error.contains("end it in .html, .svg, .shiviz, .json or .txt"), "{error}");
    for option in ["--trace", "--history"] {
        let error = refused(&["--seed", "1", option, "no/such/folder/run.html"]);
        assert!(error.starts_with("error: cannot write no/such/folder/run.html: "), "{error}");
    }
    let error = refused(&["--trace", "run.html"]);
    assert!(error.contains("--seed <SEED>"), "{error}");
}

/// What `storage sim … | head -1` does, but that nobody is there from the beginning.
#[test]
fn it_ends_quietly_when_nobody_reads_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, code) in
        [("--list-mutants", 0), ("--seeds 1", 0), ("--seed 1", 0), ("--seed 1 --schedule x", 2)]
    {
        let (reader, nobody) = io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_storage"));
        command.arg("sim").args(arguments.split(' ')).current_dir(folder.path()).stdout(nobody);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments}: {output:?}");
        assert_eq!(output.stderr.is_empty(), code == 0, "{arguments}: {output:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_an_error() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_storage"));
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command.args(["sim", "--list-mutants"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let told = text(&output.stderr);
    assert!(told.starts_with("error: cannot write to standard output: "), "{told}");
}
