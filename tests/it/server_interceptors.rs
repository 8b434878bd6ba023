//! What a server puts between its clients and its handlers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorum_runtime::metadata::MetadataValue;
use quorum_runtime::{
    Code, IncomingRequest, Intercepted, Majority, Manager, Next, OutgoingReply, OutgoingRequest,
    Request, ServeError, Server, ServerInterceptor, Status,
};
use quorum_tests::recorder::{
    Item, RecorderConfiguration as _, RecorderManager as _, RecorderNode as _, RecorderServer,
};
use quorum_tests::{PATIENCE, Recording, eventually, item, text};
use tokio::net::TcpListener;

/// Serves on a free port.
async fn serving(server: Server) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
    address
}

/// A server with this interceptor, and a manager of it.
async fn recorder(interceptor: impl ServerInterceptor) -> (Recording, Manager) {
    let recording = Recording::default();
    let server = Server::builder().service(RecorderServer::new(recording.clone()));
    let address = serving(server.intercept(interceptor)).await;
    (recording, Manager::builder().nodes([address]).timeout(PATIENCE).build().unwrap())
}

/// Does what the text of an item says, and notes what passes.
#[derive(Clone, Default)]
struct Doorman(Arc<Mutex<Vec<String>>>, &'static str);

impl Doorman {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(format!("{}{line}", self.1));
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl ServerInterceptor for Doorman {
    async fn handle(
        &self,
        mut request: IncomingRequest,
        next: Next<'_>,
    ) -> Result<OutgoingReply, Status> {
        let method = request.method().rsplit('.').next().unwrap();
        let item: Item = request.message()?;
        self.note(format!("> {method} {}", item.number));
        match item.text.as_str() {
            "reject" => return Err(Status::permission_denied("not you")),
            "answer" => return Ok(OutgoingReply::new(&Item { number: 99, ..item })),
            "double" => request.set_message(&Item { number: item.number * 2, ..item }),
            "break" => panic!("told to break"),
            "linger" => tokio::time::sleep(Duration::from_millis(100)).await,
            "release first" => {
                request.call().release();
                let next = || self.lines().iter().any(|line| line == "< Ask 4");
                eventually("the next request was handled", next).await;
            }
            _ => {}
        }
        let reply = next.run(request).await;
        match &reply {
            Ok(reply) => {
                self.note(format!("< {method} {}", reply.message::<Item>()?.number));
            }
            Err(status) => self.note(format!("< {method} {:?}", status.code())),
        }
        reply
    }
}

fn with(number: u64, text: &str) -> Item {
    Item { number, text: text.to_owned() }
}

#[tokio::test]
async fn a_request_is_seen_changed_rejected_or_answered_before_its_handler() {
    let doorman = Doorman::default();
    let (recording, manager) = recorder(doorman.clone()).await;
    let node = manager.node(1).unwrap();
    assert_eq!(node.ask(item(1)).await.unwrap().number, 1);
    assert_eq!(node.ask(with(2, "double")).await.unwrap().number, 4);
    assert_eq!(node.ask(with(3, "answer")).await.unwrap().number, 99);
    let error = node.ask(with(4, "reject")).await.unwrap_err();
    assert_eq!(Status::from(error).code(), Code::PermissionDenied);
    let error = node.ask(with(5, "fail")).await.unwrap_err();
    assert_eq!(Status::from(error).code(), Code::NotFound);
    let seen = "> Ask 1, < Ask 1, > Ask 2, < Ask 4, > Ask 3, > Ask 4, > Ask 5, < Ask NotFound";
    assert_eq!(doorman.lines().join(", "), seen);
    assert_eq!(recording.noted(), [1, 4]);
}

#[tokio::test]
async fn a_panic_is_answered_like_that_of_a_handler_and_the_stream_goes_on() {
    let (_recording, manager) = recorder(Doorman::default()).await;
    let node = manager.node(1).unwrap();
    let (breaks, panics, works) =
        (node.ask(text("break")), node.ask(text("panic")), node.ask(item(7)));
    let error = Status::from(breaks.await.unwrap_err());
    assert_eq!(error.code(), Code::Internal);
    assert!(error.message().contains("an interceptor panicked: told to break"), "{error}");
    let error = Status::from(panics.await.unwrap_err());
    assert!(error.message().contains("the handler panicked: told to"), "{error}");
    assert_eq!(works.await.unwrap().number, 7);
}

#[tokio::test]
async fn one_way_messages_and_streams_pass_too() {
    let doorman = Doorman::default();
    let (recording, manager) = recorder(doorman.clone()).await;
    let node = manager.node(1).unwrap();
    let configuration = manager.recorder(Majority).unwrap();
    node.tell(with(1, "reject"));
    node.tell(with(2, "answer"));
    configuration.note(with(3, "double"));
    node.ask(item(4)).await.unwrap();
    assert_eq!(recording.noted(), [6, 4]);

    let error = configuration.watch(with(5, "reject")).await.unwrap_err();
    assert!(error.to_string().contains("not you (PermissionDenied)"), "{error}");
    // An interceptor that answers by itself ends the replies.
    let error = configuration.watch(with(6, "answer")).await.unwrap_err();
    assert!(error.failures().is_empty(), "{error}");
    assert_eq!(recording.watches(), (0, 0));

    assert_eq!(configuration.watch(with(7, "double")).await.unwrap().number, 14);
}

#[tokio::test]
async fn a_wait_holds_the_turn_until_the_interceptor_releases() {
    let (recording, manager) = recorder(Doorman::default()).await;
    let node = manager.node(1).unwrap();
    let (first, second) = (node.ask(with(1, "linger")), node.ask(item(2)));
    first.await.unwrap();
    second.await.unwrap();
    assert_eq!(recording.noted(), [1, 2]);
    let (third, fourth) = (node.ask(with(3, "release first")), node.ask(item(4)));
    third.await.unwrap();
    fourth.await.unwrap();
    assert_eq!(recording.noted(), [1, 2, 4, 3]);
}

#[tokio::test]
async fn the_first_is_the_outermost_and_that_of_a_service_is_inside_of_all() {
    let doorman = Doorman::default();
    let named = |name| Doorman(Arc::clone(&doorman.0), name);
    let service = Intercepted::new(RecorderServer::new(Recording::default()), named("service "));
    let server = Server::builder().intercept(named("one ")).service(service);
    let address = serving(server.intercept(named("two "))).await;
    let manager = Manager::builder().nodes([address]).timeout(PATIENCE).build().unwrap();
    manager.node(1).unwrap().ask(item(1)).await.unwrap();
    let passed =
        "one > Ask 1, two > Ask 1, service > Ask 1, service < Ask 1, two < Ask 1, one < Ask 1";
    assert_eq!(doorman.lines().join(", "), passed);
}

#[tokio::test]
async fn a_method_that_two_services_have_is_told_although_one_is_intercepted() {
    let service = || RecorderServer::new(Recording::default());
    let server = Server::builder().service(service());
    let server = server.service(Intercepted::new(service(), Doorman::default()));
    let error = server.serve("127.0.0.1:0").await.unwrap_err();
    assert!(matches!(error, ServeError::ClaimedTwice(_)), "{error}");
}

/// Lets sessions begin whose metadata says so, and counts their ends.
struct Invited(AtomicUsize);

impl ServerInterceptor for Invited {
    async fn handle(
        &self,
        request: IncomingRequest,
        next: Next<'_>,
    ) -> Result<OutgoingReply, Status> {
        assert!(request.payload().is_empty(), "a session has no message");
        let metadata = request.metadata().get_bin("invitation-bin");
        match metadata.and_then(|value| value.to_bytes().ok()) {
            Some(bytes) if bytes[..] == [0, 7] => {}
            _ => return Err(Status::permission_denied("you are not invited")),
        }
        let reply = next.run(request).await;
        self.0.fetch_add(if reply.is_ok() { 1 } else { 100 }, Ordering::Relaxed);
        reply
    }
}

#[tokio::test]
async fn a_session_is_rejected_or_accompanied_to_its_end() {
    let invited = Arc::new(Invited(AtomicUsize::new(0)));
    let recording = Recording::default();
    let server = Server::builder().service(RecorderServer::new(recording.clone()));
    let address = serving(server.intercept(Arc::clone(&invited))).await;

    let stranger = Manager::builder().nodes([&address]).timeout(PATIENCE).build().unwrap();
    let mut chat = stranger.node(1).unwrap().chat();
    let next = tokio::time::timeout(PATIENCE, chat.next()).await.unwrap();
    let error = next.unwrap().unwrap_err();
    assert_eq!(error.failure().error.code(), Code::PermissionDenied, "{error}");
    assert_eq!(recording.sessions_ended(), 0);

    let guest = Manager::builder().nodes([&address]).timeout(PATIENCE);
    let guest = guest.intercept(|request: &mut OutgoingRequest<'_>| {
        let value = MetadataValue::from_bytes(&[0, 7]);
        request.metadata_mut().insert_bin("invitation-bin", value);
        Ok(())
    });
    let manager = guest.build().unwrap();
    for (first, ends) in [("count", 1), ("refuse", 101), ("panic", 201)] {
        let mut chat = manager.node(1).unwrap().chat();
        chat.send(text(first)).await.unwrap();
        chat.finish();
        while let Some(Ok(_)) = chat.next().await {}
        eventually("it ends", || invited.0.load(Ordering::Relaxed) == ends).await;
    }
}

#[tokio::test]
async fn calls_in_process_and_calls_back_pass_through_interceptors_of_both_sides() {
    let doorman = Doorman::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let peers = Manager::builder().node(1, &address).local(1).timeout(PATIENCE);
    let peers = peers.intercept(move |_: &mut OutgoingRequest<'_>| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    let peers = peers.build().unwrap();
    let server = Server::builder().service(RecorderServer::new(Recording::default()));
    let server = server.peers(&peers).intercept(doorman.clone());
    let clients = server.clients();
    tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
    assert_eq!(peers.node(1).unwrap().ask(with(1, "double")).await.unwrap().number, 2);
    assert_eq!(count.load(Ordering::Relaxed), 1);
    assert_eq!(doorman.lines(), ["> Ask 1", "< Ask 2"]);

    let (recording, of_client) = (Recording::default(), Doorman::default());
    let called = Intercepted::new(RecorderServer::new(recording.clone()), of_client.clone());
    let client = Manager::builder().nodes([&address]).service(called).timeout(PATIENCE);
    let client = client.build().unwrap();
    client.node(1).unwrap().ask(item(2)).await.unwrap();
    eventually("the client is known", || clients.len() == 1).await;
    let recorders = clients.configuration(Majority).unwrap();
    let recorders = recorders.intercept(|request: &mut OutgoingRequest<'_>| {
        let item: Item = request.message()?;
        request.set_message(&Item { number: item.number + 100, ..item });
        Ok(())
    });
    let mut request = Request::new(item(3));
    request.set_timeout(PATIENCE);
    assert_eq!(recorders.record(request).await.unwrap().number, 103);
    assert_eq!(of_client.lines(), ["> Record 103", "< Record 103"]);
    assert_eq!(recording.noted(), [103]);
}
