//! Requests that are given up after a while, whatever the timeout of their manager is.

use std::time::Duration;

use quorum_runtime::Request;

pub(crate) fn within<M>(timeout: Duration, message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.set_timeout(timeout);
    request
}
