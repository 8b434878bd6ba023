use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tonic::Code;

use crate::error::{ConnectionError, NodeError};
use crate::quorum::NodeId;

/// Something that happened to a call, a message, a handler or a connection.
///
/// Reads as one line.
///
/// # Which process, which message
///
/// [`at`](Self::at) is who saw it, [`peer`](Self::peer) the other end. Processes tell each other their
/// incarnations, so one is the same in the events of all observers; the client learns that of a node
/// with [`Greeted`](EventKind::Greeted). A [`Sent`](EventKind::Sent) at one process and a
/// [`Received`](EventKind::Received) at another are the same message when the processes are each other's
/// `at` and `peer`, and the [`Message`] and the [`sequence`](Self::sequence) are the same. All
/// messages of one call have one sequence number, which the caller gave: that of a client counts from
/// 1, and that of a server which calls its client back has bit 63 set. When there are several such
/// messages, they are received in the order in which they were sent. The last of those with a
/// [`Disconnected`](EventKind::Disconnected) between them and the next may be lost.
///
/// ```
/// use std::sync::Arc;
/// use quorum_runtime::{EventKind, EventLog, Manager, Message, Server};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let [client, node] = [(); 2].map(|()| Arc::new(EventLog::new(100)));
/// let server = Server::builder().service(RegisterServer::new(Replica::new()));
/// let address = serving(server.incarnation(7).observer(Arc::clone(&node))).await;
/// let manager = Manager::builder().nodes([address]).observer(Arc::clone(&client)).build()?;
/// manager.node(1)?.read(()).await?;
///
/// let reply = |kind: &EventKind| {
///     matches!(kind, EventKind::Sent(Message::Reply) | EventKind::Received(Message::Reply))
/// };
/// let sent = node.events().into_iter().find(|event| reply(&event.kind)).expect("sent");
/// let received = client.events().into_iter().find(|event| reply(&event.kind)).expect("received");
/// assert_eq!(received.sequence, sent.sequence);
/// assert_eq!(received.at.incarnation, sent.peer.unwrap().incarnation);
/// assert_eq!(received.peer.unwrap().incarnation, Some(7));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// When, by tokio's clock, which a test can stop and move.
    pub time: Instant,
    /// The process that saw it.
    pub at: Process,
    /// The process at the other end; `None` where the event is one of a whole call.
    pub peer: Option<Process>,
    /// The method, as `package.Service.Method`; empty where the event is one of a connection, and
    /// where a message does not tell and nobody waits for it.
    pub method: Cow<'static, str>,
    /// The number of the call at the process that makes it; 0 where the event is one of a connection.
    pub sequence: u64,
    /// How many messages wait for the connection to the peer, where the event is one of their queue.
    pub waiting: Option<usize>,
    /// What happened.
    pub kind: EventKind,
    /// The application's message, encoded, with what was [`Sent`](EventKind::Sent) and
    /// [`Received`](EventKind::Received); empty where the observer does not
    /// [ask for it](crate::Observer::wants_content).
    pub content: Bytes,
}

impl Event {
    /// An event that the runtime does not tell: what a program, or what tests it, has to say of a
    /// process. It is one of no call and of no other process; set those fields where it is.
    ///
    /// ```
    /// use quorum_runtime::{Event, EventKind, Process};
    ///
    /// let event = Event::new(Process::node(3), EventKind::Noted("became the leader".into()));
    /// assert_eq!(event.to_string(), "node 3: noted: became the leader");
    /// ```
    #[must_use]
    pub fn new(at: Process, kind: EventKind) -> Self {
        let (method, content) = (Cow::Borrowed(""), Bytes::new());
        let time = Instant::now();
        Self { time, at, peer: None, method, sequence: 0, waiting: None, kind, content }
    }
}

/// One run of a process, as far as it is known.
///
/// ```
/// use std::sync::Arc;
/// use quorum_runtime::{EventLog, Manager};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let log = Arc::new(EventLog::new(10));
/// let manager = Manager::builder().node(7, nobody()).incarnation(255).observer(Arc::clone(&log));
/// manager.build()?.node(7)?.read(()).await.unwrap_err();
/// let queued = &log.events()[1];
/// assert_eq!(queued.at.to_string(), "process 00000000000000ff");
/// assert_eq!(queued.peer.unwrap().to_string(), "node 7");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Process {
    /// Its id, if it is a node, or a client to which the server gave one.
    pub node: Option<NodeId>,
    /// What tells one run of the process from the next, once that is known: see
    /// [`Node::incarnation`](crate::Node::incarnation).
    pub incarnation: Option<u64>,
}

impl Process {
    /// A node, whichever run of it.
    #[must_use]
    pub fn node(id: impl Into<NodeId>) -> Self {
        Self { node: Some(id.into()), incarnation: None }
    }

    /// One run of a process that need not be a node.
    #[must_use]
    pub const fn run(incarnation: u64) -> Self {
        Self { node: None, incarnation: Some(incarnation) }
    }
}

