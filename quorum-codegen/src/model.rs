//! What the generator knows of a service once its descriptors are read: all decisions are made here,
//! so that rendering never looks at descriptors.

use crate::names;
use crate::rules::Decided;

/// A service of a `.proto`.
#[derive(Debug)]
pub struct Service {
    /// As in the `.proto`: `Storage`.
    pub(crate) name: String,
    pub(crate) package: String,
    /// Lines of the comment in front of it.
    pub(crate) docs: Vec<String>,
    pub(crate) methods: Vec<Method>,
    /// `file:line:column`.
    pub place: String,
}

/// An rpc of a service.
#[derive(Debug)]
pub struct Method {
    /// As in the `.proto`: `Read`.
    pub(crate) name: String,
    /// The identifier of the Rust method: `read`.
    pub(crate) rust_name: String,
    /// Lines of the comment in front of it.
    pub(crate) docs: Vec<String>,
    /// How it is called.
    pub(crate) decided: Decided,
    /// `file:line:column`.
    pub place: String,
}

/// How an rpc reaches nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallType {
    /// One node, one reply.
    Rpc,
    /// One node, messages both ways.
    Session,
    /// One node, no reply.
    Unicast,
    /// All nodes of a configuration, no reply.
    Multicast,
    /// All nodes of a configuration, a quorum function makes one result of their replies.
    QuorumCall,
    /// All nodes of a configuration, a quorum function makes results that improve.
    Correctable(Replies),
}

/// How often a node replies to one correctable call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replies {
    /// At most once.
    Once,
    /// Any number of times.
    Stream,
}

impl Service {
    /// A service with its methods. `place` is where a person finds it.
    #[must_use]
    pub fn new(
        name: &str,
        package: &str,
        docs: Vec<String>,
        methods: Vec<Method>,
        place: String,
    ) -> Self {
        Self { name: name.to_owned(), package: package.to_owned(), docs, methods, place }
    }

    /// `storage.Storage`.
    pub(crate) fn full_name(&self) -> String {
        match self.package.as_str() {
            "" => self.name.clone(),
            package => format!("{package}.{}", self.name),
        }
    }
}

impl Method {
    /// An rpc under its name in a `.proto`: `Read`.
    #[must_use]
    pub fn new(name: &str, docs: Vec<String>, decided: Decided, place: String) -> Self {
        let (name, rust_name) = (name.to_owned(), names::method(name));
        Self { name, rust_name, docs, decided, place }
    }
}

impl CallType {
    /// The call types that have an option, in the order of the options.
    pub const ALL: [Self; 5] = [
        Self::Rpc,
        Self::Unicast,
        Self::Multicast,
        Self::QuorumCall,
        Self::Correctable(Replies::Once),
    ];

    /// The name of the option in `quorum.proto`.
    #[must_use]
    pub const fn option(self) -> &'static str {
        match self {
            Self::Rpc | Self::Session => "rpc",
            Self::Unicast => "unicast",
            Self::Multicast => "multicast",
            Self::QuorumCall => "quorumcall",
            Self::Correctable(_) => "correctable",
        }
    }

    /// Whether it is called on a configuration.
    pub(crate) const fn is_group(self) -> bool {
        matches!(self, Self::Multicast | Self::QuorumCall | Self::Correctable(_))
    }

    /// Whether it can be called on a single node as well.
    pub(crate) const fn is_single(self) -> bool {
        !matches!(self, Self::Correctable(Replies::Stream))
    }

    /// Whether a quorum function decides on the replies.
    pub(crate) const fn has_quorum_function(self) -> bool {
        matches!(self, Self::QuorumCall | Self::Correctable(_))
    }

    /// Whether nothing is answered.
    pub(crate) const fn is_one_way(self) -> bool {
        matches!(self, Self::Unicast | Self::Multicast)
    }
}
