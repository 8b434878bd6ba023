//! The prompt: a line, its command, the answer.

mod command;
mod copying;
mod eval;
mod parse;
mod status;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use example_support::prompt::{self, Answer};
use tokio::runtime::Runtime;

use super::cluster::Cluster;
use super::connect::{Connect, Running};
use super::folder::Folder;
use super::sentence;
use super::settings::Settings;
use command::Command;
use eval::Session;

pub(crate) use copying::watch;

/// A prompt on a cluster that runs already, or on one in this process.
#[derive(Args, Debug)]
pub(crate) struct Prompt {
    #[command(flatten)]
    running: Running,

    #[command(flatten)]
    connect: Connect,

    /// How many nodes to start in this process, where none are named to connect to.
    #[arg(long, value_name = "COUNT", default_value_t = 3, conflicts_with = "connect",
          value_parser = clap::value_parser!(u32).range(1..=100))]
    nodes: u32,

    /// A folder for the data of these nodes. Without it their data is gone in the end.
    #[arg(long, value_name = "FOLDER", conflicts_with = "connect")]
    data: Option<PathBuf>,
}

impl Prompt {
    pub(crate) fn run(self) -> Result<()> {
        let Self { running, connect, nodes, data } = self;
        let runtime = Runtime::new()?;
        if !running.connect.is_empty() {
            return converse(&runtime, &connect, running.connect, &mut None);
        }
        let folder = Folder::new(data)?;
        let settings = Settings { cluster: Some(connect.cluster.clone()), ..Settings::default() };
        let cluster = Cluster::start(nodes, folder.path(), &settings)?;
        let addresses = cluster.addresses().to_vec();
        let mut cluster = Some(cluster);
        let conversed = converse(&runtime, &connect, addresses, &mut cluster);
        if let Some(cluster) = cluster {
            cluster.stop();
        }
        conversed
    }
}

fn converse(
    runtime: &Runtime,
    connect: &Connect,
    addresses: Vec<String>,
    cluster: &mut Option<Cluster>,
) -> Result<()> {
    let (client, manager) = {
        let _entered = runtime.enter();
        let manager = connect.manager(&addresses)?;
        (connect.client(&manager)?, manager)
    };
    let (nodes, shown) = (addresses.len(), addresses.join(", "));
    let greeting = format!("{nodes} nodes: {shown}. Type `help` for help.");
    let mut session = Session { runtime, client, manager, cluster };
    Ok(prompt::run(&greeting, |line| answer(&mut session, line))?)
}

/// A bad line is answered and the prompt goes on.
fn answer(session: &mut Session<'_>, line: &str) -> Answer {
    let command = match parse::parse(line) {
        Ok(Some(Command::Exit)) => return Answer::Exit,
        Ok(Some(command)) => command,
        Ok(None) => return Answer::Nothing,
        Err(error) => return Answer::Text(format!("error: {error}")),
    };
    Answer::Text(
        session.eval(command).unwrap_or_else(|error| format!("error: {}", sentence(&error))),
    )
}
