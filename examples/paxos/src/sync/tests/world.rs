//! Nodes as they are, but for consensus: in its place is an oracle that all of them see.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use example_support::identity::Identity;
use prost::Message as _;
use quorum_runtime::host::Disk;
use quorum_runtime::sim::{Host, Result, Simulation};
use quorum_runtime::{Manager, Server};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::consensus::{Ballot, Learner, Log, Role, Write};
use crate::map::Map;
use crate::map::tests::{Model, command, put};
use crate::mutant::Mutation;
use crate::paxos::command::Operation;
use crate::paxos::{
    Batch, Delete, Entry, Open, SyncMode, SyncProgress, SynchronisationServer, SynchroniseRequest,
};
use crate::sync::{Holds, Local, Own, Scrubs, Synchronisation};

/// The ballot under which everything is accepted.
const BALLOT: Ballot = Ballot(1 << 16 | 1);

const TICK: Duration = Duration::from_millis(10);
const KEEP_ALIVE: Duration = Duration::from_millis(250);

/// How a run is.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) mutation: Mutation,
    pub(super) mode: SyncMode,
    /// How many keys there are, and how many of them go into a chunk.
    pub(super) keys: u64,
    pub(super) chunk_keys: u32,
    /// How many slots there are, and how many of them the log keeps. It is trimmed by the third node, which
    /// stands for the leader.
    pub(super) slots: u64,
    pub(super) keep: u64,
    /// How many ticks there are between two slots, when the store is filled.
    pub(super) pace: u32,
    /// When each node hears nothing, in milliseconds since it has begun.
    pub(super) deaf: [Range<u64>; 3],
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            mutation: Mutation::default(),
            mode: SyncMode::CommitsFirst,
            keys: 200,
            chunk_keys: 8,
            slots: 120,
            keep: 20,
            pace: 1,
            deaf: [200..1000, 0..0, 0..0],
        }
    }
}

/// What is known to all nodes of a run, and to its test.
#[derive(Clone, Default)]
pub(super) struct World(Arc<Mutex<Known>>);

#[derive(Default)]
pub(super) struct Known {
    log: Vec<Bytes>,
    trimmed: u64,
    model: Model,
    /// What the map is at each slot.
    states: Vec<BTreeMap<String, String>>,
    /// Up to where each node has executed.
    applied: BTreeMap<u32, u64>,
    /// What the first node has said of its copies, as often as it changed.
    pub(super) progress: Vec<SyncProgress>,
    /// How often each node was started.
    starts: BTreeMap<u32, u32>,
    /// When the first node had made a copy, before it was killed.
    first_copy: Option<Duration>,
    violation: Option<String>,
}

impl World {
    /// Runs three nodes, until all have executed all. Tells what is not as it ought to be.
    pub(super) fn run(
        &self,
        sim: &mut Simulation,
        setup: &Setup,
    ) -> std::result::Result<(), String> {
        let (world, of_nodes) = (self.clone(), setup.clone());
        sim.nodes(3, move |host| node(host, world.clone(), of_nodes.clone()));
        let (world, slots) = (self.clone(), setup.slots);
        sim.clients(1, move |host| {
            let world = world.clone();
            async move {
                host.healed().await;
                while !world.known().is_done(slots) {
                    sleep(TICK).await;
                }
                Ok(())
            }
        });
        let ended = sim.run();
        match self.known().violation.clone() {
            Some(violation) => Err(violation),
            None => ended.map(drop).map_err(|error| error.to_string()),
        }
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap()
    }
}

impl Known {
    fn is_done(&self, slots: u64) -> bool {
        let is_there = |slot: &u64| *slot >= slots;
        self.violation.is_some() || self.applied.len() == 3 && self.applied.values().all(is_there)
    }

    pub(super) fn starts(&self, node: u32) -> u32 {
        self.starts.get(&node).copied().unwrap_or_default()
    }

    pub(super) fn first_copy(&self) -> Option<Duration> {
        self.first_copy
    }

    /// How many copies the first node has made, and how often it has begun again.
    pub(super) fn copies(&self) -> (u32, u32) {
        let restarts = self.progress.iter().filter(|p| !p.failure.is_empty()).map(|p| p.restarts);
        let completed = self.progress.iter().map(|progress| progress.completed).max();
        (completed.unwrap_or_default(), restarts.max().unwrap_or_default())
    }

