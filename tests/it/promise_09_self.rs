//! 9. **Self is a member like any other**: a configuration may contain the local node; it is called
//!    in process, in order.
//!
//! And what belongs to symmetry: handlers that call the other nodes, servers that call their
//! clients back, and nodes that are told from their former selves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorum_runtime::{
    All, BuildError, Call, ConfigurationError, ConnectionState, Majority, Manager, NodeError,
    Replier, Request, Requests, Server, Status,
};
use quorum_tests::{Hosted, PATIENCE, TestServer, eventually, host, host_on, listen};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

#[quorum_macros::service]
pub trait Member {
    /// Notes the number and the caller, and tells both.
    #[call(quorumcall)]
    async fn note(&self, number: u32) -> Noted;
    /// Asks all nodes that this one knows, itself included, and adds up what they note.
    async fn spread(&self, number: u32) -> u32;
    /// The same, and holds its turn meanwhile.
    async fn spread_in_turn(&self, number: u32) -> u32;
    /// Calls the caller back, and tells what it noted.
    async fn call_me(&self, number: u32) -> Noted;
    /// Calls all clients back, and tells how many answered.
    async fn call_all(&self, number: u32) -> u32;
    #[call(multicast)]
    async fn tell(&self, number: u32);
    /// Waits at the gate.
    async fn wait(&self, request: ()) -> ();
    #[call(correctable)]
    fn count(&self, to: u32) -> impl Stream<Item = u32>;
    /// Adds up what comes, and tells the sum at the end; 0 is not answered at all.
    fn add(&self, terms: impl Stream<Item = u32>) -> impl Stream<Item = u32>;
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Noted {
    #[prost(uint32, tag = "1")]
    number: u32,
    /// The id of the caller, if it has one.
    #[prost(uint32, optional, tag = "2")]
    caller: Option<u32>,
    /// The caller came over the network.
    #[prost(bool, tag = "3")]
    remote: bool,
}

#[derive(Clone)]
struct One {
    noted: Arc<Mutex<Vec<u32>>>,
    gate: Arc<Semaphore>,
}

impl Default for One {
    fn default() -> Self {
        Self { noted: Arc::default(), gate: Arc::new(Semaphore::new(0)) }
    }
}

impl One {
    fn noted(&self) -> Vec<u32> {
        self.noted.lock().unwrap().clone()
    }

    fn server(&self) -> Server {
        Server::builder().service(MemberServer::new(self.clone()))
    }

    async fn ask_peers(&self, call: &Call, number: u32) -> Result<u32, Status> {
        let peers = call.peers(Majority).map_err(|error| Status::internal(error.to_string()))?;
        let mut replies = peers.note(number).replies();
        let mut sum = 0;
        while let Some(reply) = replies.next().await {
            let noted = reply.result.map_err(|error| Status::unavailable(error.to_string()))?;
            sum += noted.number;
        }
        Ok(sum)
    }
}

impl Member for One {
    async fn note(&self, call: Call, number: u32) -> Result<Noted, Status> {
        self.noted.lock().unwrap().push(number);
        let caller = call.peer().id().map(|id| id.get());
        Ok(Noted { number, caller, remote: call.peer().address().is_some() })
    }

    async fn spread(&self, call: Call, number: u32) -> Result<u32, Status> {
        call.release();
        self.ask_peers(&call, number).await
    }

    async fn spread_in_turn(&self, call: Call, number: u32) -> Result<u32, Status> {
        self.ask_peers(&call, number).await
    }

    async fn call_me(&self, call: Call, number: u32) -> Result<Noted, Status> {
        call.release();
        let caller = call.caller();
        let caller = caller.ok_or_else(|| Status::failed_precondition("you can't be called"))?;
        Ok(caller.note(number).await?)
    }

    async fn call_all(&self, call: Call, number: u32) -> Result<u32, Status> {
        call.release();
        let clients = call.clients(Majority);
        let clients = clients.map_err(|error| Status::failed_precondition(error.to_string()))?;
        clients.note(number).all().await?;
        Ok(clients.members().len().try_into().unwrap())
    }

    async fn tell(&self, _: Call, number: u32) {
        self.noted.lock().unwrap().push(number);
    }

    async fn wait(&self, _: Call, (): ()) -> Result<(), Status> {
        self.gate.acquire().await.unwrap().forget();
        Ok(())
    }

    async fn add(
        &self,
        call: Call,
        mut terms: Requests<u32>,
        sums: Replier<u32>,
    ) -> Result<(), Status> {
        assert!(call.peer().address().is_none());
        let mut sum = 0;
        while let Some(term) = terms.next().await.transpose()? {
            if term == 0 {
                std::future::pending::<()>().await;
            }
            sum += term;
        }
        sums.send(sum).await
    }

