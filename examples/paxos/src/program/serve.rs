//! One node, as a process.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use example_support::{folder, output};
use tokio::net::TcpListener;

use super::settings::{File, Own, Settings};
use super::tls::{self, NodeTls};
use crate::config::Config;
use crate::mutant::Mutation;
use crate::node::Node;

#[derive(Args, Debug)]
#[command(args_override_self = true)]
pub(crate) struct Serve {
    /// A file of settings; flags come before what stands in it.
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,

    /// Begins with an empty folder. Say it once: a node that has lost its data must not take part again
    /// as if it were new, because it has forgotten what it promised.
    #[arg(long)]
    new: bool,

    #[command(flatten)]
    own: Own,

    #[command(flatten)]
    settings: Settings,

    #[command(flatten)]
    tls: NodeTls,

    /// A fault that is built in, for tests that are to find it.
    #[cfg(feature = "mutants")]
    #[arg(long, value_enum, hide = true)]
    mutant: Option<crate::mutant::Mutant>,
}

impl Serve {
    pub(crate) async fn run(self) -> Result<()> {
        #[cfg(feature = "mutants")]
        let mutation = self.mutant.map(Mutation::from).unwrap_or_default();
        #[cfg(not(feature = "mutants"))]
        let mutation = Mutation::default();
        let Self { config, new, own, settings, tls, .. } = self;
        let file = config.as_deref().map(File::read).transpose()?.unwrap_or_default();
        let own = own.or(file.node);
        let listen = own.listen.clone();
        let config = settings.or(file.cluster).config(own, new)?;
        let config = Config { mutation, ..config };
        let listen = listen.unwrap_or_else(|| config.peers[config.id as usize - 1].clone());
        let edge = tls::edge(tls.or(file.tls))?;
        let _lock = folder::lock(&config.folder)?;
        let listener = TcpListener::bind(&listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {listen}"))?;
        let node = Node::open(config, edge).await?;
        output::line(format_args!("listening on {}", listener.local_addr()?))?;
        node.serve(listener, interrupted()).await
    }
}

/// Completes at Ctrl-C.
async fn interrupted() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("cannot wait for Ctrl-C, so only a kill stops this node: {error}");
        std::future::pending().await
    }
}
