use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::sync::mpsc;
use tonic::Status;
use tower::Service;

use super::host::Host;
use super::node_stream::NodeStream;
use crate::transport::Body;

/// Frames of a response that may wait for who asked for it.
const MAX_FRAMES: usize = 16;

/// A server as its own process calls its sessions: without a connection.
#[derive(Clone, Debug)]
pub(super) struct InProcess(NodeStream);

impl InProcess {
    pub(super) const fn new(host: Arc<Host>) -> Self {
        Self(NodeStream(host))
    }
}

impl Service<http::Request<Body>> for InProcess {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let response = self.0.call(request);
        Box::pin(async { Ok(response.await?.map(driven)) })
    }
}

/// The same body, which goes on while nobody asks for it: a connection would drive it as well.
fn driven(mut body: Body) -> Body {
    let (frames, driven) = mpsc::channel::<Result<Frame<Bytes>, Status>>(MAX_FRAMES);
    tokio::spawn(async move {
        loop {
            let frame = tokio::select! { biased;
                () = frames.closed() => return,
                frame = body.frame() => frame,
            };
            let Some(frame) = frame else {
                return;
            };
            // Who has gone needs no frame.
            let _ = frames.send(frame).await;
        }
    });
    let frames = stream::unfold(driven, async |mut driven| Some((driven.recv().await?, driven)));
    Body::new(StreamBody::new(frames))
}
