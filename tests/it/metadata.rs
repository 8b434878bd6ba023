//! What travels along with requests and replies.

use std::sync::{Arc, Mutex};

use quorum_runtime::metadata::{MetadataMap, MetadataValue};
use quorum_runtime::{
    Call, Code, IncomingRequest, Majority, Manager, Next, NodeError, OutgoingReply,
    OutgoingRequest, Replier, Request, Server, ServerInterceptor, Status,
};
use quorum_tests::recorder::{
    RecorderConfiguration as _, RecorderManager as _, RecorderNode as _, RecorderServer,
};
use quorum_tests::{PATIENCE, Recording, eventually, item};
use tokio::net::TcpListener;

/// Serves on a free port.
async fn serving(server: Server) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
    address
}

/// Notes the metadata of requests.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl ServerInterceptor for Seen {
    async fn handle(
        &self,
        request: IncomingRequest,
        next: Next<'_>,
    ) -> Result<OutgoingReply, Status> {
        let metadata = request.metadata();
        let text = |key| metadata.get(key).map_or("none", |value| value.to_str().unwrap());
        let bytes = metadata.get_bin("key-bin").unwrap().to_bytes().unwrap();
        let (method, node, trace) = (request.method(), text("node"), text("trace"));
        let ours = metadata.keys().filter(|key| format!("{key:?}").contains("quorum-")).count();
        let line = format!("{method} {node} {trace} {bytes:?} {ours}");
        self.0.lock().unwrap().push(line);
        next.run(request).await
    }
}

fn traced(number: u64) -> Request<quorum_tests::recorder::Item> {
    let mut request = Request::new(item(number));
    request.metadata_mut().insert("trace", "17".parse().unwrap());
    request
}

#[tokio::test]
async fn metadata_of_a_call_and_of_an_interceptor_reaches_the_nodes_with_every_call_type() {
    let (mut addresses, seen) = (Vec::new(), [Seen::default(), Seen::default()]);
    for seen in &seen {
        let server = Server::builder().service(RecorderServer::new(Recording::default()));
        addresses.push(serving(server.intercept(seen.clone())).await);
    }
    let builder = Manager::builder().nodes(addresses).timeout(PATIENCE);
    let builder = builder.intercept(|request: &mut OutgoingRequest<'_>| {
        let (node, metadata) = (request.node().id().get(), request.metadata_mut());
        metadata.insert("node", MetadataValue::from(node));
        metadata.insert_bin("key-bin", MetadataValue::from_bytes(&[0, 255]));
        metadata.insert("quorum-end", "".parse().unwrap());
        Ok(())
    });
    let manager = builder.build().unwrap();
    let recorder = manager.recorder(Majority).unwrap();
    recorder.record(traced(1)).all().await.unwrap();
    recorder.note(traced(2)).await.unwrap();
    for node in manager.nodes() {
        node.tell(traced(3)).await.unwrap();
        node.ask(traced(4)).await.unwrap();
    }
    recorder.watch(traced(5)).await.unwrap();
    let expected = |node| {
        let line = |method| format!("recorder.Recorder.{method} {node} 17 b\"\\0\\xff\" 0");
        ["Record", "Note", "Tell", "Ask", "Watch"].map(line)
    };
    for (seen, node) in seen.iter().zip(1..) {
        eventually("all calls are seen", || *seen.0.lock().unwrap() == expected(node)).await;
    }
}

/// Handlers that send metadata with their replies.

#[quorum_macros::service]
pub trait Teller {
    #[call(quorumcall)]
    async fn say(&self, number: u32) -> u32;

    #[call(correctable)]
    fn count(&self, to: u32) -> impl Stream<Item = u32>;
}

struct Bank;

fn told(number: u32) -> MetadataMap {
    let mut metadata = MetadataMap::new();
    metadata.insert("told", MetadataValue::from(number));
    metadata.insert_bin("told-bin", MetadataValue::from_bytes(&[0, 255]));
    metadata.insert("quorum-end", "".parse().unwrap());
    metadata
}