    async fn count(&self, _: Call, to: u32, replies: Replier<u32>) -> Result<(), Status> {
        for number in 1..=to {
            replies.send(number).await?;
        }
        Ok(())
    }
}

struct Process {
    one: One,
    manager: Manager,
    hosted: Hosted,
}

/// Processes that know each other as 1, 2, 3, …
async fn group<const NODES: usize>() -> [Process; NODES] {
    let mut ports: Vec<(TcpListener, String)> = Vec::new();
    for _ in 0..NODES {
        ports.push(listen().await);
    }
    let addresses: Vec<_> = ports.iter().map(|(_, address)| address.clone()).collect();
    let mut processes = Vec::new();
    for (id, (listener, address)) in (1..).zip(ports) {
        let manager = Manager::builder().nodes(&addresses).local(id).timeout(PATIENCE);
        let manager = manager.build().unwrap();
        let one = One::default();
        let hosted = host_on(listener, address, one.server().peers(&manager));
        processes.push(Process { one, manager, hosted });
    }
    for process in &processes {
        process.manager.ready(&All).await.unwrap();
    }
    processes.try_into().ok().unwrap()
}

/// A client that notes what it is asked, and can be called back.
fn client(address: &str) -> (One, Manager) {
    let one = One::default();
    let service = MemberServer::new(one.clone());
    let manager = Manager::builder().nodes([address]).service(service).timeout(PATIENCE);
    (one, manager.build().unwrap())
}

#[tokio::test]
async fn the_local_node_is_called_in_process_and_counts() {
    let [process, others @ ..] = group::<3>().await;
    let members = process.manager.member(Majority).unwrap();
    let mut replies = members.note(7).replies();
    let mut seen = Vec::new();
    while let Some(reply) = replies.next().await {
        let noted = reply.result.unwrap();
        assert_eq!(noted.caller, Some(1));
        seen.push((reply.node.get(), noted.remote));
    }
    seen.sort_unstable();
    assert_eq!(seen, [(1, false), (2, true), (3, true)]);
    assert_eq!(others[0].one.noted(), [7]);
}

#[tokio::test]
async fn the_local_node_is_called_in_the_order_of_the_calls() {
    let [process] = group::<1>().await;
    let members = process.manager.member(Majority).unwrap();
    let node = process.manager.node(1).unwrap();
    let mut last = None;
    for number in 0..1000 {
        match number % 3 {
            0 => drop(node.note(number)),
            1 => drop(members.tell(number)),
            _ => last = Some(members.note(number)),
        }
    }
    last.unwrap().await.unwrap();
    node.note(1000).await.unwrap();
    assert_eq!(process.one.noted(), (0..=1000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_call_to_the_local_node_waits_until_its_server_serves() {
    let (listener, address) = listen().await;
    let manager = Manager::builder().node(1, &address).local(1).timeout(PATIENCE).build().unwrap();
    let node = manager.node(1).unwrap();
    let early = node.note(1);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(matches!(node.connection_state(), ConnectionState::Connecting));
    let one = One::default();
    let hosted = host_on(listener, address, one.server().peers(&manager));
    assert_eq!(early.await.unwrap().number, 1);

    let held = node.wait(());
    tokio::time::sleep(Duration::from_millis(20)).await;
    let stopping = hosted.begin_to_stop();
    one.gate.add_permits(1);
    held.await.expect("what was accepted is answered");
    stopping.await.unwrap().unwrap();
    eventually("the link to notice", || !node.connection_state().is_connected()).await;

    let (listener, address) = listen().await;
    let _again = host_on(listener, address, one.server().peers(&manager));
    node.note(2).await.unwrap();
    assert_eq!(one.noted(), [1, 2]);
}

#[tokio::test]
async fn a_server_that_stops_ends_the_calls_of_its_own_process_too_and_is_let_go() {
    let (listener, address) = listen().await;
    let manager = Manager::builder().node(1, &address).local(1).timeout(PATIENCE).build().unwrap();
    let one = Arc::new(One::default());
    let server = Server::builder()
        .service(MemberServer::from_arc(Arc::clone(&one)))
        .drain_timeout(Duration::from_millis(50))
        .peers(&manager);
    let hosted = host_on(listener, address, server);
    let node = manager.node(1).unwrap();
    let held = node.wait(());
    node.tell(1).await.unwrap();
    hosted.stop().await;
    let error = held.await.unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Disconnected(_)), "{error}");
    eventually("the end of its services", || Arc::strong_count(&one) == 1).await;
}

#[tokio::test]
async fn the_local_node_has_sessions_too() {
    let [process] = group::<1>().await;
    let node = process.manager.node(1).unwrap();
    let mut session = node.add();
    // More than fits anywhere on the way, so the handler runs before anything is read.
    let sending = async {
        for _ in 0..10_000 {
            session.send(3).await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, sending).await.expect("somebody takes them");
    session.finish();
    assert_eq!(session.next().await.unwrap().unwrap(), 30_000);
    assert!(session.next().await.is_none());

    let mut held = node.add();
    held.send(0).await.unwrap();
    process.hosted.abort();
    let ended = tokio::time::timeout(PATIENCE, held.next()).await.expect("it ends");
    let ended = ended.expect("it ends with its server");
    assert!(ended.is_err(), "{ended:?}");
}

#[tokio::test]
async fn a_peer_that_is_added_later_is_connected_without_a_call() {
    let [process] = group::<1>().await;
    let other = host(One::default().server()).await;
    let added = process.manager.add_node(2, other.address()).unwrap();
    eventually("its connection", || added.connection_state().is_connected()).await;
}

#[tokio::test]
async fn the_same_limits_hold_for_calls_to_oneself() {
    let (listener, address) = listen().await;
    let manager = Manager::builder().node(1, &address).local(1).queue_limits(2, 1000);
    let manager = manager.timeout(PATIENCE).build().unwrap();
    let one = One::default();
    let _hosted = host_on(listener, address, one.server().peers(&manager));
    let node = manager.node(1).unwrap();
    let _held = [node.wait(()), node.wait(())];
    let error = node.wait(()).await.unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Overloaded { .. }), "{error}");
}

#[tokio::test]
async fn a_handler_calls_the_nodes_it_knows_itself_included() {
    let [process, others @ ..] = group::<3>().await;
    // Of itself, in process: it has released, so its own turn is free.
    assert_eq!(process.manager.node(1).unwrap().spread(5).await.unwrap(), 15);
    // Of another: it may even hold its turn, which is that of node 1 and not its own.
    assert_eq!(process.manager.node(2).unwrap().spread_in_turn(6).await.unwrap(), 18);
    for one in [&process.one, &others[0].one, &others[1].one] {
        assert_eq!(one.noted(), [5, 6]);
    }
}

#[tokio::test]
async fn a_handler_that_waits_for_its_own_turn_ends_with_its_deadline() {
    let [process] = group::<1>().await;
    let mut request = Request::new(5);
    request.set_timeout(Duration::from_millis(100));
    process.manager.node(1).unwrap().spread_in_turn(request).await.unwrap_err();
    process.one.gate.add_permits(1);
}

#[tokio::test]
async fn peers_are_all_members_and_contacts_those_that_are_connected() {
    let (listener, address) = listen().await;
    let manager = Manager::builder().nodes([&address, "127.0.0.1:1", "127.0.0.1:2"]).local(1);
    let manager = manager.timeout(PATIENCE).build().unwrap();
    let one = One::default();
    let _hosted = host_on(listener, address, one.server().peers(&manager));
    let node = manager.node(1).unwrap();
    let sum = node.spread(5).await.unwrap();
    assert_eq!(sum, 5, "of one node; those that are not connected were not asked");

    let alone = host(one.server()).await;
    let stranger = Manager::builder().nodes([alone.address()]).build().unwrap();
    let error = stranger.node(1).unwrap().spread(5).await.unwrap_err();
    assert!(error.to_string().contains("this server knows no peers"), "{error}");
}

#[tokio::test]
async fn a_client_is_called_back_over_the_connection_that_it_opened() {
    let server = host(One::default().server()).await;
    let (one, manager) = client(server.address());
    let noted = manager.node(1).unwrap().call_me(9).await.unwrap();
    assert_eq!(one.noted(), [9]);
    assert_eq!(noted, Noted { number: 9, caller: Some(1), remote: false });

    let plain = Manager::builder().nodes([server.address()]).build().unwrap();
    let error = plain.node(1).unwrap().call_me(9).await.unwrap_err();
    assert!(error.to_string().contains("you can't be called"), "{error}");
}

#[tokio::test]
async fn clients_are_a_configuration_as_long_as_they_are_connected() {
    let member = One::default();
    let server = member.server();
    let clients = server.clients();
    assert!(matches!(clients.configuration(Majority), Err(ConfigurationError::Empty)));
    let hosted = host(server).await;
    let (ones, managers): (Vec<_>, Vec<_>) = (0..3).map(|_| client(hosted.address())).unzip();
    for manager in &managers {
        manager.ready(&All).await.unwrap();
    }
    eventually("three clients", || clients.len() == 3).await;
    assert_eq!(managers[0].node(1).unwrap().call_all(4).await.unwrap(), 3);

    let configuration = clients.configuration(Majority).unwrap();
    assert!(configuration.members().iter().all(|id| id.get() >= 1 << 20));
    for number in 5..50 {
        configuration.tell(number);
    }
    configuration.note(50).all().await.unwrap();
    for one in &ones {
        assert_eq!(one.noted(), (4..=50).collect::<Vec<_>>(), "in order");
    }

    let gone = configuration.targets()[0].clone();
    let waits = gone.wait(());
    drop(managers);
    let error = waits.await.unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Disconnected(_)), "{error}");
    eventually("no client", || clients.is_empty()).await;
    let error = gone.note(1).await.unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Closed), "{error}");
    hosted.stop().await;
}

