//! A replicated key-value store with a prompt.
//!
//! ```text
//! cargo run -p storage                                  four servers and a prompt in one process
//! cargo run -p storage -- serve --listen 127.0.0.1:9001 one server
//! cargo run -p storage -- --connect A,B,C               a prompt on servers that run already
//! ```
//!
//! Values are held in memory: a server that restarts begins empty, and reads find what the others
//! hold. A read that runs beside a write may see the old value or the new one, whatever other reads
//! saw before.

mod client;
mod cluster;
mod newest;
mod repl;
mod store;

use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use quorum_runtime::Server;
use tokio::net::TcpListener;

use client::Client;
use cluster::Cluster;
use store::Store;

/// The code that was generated from `proto/storage.proto`.
mod storage {
    quorum_runtime::include_proto!("storage");
}

/// A replicated key-value store on quorum calls.
///
/// Without a subcommand it opens a prompt; type `help` there. Commands are also read from a pipe.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Subcommands>,

    #[command(flatten)]
    prompt: Prompt,
}

#[derive(Debug, Args)]
struct Prompt {
    /// Servers to connect to, instead of starting some in this process.
    #[arg(long, value_name = "HOST:PORT,...", value_delimiter = ',', conflicts_with = "nodes")]
    connect: Vec<String>,

    /// How many servers to start in this process.
    #[arg(long, value_name = "COUNT", default_value_t = 4,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    nodes: u32,

    /// How long a command may take, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 3000,
          value_parser = clap::value_parser!(u64).range(1..))]
    timeout_ms: u64,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Runs one server until it is stopped with Ctrl-C.
    Serve {
        /// The address to listen on; port 0 lets the system choose.
        #[arg(long, value_name = "HOST:PORT")]
        listen: String,
    },
}

fn main() -> anyhow::Result<()> {
    let Arguments { command, prompt } = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new()?;
    match command {
        Some(Subcommands::Serve { listen }) => runtime.block_on(serve(&listen)),
        None => open_prompt(&runtime, prompt),
    }
}

async fn serve(listen: &str) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| anyhow::anyhow!("cannot listen on {listen}: {error}"))?;
    println!("listening on {}", listener.local_addr()?);
    let interrupted = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            eprintln!("cannot wait for Ctrl-C, so only a kill stops this server: {error}");
            std::future::pending().await
        }
    };
    let server = Server::builder().service(storage::StorageServer::new(Store::default()));
    Ok(server.serve_with_listener(listener, interrupted).await?)
}

fn open_prompt(runtime: &tokio::runtime::Runtime, prompt: Prompt) -> anyhow::Result<()> {
    let Prompt { connect, nodes, timeout_ms } = prompt;
    let timeout = Duration::from_millis(timeout_ms);
    let (cluster, addresses) = if connect.is_empty() {
        let cluster = runtime.block_on(Cluster::start(nodes))?;
        let addresses = cluster.addresses().to_vec();
        (Some(cluster), addresses)
    } else {
        (None, connect)
    };
    let client = {
        let _entered = runtime.enter();
        Client::new(&addresses, timeout)?
    };
    repl::run(runtime, &client)?;
    drop(client);
    if let Some(cluster) = cluster {
        runtime.block_on(cluster.stop());
    }
    Ok(())
}
