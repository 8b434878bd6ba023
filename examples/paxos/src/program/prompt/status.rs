//! The nodes in a table.

use quorum_runtime::{NodeError, NodeId};

use crate::consensus::Ballot;
use crate::paxos::{StatusReply, SyncProgress};

type Told = (NodeId, Result<StatusReply, NodeError>);

const HEAD: [&str; 8] =
    ["node", "role", "ballot", "chosen", "applied", "log from", "keys", "copies"];

/// A line for each node, under their heads.
pub(super) fn table(nodes: &[Told]) -> String {
    let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
    rows.extend(nodes.iter().map(row));
    let width = |column: usize| {
        // What a node that is down says may be long, and nothing stands behind it.
        let wide = rows.iter().filter(|row| row.len() == HEAD.len());
        wide.map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..HEAD.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let padded = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn row((node, told): &Told) -> Vec<String> {
    let status = match told {
        Ok(status) => status,
        Err(error) => return vec![node.to_string(), format!("down: {error}")],
    };
    let StatusReply { promised, chosen, applied, first, keys, .. } = *status;
    let role = match status.leader {
        0 => "no leader".to_owned(),
        leader if leader == status.node && status.leased => "leads".to_owned(),
        leader if leader == status.node => "leads, no lease".to_owned(),
        leader => format!("follows {leader}"),
    };
    let ballot = Ballot(promised).to_string();
    let numbers = [chosen, applied, first, keys].map(|number| number.to_string());
    let copies = copies(status.sync.as_ref());
    [vec![node.to_string(), role, ballot], numbers.to_vec(), vec![copies]].concat()
}

fn copies(sync: Option<&SyncProgress>) -> String {
    match sync {
        Some(SyncProgress { running: true, provider, keys, total_keys, .. }) => {
            format!("copies {provider}: {keys} of {total_keys} keys")
        }
        Some(SyncProgress { failure, .. }) if !failure.is_empty() => format!("failed: {failure}"),
        Some(SyncProgress { completed, .. }) if *completed > 0 => format!("{completed} made"),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use quorum_runtime::Status;

    use super::*;

    #[test]
    fn every_node_has_a_line() {
        let status = |node, leader| StatusReply {
            node,
            leader,
            promised: Ballot::new(3, 1).0,
            chosen: 120,
            applied: 119,
            first: 1,
            keys: 17,
            ..StatusReply::default()
        };
        let leader = StatusReply { leased: true, ..status(1, 1) };
        let sync = SyncProgress {
            running: true,
            provider: 1,
            keys: 5,
            total_keys: 9,
            ..Default::default()
        };
        let copying = StatusReply { sync: Some(sync), ..status(2, 1) };
        let down =
            NodeError::Status(Status::unavailable("a reason that is longer than any column"));
        let nodes = [Ok(leader), Ok(copying), Err(down), Ok(status(4, 4)), Ok(status(5, 0))];
        let nodes: Vec<_> = (1..).map(NodeId::from).zip(nodes).collect();
        let expected = expect_test::expect![[r"
            node  role             ballot  chosen  applied  log from  keys  copies
            1     leads            3.1     120     119      1         17    -
            2     follows 1        3.1     120     119      1         17    copies 1: 5 of 9 keys
            3     down: a reason that is longer than any column (Unavailable)
            4     leads, no lease  3.1     120     119      1         17    -
            5     no leader        3.1     120     119      1         17    -"]];
        expected.assert_eq(&table(&nodes));
    }
}
