//! The client at nodes that do as they are told.

use std::sync::{Arc, Mutex};

use example_support::membership::{Member, Terms};
use quorum_runtime::{Call, Server, Status};
use tokio::net::TcpListener;

use super::*;
use crate::agreement;
use crate::map::limits::{MAX_KEY, MAX_VALUE};
use crate::paxos::{Found, Replica, ReplicaServer, SynchroniseReply};

/// What a node does with a command.
enum Does {
    Answers(Outcome),
    Names(u32),
    Fails(Status),
    Hangs,
}

type Behaviour = dyn Fn(u32, &Command) -> Does + Send + Sync;

/// A node: what it does, and what all nodes were asked.
#[derive(Clone)]
struct Fake {
    node: u32,
    does: Arc<Behaviour>,
    asked: Asked,
}

type Asked = Arc<Mutex<Vec<(u32, Command)>>>;

impl Replica for Fake {
    async fn execute(&self, _: Call, command: Command) -> Result<ExecuteReply, Status> {
        self.asked.lock().unwrap().push((self.node, command.clone()));
        let answer = match (self.does)(self.node, &command) {
            Does::Answers(result) => {
                Executed::Outcome(crate::paxos::Outcome { result: Some(result) })
            }
            Does::Names(leader) => Executed::Leader(leader),
            Does::Fails(status) => return Err(status),
            Does::Hangs => std::future::pending().await,
        };
        Ok(ExecuteReply { answer: Some(answer) })
    }

    async fn get(&self, _: Call, request: GetRequest) -> Result<GetReply, Status> {
        let value = Some(format!("of {}", self.node));
        let answer = match self.node == 2 || request.local {
            true => Got::Found(Found { value }),
            false => Got::Leader(2),
        };
        Ok(GetReply { answer: Some(answer) })
    }

    async fn status(&self, _: Call, _: StatusRequest) -> Result<StatusReply, Status> {
        match self.node {
            3 => Err(Status::unavailable("not now")),
            node => Ok(StatusReply { node, ..StatusReply::default() }),
        }
    }

    async fn synchronise(
        &self,
        _: Call,
        _: SynchroniseRequest,
    ) -> Result<SynchroniseReply, Status> {
        Ok(SynchroniseReply {})
    }
}

const PATIENCE: Patience =
    Patience { attempt: Duration::from_millis(150), whole: Duration::from_millis(600) };

/// A client of three nodes, and what they are asked.
async fn client(does: impl Fn(u32, &Command) -> Does + Send + Sync + 'static) -> (Client, Asked) {
    let (does, asked): (Arc<Behaviour>, _) = (Arc::new(does), Asked::default());
    let mut addresses = Vec::new();
    for node in 1..=3 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(listener.local_addr().unwrap().to_string());
        let fake = Fake { node, does: Arc::clone(&does), asked: Arc::clone(&asked) };
        let member = Member::new(node, Terms::new("demo", agreement::PROTOCOL));
        let server = Server::builder().intercept(member).service(ReplicaServer::new(fake));
        tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
    }
    let manager = Manager::builder().nodes(addresses).intercept(agreement::of_client("demo"));
    let rng = fastrand::Rng::with_seed(7);
    (Client::new(&manager.build().unwrap(), PATIENCE, rng).unwrap(), asked)
}

fn is_open(command: &Command) -> bool {
    matches!(command.operation, Some(Operation::Open(_)))
}

/// What a leader does at best: opens sessions and replaces values.
fn answers(command: &Command) -> Does {
    Does::Answers(if is_open(command) { Outcome::Opened(70) } else { Outcome::Replaced(true) })
}

fn expired() -> Does {
    Does::Answers(Outcome::Expired(true))
}

/// Who was asked for commands of a session, and their numbers.
fn numbers(asked: &Asked) -> Vec<(u32, u64, u64)> {
    let asked = asked.lock().unwrap();
    let commands = asked.iter().filter(|(_, command)| !is_open(command));
    commands.map(|(node, command)| (*node, command.session, command.sequence)).collect()
}

#[tokio::test]
async fn the_leader_is_found_once_and_remembered() {
    let (mut client, asked) =
        client(|node, command| if node == 2 { answers(command) } else { Does::Names(2) }).await;
    for _ in 0..3 {
        assert!(client.put("k", "v").await.unwrap());
    }
    assert!(client.delete("k").await.unwrap());
    assert_eq!(numbers(&asked), [(2, 70, 1), (2, 70, 2), (2, 70, 3), (2, 70, 4)]);
    assert_eq!(client.get("k").await.unwrap().unwrap(), "of 2");
    assert_eq!(client.get_local(3, "k").await.unwrap().unwrap(), "of 3");
}

