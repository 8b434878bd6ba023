//! Processes that are killed at random while clients work, and whether all that was acknowledged is there.

mod clients;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use example_support::output;
use indicatif::{ProgressBar, ProgressStyle};
use quorum_runtime::history::{History, KeyValue};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::comparing;
use super::nodes::{Nodes, Target, leader};
use super::processes::Processes;
use crate::client::Client;

/// What clients may ask, and what they are to be answered.
type Map = KeyValue<String, String>;

#[derive(Args, Debug)]
pub(crate) struct Kill {
    #[command(flatten)]
    nodes: Nodes,

    /// For how long they are killed and started again.
    #[arg(long, value_name = "SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,

    /// How many clients work meanwhile.
    #[arg(long, value_name = "COUNT", default_value_t = 6,
          value_parser = clap::value_parser!(u32).range(1..=64))]
    clients: u32,

    /// How many keys they read and write.
    #[arg(long, value_name = "COUNT", default_value_t = 12,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    keys: u32,

    /// Which nodes are killed when, and what clients ask, is drawn from it. By default from another each
    /// time.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// Short leases, so that there is soon another leader, and short logs, so that who was down copies a store.
const SETTINGS: [&str; 6] = ["--lease-ms", "400", "--keep", "50", "--trim-every", "50"];

impl Kill {
    pub(crate) fn run(self) -> Result<()> {
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
        let folder = self.nodes.folder()?;
        let history = History::new(Map::new());
        let done = Runtime::new()?.block_on(self.kill(seed, folder.path(), &history));
        match done {
            Ok(done) => {
                output::line(done)?;
                Ok(())
            }
            Err(error) => {
                let folder = folder.keep();
                let saved = save(&history, &folder).err();
                let saved = saved.map(|error| format!("; {error:#}")).unwrap_or_default();
                let (nodes, folder) = (self.nodes.count, folder.display());
                Err(error.context(format!(
                    "seed {seed}, with the data and history.jsonl in {folder}{saved}; again with \
                     `paxos kill --nodes {nodes} --seed {seed}`"
                )))
            }
        }
    }

    async fn kill(&self, seed: u64, folder: &Path, history: &History<Map>) -> Result<String> {
        let mut target = self.nodes.start(folder, &SETTINGS).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for number in 1..=self.clients {
            let client = target.other_client()?;
            let rng = fastrand::Rng::with_seed(seed.wrapping_add(number.into()));
            let work = clients::Work { number, keys: self.keys, history: history.clone(), rng };
            clients.spawn(work.on(client, Arc::clone(&stop)));
        }
        let kills =
            self.at_random(target.processes()?, &mut fastrand::Rng::with_seed(seed)).await?;
        stop.store(true, Ordering::Relaxed);
        while let Some(ended) = clients.join_next().await {
            ended.context("a client panicked")?;
        }
        let mut client = target.client()?;
        leader(&client).await?;
        clients::read_all(&mut client, history, self.keys).await?;
        let checked = history.check()?;
        self.compare(&mut client, &target).await?;
        let nodes = self.nodes.count;
        Ok(format!(
            "{kills} kills of {nodes} nodes; {checked}; no acknowledged write is lost; all stores are equal"
        ))
    }

    /// Kills some nodes and starts them again, and so on. In the end all are up. How many were killed.
    async fn at_random(&self, processes: &mut Processes, rng: &mut fastrand::Rng) -> Result<u32> {
        let (time, begun, bar) = (Duration::from_secs(self.seconds), Instant::now(), self.bar()?);
        let mut kills = 0;
        while begun.elapsed() < time {
            sleep(Duration::from_millis(rng.u64(100..1500))).await;
            // Mostly so few that the others go on, and sometimes all at once.
            let minority = (self.nodes.count.saturating_sub(1) / 2).max(1);
            let most = if rng.u8(..4) == 0 { self.nodes.count } else { minority };
            let mut nodes: Vec<_> = (1..=self.nodes.count).collect();
            rng.shuffle(&mut nodes);
            nodes.truncate(rng.u32(1..=most) as usize);
            for &node in &nodes {
                processes.kill(node)?;
            }
            kills += nodes.len();
            bar.set_position(begun.elapsed().as_secs());
            bar.set_message(format!("{kills} kills"));
            sleep(Duration::from_millis(rng.u64(..1500))).await;
            for &node in &nodes {
                processes.start_again(node)?;
            }
        }
        bar.finish_and_clear();
        Ok(u32::try_from(kills)?)
    }

    fn bar(&self) -> Result<ProgressBar> {
        let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} s, {msg}")?;
        Ok(ProgressBar::new(self.seconds).with_style(style))
    }

    async fn compare(&self, client: &mut Client, target: &Target) -> Result<()> {
        for node in 2..=self.nodes.count {
            let compared = comparing::running(client, &target.manager, [1, node]).await?;
            ensure!(compared.is_equal(), "the stores of nodes 1 and {node} differ: {compared}");
        }
        Ok(())
    }
}

fn save(history: &History<Map>, folder: &Path) -> Result<()> {
    let file = folder.join("history.jsonl");
    let to = File::create(&file).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(history.write_json(&mut std::io::BufWriter::new(to))?)
}
