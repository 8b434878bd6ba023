use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use super::ConnectionState;
use crate::quorum::NodeId;

/// Events that wait for one reader. Beyond, it loses the oldest.
const MAX_UNREAD: usize = 1024;

/// The connection to a node has changed.
///
/// ```
/// use quorum_runtime::{ConnectionEvent, Majority, Manager};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(1).await).build()?;
/// let mut events = manager.events();
/// manager.ready(&Majority).await?;
///
/// let event: ConnectionEvent = events.next().await.expect("the manager lives")?;
/// assert_eq!(event.node.get(), 1);
/// assert_eq!(event.to_string(), "node 1: connecting");
/// assert!(events.next().await.expect("the manager lives")?.state.is_connected());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionEvent {
    /// The node.
    pub node: NodeId,
    /// How its connection has stood since then.
    pub state: ConnectionState,
}

impl fmt::Display for ConnectionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}: {}", self.node, self.state)
    }
}

/// This many events were not read in time, and are lost.
///
/// The states themselves are not: [`Node::connection_state`](crate::Node::connection_state) tells
/// where each node stands now.
///
/// ```
/// use quorum_runtime::Missed;
///
/// assert_eq!(Missed { events: 3 }.to_string(), "3 connection events were not read in time");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{events} connection events were not read in time")]
pub struct Missed {
    /// Their number.
    pub events: u64,
}

/// What happens to the connections of a manager, from the moment this was made by
/// [`Manager::events`](crate::Manager::events).
///
/// A [`Stream`], with a [`next`](Self::next) of its own. Nobody waits for its reader: one that falls
/// behind by more than 1,024 events loses the oldest, and is told how many. The events of one node
/// come in their order.
pub struct ConnectionEvents(BoxStream<'static, Result<ConnectionEvent, Missed>>);

impl ConnectionEvents {
    fn new(events: broadcast::Receiver<ConnectionEvent>) -> Self {
        let next = async |mut events: broadcast::Receiver<ConnectionEvent>| {
            let event = match events.recv().await {
                Ok(event) => Ok(event),
                Err(RecvError::Lagged(events)) => Err(Missed { events }),
                Err(RecvError::Closed) => return None,
            };
            Some((event, events))
        };
        Self(stream::unfold(events, next).boxed())
    }

    /// The next event; `None` when the manager is closed, or gone with everything that held its
    /// nodes.
    ///
    /// # Errors
    ///
    /// [`Missed`] in place of events that were not read in time. The next ones follow.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Option<Result<ConnectionEvent, Missed>> {
        self.0.next().await
    }
}

impl Stream for ConnectionEvents {
    type Item = Result<ConnectionEvent, Missed>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(task)
    }
}

impl fmt::Debug for ConnectionEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionEvents").finish_non_exhaustive()
    }
}

/// Where the links of one manager tell what becomes of their connections.
#[derive(Debug, Default)]
pub(crate) struct News {
    events: Mutex<Events>,
    /// Something has changed: a connection, the nodes, or that the manager is open.
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
enum Events {
    /// Nobody has asked for events yet, so they cost nothing.
    #[default]
    Unread,
    Read(broadcast::Sender<ConnectionEvent>),
    Ended,
}

impl News {
    pub(super) fn tell(&self, node: NodeId, state: ConnectionState) {
        let readers = match &*self.lock() {
            Events::Read(readers) => Some(readers.clone()),
            Events::Unread | Events::Ended => None,
        };
        if let Some(readers) = readers {
            // That nobody reads any more is no error.
            let _ = readers.send(ConnectionEvent { node, state });
        }
        self.changed();
    }

    /// Wakes who waits for a change.
    pub(crate) fn changed(&self) {
        self.changes.send_replace(());
    }

    /// Tells of changes from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    pub(crate) fn events(&self) -> ConnectionEvents {
        let mut events = self.lock();
        ConnectionEvents::new(match &*events {
            Events::Read(readers) => readers.subscribe(),
            Events::Unread => {
                let (readers, reader) = broadcast::channel(MAX_UNREAD);
                *events = Events::Read(readers);
                reader
            }
            Events::Ended => broadcast::channel(1).1,
        })
    }

    /// Nothing more will happen.
    pub(crate) fn end(&self) {
        let readers = std::mem::replace(&mut *self.lock(), Events::Ended);
        // With the lock released: it wakes the readers.
        drop(readers);
    }

    fn lock(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
