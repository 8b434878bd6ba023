use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{Stream, StreamExt as _};
use http::HeaderMap;
use http_body::{Body, Frame};
use tonic::{Code, Status};

use super::Envelope;

/// Bytes of messages that are gathered before they are handed to HTTP/2: what comes until then
/// leaves together, as long as nothing has to be waited for. Half of the largest frame.
const FULL: usize = 512 * 1024;

/// Payloads from this size on are not copied into the buffer. HTTP/2 writes each such piece by itself,
/// which costs more than to copy a smaller one.
const SHARED: usize = 128 * 1024;

/// Room for what gathers when nobody hurries.
const ROOM: usize = 16 * 1024;

/// The messages of one side of the stream, as the body of its HTTP/2 request or response.
///
/// What is ready is handed on in one piece. The bytes of a large payload are a piece of their own: they
/// are the ones that the message was made with, and shared by all nodes that it goes to.
#[derive(Debug)]
pub(crate) struct Sent<S> {
    messages: S,
    side: Side,
    buffer: BytesMut,
    /// What ends the last message in the buffer.
    payload: Bytes,
    end: End,
}

#[derive(Clone, Copy, Debug)]
enum Side {
    Client,
    /// It says with which status the stream ends.
    Server,
}

/// The end of the messages.
#[derive(Debug)]
enum End {
    Ahead,
    Reached(Result<(), Status>),
    Told,
}

impl<S> Sent<S> {
    pub(super) fn by_client(messages: S) -> Self {
        Self::by(Side::Client, messages)
    }

    pub(crate) fn by_server(messages: S) -> Self {
        Self::by(Side::Server, messages)
    }

    fn by(side: Side, messages: S) -> Self {
        let (buffer, payload) = (BytesMut::with_capacity(ROOM), Bytes::new());
        Self { messages, side, buffer, payload, end: End::Ahead }
    }
}

impl<S: Stream<Item = Result<Envelope, Status>> + Unpin> Body for Sent<S> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let sent = self.get_mut();
        if !sent.payload.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut sent.payload)))));
        }
        let gathered = sent.gather(task);
        if !sent.buffer.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(sent.buffer.split().freeze()))));
        }
        ready!(gathered);
        Poll::Ready(sent.end())
    }
}

impl<S: Stream<Item = Result<Envelope, Status>> + Unpin> Sent<S> {
    /// Writes the messages that are ready to the buffer, until that is full, a large payload is to
    /// follow, or the last message was written.
    fn gather(&mut self, task: &mut Context<'_>) -> Poll<()> {
        while let End::Ahead = self.end {
            match ready!(self.messages.poll_next_unpin(task)) {
                Some(Ok(message)) => self.write(message),
                Some(Err(status)) => self.end = End::Reached(Err(status)),
                None => self.end = End::Reached(Ok(())),
            }
            if self.buffer.len() >= FULL || !self.payload.is_empty() {
                break;
            }
        }
        Poll::Ready(())
    }

    #[inline]
    fn write(&mut self, message: Envelope) {
        message.write_up_to_payload(&mut self.buffer);
        if message.payload.is_empty() {
            // Nothing to copy.
        } else if message.payload.len() < SHARED {
            self.buffer.put_slice(&message.payload);
        } else {
            self.payload = message.payload;
        }
    }

    /// What comes behind the last message.
    fn end(&mut self) -> Option<Result<Frame<Bytes>, Status>> {
        let End::Reached(outcome) = std::mem::replace(&mut self.end, End::Told) else {
            return None;
        };
        match self.side {
            Side::Client => outcome.err().map(Err),
            Side::Server => Some(Ok(trailers(&outcome.err().unwrap_or_else(|| Status::ok(""))))),
        }
    }
}

/// What ends the body of a response with a status.
pub(crate) fn trailers(status: &Status) -> Frame<Bytes> {
    let mut headers = HeaderMap::new();
    if status.add_header(&mut headers).is_err() {
        headers.clear();
        headers.insert(Status::GRPC_STATUS, (Code::Internal as i32).into());
    }
    Frame::trailers(headers)
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http_body_util::BodyExt as _;

    use super::*;

    fn message(sequence: u64, payload: impl Into<Bytes>) -> Result<Envelope, Status> {
        Ok(Envelope { sequence, payload: payload.into(), ..Envelope::default() })
    }

    type Messages = Vec<Result<Envelope, Status>>;

    async fn frame(sent: &mut (impl Body<Data = Bytes, Error = Status> + Unpin)) -> Bytes {
        sent.frame().await.unwrap().unwrap().into_data().unwrap()
    }

    fn sent(messages: Messages) -> Sent<impl Stream<Item = Result<Envelope, Status>> + Unpin> {
        Sent::by_server(stream::iter(messages))
    }

    #[tokio::test]
    async fn what_is_ready_leaves_together() {
        let mut sent = sent(vec![message(1, ""), message(2, "x")]);
        let bytes = b"\0\0\0\0\x02\x08\x01\0\0\0\0\x05\x08\x02\x2a\x01x";
        assert_eq!(frame(&mut sent).await, &bytes[..]);
        let trailers = sent.frame().await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(trailers["grpc-status"], "0");
        assert!(sent.frame().await.is_none());
    }

    #[tokio::test]
    async fn what_is_ready_does_not_wait_for_what_is_not() {
        let messages = stream::iter([message(1, "")]).chain(stream::pending());
        assert_eq!(frame(&mut Sent::by_client(messages)).await.len(), 7);
    }

    #[tokio::test]
    async fn a_large_payload_is_not_copied() {
        let payload = Bytes::from(vec![7; SHARED]);
        let mut sent = sent(vec![message(1, "x"), message(2, payload.clone()), message(3, "")]);
        assert_eq!(frame(&mut sent).await.len(), 10 + 11, "the beginning of the second as well");
        assert_eq!(frame(&mut sent).await.as_ptr(), payload.as_ptr());
        assert_eq!(frame(&mut sent).await.len(), 7);
    }

    #[tokio::test]
    async fn a_flood_leaves_in_pieces() {
        let mut sent = sent((0..100_000).map(|sequence| message(sequence, "x")).collect());
        let first = frame(&mut sent).await;
        assert!((FULL..FULL + 100).contains(&first.len()), "{}", first.len());
    }

    #[tokio::test]
    async fn a_status_ends_the_stream_behind_the_messages() {
        let mut sent = sent(vec![message(1, ""), Err(Status::aborted("why")), message(2, "")]);
        assert_eq!(frame(&mut sent).await.len(), 7);
        let trailers = sent.frame().await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(
            (&trailers["grpc-status"], &trailers["grpc-message"]),
            (&"10".parse().unwrap(), &"why".parse().unwrap())
        );
        assert!(sent.frame().await.is_none());
    }
}
