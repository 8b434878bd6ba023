//! Servers that call their clients, over the connections that the clients opened.

use quorum_runtime::{All, Code, Manager, Server, Status};
use quorum_tests::recorder::{Item, RecorderConfiguration as _, RecorderNode as _, RecorderServer};
use quorum_tests::{PATIENCE, Recording, eventually, host, item, text};

use crate::back::Back;
use crate::go::{Go, Program};
use crate::rust_to_go::Highest;

/// A client of ours that can be called back, and what it is asked.
fn client(server: &Program) -> (Recording, Manager) {
    let recording = Recording::default();
    let manager = Manager::builder().nodes([server.address()]).timeout(PATIENCE);
    let manager = manager.service(RecorderServer::new(recording.clone()));
    (recording, manager.build().unwrap())
}

/// Waits until a server in Go knows that many clients.
async fn clients(server: &mut Program, count: usize) -> Vec<u32> {
    let known = async {
        loop {
            let known = server.targets().await;
            if known.len() == count {
                return known;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, known).await.expect("the clients come")
}

#[tokio::test]
async fn a_server_in_go_calls_our_client_back() {
    let Some(go) = Go::programs() else { return };
    let mut server = go.server().await;
    let (recording, manager) = client(&server);
    manager.ready(&All).await.unwrap();
    let ids = clients(&mut server, 1).await;
    assert!(ids[0] >= 1 << 20, "{ids:?}");
    // Nothing has come from the server yet, not even its headers.
    let replies = server.ask("Recorder.Ask", 1, "").await;
    assert_eq!((replies[0].number, replies[0].code), (1, 0), "{replies:?}");

    // While the client calls it, and while its own handler is asked for that.
    let node = manager.node(1).unwrap();
    let asked = Item { number: 2, text: "back".to_owned() };
    assert_eq!(node.ask(asked).await.unwrap().text, "1002 ");
    let (replies, ()) = tokio::join!(server.burst("Recorder.Ask", 10, 300), async {
        for number in 500..800 {
            assert_eq!(node.ask(item(number)).await.unwrap().number, number);
        }
    });
    assert_eq!(replies.len(), 300);
    assert!(replies.iter().zip(10..).all(|(reply, number)| reply.number == number));
    let expected: Vec<u64> = [1, 1002].into_iter().chain(10..310).collect();
    assert_eq!(recording.noted(), expected);
}

#[tokio::test]
async fn what_our_client_does_not_have_or_refuses_is_told_to_a_server_in_go() {
    let Some(go) = Go::programs() else { return };
    let mut server = go.server().await;
    let (_recording, manager) = client(&server);
    manager.node(1).unwrap().ask(item(1)).await.unwrap();
    clients(&mut server, 1).await;
    let reply = server.ask("Recorder.Ask", 1, "fail").await.remove(0);
    assert_eq!((reply.code, &*reply.message), (Code::NotFound as i32, "no such item"));
    let reply = server.ask("Absent.Call", 1, "").await.remove(0);
    assert_eq!(reply.code, Code::Unimplemented as i32, "{}", reply.message);

    // A client without services does not say that it can be called.
    let plain = Manager::builder().nodes([server.address()]).timeout(PATIENCE).build().unwrap();
    let error = plain.node(1).unwrap().ask(text("back")).await.unwrap_err();
    assert!(error.to_string().contains("you can't be called"), "{error}");
    drop(manager);
    clients(&mut server, 0).await;
}

#[tokio::test]
async fn our_server_calls_clients_in_go_back() {
    let Some(go) = Go::programs() else { return };
    let server = Server::builder().service(RecorderServer::new(Recording::default()));
    let known = server.clients();
    let hosted = host(server).await;
    let mut programs = [0, 0].map(|id| go.client_with_id(id, &[hosted.address()]));
    eventually("two clients", || known.len() == 2).await;
    let configuration = known.configuration(Highest).unwrap();
    assert!(configuration.members().iter().all(|id| id.get() >= 1 << 20));
    assert_eq!(configuration.record(item(1)).all().await.unwrap(), item(1));
    assert_eq!(configuration.watch(item(3)).await.unwrap().number, 3);
    let node = configuration.targets()[0].clone();
    let error = node.ask(text("fail")).await.unwrap_err();
    assert_eq!(Status::from(error).code(), Code::NotFound);

    // Both ways at once; the numbers of the calls are the same but for a bit.
    let (replies, ()) = tokio::join!(programs[0].burst("Recorder.Ask", 10, 300), async {
        for number in 2..300 {
            configuration.record(item(number)).all().await.unwrap();
        }
    });
    assert!(replies.iter().all(|reply| reply.code == 0) && replies.len() == 300);
    for program in &mut programs {
        assert_eq!(program.noted(299).await, (1..300).collect::<Vec<_>>());
    }
    let [gone, _here] = programs;
    gone.kill().await;
    eventually("one client", || known.len() == 1).await;
}

#[tokio::test]
async fn our_handler_calls_the_client_in_go_that_asked_it() {
    let Some(go) = Go::programs() else { return };
    let hosted = host(Server::builder().service(RecorderServer::new(Back))).await;
    let mut named = go.client_with_id(0, &[hosted.address()]);
    assert_eq!(named.ask("Recorder.Ask", 5, "").await[0].number, 1005);
    assert_eq!(named.noted(1).await, [1005]);
    let mut plain = go.client(&[hosted.address()]);
    let reply = plain.ask("Recorder.Ask", 5, "").await.remove(0);
    assert_eq!(reply.code, Code::FailedPrecondition as i32);
    // An id of its own is that of a node with an address, which this server does not know.
    let mut node = go.client_with_id(7, &[hosted.address()]);
    assert_eq!(node.ask("Recorder.AskAgain", 6, "").await[0].number, 6);
}
