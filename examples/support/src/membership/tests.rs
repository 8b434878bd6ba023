//! Who is let in, by a server and by its callers.

use quorum_runtime::{Call, Manager, Server};
use tokio::net::TcpListener;

use super::*;

#[quorum_macros::service]
pub trait Echo {
    async fn say(&self, request: String) -> String;
    async fn manage(&self, request: ()) -> ();
}

struct Handler;

impl Echo for Handler {
    async fn say(&self, _: Call, text: String) -> Result<String, Status> {
        Ok(text)
    }

    async fn manage(&self, _: Call, (): ()) -> Result<(), Status> {
        Ok(())
    }
}

fn terms(cluster: &str) -> Terms {
    Terms::new(cluster, "echo/1")
}

/// Node 2 of a cluster, which guests may ask for an echo.
fn member() -> Member {
    let all = terms("blue").with("3 nodes");
    let methods: &[_] = &["Echo.Say"];
    Member::new(2, all).with_guests(Guests { terms: terms("blue"), methods, nodes: 1..=3 })
}

async fn serving(server: Server) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = server.service(EchoServer::new(Handler));
    tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
    address
}

/// Calls the server of an address for a node of this number, as node 1 where that is said.
async fn calls(address: &str, node: u32, terms: Terms, is_node: bool) -> [Option<String>; 2] {
    let manager = Manager::builder().node(node, address).intercept(Caller::new(terms));
    let manager = if is_node { manager.node(1, "127.0.0.1:1").local(1) } else { manager };
    let node = manager.build().unwrap().node(node).unwrap();
    let (said, managed) = (node.say("hello".to_owned()).await, node.manage(()).await);
    let errors = [said.map(drop).err(), managed.map(drop).err()];
    errors.map(|error| error.map(|error| error.to_string()))
}

#[track_caller]
fn assert_refused(refusals: [Option<String>; 2], with: &str) {
    for refusal in refusals {
        let refusal = refusal.unwrap();
        assert!(refusal.contains(with), "{refusal}");
    }
}

#[tokio::test]
async fn a_guest_may_call_some_methods_and_a_node_all() {
    let address = serving(Server::builder().intercept(member())).await;
    let all = || terms("blue").with("3 nodes");
    let [said, managed] = calls(&address, 2, terms("blue"), false).await;
    assert_eq!(said, None);
    assert!(managed.unwrap().contains("is for the nodes 1 to 3, and who calls is none"));
    assert_eq!(calls(&address, 2, all(), true).await, [None, None]);
    // Who knows all and does not say which node it is, and the other way round.
    let [said, managed] = calls(&address, 2, all(), false).await;
    assert_eq!((said, managed.is_some()), (None, true));
    let [_, managed] = calls(&address, 2, terms("blue"), true).await;
    assert!(managed.unwrap().contains("the call is for node 2 of the cluster `blue`, echo/1, "));
}

#[tokio::test]
async fn what_is_for_another_node_or_on_other_terms_is_refused_and_both_are_named() {
    let address = serving(Server::builder().intercept(member())).await;
    let all = terms("blue").with("3 nodes");
    let here = "and this is node 2 of the cluster `blue`, echo/1, 3 nodes: check the addresses";
    let other_node = calls(&address, 3, all, true).await;
    assert_refused(other_node.clone(), here);
    assert_refused(
        other_node,
        "the call is for node 3 of the cluster `blue`, echo/1, 3 nodes, and",
    );
    for other in [terms("blue").with("4 nodes"), terms("r\u{f6}t").with("3 nodes")] {
        assert_refused(calls(&address, 2, other, true).await, here);
    }
    let nobody = member().admit("Echo.Say", None, &MetadataMap::new()).unwrap_err();
    assert!(nobody.message().starts_with("the call is for nobody in particular, and this is"));
}

#[tokio::test]
async fn a_reply_of_somebody_else_does_not_count() {
    let anybody = serving(Server::builder()).await;
    let refusals = calls(&anybody, 2, terms("blue"), false).await;
    assert_refused(
        refusals,
        "the reply is of nobody in particular, and the call was for node 2 of the cluster `blue`",
    );
}
