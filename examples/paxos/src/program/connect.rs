//! Connections of this program to the nodes of a cluster.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use example_support::tls::Tls;
use quorum_runtime::Manager;

use super::settings::CLUSTER;
use crate::agreement;
use crate::client::{Client, Patience};

/// Nodes that were not started for this.
#[derive(Args, Clone, Debug)]
pub(crate) struct Running {
    /// Nodes that run already: all of the cluster, in the order of their numbers.
    #[arg(long, value_name = "HOST:PORT,...", value_delimiter = ',')]
    pub(crate) connect: Vec<String>,
}

/// Which cluster, and how to reach it.
#[derive(Args, Clone, Debug)]
pub(crate) struct Connect {
    /// The name of the cluster.
    #[arg(long, value_name = "NAME", default_value = CLUSTER)]
    pub(crate) cluster: String,

    /// How long a command may take, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 10_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout_ms: u64,

    #[command(flatten)]
    pub(crate) tls: Tls,
}

/// How long one node is given, before the next one is asked for the same.
const ATTEMPT: Duration = Duration::from_secs(2);

impl Connect {
    /// Connections to the nodes of these addresses. Clients share them.
    pub(crate) fn manager(&self, addresses: &[String]) -> Result<Manager> {
        let mut builder = Manager::builder().intercept(agreement::of_client(&self.cluster));
        if let Some(tls) = self.tls.client()? {
            builder = builder.tls_config(tls);
        }
        Ok((1..).zip(addresses).fold(builder, |b, (id, address)| b.node(id, address)).build()?)
    }

    pub(crate) fn client(&self, manager: &Manager) -> Result<Client> {
        let whole = Duration::from_millis(self.timeout_ms);
        let patience = Patience { attempt: ATTEMPT.min(whole), whole };
        Ok(Client::new(manager, patience, fastrand::Rng::new())?)
    }
}
