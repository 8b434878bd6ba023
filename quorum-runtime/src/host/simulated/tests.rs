mod model;
mod names;

use std::collections::BTreeSet;
use std::io;

use fastrand::Rng;

use super::crash::crashed;
use super::image::{Change, Image};
use super::state::State;
use super::{DiskCounters, DiskFailure, SimulatedDisk, Stop};
use crate::host::File;

/// So many that everything that can come of a few changes does.
const SEEDS: u64 = 2000;

/// What a crash makes of the same disk with one seed and another.
fn outcomes<T: Ord>(
    prepare: impl Fn(&SimulatedDisk),
    look: impl Fn(&SimulatedDisk) -> T,
) -> BTreeSet<T> {
    let outcome = |seed| {
        let disk = SimulatedDisk::default();
        prepare(&disk);
        disk.crash(&mut Rng::with_seed(seed));
        look(&disk)
    };
    (0..SEEDS).map(outcome).collect()
}

fn open(disk: &SimulatedDisk, name: &str) -> File {
    disk.folder("data").open(name).unwrap()
}

/// A file whose name is durable.
fn durable(disk: &SimulatedDisk, name: &str) -> File {
    let file = open(disk, name);
    disk.folder("data").sync().unwrap();
    file
}

fn contents(disk: &SimulatedDisk, name: &str) -> Vec<u8> {
    let file = open(disk, name);
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_at(&mut bytes, 0).unwrap();
    bytes
}

#[test]
fn unsynced_writes_survive_in_any_combination() {
    let prepare = |disk: &SimulatedDisk| {
        let file = durable(disk, "f");
        file.write_at(&[0; 1024], 0).unwrap();
        file.sync().unwrap();
        file.write_at(&[1], 0).unwrap();
        file.write_at(&[2], 512).unwrap();
    };
    let look = |disk: &SimulatedDisk| {
        let contents = contents(disk, "f");
        (contents[0], contents[512])
    };
    assert_eq!(outcomes(prepare, look), BTreeSet::from([(0, 0), (0, 2), (1, 0), (1, 2)]));
}

#[test]
fn a_write_tears_between_sectors_and_nowhere_else() {
    let prepare = |disk: &SimulatedDisk| {
        let file = durable(disk, "f");
        file.set_len(1300).unwrap();
        file.sync().unwrap();
        file.write_at(&[1; 1200], 100).unwrap();
    };
    let look = |disk: &SimulatedDisk| {
        let contents = contents(disk, "f");
        let uniform = |range: std::ops::Range<usize>| {
            let bytes: BTreeSet<u8> = contents[range].iter().copied().collect();
            assert_eq!(bytes.len(), 1, "a sector is torn: {bytes:?}");
            bytes.contains(&1)
        };
        assert_eq!(contents[..100], [0; 100]);
        [uniform(100..512), uniform(512..1024), uniform(1024..1300)]
    };
    assert_eq!(outcomes(prepare, look).len(), 8);
}

#[test]
fn a_disk_may_have_done_nothing_or_all_in_order() {
    let prepare = |disk: &SimulatedDisk| {
        let file = durable(disk, "f");
        for offset in 0..30 {
            file.write_at(&[1], offset * 512).unwrap();
        }
    };
    let look = |disk: &SimulatedDisk| {
        let contents = contents(disk, "f");
        let whole = contents.iter().filter(|byte| **byte == 1).count();
        // All before the last survived.
        (contents.len().div_ceil(512) == whole).then_some(whole)
    };
    let in_order: BTreeSet<_> = outcomes(prepare, look).into_iter().flatten().collect();
    assert_eq!(in_order, (0..=30).collect());
}

#[test]
fn a_crash_often_leaves_nothing_of_much() {
    let nothing = |seed: &u64| {
        let disk = SimulatedDisk::default();
        let file = durable(&disk, "f");
        for offset in 0..30 {
            file.write_at(&[1], offset * 512).unwrap();
        }
        disk.crash(&mut Rng::with_seed(*seed));
        contents(&disk, "f").is_empty()
    };
    assert!((0..100).filter(nothing).count() > 20);
}

#[test]
fn what_one_crash_took_the_next_does_not_bring_back() {
    for seed in 0..100 {
        let (disk, mut rng) = (SimulatedDisk::default(), Rng::with_seed(seed));
        durable(&disk, "f").write_at(&[1; 2048], 0).unwrap();
        disk.crash(&mut rng);
        let left = contents(&disk, "f");
        disk.crash(&mut rng);
        assert_eq!(contents(&disk, "f"), left);
    }
}

#[test]
fn a_file_without_a_name_is_forgotten_at_a_crash() {
    let (mut durable, file) = (Image::default(), State::default().new_file());
    durable.apply(&Change::Resize { file, len: 1 });
    let left = crashed(durable, &[], &mut Rng::with_seed(1));
    assert!(left.files.is_empty());
}

