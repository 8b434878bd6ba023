use std::time::Duration;

use http::Uri;
use http::uri::Authority;
use tonic::transport::Endpoint;

use super::Settings;

/// HTTP/2 windows, per stream and per connection. Fixed windows of this size did better than the
/// default of 64 KiB and than adaptive ones.
const WINDOW: u32 = 4 * 1024 * 1024;
/// The largest HTTP/2 frame that is accepted.
const FRAME: u32 = 1024 * 1024;
/// How often an HTTP/2 ping asks whether the node is still there, also while nothing is sent.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long the node may take to answer a ping before its connection counts as dead.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The endpoint of a node from the address that a user wrote, or what is wrong with the address.
pub(crate) fn endpoint(address: &str, settings: &Settings) -> Result<Endpoint, String> {
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
    let uri = Uri::builder().scheme("http").authority(authority).path_and_query("/").build();
    let endpoint = Endpoint::from(uri.map_err(|error| error.to_string())?)
        .connect_timeout(settings.connect_timeout)
        .tcp_nodelay(true)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true);
    Ok(endpoint)
}
