//! Who talks to whom, and what they take for agreed: each request says for which node it is and on which
//! terms, and each reply of which node it is and on which. What does not fit is refused at both ends:
//! before a handler sees it, and before it counts for the caller.

use std::fmt;
use std::ops::RangeInclusive;

use quorum_runtime::metadata::{Ascii, MetadataMap, MetadataValue};
use quorum_runtime::{
    ClientInterceptor, IncomingReply, IncomingRequest, Next, NodeId, OutgoingReply,
    OutgoingRequest, ServerInterceptor, Status,
};

/// The metadata that says it.
const NODE: &str = "member-node";
const TERMS: &str = "member-terms";

/// What those who talk must have the same of. It is compared, and shown, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms(MetadataValue<Ascii>);

impl Terms {
    /// A version of a protocol, such as `storage/1`, that is spoken in a cluster.
    #[must_use]
    pub fn new(cluster: &str, protocol: &str) -> Self {
        let terms = format!("the cluster `{cluster}`, {protocol}");
        Self(value(&terms.escape_default().to_string()))
    }

    /// With settings that must be the same too.
    #[must_use]
    pub fn with(&self, settings: impl fmt::Display) -> Self {
        let settings = settings.to_string();
        Self(value(&format!("{self}, {}", settings.escape_default())))
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(shown(Some(&self.0)))
    }
}

/// The caller's side: what is sent is for the nodes of this cluster.
#[derive(Clone, Debug)]
pub struct Caller(Terms);

impl Caller {
    /// One who knows these terms.
    #[must_use]
    pub const fn new(terms: Terms) -> Self {
        Self(terms)
    }
}

/// The server's side: this node.
#[derive(Clone, Debug)]
pub struct Member {
    node: NodeId,
    terms: Terms,
    guests: Option<Guests>,
}

/// Those who call nodes and are none.
#[derive(Clone, Debug)]
pub struct Guests {
    /// What they know.
    pub terms: Terms,
    /// How the full names of the methods begin that they may call. All else is for nodes.
    pub methods: &'static [&'static str],
    /// The numbers of the nodes. Who calls as one of them is believed, unless TLS compares it
    /// (`node_names`).
    pub nodes: RangeInclusive<u32>,
}

impl Member {
    /// A node that lets in who knows its terms.
    pub fn new(node: impl Into<NodeId>, terms: Terms) -> Self {
        Self { node: node.into(), terms, guests: None }
    }

    /// Lets guests in too.
    #[must_use]
    pub fn with_guests(self, guests: Guests) -> Self {
        Self { guests: Some(guests), ..self }
    }

    /// The terms on which a request is answered.
    fn admit(
        &self,
        method: &str,
        caller: Option<NodeId>,
        metadata: &MetadataMap,
    ) -> Result<&Terms, Status> {
        let said = Said::read(metadata);
        let guests = match &self.guests {
            Some(guests) if guests.may_call(method) => Some(&guests.terms),
            Some(guests) => guests.refuse(method, caller).map(|()| None)?,
            None => None,
        };
        let accepted = [Some(&self.terms), guests].into_iter().flatten();
        let terms = { accepted }.find(|terms| said.is(self.node, terms));
        terms.ok_or_else(|| {
            let own = Said::new(self.node, &self.terms);
            mismatch(format_args!("the call is for {said}, and this is {own}"))
        })
    }
}

impl Guests {
    fn may_call(&self, method: &str) -> bool {
        self.methods.iter().any(|name| method.starts_with(name))
    }

    /// Refuses who is none of the nodes.
    fn refuse(&self, method: &str, caller: Option<NodeId>) -> Result<(), Status> {
        if caller.is_some_and(|caller| self.nodes.contains(&caller.get())) {
            return Ok(());
        }
        let (first, last) = (self.nodes.start(), self.nodes.end());
        Err(Status::permission_denied(format!(
            "{method} is for the nodes {first} to {last}, and who calls is none of them"
        )))
    }
}

impl ClientInterceptor for Caller {
    fn request(&self, request: &mut OutgoingRequest<'_>) -> Result<(), Status> {
        let node = request.node().id();
        Said::new(node, &self.0).write(request.metadata_mut());
        Ok(())
    }

    fn reply(&self, reply: &mut IncomingReply<'_>) -> Result<(), Status> {
        let said = Said::read(reply.metadata());
        if said.is(reply.node().id(), &self.0) {
            return Ok(());
        }
        let wanted = Said::new(reply.node().id(), &self.0);
        Err(mismatch(format_args!("the reply is of {said}, and the call was for {wanted}")))
    }
}

impl ServerInterceptor for Member {
    async fn handle(
        &self,
        request: IncomingRequest,
        next: Next<'_>,
    ) -> Result<OutgoingReply, Status> {
        let terms = self.admit(request.method(), request.call().peer().id(), request.metadata())?;
        let mut reply = next.run(request).await?;
        Said::new(self.node, terms).write(reply.metadata_mut());
        Ok(reply)
    }
}

/// What stands in the metadata of a message.
struct Said {
    node: Option<MetadataValue<Ascii>>,
    terms: Option<MetadataValue<Ascii>>,
}

impl Said {
    fn new(node: NodeId, terms: &Terms) -> Self {
        Self { node: Some(node.get().into()), terms: Some(terms.0.clone()) }
    }

    fn read(metadata: &MetadataMap) -> Self {
        let get = |key| metadata.get(key).cloned();
        Self { node: get(NODE), terms: get(TERMS) }
    }

    fn write(self, metadata: &mut MetadataMap) {
        let Self { node, terms } = self;
        for (key, value) in [(NODE, node), (TERMS, terms)] {
            value.and_then(|value| metadata.insert(key, value));
        }
    }

    fn is(&self, node: NodeId, terms: &Terms) -> bool {
        self.terms.as_ref() == Some(&terms.0) && self.node == Some(node.get().into())
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.node.is_none() && self.terms.is_none() {
            return f.write_str("nobody in particular");
        }
        write!(f, "node {} of {}", shown(self.node.as_ref()), shown(self.terms.as_ref()))
    }
}

fn mismatch(what: fmt::Arguments<'_>) -> Status {
    Status::failed_precondition(format!(
        "{what}: check the addresses and their order, the name of the cluster, its settings and the \
         versions of the programs"
    ))
}

/// Metadata is ASCII, and so is what was escaped: the other branch is never taken.
fn value(escaped: &str) -> MetadataValue<Ascii> {
    escaped.parse().unwrap_or_else(|_| MetadataValue::from_static("unreadable"))
}

fn shown(said: Option<&MetadataValue<Ascii>>) -> &str {
    said.map_or("nothing", |said| said.to_str().unwrap_or("something unreadable"))
}

#[cfg(test)]
mod tests;
