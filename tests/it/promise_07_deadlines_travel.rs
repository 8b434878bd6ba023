//! 7. **Deadlines travel**; a server does not start work whose deadline has passed.
//!
//! A handler that holds the turn makes others wait; what is cancelled or out of time meanwhile is
//! never begun. A handler that has begun sees that its caller gave up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorum_runtime::{Call, Majority, Manager, NodeError, Request, RpcError, Server, Status};
use quorum_tests::{Hosted, PATIENCE, eventually, host};
use tokio::sync::Semaphore;

#[quorum_macros::service]
pub trait Desk {
    /// Notes the number, and waits at the gate if it is 1.
    async fn work(&self, number: u32) -> u32;
    /// Waits until its caller gives up, and notes the number then.
    async fn outlast(&self, number: u32) -> ();
    /// The milliseconds that its caller still gives it, or 0 if it sets no limit.
    async fn left(&self, request: ()) -> u32;
    /// Notes the milliseconds that its caller still gives it, or 0 if it sets no limit.
    #[call(unicast)]
    async fn tell(&self, request: ());
    #[call(quorumcall)]
    async fn vote(&self, number: u32) -> u32;
}

#[derive(Clone)]
struct Clerk {
    noted: Arc<Mutex<Vec<u32>>>,
    gate: Arc<Semaphore>,
}

impl Clerk {
    fn noted(&self) -> Vec<u32> {
        self.noted.lock().unwrap().clone()
    }

    fn note(&self, number: u32) {
        self.noted.lock().unwrap().push(number);
    }
}

fn left(call: &Call) -> u32 {
    let now = tokio::time::Instant::now();
    let left = call.deadline().map(|deadline| deadline.saturating_duration_since(now));
    left.map_or(0, |left| left.as_millis().try_into().unwrap())
}

impl Desk for Clerk {
    async fn work(&self, _: Call, number: u32) -> Result<u32, Status> {
        self.note(number);
        if number == 1 {
            self.gate.acquire().await.unwrap().forget();
        }
        Ok(number)
    }

    async fn outlast(&self, call: Call, number: u32) -> Result<(), Status> {
        assert!(!call.is_cancelled());
        call.cancelled().await;
        assert!(call.is_cancelled());
        self.note(number);
        Ok(())
    }

    async fn left(&self, call: Call, (): ()) -> Result<u32, Status> {
        Ok(left(&call))
    }

    async fn tell(&self, call: Call, (): ()) {
        self.note(left(&call));
    }

    async fn vote(&self, call: Call, number: u32) -> Result<u32, Status> {
        self.outlast(call, number).await?;
        Ok(number)
    }
}

async fn desk() -> (Clerk, Hosted, Manager) {
    let clerk = Clerk { noted: Arc::default(), gate: Arc::new(Semaphore::new(0)) };
    let hosted = host(Server::builder().service(DeskServer::new(clerk.clone()))).await;
    let manager = Manager::builder().nodes([hosted.address()]).timeout(PATIENCE).build().unwrap();
    (clerk, hosted, manager)
}

fn within<T>(time: Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(time);
    request
}

fn is_late<T: std::fmt::Debug>(outcome: Result<T, RpcError>) -> bool {
    matches!(outcome.unwrap_err().failure().error, NodeError::Deadline { .. })
}

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn the_time_that_is_left_comes_with_the_request() {
    let (clerk, _server, manager) = desk().await;
    let node = manager.node(1).unwrap();
    node.work(2).await.unwrap(); // now it is known who the node is
    let left = node.left(within(Duration::from_secs(3), ())).await.unwrap();
    assert!((1..=3000).contains(&left), "{left} ms");
    let left = node.left(()).await.unwrap();
    assert!((3001..=20_000).contains(&left), "the manager's own: {left} ms");

    node.tell(()).await.unwrap();
    node.tell(within(Duration::from_secs(3), ())).await.unwrap();
    node.work(3).await.unwrap();
    let noted = clerk.noted();
    assert_eq!(noted[1], 0, "nobody waits for a one-way message unless it says so");
    assert!((1..=3000).contains(&noted[2]), "{noted:?}");
}

