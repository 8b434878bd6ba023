//! Which files there are after a crash, and what they are called.

use std::collections::BTreeSet;

use super::*;

/// Each file with its contents.
fn files(disk: &SimulatedDisk) -> Vec<(String, Vec<u8>)> {
    let names = disk.folder("data").names().unwrap();
    names.into_iter().map(|name| (name.clone(), contents(disk, &name))).collect()
}

fn all<const N: usize>(expected: [&[(&str, &str)]; N]) -> BTreeSet<Vec<(String, Vec<u8>)>> {
    let file = |(name, text): &(&str, &str)| ((*name).to_owned(), text.as_bytes().to_vec());
    expected.into_iter().map(|files| files.iter().map(file).collect()).collect()
}

fn synced(disk: &SimulatedDisk, name: &str, text: &str) {
    let file = open(disk, name);
    file.write_at(text.as_bytes(), 0).unwrap();
    file.sync().unwrap();
}

#[test]
fn the_name_of_a_new_file_is_lost_until_its_folder_is_synced() {
    let unsynced = outcomes(|disk| synced(disk, "f", "x"), files);
    assert_eq!(unsynced, all([&[], &[("f", "x")]]));
    let prepare = |disk: &SimulatedDisk| {
        synced(disk, "f", "x");
        disk.folder("data").sync().unwrap();
    };
    assert_eq!(outcomes(prepare, files), all([&[("f", "x")]]));
}

#[test]
fn a_rename_happens_wholly_or_not_at_all() {
    let prepare = |disk: &SimulatedDisk| {
        synced(disk, "f", "old");
        disk.folder("data").sync().unwrap();
        synced(disk, "f.new", "new");
        disk.folder("data").rename("f.new", "f").unwrap();
        assert_eq!(files(disk), [("f".to_owned(), b"new".to_vec())]);
    };
    let expected: [&[_]; 3] = [&[("f", "old")], &[("f", "old"), ("f.new", "new")], &[("f", "new")]];
    assert_eq!(outcomes(prepare, files), all(expected));
}

#[test]
fn a_rename_can_come_before_the_contents_that_were_not_synced() {
    let prepare = |disk: &SimulatedDisk| {
        synced(disk, "f", "old");
        disk.folder("data").sync().unwrap();
        open(disk, "f.new").write_at(b"new", 0).unwrap();
        disk.folder("data").rename("f.new", "f").unwrap();
        disk.folder("data").sync().unwrap();
    };
    assert_eq!(outcomes(prepare, files), all([&[("f", "")], &[("f", "new")]]));
}

#[test]
fn a_removed_file_may_come_back_and_stays_open_until_then() {
    let prepare = |disk: &SimulatedDisk| {
        let file = durable(disk, "f");
        synced(disk, "f", "x");
        disk.folder("data").remove("f").unwrap();
        assert_eq!(files(disk), []);
        file.read_at(&mut [0], 0).unwrap();
    };
    assert_eq!(outcomes(prepare, files), all([&[], &[("f", "x")]]));
}

#[test]
fn a_file_that_is_renamed_to_itself_stays() {
    let disk = SimulatedDisk::default();
    synced(&disk, "f", "x");
    disk.folder("data").rename("f", "f").unwrap();
    assert_eq!(files(&disk), [("f".to_owned(), b"x".to_vec())]);
}

#[test]
fn each_path_is_a_folder_of_its_own() {
    let disk = SimulatedDisk::default();
    synced(&disk, "f", "x");
    disk.folder("data").sync().unwrap();
    assert!(disk.folder("data/inner").names().unwrap().is_empty());
    let error = disk.folder("other").remove("f").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    disk.crash(&mut Rng::with_seed(1));
    assert_eq!(disk.clone().folder("data").names().unwrap(), ["f"]);
}
