use std::cmp::{Ordering, Reverse};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::select_all;
use prost::Message;
use tokio::time::Instant;
use tonic::IntoRequest;

use crate::call::{
    ClientInterceptor, Context, Correctable, Gather, Hedge, Method, OneWay, PerNode, QuorumCall,
    Reserve, start,
};
use crate::error::{ConfigurationError, QuorumError};
use crate::link::Answer;
use crate::node::Node;
use crate::quorum::{Level, NodeId, NodeSet, QuorumSystem, Replies, Verdict};

/// A group of nodes that are called together, with the quorum functions that decide.
///
/// The **members** are the nodes over which quorums are counted; the **targets** are the members
/// that a call contacts, at first all of them. [`only`](Self::only), [`fastest`](Self::fastest) and
/// [`without_failed`](Self::without_failed) change the targets and never what a quorum is: a call
/// whose targets hold no quorum of the members fails at once. [`with_members`](Self::with_members)
/// is the one that changes what a quorum is.
///
/// `S` is the specification: it implements the generated `…QuorumSpec` of each service that is
/// called. The calls of a service come with its generated trait: with
/// `use register::RegisterConfiguration as _` in scope, `register.read(request)` calls all targets.
///
/// A configuration is a cheap value: a clone shares the specification and the connections.
/// Configurations of one manager may overlap, and share the connections of their nodes.
///
/// A group of nodes with quorum functions is what Gorums calls a configuration (Lea, Jehl and
/// Meling, 2017).
///
/// ```
/// use quorum_runtime::{Majority, Manager};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(5).await).build()?;
/// let five = manager.register(Majority)?;
/// five.write(State::new(1, "hello")).await?;
///
/// let some = five.only([1, 2, 3])?;
/// assert_eq!(some.targets().len(), 3);
/// assert_eq!(some.members().len(), 5); // a majority is still three of the five
///
/// let three = five.with_members([1, 2, 3])?;
/// assert_eq!(three.members().len(), 3); // a majority is two of these
/// assert_eq!(three.spec(), &Majority);
/// # Ok(())
/// # }
/// ```
pub struct Configuration<S> {
    members: Arc<NodeSet>,
    /// The nodes of the members, in the order in which the manager was given them.
    nodes: Arc<[Node]>,
    targets: Arc<[Node]>,
    spec: Arc<S>,
    /// How calls contact the targets that do not contact all of them at once.
    hedge: Option<Arc<Hedge>>,
    context: Arc<Context>,
}

impl<S> Configuration<S> {
    pub(crate) fn new(
        nodes: Arc<[Node]>,
        spec: Arc<S>,
        context: Arc<Context>,
    ) -> Result<Self, ConfigurationError> {
        if nodes.is_empty() {
            return Err(ConfigurationError::Empty);
        }
        let members = Arc::new(nodes.iter().map(Node::id).collect());
        Ok(Self { members, targets: Arc::clone(&nodes), nodes, spec, hedge: None, context })
    }

    /// The nodes over which quorums are counted.
    #[must_use]
    pub fn members(&self) -> &NodeSet {
        &self.members
    }

    /// The nodes that a call contacts, in the order in which it does. When it is
    /// [`thrifty`](Self::thrifty), those that it may contact.
    #[must_use]
    pub fn targets(&self) -> &[Node] {
        &self.targets
    }

    /// The quorum functions.
    #[must_use]
    pub fn spec(&self) -> &S {
        &self.spec
    }

