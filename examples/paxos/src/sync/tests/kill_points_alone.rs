//! A node without a network is killed at each operation of its disk, while it accepts, executes, trims, copies
//! a store that was sent to it, and goes on. No operation is left out: a run is short.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use quorum_runtime::host::Disk;
use quorum_runtime::sim::{Host, Result, Simulation};
use tokio::time::sleep;

use super::world::{Parts, own};
use crate::map::Copy;
use crate::map::tests::{command, put};
use crate::mutant::Mutation;
use crate::paxos::command::Operation;
use crate::paxos::{Batch, Entry, Pair};
use crate::sim::kill_points;

/// The node learns the slots up to this one itself.
const LEARNED: u64 = 4;
/// The copy has the keys as of this slot,
const COPIED: u64 = 6;
/// and what was chosen up to this one.
const PENDING: u64 = 7;
/// The last slot.
const ALL: u64 = 9;

/// When the node is in danger, in milliseconds.
const DANGER: [u64; 2] = [1, 400];

/// What is chosen in a slot.
fn batch(slot: u64) -> Bytes {
    let key = format!("k{}", slot % 4);
    let mut commands = vec![command(0, 0, put(&key, &format!("of {slot}")))];
    if slot == LEARNED - 1 || slot == ALL - 1 {
        commands.push(command(0, 0, Operation::Trim(slot - 2)));
    }
    Batch { commands }.encode_to_vec().into()
}

/// What the slots up to one make.
fn state(slot: u64) -> BTreeMap<String, String> {
    (1..=slot).map(|slot| (format!("k{}", slot % 4), format!("of {slot}"))).collect()
}

/// All that the node does, if nobody kills it.
async fn live(parts: &Parts, executed: &Cell<u64>) -> Result {
    learn(parts, LEARNED, executed).await?;
    if parts.learner.applied() < PENDING {
        parts.learner.adopt(copy()?.finish()?).await?;
        executed.set(parts.learner.applied());
    }
    learn(parts, ALL, executed).await
}

async fn learn(parts: &Parts, to: u64, executed: &Cell<u64>) -> Result {
    for slot in parts.learner.applied() + 1..=to {
        parts.learn(slot, [batch(slot)]).await?;
        tokio::select! { biased;
            error = parts.log.failure() => return Err(error.into()),
            () = parts.learner.reached(slot) => executed.set(slot),
        }
    }
    Ok(())
}

fn copy() -> std::result::Result<Copy, crate::error::StoreError> {
    let identity = own("/data", 1, Mutation::default()).identity;
    let mut copy = Copy::begin("/data".as_ref(), &identity, COPIED, &[], Mutation::default())?;
    let pairs: Vec<_> = state(COPIED).into_iter().map(|(key, value)| Pair { key, value }).collect();
    let commits: Vec<_> =
        (COPIED + 1..=PENDING).map(|slot| Entry { slot, ballot: 0, batch: batch(slot) }).collect();
    copy.add(&commits, &pairs[..2])?;
    copy.add(&[], &pairs[2..])?;
    Ok(copy)
}

/// The first life of the node, or what it finds in the next one.
async fn node(host: Host, executed: Rc<Cell<u64>>, was_killed: Rc<Cell<bool>>) -> Result {
    let own = own("/data", 1, Mutation::default());
    if host.starts() == 1 {
        sleep(Duration::from_millis(2)).await;
        let lived = async { live(&Parts::open(&own).await?, &executed).await };
        return match lived.await {
            Ok(()) => Ok(()),
            Err(_killed) => std::future::pending().await,
        };
    }
    was_killed.set(true);
    let parts = Parts::open(&own).await?;
    if Disk::folder("/data")?.names()?.iter().any(|name| name == "copy.redb") {
        return Err("a copy that was not finished is still there".into());
    }
    let (reaches, executed_before) = (parts.reaches()?, executed.get());
    if reaches < executed_before {
        return Err(format!("slot {executed_before} was executed, and it has {reaches}").into());
    }
    checked(&parts).await?;
    live(&parts, &executed).await?;
    if checked(&parts).await? == ALL { Ok(()) } else { Err("it has not executed all".into()) }
}

/// As of which slot the map is, which must be what that slot makes.
async fn checked(parts: &Parts) -> Result<u64> {
    let (slot, found) = parts.contents().await?;
    if found == state(slot) { Ok(slot) } else { Err(format!("at slot {slot}: {found:?}").into()) }
}

#[test]
fn of_a_node_alone() {
    let test = "sync::tests::kill_points_alone::of_a_node_alone";
    let points = kill_points(test, "c1", DANGER, 1, |faults| {
        let (executed, was_killed) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
        let mut sim = Simulation::new(1);
        sim.schedule(faults.parse().map_err(|error| format!("{error}"))?);
        let killed = Rc::clone(&was_killed);
        sim.clients(1, move |host| node(host, Rc::clone(&executed), Rc::clone(&killed)));
        sim.run().map_err(|error| error.to_string())?;
        Ok(was_killed.get())
    });
    assert!(points > 100, "{points}");
}
