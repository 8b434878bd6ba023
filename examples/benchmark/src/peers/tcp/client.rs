use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use anyhow::{Context as _, Result, ensure};
use futures::future::poll_fn;
use futures::task::AtomicWaker;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::envelope::{malformed, read, write_request};
use super::frames::Frames;
use crate::benchmark::Block;
use crate::cluster::Cluster;
use crate::load::Work;

/// A client of all nodes.
#[derive(Debug)]
pub(crate) struct Client {
    nodes: Vec<Arc<Node>>,
    need: usize,
    block: Block,
    sequence: AtomicU64,
    /// Of the connections. Aborted when the client is dropped.
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Node {
    state: Mutex<State>,
    /// There is something to write.
    filled: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Requests that were not written yet.
    unsent: Vec<u8>,
    /// Those that were not answered yet, in their order.
    waiting: VecDeque<(u64, Arc<Call>)>,
    is_broken: bool,
}

/// What the nodes of a call share.
#[derive(Debug)]
struct Call {
    need: usize,
    stored: AtomicUsize,
    failed: AtomicUsize,
    caller: AtomicWaker,
}

impl Client {
    pub(crate) async fn connect(cluster: &Cluster, need: usize, block: Block) -> Result<Self> {
        let (mut nodes, mut tasks) = (Vec::new(), JoinSet::new());
        for address in cluster.answering() {
            let connection = TcpStream::connect(address).await;
            let connection = connection.with_context(|| format!("cannot connect to {address}"))?;
            connection.set_nodelay(true)?;
            let (reading, writing) = connection.into_split();
            let node = Arc::new(Node::default());
            tasks.spawn(read_replies(Arc::clone(&node), reading));
            tasks.spawn(write_requests(Arc::clone(&node), writing));
            nodes.push(node);
        }
        ensure!(nodes.len() >= need, "{need} nodes are needed");
        Ok(Self { nodes, need, block, sequence: AtomicU64::new(1), _tasks: tasks })
    }
}

impl Work for Client {
    async fn call(&self, _: usize) -> Result<()> {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let call = Arc::new(Call::new(self.need));
        for node in &self.nodes {
            node.send(sequence, &self.block, &call);
        }
        let spare = self.nodes.len() - self.need;
        let is_stored = poll_fn(|task| {
            call.caller.register(task.waker());
            if call.stored.load(Ordering::Acquire) >= self.need {
                return Poll::Ready(true);
            }
            if call.failed.load(Ordering::Acquire) > spare {
                return Poll::Ready(false);
            }
            Poll::Pending
        });
        ensure!(is_stored.await, "the connections to the servers broke");
        Ok(())
    }
}

impl Call {
    fn new(need: usize) -> Self {
        let [stored, failed] = <[AtomicUsize; 2]>::default();
        Self { need, stored, failed, caller: AtomicWaker::new() }
    }

    /// Counts an acknowledgement, and wakes the caller once.
    fn store(&self) {
        if self.stored.fetch_add(1, Ordering::AcqRel) + 1 == self.need {
            self.caller.wake();
        }
    }
}

impl Node {
    fn send(&self, sequence: u64, block: &Block, call: &Arc<Call>) {
        let mut state = self.state();
        if state.is_broken {
            call.failed.fetch_add(1, Ordering::Release);
            return;
        }
        let was_empty = state.unsent.is_empty();
        write_request(sequence, block, &mut state.unsent);
        state.waiting.push_back((sequence, Arc::clone(call)));
        drop(state);
        if was_empty {
            self.filled.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes all that has gathered while it wrote what had gathered before.
async fn write_requests(node: Arc<Node>, mut connection: OwnedWriteHalf) {
    let mut writing = Vec::new();
    loop {
        node.filled.notified().await;
        std::mem::swap(&mut writing, &mut node.state().unsent);
        // A connection that breaks is seen by who reads it.
        if connection.write_all(&writing).await.is_err() {
            return;
        }
        writing.clear();
    }
}

async fn read_replies(node: Arc<Node>, mut connection: OwnedReadHalf) {
    let mut frames = Frames::default();
    let mut answered = Vec::new();
    while let Ok(true) = frames.read(&mut connection).await {
        if take_answered(&node, &mut frames, &mut answered).is_err() {
            break;
        }
        for call in answered.drain(..) {
            call.store();
        }
    }
    let mut state = node.state();
    state.is_broken = true;
    let waiting = std::mem::take(&mut state.waiting);
    drop(state);
    for (_, call) in waiting {
        call.failed.fetch_add(1, Ordering::Release);
        call.caller.wake();
    }
}

fn take_answered(
    node: &Node,
    frames: &mut Frames,
    answered: &mut Vec<Arc<Call>>,
) -> io::Result<()> {
    let mut state = node.state();
    while let Some(frame) = frames.next()? {
        let (sequence, _) = read(frame)?;
        match state.waiting.pop_front() {
            Some((expected, call)) if expected == sequence => answered.push(call),
            _ => return Err(malformed("a reply that nobody waits for")),
        }
    }
    Ok(())
}
