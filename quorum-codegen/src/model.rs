//! What the generator knows of a service once its descriptors are read: all decisions are made here,
//! so that rendering never looks at descriptors.

/// A service of a `.proto`.
#[derive(Debug)]
pub(crate) struct Service {
    /// As in the `.proto`: `Storage`.
    pub(crate) name: String,
    pub(crate) package: String,
    /// Lines of the comment in front of it.
    pub(crate) docs: Vec<String>,
    pub(crate) methods: Vec<Method>,
    /// `file:line:column`.
    pub(crate) place: String,
}

/// An rpc of a service.
#[derive(Debug)]
pub(crate) struct Method {
    /// As in the `.proto`: `Read`.
    pub(crate) name: String,
    /// The identifier of the Rust method: `read`.
    pub(crate) rust_name: String,
    /// Lines of the comment in front of it.
    pub(crate) docs: Vec<String>,
    pub(crate) call_type: CallType,
    /// `file:line:column`.
    pub(crate) place: String,
}

/// How an rpc reaches nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallType {
    /// One node, one reply.
    Rpc,
    /// One node, no reply.
    Unicast,
    /// All nodes of a configuration, no reply.
    Multicast,
    /// All nodes of a configuration, a quorum function makes one result of their replies.
    QuorumCall,
}

impl Service {
    /// `storage.Storage`.
    pub(crate) fn full_name(&self) -> String {
        match self.package.as_str() {
            "" => self.name.clone(),
            package => format!("{package}.{}", self.name),
        }
    }
}

impl CallType {
    /// The call types in the order of their options.
    pub(crate) const ALL: [Self; 4] = [Self::Rpc, Self::Unicast, Self::Multicast, Self::QuorumCall];

    /// The name of the option in `quorum.proto`.
    pub(crate) const fn option(self) -> &'static str {
        match self {
            Self::Rpc => "rpc",
            Self::Unicast => "unicast",
            Self::Multicast => "multicast",
            Self::QuorumCall => "quorumcall",
        }
    }

    /// Whether it is called on a configuration.
    pub(crate) const fn is_group(self) -> bool {
        matches!(self, Self::Multicast | Self::QuorumCall)
    }

    /// Whether nothing is answered.
    pub(crate) const fn is_one_way(self) -> bool {
        matches!(self, Self::Unicast | Self::Multicast)
    }
}
