//! The ordered stream as bytes, for peers that do not keep to it.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::iter::Cycle;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::vec;

use bytes::{Buf as _, BufMut as _, Bytes};
use futures::{Stream, StreamExt as _, stream};
use http::uri::PathAndQuery;
use http_body_util::Full;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{NamedService, StreamingService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};

/// The path of the ordered stream.
pub const PATH: &str = "/stream.Gorums/NodeStream";

/// gRPC messages as they are.
#[derive(Clone, Copy, Debug)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;
    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;
    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// A connection to a server, for raw streams.
///
/// # Panics
///
/// When the server is not there.
pub async fn raw_channel(address: &str) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect().await.expect("the server is there")
}

/// Opens the ordered stream, as a peer that says whether it is `ours`.
///
/// # Panics
///
/// When the server does not open its side.
pub async fn raw_stream(
    channel: Channel,
    ours: bool,
    requests: impl Stream<Item = Bytes> + Send + 'static,
) -> Streaming<Bytes> {
    let mut client = Grpc::new(channel).max_decoding_message_size(usize::MAX);
    client.ready().await.expect("the server is there");
    let mut request = Request::new(requests);
    if ours {
        request.metadata_mut().insert("quorum-wire", "1".parse().expect("a value"));
    }
    let path = PathAndQuery::from_static(PATH);
    client.streaming(request, path, Raw).await.expect("a stream").into_inner()
}

/// A server that is given the requests of each client as bytes, and says bytes.
#[derive(Debug)]
pub struct RawServer {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

/// A small message does not wait for the last one to be acknowledged.
fn incoming(listener: TcpListener) -> TcpIncoming {
    TcpIncoming::from(listener).with_nodelay(Some(true))
}

/// What a raw server says to one client. An error ends the stream.
pub type Said = mpsc::Sender<Result<Bytes, Status>>;

impl RawServer {
    /// Starts on a free port. Each client's stream is handled by what `handle` returns; the server
    /// says that it is one of ours when `ours` says so.
    ///
    /// # Panics
    ///
    /// When the machine has no port left.
    pub async fn start<F>(
        ours: impl Fn() -> bool + Send + Sync + 'static,
        handle: impl Fn(Streaming<Bytes>, Said) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let handle = move |requests, said| Box::pin(handle(requests, said)) as Handled;
        let stream = RawNodeStream { ours: Arc::new(ours), handle: Arc::new(handle) };
        let serving = tonic::transport::Server::builder()
            .add_service(stream)
            .serve_with_incoming(incoming(listener));
        let serving = tokio::spawn(async move { serving.await.expect("it serves") });
        Self { address, serving }
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Answers requests for the ordered stream with these bodies, over and over.
#[derive(Clone, Debug)]
pub struct Bodies(Arc<Mutex<Cycle<vec::IntoIter<Bytes>>>>);

impl Bodies {
    /// Starts on a free port; returns `host:port`.
    ///
    /// # Panics
    ///
    /// When the machine has no port left.
    pub async fn start(bodies: Vec<Bytes>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let bodies = Self(Arc::new(Mutex::new(bodies.into_iter().cycle())));
        let server = tonic::transport::Server::builder().add_service(bodies);
        tokio::spawn(server.serve_with_incoming(incoming(listener)));
        address.to_string()
    }
}

impl NamedService for Bodies {
    const NAME: &'static str = "stream.Gorums";
}

impl tower_service::Service<http::Request<Body>> for Bodies {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner).next();
        let body = Body::new(Full::new(body.unwrap_or_default()));
        let response = http::Response::builder().header("content-type", "application/grpc");
        ready(Ok(response.body(body).expect("a response")))
    }
}

type Handled = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Clone)]
struct RawNodeStream {
    ours: Arc<dyn Fn() -> bool + Send + Sync>,
    handle: Arc<dyn Fn(Streaming<Bytes>, Said) -> Handled + Send + Sync>,
}

impl NamedService for RawNodeStream {
    const NAME: &'static str = "stream.Gorums";
}

impl tower_service::Service<http::Request<Body>> for RawNodeStream {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let open = self.clone();
        Box::pin(async move { Ok(tonic::server::Grpc::new(Raw).streaming(open, request).await) })
    }
}

impl StreamingService<Bytes> for RawNodeStream {
    type Response = Bytes;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let (say, mut said) = mpsc::channel(64);
        tokio::spawn((self.handle)(request.into_inner(), say));
        let mut response =
            Response::new(stream::poll_fn(move |task| said.poll_recv(task)).boxed() as _);
        if (self.ours)() {
            response.metadata_mut().insert("quorum-wire", "1".parse().expect("a value"));
        }
        ready(Ok(response))
    }
}
