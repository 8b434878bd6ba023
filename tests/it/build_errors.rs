//! A manager or a configuration that can't be is refused by its constructor.

use quorum_runtime::{BuildError, ConfigurationError, Majority, Manager, Server};
use quorum_tests::Recording;
use quorum_tests::recorder::RecorderServer;

fn refusal(addresses: &[(u32, &str)]) -> String {
    let builder = addresses.iter().fold(Manager::builder(), |b, &(id, at)| b.node(id, at));
    builder.build().unwrap_err().to_string()
}

#[tokio::test]
async fn a_manager_without_nodes_has_no_configuration() {
    let manager = Manager::builder().build().unwrap();
    assert!(manager.nodes().is_empty());
    assert_eq!(manager.configuration(Majority).unwrap_err(), ConfigurationError::Empty);
}

#[tokio::test]
async fn an_id_or_an_address_that_is_there_twice() {
    assert_eq!(
        refusal(&[(1, "a:1"), (1, "b:1")]),
        "node id 1 is used twice, for `a:1` and for `b:1`"
    );
    assert_eq!(
        refusal(&[(1, "a:1"), (2, "a:1")]),
        "address `a:1` is used twice, for node 1 and for node 2"
    );
}

#[tokio::test]
async fn an_address_that_is_none() {
    let cases = [
        ("", "empty string"),
        ("localhost", "the port is missing"),
        ("127.0.0.1:0", "nothing listens on port 0"),
        ("127.0.0.1:99999", "the port is missing"),
        ("127.0.0.1:http", "the port is missing"),
        (":9001", "the host is missing"),
        ("me@host:9001", "a user name has no meaning here"),
        ("http://host:9001", "invalid uri character"),
        ("ho st:9001", "invalid uri character"),
    ];
    for (address, reason) in cases {
        let message = format!("`{address}` is no address of a node ({reason}): write `host:port`");
        assert_eq!(refusal(&[(1, address)]), message);
    }
    assert!(Manager::builder().nodes(["[::1]:9001", "example.test:9001"]).build().is_ok());
}

#[test]
fn a_manager_outside_of_a_runtime() {
    let refused = Manager::builder().nodes(["127.0.0.1:9001"]).build().unwrap_err();
    assert_eq!(refused, BuildError::NoRuntime);
}

#[tokio::test]
async fn a_configuration_without_members_or_with_strangers() {
    let manager = Manager::builder().nodes(["127.0.0.1:9001"]).build().unwrap();
    let configuration = manager.configuration(Majority).unwrap();
    let empty = configuration.with_members([0_u32; 0]).unwrap_err();
    assert_eq!(empty, ConfigurationError::Empty);
    let unknown = configuration.with_members([1, 2]).unwrap_err();
    assert_eq!(unknown.to_string(), "node 2 is no member of this configuration");
    assert_eq!(manager.node(3).unwrap_err(), ConfigurationError::UnknownNode(3.into()));
}

#[tokio::test]
async fn a_server_with_one_service_twice() {
    let service = || RecorderServer::new(Recording::default());
    let server = Server::builder().service(service()).service(service());
    let refusal = server.serve("127.0.0.1:0").await.unwrap_err().to_string();
    assert!(refusal.starts_with("method `recorder.Recorder."), "{refusal}");
    assert!(refusal.ends_with("` was added twice: add each service once"), "{refusal}");
}
