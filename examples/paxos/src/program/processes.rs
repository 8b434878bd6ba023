//! Nodes as processes of this program, which can be killed.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use example_support::process::Process;
use tokio::task::block_in_place;

/// Processes of the nodes of one cluster. They are killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Processes {
    folder: PathBuf,
    addresses: Vec<String>,
    arguments: Vec<String>,
    running: Vec<Option<Process>>,
}

impl Processes {
    /// So many nodes, with these arguments of `serve` besides.
    pub(crate) fn start(nodes: u32, folder: &Path, arguments: Vec<String>) -> Result<Self> {
        let addresses = free_addresses(nodes as usize)?;
        let (folder, running) = (folder.to_owned(), (0..nodes).map(|_| None).collect());
        let mut processes = Self { folder, addresses, arguments, running };
        for id in 1..=nodes {
            let new = !processes.data(id).exists();
            processes.spawn(id, new)?;
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
        running.filter_map(|(id, process)| Some((id, process.as_ref()?.id()?))).collect()
    }

    /// Kills a process with SIGKILL, and waits for its end.
    pub(crate) fn kill(&mut self, id: u32) -> Result<()> {
        let running = self.running.get_mut(id as usize - 1).and_then(Option::take);
        let mut process = running.with_context(|| format!("node {id} does not run"))?;
        let complaints = block_in_place(|| process.kill());
        ensure!(complaints.is_empty(), "node {id} had complained: {complaints}");
        Ok(())
    }

    /// Starts a node again that was killed.
    pub(crate) fn start_again(&mut self, id: u32) -> Result<()> {
        self.spawn(id, false)
    }

    fn spawn(&mut self, id: u32, new: bool) -> Result<()> {
        let program = std::env::current_exe().context("this program cannot be found")?;
        let (number, peers) = (id.to_string(), self.addresses.join(","));
        let own = ["--id", &number, "--peers", &peers].map(OsString::from).into_iter();
        let data = [OsString::from("--data"), self.data(id).into_os_string()];
        let others = self.arguments.iter().map(OsString::from);
        let arguments = own.chain(data).chain(others).chain(new.then(|| "--new".into()));
        let address = &self.addresses[id as usize - 1];
        let process = block_in_place(|| Process::start(program, address, arguments));
        let process = process.with_context(|| format!("node {id}"))?;
        self.running[id as usize - 1] = Some(process);
        Ok(())
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
            break;
        }
    }
    ensure!(found.len() == count, "no {count} free ports were found from 10000 to 32000");
    Ok(found)
}
