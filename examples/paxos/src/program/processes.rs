//! Nodes as processes of this program, which can be killed.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Processes of the nodes of one cluster. They are killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Processes {
    folder: PathBuf,
    addresses: Vec<String>,
    arguments: Vec<String>,
    running: Vec<Option<Child>>,
}

impl Processes {
    /// So many new nodes, with these arguments of `serve` besides.
    pub(crate) async fn start(nodes: u32, folder: &Path, arguments: Vec<String>) -> Result<Self> {
        let addresses = free_addresses(nodes as usize)?;
        let (folder, running) = (folder.to_owned(), (0..nodes).map(|_| None).collect());
        let mut processes = Self { folder, addresses, arguments, running };
        for id in 1..=nodes {
            let new = !processes.data(id).exists();
            processes.spawn(id, new).await?;
        }
        Ok(processes)
    }

    pub(crate) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The folder of a node's data.
    pub(crate) fn data(&self, id: u32) -> PathBuf {
        self.folder.join(id.to_string())
    }

    /// The numbers of those that run, and of their processes.
    pub(crate) fn running(&self) -> Vec<(u32, u32)> {
        let running = (1..).zip(&self.running);
        running.filter_map(|(id, child)| Some((id, child.as_ref()?.id()?))).collect()
    }

    /// Kills a process with SIGKILL, and waits for its end.
    pub(crate) async fn kill(&mut self, id: u32) -> Result<()> {
        let running = self.running.get_mut(id as usize - 1).and_then(Option::take);
        let mut child = running.with_context(|| format!("node {id} does not run"))?;
        Ok(child.kill().await?)
    }

    /// Starts a node again that was killed.
    pub(crate) async fn start_again(&mut self, id: u32) -> Result<()> {
        self.spawn(id, false).await
    }

    async fn spawn(&mut self, id: u32, new: bool) -> Result<()> {
        let program = std::env::current_exe().context("this program cannot be found")?;
        let mut command = Command::new(program);
        command.args(["serve", "--id", &id.to_string(), "--peers", &self.addresses.join(",")]);
        command.arg("--data").arg(self.data(id)).args(&self.arguments);
        if new {
            command.arg("--new");
        }
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        listening(&mut child).await.with_context(|| format!("node {id} did not start"))?;
        self.running[id as usize - 1] = Some(child);
        Ok(())
    }
}

/// Waits until a process says that it listens.
async fn listening(child: &mut Child) -> Result<()> {
    let output = child.stdout.take().context("it has no output")?;
    let line = BufReader::new(output).lines().next_line().await?;
    match line {
        Some(line) if line.starts_with("listening on ") => Ok(()),
        _ => bail!("its process ended with {}", child.wait().await?),
    }
}

/// Addresses on which nobody listens, also not by chance while a node is down: the system draws ports of
/// connections from higher ones.
pub(crate) fn free_addresses(count: usize) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for _ in 0..100 * count {
        let address = format!("127.0.0.1:{}", fastrand::u16(10_000..32_000));
        if !found.contains(&address) && TcpListener::bind(&address).is_ok() {
            found.push(address);
        }
        if found.len() == count {
            return Ok(found);
        }
    }
    ensure!(found.len() == count, "no {count} free ports were found from 10000 to 32000");
    Ok(found)
}
