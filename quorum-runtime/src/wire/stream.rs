//! The ordered stream as a request and a response of HTTP/2.

use futures::Stream;
use http::header::{CONTENT_TYPE, HeaderValue, TE};
use http::{Method, Request, Response, Uri, Version};
use tonic::Status;
use tonic::metadata::{GRPC_CONTENT_TYPE, MetadataMap};

use super::received::{Received, told};
use super::sent::Sent;
use super::{Envelope, Hello, PATH};
use crate::transport::Body;

/// Opens a stream on which the client sends these messages.
pub(crate) fn request<S>(hello: Hello, messages: S) -> Request<Body>
where
    S: Stream<Item = Result<Envelope, Status>> + Send + Unpin + 'static,
{
    let mut request = Request::new(Body::new(Sent::by_client(messages)));
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = Uri::from_static(PATH);
    let headers = request.headers_mut();
    headers.extend(headers_of(hello));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(CONTENT_TYPE, GRPC_CONTENT_TYPE);
    request
}

/// The messages that the client sends on the stream that it opens.
pub(crate) fn requests(body: Body, limit: usize) -> Received {
    Received::from_client(body, limit)
}

/// Answers who opens a stream. The body is that of the server's [`Sent`] messages.
pub(crate) fn response(hello: Hello, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.extend(headers_of(hello));
    headers.insert(CONTENT_TYPE, GRPC_CONTENT_TYPE);
    response
}

/// What the server says of itself, and the messages that it sends on the stream, unless it refuses to
/// open one.
pub(crate) fn replies(response: Response<Body>, limit: usize) -> Result<(Hello, Received), Status> {
    let (parts, body) = response.into_parts();
    if let Some(told) = told(&parts.headers) {
        told?;
    }
    let hello = Hello::read(&MetadataMap::from_headers(parts.headers));
    Ok((hello, Received::from_server(body, parts.status, limit)))
}

fn headers_of(hello: Hello) -> http::HeaderMap {
    let mut metadata = MetadataMap::new();
    hello.write(&mut metadata);
    metadata.into_headers()
}
