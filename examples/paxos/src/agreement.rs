//! What all of a cluster must agree on goes with every request, and is compared before a handler sees it.
//!
//! Nodes with different quorums or leases would break what they promise each other, so the settings of
//! two nodes must be the same. Clients need to know no more than which cluster they mean.

use quorum_runtime::metadata::{Ascii, MetadataValue};
use quorum_runtime::{
    ClientInterceptor, IncomingRequest, Next, OutgoingReply, OutgoingRequest, ServerInterceptor,
    Status,
};

use crate::config::Agreement;

/// The version of the messages and of what they mean.
const PROTOCOL: u32 = 1;

const KEY: &str = "paxos-agreement";

/// What clients may call.
const FOR_CLIENTS: [&str; 2] = ["paxos.Replica.", "paxos.Synchronisation.Scan"];

/// Put between the calls of a process and the nodes: tells what it takes for agreed.
#[derive(Clone, Debug)]
pub(crate) struct Telling(MetadataValue<Ascii>);

impl Telling {
    pub(crate) fn of_client(cluster: &str) -> Self {
        Self(value(&of_client(cluster)))
    }

    pub(crate) fn of_node(agreement: &Agreement) -> Self {
        Self(value(&of_node(agreement)))
    }
}

impl ClientInterceptor for Telling {
    fn request(&self, request: &mut OutgoingRequest<'_>) -> Result<(), Status> {
        request.metadata_mut().insert(KEY, self.0.clone());
        Ok(())
    }
}

/// Put around the handlers of a node: lets nobody in who takes something else for agreed.
#[derive(Clone, Debug)]
pub(crate) struct Comparing {
    client: MetadataValue<Ascii>,
    node: MetadataValue<Ascii>,
}

impl Comparing {
    pub(crate) fn new(agreement: &Agreement) -> Self {
        let client = value(&of_client(&agreement.cluster));
        Self { client, node: value(&of_node(agreement)) }
    }

    fn compare(&self, method: &str, told: Option<&MetadataValue<Ascii>>) -> Result<(), Status> {
        let is_for_clients = FOR_CLIENTS.iter().any(|name| method.starts_with(name));
        if told == Some(&self.node) || is_for_clients && told == Some(&self.client) {
            return Ok(());
        }
        let told = told.map_or("nothing", |told| told.to_str().unwrap_or("something unreadable"));
        let own = self.node.to_str().unwrap_or_default();
        Err(Status::failed_precondition(format!(
            "this node is set up for: {own}; and who asked it for: {told}; give both the same settings"
        )))
    }
}

impl ServerInterceptor for Comparing {
    async fn handle(
        &self,
        request: IncomingRequest,
        next: Next<'_>,
    ) -> Result<OutgoingReply, Status> {
        self.compare(request.method(), request.metadata().get(KEY))?;
        next.run(request).await
    }
}

fn of_client(cluster: &str) -> String {
    format!("cluster {cluster}, protocol {PROTOCOL}")
}

fn of_node(agreement: &Agreement) -> String {
    let Agreement { cluster, nodes, prepare_quorum, accept_quorum, lease, drift } = agreement;
    let (client, lease) = (of_client(cluster), lease.as_millis());
    format!(
        "{client}, {nodes} nodes, quorums of {prepare_quorum} to prepare and {accept_quorum} to accept, \
         leases of {lease} ms, drift {drift}"
    )
}

/// Metadata is ASCII, and so is what was escaped: the other branch is never taken.
fn value(text: &str) -> MetadataValue<Ascii> {
    let escaped = text.escape_default().to_string();
    escaped.parse().unwrap_or_else(|_| MetadataValue::from_static("unreadable"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn agreement() -> Agreement {
        Agreement {
            cluster: "demo".into(),
            nodes: 3,
            prepare_quorum: 2,
            accept_quorum: 2,
            lease: Duration::from_secs(2),
            drift: 0.01,
        }
    }

    fn refusal(method: &str, told: &Telling) -> Option<String> {
        let compared = Comparing::new(&agreement()).compare(method, Some(&told.0));
        compared.err().map(|status| status.message().to_owned())
    }

    #[test]
    fn a_client_needs_the_cluster_and_a_node_all() {
        let (execute, accept) = ("paxos.Replica.Execute", "paxos.Acceptor.Accept");
        assert_eq!(refusal(execute, &Telling::of_client("demo")), None);
        assert_eq!(refusal(execute, &Telling::of_node(&agreement())), None);
        assert_eq!(refusal(accept, &Telling::of_node(&agreement())), None);
        refusal(accept, &Telling::of_client("demo")).unwrap();
        refusal(execute, &Telling::of_client("dem\u{f6}")).unwrap();
        Comparing::new(&agreement()).compare(execute, None).unwrap_err();
    }

    #[test]
    fn each_difference_of_two_nodes_is_refused_and_both_are_named() {
        let changes: [fn(&mut Agreement); 6] = [
            |other| other.cluster = "demo2".into(),
            |other| other.nodes = 4,
            |other| other.prepare_quorum = 3,
            |other| other.accept_quorum = 3,
            |other| other.lease = Duration::from_secs(3),
            |other| other.drift = 0.02,
        ];
        for change in changes {
            let mut other = agreement();
            change(&mut other);
            refusal("paxos.Acceptor.Accept", &Telling::of_node(&other)).unwrap();
        }
        let other = Agreement { cluster: "other".into(), nodes: 5, ..agreement() };
        let refusal = refusal("paxos.Replica.Execute", &Telling::of_node(&other)).unwrap();
        assert_eq!(
            refusal,
            "this node is set up for: cluster demo, protocol 1, 3 nodes, quorums of 2 to prepare and 2 to \
             accept, leases of 2000 ms, drift 0.01; and who asked it for: cluster other, protocol 1, 5 \
             nodes, quorums of 2 to prepare and 2 to accept, leases of 2000 ms, drift 0.01; give both the \
             same settings"
        );
    }
}
