//! The cluster under simulated faults: whether what its clients see is that of one map.

#[cfg(test)]
mod elections;
#[cfg(test)]
mod kill_points;
mod schedules;

use std::time::Duration;

use clap::ValueEnum as _;
use fastrand::Rng;
use quorum_runtime::history::key_value::Input;
use quorum_runtime::history::register::Output;
use quorum_runtime::history::{History, KeyValue};
use quorum_runtime::sim::{Host, Result, Simulation, Study};
use quorum_runtime::{Manager, ManagerBuilder, NodeId, Server};
use tokio::time::sleep;

#[cfg(test)]
pub(crate) use self::kill_points::kill_points;
use self::schedules::Kind;
use crate::agreement;
use crate::client::{Client, Patience};
use crate::compare::{self, Comparison};
use crate::config::{Agreement, Config};
use crate::mutant::{Mutant, Mutation};
use crate::node::Node;
use crate::paxos::SyncMode;

/// What clients may ask, and what they are to be answered.
type Map = KeyValue<String, String>;

/// How many operations the clients of one run do together.
const OPERATIONS: u32 = 200;

/// For how long there are faults.
const PERIOD: Duration = Duration::from_secs(3);

/// After how long a peer that says nothing is asked whether it is there, and how long it may take to
/// say so.
const KEEP_ALIVE: Duration = Duration::from_millis(100);

/// How long one waits at least and at most before a further attempt to connect: not as long as a lease, or who
/// was away comes back when all is over.
const RECONNECT: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(50)];

/// For how long a client asks, if it need not be fast.
const PATIENCE: Patience =
    Patience { attempt: Duration::from_millis(200), whole: Duration::from_millis(800) };

pub(crate) fn study() -> Study<Map> {
    let program = "cargo run --release -p paxos -- sim";
    Study { program, model: KeyValue::new, mutants: mutants(), test }
}

/// A run of the whole cluster, drawn from the seed.
fn test(sim: &mut Simulation, history: &History<Map>, mutant: Option<&str>) -> Result {
    let kind = Kind::draw(sim);
    let settings = Settings::draw(sim, kind, mutation(mutant)?);
    let (nodes, clients) = (settings.agreement.nodes as u32, sim.draw(2..=5));
    let (keys, history) = (sim.draw(1..=3), history.clone());
    kind.fail(sim, nodes, settings.agreement.lease);
    sim.descriptors(quorum_runtime::include_file_descriptor_set!("paxos"));
    let at_nodes = settings.clone();
    sim.nodes(nodes, move |host| serve(host, at_nodes.clone()));
    sim.clients(clients, move |host| {
        let (history, operations) = (host.history(&history), OPERATIONS / clients);
        let (cluster, patience) = (settings.agreement.cluster.clone(), settings.patience);
        async move {
            let mut client = connect(&host, &cluster, patience)?;
            work(&host, &mut client, &history, operations, keys).await;
            // Now everything works, and what does not go on is stuck.
            host.healed().await;
            for key in 1..=keys {
                while !read(&host, &mut client, &history, format!("k{key}")).await {
                    sleep(KEEP_ALIVE).await;
                }
            }
            if host.number() == 1 { converge(&host, &mut client, nodes).await } else { Ok(()) }
        }
    });
    sim.run()?;
    Ok(())
}

/// What is drawn for a run, for all its nodes.
#[derive(Clone)]
struct Settings {
    agreement: Agreement,
    window: usize,
    keep: u64,
    trim_every: u64,
    patience: Patience,
    mutation: Mutation,
}

impl Settings {
    fn draw(sim: &mut Simulation, kind: Kind, mutation: Mutation) -> Self {
        let nodes = sim.draw(3..=if kind == Kind::Any { 5 } else { 3 }) as usize;
        // A majority of both, or fewer who accept and more who promise.
        let accept_quorum = sim.draw((nodes as u32 / 2)..=(nodes as u32 / 2 + 1)) as usize;
        let accept_quorum = accept_quorum.max(2);
        // Short ones bring many leaders at a time, long ones many reads under a lease.
        let lease = match sim.draw(0..=2) {
            _ if kind == Kind::Restless => sim.draw(10..=60),
            _ if kind == Kind::Estranged => sim.draw(100..=500),
            _ if kind == Kind::Forgetful => sim.draw(50..=150),
            0 => sim.draw(10..=40),
            1 => sim.draw(50..=200),
            _ => sim.draw(300..=1_000),
        };
        let agreement = Agreement {
            cluster: "simulated".to_owned(),
            nodes,
            prepare_quorum: nodes + 1 - accept_quorum,
            accept_quorum,
            lease: Duration::from_millis(lease.into()),
            drift: 0.1,
        };
        let window = sim.draw(1..=8) as usize;
        let (mut keep, trim_every) = (sim.draw(2..=20).into(), sim.draw(1..=20).into());
        let mut patience = PATIENCE;
        if matches!(kind, Kind::Estranged | Kind::Forgetful) {
            // They are to find a new leader while the old one believes in its lease.
            patience.attempt = Duration::from_millis(sim.draw(40..=150).into());
        }
        if kind == Kind::Forgetful {
            // What is asked again hides that it was forgotten, and a node that copies a store does not lead.
            patience.whole = patience.attempt;
            keep += 100;
        }
        Self { agreement, window, keep, trim_every, patience, mutation }
    }
}

