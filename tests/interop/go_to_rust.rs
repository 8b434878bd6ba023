//! A client in Go, our nodes.

use quorum_runtime::{Code, Server};
use quorum_tests::recorder::RecorderServer;
use quorum_tests::{TestServer, cluster, host};
use serde_json::json;

use crate::back::Back;
use crate::go::{Go, Program};

/// A client in Go of these servers.
fn client(go: Go, servers: &[TestServer]) -> Program {
    let addresses: Vec<_> = servers.iter().map(TestServer::address).collect();
    go.client(&addresses)
}

#[tokio::test]
async fn every_kind_of_call_of_a_client_in_go_is_answered() {
    let Some(go) = Go::programs() else { return };
    let (servers, _) = cluster::<3>().await;
    let mut client = client(go, &servers);
    for method in ["Recorder.Record", "Recorder.Ask", "Recorder.AskBeside", "Recorder.AskAgain"] {
        let replies = client.ask(method, 7, "").await;
        let said: Vec<_> = replies.iter().map(|r| (r.node, r.number, r.code)).collect();
        assert_eq!(said, [(1, 7, 0), (2, 7, 0), (3, 7, 0)], "{method}: {replies:?}");
    }
    // An empty request and an empty reply.
    assert_eq!(client.ask("Recorder.Ask", 0, "").await[0].code, 0);
    for method in ["Recorder.Note", "Recorder.Tell", "Recorder.Beat"] {
        let call = json!({"method": method, "number": 8, "replies": 0});
        assert_eq!(client.replies("ask", call).await, []);
    }
    client.ask("Recorder.Ask", 9, "").await;
    assert_eq!(servers[2].recording().noted(), [7, 7, 7, 7, 0, 8, 8, 8, 9]);
}

#[tokio::test]
async fn calls_of_a_client_in_go_are_handled_in_their_order() {
    let Some(go) = Go::programs() else { return };
    let (servers, _) = cluster::<3>().await;
    let replies = client(go, &servers).burst("Recorder.Ask", 0, 1000).await;
    assert_eq!(replies.len(), 3000);
    assert!(replies.iter().all(|reply| reply.code == 0));
    for server in &servers {
        assert_eq!(server.recording().noted(), (0..1000).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn our_statuses_keep_their_code_and_message() {
    let Some(go) = Go::programs() else { return };
    let (servers, _) = cluster::<1>().await;
    let mut client = client(go, &servers);
    let reply = client.ask("Recorder.Ask", 1, "fail").await.remove(0);
    assert_eq!((reply.code, &*reply.message), (Code::NotFound as i32, "no such item"));
    let reply = client.ask("Absent.Call", 1, "").await.remove(0);
    assert_eq!(reply.code, Code::Unimplemented as i32, "{}", reply.message);
    let reply = client.ask("Recorder.Ask", 1, "panic").await.remove(0);
    assert_eq!(reply.code, Code::Internal as i32, "{}", reply.message);
    assert_eq!(client.ask("Recorder.Ask", 2, "").await[0].number, 2);
}

#[tokio::test]
async fn metadata_of_a_client_in_go_reaches_our_handler() {
    let Some(go) = Go::programs() else { return };
    let (servers, _) = cluster::<1>().await;
    let call = json!({
        "method": "Recorder.Ask", "text": "metadata", "metadata": {"key": "a value"}, "replies": 1,
    });
    let replies = client(go, &servers).replies("ask", call).await;
    assert_eq!(replies[0].text, "a value");
}

#[tokio::test]
async fn a_client_in_go_takes_as_many_replies_of_a_stream_as_it_likes() {
    let Some(go) = Go::programs() else { return };
    let (servers, _) = cluster::<2>().await;
    let mut client = client(go, &servers);
    let call = json!({"method": "Recorder.Watch", "number": 5, "replies": 3});
    let replies = client.replies("ask", call).await;
    assert_eq!(replies.len(), 6);
    assert!(replies.iter().all(|reply| reply.number == 5 && reply.entries.is_empty()));
    // The stream goes on, as nobody told it to stop, and is in nobody's way.
    assert_eq!(client.ask("Recorder.Ask", 2, "").await[1].number, 2);
}

#[tokio::test]
async fn no_mark_but_an_error_ends_our_stream_to_a_client_in_go() {
    let Some(go) = Go::programs() else { return };
    let hosted = host(Server::builder().service(RecorderServer::new(Back))).await;
    let mut client = go.client(&[hosted.address()]);
    let mut watch = json!({
        "method": "Recorder.Watch", "number": 2, "replies": 3, "timeout_ms": 300,
    });
    let said = |replies: &[crate::go::Reply]| -> Vec<_> {
        replies.iter().map(|reply| (reply.number, reply.code)).collect()
    };
    let replies = client.replies("ask", watch.clone()).await;
    let deadline = Code::DeadlineExceeded as i32;
    assert_eq!(said(&replies), [(1, 0), (2, 0), (0, deadline)], "{replies:?}");
    watch["text"] = "fail".into();
    let replies = client.replies("ask", watch).await;
    assert_eq!(said(&replies), [(1, 0), (2, 0), (0, Code::Aborted as i32)], "{replies:?}");
}

#[tokio::test]
async fn metadata_of_our_reply_reaches_a_client_in_go() {
    let Some(go) = Go::programs() else { return };
    let hosted = host(Server::builder().service(RecorderServer::new(Back))).await;
    let reply = go.client(&[hosted.address()]).ask("Recorder.Record", 1, "").await.remove(0);
    assert_eq!(reply.entries, [("told".to_owned(), "17".to_owned())].into());
}

#[tokio::test]
async fn a_request_of_a_client_in_go_that_is_too_large_harms_the_node_in_nothing() {
    let Some(go) = Go::programs() else { return };
    let (servers, _) = cluster::<1>().await;
    let mut client = client(go, &servers);
    assert_eq!(client.ask("Recorder.Ask", 1, "").await[0].number, 1);
    // It is sent again and again, as Gorums does, until its time is over.
    let poison = json!({
        "method": "Recorder.Ask", "large": 5 * 1024 * 1024, "replies": 1, "timeout_ms": 500,
    });
    let replies = client.replies("ask", poison).await;
    assert_eq!(replies[0].code, Code::DeadlineExceeded as i32, "{replies:?}");
    assert_eq!(client.ask("Recorder.Ask", 2, "").await[0].number, 2);
    assert_eq!(servers[0].recording().noted(), [1, 2]);
}

#[tokio::test]
async fn our_reply_that_is_too_large_is_a_status_to_a_client_in_go() {
    let Some(go) = Go::programs() else { return };
    let (servers, _) = cluster::<1>().await;
    let mut client = client(go, &servers);
    let reply = client.ask("Recorder.Ask", 1, "large").await.remove(0);
    assert_eq!(reply.code, Code::ResourceExhausted as i32, "{}", reply.message);
    assert_eq!(client.ask("Recorder.Ask", 2, "").await[0].number, 2);
}
