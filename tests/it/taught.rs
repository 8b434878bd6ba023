//! The examples in the documentation of generated items compile and run. A user's crate shows them
//! and does not test them.

use quorum_runtime::{Manager, Server};
use tokio::net::TcpListener;

mod services {
    quorum_runtime::include_proto!("taught");
}

#[allow(unused, reason = "examples show what there is, and use little of it")]
mod examples {
    use quorum_runtime::*;

    use super::services::*;

    include!(concat!(env!("OUT_DIR"), "/taught_examples.rs"));
}

async fn manager(server: impl Fn() -> Server) -> Manager {
    let mut addresses = Vec::new();
    for _ in 0..3 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(listener.local_addr().unwrap().to_string());
        tokio::spawn(server().serve_with_listener(listener, std::future::pending()));
    }
    Manager::builder().nodes(addresses).build().unwrap()
}

#[tokio::test]
async fn what_the_documentation_of_a_service_shows_works() {
    use examples::taught::{MyTaught, configuration, manager as build, node};

    let manager =
        manager(|| Server::builder().service(services::TaughtServer::new(MyTaught))).await;
    build(manager.clone()).await.unwrap();
    configuration(manager.clone()).await.unwrap();
    node(manager).await.unwrap();
}

#[tokio::test]
async fn so_does_what_it_shows_of_a_result_that_improves() {
    use examples::improving::{MyImproving, MySpec, configuration, node};
    use services::{ImprovingConfiguration as _, ImprovingManager as _};

    let manager =
        manager(|| Server::builder().service(services::ImprovingServer::new(MyImproving))).await;
    configuration(manager.clone()).await.unwrap();
    node(manager.clone()).await.unwrap();
    let improving = manager.improving(MySpec).unwrap();
    let mut levels =
        improving.improve(services::Key::default(), |request, _| Some(request.clone()));
    assert!(levels.level(1).await.unwrap().is_last, "a majority is the last level");
}

#[tokio::test]
async fn a_quorum_function_without_a_default_is_shown_unfinished() {
    use examples::counting::{MyCounting, configuration};

    let manager =
        manager(|| Server::builder().service(services::CountingServer::new(MyCounting))).await;
    let error = configuration(manager).await.unwrap_err();
    assert!(error.to_string().contains("3 of 3 nodes replied"), "{error}");
}
