//! An acceptor as its peers meet it: in process, with a log on disk.

use std::path::Path;

use example_support::identity::Identity;
use quorum_runtime::host::Disk;
use quorum_runtime::{Majority, Manager, Server};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::*;
use crate::map::Map;
use crate::paxos::{AcceptorNode as _, AcceptorServer};
use crate::sync::Scrubs;

const LEASE: Duration = Duration::from_millis(400);

/// One acceptor that serves.
struct Served {
    manager: Manager,
    acceptor: Acceptor,
}

impl Served {
    async fn start(folder: &Path) -> Self {
        let (disk, identity) = (Disk::folder(folder).unwrap(), Identity::new("c", 1));
        let mutation = Mutation::default();
        let map = Map::open(folder, &identity, true, mutation).unwrap();
        let (log, promised) = Log::open(&disk, &identity, mutation).unwrap();
        let learner = Learner::start(map, log.clone(), Scrubs::default(), mutation).await.unwrap();
        let clock = Clock::new(1.0, Mutation::default());
        let acceptor = Acceptor::new((log, promised), learner, clock, LEASE, mutation);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = Server::builder().service(AcceptorServer::new(acceptor.clone()));
        tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
        let manager = Manager::builder().nodes([address]).build().unwrap();
        manager.ready(&Majority).await.unwrap();
        Self { manager, acceptor }
    }

    async fn prepare(&self, ballot: Ballot) -> PrepareReply {
        let node = self.manager.node(1).unwrap();
        node.prepare(PrepareRequest { ballot: ballot.0, from: 1 }).await.unwrap()
    }

    async fn accept(&self, ballot: Ballot, slot: u64) -> Ballot {
        let batch = Vec::new().into();
        let request = AcceptRequest { ballot: ballot.0, slot, batch, chosen: 0 };
        Ballot(self.manager.node(1).unwrap().accept(request).await.unwrap().promised)
    }

    async fn learn(&self, ballot: Ballot, chosen: u64, entries: Vec<Entry>) -> LearnReply {
        let request = LearnRequest { ballot: ballot.0, chosen, first: 1, entries };
        self.manager.node(1).unwrap().learn(request).await.unwrap()
    }
}

const fn ballot(round: u64, node: u32) -> Ballot {
    Ballot::new(round, node)
}

#[tokio::test]
async fn it_promises_and_accepts_under_ever_higher_ballots_only() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    assert_eq!(served.prepare(ballot(2, 1)).await.promised, ballot(2, 1).0);
    assert_eq!(served.prepare(ballot(1, 2)).await.promised, ballot(2, 1).0, "refused");
    assert_eq!(served.accept(ballot(1, 2), 1).await, ballot(2, 1), "refused");
    assert_eq!(served.accept(ballot(3, 2), 1).await, ballot(3, 2), "which promises too");
    assert_eq!(served.prepare(ballot(2, 3)).await.promised, ballot(3, 2).0, "refused");
}

#[tokio::test]
async fn it_tells_the_ballot_of_acceptance_and_not_that_of_the_promise() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    served.accept(ballot(2, 1), 7).await;
    let reply = served.prepare(ballot(5, 2)).await;
    let told: Vec<_> = reply.accepted.iter().map(|entry| (entry.slot, entry.ballot)).collect();
    assert_eq!((told, reply.until), (vec![(7, ballot(2, 1).0)], u64::MAX));
}

#[tokio::test]
async fn while_it_has_granted_a_lease_it_promises_nothing_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    assert_eq!(served.learn(ballot(2, 1), 0, vec![]).await.promised, ballot(2, 1).0);
    assert!(served.prepare(ballot(3, 2)).await.leased);
    assert!(!served.prepare(ballot(3, 1)).await.leased, "the leader itself may");
    assert_eq!(served.learn(ballot(2, 1), 0, vec![]).await.promised, ballot(3, 1).0, "no lease");
    sleep(LEASE).await;
    assert!(!served.prepare(ballot(4, 2)).await.leased);
}

#[tokio::test]
async fn after_a_restart_it_waits_until_what_it_may_have_granted_is_over() {
    let folder = tempfile::tempdir().unwrap();
    {
        let served = Served::start(folder.path()).await;
        assert!(!served.prepare(ballot(1, 1)).await.leased, "a new one has granted nothing");
    }
    let again = Served::start(folder.path()).await;
    assert!(again.prepare(ballot(2, 2)).await.leased);
    assert_eq!(again.acceptor.promised(), ballot(1, 1), "and it still knows its promise");
    sleep(LEASE).await;
    assert!(!again.prepare(ballot(2, 2)).await.leased);
}

#[tokio::test]
async fn it_executes_what_is_chosen_under_the_ballot_of_the_one_who_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    served.accept(ballot(1, 1), 1).await;
    served.learn(ballot(1, 1), 1, vec![]).await;
    served.acceptor.learner.reached(1).await;
    // Accepted under a ballot that is lower than that of the new leader: it may not be what was chosen.
    served.accept(ballot(1, 1), 2).await;
    assert_eq!(served.learn(ballot(2, 2), 2, vec![]).await.applied, 1);
    sleep(Duration::from_millis(50)).await;
    assert_eq!(served.acceptor.learner.applied(), 1);
    let brought = Entry { slot: 2, ballot: ballot(2, 2).0, batch: Vec::new().into() };
    assert_eq!(served.learn(ballot(2, 2), 2, vec![brought]).await.applied, 2);
}

#[tokio::test]
async fn a_lease_is_not_given_back_to_the_leader_before() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    assert_eq!(served.learn(ballot(2, 1), 0, vec![]).await.promised, ballot(2, 1).0);
    assert_eq!(served.learn(ballot(3, 2), 0, vec![]).await.promised, ballot(3, 2).0);
    assert_eq!(served.learn(ballot(2, 1), 0, vec![]).await.promised, ballot(3, 2).0, "refused");
    assert!(served.prepare(ballot(4, 1)).await.leased, "to node 2");
}

#[tokio::test]
async fn what_it_may_have_granted_before_a_restart_binds_it_whatever_it_grants_now() {
    let folder = tempfile::tempdir().unwrap();
    Served::start(folder.path()).await.prepare(ballot(1, 1)).await;
    let again = Served::start(folder.path()).await;
    assert_eq!(again.learn(ballot(1, 1), 0, vec![]).await.promised, ballot(1, 1).0);
    assert!(again.prepare(ballot(2, 1)).await.leased, "perhaps to another node");
}

#[tokio::test]
async fn a_ballot_is_stored_before_it_is_used_or_not_used() {
    let folder = tempfile::tempdir().unwrap();
    {
        let served = Served::start(folder.path()).await;
        assert_eq!(served.acceptor.take(ballot(3, 1)).await.unwrap(), None);
    }
    let again = Served::start(folder.path()).await;
    assert_eq!(again.acceptor.promised(), ballot(3, 1));
    assert!(
        again.acceptor.take(ballot(4, 1)).await.unwrap().is_some(),
        "it may have granted a lease"
    );
    assert_eq!(again.acceptor.promised(), ballot(3, 1));
}
