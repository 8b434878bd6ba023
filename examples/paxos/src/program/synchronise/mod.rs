//! A node that fell behind copies a large store, while others go on to commit: what does it cost them?

mod pace;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use example_support::output;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::folder::Folder;
use super::load::Keys;
use super::nodes::{Nodes, Target, leader};
use super::{comparing, machine, prompt};
use crate::client::Client;
use pace::Paced;

#[derive(Args, Debug)]
pub(crate) struct Synchronise {
    #[command(flatten)]
    nodes: Nodes,

    /// How many keys there are.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000,
          value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    keys: u64,

    /// Bytes of each value.
    #[arg(long, value_name = "BYTES", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    value_bytes: u32,

    /// How many commits a second go on meanwhile.
    #[arg(long, value_name = "COUNT", default_value_t = 1000,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,

    /// For how long these are measured before.
    #[arg(long, value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
}

/// How long commits go on before they are measured.
const WARM_UP: Duration = Duration::from_secs(2);

/// How many clients fill the stores.
const FILLING: u64 = 256;

impl Synchronise {
    pub(crate) fn run(self) -> Result<()> {
        ensure!(self.nodes.count > 1, "a node that copies needs another: say --nodes 2 or more");
        let folder = self.nodes.folder()?;
        Runtime::new()?.block_on(self.measure(&folder))
    }

    async fn measure(&self, folder: &Folder) -> Result<()> {
        let mut target = self.nodes.start(folder.path(), &[]).await?;
        let mut client = target.client()?;
        self.fill(&target).await?;

        // A follower goes, and what it will lack goes from the logs.
        let behind = (leader(&client).await? % self.nodes.count) + 1;
        target.processes()?.kill(behind)?;
        let paced = Paced::start(&target, self.rate, self.keys())?;
        // At first every client looks for the leader and opens a session.
        sleep(WARM_UP).await;
        paced.take();
        sleep(Duration::from_secs(self.seconds)).await;
        let before = paced.take();
        trim(&mut client).await?;

        for (_, pid) in target.processes()?.running() {
            machine::forget_peak(pid);
        }
        paced.take();
        let none = crate::paxos::StatusReply::default();
        target.processes()?.start_again(behind)?;
        let copied = prompt::watch(&client, behind, &none).await?;
        let during = paced.take();
        output::line(copied)?;
        output::line(format_args!("commits before:    {before}"))?;
        output::line(format_args!("commits meanwhile: {during}"))?;
        for (id, pid) in target.processes()?.running() {
            let peak = machine::peak_memory(pid).map_or(0, |bytes| bytes >> 20);
            let role = if id == behind { "copied" } else { "went on" };
            output::line(format_args!("node {id} {role}: {peak} MiB of memory at most meanwhile"))?;
        }
        paced.stop().await?;
        let other = (behind % self.nodes.count) + 1;
        let compared = comparing::running(&mut client, &target.manager, [other, behind]).await?;
        println!("nodes {other} and {behind}: {compared}");
        ensure!(compared.is_equal(), "the copy is not what was copied");
        Ok(())
    }

    /// Writes every key once.
    async fn fill(&self, target: &Target) -> Result<()> {
        let style = ProgressStyle::with_template(
            "filling  {wide_bar} {human_pos}/{human_len} keys, {eta}",
        )?;
        let bar = ProgressBar::new(self.keys).with_style(style);
        let next = Arc::new(AtomicU64::new(0));
        let mut clients = JoinSet::new();
        for _ in 0..FILLING {
            let (mut client, next, bar) = (target.client()?, Arc::clone(&next), bar.clone());
            let keys = self.keys();
            clients.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= keys.keys {
                        return anyhow::Ok(());
                    }
                    client.put(&Keys::key(number), &keys.value()).await?;
                    bar.inc(1);
                }
            });
        }
        let begun = Instant::now();
        while let Some(filled) = clients.join_next().await {
            filled.context("a client panicked")??;
        }
        bar.finish_and_clear();
        let (Self { keys, value_bytes, .. }, took) = (self, begun.elapsed());
        output::line(format_args!("{keys} keys of {value_bytes} bytes written in {took:.1?}"))?;
        Ok(())
    }

    const fn keys(&self) -> Keys {
        Keys { keys: self.keys, value_bytes: self.value_bytes as usize }
    }
}

/// Forgets all that was executed.
async fn trim(client: &mut Client) -> Result<()> {
    let all = client.status().await;
    let applied = all.into_iter().filter_map(|(_, told)| Some(told.ok()?.applied)).max();
    client.trim(applied.context("no node answers")?).await?;
    Ok(())
}