    /// Contacts these members only, whichever were the targets before, in the order in which the
    /// manager was given them. What a quorum is stays the same.
    ///
    /// # Errors
    ///
    /// [`NoMember`](ConfigurationError::NoMember) when a node is named that is no member.
    ///
    /// # Examples
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager, QuorumErrorKind};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let register = Manager::builder().nodes(servers(5).await).build()?.register(Majority)?;
    /// register.only([1, 2, 3])?.write(State::new(1, "hello")).await?;
    ///
    /// let error = register.only([1, 2])?.read(()).await.unwrap_err();
    /// assert_eq!(error.kind(), &QuorumErrorKind::TargetsHoldNoQuorum);
    /// # Ok(())
    /// # }
    /// ```
    pub fn only<N: Into<NodeId>>(
        &self,
        targets: impl IntoIterator<Item = N>,
    ) -> Result<Self, ConfigurationError> {
        let targets = self.known(targets)?;
        Ok(self.with_targets(self.nodes.iter().filter(|node| targets.contains(node.id()))))
    }

    /// Contacts the `count` targets that answer fastest, the fastest first, or all when there are
    /// not that many. What a quorum is stays the same: contact a quorum at least.
    ///
    /// Ranked by [`Node::latency`] at this moment; a node that is not connected, or has not replied
    /// yet, comes after all others. To spend no message on nodes whose replies are not needed is
    /// what EPaxos calls thrifty (Moraru, Andersen and Kaminsky, 2013); the price is that one
    /// failure of a target ends the call.
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let register = Manager::builder().nodes(servers(5).await).build()?.register(Majority)?;
    /// register.read(()).all().await?; // now each node has a latency
    ///
    /// let three = register.fastest(Majority::size(5));
    /// assert!(three.targets().is_sorted_by_key(|node| node.latency()));
    /// three.write(State::new(1, "hello")).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn fastest(&self, count: usize) -> Self {
        let targets = self.ranked(|node| {
            let latency = node.latency();
            (latency.is_none(), latency)
        });
        self.with_targets(targets.iter().take(count))
    }

    /// Contacts the fastest targets that together are a quorum of this system first, and another
    /// one only when it is needed. What a quorum is stays the same, and the quorum function still
    /// decides: name the system that it asks for.
    ///
    /// Another target is contacted
    ///
    /// - at once, when one that was contacted fails;
    /// - for each that has not answered within the `hedge_delay`, and again after each further delay;
    /// - at once, when those contacted have answered and the call still waits.
    ///
    /// So a call ends as it would with all targets contacted: no quorum is out of reach as long as
    /// a target that was not contacted yet can complete one. Of a grid the fastest row and column
    /// are contacted; of [`All`](crate::All) everyone at once, as when the targets hold no quorum of
    /// the system.
    ///
    /// Targets are ranked anew for each call: those that are not connected come last, the others by
    /// [`Node::latency`]. A node that is not called is not measured, so its latency counts half for
    /// every ten seconds without a sample, and one that was never measured counts as fast. It is
    /// tried again when that makes it one of the fastest; if it is not, the call takes the delay
    /// longer.
    ///
    /// A good delay is one that few replies exceed, such as the 95th percentile of the latency: then
    /// a twentieth of the calls contact one node more, and a node that hangs costs a call that
    /// delay. To spend no message on nodes whose replies are not needed is what EPaxos calls thrifty
    /// (Moraru, Andersen and Kaminsky, 2013); a second request for one that is late is a hedged
    /// request (Dean and Barroso, The Tail at Scale, 2013).
    ///
    /// The first messages are on their queues before the call returns. The later ones are sent by
    /// whoever awaits the call, so a call that is not awaited contacts nobody else; and they stand
    /// behind those of calls that were made meanwhile. Where handlers must see the calls in their
    /// order at every node, await each before the next, or contact all.
    ///
    /// This is for calls that each node answers once. A multicast goes to all targets, because
    /// nobody would hear that one of them was late; so does a call whose nodes reply several times,
    /// because none of them is ever done.
    ///
    /// ```
    /// use std::time::Duration;
    /// use quorum_runtime::{Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let nodes = [nobody().to_owned(), hung().await].into_iter().chain(servers(3).await);
    /// let register = Manager::builder().nodes(nodes).build()?.register(Majority)?;
    /// let thrifty = register.thrifty(Majority, Duration::from_millis(20));
    /// // Asks the first three, node 4 in the place of node 1, and node 5 as node 2 is late.
    /// thrifty.read(()).await?;
    /// // By now it is known who is fast: asks nodes 3, 4 and 5, and nobody else.
    /// thrifty.read(()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn thrifty(
        &self,
        system: impl QuorumSystem + Send + Sync + 'static,
        hedge_delay: Duration,
    ) -> Self {
        let hedge = Hedge { system: Box::new(system), delay: hedge_delay };
        Self { hedge: Some(Arc::new(hedge)), ..self.clone() }
    }

    /// Contacts the targets but for those that failed in this way. What a quorum is stays the same.
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder().nodes(servers(2).await).node(3, nobody()).build()?;
    /// let register = manager.register(Majority)?;
    /// let error = register.read(()).all().await.unwrap_err();
    ///
    /// let rest = register.without_failed(&error);
    /// assert_eq!(rest.targets().len(), 2);
    /// rest.read(()).await?; // two of three are a majority
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn without_failed(&self, error: &QuorumError) -> Self {
        let failed: NodeSet = error.failures().iter().map(|failure| failure.node).collect();
        self.with_targets(self.targets.iter().filter(|node| !failed.contains(node.id())))
    }

    /// Contacts the same targets in another order. Those that are equal keep theirs.
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let register = Manager::builder().nodes(servers(3).await).build()?.register(Majority)?;
    /// let backwards = register.sort_by(|one, other| other.id().cmp(&one.id()));
    /// let ids = backwards.targets().iter().map(|node| node.id().get());
    /// assert_eq!(ids.collect::<Vec<_>>(), [3, 2, 1]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn sort_by(&self, compare: impl FnMut(&Node, &Node) -> Ordering) -> Self {
        let mut targets = self.targets.to_vec();
        targets.sort_by(compare);
        self.with_targets(&targets)
    }

    /// A configuration of these nodes of this one, with the same specification. All of them are its
    /// targets.
    ///
    /// This changes what a quorum is: a majority of the result is a majority of *its* members, and
    /// need not share a node with a majority of this configuration.
    ///
    /// # Errors
    ///
    /// [`Empty`](ConfigurationError::Empty) when no node is named,
    /// [`NoMember`](ConfigurationError::NoMember) when one is that is no member here.
    ///
    /// # Examples
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let register = Manager::builder().nodes(servers(5).await).build()?.register(Majority)?;
    /// register.with_members([1, 2])?.write(State::new(1, "hello")).await?;
    ///
    /// let others = register.with_members([3, 4, 5])?; // a majority of the five, and knows nothing
    /// assert_eq!(others.read(()).await?, State::default());
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_members<N: Into<NodeId>>(
        &self,
        members: impl IntoIterator<Item = N>,
    ) -> Result<Self, ConfigurationError> {
        let members = self.known(members)?;
        let nodes = self.nodes.iter().filter(|node| members.contains(node.id())).cloned().collect();
        let all = Self::new(nodes, Arc::clone(&self.spec), Arc::clone(&self.context))?;
        Ok(Self { hedge: self.hedge.clone(), ..all })
    }

    /// The targets with the lowest latency first, those that are not connected last. Those that are
    /// equal keep their order.
    fn ranked<L: Ord>(&self, latency: impl Fn(&Node) -> L) -> Vec<Node> {
        let mut targets = self.targets.to_vec();
        targets.sort_by_cached_key(|node| {
            (Reverse(node.connection_state().is_connected()), latency(node))
        });
        targets
    }

    /// The same configuration, whose calls pass through this interceptor: it sees and can change,
    /// delay or reject each request to each node and each reply. It is inside of the interceptors that
    /// the manager and this configuration have already.
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager, OutgoingRequest, QuorumErrorKind, Status};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let register = Manager::builder().nodes(servers(3).await).build()?.register(Majority)?;
    ///
    /// // A test of what the program does when two nodes are cut off.
    /// let cut_off = register.intercept(|request: &mut OutgoingRequest<'_>| {
    ///     let reached = request.node().id().get() == 1;
    ///     reached.then_some(()).ok_or_else(|| Status::unavailable("cut off"))
    /// });
    /// let error = cut_off.read(()).await.unwrap_err();
    /// assert_eq!(error.kind(), &QuorumErrorKind::NoQuorum);
    /// register.read(()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn intercept(&self, interceptor: impl ClientInterceptor) -> Self {
        Self { context: Arc::new(self.context.intercept(interceptor)), ..self.clone() }
    }

    /// Contacts the members that are connected at this moment.
    pub(crate) fn connected(&self) -> Self {
        let connected = |node: &&Node| node.connection_state().is_connected();
        self.with_targets(self.nodes.iter().filter(connected))
    }

    /// Waits until the targets whose queues have room for one more request hold a quorum of the
    /// members: one that hangs holds nobody up. Returns at once when all targets together hold none,
    /// which is what the call will say.
    ///
    /// Calls never wait by themselves. As with [`Node::ready`], another caller may take the room
    /// first.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait loses nothing; it holds no place in a line.
    ///
    /// # Examples
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let builder = Manager::builder().nodes(servers(2).await).node(3, hung().await);
    /// let manager = builder.queue_limits(10, 10_000).build()?;
    /// let register = manager.register(Majority)?;
    /// let hung = manager.node(3)?;
    /// let waiting: Vec<_> = (0..10).map(|_| hung.read(())).collect(); // node 3 is full
    /// for version in 1..=1000 {
    ///     register.ready(&Majority).await; // two of three are enough
    ///     drop(register.spread(State::new(version, "")));
    /// }
    /// register.ready(&Majority).await;
    /// assert_eq!(register.read(()).await?.version, 1000);
    /// # drop(waiting);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ready(&self, system: &impl QuorumSystem) {
        if !system.is_quorum(&self.members, &self.targets.iter().map(Node::id).collect()) {
            return;
        }
        loop {
            let (with_room, full): (Vec<_>, Vec<_>) =
                self.targets.iter().partition(|node| node.link().has_room());
            let with_room = with_room.into_iter().map(Node::id).collect();
            if full.is_empty() || system.is_quorum(&self.members, &with_room) {
                return;
            }
            let room = full.into_iter().map(|node| node.ready().boxed());
            select_all(room).await;
        }
    }

    fn known<N: Into<NodeId>>(
        &self,
        nodes: impl IntoIterator<Item = N>,
    ) -> Result<NodeSet, ConfigurationError> {
        let nodes: NodeSet = nodes.into_iter().collect();
        let unknown = nodes.iter().find(|&node| !self.members.contains(node));
        unknown.map_or(Ok(nodes), |unknown| Err(ConfigurationError::NoMember(unknown)))
    }

    fn with_targets<'a>(&self, targets: impl IntoIterator<Item = &'a Node>) -> Self {
        Self { targets: targets.into_iter().cloned().collect(), ..self.clone() }
    }
}

