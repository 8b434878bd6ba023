//! Servers that are processes, killed at random under load: whether what their clients saw is what one map
//! would have shown them, and whether every copy has it in the end.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use example_support::output;
use example_support::process::Process;
use quorum_runtime::history::key_value::Input;
use quorum_runtime::history::register::Output;
use quorum_runtime::history::{History, KeyValue, converged};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::client::{Client, Register};
use crate::cluster::CLUSTER;
use crate::connection::connect;
use crate::database::version;
use crate::mutant::Mutation;
use crate::storage::{Entry, StorageConfiguration as _, WriteRequest};

/// How long a client waits for an operation.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long everything may take to work again after the last kill.
const PATIENCE: Duration = Duration::from_secs(30);

type Map = KeyValue<String, String>;

/// Arguments of the subcommand.
#[derive(Debug, clap::Args)]
pub(crate) struct Kill {
    /// How many servers to start.
    #[arg(long, value_name = "COUNT", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(1..=20))]
    nodes: u32,

    /// For how long to kill.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    seconds: u64,

    /// How many clients read and write meanwhile.
    #[arg(long, value_name = "COUNT", default_value_t = 8)]
    clients: u32,

    /// How many keys they use.
    #[arg(long, value_name = "COUNT", default_value_t = 32,
          value_parser = clap::value_parser!(u32).range(1..))]
    keys: u32,
}

impl Kill {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let folder = tempfile::tempdir().context("cannot make a folder for the data")?;
        let mut servers = self.start(folder.path())?;
        let addresses: Vec<_> = servers.iter().map(|server| server.address().to_owned()).collect();
        let history = History::new(Map::new());
        let end = Instant::now() + Duration::from_secs(self.seconds);

        let runtime = Runtime::new()?;
        let mut clients = JoinSet::new();
        for number in 1..=self.clients {
            let client = runtime.block_on(async { client(&addresses, number) })?;
            let user = User { number, client, history: history.clone(), keys: self.keys };
            clients.spawn_on(user.work(end), runtime.handle());
        }
        let kills = kill(&mut servers, end)?;
        let acknowledged: u32 = runtime.block_on(clients.join_all()).into_iter().sum();

        let user = User {
            number: 0,
            client: runtime.block_on(async { client(&addresses, self.clients + 1) })?,
            history: history.clone(),
            keys: self.keys,
        };
        runtime.block_on(user.compare())?;
        let checked = history.check()?;
        output::line(format_args!(
            "{} servers, {kills} kills, {} operations, {acknowledged} acknowledged writes: \
             linearizable, and all copies are equal",
            self.nodes, checked.operations,
        ))?;
        Ok(())
    }

    fn start(&self, folder: &Path) -> anyhow::Result<Vec<Process>> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut servers = Vec::new();
        for node in 0..self.nodes {
            let node = node.to_string();
            let data = folder.join(&node).into_os_string();
            let arguments = ["--node".into(), node.into(), "--data".into(), data];
            servers.push(Process::start(&program, "127.0.0.1:0", arguments)?);
        }
        Ok(servers)
    }
}

/// Kills some servers, often all of them, and starts them again; says how many.
fn kill(servers: &mut [Process], end: Instant) -> anyhow::Result<u32> {
    let mut kills = 0;
    while Instant::now() < end {
        thread::sleep(Duration::from_millis(fastrand::u64(50..500)));
        let some = fastrand::choose_multiple(0..servers.len(), fastrand::usize(1..=servers.len()));
        for server in &some {
            let complaint = servers[*server].kill();
            ensure!(complaint.is_empty(), "server {server} had complained: {complaint}");
            kills += 1;
        }
        thread::sleep(Duration::from_millis(fastrand::u64(0..300)));
        for server in some {
            servers[server].restart()?;
        }
    }
    Ok(kills)
}

fn client(addresses: &[String], writer: u32) -> anyhow::Result<Client> {
    let manager = connect(CLUSTER, addresses, TIMEOUT);
    let manager = manager.reconnect_wait(Duration::from_millis(10), Duration::from_millis(100));
    Ok(Client::new(manager.build()?, Register::ManyWriters, writer, Mutation::default())?)
}

/// One who reads and writes, and notes what he sees.
struct User {
    number: u32,
    client: Client,
    history: History<Map>,
    keys: u32,
}

impl User {
    /// Gives the number of acknowledged writes.
    async fn work(self, end: Instant) -> u32 {
        let mut acknowledged = 0;
        for operation in 0_u32.. {
            if Instant::now() >= end {
                break;
            }
            let key = format!("k{}", fastrand::u32(0..self.keys));
            if fastrand::bool() {
                let is_written = self.write(key, format!("{}.{operation}", self.number)).await;
                acknowledged += u32::from(is_written);
            } else {
                self.read(key).await;
            }
            sleep(Duration::from_millis(fastrand::u64(0..10))).await;
        }
        acknowledged
    }

    async fn read(&self, key: String) -> bool {
        let read = self.history.invoke(self.number.into(), Input::Read { key: key.clone() });
        let value = self.client.read(self.client.storage(), &key).await;
        value.map(|value| read.returned(Output::Value(value))).is_ok()
    }

    async fn write(&self, key: String, value: String) -> bool {
        let asked = Input::Write { key: key.clone(), value: value.clone() };
        let write = self.history.invoke(self.number.into(), asked);
        let written = self.client.write(self.client.storage(), &key, &value).await;
        written.map(|()| write.returned(Output::Done)).is_ok()
    }

    /// Reads every key, brings what it has to every node, and compares their copies.
    async fn compare(&self) -> anyhow::Result<()> {
        let mut copies: BTreeMap<String, BTreeMap<String, Entry>> = BTreeMap::new();
        for key in (0..self.keys).map(|key| format!("k{key}")) {
            let read = async {
                while !self.read(key.clone()).await {
                    sleep(Duration::from_millis(50)).await;
                }
            };
            timeout(PATIENCE, read).await.with_context(|| format!("{key} cannot be read again"))?;
            self.spread(&key).await?;
            for node in self.client.nodes() {
                if let Some(held) = self.client.held_by(&node, &key).await? {
                    let copy = copies.entry(format!("node {}", node.id())).or_default();
                    copy.insert(key.clone(), held);
                }
            }
        }
        Ok(converged(copies)?)
    }

    /// Brings the newest copy to every node.
    async fn spread(&self, key: &str) -> anyhow::Result<()> {
        let mut held = Vec::new();
        for node in self.client.nodes() {
            held.extend(self.client.held_by(&node, key).await?);
        }
        if let Some(newest) = held.into_iter().max_by_key(version) {
            let write = WriteRequest { key: key.to_owned(), entry: Some(newest) };
            self.client.storage().write(write).all().await?;
        }
        Ok(())
    }
}
