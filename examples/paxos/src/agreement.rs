//! What all of a cluster must agree on. It goes with every request, and is compared before a handler sees
//! it.
//!
//! Nodes with different quorums or leases would break what they promise each other, so the settings of
//! two nodes must be the same. Clients need to know no more than which cluster they mean.

use example_support::membership::{Caller, Guests, Member, Terms};

use crate::config::{Agreement, Config};

/// The version of the messages and of what they mean.
pub(crate) const PROTOCOL: &str = "paxos/1";

/// What clients may call.
const FOR_CLIENTS: &[&str] = &["paxos.Replica.", "paxos.Synchronisation.Scan"];

/// Goes with what a client sends.
pub(crate) fn of_client(cluster: &str) -> Caller {
    Caller::new(known_to_clients(cluster))
}

/// Goes with what a node sends.
pub(crate) fn of_node(agreement: &Agreement) -> Caller {
    Caller::new(known_to_nodes(agreement))
}

/// Put around the handlers of a node: lets nobody in who takes something else for agreed.
pub(crate) fn compared(config: &Config) -> Member {
    let Config { agreement, id, .. } = config;
    let nodes = 1..=u32::try_from(agreement.nodes).unwrap_or(u32::MAX);
    let terms = known_to_clients(&agreement.cluster);
    Member::new(*id, known_to_nodes(agreement)).with_guests(Guests {
        terms,
        methods: FOR_CLIENTS,
        nodes,
    })
}

fn known_to_clients(cluster: &str) -> Terms {
    Terms::new(cluster, PROTOCOL)
}

fn known_to_nodes(agreement: &Agreement) -> Terms {
    let Agreement { cluster, nodes, prepare_quorum, accept_quorum, lease, drift } = agreement;
    let lease = lease.as_millis();
    known_to_clients(cluster).with(format_args!(
        "{nodes} nodes, quorums of {prepare_quorum} to prepare and {accept_quorum} to accept, leases of \
         {lease} ms, drift {drift}"
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_setting_that_nodes_agree_on_is_told() {
        let agreement = Agreement {
            cluster: "demo".into(),
            nodes: 3,
            prepare_quorum: 2,
            accept_quorum: 2,
            lease: Duration::from_secs(2),
            drift: 0.01,
        };
        let changes: [fn(&mut Agreement); 6] = [
            |other| other.cluster = "demo2".into(),
            |other| other.nodes = 4,
            |other| other.prepare_quorum = 3,
            |other| other.accept_quorum = 3,
            |other| other.lease = Duration::from_secs(3),
            |other| other.drift = 0.02,
        ];
        for change in changes {
            let mut other = agreement.clone();
            change(&mut other);
            assert_ne!(known_to_nodes(&other), known_to_nodes(&agreement));
        }
        assert_eq!(known_to_nodes(&agreement), known_to_nodes(&agreement.clone()));
        assert_eq!(
            known_to_nodes(&agreement).to_string(),
            "the cluster `demo`, paxos/1, 3 nodes, quorums of 2 to prepare and 2 to accept, leases of 2000 \
             ms, drift 0.01"
        );
    }
}