    /// One slot more.
    fn append(&mut self, setup: &Setup, trim: Option<u64>) {
        let slot = self.log.len() as u64 + 1;
        let session = 1 << 16;
        let key = |number: u64| format!("k{:05}", number % setup.keys);
        let mut commands: Vec<_> = match slot {
            1 => vec![command(0, 0, Operation::Open(Open { nonce: 1 }))],
            2..=11 => {
                let part = setup.keys.div_ceil(10);
                let keys = (slot - 2) * part..(slot - 1) * part;
                keys.map(|number| command(0, 0, put(&key(number), "first"))).collect()
            }
            _ => vec![
                command(0, 0, put(&key(slot * 7919), &format!("of {slot}"))),
                command(session, slot, put(&key(slot * 104_729), &format!("by {slot}"))),
                command(session, slot, put(&key(slot * 31), "a repeat")),
                command(0, 0, Operation::Delete(Delete { key: key(slot * 6007) })),
            ],
        };
        for (index, command) in commands.iter().enumerate() {
            self.model.execute(slot, index, command);
        }
        self.states.push(self.model.pairs.clone());
        self.trimmed = trim.unwrap_or(self.trimmed);
        commands.extend(trim.map(|slot| command(0, 0, Operation::Trim(slot))));
        self.log.push(Batch { commands }.encode_to_vec().into());
    }

    /// A node was started, and has what it needs to execute up to a slot.
    fn started(&mut self, node: u32, starts: u32, reaches: u64) {
        self.starts.insert(node, starts);
        let executed = self.applied.get(&node).copied().unwrap_or_default();
        if reaches < executed {
            let lost =
                format!("node {node} had executed slot {executed}, and has slot {reaches} now");
            self.violation.get_or_insert(lost);
        }
    }

    /// Whether a node has what the slots up to its own make.
    fn check(&mut self, node: u32, slot: u64, found: &BTreeMap<String, String>) {
        let expected = slot.checked_sub(1).map(|slot| self.states[slot as usize].clone());
        let expected = expected.unwrap_or_default();
        if expected != *found {
            let mut keys = expected.keys().chain(found.keys());
            let differ = keys.find(|key| expected.get(*key) != found.get(*key));
            let what = format!("node {node} has another map at slot {slot}: see {differ:?}");
            self.violation.get_or_insert(what);
        }
    }
}

/// A node without an address.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) learner: Learner,
    pub(super) log: Log,
    pub(super) holds: Holds,
    pub(super) scrubs: Scrubs,
}

impl Parts {
    /// Opens a node; where there is nothing, a new one.
    pub(super) async fn open(own: &Own) -> std::result::Result<Self, crate::error::StoreError> {
        let Own { folder, identity, mutation, .. } = own;
        let (log, _) = Log::open(&Disk::folder(folder)?, identity, *mutation)?;
        let map = Map::open(folder, identity, true, *mutation)?;
        let (holds, scrubs) = (Holds::default(), Scrubs::default());
        let learner = Learner::start(map, log.clone(), scrubs.clone(), *mutation).await?;
        Ok(Self { learner, log, holds, scrubs })
    }

    /// The slots from one on are chosen, and are stored here.
    pub(super) async fn learn(
        &self,
        from: u64,
        batches: impl IntoIterator<Item = Bytes>,
    ) -> Result {
        let entries = (from..).zip(batches);
        let accepted: Vec<_> =
            entries.map(|(slot, batch)| Entry { slot, ballot: BALLOT.0, batch }).collect();
        let last = accepted.last().map_or(from - 1, |entry| entry.slot);
        self.log.write(Write { accepted, ..Write::default() }).await?.await?;
        self.learner.chosen(BALLOT, last);
        Ok(())
    }

    pub(super) fn synchronisation(
        &self,
        manager: &Manager,
        role: watch::Receiver<Role>,
        own: Own,
    ) -> Synchronisation {
        let (learner, log) = (self.learner.clone(), self.log.clone());
        let local = Local { manager: manager.clone(), learner, log, role };
        Synchronisation::new(local, own, self.holds.clone(), self.scrubs.clone())
    }

    /// Up to where it has executed, or can without the others.
    pub(super) fn reaches(&self) -> Result<u64> {
        let applied = self.learner.applied();
        let entries = self.log.entries(applied + 1, u64::MAX, usize::MAX)?;
        let next = (applied + 1..).zip(&entries).take_while(|(slot, entry)| entry.slot == *slot);
        Ok(applied + next.count() as u64)
    }

