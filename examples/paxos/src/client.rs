//! A client: it finds the leader, and repeats what was not answered.
//!
//! Each command has the number of the client's session and its own number in it. The nodes remember the
//! last command of each session with its outcome, so a command that is asked again, of whatever node, is
//! executed once (Ongaro and Ousterhout: *In Search of an Understandable Consensus Algorithm*, 2014,
//! section 8). A client therefore has one command under way at a time, which `&mut self` sees to.

mod attempts;
mod error;
#[cfg(test)]
mod tests;

use std::time::Duration;

use quorum_runtime::{
    Configuration, ConfigurationError, Manager, Node, NodeError, NodeId, Replies, Reply, Rpc,
    Verdict,
};

use attempts::Attempts;
pub(crate) use error::ClientError;

use crate::map::limits;
use crate::paxos::command::Operation;
use crate::paxos::execute_reply::Answer as Executed;
use crate::paxos::get_reply::Answer as Got;
use crate::paxos::outcome::Result as Outcome;
use crate::paxos::{
    Command, Delete, ExecuteReply, GetReply, GetRequest, Open, Put, ReplicaConfiguration as _,
    ReplicaManager as _, ReplicaNode as _, ReplicaQuorumSpec, StatusReply, StatusRequest, SyncMode,
    SynchroniseRequest,
};
use crate::timeout::within;

/// A client of a cluster.
#[derive(Debug)]
pub(crate) struct Client {
    manager: Manager,
    replicas: Configuration<Each>,
    patience: Patience,
    rng: fastrand::Rng,
    /// The place of the node that is asked next: the leader, as far as is known.
    next: usize,
    session: Option<u64>,
    sequence: u64,
}

/// How long a client waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For one node.
    pub(crate) attempt: Duration,
    /// For an answer, all attempts together.
    pub(crate) whole: Duration,
}

impl Client {
    /// A client of all nodes of a manager. All that it does by chance it draws from `rng`.
    pub(crate) fn new(
        manager: &Manager,
        patience: Patience,
        mut rng: fastrand::Rng,
    ) -> Result<Self, ConfigurationError> {
        let replicas = manager.replica(Each)?;
        let next = rng.usize(..replicas.targets().len().max(1));
        Ok(Self {
            manager: manager.clone(),
            replicas,
            patience,
            rng,
            next,
            session: None,
            sequence: 0,
        })
    }

    /// Stores a value. Whether there was one before.
    pub(crate) async fn put(&mut self, key: &str, value: &str) -> Result<bool, ClientError> {
        let put = Put { key: key.to_owned(), value: value.to_owned() };
        self.execute(Operation::Put(put)).await.map(is_replaced)
    }

    /// Removes a value. Whether there was one.
    pub(crate) async fn delete(&mut self, key: &str) -> Result<bool, ClientError> {
        self.execute(Operation::Delete(Delete { key: key.to_owned() })).await.map(is_replaced)
    }

    /// The newest value, as the leader has it: no answered command is missing.
    pub(crate) async fn get(&mut self, key: &str) -> Result<Option<String>, ClientError> {
        let request = GetRequest { key: key.to_owned(), local: false };
        let ask = |node: &Node, timeout| node.get(within(timeout, request.clone()));
        self.ask(&mut Attempts::new(self.patience), ask, found).await
    }

    /// The value that one node has, which may be an old one.
    pub(crate) async fn get_local(
        &self,
        node: u32,
        key: &str,
    ) -> Result<Option<String>, ClientError> {
        let request = GetRequest { key: key.to_owned(), local: true };
        let reply = self.manager.node(node)?.get(within(self.patience.attempt, request)).await?;
        Ok(found(reply).unwrap_or_default())
    }

    /// Forgets the log up to a slot, as far as nodes can do without. The first slot that is kept.
    pub(crate) async fn trim(&mut self, slot: u64) -> Result<u64, ClientError> {
        self.execute_again(Operation::Trim(slot)).await
    }

    /// Has each node keep a snapshot under this number. The slot that it shows.
    pub(crate) async fn scrub(&mut self, number: u64) -> Result<u64, ClientError> {
        self.execute_again(Operation::Scrub(number)).await
    }

    /// The nodes that it asks.
    pub(crate) const fn manager(&self) -> &Manager {
        &self.manager
    }

    /// Has a node copy the store of another; its status tells how far it is.
    pub(crate) async fn synchronise(&self, node: u32, mode: SyncMode) -> Result<(), ClientError> {
        let request = SynchroniseRequest { mode: mode.into(), provider: 0 };
        self.manager.node(node)?.synchronise(within(self.patience.attempt, request)).await?;
        Ok(())
    }

    /// What each node says of itself, or why it says nothing.
    pub(crate) async fn status(&self) -> Vec<(NodeId, Result<StatusReply, NodeError>)> {
        let mut replies =
            self.replicas.status(within(self.patience.attempt, StatusRequest {})).replies();
        let mut all = Vec::new();
        while let Some(Reply { node, result, .. }) = replies.next().await {
            all.push((node, result));
        }
        all.sort_by_key(|(node, _)| *node);
        all
    }