async fn serve(host: Host, settings: Settings) -> Result {
    let Settings { agreement, window, keep, trim_every, mutation, .. } = settings;
    let drift = agreement.drift;
    let config = Config {
        agreement,
        id: host.number(),
        peers: host.nodes(),
        folder: "/data".into(),
        new: true,
        window,
        batch_bytes: 1 << 10,
        keep,
        trim_every,
        chunk_keys: 4,
        seed: host.draw(0..=u64::MAX - 1),
        clock_rate: 1.0 - drift + 2.0 * drift * host.draw(0..=1000) as f64 / 1000.0,
        mutation,
    };
    let quick =
        |manager, server: Server| (hurried(manager), server.keep_alive(KEEP_ALIVE, KEEP_ALIVE));
    let node = Node::open(config, quick).await?;
    Ok(node.serve_at(host.address()).await?)
}

/// Notices soon what is gone, and soon what is back.
fn hurried(manager: ManagerBuilder) -> ManagerBuilder {
    let [shortest, longest] = RECONNECT;
    manager.keep_alive(KEEP_ALIVE, KEEP_ALIVE).reconnect_wait(shortest, longest)
}

fn connect(host: &Host, cluster: &str, patience: Patience) -> Result<Client> {
    let manager = Manager::builder().nodes(host.nodes()).intercept(agreement::of_client(cluster));
    let manager = hurried(manager).build()?;
    Ok(Client::new(&manager, patience, Rng::with_seed(host.draw(0..=u64::MAX - 1)))?)
}

/// Reads and writes at random, whatever becomes of it.
async fn work(
    host: &Host,
    client: &mut Client,
    history: &History<Map>,
    operations: u32,
    keys: u32,
) {
    let me = u64::from(host.number());
    for operation in 1..=operations {
        if host.once_in(20) {
            synchronise(host, client).await;
        }
        // Few keys that all fight for, and others that make the store larger than one chunk of a copy.
        let key = match host.draw(0..=3) {
            0 => format!("other {}", host.draw(1..=20)),
            _ => format!("k{}", host.draw(1..=keys.into())),
        };
        let is_done = if host.once_in(2) {
            // No two writes are of the same value, so a read tells which of them it saw.
            write(host, client, history, key, format!("{me}.{operation}")).await
        } else {
            read(host, client, history, key).await
        };
        // Now at once, now after a while, so that there is work for as long as there are faults; but who was
        // refused at once does not ask again at once.
        let pause =
            if host.once_in(2) { 5 } else { 2 * PERIOD.as_millis() as u64 / u64::from(operations) };
        sleep(Duration::from_millis(host.draw(0..=if is_done { pause } else { 100 }))).await;
    }
}

/// An operator lets a node copy the store of another.
async fn synchronise(host: &Host, client: &mut Client) {
    let nodes = host.nodes().len() as u64;
    let node = host.draw(1..=nodes) as u32;
    let mode = if host.once_in(4) { SyncMode::HoldTrim } else { SyncMode::CommitsFirst };
    // It may not be reached, or copy already.
    let _refused = client.synchronise(node, mode).await;
}

/// All nodes have the same store in the end.
async fn converge(host: &Host, client: &mut Client, nodes: u32) -> Result {
    for node in 2..=nodes {
        loop {
            let scrub = host.draw(1..=u64::MAX - 1);
            if client.scrub(scrub).await.is_ok() {
                let pair = [NodeId::from(1), NodeId::from(node)];
                match compare::online(client.manager(), scrub, pair, 3, |_| {}).await {
                    Ok(comparison) if comparison.is_equal() => break,
                    // One has copied a store past the first of two equal commands.
                    Ok(Comparison { slots: [one, other], .. }) if one != other => {}
                    Ok(comparison) => {
                        return Err(format!("nodes 1 and {node} differ: {comparison}").into());
                    }
                    Err(_) => {} // One of them has not come so far.
                }
            }
            sleep(KEEP_ALIVE).await;
        }
    }
    Ok(())
}

/// Whether the key could be read.
async fn read(host: &Host, client: &mut Client, history: &History<Map>, key: String) -> bool {
    let read = history.invoke(host.number().into(), Input::Read { key: key.clone() });
    let value = client.get(&key).await;
    value.map(|value| read.returned(Output::Value(value))).is_ok()
}

/// Whether the value was written for sure; otherwise it may have been, or be later, or never.
async fn write(
    host: &Host,
    client: &mut Client,
    history: &History<Map>,
    key: String,
    value: String,
) -> bool {
    let asked = Input::Write { key: key.clone(), value: value.clone() };
    let write = history.invoke(host.number().into(), asked);
    match client.put(&key, &value).await {
        Ok(_) => write.returned(Output::Done),
        Err(error) if error.is_without_effect() => {
            write.failed();
            return false;
        }
        Err(_) => return false,
    }
    true
}

fn mutation(name: Option<&str>) -> Result<Mutation> {
    let mutant = name.map(|name| Mutant::from_str(name, false)).transpose()?;
    Ok(mutant.map_or_else(Mutation::default, Mutation::from))
}

fn mutants() -> Vec<(String, String)> {
    let told = Mutant::value_variants().iter().filter_map(Mutant::to_possible_value);
    told.map(|mutant| {
        let help = mutant.get_help().map(ToString::to_string).unwrap_or_default();
        (mutant.get_name().to_owned(), help)
    })
    .collect()
}
