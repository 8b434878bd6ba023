//! Waiting for a node that copies a store.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::paxos::{StatusReply, SyncProgress};

/// A copy that was made.
#[derive(Clone, Debug)]
pub(crate) struct Copied {
    node: u32,
    progress: SyncProgress,
    time: Duration,
}

const POLL: Duration = Duration::from_millis(50);

/// After which a copy that has not begun never will.
const BEGINNING: Duration = Duration::from_secs(10);

/// What a node says of itself.
pub(crate) async fn status_of(client: &Client, node: u32) -> Result<StatusReply> {
    let all = client.status().await;
    let told = all.into_iter().find(|(id, _)| id.get() == node);
    let (_, told) =
        told.with_context(|| format!("there is no node {node}: `status` shows them"))?;
    told.with_context(|| format!("node {node} does not answer"))
}

/// Shows a bar until a node has copied a store once more than before.
pub(crate) async fn watch(client: &Client, node: u32, before: &StatusReply) -> Result<Copied> {
    let completed = before.sync.as_ref().map_or(0, |sync| sync.completed);
    let (begun, bar) = (Instant::now(), bar(node)?);
    loop {
        let progress = status_of(client, node).await?.sync.unwrap_or_default();
        bar.set_length(progress.total_keys);
        bar.set_position(progress.keys);
        bar.set_message(format!("{:.1} MB", megabytes(progress.bytes)));
        if progress.completed > completed {
            bar.finish_and_clear();
            return Ok(Copied { node, progress, time: begun.elapsed() });
        }
        if !progress.running {
            if !progress.failure.is_empty() {
                bail!("node {node} has no copy: {}", progress.failure);
            }
            if begun.elapsed() > BEGINNING {
                bail!("node {node} does not begin to copy a store");
            }
        }
        sleep(POLL).await;
    }
}

fn bar(node: u32) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template(
        "node {prefix} copies  {wide_bar} {human_pos}/{human_len} keys, {msg}, {eta}",
    )?;
    Ok(ProgressBar::new(0).with_style(style).with_prefix(node.to_string()))
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, progress: SyncProgress { provider, keys, bytes, restarts, .. }, time } =
            self;
        let (megabytes, seconds) = (megabytes(*bytes), time.as_secs_f64());
        let rate = megabytes / seconds.max(0.001);
        write!(
            f,
            "node {node} has copied the store of node {provider}: {keys} keys, {megabytes:.1} MB, {seconds:.2} s, \
             {rate:.1} MB/s"
        )?;
        match restarts {
            0 => Ok(()),
            1 => f.write_str(", begun again once"),
            times => write!(f, ", begun again {times} times"),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