impl Teller for Bank {
    async fn say(&self, call: Call, number: u32) -> Result<u32, Status> {
        assert!(call.method().ends_with(".Say"), "{}", call.method());
        if number == 8 {
            call.release();
        }
        if number != 5 {
            call.set_reply_metadata(told(number));
        }
        match number {
            6 => {
                let mut of_status = MetadataMap::new();
                of_status.insert("why", "because".parse().unwrap());
                of_status.insert("content-type", "application/grpc".parse().unwrap());
                Err(Status::with_metadata(Code::NotFound, "six", of_status))
            }
            _ => Ok(number),
        }
    }

    async fn count(&self, call: Call, to: u32, replies: Replier<u32>) -> Result<(), Status> {
        for number in 1..=to {
            call.set_reply_metadata(told(number));
            replies.send(number).await?;
        }
        Ok(())
    }
}

/// Adds to the metadata of the handler.
struct Stamp;

impl ServerInterceptor for Stamp {
    async fn handle(
        &self,
        request: IncomingRequest,
        next: Next<'_>,
    ) -> Result<OutgoingReply, Status> {
        let mut reply = next.run(request).await?;
        if reply.metadata().contains_key("told") {
            reply.metadata_mut().insert("stamped", "yes".parse().unwrap());
        }
        Ok(reply)
    }
}

#[tokio::test]
async fn a_handler_sends_metadata_with_a_reply_and_with_a_status() {
    let bank = || Server::builder().service(TellerServer::new(Bank));
    let addresses = [serving(bank()).await, serving(bank().intercept(Stamp)).await];
    let manager = Manager::builder().nodes(addresses).timeout(PATIENCE).build().unwrap();
    let teller = manager.teller(Majority).unwrap();
    for number in [7, 8, 5] {
        let mut replies = teller.say(number).replies();
        while let Some(reply) = replies.next().await {
            assert_eq!(reply.result.unwrap(), number);
            let stamped = reply.metadata.contains_key("stamped");
            assert_eq!(stamped, reply.node.get() == 2 && number != 5);
            if number == 5 {
                assert!(reply.metadata.is_empty());
                continue;
            }
            assert_eq!(reply.metadata.get("told").unwrap(), &*number.to_string());
            let bytes = reply.metadata.get_bin("told-bin").unwrap().to_bytes().unwrap();
            assert_eq!(bytes[..], [0, 255]);
            assert!(!reply.metadata.contains_key("quorum-end"), "it is ours");
        }
    }
    let mut replies = teller.say(6).replies();
    while let Some(reply) = replies.next().await {
        let NodeError::Status(status) = reply.result.unwrap_err() else {
            panic!("a status");
        };
        assert_eq!(status.metadata().get("why").unwrap(), "because");
        assert_eq!(status.metadata().get("told").unwrap(), "6");
        assert!(!status.metadata().contains_key("content-type"), "it is no metadata");
    }
}

#[tokio::test]
async fn each_of_several_replies_has_its_own_metadata() {
    for server in [Server::builder(), Server::builder().intercept(Stamp)] {
        let address = serving(server.service(TellerServer::new(Bank))).await;
        let manager = Manager::builder().nodes([address]).timeout(PATIENCE).build().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let teller = manager.teller(Majority).unwrap();
        let mut count = teller.count(3).map_replies(move |_, number, metadata| {
            let told = metadata.get("told").unwrap().to_str().unwrap().to_owned();
            noted.lock().unwrap().push((number, told));
            Ok(number)
        });
        while let Some(Ok(_)) = count.next().await {
            if seen.lock().unwrap().len() == 3 {
                break;
            }
        }
        let expected: Vec<_> = (1..=3).map(|number: u32| (number, number.to_string())).collect();
        assert!(expected.starts_with(&seen.lock().unwrap()), "{seen:?}");
        assert!(!seen.lock().unwrap().is_empty());
    }
}
