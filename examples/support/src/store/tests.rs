//! Whose a store is, and how it comes to be.

use redb::TableDefinition;

use super::*;

const TABLE: TableDefinition<&str, u64> = TableDefinition::new("table");

fn fill(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(TABLE)?.insert("k", 1)?;
    Ok(())
}

fn open(disk: &Disk, format: &str, cluster: &str, node: u32) -> Result<Store, String> {
    let identity = Identity::new(cluster, node);
    let store = Store::open_or_create(disk, "store", format, &identity, fill);
    store.map_err(|error| error.to_string())
}

#[test]
fn a_store_is_there_for_the_node_that_made_it_and_for_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::folder(folder.path()).unwrap();
    open(&disk, "test 1", "blue", 3).unwrap();
    let store = open(&disk, "test 1", "blue", 3).unwrap();
    let read = store.begin_read().unwrap();
    assert_eq!(read.open_table(TABLE).unwrap().get("k").unwrap().unwrap().value(), 1);
    drop((read, store));
    assert_eq!(disk.names().unwrap(), ["store"]);

    for (format, cluster, node, refusal) in [
        ("test 2", "blue", 3, "store: it has the format `test 1`, and this program reads `test 2`"),
        ("test 1", "red", 3, "store: it belongs to the cluster `blue`, and this node to `red`"),
        ("test 1", "blue", 4, "store: it belongs to node 3, and this is node 4"),
    ] {
        let error = open(&disk, format, cluster, node).unwrap_err();
        assert!(error.starts_with(refusal), "{error}");
    }
}

#[test]
fn a_store_that_was_half_made_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("store.new"), [7; 10_000]).unwrap();
    open(&Disk::folder(folder.path()).unwrap(), "test 1", "blue", 3).unwrap();
}

#[test]
fn a_file_of_something_else_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::folder(folder.path()).unwrap();
    std::fs::write(folder.path().join("store"), [7; 10_000]).unwrap();
    let error = open(&disk, "test 1", "blue", 3).unwrap_err();
    assert!(error.starts_with("store: it is no store of this program"), "{error}");

    disk.remove("store").unwrap();
    drop(redb::Database::create(folder.path().join("store")).unwrap());
    let error = open(&disk, "test 1", "blue", 3).unwrap_err();
    assert!(error.starts_with("store: it is no store of this program"), "{error}");
}

#[test]
fn a_store_that_is_missing_is_not_made_by_opening_it() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::folder(folder.path()).unwrap();
    Store::open(&disk, "store", "test 1", &Identity::new("blue", 3)).unwrap_err();
    assert!(disk.names().unwrap().is_empty());
}
