//! Mixed calls against servers that are killed, hung and slowed down by chance, while the promises
//! are watched.

mod chaos;
mod load;
mod order;

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use quorum_runtime::{All, Majority, Manager, Request};
use tokio::runtime::Handle;
use tokio::time::Instant;

pub use load::Counts;

use crate::recorder::{RecorderConfiguration as _, RecorderManager as _};
use crate::{PATIENCE, eventually, item};
use chaos::Chaos;
use load::Client;

/// How long and how hard to soak.
#[derive(Clone, Debug)]
pub struct Soak {
    /// How long calls are made.
    pub time: Duration,
    /// Decides what happens when. The machine decides as well, so a run is not repeated by it.
    pub seed: u64,
    /// How many servers there are.
    pub servers: usize,
    /// How many clients there are.
    pub clients: usize,
    /// Bytes that the process has allocated, where somebody counts them.
    pub heap: fn() -> usize,
}

/// What a soak came to.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// What became of the calls.
    pub counts: Counts,
    /// Servers that were killed and started again.
    pub restarts: u64,
    /// Servers that were made to hang for a while.
    pub hangs: u64,
    /// Tasks with every client connected and none at work: before, and after.
    pub tasks: (usize, usize),
    /// The most tasks that there were.
    pub max_tasks: usize,
    /// Bytes allocated with every client connected and none at work: before, and after.
    pub heap: (usize, usize),
    /// Bytes of the process in memory, at the same times.
    pub resident: (usize, usize),
}

/// Growth of the heap that is no leak: what queues, tables and the allocator of a warm process keep.
const HEAP_GROWTH: usize = 8 * 1024 * 1024;

impl Soak {
    /// Soaks, on a runtime of several threads. `tick` is told ten times a second how much time has
    /// passed.
    ///
    /// # Errors
    ///
    /// Says which promise was not held.
    ///
    /// # Panics
    ///
    /// When servers can't be started, or do not come back.
    pub async fn run(&self, mut tick: impl FnMut(Duration)) -> Result<Figures> {
        let mut random = Rng::with_seed(self.seed);
        let mut figures = Figures::default();
        let tasks_at_all = tasks();
        let mut chaos = Chaos::start(self.servers, random.fork()).await;
        let addresses: Vec<_> = chaos.addresses().collect();
        let managers = (0..self.clients).map(|_| manager(&addresses, random.u64(..)));
        let managers = managers.collect::<Result<Vec<_>>>()?;
        // Once through everything, so that a process that is warm is compared with another.
        self.load(&managers, &mut chaos, &mut random, self.time / 10, |_| {}, &mut figures).await?;
        settled(&managers).await?;
        (figures.tasks.0, figures.heap.0, figures.resident.0) = self.measure();
        self.load(&managers, &mut chaos, &mut random, self.time, &mut tick, &mut figures).await?;
        settled(&managers).await?;
        let calm = || tasks() <= figures.tasks.0;
        eventually("as few tasks as before", calm).await;
        (figures.tasks.1, figures.heap.1, figures.resident.1) = self.measure();
        chaos.check()?;
        let grown = figures.heap.1.saturating_sub(figures.heap.0);
        ensure!(grown < HEAP_GROWTH, "the heap has grown by {} KiB", grown / 1024);
        (figures.restarts, figures.hangs) = (chaos.restarts, chaos.hangs);
        drop((managers, chaos));
        eventually("no task left", || tasks() <= tasks_at_all).await;
        Ok(figures)
    }

    /// Has every client make calls while there is trouble.
    async fn load(
        &self,
        managers: &[Manager],
        chaos: &mut Chaos,
        random: &mut Rng,
        time: Duration,
        mut tick: impl FnMut(Duration),
        figures: &mut Figures,
    ) -> Result<()> {
        let begun = Instant::now();
        let end = begun + time;
        let clients = managers.iter().map(|manager| Client::new(manager.clone(), random.fork()));
        let clients =
            clients.map(|client| Ok(tokio::spawn(client?.run(end)))).collect::<Result<Vec<_>>>()?;
        let watching = async {
            while Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(100)).await;
                figures.max_tasks = figures.max_tasks.max(tasks());
                tick(begun.elapsed());
            }
        };
        let (made, ()) = tokio::join!(chaos.run(end), watching);
        made?;
        for client in clients {
            figures.counts.add(&client.await.context("a client panicked")??);
        }
        Ok(())
    }

    fn measure(&self) -> (usize, usize, usize) {
        (tasks(), (self.heap)(), resident())
    }
}

fn manager(addresses: &[String], seed: u64) -> Result<Manager> {
    let builder = Manager::builder().nodes(addresses).timeout(PATIENCE).seed(seed);
    let wait = (Duration::from_millis(10), Duration::from_millis(100));
    Ok(builder.reconnect_wait(wait.0, wait.1).queue_limits(4096, 16 * 1024 * 1024).build()?)
}

/// Waits until every client has every node, and none owes anything: each answers one more call.
async fn settled(managers: &[Manager]) -> Result<()> {
    for manager in managers {
        let recorder = manager.recorder(Majority)?;
        let mut last = None;
        let answering = async {
            // A connection may be about to break when the first of these is made.
            loop {
                let mut request = Request::new(item(1));
                request.set_timeout(PATIENCE / 8);
                match recorder.record(request).all().await {
                    Ok(_) => return,
                    Err(error) => last = Some(error),
                }
            }
        };
        let answered = tokio::time::timeout(PATIENCE, answering).await;
        answered.with_context(|| format!("a client does not come back: {last:?}"))?;
        manager.ready(&All).await?;
    }
    Ok(())
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Bytes of this process in memory, where the system tells.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4096
}
