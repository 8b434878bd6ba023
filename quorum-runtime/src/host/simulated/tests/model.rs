//! Random programs against a model that knows, place by place, what may stand there after a crash.

use std::collections::BTreeSet;

use fastrand::Rng;
use proptest::prelude::*;

use super::*;

/// Files are written in places of so many bytes, which are all the same; 16 are a sector.
const PLACE: usize = 32;

/// No file of these tests has more places.
const END: usize = 64;

#[derive(Clone, Debug)]
enum Step {
    Write { file: usize, start: usize, end: usize },
    SetLen { file: usize, len: usize },
    Sync { file: usize },
    FailedSync { file: usize },
}

impl Step {
    const fn file(&self) -> usize {
        match self {
            Self::Write { file, .. }
            | Self::SetLen { file, .. }
            | Self::Sync { file }
            | Self::FailedSync { file } => *file,
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let file = || 0..2_usize;
    prop_oneof![
        6 => (file(), 0..END / 2, 1..END / 2)
            .prop_map(|(file, start, len)| Step::Write { file, start, end: start + len }),
        1 => (file(), 0..END).prop_map(|(file, len)| Step::SetLen { file, len }),
        2 => file().prop_map(|file| Step::Sync { file }),
        1 => file().prop_map(|file| Step::FailedSync { file }),
    ]
}

/// Each write has a byte of its own, by its number.
fn byte(number: usize) -> u8 {
    u8::try_from(number + 1).unwrap()
}

fn run(steps: &[Step], disk: &SimulatedDisk) {
    let files = ["0", "1"].map(|name| durable(disk, name));
    for (number, step) in steps.iter().enumerate() {
        let file = &files[step.file()];
        match *step {
            Step::Write { start, end, .. } => {
                let bytes = vec![byte(number); (end - start) * PLACE];
                file.write_at(&bytes, (start * PLACE) as u64).unwrap();
            }
            Step::SetLen { len, .. } => file.set_len((len * PLACE) as u64).unwrap(),
            Step::Sync { .. } => file.sync().unwrap(),
            Step::FailedSync { .. } => {
                disk.set_failure(Some(DiskFailure::Fails));
                file.sync().unwrap_err();
                disk.set_failure(None);
            }
        }
    }
}

/// What stands at each place of a file; `None` is beyond its end.
fn places(disk: &SimulatedDisk, name: &str) -> Vec<Option<u8>> {
    let contents = contents(disk, name);
    let place = |bytes: &[u8]| {
        assert_eq!(bytes, [bytes[0]; PLACE], "a place is torn");
        Some(bytes[0])
    };
    let there = contents.chunks(PLACE).map(place);
    there.chain(std::iter::repeat(None)).take(END).collect()
}

/// Whether the first sync of its file after this step, if there is one, succeeded.
fn is_certain(steps: &[Step], number: usize) -> bool {
    let mut later = steps[number..].iter().filter(|step| step.file() == steps[number].file());
    later.find_map(|step| match step {
        Step::Sync { .. } => Some(true),
        Step::FailedSync { .. } => Some(false),
        _ => None,
    }) == Some(true)
}

/// What may stand at each place of a file after a crash; `None` is beyond its end.
fn possible(steps: &[Step], file: usize) -> Vec<BTreeSet<Option<u8>>> {
    let mut places = vec![BTreeSet::from([None]); END];
    for (number, step) in steps.iter().enumerate().filter(|(_, step)| step.file() == file) {
        let is_certain = is_certain(steps, number);
        for (place, bytes) in places.iter_mut().enumerate() {
            let before = std::mem::take(bytes);
            bytes.extend(before.iter().map(|before| after(step, number, place, *before)));
            if !is_certain {
                bytes.extend(&before);
                // A later sector of the write may have come without this one.
                bytes.extend(before.iter().map(|before| skipped(step, place, *before)));
            }
        }
    }
    places
}

/// What stands at a place after a step.
fn after(step: &Step, number: usize, place: usize, before: Option<u8>) -> Option<u8> {
    match *step {
        Step::Write { start, end, .. } if place < end => {
            if place < start {
                before.or(Some(0))
            } else {
                Some(byte(number))
            }
        }
        Step::SetLen { len, .. } => (place < len).then_some(before.unwrap_or(0)),
        _ => before,
    }
}

/// What stands at a place after a write that reached beyond it.
fn skipped(step: &Step, place: usize, before: Option<u8>) -> Option<u8> {
    match *step {
        Step::Write { end, .. } if place < end => before.or(Some(0)),
        _ => before,
    }
}

proptest! {
    #[test]
    fn a_crash_leaves_what_was_synced_and_nothing_that_was_not_written(
        steps in proptest::collection::vec(step(), 0..30),
        seed: u64,
    ) {
        let disk = SimulatedDisk::default();
        run(&steps, &disk);
        disk.crash(&mut Rng::with_seed(seed));
        for (file, name) in ["0", "1"].into_iter().enumerate() {
            let possible = possible(&steps, file);
            for (place, (byte, possible)) in places(&disk, name).iter().zip(&possible).enumerate() {
                prop_assert!(
                    possible.contains(byte),
                    "{byte:?} stands at {place} of {name}, where {possible:?} may"
                );
            }
        }
    }

    #[test]
    fn before_a_crash_a_disk_is_what_was_written(
        steps in proptest::collection::vec(step(), 0..30),
    ) {
        let disk = SimulatedDisk::default();
        run(&steps, &disk);
        for (file, name) in ["0", "1"].into_iter().enumerate() {
            let mut expected = vec![None; END];
            for (number, step) in steps.iter().enumerate().filter(|(_, step)| step.file() == file) {
                for (place, byte) in expected.iter_mut().enumerate() {
                    *byte = after(step, number, place, *byte);
                }
            }
            prop_assert_eq!(places(&disk, name), expected);
        }
    }

    #[test]
    fn the_same_seed_leaves_the_same(
        steps in proptest::collection::vec(step(), 0..30),
        seed: u64,
    ) {
        let left = || {
            let disk = SimulatedDisk::default();
            run(&steps, &disk);
            disk.crash(&mut Rng::with_seed(seed));
            (contents(&disk, "0"), contents(&disk, "1"))
        };
        prop_assert_eq!(left(), left());
    }
}
