//! The terminals of a quorum call: the ways to get something else out of it than its specification
//! says.

use prost::Message;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::{Correctable, QuorumCall, QuorumFuture, ReplyStream};
use crate::quorum::{All, Any, Level, Majority, NodeId, QuorumSystem, Replies, Threshold, Verdict};

impl<Q, R, T> QuorumCall<Q, R, T> {
    /// Passes each reply through this function before anything else of the call sees it. It is given
    /// the node, its reply and the metadata that came with it, and gives the reply to go on with, or
    /// a status: then the outcome of the node is
    /// [`NodeError::ReplyRejected`](crate::NodeError::ReplyRejected), and it counts towards no quorum.
    ///
    /// Protocols that tolerate Byzantine nodes verify signatures here (Malkhi and Reiter: Byzantine
    /// Quorum Systems, 1998). What is to be done to all calls is a
    /// [`ClientInterceptor`](crate::ClientInterceptor), which is not typed.
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager, Status};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder().nodes(servers(3).await).build()?;
    /// manager.node(2)?.write(State::new(99, "mine")).await?;
    /// let read = manager.register(Majority)?.read(()).map_replies(|_node, state, _metadata| {
    ///     let is_known = state.version < 10;
    ///     is_known.then_some(state).ok_or_else(|| Status::out_of_range("nobody has written that"))
    /// });
    /// let error = read.all().await.unwrap_err();
    /// assert_eq!(error.failures()[0].node.get(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_replies(
        mut self,
        map: impl FnMut(NodeId, R, &MetadataMap) -> Result<R, Status> + Send + 'static,
    ) -> Self
    where
        R: Message + Default,
    {
        self.decoder.add(map);
        self
    }

    /// Waits until this function decides. It is given the request and the replies so far.
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let register = Manager::builder().nodes(servers(3).await).build()?.register(Majority)?;
    /// register.only([1, 2])?.write(State::new(7, "hello")).await?;
    ///
    /// let versions = register.read(()).decide(|_, replies| {
    ///     let versions = replies.values().map(|state| state.version);
    ///     (replies.len() == 3).then(|| versions.max()).into() // `Some` decides, `None` waits
    /// });
    /// assert_eq!(versions.await?, Some(7));
    /// # Ok(())
    /// # }
    /// ```
    pub fn decide<U>(
        self,
        function: impl Fn(&Q, &Replies<R>) -> Verdict<U> + Send + 'static,
    ) -> QuorumFuture<Q, R, U>
    where
        R: Message + Default,
    {
        QuorumFuture(self.with_function(function))
    }

    /// Waits until the nodes that have replied are a quorum of this system; the reply that came
    /// first is the result.
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager, Weighted};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let nodes = [servers(1).await.remove(0), nobody().to_owned(), hung().await];
    /// let register = Manager::builder().nodes(nodes).build()?.register(Majority)?;
    /// let system = Weighted::new([(1, 3), (2, 1), (3, 1)]);
    /// register.read(()).quorum(system).await?; // node 1 has more than half of the weight
    /// # Ok(())
    /// # }
    /// ```
    pub fn quorum(self, system: impl QuorumSystem + Send + 'static) -> QuorumFuture<Q, R, R>
    where
        R: Message + Default + Clone,
    {
        self.decide(move |_, replies| replies.first_of(&system))
    }

    /// Waits for a majority of the members; the reply that came first is the result.
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder().nodes(servers(2).await).node(3, hung().await).build()?;
    /// let register = manager.register(Majority)?;
    /// register.read(()).majority().await?; // two of three
    /// # Ok(())
    /// # }
    /// ```
    pub fn majority(self) -> QuorumFuture<Q, R, R>
    where
        R: Message + Default + Clone,
    {
        self.quorum(Majority)
    }

    /// Waits for the first reply of any member.
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder().nodes(servers(1).await).node(2, nobody()).build()?;
    /// let register = manager.register(Majority)?;
    /// register.read(()).first().await?;
    /// register.read(()).await.unwrap_err(); // one of two is no majority
    /// # Ok(())
    /// # }
    /// ```
    pub fn first(self) -> QuorumFuture<Q, R, R>
    where
        R: Message + Default + Clone,
    {
        self.quorum(Any)
    }

    /// Waits for the replies of this many members; the one that came first is the result. With a
    /// `count` of 0 it still waits for one.
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder().nodes(servers(3).await).node(4, nobody()).build()?;
    /// let register = manager.register(Majority)?;
    /// register.write(State::new(1, "hello")).threshold(3).await?;
    /// // Any two meet any three of the four.
    /// assert_eq!(register.read(()).threshold(2).await?.text, "hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn threshold(self, count: usize) -> QuorumFuture<Q, R, R>
    where
        R: Message + Default + Clone,
    {
        self.quorum(Threshold(count))
    }

    /// Waits for the replies of all members; the one that came first is the result. The first
    /// failure ends the call.
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder().nodes(servers(2).await).node(3, nobody()).build()?;
    /// let error = manager.register(Majority)?.read(()).all().await.unwrap_err();
    /// assert_eq!(error.failures()[0].node.get(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn all(self) -> QuorumFuture<Q, R, R>
    where
        R: Message + Default + Clone,
    {
        self.quorum(All)
    }

    /// All replies and failures as they come, each tied to its node, and no decision. A thrifty call
    /// contacts one node after the other as more are asked for.
    ///
    /// ```
    /// use futures::StreamExt as _;
    /// use quorum_runtime::{Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let register = Manager::builder().nodes(servers(3).await).build()?.register(Majority)?;
    /// let replies = register.read(()).replies();
    /// assert_eq!(replies.count().await, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn replies(self) -> ReplyStream<R> {
        ReplyStream::new(self.gather, self.decoder)
    }

    /// Levels of one result that improves: level k is the k-th reply, as it comes. The reply of the
    /// last of the nodes to be contacted is final, so one that fails makes the last level an
    /// error.
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let register = Manager::builder().nodes(servers(3).await).build()?.register(Majority)?;
    /// let mut call = register.read(()).correctable();
    /// let first = call.next().await.expect("a first level")?;
    /// assert_eq!((first.number, first.is_last), (1, false));
    /// assert!(call.level(3).await?.is_last);
    /// # Ok(())
    /// # }
    /// ```
    pub fn correctable(self) -> Correctable<Q, R, R>
    where
        R: Message + Default + Clone,
    {
        let targets = self.targets;
        self.levels(move |_, replies| {
            let number = replies.len();
            let level = replies.values().last().map(|reply| {
                let level = Level::new(u32::try_from(number).unwrap_or(u32::MAX), reply.clone());
                if number == targets { level.last() } else { level }
            });
            level.into()
        })
    }

    /// Levels of one result that improves, as this function makes them of the replies.
    ///
    /// ```
    /// use quorum_runtime::{Level, Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let register = Manager::builder().nodes(servers(5).await).build()?.register(Majority)?;
    /// let mut call = register.read(()).levels(|_, replies| {
    ///     let newest = replies.values().max_by_key(|state| state.version).cloned();
    ///     let weak = newest.map(|state| Level::new(1, state));
    ///     let strong = |level: Level<State>| Level { number: 2, ..level }.last();
    ///     if replies.is_quorum(&Majority) { weak.map(strong) } else { weak }.into()
    /// });
    /// let weak = call.level(1).await?; // the reply of one node
    /// let strong = call.level(2).await?; // the newest of three
    /// assert!(strong.value.version >= weak.value.version);
    /// # Ok(())
    /// # }
    /// ```
    pub fn levels<U>(
        self,
        function: impl Fn(&Q, &Replies<R>) -> Verdict<Level<U>> + Send + 'static,
    ) -> Correctable<Q, R, U>
    where
        R: Message + Default,
    {
        Correctable::new(self.with_function(function))
    }
}
