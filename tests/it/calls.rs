//! Each call type with each option that means something for it, on real servers.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use quorum_runtime::{
    Call, Level, Majority, Manager, NodeId, Replier, Replies, Server, Status, Verdict,
};
use quorum_tests::calls::*;
use quorum_tests::{PATIENCE, eventually};
use tokio::net::TcpListener;

/// A node that answers with its number, and notes what it is told.
#[derive(Clone, Debug)]
struct Echo {
    node: u32,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Echo {
    fn answer(&self, request: &Text) -> Text {
        Text { text: format!("{}:{}", self.node, request.text) }
    }
}

macro_rules! answers_once {
    ($($service:ident)*) => {$(
        impl $service for Echo {
            async fn call(&self, _: Call, request: Text) -> Result<Text, Status> {
                Ok(self.answer(&request))
            }
        }
    )*};
}

macro_rules! answers_nothing {
    ($($service:ident)*) => {$(
        impl $service for Echo {
            async fn call(&self, _: Call, request: Text) {
                self.heard.lock().unwrap().push(request.text);
            }
        }
    )*};
}

macro_rules! answers_twice {
    ($($service:ident)*) => {$(
        impl $service for Echo {
            async fn call(
                &self,
                _: Call,
                request: Text,
                replies: Replier<Text>,
            ) -> Result<(), Status> {
                if request.text == "fail" {
                    return Err(Status::aborted("told to"));
                }
                replies.send(Text { text: "draft".to_owned() }).await?;
                if request.text == "short" {
                    return Ok(());
                }
                replies.send(self.answer(&request)).await
            }
        }
    )*};
}

answers_once! {
    Rpc RpcDefault RpcUnordered RpcIdempotent
    Quorumcall QuorumcallUnordered QuorumcallIdempotent QuorumcallPerNode QuorumcallCustom
    Correctable CorrectableUnordered CorrectableIdempotent CorrectablePerNode CorrectableCustom
}
answers_nothing! {
    Unicast UnicastUnordered UnicastLatest
    Multicast MulticastUnordered MulticastLatest MulticastPerNode
}
answers_twice! { Stream StreamUnordered StreamPerNode StreamCustom }

fn server(echo: &Echo) -> Server {
    macro_rules! serving {
        ($($adapter:ident)*) => { Server::builder()$(.service($adapter::new(echo.clone())))* };
    }
    serving! {
        RpcServer RpcDefaultServer RpcUnorderedServer RpcIdempotentServer
        UnicastServer UnicastUnorderedServer UnicastLatestServer
        MulticastServer MulticastUnorderedServer MulticastLatestServer MulticastPerNodeServer
        QuorumcallServer QuorumcallUnorderedServer QuorumcallIdempotentServer
        QuorumcallPerNodeServer QuorumcallCustomServer
        CorrectableServer CorrectableUnorderedServer CorrectableIdempotentServer
        CorrectablePerNodeServer CorrectableCustomServer
        StreamServer StreamUnorderedServer StreamPerNodeServer StreamCustomServer
    }
}

/// Waits for every node and collects what they said, in the order of the nodes.
struct Everything;

fn everything(replies: &Replies<Text>) -> Verdict<Vec<String>> {
    let is_complete = replies.len() + replies.failures().count() == replies.members().len();
    let mut said: Vec<_> = replies.values().map(|reply| reply.text.clone()).collect();
    said.sort();
    is_complete.then_some(said).into()
}

/// The number of those who said something other than a draft; the last level has heard all three.
fn progress(replies: &Replies<Text>) -> Verdict<Level<Vec<String>>> {
    let mut said: Vec<_> = replies.values().map(|reply| reply.text.clone()).collect();
    said.retain(|text| text != "draft");
    said.sort();
    let level = Level::new(said.len() as u32, said);
    Verdict::Done(if level.number == 3 { level.last() } else { level })
}

impl QuorumcallCustomQuorumSpec for Everything {
    fn call(&self, _: &Text, replies: &Replies<Text>) -> Verdict<Vec<String>> {
        everything(replies)
    }
}

macro_rules! makes_progress {
    ($($spec:ident)*) => {$(
        impl $spec for Everything {
            fn call(&self, _: &Text, replies: &Replies<Text>) -> Verdict<Level<Vec<String>>> {
                progress(replies)
            }
        }
    )*};
}
makes_progress! { CorrectableCustomQuorumSpec StreamCustomQuorumSpec }

fn text(text: &str) -> Text {
    Text { text: text.to_owned() }
}

/// The message for each node names it; node 2 gets none.
fn to_all_but_two(request: &Text, node: NodeId) -> Option<Text> {
    (node.get() != 2).then(|| text(&format!("{}-for-{node}", request.text)))
}

async fn three() -> ([Echo; 3], Manager) {
    let echoes = [1, 2, 3].map(|node| Echo { node, heard: Arc::default() });
    let mut addresses = Vec::new();
    for echo in &echoes {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(listener.local_addr().unwrap().to_string());
        tokio::spawn(server(echo).serve_with_listener(listener, std::future::pending()));
    }
    let manager = Manager::builder().nodes(addresses).timeout(PATIENCE).build().unwrap();
    (echoes, manager)
}

#[tokio::test]
async fn an_rpc_is_answered_by_its_node() {
    let (_echoes, manager) = three().await;
    let node = manager.node(2).unwrap();
    macro_rules! check {
        ($($service:ident)*) => {$(
            let reply = $service::call(node, text("x")).await.unwrap();
            assert_eq!(reply.text, "2:x", stringify!($service));
        )*};
    }
    check! {
        RpcNode RpcDefaultNode RpcUnorderedNode RpcIdempotentNode
        QuorumcallNode QuorumcallUnorderedNode QuorumcallIdempotentNode QuorumcallPerNodeNode
        QuorumcallCustomNode CorrectableNode CorrectableUnorderedNode CorrectableIdempotentNode
        CorrectablePerNodeNode CorrectableCustomNode
    }
}

#[tokio::test]
async fn a_one_way_message_to_a_node_reaches_it_alone() {
    let (echoes, manager) = three().await;
    let node = manager.node(2).unwrap();
    macro_rules! check {
        ($($service:ident)*) => {$(
            $service::call(node, text(stringify!($service))).await.unwrap();
            let heard = || echoes[1].heard.lock().unwrap().clone();
            eventually("the message", || heard().contains(&stringify!($service).to_owned())).await;
        )*};
    }
    check! {
        UnicastNode UnicastUnorderedNode UnicastLatestNode
        MulticastNode MulticastUnorderedNode MulticastLatestNode MulticastPerNodeNode
    }
    assert!(echoes[0].heard.lock().unwrap().is_empty());
    assert!(echoes[2].heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_multicast_reaches_every_node() {
    let (echoes, manager) = three().await;
    let configuration = manager.configuration(Majority).unwrap();
    macro_rules! check {
        ($($service:ident)*) => {$(
            $service::call(&configuration, text(stringify!($service))).await.unwrap();
            for echo in &echoes {
                let heard = || echo.heard.lock().unwrap().clone();
                eventually("the message", || heard().contains(&stringify!($service).to_owned()))
                    .await;
            }
        )*};
    }
    check! { MulticastConfiguration MulticastUnorderedConfiguration MulticastLatestConfiguration }
}

#[tokio::test]
async fn a_multicast_with_a_message_per_node_skips_those_without_one() {
    let (echoes, manager) = three().await;
    let configuration = manager.configuration(Majority).unwrap();
    let sent = MulticastPerNodeConfiguration::call(&configuration, text("x"), to_all_but_two);
    sent.await.unwrap();
    for (echo, expected) in echoes.iter().zip([vec!["x-for-1"], vec![], vec!["x-for-3"]]) {
        eventually("the message", || *echo.heard.lock().unwrap() == expected).await;
    }
}

#[tokio::test]
async fn a_quorum_call_is_decided_by_its_function() {
    let (_echoes, manager) = three().await;
    let configuration = manager.configuration(Majority).unwrap();
    macro_rules! check {
        ($($service:ident)*) => {$(
            let reply = $service::call(&configuration, text("x")).await.unwrap();
            assert!(["1:x", "2:x", "3:x"].contains(&&*reply.text), "{}", stringify!($service));
        )*};
    }
    check! { QuorumcallConfiguration QuorumcallUnorderedConfiguration QuorumcallIdempotentConfiguration }

    let custom = manager.quorumcall_custom(Everything).unwrap();
    assert_eq!(
        QuorumcallCustomConfiguration::call(&custom, text("x")).await.unwrap(),
        ["1:x", "2:x", "3:x"]
    );
}

#[tokio::test]
async fn a_quorum_call_with_a_message_per_node_counts_those_that_got_one() {
    let (_echoes, manager) = three().await;
    let configuration = manager.configuration(Majority).unwrap();
    let call = QuorumcallPerNodeConfiguration::call(&configuration, text("x"), to_all_but_two);
    let said = call.decide(|request, replies: &Replies<Text>| {
        assert_eq!(request.text, "x");
        let said: Vec<_> =
            replies.iter().map(|(node, reply)| (node.get(), reply.text.clone())).collect();
        (said.len() == 2).then_some(said).into()
    });
    let mut said = said.await.unwrap();
    said.sort();
    assert_eq!(said, [(1, "1:x-for-1".to_owned()), (3, "3:x-for-3".to_owned())]);

    let nobody = |_: &Text, _| None;
    let call = QuorumcallPerNodeConfiguration::call(&configuration, text("x"), nobody);
    let error = call.await.unwrap_err();
    let said = "the targets hold no quorum, they are 0 of 3 members";
    assert!(error.to_string().contains(said), "{error}");
}

#[tokio::test]
async fn a_correctable_improves_until_its_last_level() {
    let (_echoes, manager) = three().await;
    let configuration = manager.configuration(Majority).unwrap();
    macro_rules! check {
        ($($service:ident)*) => {$(
            let levels = $service::call(&configuration, text("x"));
            let levels: Vec<_> = levels.map(|level| level.unwrap()).collect().await;
            let numbers: Vec<_> = levels.iter().map(|level| level.number).collect();
            assert_eq!(numbers, [1, 2], "{}: a majority is the last", stringify!($service));
            assert!(levels[1].is_last);
        )*};
    }
    check! { CorrectableConfiguration CorrectableUnorderedConfiguration CorrectableIdempotentConfiguration }

    let custom = manager.correctable_custom(Everything).unwrap();
    let mut call = CorrectableCustomConfiguration::call(&custom, text("x"));
    assert_eq!(call.level(2).await.unwrap().value.len(), 2);
    let last = call.next().await.unwrap().unwrap();
    assert_eq!((last.number, last.is_last), (3, true));
    assert!(call.next().await.is_none());
    assert_eq!(
        CorrectableCustomConfiguration::call(&custom, text("x")).await.unwrap(),
        ["1:x", "2:x", "3:x"]
    );

    let per_node = CorrectablePerNodeConfiguration::call(&configuration, text("x"), to_all_but_two);
    assert!(per_node.await.unwrap().text.ends_with("-for-3"));
}

#[tokio::test]
async fn nodes_of_a_correctable_stream_reply_several_times_and_their_last_reply_counts() {
    let (_echoes, manager) = three().await;
    let custom = manager.stream_custom(Everything).unwrap();
    let levels: Vec<_> = StreamCustomConfiguration::call(&custom, text("x"))
        .map(|level| level.unwrap())
        .collect()
        .await;
    let numbers: Vec<_> = levels.iter().map(|level| level.number).collect();
    assert_eq!(numbers, [0, 1, 2, 3]);
    assert_eq!(levels[3].value, ["1:x", "2:x", "3:x"]);

    let configuration = manager.configuration(Majority).unwrap();
    StreamConfiguration::call(&configuration, text("x")).await.unwrap();
    StreamUnorderedConfiguration::call(&configuration, text("x")).await.unwrap();
    let per_node = StreamPerNodeConfiguration::call(&configuration, text("x"), to_all_but_two);
    per_node.await.unwrap();
}

#[tokio::test]
async fn a_correctable_stream_ends_when_all_nodes_have_said_all() {
    let (_echoes, manager) = three().await;
    let custom = manager.stream_custom(Everything).unwrap();
    let begun = tokio::time::Instant::now();
    let error = StreamCustomConfiguration::call(&custom, text("short")).await.unwrap_err();
    assert!(begun.elapsed() < PATIENCE / 4, "took {:?}", begun.elapsed());
    assert_eq!(*error.kind(), quorum_runtime::QuorumErrorKind::NoQuorum);
    assert_eq!((error.replied(), error.failures().len()), (3, 0));
}

#[tokio::test]
async fn a_correctable_stream_that_ends_before_its_last_level_is_an_error_with_causes() {
    let (_echoes, manager) = three().await;
    let custom = manager.stream_custom(Everything).unwrap();
    let error = StreamCustomConfiguration::call(&custom, text("fail")).await.unwrap_err();
    assert_eq!(error.failures().len(), 3, "{error}");
    let text = error.to_string();
    assert!(text.contains("node 1 (") && text.contains("told to (Aborted)"), "{text}");
}