    /// Executes a command once.
    async fn execute(&mut self, operation: Operation) -> Result<Outcome, ClientError> {
        let mut command = Command { session: 0, sequence: 0, operation: Some(operation) };
        limits::check(&command)?;
        let mut attempts = Attempts::new(self.patience);
        loop {
            command.session = self.session(&mut attempts).await?;
            self.sequence += 1;
            command.sequence = self.sequence;
            match self.ask_command(&mut attempts, &command).await? {
                Outcome::Expired(_) => self.session = None,
                outcome => return Ok(outcome),
            }
            if attempts.is_unsure {
                return Err(ClientError::Expired);
            }
        }
    }

    /// Executes what may be executed more than once.
    async fn execute_again(&mut self, operation: Operation) -> Result<u64, ClientError> {
        let command = Command { session: 0, sequence: 0, operation: Some(operation) };
        match self.ask_command(&mut Attempts::new(self.patience), &command).await? {
            Outcome::Slot(slot) => Ok(slot),
            _ => Ok(0),
        }
    }

    /// The session, which is opened first where there is none.
    async fn session(&mut self, attempts: &mut Attempts) -> Result<u64, ClientError> {
        if let Some(session) = self.session {
            return Ok(session);
        }
        let operation = Some(Operation::Open(Open { nonce: self.rng.u64(1..) }));
        let open = Command { session: 0, sequence: 0, operation };
        let opened = self.ask_command(attempts, &open).await;
        attempts.is_unsure = false; // of the command itself, which comes now
        let opened = opened.map_err(|error| match error {
            ClientError::Unknown { after, last } => ClientError::NoLeader { after, last },
            error => error,
        })?;
        let Outcome::Opened(session) = opened else {
            return Err(ClientError::Expired);
        };
        (self.session, self.sequence) = (Some(session), 0);
        Ok(session)
    }

    async fn ask_command(
        &mut self,
        attempts: &mut Attempts,
        command: &Command,
    ) -> Result<Outcome, ClientError> {
        let ask = |node: &Node, timeout| node.execute(within(timeout, command.clone()));
        self.ask(attempts, ask, executed).await
    }

    /// Asks one node after another until the leader answers, or the time is up. What is no answer is the
    /// node that leads, or 0.
    async fn ask<R: prost::Message + Default, T>(
        &mut self,
        attempts: &mut Attempts,
        ask: impl Fn(&Node, Duration) -> Rpc<R>,
        answer: impl Fn(R) -> Result<T, u32>,
    ) -> Result<T, ClientError> {
        let mut is_told = false;
        while let Some(timeout) = attempts.next() {
            let asked = self.replicas.targets()[self.next].clone();
            match ask(&asked, timeout).await.map(&answer) {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(leader)) => {
                    let was_told = std::mem::replace(&mut is_told, self.follow(leader));
                    if is_told && !was_told {
                        continue; // at once; two nodes that name each other are asked with waits
                    }
                }
                Err(error) if attempts::is_final(&error) => return Err(attempts.refused(error)),
                Err(error) => {
                    attempts.failed(error);
                    self.turn();
                }
            }
            attempts.wait(&mut self.rng).await;
        }
        Err(attempts.given_up())
    }

    /// Whether another node is asked next, as was said.
    fn follow(&mut self, leader: u32) -> bool {
        let leads = |node: &Node| node.id() == NodeId::from(leader);
        match self.replicas.targets().iter().position(leads) {
            Some(place) if place != self.next => self.next = place,
            _ => {
                self.turn();
                return false;
            }
        }
        true
    }

    fn turn(&mut self) {
        self.next = (self.next + 1) % self.replicas.targets().len().max(1);
    }
}

fn executed(reply: ExecuteReply) -> Result<Outcome, u32> {
    match reply.answer {
        Some(Executed::Outcome(outcome)) => outcome.result.ok_or(0),
        Some(Executed::Leader(leader)) => Err(leader),
        None => Err(0),
    }
}

fn found(reply: GetReply) -> Result<Option<String>, u32> {
    match reply.answer {
        Some(Got::Found(found)) => Ok(found.value),
        Some(Got::Leader(leader)) => Err(leader),
        None => Err(0),
    }
}

fn is_replaced(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Replaced(true))
}

/// Clients ask single nodes, and all of them only for what each says of itself.
#[derive(Debug)]
struct Each;

impl ReplicaQuorumSpec for Each {
    fn status(
        &self,
        _: &StatusRequest,
        replies: &Replies<StatusReply>,
    ) -> Verdict<Vec<(NodeId, StatusReply)>> {
        if replies.len() < replies.members().len() {
            return Verdict::Pending;
        }
        Verdict::Done(replies.iter().map(|(node, status)| (node, status.clone())).collect())
    }
}
