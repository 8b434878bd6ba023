//! A trait with an attribute is the same service as a `.proto`.

use futures::StreamExt as _;
use quorum_runtime::{Call, Majority, Manager, Replier, Requests, Server, Status, Verdict};
use quorum_tests::{PATIENCE, cluster, eventually};
use tokio::net::TcpListener;

/// The messages of `recorder.proto`, by hand.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Item {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(string, tag = "2")]
    text: String,
}

mod by_trait {
    use super::Item;

    /// The service of `recorder.proto`, as a trait.
    #[quorum_macros::service(package = "recorder")]
    pub trait Recorder {
        #[call(quorumcall)]
        async fn record(&self, item: Item) -> Item;

        async fn ask(&self, item: Item) -> Item;

        #[call(ordered = false)]
        async fn ask_beside(&self, item: Item) -> Item;

        #[call(unicast, queue = LATEST)]
        async fn beat(&self, item: Item);

        #[call(multicast)]
        async fn note(&self, item: Item);

        fn chat(&self, items: impl Stream<Item = Item>) -> impl Stream<Item = Item>;
    }
}

fn item(number: u64) -> Item {
    Item { number, text: String::new() }
}

#[tokio::test]
async fn its_client_calls_the_server_of_a_proto() {
    use by_trait::{RecorderConfiguration as _, RecorderManager as _, RecorderNode as _};
    let (servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();
    assert_eq!(recorder.record(item(1)).all().await.unwrap().number, 1);
    recorder.note(item(2)).await.unwrap();
    let node = manager.node(1).unwrap();
    assert_eq!(node.ask(item(3)).await.unwrap().number, 3);
    assert_eq!(node.ask_beside(item(4)).await.unwrap().number, 4);
    node.beat(item(5)).await.unwrap();
    let mut chat = node.chat();
    chat.send(item(6)).await.unwrap();
    assert_eq!(chat.next().await.unwrap().unwrap().number, 6);
    let recording = servers[0].recording();
    eventually("all of them", || recording.noted().len() == 6).await;
}

/// A service of the other call types, on both sides.
mod spread {
    use super::Item;

    #[quorum_macros::service]
    pub trait Spread {
        #[call(correctable)]
        fn watch(&self, item: Item) -> impl futures::Stream<Item = Item>;

        #[call(quorumcall, per_node_arg, custom_return_type = Vec<u64>)]
        async fn collect(&self, item: Item) -> Item;

        fn sum(&self, items: impl Stream<Item = Item>) -> impl Stream<Item = Item>;
    }
}

struct Doubling;

impl spread::Spread for Doubling {
    async fn watch(&self, _: Call, item: Item, replies: Replier<Item>) -> Result<(), Status> {
        replies.send(item.clone()).await?;
        replies.send(Item { number: item.number * 2, ..item }).await
    }

    async fn collect(&self, _: Call, item: Item) -> Result<Item, Status> {
        Ok(Item { number: item.number * 2, ..item })
    }

    async fn sum(
        &self,
        _: Call,
        mut items: Requests<Item>,
        replies: Replier<Item>,
    ) -> Result<(), Status> {
        let mut sum = 0;
        while let Some(item) = items.next().await.transpose()? {
            sum += item.number;
        }
        replies.send(Item { number: sum, text: String::new() }).await
    }
}

struct Collected;

impl spread::SpreadQuorumSpec for Collected {
    fn collect(&self, _: &Item, replies: &quorum_runtime::Replies<Item>) -> Verdict<Vec<u64>> {
        let mut numbers: Vec<_> = replies.values().map(|reply| reply.number).collect();
        numbers.sort_unstable();
        (numbers.len() == 3).then_some(numbers).into()
    }
}

#[tokio::test]
async fn both_sides_of_a_service_can_be_a_trait() {
    use spread::{SpreadConfiguration as _, SpreadManager as _, SpreadNode as _};
    let mut addresses = Vec::new();
    for _ in 0..3 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(listener.local_addr().unwrap().to_string());
        let server = Server::builder().service(spread::SpreadServer::new(Doubling));
        tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
    }
    let manager = Manager::builder().nodes(addresses).timeout(PATIENCE).build().unwrap();
    let spread = manager.spread(Collected).unwrap();
    let collected = spread.collect(item(10), |item, node| {
        Some(Item { number: item.number + u64::from(node.get()), ..item.clone() })
    });
    assert_eq!(collected.await.unwrap(), [22, 24, 26]);
    let last = spread.watch(item(4)).map(|level| level.unwrap().number).collect::<Vec<_>>().await;
    assert_eq!(last.last(), Some(&2), "a majority is the last level");
    let mut session = manager.node(2).unwrap().sum();
    for number in 1..=4 {
        session.send(item(number)).await.unwrap();
    }
    session.finish();
    assert_eq!(session.next().await.unwrap().unwrap().number, 10);
}