/// What generated code calls.
impl<S: Send + Sync + 'static> Configuration<S> {
    pub(crate) fn quorum_call<Q: Message, R, T>(
        &self,
        method: Method,
        request: impl IntoRequest<Q>,
        per_node: Option<PerNode<'_, Q>>,
        function: impl Fn(&S, &Q, &Replies<R>) -> Verdict<T> + Send + 'static,
    ) -> QuorumCall<Q, R, T> {
        let (request, gather) = self.start(method, request, per_node);
        let spec = Arc::clone(&self.spec);
        QuorumCall::new(request, Arc::clone(&self.members), gather, move |request, replies| {
            function(&spec, request, replies)
        })
    }

    pub(crate) fn correctable<Q: Message, R: Message + Default, T>(
        &self,
        method: Method,
        request: impl IntoRequest<Q>,
        per_node: Option<PerNode<'_, Q>>,
        function: impl Fn(&S, &Q, &Replies<R>) -> Verdict<Level<T>> + Send + 'static,
    ) -> Correctable<Q, R, T> {
        Correctable::new(self.quorum_call(method, request, per_node, function))
    }

    pub(crate) fn multicast<Q: Message>(
        &self,
        method: Method,
        request: impl IntoRequest<Q>,
        per_node: Option<PerNode<'_, Q>>,
    ) -> OneWay {
        OneWay::new(self.start(method, request, per_node).1)
    }

    fn start<Q: Message>(
        &self,
        method: Method,
        request: impl IntoRequest<Q>,
        per_node: Option<PerNode<'_, Q>>,
    ) -> (Q, Gather) {
        let (targets, reserve) = match &self.hedge {
            // Only what is answered once can be late, or have its answer.
            Some(hedge) if method.delivery.answer == Answer::Once => {
                let reserve = Reserve::new(Arc::clone(hedge), Arc::clone(&self.members));
                let now = Instant::now();
                (self.ranked(|node| node.link().hoped_latency(now)).into(), Some(reserve))
            }
            _ => (Arc::clone(&self.targets), None),
        };
        start(&self.context, targets, method, request.into_request(), per_node, reserve)
    }
}

impl<S> Clone for Configuration<S> {
    fn clone(&self) -> Self {
        Self {
            members: Arc::clone(&self.members),
            nodes: Arc::clone(&self.nodes),
            targets: Arc::clone(&self.targets),
            spec: Arc::clone(&self.spec),
            hedge: self.hedge.clone(),
            context: Arc::clone(&self.context),
        }
    }
}

impl<S> fmt::Debug for Configuration<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let targets: NodeSet = self.targets.iter().map(Node::id).collect();
        f.debug_struct("Configuration")
            .field("members", &self.members)
            .field("targets", &targets)
            .finish_non_exhaustive()
    }
}
