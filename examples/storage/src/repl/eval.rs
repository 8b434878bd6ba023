//! From a command to its answer.

use std::fmt;

use quorum_runtime::{Configuration, ConfigurationError, RpcError, SendError};

use super::command::{Command, HELP, Operation};
use crate::client::{Client, ClientError};
use crate::newest::Newest;
use crate::storage::{StorageConfiguration as _, StorageNode as _, WriteRequest};

/// What a command comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Help,
    /// A line for each node.
    Nodes(Vec<String>),
    Value {
        key: String,
        value: Option<String>,
    },
    Written {
        key: String,
        stored: bool,
    },
    /// Everything was shown as it came.
    Shown,
    /// A one-way message went out to this many nodes.
    Sent {
        nodes: usize,
    },
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Help => f.write_str(HELP),
            Self::Nodes(lines) => f.write_str(&lines.join("\n")),
            Self::Value { key, value: Some(value) } => write!(f, "{key} = {value}"),
            Self::Value { key, value: None } => write!(f, "{key}: not found"),
            Self::Written { key, stored: true } => write!(f, "{key}: written"),
            Self::Written { key, stored: false } => write!(f, "{key}: a newer value is there"),
            Self::Shown => Ok(()),
            Self::Sent { nodes: 1 } => f.write_str("sent to 1 node"),
            Self::Sent { nodes } => write!(f, "sent to {nodes} nodes"),
        }
    }
}

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EvalError {
    #[error("{0}")]
    Nodes(#[from] ConfigurationError),
    #[error("{0}")]
    Client(#[from] ClientError),
    #[error("{0}")]
    Rpc(#[from] RpcError),
    #[error("{0}")]
    Send(#[from] SendError),
}

/// Carries out a command. What is known before it ends is shown. `exit` is the prompt's own affair and
/// answers nothing but the help.
pub(crate) async fn eval(
    client: &Client,
    command: Command,
    mut show: impl FnMut(String),
) -> Result<Answer, EvalError> {
    match command {
        Command::Help | Command::Exit => Ok(Answer::Help),
        Command::Nodes => Ok(nodes(client)),
        Command::Rpc { node, operation } => rpc(client, node, operation).await,
        Command::Unicast { node, key, value } => {
            let node = client.node(node)?;
            let entry = Some(client.newer_at(&node, &key, &value).await?);
            node.put(WriteRequest { key, entry }).await?;
            Ok(Answer::Sent { nodes: 1 })
        }
        Command::Multicast { key, value } => {
            let entry = Some(client.newer(client.storage(), &key, &value).await?);
            client.storage().put(WriteRequest { key, entry }).await?;
            Ok(Answer::Sent { nodes: client.nodes().len() })
        }
        Command::QuorumCall { operation } => quorum_call(client, client.storage(), operation).await,
        Command::Levels { key } => {
            let levels = client.read_by_levels(client.storage(), &key, |level, value| {
                let value = value.map(str::to_owned);
                show(format!("{}  (level {level})", Answer::Value { key: key.clone(), value }));
            });
            levels.await?;
            Ok(Answer::Shown)
        }
        Command::Configuration { nodes, operation } => {
            let configuration = client.storage().with_members(nodes)?;
            quorum_call(client, &configuration, operation).await
        }
    }
}

fn nodes(client: &Client) -> Answer {
    let nodes = client.nodes().into_iter();
    let line = |node: quorum_runtime::Node| {
        format!("{}  {}  {}", node.id(), node.address(), node.connection_state())
    };
    Answer::Nodes(nodes.map(line).collect())
}

async fn rpc(client: &Client, node: u32, operation: Operation) -> Result<Answer, EvalError> {
    let node = client.node(node)?;
    Ok(match operation {
        Operation::Read { key } => {
            let entry = client.held_by(&node, &key).await?;
            Answer::Value { key, value: entry.map(|entry| entry.value) }
        }
        Operation::Write { key, value } => {
            let entry = Some(client.newer_at(&node, &key, &value).await?);
            let write = node.write(WriteRequest { key: key.clone(), entry });
            Answer::Written { key, stored: write.await?.stored }
        }
    })
}

async fn quorum_call(
    client: &Client,
    configuration: &Configuration<Newest>,
    operation: Operation,
) -> Result<Answer, EvalError> {
    Ok(match operation {
        Operation::Read { key } => {
            let value = client.read(configuration, &key).await?;
            Answer::Value { key, value }
        }
        Operation::Write { key, value } => {
            client.write(configuration, &key, &value).await?;
            Answer::Written { key, stored: true }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::Register;
    use crate::cluster::{CLUSTER, Cluster};
    use crate::connection::connect;
    use crate::mutant::Mutation;

    fn client(addresses: &[String]) -> Client {
        let manager = connect(CLUSTER, addresses, Duration::from_secs(10)).build().unwrap();
        Client::new(manager, Register::default(), 1, Mutation::default()).unwrap()
    }

    fn read(key: &str) -> Operation {
        Operation::Read { key: key.to_owned() }
    }

    fn write(key: &str, value: &str) -> Operation {
        Operation::Write { key: key.to_owned(), value: value.to_owned() }
    }

    #[tokio::test]
    async fn an_answer_is_data_and_reads_as_a_line() {
        let cluster = Cluster::start(3, None, None).await.unwrap();
        let client = client(cluster.addresses());
        let quorum = |operation| Command::QuorumCall { operation };
        let cases = [
            (quorum(read("k")), "k: not found"),
            (quorum(write("k", "v")), "k: written"),
            (quorum(read("k")), "k = v"),
            (Command::Multicast { key: "k".into(), value: "w".into() }, "sent to 3 nodes"),
            (Command::Rpc { node: 1, operation: read("k") }, "k = w"),
            (Command::Configuration { nodes: vec![0, 1, 2], operation: read("k") }, "k = w"),
        ];
        for (command, answer) in cases {
            assert_eq!(
                eval(&client, command.clone(), drop).await.unwrap().to_string(),
                answer,
                "{command:?}"
            );
        }
        drop(client);
        cluster.stop().await;
    }

    #[tokio::test]
    async fn a_node_that_is_not_there_is_named() {
        let client = client(&["127.0.0.1:1".to_owned()]);
        let error =
            eval(&client, Command::Rpc { node: 1, operation: read("k") }, drop).await.unwrap_err();
        assert_eq!(error.to_string(), "there is no node 1 in this manager");
    }
}
