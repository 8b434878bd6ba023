//! The quorum logic knows no clock, no socket and no task, and iterates nothing in random order.

use std::fs;

#[test]
fn the_quorum_module_names_nothing_of_the_world() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../quorum-runtime/src/quorum");
    let mut files = 0;
    for file in fs::read_dir(folder).unwrap() {
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