#[tokio::test]
async fn what_is_not_answered_is_repeated_under_its_number_at_another_node() {
    let (mut client, asked) = client(|node, command| match node {
        _ if is_open(command) => answers(command),
        1 => Does::Hangs,
        2 => Does::Fails(Status::unavailable("lost the lead")),
        _ => answers(command),
    })
    .await;
    client.next = 0;
    client.put("k", "v").await.unwrap();
    client.put("k", "w").await.unwrap();
    assert_eq!(numbers(&asked), [(1, 70, 1), (2, 70, 1), (3, 70, 1), (3, 70, 2)]);
}

#[tokio::test]
async fn nodes_that_name_each_other_are_not_asked_without_end() {
    let (mut client, asked) = client(|node, _| Does::Names(node % 3 + 1)).await;
    let error = client.put("k", "v").await.unwrap_err();
    assert!(error.is_without_effect(), "{error}");
    assert_eq!(
        error.to_string(),
        "not executed: no leader was found within 600ms; try again when a majority is up"
    );
    let asked = asked.lock().unwrap().len();
    assert!(asked < 20, "{asked} requests");
}

#[tokio::test]
async fn of_what_timed_out_nobody_knows_and_the_session_goes_on() {
    let (mut client, asked) = client(|_, command| match &command.operation {
        Some(Operation::Put(put)) if put.value == "lost" => Does::Hangs,
        _ => answers(command),
    })
    .await;
    let error = client.put("k", "lost").await.unwrap_err();
    assert!(!error.is_without_effect());
    let text = error.to_string();
    assert!(
        text.starts_with(
            "executed or not, or yet to be: no answer within 600ms (paxos.Replica.Execute failed"
        ),
        "{text}"
    );
    client.put("k", "v").await.unwrap();
    let (_, session, sequence) = *numbers(&asked).last().unwrap();
    assert_eq!((session, sequence), (70, 2));
}

#[tokio::test]
async fn a_session_that_was_closed_is_opened_again_where_nothing_was_executed() {
    let sessions = Mutex::new(70);
    let (mut client, asked) = client(move |_, command| {
        let mut open = sessions.lock().unwrap();
        match is_open(command) {
            true => {
                *open += 1;
                Does::Answers(Outcome::Opened(*open))
            }
            false if command.session == 71 && command.sequence == 2 => expired(),
            false => answers(command),
        }
    })
    .await;
    client.put("k", "1").await.unwrap();
    client.put("k", "2").await.unwrap();
    let numbers: Vec<_> = numbers(&asked).into_iter().map(|(_, s, q)| (s, q)).collect();
    assert_eq!(numbers, [(71, 1), (71, 2), (72, 1)]);
}

#[tokio::test]
async fn of_a_repeat_in_a_closed_session_nobody_knows_and_it_is_not_asked_again() {
    let times = Mutex::new(0);
    let (mut client, asked) = client(move |_, command| {
        if is_open(command) {
            return answers(command);
        }
        *times.lock().unwrap() += 1;
        match *times.lock().unwrap() {
            1 => Does::Fails(Status::unavailable("executed, but not answered")),
            2 => expired(),
            _ => answers(command),
        }
    })
    .await;
    let error = client.put("k", "v").await.unwrap_err();
    assert!(matches!(error, ClientError::Expired), "{error}");
    assert!(!error.is_without_effect());
    assert_eq!(numbers(&asked).len(), 2);
    client.put("k", "w").await.unwrap();
    assert_eq!(asked.lock().unwrap().iter().filter(|(_, command)| is_open(command)).count(), 2);
}

#[tokio::test]
async fn what_is_over_the_limits_is_not_sent() {
    let (mut client, asked) = client(|_, command| answers(command)).await;
    let key = "k".repeat(MAX_KEY + 1);
    let value = "v".repeat(MAX_VALUE + 1);
    for (key, value) in [("", "v"), (key.as_str(), "v"), ("k", value.as_str())] {
        let error = client.put(key, value).await.unwrap_err();
        assert!(matches!(error, ClientError::Limit(_)), "{error}");
        assert!(error.is_without_effect());
    }
    assert!(asked.lock().unwrap().is_empty());
    client.put(&key[1..], &value[1..]).await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_told_and_not_asked_again() {
    let refusal = || Status::failed_precondition("another cluster");
    let (mut client, asked) = client(move |_, _| Does::Fails(refusal())).await;
    let error = client.put("k", "v").await.unwrap_err();
    assert!(error.to_string().ends_with("another cluster (FailedPrecondition)"), "{error}");
    assert!(error.is_without_effect());
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_status_is_that_of_all_who_say_something() {
    let (client, _) = client(|_, command| answers(command)).await;
    let status = client.status().await;
    let told: Vec<_> = status.iter().map(|(node, told)| (node.get(), told.is_ok())).collect();
    assert_eq!(told, [(1, true), (2, true), (3, false)]);
}
