//! TLS of nodes and clients, by flags or by a file.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use example_support::tls::Tls;
use quorum_runtime::{ManagerBuilder, NodeId, Server};
use serde::Deserialize;

/// What a node is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct NodeTls {
    #[command(flatten)]
    tls: Tls,

    /// The name for which the certificate of a node must be valid, with {} for its number, such as
    /// node-{}.paxos.example. Without it, everybody whose certificate the authority has signed may take
    /// part as a node.
    #[arg(long, value_name = "NAME")]
    node_names: Option<String>,
}

/// The same as the flags, as it stands in a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct File {
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    ca: Option<PathBuf>,
    node_names: Option<String>,
}

impl NodeTls {
    /// What the flags say, and else the file.
    #[must_use]
    pub(crate) fn or(self, file: File) -> Self {
        let tls = Tls {
            tls_cert: self.tls.tls_cert.or(file.cert),
            tls_key: self.tls.tls_key.or(file.key),
            tls_ca: self.tls.tls_ca.or(file.ca),
        };
        Self { tls, node_names: self.node_names.or(file.node_names) }
    }
}

/// What stands for the number of a node in its name.
const NUMBER: &str = "{}";

/// A node that connects to others and serves by TLS, where that is asked for.
pub(crate) fn edge(
    NodeTls { tls, node_names }: NodeTls,
) -> Result<impl FnOnce(ManagerBuilder, Server) -> (ManagerBuilder, Server)> {
    let (client, own) = (tls.client()?, tls.server()?);
    if let Some(names) = &node_names {
        ensure!(
            own.is_some() && client.is_some(),
            "--node-names is about certificates: say --tls-ca, --tls-cert and --tls-key too"
        );
        ensure!(
            names.contains(NUMBER),
            "--node-names is `{names}` for all nodes: write {NUMBER} for the number, as node-{NUMBER}.paxos.example"
        );
    }
    Ok(move |mut manager: ManagerBuilder, mut server: Server| {
        if let Some(client) = client {
            manager = manager.tls_config(client);
        }
        if let Some(own) = own {
            server = server.tls_config(own);
        }
        if let Some(names) = node_names {
            let name_of = move |node: NodeId| names.replace(NUMBER, &node.to_string());
            server = server.node_names(name_of);
        }
        (manager, server)
    })
}

/// The flags, for another process.
pub(crate) fn arguments(tls: &Tls) -> Vec<String> {
    let files =
        [("--tls-cert", &tls.tls_cert), ("--tls-key", &tls.tls_key), ("--tls-ca", &tls.tls_ca)];
    let given = files.into_iter().filter_map(|(name, file)| Some((name, file.as_ref()?)));
    given.flat_map(|(name, file)| [name.to_owned(), file.display().to_string()]).collect()
}
