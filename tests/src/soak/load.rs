use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use quorum_runtime::{Configuration, Majority, Manager, Node, NodeError, QuorumError, Request};
use tokio::time::{Instant, timeout};

use super::order::Number;
use crate::recorder::{Item, RecorderConfiguration as _, RecorderManager as _, RecorderNode as _};

/// Calls of one client that are not awaited yet.
const OUTSTANDING: usize = 64;
/// How long after its deadline a call must have ended, on a machine that does other things as well.
const SLACK: Duration = Duration::from_secs(3);

/// What became of the calls.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Two-way calls, sessions and correctables, by what they ended with.
    pub ended: BTreeMap<&'static str, u64>,
    /// One-way messages that nobody awaited.
    pub told: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        for (outcome, count) in &other.ended {
            *self.ended.entry(outcome).or_default() += count;
        }
        self.told += other.told;
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.ended.values().sum::<u64>() + self.told
    }
}

/// One client, which makes calls of every kind.
pub(super) struct Client {
    caller: u32,
    call: u32,
    manager: Manager,
    recorder: Configuration<Majority>,
    random: Rng,
    counts: Counts,
}

type Call = Pin<Box<dyn Future<Output = Result<&'static str>> + Send>>;

/// A caller that nobody else is.
fn caller() -> u32 {
    static CALLERS: AtomicU32 = AtomicU32::new(1);
    CALLERS.fetch_add(1, Ordering::Relaxed)
}

impl Client {
    pub(super) fn new(manager: Manager, random: Rng) -> Result<Self> {
        let recorder = manager.recorder(Majority)?;
        let counts = Counts::default();
        Ok(Self { caller: caller(), call: 0, manager, recorder, random, counts })
    }

    /// Makes calls until the time is up, and waits until each of them has ended.
    pub(super) async fn run(mut self, end: Instant) -> Result<Counts> {
        let mut outstanding = FuturesUnordered::new();
        while Instant::now() < end {
            while outstanding.len() < OUTSTANDING {
                outstanding.extend(self.call());
            }
            if let Some(outcome) = outstanding.next().await {
                *self.counts.ended.entry(outcome?).or_default() += 1;
            }
        }
        while let Some(outcome) = outstanding.next().await {
            *self.counts.ended.entry(outcome?).or_default() += 1;
        }
        Ok(self.counts)
    }

    fn item(&mut self, is_free: bool) -> Item {
        self.call += 1;
        let number = Number { caller: self.caller, call: self.call, is_free };
        Item { number: number.encode(), text: "x".repeat(self.random.usize(0..200)) }
    }

    fn node(&mut self) -> Result<Node> {
        let nodes = self.manager.nodes();
        let node = self.random.choice(nodes.iter()).context("there are nodes")?;
        Ok(node.clone())
    }

    /// Makes one call, which is sent when this returns; what it returns waits for the end.
    fn call(&mut self) -> Option<Call> {
        let limit = Duration::from_millis(self.random.u64(20..1000));
        let Ok(node) = self.node() else { return None };
        let kind = self.random.u8(0..100);
        let item = self.item((50..70).contains(&kind));
        let request = |item: &Item| {
            let mut request = Request::new(item.clone());
            request.set_timeout(limit);
            request
        };
        let (expected, asked) = (item.clone(), request(&item));
        Some(match kind {
            0..30 => {
                let call = self.recorder.record(asked).into_future();
                Box::pin(async move { of_quorum(ended(limit, call).await?, &expected) })
            }
            30..50 => {
                let call = node.ask(asked).into_future();
                Box::pin(async move { of_node(ended(limit, call).await?, &expected) })
            }
            50..60 => {
                let call = node.ask_again(asked).into_future();
                Box::pin(async move { of_node(ended(limit, call).await?, &expected) })
            }
            60..70 => {
                let call = node.ask_beside(asked).into_future();
                Box::pin(async move { of_node(ended(limit, call).await?, &expected) })
            }
            70..78 => {
                self.counts.told += 1;
                drop(node.tell(asked));
                return None;
            }
            78..84 => {
                let call = self.recorder.note(asked).into_future();
                Box::pin(async move {
                    let sent = ended(limit, call).await?;
                    Ok(sent.map_or_else(|error| cause(&error.failures()[0].error), |()| "sent"))
                })
            }
            84..90 => {
                let mut call = self.recorder.record(asked).correctable();
                Box::pin(async move {
                    let level = ended(limit, call.level(4)).await?;
                    of_quorum(level.map(|level| level.value), &expected)
                })
            }
            90..97 => {
                let mut watch = self.recorder.watch(asked);
                Box::pin(async move {
                    let level = ended(limit, watch.next()).await?.context("a level or an error")?;
                    of_quorum(level.map(|level| level.value), &expected)
                })
            }
            _ => Box::pin(session(node, limit)),
        })
    }
}

/// A call ends when its deadline has passed, if not before.
async fn ended<T>(limit: Duration, call: impl Future<Output = T>) -> Result<T> {
    timeout(limit + SLACK, call)
        .await
        .with_context(|| format!("a call of {limit:?} has not ended {SLACK:?} after its deadline"))
}

/// Says a few numbers and hears them again. A session has no deadline; this one is dropped when the
/// time is up.
async fn session(node: Node, limit: Duration) -> Result<&'static str> {
    let caller = caller();
    let chatting = async {
        let mut session = node.chat();
        for call in 0..10 {
            let number = Number { caller, call, is_free: false }.encode();
            if let Err(error) = session.send(Item { number, text: String::new() }).await {
                return Ok(cause(&error.failure().error));
            }
            match session.next().await {
                Some(Ok(reply)) => ensure!(reply.number == number, "a session lost its order"),
                Some(Err(error)) => return Ok(cause(&error.failure().error)),
                None => return Ok("session ended by its node"),
            }
        }
        session.finish();
        Ok("session held")
    };
    timeout(limit, chatting).await.unwrap_or(Ok("session dropped"))
}

fn of_node(reply: Result<Item, quorum_runtime::RpcError>, expected: &Item) -> Result<&'static str> {
    match reply {
        Ok(reply) => {
            ensure!(reply == *expected, "a reply belongs to another call");
            Ok("replied")
        }
        Err(error) => Ok(cause(&error.failure().error)),
    }
}

fn of_quorum(value: Result<Item, QuorumError>, expected: &Item) -> Result<&'static str> {
    match value {
        Ok(value) => {
            ensure!(value == *expected, "a value belongs to another call");
            Ok("decided")
        }
        Err(error) => {
            ensure!(!error.failures().is_empty(), "an error without a cause: {error}");
            Ok("no quorum")
        }
    }
}

fn cause(error: &NodeError) -> &'static str {
    match error {
        NodeError::Status(_) => "status",
        NodeError::Unreachable(_) => "unreachable",
        NodeError::Disconnected(_) => "disconnected",
        NodeError::Deadline { .. } => "deadline",
        NodeError::Overloaded { .. } => "overloaded",
        NodeError::Unread { .. } => "unread",
        NodeError::Closed => "closed",
        _ => "other",
    }
}