#[test]
fn lengths_survive_like_writes() {
    let prepare = |disk: &SimulatedDisk| {
        let file = durable(disk, "f");
        file.write_at(&[7; 10], 0).unwrap();
        file.sync().unwrap();
        file.set_len(4).unwrap();
        file.set_len(6).unwrap();
    };
    let expected = [vec![7; 10], vec![7; 4], vec![7; 6], vec![7, 7, 7, 7, 0, 0]];
    let outcomes = outcomes(prepare, |disk| contents(disk, "f"));
    assert_eq!(outcomes, BTreeSet::from(expected));
}

#[test]
fn what_a_failed_sync_left_in_doubt_no_later_sync_makes_durable() {
    let prepare = |disk: &SimulatedDisk| {
        let file = durable(disk, "f");
        file.write_at(&[1; 2], 0).unwrap();
        disk.set_failure(Some(DiskFailure::Fails));
        file.sync().unwrap_err();
        disk.set_failure(None);
        file.sync().unwrap();
        file.write_at(&[2], 1).unwrap();
        file.sync().unwrap();
        assert_eq!(contents(disk, "f"), [1, 2], "until the crash it is seen");
    };
    let outcomes = outcomes(prepare, |disk| contents(disk, "f"));
    assert_eq!(outcomes, BTreeSet::from([vec![0, 2], vec![1, 2]]));
}

#[test]
fn a_failing_disk_can_be_read_and_no_more() {
    let disk = SimulatedDisk::default();
    let file = durable(&disk, "f");
    file.write_at(b"there", 0).unwrap();
    disk.set_failure(Some(DiskFailure::Fails));
    let folder = disk.folder("data");
    let refused = [
        file.write_at(b"x", 0),
        file.set_len(1),
        file.sync(),
        folder.sync(),
        folder.rename("f", "g"),
        folder.remove("f"),
        folder.open("new").map(drop),
    ];
    for result in refused {
        assert_eq!(result.unwrap_err().to_string(), "the simulated disk fails");
    }
    assert_eq!(contents(&disk, "f"), b"there");
    assert_eq!(folder.names().unwrap(), ["f"]);
}