#[tokio::test]
async fn calls_back_have_deadlines_and_streams_and_can_be_cancelled() {
    let server = One::default().server();
    let clients = server.clients();
    let hosted = host(server).await;
    let (one, manager) = client(hosted.address());
    manager.ready(&All).await.unwrap();
    eventually("the client", || clients.len() == 1).await;
    let configuration = clients.configuration(Counted).unwrap();
    assert_eq!(configuration.count(5).await.unwrap(), 5);

    let node = configuration.targets()[0].clone();
    let held = node.wait(());
    let mut late = Request::new(1);
    late.set_timeout(Duration::from_millis(50));
    let error = node.note(late).await.unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Deadline { .. }), "{error}");
    node.note(2).cancel();
    one.gate.add_permits(1);
    held.await.unwrap();
    node.note(3).await.unwrap();
    assert_eq!(one.noted(), [3]);
}

/// The numbers of a count, as they come.
struct Counted;

impl MemberQuorumSpec for Counted {
    fn count(
        &self,
        to: &u32,
        replies: &quorum_runtime::Replies<u32>,
    ) -> quorum_runtime::Verdict<quorum_runtime::Level<u32>> {
        let level = replies.values().last().map(|&n| quorum_runtime::Level::new(n, n));
        level.map(|level| if level.number == *to { level.last() } else { level }).into()
    }
}

