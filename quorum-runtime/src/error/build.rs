use crate::quorum::NodeId;

/// Why a [`Manager`](crate::Manager) could not be built, or a node not be added to it or moved. Reads
/// as a sentence that says the mend.
///
/// ```
/// use quorum_runtime::{BuildError, Manager};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let error = Manager::builder().node(1, "127.0.0.1").build().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`127.0.0.1` is no address of a node (the port is missing): write `host:port`"
/// );
/// let error = Manager::builder().nodes(["one:9001", "one:9001"]).build().unwrap_err();
/// assert!(matches!(error, BuildError::DuplicateAddress { .. }));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two nodes were given the same id.
    #[error("node id {node} is used twice, for `{first}` and for `{second}`")]
    DuplicateId {
        /// The id.
        node: NodeId,
        /// The address that came first.
        first: String,
        /// The address that came second.
        second: String,
    },

    /// Two nodes were given the same address, which would let one process count twice in a quorum.
    #[error("address `{address}` is used twice, for node {first} and for node {second}")]
    DuplicateAddress {
        /// The address.
        address: String,
        /// The node that came first.
        first: NodeId,
        /// The node that came second.
        second: NodeId,
    },

    /// An address is not of the form `host:port`.
    #[error("`{address}` is no address of a node ({reason}): write `host:port`")]
    Address {
        /// The text that was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },

    /// No name can be made of an address that the certificate of its node could be compared with.
    #[error(
        "`{address}` has no name that a certificate could be valid for: give the name of the nodes \
         with `ClientTlsConfig::domain_name`"
    )]
    TlsName {
        /// The address.
        address: String,
    },

    /// The configuration of TLS can't be used.
    #[error("the `tls_config` can't be used: {reason}")]
    Tls {
        /// What is wrong with it.
        reason: String,
    },

    /// The id of this process is not among the nodes.
    #[error("this process is node {0}, which is not among the nodes: name it with its address")]
    NoLocalNode(NodeId),

    /// A manager of a process that is a node itself was given services.
    #[error("this process is node {0} and has a server: give the services to that")]
    ServicesOfNode(NodeId),

    /// Two services that are called back have the same method.
    #[error("method `{0}` was added twice: add each service once")]
    ClaimedTwice(&'static str),

    /// The manager was built outside of a tokio runtime, where its connections could not run.
    #[error("a manager must be built inside a tokio runtime, which its connections run on")]
    NoRuntime,

    /// The manager has no node with this id, so it can't be moved.
    #[error("there is no node {0} in this manager: add it with `add_node`")]
    UnknownNode(NodeId),

    /// The manager [was closed](crate::Manager::close), so it connects to no node any more.
    #[error("the manager is closed: build another one")]
    Closed,
}

/// Why a [`Configuration`](crate::Configuration) could not be made, or a node not be found.
///
/// ```
/// use quorum_runtime::{ConfigurationError, Majority, Manager};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(["one:9001", "two:9001"]).build()?;
/// let error = manager.configuration(Majority)?.only([2, 3]).unwrap_err();
/// assert_eq!(error, ConfigurationError::NoMember(3.into()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// A configuration without members has no quorum. That of a manager without nodes would have
    /// none.
    #[error("a configuration needs at least one member")]
    Empty,

    /// The configuration has no member with this id, so it can neither be contacted nor become a member
    /// of a smaller one.
    #[error("node {0} is no member of this configuration")]
    NoMember(NodeId),

    /// A handler asked for its peers at a server that knows none.
    #[error("this server knows no peers: give it a manager with `Server::peers`")]
    NoPeers,

    /// The manager has no node with this id.
    #[error("there is no node {0} in this manager")]
    UnknownNode(NodeId),
}

/// Why a [`Server`](crate::Server) stopped, or did not start.
///
/// ```
/// use quorum_runtime::{ServeError, Server};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = || RegisterServer::new(Replica::new());
/// let server = Server::builder().service(service()).service(service());
/// let error = server.serve("127.0.0.1:0").await.unwrap_err();
/// assert!(matches!(error, ServeError::ClaimedTwice(_)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address can't be listened on.
    #[error("cannot listen: {0}")]
    Listen(#[source] std::io::Error),

    /// Two services that were added have the same method, so one of them was added twice.
    #[error("method `{0}` was added twice: add each service once")]
    ClaimedTwice(&'static str),

    /// Two services that were added have the same name.
    #[error("service `{0}` was added twice: add each service once")]
    ServiceTwice(&'static str),

    /// The configuration of TLS can't be used.
    #[error("the `tls_config` can't be used: {}", super::deepest(&**.0))]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),

    /// The transport broke. A connection that can't be accepted is no such error.
    #[error("cannot serve any more: {0}")]
    Serve(#[source] tonic::transport::Error),
}