    /// All that the map has, and as of which slot.
    pub(super) async fn contents(&self) -> Result<(u64, BTreeMap<String, String>)> {
        let snapshot = self.learner.snapshot().await?;
        let mut pairs = BTreeMap::new();
        let every =
            |key: &str, value: &str| pairs.insert(key.to_owned(), value.to_owned()).is_none();
        snapshot.read("", every)?;
        Ok((snapshot.applied(), pairs))
    }
}

/// What is particular to a node of these tests.
pub(super) fn own(folder: impl Into<std::path::PathBuf>, node: u32, mutation: Mutation) -> Own {
    let identity = Identity::new("test", node);
    Own { folder: folder.into(), identity, incarnation: 1, chunk_keys: 20, mutation }
}

async fn node(host: Host, world: World, setup: Setup) -> Result {
    let number = host.number();
    let own = Own {
        incarnation: host.starts().into(),
        chunk_keys: setup.chunk_keys,
        ..own("/data", number, setup.mutation)
    };
    let parts = Parts::open(&own).await?;
    world.known().started(number, host.starts(), parts.reaches()?);
    let manager = Manager::builder()
        .nodes(host.nodes())
        .local(number)
        .keep_alive(KEEP_ALIVE, KEEP_ALIVE)
        .build()?;
    let role = watch::Sender::new(Role { leads: number == 3, ..Role::default() });
    let sync = parts.synchronisation(&manager, role.subscribe(), own);
    let server = Server::builder()
        .service(SynchronisationServer::new(sync.clone()))
        .peers(&manager)
        .keep_alive(KEEP_ALIVE, KEEP_ALIVE);
    tokio::select! { biased;
        error = parts.log.failure() => Err(error.into()),
        served = server.serve(host.address()) => Ok(served?),
        () = sync.run() => Ok(()),
        done = follow(&host, &world, &setup, &parts, &sync) => done,
    }
}

/// In the place of consensus: hears what is chosen, asks for a copy where that is trimmed, and looks
/// whether all is right.
async fn follow(
    host: &Host,
    world: &World,
    setup: &Setup,
    parts: &Parts,
    sync: &Synchronisation,
) -> Result {
    let (number, began) = (host.number(), Instant::now());
    let (mut heard, mut last, mut copied) = (0, 0, 0);
    for tick in 0_u32.. {
        sleep(TICK).await;
        let applied = parts.learner.applied();
        if applied < last {
            let back = format!("node {number} has gone back from slot {last} to slot {applied}");
            world.known().violation.get_or_insert(back);
        }
        last = applied;
        let deaf = &setup.deaf[number as usize - 1];
        if host.starts() == 1 && deaf.contains(&(began.elapsed().as_millis() as u64)) {
            continue;
        }
        if tick % 50 == 0 {
            heard = applied; // What is missing comes again.
        }
        let completed = sync.progress().completed;
        let is_due = tick % 10 == 0 || copied != completed || applied >= setup.slots;
        copied = completed;
        let contents = if is_due { Some(parts.contents().await?) } else { None };
        let (from, chosen) = {
            let mut known = world.known();
            if let Some((slot, pairs)) = contents {
                known.check(number, slot, &pairs);
            }
            known.applied.insert(number, applied);
            let progress = sync.progress();
            if number == 1 && known.progress.last() != Some(&progress) {
                eprintln!("{:?} {progress:?}", began.elapsed());
                known.progress.push(progress);
                if completed > 0 && host.starts() == 1 {
                    known.first_copy.get_or_insert(began.elapsed());
                }
            }
            let slot = known.log.len() as u64;
            let is_time = slot < 27 || tick % setup.pace == 0;
            if number == 3 && applied == slot && slot < setup.slots && is_time {
                let to = slot.saturating_sub(setup.keep);
                let is_due =
                    to > known.trimmed + setup.keep / 4 && slot > 25 && !parts.holds.is_held();
                known.append(setup, is_due.then_some(to));
            }
            if applied < known.trimmed && number != 3 {
                sync.ask(SynchroniseRequest { mode: setup.mode.into(), provider: 0 });
            }
            let from = heard.max(applied).max(known.trimmed) + 1;
            let chosen = known.log.get(from as usize - 1..).unwrap_or_default().to_vec();
            (from, chosen)
        };
        if !chosen.is_empty() {
            heard = from - 1 + chosen.len() as u64;
            parts.learn(from, chosen).await?;
        }
    }
    Ok(())
}
