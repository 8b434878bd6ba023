use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use tonic::Status;

use super::{Connection, Endpoint, Tasks};
use crate::error::ConnectionError;
use crate::wire::{Envelope, Hello};

/// How a link reaches its node.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    /// Over the network.
    Dial(Arc<Endpoint>),
    /// The node is this process.
    InProcess(Arc<dyn Callee>),
    /// The node is a client, and is reached over the stream that it opened.
    Reversed,
}

impl Route {
    /// Runs what HTTP/2 does for a connection as tasks of these.
    pub(super) fn with_tasks(self, tasks: &Tasks) -> Self {
        match self {
            Self::Dial(endpoint) => Self::Dial(Arc::new(endpoint.with_tasks(tasks))),
            other => other,
        }
    }

    /// Where the node is; nothing where no network leads there.
    pub(super) fn address(&self) -> &str {
        match self {
            Self::Dial(endpoint) => endpoint.uri().authority().map_or("", |a| a.as_str()),
            Self::InProcess(_) | Self::Reversed => "",
        }
    }
}

/// What handles requests: the server of this process, or what a client serves to those it calls.
pub(crate) trait Callee: fmt::Debug + Send + Sync {
    /// Waits until requests can be handled.
    fn ready(&self) -> BoxFuture<'_, ()>;

    /// Leads to the sessions that it serves.
    fn connection(&self) -> Result<Connection, ConnectionError>;

    /// Handles the requests of one caller in order, one at a time.
    fn handle(
        &self,
        caller: Hello,
        requests: RequestStream,
    ) -> Result<Conversation, ConnectionError>;
}

pub(crate) type RequestStream = BoxStream<'static, Result<Envelope, Status>>;

/// What a callee says of itself, and its replies as they are ready.
pub(crate) struct Conversation {
    pub(crate) hello: Hello,
    pub(crate) replies: BoxStream<'static, Result<Envelope, Status>>,
}
