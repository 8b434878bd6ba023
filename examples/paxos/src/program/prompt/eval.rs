//! From a command to its answer.

use anyhow::{Context as _, Result};
use quorum_runtime::Manager;
use tokio::runtime::Runtime;

use super::command::{Command, HELP};
use super::{copying, status};
use crate::client::Client;
use crate::paxos::SyncMode;
use crate::program::cluster::Cluster;
use crate::program::comparing;

/// What commands are carried out on.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) client: Client,
    pub(super) manager: Manager,
    /// Where the nodes are in this process.
    pub(super) cluster: &'a mut Option<Cluster>,
}

impl Session<'_> {
    pub(super) fn eval(&mut self, command: Command) -> Result<String> {
        match command {
            // Threads of their own start and end here, so it is outside of the runtime.
            Command::Kill { node } => {
                self.cluster()?.kill(node)?;
                Ok(format!("node {node} is dead"))
            }
            Command::Start { node } => {
                self.cluster()?.start_again(node)?;
                Ok(format!("node {node} has started"))
            }
            command => self.runtime.block_on(ask(&mut self.client, &self.manager, command)),
        }
    }

    fn cluster(&mut self) -> Result<&mut Cluster> {
        self.cluster.as_mut().context(
            "these nodes are processes of their own: kill them with `kill -9`, start them with `paxos serve`",
        )
    }
}

async fn ask(client: &mut Client, manager: &Manager, command: Command) -> Result<String> {
    Ok(match command {
        Command::Put { key, value } => match client.put(&key, &value).await? {
            true => format!("{key}: replaced"),
            false => format!("{key}: stored"),
        },
        Command::Delete { key } => match client.delete(&key).await? {
            true => format!("{key}: deleted"),
            false => not_found(&key),
        },
        Command::Get { key } => found(&key, client.get(&key).await?),
        Command::Local { node, key } => found(&key, client.get_local(node, &key).await?),
        Command::Status => status::table(&client.status().await),
        Command::Trim { slot } => trim(client, slot).await?,
        Command::Sync { node, hold } => copy(client, node, hold).await?,
        Command::Compare { one, other } => {
            comparing::running(client, manager, [one, other]).await?.to_string()
        }
        Command::Help | Command::Exit | Command::Kill { .. } | Command::Start { .. } => {
            HELP.to_owned()
        }
    })
}

fn found(key: &str, value: Option<String>) -> String {
    value.map_or_else(|| not_found(key), |value| format!("{key} = {value}"))
}

fn not_found(key: &str) -> String {
    format!("{key}: not found")
}

async fn trim(client: &mut Client, slot: Option<u64>) -> Result<String> {
    let all = || async { client.status().await.into_iter().filter_map(|(_, told)| told.ok()) };
    let slot = match slot {
        Some(slot) => slot,
        None => all().await.map(|status| status.applied).max().context("no node answers")?,
    };
    let first = client.trim(slot).await?;
    Ok(format!("the log begins at slot {first}"))
}

async fn copy(client: &Client, node: u32, hold: bool) -> Result<String> {
    let before = copying::status_of(client, node).await?;
    let mode = if hold { SyncMode::HoldTrim } else { SyncMode::CommitsFirst };
    client.synchronise(node, mode).await?;
    let copied = copying::watch(client, node, &before).await?;
    Ok(copied.to_string())
}
