mod partial;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures::Stream;
use http::{HeaderMap, StatusCode};
use http_body::Body as _;
use tonic::{Code, Status};

use self::partial::Partial;
use super::{Envelope, prefix};
use crate::transport::Body;

/// The messages of the other side of the stream, read from the body of its HTTP/2 request or
/// response.
///
/// Payloads are slices of what HTTP/2 has read. What is broken ends the messages with a status.
#[derive(Debug)]
pub(crate) struct Received {
    body: Body,
    from: Sender,
    /// The largest message that is taken.
    limit: usize,
    unread: Bytes,
    /// The beginning of a message that has not come as a whole.
    partial: Option<Partial>,
    ended: bool,
}

#[derive(Clone, Copy, Debug)]
enum Sender {
    Client,
    /// The status of its response says why, if nothing else does.
    Server(StatusCode),
}

impl Received {
    pub(super) const fn from_client(body: Body, limit: usize) -> Self {
        Self::new(body, Sender::Client, limit)
    }

    pub(super) const fn from_server(body: Body, status: StatusCode, limit: usize) -> Self {
        Self::new(body, Sender::Server(status), limit)
    }

    const fn new(body: Body, from: Sender, limit: usize) -> Self {
        Self { body, from, limit, unread: Bytes::new(), partial: None, ended: false }
    }

    /// The next message that has come as a whole.
    fn next_whole(&mut self) -> Result<Option<Envelope>, Status> {
        if let Some(partial) = &mut self.partial {
            if !partial.is_complete_with(&mut self.unread, self.limit)? {
                return Ok(None);
            }
            return self
                .partial
                .take()
                .map(|partial| partial.decode().map_err(undecodable))
                .transpose();
        }
        let Some(&prefix) = self.unread.first_chunk() else {
            return self.keep();
        };
        let end = prefix::LEN + prefix::read(prefix, self.limit)?;
        if end > self.unread.len() {
            return self.keep();
        }
        let message = Envelope::decode(&self.unread, prefix::LEN..end, Bytes::new());
        self.unread.advance(end);
        if self.unread.is_empty() {
            // It would keep what HTTP/2 has read.
            self.unread = Bytes::new();
        }
        message.map(Some).map_err(undecodable)
    }

    /// Keeps the beginning of a message until the rest comes.
    fn keep(&mut self) -> Result<Option<Envelope>, Status> {
        if !self.unread.is_empty() {
            self.partial.get_or_insert_default().is_complete_with(&mut self.unread, self.limit)?;
        }
        Ok(None)
    }

    /// How the messages end when there is nothing more to read: nothing, or why so early.
    fn end(&self, trailers: Option<&HeaderMap>) -> Option<Status> {
        if let Sender::Server(status) = self.from
            && let Some(status) = ended_with(trailers, status)
        {
            return Some(status);
        }
        self.partial.as_ref().map(|_cut| Status::internal("the last message is cut off"))
    }

    /// What an error of the body means.
    fn broken(&self, status: Status) -> Option<Status> {
        // A client may also end its side so.
        let is_end = matches!(self.from, Sender::Client) && status.code() == Code::Cancelled;
        (!is_end).then_some(status)
    }

    fn poll_message(&mut self, task: &mut Context<'_>) -> Poll<Result<Envelope, Option<Status>>> {
        loop {
            if let Some(message) = self.next_whole().map_err(Some)? {
                return Poll::Ready(Ok(message));
            }
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(task)) {
                Some(frame) => frame.map_err(|status| self.broken(status))?,
                None => return Poll::Ready(Err(self.end(None))),
            };
            match frame.into_data() {
                Ok(data) => self.unread = data,
                Err(frame) => return Poll::Ready(Err(self.end(frame.trailers_ref()))),
            }
        }
    }
}

impl Stream for Received {
    type Item = Result<Envelope, Status>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let received = self.get_mut();
        if received.ended {
            return Poll::Ready(None);
        }
        let ended = match ready!(received.poll_message(task)) {
            Ok(message) => return Poll::Ready(Some(Ok(message))),
            Err(ended) => ended,
        };
        received.ended = true;
        Poll::Ready(ended.map(Err))
    }
}

fn undecodable(error: super::Malformed) -> Status {
    Status::internal(format!("undecodable envelope: {error}"))
}

/// The status that the headers at the beginning or the end of a response tell, unless it is a success.
pub(super) fn told(headers: &HeaderMap) -> Option<Result<(), Status>> {
    // What details it has concern nobody, and tonic panics when they are no base64.
    let mut headers = headers.clone();
    headers.remove(DETAILS);
    let status = Status::from_header_map(&headers)?;
    Some(if status.code() == Code::Ok { Ok(()) } else { Err(status) })
}

const DETAILS: &str = "grpc-status-details-bin";

/// Why a response has ended, unless that is a success.
fn ended_with(trailers: Option<&HeaderMap>, status: StatusCode) -> Option<Status> {
    match trailers.and_then(told) {
        Some(told) => told.err(),
        None => {
            let text = format!("the stream ended without a gRPC status, HTTP says {status}");
            Some(Status::unknown(text))
        }
    }
}
