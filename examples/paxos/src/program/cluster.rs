//! A cluster in this process, whose nodes can be killed and started again.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use example_support::folder::{self, Lock};
use tokio::runtime::Runtime;

use super::sentence;
use super::settings::{Own, Settings};
use crate::node::Node;

/// Nodes on free ports of the loopback interface, each with a folder and threads of its own.
#[derive(Debug)]
pub(crate) struct Cluster {
    settings: Settings,
    addresses: Vec<String>,
    folder: PathBuf,
    running: Vec<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    threads: Runtime,
    /// Given up after its threads have ended.
    _lock: Lock,
}

/// How long threads may take to leave the disk alone.
const STOPPING: Duration = Duration::from_secs(10);

impl Cluster {
    /// So many nodes, whose data is in the folder under their numbers.
    pub(crate) fn start(nodes: u32, folder: &Path, settings: &Settings) -> Result<Self> {
        let listeners: Vec<_> = (0..nodes).map(|_| listen("127.0.0.1:0")).collect::<Result<_>>()?;
        let addresses: Result<_, _> =
            listeners.iter().map(|own| own.local_addr().map(|own| own.to_string())).collect();
        let running = listeners.iter().map(|_| None).collect();
        let (folder, settings) = (folder.to_owned(), settings.clone());
        let mut cluster = Self { settings, addresses: addresses?, folder, running };
        // Where one node has data, none may begin anew.
        let new = (1..=nodes).all(|id| !cluster.folder_of(id).exists());
        for (id, listener) in (1..).zip(listeners) {
            cluster.open(id, listener, new)?;
        }
        Ok(cluster)
    }

    pub(crate) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The node does nothing more from now on: nobody is told, nothing is finished.
    pub(crate) fn kill(&mut self, id: u32) -> Result<()> {
        let Some(running) = self.place(id)?.take() else { bail!("node {id} does not run") };
        running.threads.shutdown_timeout(STOPPING);
        Ok(())
    }

    /// Starts a node again that was killed.
    pub(crate) fn start_again(&mut self, id: u32) -> Result<()> {
        ensure!(self.place(id)?.is_none(), "node {id} runs already");
        let listener = listen(&self.addresses[id as usize - 1])?;
        self.open(id, listener, false)
    }

    /// Ends them all.
    pub(crate) fn stop(mut self) {
        for running in self.running.drain(..).flatten() {
            running.threads.shutdown_timeout(STOPPING);
        }
    }

    fn open(&mut self, id: u32, listener: TcpListener, new: bool) -> Result<()> {
        let (peers, data) = (self.addresses.clone(), Some(self.folder_of(id)));
        let own = Own { id: Some(id), peers, data, listen: None };
        let config = self.settings.config(own, new)?;
        let lock = folder::lock(&config.folder)?;
        let threads = tokio::runtime::Builder::new_multi_thread();
        let threads = { threads }.worker_threads(1).enable_all().build()?;
        let node = threads
            .block_on(Node::open(config, |manager, server| (manager, server)))
            .with_context(|| format!("node {id}"))?;
        let listener = {
            let _entered = threads.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        threads.spawn(async move {
            if let Err(error) = node.serve(listener, std::future::pending()).await {
                eprintln!("node {id}: {}", sentence(&error));
            }
        });
        *self.place(id)? = Some(Running { threads, _lock: lock });
        Ok(())
    }

    fn place(&mut self, id: u32) -> Result<&mut Option<Running>> {
        let nodes = self.running.len();
        let place = (id as usize).checked_sub(1).and_then(|place| self.running.get_mut(place));
        place.with_context(|| format!("there is no node {id}: they have numbers from 1 to {nodes}"))
    }

    fn folder_of(&self, id: u32) -> PathBuf {
        self.folder.join(id.to_string())
    }
}

fn listen(address: &str) -> Result<TcpListener> {
    let listener =
        TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
