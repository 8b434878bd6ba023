//! Two stores, compared or copied.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::Args;
use example_support::output;
use indicatif::{ProgressBar, ProgressStyle};
use quorum_runtime::Manager;
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::compare::{self, Comparison};
use crate::paxos::StatusReply;
use crate::sync::offline;

/// How many of the keys that differ are named.
const TOLD: usize = 20;

/// How long a node may take to catch up before it is compared.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Args, Debug)]
pub(crate) struct Folders {
    /// The folders of two stopped nodes.
    #[arg(num_args = 2, required = true, value_names = ["FOLDER", "FOLDER"])]
    folders: Vec<PathBuf>,
}

impl Folders {
    /// Fails where they differ, as `cmp` does.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let [one, other] = &self.folders[..] else { bail!("two folders are compared") };
        is_folder(one)?;
        is_folder(other)?;
        let bar = spinner()?;
        let compared = compare::offline([one, other], TOLD, |keys| bar.set_position(keys));
        bar.finish_and_clear();
        let compared = compared?;
        output::line(&compared)?;
        Ok(if compared.is_equal() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

#[derive(Args, Debug)]
pub(crate) struct Sync {
    /// The folder of the stopped node whose store is copied.
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,

    /// The folder of the stopped node that gets it. It keeps what it promised.
    #[arg(long, value_name = "FOLDER")]
    into: PathBuf,
}

impl Sync {
    pub(crate) fn run(self) -> Result<()> {
        is_folder(&self.from)?;
        is_folder(&self.into)?;
        let bar = spinner()?;
        let copied = offline::offline(&self.from, &self.into, |keys, _| bar.set_position(keys));
        let keys = bar.position();
        bar.finish_and_clear();
        copied?;
        let (from, into) = (self.from.display(), self.into.display());
        output::line(format_args!("{keys} keys copied from {from} into {into}"))?;
        Ok(())
    }
}

/// Compares the stores of two nodes that run, as of one slot of the log.
pub(crate) async fn running(
    client: &mut Client,
    manager: &Manager,
    nodes: [u32; 2],
) -> Result<Comparison> {
    settle(client, nodes).await?;
    let scrub = fastrand::u64(1..);
    client.scrub(scrub).await?;
    let bar = spinner()?;
    let compared = compare::online(manager, scrub, nodes.map(Into::into), TOLD, |keys| {
        bar.set_position(keys);
    });
    let compared = compared.await;
    bar.finish_and_clear();
    compared
}

/// Waits until both nodes have executed what was executed anywhere: one that copies a store now may get it
/// as of a later slot than that of the comparison.
async fn settle(client: &Client, nodes: [u32; 2]) -> Result<()> {
    let [one, other] = nodes;
    ensure!(one != other, "compare two nodes: {one} is one");
    let begun = Instant::now();
    let mut wanted = None;
    loop {
        let told = client.status().await;
        for node in nodes {
            let is_known = told.iter().any(|(known, _)| known.get() == node);
            ensure!(is_known, "there is no node {node}: `status` shows them");
        }
        let told: Vec<_> = told.into_iter().filter_map(|(_, told)| told.ok()).collect();
        let most = told.iter().map(|status| status.applied).max().unwrap_or_default();
        let wanted = *wanted.get_or_insert(most);
        let is_there = |status: &&StatusReply| {
            let copies = status.sync.as_ref().is_some_and(|sync| sync.running);
            nodes.contains(&status.node) && !copies && status.applied >= wanted
        };
        if told.iter().filter(is_there).count() == nodes.len() {
            return Ok(());
        }
        ensure!(
            begun.elapsed() < PATIENCE,
            "nodes {one} and {other} have not both executed slot {wanted} after {PATIENCE:?}: `status` tells \
             how far they are"
        );
        sleep(Duration::from_millis(50)).await;
    }
}

/// Who locks a folder makes it, and a mistyped one is not to be made.
fn is_folder(folder: &Path) -> Result<()> {
    ensure!(folder.is_dir(), "there is no folder {}: name that of a node", folder.display());
    Ok(())
}

fn spinner() -> Result<ProgressBar> {
    Ok(ProgressBar::new_spinner()
        .with_style(ProgressStyle::with_template("{spinner} {human_pos} keys")?))
}