/// What happened. The names in brackets are those of [`name`](Self::name).
///
/// An event of one request is told where it happens, so a whole call is the events of several
/// processes with one sequence number. Every `Called` is followed by one `Ended`; a node's part of it
/// ends with its reply or with one `Failed`. After `Ended` the parts of other nodes may go on.
///
/// Sessions, and requests that come as plain gRPC, are not told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// A call was made (`called`).
    Called {
        /// How many nodes it may contact.
        targets: usize,
    },
    /// A request was put on the queue to the peer (`queued`).
    Queued,
    /// A message was handed to the connection (`sent`).
    Sent(Message),
    /// A message came (`received`).
    Received(Message),
    /// The peer's part of the call ended without a reply, or with an error in its place (`failed`).
    Failed(NodeError),
    /// The call was decided, or nobody waits for it any more (`ended`).
    Ended {
        /// How.
        outcome: CallOutcome,
        /// The time since it was made.
        elapsed: Duration,
    },
    /// The handler of a request begins (`handler_begun`).
    HandlerBegun,
    /// The handler has given up its turn, and goes on (`handler_released`).
    HandlerReleased,
    /// The handler has returned, whatever it has to say (`handler_ended`).
    HandlerEnded {
        /// The time since it began.
        elapsed: Duration,
    },
    /// The handler was dropped where it waited (`handler_stopped`).
    HandlerStopped {
        /// The time since it began.
        elapsed: Duration,
    },
    /// A connection to the peer is being opened (`connecting`).
    Connecting,
    /// The connection is open (`connected`).
    Connected {
        /// The number of the connection among those to the peer, from 1.
        number: u64,
    },
    /// The peer has said who it is, on this connection (`greeted`). A node that hangs does not, and
    /// one of Gorums does so with its first reply.
    Greeted,
    /// The connection ended, or could not be opened (`disconnected`).
    Disconnected(ConnectionError),
    /// A caller has opened its stream to this process (`caller_came`).
    CallerCame,
    /// The stream of a caller has ended (`caller_went`).
    CallerWent,
    /// The process runs (`started`). Told by a simulation.
    Started,
    /// The process was killed (`crashed`). Told by a simulation.
    Crashed,
    /// Something was done to the process or to the network (`faulted`). Told by a simulation.
    Faulted(Cow<'static, str>),
    /// What a program says of itself (`noted`).
    Noted(Cow<'static, str>),
}

/// What a message is. The names in brackets are those of [`name`](Self::name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Message {
    /// The request of a call, in either direction (`request`).
    Request,
    /// A reply to it; to some calls there are several (`reply`).
    Reply,
    /// A status in the place of a reply (`error`).
    Error(Code),
    /// The word that there will be no more replies, where there may be several (`end`).
    End,
    /// The word that nobody wants the reply any more (`cancel`).
    Cancel,
}

/// How a call ended. The names in brackets are those of [`name`](Self::name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CallOutcome {
    /// With a result: a reply, a quorum, a last level, or the word that a message was sent
    /// (`done`).
    Done,
    /// No quorum could come any more, or none could from the start (`no_quorum`).
    NoQuorum,
    /// The quorum function failed it, or the one node that was called did (`failed`).
    Failed,
    /// Its time was over (`deadline`).
    Deadline,
    /// The caller cancelled it (`cancelled`).
    Cancelled,
    /// The caller dropped it before it was decided, as is usual for one-way messages (`dropped`).
    Dropped,
}

impl EventKind {
    /// Whether the length of the queue to the peer belongs to it.
    pub(super) const fn is_of_queue(&self) -> bool {
        matches!(self, Self::Queued | Self::Sent(_) | Self::Disconnected(_))
    }

    /// What was done to the process, or what it says of itself.
    pub(super) fn note(&self) -> Option<&dyn fmt::Display> {
        match self {
            Self::Faulted(text) | Self::Noted(text) => Some(text),
            _ => None,
        }
    }

    /// What went wrong.
    pub(super) fn error(&self) -> Option<&dyn fmt::Display> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Disconnected(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, peer, method, sequence, kind, .. } = self;
        write!(f, "{at}: {kind}")?;
        if let Some(peer) = peer {
            write!(f, " {} {peer}", kind.preposition())?;
        }
        if *sequence != 0 {
            write!(f, " #{sequence} {method}")?;
        }
        match kind.error().or_else(|| kind.note()) {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.node, self.incarnation) {
            (Some(node), _) => write!(f, "node {node}"),
            (None, Some(incarnation)) => write!(f, "process {incarnation:016x}"),
            (None, None) => f.write_str("unknown process"),
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Sent(message) | Self::Received(message) => write!(f, " {}", message.name()),
            Self::Ended { outcome, .. } => write!(f, " {}", outcome.name()),
            _ => Ok(()),
        }
    }
}
