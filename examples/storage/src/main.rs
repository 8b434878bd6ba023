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
mod connection;
mod database;
mod keys;
#[cfg(feature = "sim")]
mod kill;
#[cfg(feature = "sim")]
mod liar;
mod limits;
mod load;
mod mutant;
mod newest;
mod node;
mod numbers;
mod repl;
mod signature;
#[cfg(feature = "sim")]
mod sim;
mod store;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use example_support::folder;
use example_support::identity::Identity;
use example_support::output;
use example_support::tls::Tls;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use client::{Client, Register};
use cluster::{CLUSTER, Cluster};
use mutant::Mutation;
use node::Node;
use storage::StorageServer;

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
    /// Servers to connect to, in the order of their numbers, instead of starting some in this process.
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

    /// The name of the cluster to connect to.
    #[arg(long, value_name = "NAME", default_value = CLUSTER, requires = "connect")]
    cluster: String,

    /// Whether others write at the same time. One writer alone needs no read phase.
    #[arg(long, value_enum, default_value_t = Writers::Multi)]
    writer: Writers,

    /// Values are signed by one writer, and up to a third of the servers, less one, may lie. The keys are
    /// in --key, or in the folder of --data, or new.
    #[arg(long, conflicts_with = "writer")]
    byzantine: bool,

    /// The file with the key of the writer: the private one to write, the public one to read.
    #[arg(long, value_name = "FILE", requires = "byzantine")]
    key: Option<PathBuf>,

    #[command(flatten)]
    tls: Tls,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Writers {
    Multi,
    Single,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Runs one server until it is stopped with Ctrl-C.
    Serve(Serve),

    /// Makes a pair of keys for a writer who signs: writer.key and writer.pub.
    MakeKeys {
        /// Where to put them.
        folder: PathBuf,
    },

    /// Measures durable writes of several clients, to servers in this process.
    Load(load::Load),

    /// Runs servers as processes, kills them at random, and checks what their clients see.
    #[cfg(feature = "sim")]
    Kill(kill::Kill),

    /// Runs whole clusters under simulated faults, and checks what their clients see.
    #[cfg(feature = "sim")]
    Sim(sim::Sim),
}

#[derive(Debug, Args)]
struct Serve {
    /// The address to listen on; port 0 lets the system choose.
    #[arg(long, value_name = "HOST:PORT")]
    listen: String,

    /// The number of this server, from 0 in the order in which clients name them.
    #[arg(long, value_name = "NUMBER")]
    node: u32,

    /// The name of the cluster that it belongs to.
    #[arg(long, value_name = "NAME", default_value = CLUSTER)]
    cluster: String,

    /// A folder for the data. Without it the server holds its data in memory, and starts empty.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,

    /// The file with the public key of the one writer: nothing is stored that he has not signed.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    #[command(flatten)]
    tls: Tls,
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { command, prompt } = Arguments::parse();
    match command {
        Some(Subcommands::Serve(arguments)) => Runtime::new()?.block_on(serve(arguments))?,
        Some(Subcommands::MakeKeys { folder }) => {
            for file in keys::make(&folder)? {
                output::line(file.display())?;
            }
        }
        Some(Subcommands::Load(load)) => Runtime::new()?.block_on(load.run())?,
        #[cfg(feature = "sim")]
        Some(Subcommands::Kill(kill)) => kill.run()?,
        #[cfg(feature = "sim")]
        Some(Subcommands::Sim(command)) => return Ok(command.run()),
        None => open_prompt(&Runtime::new()?, prompt)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(arguments: Serve) -> anyhow::Result<()> {
    let Serve { listen, node, cluster, data, key, tls } = arguments;
    let _lock = data.as_deref().map(folder::lock).transpose()?;
    let authority = key.as_deref().map(keys::read).transpose()?;
    let node =
        Node { identity: Identity { cluster, node }, authority, mutation: Mutation::default() };
    let store = node.open(data.as_deref()).await?;
    let mut server = node.server(StorageServer::new(store.clone()));
    if let Some(tls) = tls.server()? {
        server = server.tls_config(tls);
    }
    let listener = TcpListener::bind(&listen)
        .await
        .map_err(|error| anyhow::anyhow!("cannot listen on {listen}: {error}"))?;
    output::line(format_args!("listening on {}", listener.local_addr()?))?;
    let interrupted = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            eprintln!("cannot wait for Ctrl-C, so only a kill stops this server: {error}");
            std::future::pending().await
        }
    };
    node::serve(server, listener, store, interrupted).await
}

fn open_prompt(runtime: &Runtime, prompt: Prompt) -> anyhow::Result<()> {
    let register = register(&prompt)?;
    let Prompt { connect, nodes, data, timeout_ms, cluster: name, tls, .. } = prompt;
    let (cluster, addresses) = if connect.is_empty() {
        let servers = Cluster::start(nodes, data.as_deref(), register.authority());
        let cluster = runtime.block_on(servers)?;
        let addresses = cluster.addresses().to_vec();
        (Some(cluster), addresses)
    } else {
        (None, connect)
    };
    let client = {
        let _entered = runtime.enter();
        let mut manager = connection::connect(&name, &addresses, Duration::from_millis(timeout_ms));
        if let Some(tls) = tls.client()? {
            manager = manager.tls_config(tls);
        }
        Client::new(manager.build()?, register, fastrand::u32(1..), Mutation::default())?
    };
    repl::run(runtime, &client)?;
    drop(client);
    if let Some(cluster) = cluster {
        runtime.block_on(cluster.stop());
    }
    Ok(())
}

fn register(prompt: &Prompt) -> anyhow::Result<Register> {
    if prompt.byzantine {
        let authority = match &prompt.key {
            Some(file) => keys::read(file)?,
            None if prompt.connect.is_empty() => keys::in_folder(prompt.data.as_deref())?,
            None => anyhow::bail!("name the key of the writer with --key"),
        };
        return Ok(Register::Signed(authority));
    }
    Ok(match prompt.writer {
        Writers::Multi => Register::ManyWriters,
        Writers::Single => Register::OneWriter,
    })
}
