//! A replicated key-value store with a prompt.
//!
//! ```text
//! cargo run -p storage                                  four servers and a prompt in one process
//! cargo run -p storage -- --data FOLDER                 the same, durable
//! cargo run -p storage -- serve --node 0 --listen 127.0.0.1:9000 --data FOLDER
//!                                                       one server
//! cargo run -p storage -- --connect A,B,C               a prompt on servers that run already
//! cargo run --release -p storage -- sim --seeds 1000    clusters under simulated faults, checked
//! ```
//!
//! Each key is an atomic register: reads and writes of a majority (`qc`) take effect one after
//! another, in an order that everybody sees. With `--data`, a server answers that a value is written
//! when it is on its disk, and goes on from there when it is started again. Without, values are held
//! in memory, and a server that is started again begins empty: then a value is safe as long as of the
//! majority that stored it one keeps running until a read or a write of the key comes by.

mod client;
mod cluster;
mod database;
mod mutant;
mod newest;
mod node;
mod repl;
#[cfg(feature = "sim")]
mod sim;
mod store;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use example_support::folder;
use example_support::identity::Identity;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use client::Client;
use cluster::Cluster;
use mutant::Mutation;

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

    /// A folder for the data of these servers. Without it they hold their data in memory.
    #[arg(long, value_name = "FOLDER", conflicts_with = "connect")]
    data: Option<PathBuf>,

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

        /// The number of this server, from 0 in the order in which clients name them.
        #[arg(long, value_name = "NUMBER")]
        node: u32,

        /// The name of the cluster that it belongs to.
        #[arg(long, value_name = "NAME", default_value = cluster::CLUSTER)]
        cluster: String,

        /// A folder for the data. Without it the server holds its data in memory, and starts empty.
        #[arg(long, value_name = "FOLDER")]
        data: Option<PathBuf>,
    },

    /// Runs whole clusters under simulated faults, and checks what their clients see.
    #[cfg(feature = "sim")]
    Sim(quorum_runtime::sim::Command),
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { command, prompt } = Arguments::parse();
    match command {
        Some(Subcommands::Serve { listen, node, cluster, data }) => {
            let identity = Identity { cluster, node };
            Runtime::new()?.block_on(serve(&listen, identity, data.as_deref()))?;
        }
        #[cfg(feature = "sim")]
        Some(Subcommands::Sim(command)) => return Ok(command.run(&sim::study())),
        None => open_prompt(&Runtime::new()?, prompt)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(listen: &str, identity: Identity, data: Option<&Path>) -> anyhow::Result<()> {
    let _lock = data.map(folder::lock).transpose()?;
    let store = node::open(data, identity, Mutation::default()).await?;
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
    node::serve(listener, store, interrupted).await
}

fn open_prompt(runtime: &Runtime, prompt: Prompt) -> anyhow::Result<()> {
    let Prompt { connect, nodes, data, timeout_ms } = prompt;
    let (cluster, addresses) = if connect.is_empty() {
        let cluster = runtime.block_on(Cluster::start(nodes, data.as_deref()))?;
        let addresses = cluster.addresses().to_vec();
        (Some(cluster), addresses)
    } else {
        (None, connect)
    };
    let client = {
        let _entered = runtime.enter();
        let manager = client::connect(&addresses, Duration::from_millis(timeout_ms))?;
        Client::new(manager, fastrand::u32(1..), Mutation::default())?
    };
    repl::run(runtime, &client)?;
    drop(client);
    if let Some(cluster) = cluster {
        runtime.block_on(cluster.stop());
    }
    Ok(())
}
