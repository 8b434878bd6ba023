//! What a process takes of the world around it without being told: in a simulation that is another.

#[cfg(feature = "sim")]
use std::io;

#[cfg(feature = "sim")]
use tokio::net::ToSocketAddrs;
use tonic::transport::{Channel, Endpoint};

use crate::observe::Scope;

/// The generator of who was given no seed.
pub(crate) fn generator() -> fastrand::Rng {
    #[cfg(feature = "sim")]
    if let Some(here) = crate::sim::here() {
        return here.random();
    }
    fastrand::Rng::new()
}

/// The observer that was asked for, and in a simulation that of the simulation too. What it sees is
/// what the process of this incarnation does.
pub(crate) fn observed(scope: Scope, incarnation: u64) -> Scope {
    #[cfg(feature = "sim")]
    if let Some(here) = crate::sim::here() {
        here.is_run(incarnation);
        if let Some(recorder) = here.recorder() {
            return scope.and(recorder);
        }
    }
    let _ = incarnation;
    scope
}

/// Opens a connection of HTTP/2.
pub(crate) async fn dial(endpoint: &Endpoint) -> Result<Channel, tonic::transport::Error> {
    #[cfg(feature = "sim")]
    if let Some(here) = crate::sim::here() {
        let connector = tower::service_fn(move |uri: http::Uri| {
            let here = here.clone();
            async move {
                let port = uri.port_u16().unwrap_or_default();
                let connection = here.connect(uri.host().unwrap_or_default(), port).await;
                connection.map(hyper_util::rt::TokioIo::new)
            }
        });
        return endpoint.connect_with_connector(connector).await;
    }
    endpoint.connect().await
}

/// The port of an address to listen on, in a simulation; the simulated machine has no other address.
#[cfg(feature = "sim")]
pub(crate) async fn port(address: impl ToSocketAddrs) -> io::Result<u16> {
    let address = tokio::net::lookup_host(address).await?.next();
    Ok(address.map_or(0, |address| address.port()))
}
