use std::io;
use std::time::Duration;

use http::Uri;
use http::uri::Authority;

use super::{Connection, Settings, Tasks};
use crate::error::{BuildError, ConnectionError};
use crate::surroundings;
use crate::transport::{Layers, boxed};

/// HTTP/2 windows, per stream and per connection. Fixed windows of this size did better than the
/// default of 64 KiB and than adaptive ones.
const WINDOW: u32 = 4 * 1024 * 1024;
/// The largest HTTP/2 frame that is accepted.
const FRAME: u32 = 1024 * 1024;
/// Where a node is, and how connections to it are made.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    transport: tonic::transport::Endpoint,
    layers: Layers,
    connect_timeout: Duration,
}

impl Endpoint {
    /// Opens a connection that pings the node so often.
    pub(super) async fn connect(&self, pings: Duration) -> Result<Connection, ConnectionError> {
        let transport = self.transport.clone().http2_keep_alive_interval(pings);
        // The transport's own limit does not cover the handshake of TLS.
        let connecting = tokio::time::timeout(self.connect_timeout, surroundings::dial(&transport));
        let connected = connecting.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut));
        let channel = connected.map_err(ConnectionError::new)?.map_err(ConnectionError::new)?;
        Ok(Connection::new(self.layers.around(boxed(channel))))
    }

    /// Runs what HTTP/2 does for a connection as tasks of these.
    pub(super) fn with_tasks(&self, tasks: &Tasks) -> Self {
        Self { transport: self.transport.clone().executor(tasks.clone()), ..self.clone() }
    }

    pub(super) fn uri(&self) -> &Uri {
        self.transport.uri()
    }
}

/// The endpoint of a node from the address that a user wrote, or what is wrong with the address or
/// with the TLS that it is to be reached by.
pub(crate) fn endpoint(address: &str, settings: &Settings) -> Result<Endpoint, BuildError> {
    let malformed = |reason| BuildError::Address { address: address.to_owned(), reason };
    let uri = uri(address, settings.tls.scheme()).map_err(malformed)?;
    let transport = tonic::transport::Endpoint::from(uri)
        .connect_timeout(settings.connect_timeout)
        .tcp_nodelay(true)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .keep_alive_timeout(settings.keep_alive_timeout)
        .keep_alive_while_idle(true);
    let transport = settings.tls.configure(transport, address)?;
    let (layers, connect_timeout) = (settings.layers.clone(), settings.connect_timeout);
    Ok(Endpoint { transport, layers, connect_timeout })
}

fn uri(address: &str, scheme: &str) -> Result<Uri, String> {
    let authority: Authority = address.parse().map_err(|error| format!("{error}"))?;
    if authority.as_str().contains('@') {
        return Err("a user name has no meaning here".to_owned());
    }
    if authority.host().is_empty() {
        return Err("the host is missing".to_owned());
    }
    match authority.port_u16() {
        Some(0) => return Err("nothing listens on port 0".to_owned()),
        Some(_) => {}
        None => return Err("the port is missing".to_owned()),
    }
    let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build();
    uri.map_err(|error| error.to_string())
}