#[test]
fn on_a_full_disk_nothing_grows() {
    let disk = SimulatedDisk::default();
    let file = durable(&disk, "f");
    file.write_at(b"there", 0).unwrap();
    disk.set_failure(Some(DiskFailure::Full));
    let new = disk.folder("data").open("new").map(drop);
    for result in [file.write_at(b"xx", 4), file.set_len(6), new] {
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
    file.write_at(b"h", 4).unwrap();
    file.sync().unwrap();
    file.set_len(5).unwrap();
    assert_eq!(contents(&disk, "f"), b"therh");
}

#[test]
fn handles_of_a_life_before_fail_and_change_nothing() {
    let disk = SimulatedDisk::default();
    let end: [fn(&SimulatedDisk); 2] =
        [|disk| disk.crash(&mut Rng::with_seed(1)), |disk| disk.erase()];
    for end in end {
        let (old, folder) = (durable(&disk, "f"), disk.folder("data"));
        old.sync().unwrap();
        end(&disk);
        open(&disk, "f").write_at(b"new", 0).unwrap();
        let refused = [
            old.write_at(b"old", 0),
            old.read_at(&mut [0], 0),
            old.set_len(0),
            old.sync(),
            old.len().map(drop),
            old.write_at(b"", 0),
            folder.open("f").map(drop),
            folder.names().map(drop),
            folder.rename("f", "g"),
            folder.remove("f"),
            folder.sync(),
        ];
        for result in refused {
            let error = result.unwrap_err().to_string();
            assert_eq!(error, "the simulated machine of this disk has crashed");
        }
        assert_eq!(contents(&disk, "f"), b"new");
    }
}

#[test]
fn a_disk_can_be_replaced_by_an_empty_one() {
    let disk = SimulatedDisk::default();
    durable(&disk, "f").write_at(b"there", 0).unwrap();
    disk.erase();
    assert!(disk.folder("data").names().unwrap().is_empty());
    disk.crash(&mut Rng::with_seed(1));
    assert!(disk.folder("data").names().unwrap().is_empty());
}

#[test]
fn a_disk_stops_in_the_write_that_was_chosen() {
    let prepare = |disk: &SimulatedDisk| {
        let file = durable(disk, "f");
        disk.crash_in_operation(2, Stop::Anywhere);
        file.write_at(&[1; 512], 0).unwrap();
        file.sync().unwrap();
        assert!(!disk.is_blown());
        file.write_at(&[2; 1024], 0).unwrap_err();
        assert!(disk.is_blown());
        file.read_at(&mut [0], 0).unwrap_err();
        file.sync().unwrap_err();
        disk.folder("data").names().unwrap_err();
    };
    let look = |disk: &SimulatedDisk| {
        assert!(!disk.is_blown());
        let contents = contents(disk, "f");
        (contents[0], contents.get(512).copied())
    };
    let expected = [(1, None), (2, None), (1, Some(2)), (2, Some(2))];
    assert_eq!(outcomes(prepare, look), BTreeSet::from(expected));
}

#[test]
fn a_crash_before_that_write_calls_it_off() {
    let disk = SimulatedDisk::default();
    disk.crash_in_operation(1, Stop::Anywhere);
    disk.crash(&mut Rng::with_seed(1));
    let file = durable(&disk, "f");
    file.write_at(b"x", 0).unwrap();
    assert!(!disk.is_blown());
}

#[test]
fn a_disk_that_stops_in_a_sync_may_have_synced() {
    let prepare = |disk: &SimulatedDisk| {
        let file = durable(disk, "f");
        file.write_at(b"x", 0).unwrap();
        disk.crash_in_operation(0, Stop::Anywhere);
        file.sync().unwrap_err();
        assert!(disk.is_blown());
    };
    let expected = [Vec::new(), b"x".to_vec()];
    assert_eq!(outcomes(prepare, |disk| contents(disk, "f")), BTreeSet::from(expected));
}

#[test]
fn a_disk_that_stops_before_a_write_has_none_of_it() {
    let prepare = |disk: &SimulatedDisk| {
        let file = durable(disk, "f");
        disk.crash_in_operation(1, Stop::Before);
        file.write_at(&[1; 512], 0).unwrap();
        file.write_at(&[2; 512], 512).unwrap_err();
        assert!(disk.is_blown());
    };
    let expected = [Vec::new(), vec![1; 512]];
    assert_eq!(outcomes(prepare, |disk| contents(disk, "f")), BTreeSet::from(expected));
}

#[test]
fn a_disk_that_stops_amid_a_write_or_a_sync_has_any_part_of_it() {
    let sectors = |disk: &SimulatedDisk| {
        let contents = contents(disk, "f");
        (contents[0], contents[512])
    };
    let every = BTreeSet::from([(0, 0), (0, 1), (1, 0), (1, 1)]);
    let filled = |disk: &SimulatedDisk| {
        let file = durable(disk, "f");
        file.write_at(&[0; 1024], 0).unwrap();
        file.sync().unwrap();
        file
    };
    let write = |disk: &SimulatedDisk| {
        let file = filled(disk);
        disk.crash_in_operation(0, Stop::Amid);
        file.write_at(&[1; 1024], 0).unwrap_err();
    };
    assert_eq!(outcomes(write, sectors), every);
    let sync = |disk: &SimulatedDisk| {
        let file = filled(disk);
        file.write_at(&[1; 1024], 0).unwrap();
        disk.crash_in_operation(0, Stop::Amid);
        file.sync().unwrap_err();
    };
    assert_eq!(outcomes(sync, sectors), every);
}

#[test]
fn a_disk_that_stops_amid_a_change_of_names_has_made_it_or_not() {
    let change = |change: fn(&crate::host::Disk) -> io::Result<()>| {
        let prepare = move |disk: &SimulatedDisk| {
            durable(disk, "f");
            disk.crash_in_operation(0, Stop::Amid);
            change(&disk.folder("data")).unwrap_err();
        };
        outcomes(prepare, |disk| disk.folder("data").names().unwrap())
    };
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let made = change(|folder| folder.open("g").map(drop));
    assert_eq!(made, [names(&["f"]), names(&["f", "g"])].into());
    let renamed = change(|folder| folder.rename("f", "g"));
    assert_eq!(renamed, [names(&["f"]), names(&["g"])].into());
    let removed = change(|folder| folder.remove("f"));
    assert_eq!(removed, [names(&[]), names(&["f"])].into());
}

#[test]
fn what_a_disk_does_is_counted() {
    let disk = SimulatedDisk::default();
    let file = durable(&disk, "f");
    file.write_at(&[1; 100], 50).unwrap();
    file.set_len(7).unwrap();
    file.sync().unwrap();
    assert_eq!(disk.counters(), DiskCounters { writes: 3, syncs: 2, bytes: 100 });
}

#[test]
fn an_offset_beyond_all_measure_is_refused() {
    let file = durable(&SimulatedDisk::default(), "f");
    for offset in [1 << 30, u64::MAX - 1, u64::MAX] {
        let error = file.write_at(b"xx", offset).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        let beyond = file.read_at(&mut [0; 2], offset).unwrap_err();
        assert_eq!(beyond.kind(), io::ErrorKind::UnexpectedEof);
    }
    assert_eq!(file.set_len(u64::MAX).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
}
