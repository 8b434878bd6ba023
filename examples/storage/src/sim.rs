//! The store under simulated faults: whether what its clients see is that of one map.

use std::time::Duration;

use clap::ValueEnum as _;
use example_support::identity::Identity;
use quorum_runtime::Manager;
use quorum_runtime::history::key_value::Input;
use quorum_runtime::history::register::Output;
use quorum_runtime::history::{History, KeyValue};
use quorum_runtime::sim::{Host, Result, Simulation, Study};
use tokio::time::sleep;

use crate::client::Client;
use crate::mutant::{Mutant, Mutation};
use crate::node;

/// What clients may ask, and what they are to be answered.
type Map = KeyValue<String, String>;

/// How many operations the clients of one run do together.
const OPERATIONS: u32 = 200;

/// How long a client waits for an operation.
const TIMEOUT: Duration = Duration::from_millis(500);

/// After how long a peer that says nothing is asked whether it is there, and how long it may take to
/// say so.
const KEEP_ALIVE: Duration = Duration::from_millis(250);

pub(crate) fn study() -> Study<Map> {
    let program = "cargo run --release -p storage -- sim";
    Study { program, model: KeyValue::new, mutants: mutants(), test }
}

/// A run of the whole store, drawn from the seed.
fn test(sim: &mut Simulation, history: &History<Map>, mutant: Option<&str>) -> Result {
    let mutation = mutation(mutant)?;
    let (nodes, clients, keys) = (sim.draw(3..=7), sim.draw(2..=6), sim.draw(1..=3));
    let history = history.clone();
    sim.descriptors(quorum_runtime::include_file_descriptor_set!("storage"));
    sim.nodes(nodes, move |host| serve(host, mutation));
    sim.clients(clients, move |host| {
        let (history, operations) = (host.history(&history), OPERATIONS / clients);
        async move {
            let client = connect(&host, mutation)?;
            work(&host, &client, &history, operations, keys).await;
            // Now everything works, and what does not go on is stuck.
            host.healed().await;
            for key in 1..=keys {
                while !read(&host, &client, &history, format!("k{key}")).await {
                    sleep(KEEP_ALIVE).await;
                }
            }
            Ok(())
        }
    });
    sim.run()?;
    Ok(())
}

async fn serve(host: Host, mutation: Mutation) -> Result {
    let store =
        node::open(Some("/data".as_ref()), Identity::new("sim", host.number()), mutation).await?;
    let server = node::server(&store).keep_alive(KEEP_ALIVE, KEEP_ALIVE);
    tokio::select! { biased;
        error = store.failure() => Err(error.into()),
        served = server.serve(host.address()) => Ok(served?),
    }
}

/// What a client needs of one run after another of its process.
fn connect(host: &Host, mutation: Mutation) -> Result<Client> {
    let manager = Manager::builder().nodes(host.nodes()).timeout(TIMEOUT);
    let manager = manager.keep_alive(KEEP_ALIVE, KEEP_ALIVE).build()?;
    Ok(Client::new(manager, host.number(), mutation)?)
}

/// Reads and writes at random, whatever becomes of it.
async fn work(host: &Host, client: &Client, history: &History<Map>, operations: u32, keys: u32) {
    let me = u64::from(host.number());
    for operation in 1..=operations {
        let key = format!("k{}", host.draw(1..=keys.into()));
        let is_done = if host.once_in(2) {
            // No two writes are of the same value, so a read tells which of them it saw.
            write(host, client, history, key, format!("{me}.{operation}")).await
        } else {
            read(host, client, history, key).await
        };
        // Who was refused at once does not ask again at once.
        sleep(Duration::from_millis(host.draw(0..=if is_done { 5 } else { 100 }))).await;
    }
}

/// Whether the key could be read.
async fn read(host: &Host, client: &Client, history: &History<Map>, key: String) -> bool {
    let read = history.invoke(host.number().into(), Input::Read { key: key.clone() });
    let value = client.read(client.storage(), &key).await;
    value.map(|value| read.returned(Output::Value(value))).is_ok()
}

/// Whether the value was written for sure; otherwise it may have been, or be later.
async fn write(
    host: &Host,
    client: &Client,
    history: &History<Map>,
    key: String,
    value: String,
) -> bool {
    let asked = Input::Write { key: key.clone(), value: value.clone() };
    let write = history.invoke(host.number().into(), asked);
    let written = client.write(client.storage(), &key, &value).await;
    written.map(|()| write.returned(Output::Done)).is_ok()
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