#[tokio::test]
async fn a_client_that_is_called_too_often_refuses_and_goes_on() {
    let server = One::default().server();
    let clients = server.clients();
    let hosted = host(server).await;
    let (one, manager) = client(hosted.address());
    manager.ready(&All).await.unwrap();
    eventually("the client", || clients.len() == 1).await;
    let node = clients.configuration(Majority).unwrap().targets()[0].clone();
    let held: Vec<_> = (0..3000).map(|_| node.wait(())).collect();
    // Its own calls are not behind those to it.
    for number in 0..10 {
        manager.node(1).unwrap().note(number).await.unwrap();
    }
    one.gate.add_permits(3000);
    let mut refused = 0;
    for call in held {
        if let Err(error) = call.await {
            assert!(error.to_string().contains("too many calls"), "{error}");
            refused += 1;
        }
    }
    assert!((1..2000).contains(&refused), "{refused} of 3000");
}

#[tokio::test]
async fn a_peer_that_was_restarted_is_told_from_a_slow_one() {
    let mut server = TestServer::start().await;
    let manager = quorum_tests::manager(std::slice::from_ref(&server));
    let node = manager.node(1).unwrap();
    assert_eq!(node.incarnation(), None);
    manager.ready(&Majority).await.unwrap();
    eventually("its greeting", || node.incarnation().is_some()).await;
    let first = node.incarnation();
    server.kill();
    server.restart().await;
    eventually("its new life", || node.incarnation() != first).await;
    assert!(node.incarnation().is_some());
}

#[tokio::test]
async fn an_incarnation_that_is_given_is_told_to_both_sides() {
    let one = One::default();
    let hosted = host(one.server().incarnation(41)).await;
    let manager = Manager::builder().nodes([hosted.address()]).build().unwrap();
    manager.node(1).unwrap().note(1).await.unwrap();
    assert_eq!(manager.node(1).unwrap().incarnation(), Some(41));
}

#[tokio::test]
async fn what_is_wrong_with_a_local_node_is_said() {
    let refusal = |builder: quorum_runtime::ManagerBuilder| builder.build().unwrap_err();
    let two = || Manager::builder().nodes(["127.0.0.1:1", "127.0.0.1:2"]);
    let error = refusal(two().local(3));
    assert_eq!(
        error.to_string(),
        "this process is node 3, which is not among the nodes: name it with its address"
    );
    let service = || MemberServer::new(One::default());
    let error = refusal(two().local(1).service(service()));
    assert!(matches!(error, BuildError::ServicesOfNode(_)), "{error}");
    let error = refusal(two().service(service()).service(service()));
    assert!(matches!(error, BuildError::ClaimedTwice(_)), "{error}");
}
