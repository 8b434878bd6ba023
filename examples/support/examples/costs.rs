//! What a store that is strict costs: how long it takes to open, and what commits of two phases would cost,
//! which redb has against the same damage as our mark.
//!
//! `cargo run --release -p example-support --example costs -- FOLDER`, on the disk in question.

#![allow(clippy::disallowed_methods, reason = "the time of this machine is what is measured")]

use std::time::Instant;
use std::{env, error::Error, fs};

use example_support::identity::Identity;
use example_support::store::Store;
use quorum_runtime::host::Disk;
use redb::TableDefinition;

const TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("table");
const KEYS: u64 = 1_000_000;
const COMMITS: u64 = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).ok_or("name a folder")?;
    let disk = Disk::folder(&folder)?;
    let me = Identity::new("costs", 0);
    let open = || Store::open_or_create(&disk, "costs.redb", "costs 1", &me, |_| Ok(()));

    let store = open()?;
    for batch in 0..KEYS / 10_000 {
        let transaction = store.begin_write()?;
        let mut table = transaction.open_table(TABLE)?;
        for key in batch * 10_000..(batch + 1) * 10_000 {
            // Spread, so that pages are as full as those of keys that come in no order.
            table.insert(key.wrapping_mul(0x9e37_79b9_7f4a_7c15), [7; 100].as_slice())?;
        }
        drop(table);
        transaction.commit()?;
    }
    let bytes = fs::metadata(format!("{folder}/costs.redb"))?.len();
    println!("{KEYS} keys of 100 bytes: {} MB", bytes / 1_000_000);

    for phases in [1, 2] {
        let mut times = Vec::new();
        for commit in 0..COMMITS {
            let begun = Instant::now();
            let mut transaction = store.begin_write()?;
            transaction.set_two_phase_commit(phases == 2);
            let key = commit.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            transaction.open_table(TABLE)?.insert(key, [8; 100].as_slice())?;
            transaction.commit()?;
            times.push(begun.elapsed());
        }
        times.sort();
        println!("a commit of {phases} phases: {:?} at the median", times[times.len() / 2]);
    }
    let copy = Disk::folder(format!("{folder}/killed"))?;
    fs::copy(format!("{folder}/costs.redb"), format!("{folder}/killed/costs.redb"))?;
    store.close()?;

    let begun = Instant::now();
    open()?.close()?;
    println!("opened after a close: {:?}", begun.elapsed());
    let begun = Instant::now();
    Store::open(&copy, "costs.redb", "costs 1", &me)?.close()?;
    println!("opened after a kill: {:?}", begun.elapsed());
    let begun = Instant::now();
    drop(redb::Database::open(format!("{folder}/costs.redb"))?);
    println!("opened by redb alone: {:?}", begun.elapsed());
    Ok(())
}