#[tokio::test]
async fn what_is_out_of_time_when_its_turn_comes_is_not_begun() {
    let (clerk, _server, manager) = desk().await;
    let node = manager.node(1).unwrap();
    node.work(2).await.unwrap();
    let first = node.work(1);
    assert!(is_late(node.work(within(SHORT, 3)).await));
    tokio::time::sleep(SHORT).await; // the node counts from when the request came
    clerk.gate.add_permits(1);
    first.await.unwrap();
    node.work(4).await.unwrap();
    assert_eq!(clerk.noted(), [2, 1, 4]);
}

#[tokio::test]
async fn nor_is_it_when_the_node_had_not_said_who_it_is() {
    let (clerk, _server, manager) = desk().await;
    let node = manager.node(1).unwrap();
    let (first, late) = (node.work(1), node.work(within(SHORT, 3)));
    assert!(is_late(late.await));
    // Behind the word that the time is over.
    node.tell(()).await.unwrap();
    eventually("the first to begin", || clerk.noted() == [1]).await;
    tokio::time::sleep(SHORT).await;
    clerk.gate.add_permits(1);
    first.await.unwrap();
    node.work(4).await.unwrap();
    assert_eq!(clerk.noted(), [1, 0, 4]);
}

#[tokio::test]
async fn what_is_cancelled_while_it_waits_is_not_begun() {
    let (clerk, _server, manager) = desk().await;
    let node = manager.node(1).unwrap();
    node.work(2).await.unwrap();
    let first = node.work(1);
    let (unwanted, message, dropped) = (node.work(3), node.tell(()), node.work(4));
    eventually("the first to begin", || clerk.noted() == [2, 1]).await;
    unwanted.cancel();
    message.cancel();
    drop(dropped);
    let last = node.work(5);
    tokio::time::sleep(SHORT).await; // the words come behind requests that wait
    clerk.gate.add_permits(1);
    first.await.unwrap();
    last.await.unwrap();
    assert_eq!(clerk.noted(), [2, 1, 4, 5], "dropping takes nothing back");
}

#[tokio::test]
async fn what_is_cancelled_before_it_is_sent_is_not_sent() {
    let (clerk, _server, manager) = desk().await;
    let node = manager.node(1).unwrap();
    // Nothing is connected yet, so both are queued.
    let (unwanted, wanted) = (node.work(2), node.work(3));
    unwanted.cancel();
    wanted.await.unwrap();
    assert_eq!(clerk.noted(), [3]);
}

#[tokio::test]
async fn a_handler_sees_that_its_caller_gave_up() {
    let (clerk, _server, manager) = desk().await;
    let node = manager.node(1).unwrap();
    node.work(2).await.unwrap();
    assert!(is_late(node.outlast(within(SHORT, 3)).await));
    eventually("the deadline to be seen", || clerk.noted() == [2, 3]).await;

    let call = node.outlast(4);
    tokio::time::sleep(SHORT).await;
    assert_eq!(clerk.noted(), [2, 3], "it outlasts nothing yet");
    call.cancel();
    eventually("the cancelling to be seen", || clerk.noted() == [2, 3, 4]).await;
}

#[tokio::test]
async fn a_quorum_call_is_cancelled_at_every_node() {
    let (clerks, servers): (Vec<_>, Vec<_>) = futures::future::join_all([desk(), desk(), desk()])
        .await
        .into_iter()
        .map(|(c, s, _)| (c, s))
        .unzip();
    let manager = Manager::builder().nodes(servers.iter().map(Hosted::address)).build().unwrap();
    let desks = manager.desk(Majority).unwrap();
    let call = desks.vote(7);
    tokio::time::sleep(SHORT).await;
    call.cancel();
    eventually("all to see it", || clerks.iter().all(|clerk| clerk.noted() == [7])).await;
}
