//! A server process: its store, and serving it.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use example_support::identity::Identity;
use quorum_runtime::{Server, host};
use tokio::net::TcpListener;

use crate::database::Database;
use crate::mutant::Mutation;
use crate::storage::StorageServer;
use crate::store::Store;

/// The store of a node: in a folder, or in memory where there is none.
pub(crate) async fn open(
    folder: Option<&Path>,
    identity: Identity,
    mutation: Mutation,
) -> anyhow::Result<Store> {
    let folder = folder.map(Path::to_owned);
    let database = host::blocking(move || match folder {
        Some(folder) => Database::in_folder(&folder, &identity, mutation),
        None => Database::in_memory(mutation),
    });
    Ok(Store::new(database.await?, mutation))
}

/// What a node answers to.
pub(crate) fn server(store: &Store) -> Server {
    Server::builder().service(StorageServer::new(store.clone()))
}

/// Serves a store until `stop` completes, or until the store fails: then that is the error.
pub(crate) async fn serve(
    listener: TcpListener,
    store: Store,
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let mut failed = None;
    let end = async {
        tokio::select! {
            biased;
            error = store.failure() => failed = Some(error),
            () = stop => {}
        }
    };
    server(&store).serve_with_listener(listener, end).await?;
    match failed {
        None => Ok(()),
        Some(error) => Err(anyhow::Error::new(Arc::clone(&error))).context(
            "this server has ended because its store failed; mend that and start it again",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::JoinHandle;

    use super::*;
    use crate::client::{Client, connect};
    use example_support::backend::WatchedFile;

    struct Running {
        file: WatchedFile,
        client: Client,
        serving: JoinHandle<anyhow::Result<()>>,
    }

    impl Running {
        async fn start(mutation: Mutation) -> Self {
            let file = WatchedFile::default();
            let database = Database::on(file.clone(), mutation).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addresses = [listener.local_addr().unwrap().to_string()];
            let store = Store::new(database, mutation);
            let serving = tokio::spawn(serve(listener, store, std::future::pending()));
            let manager = connect(&addresses, Duration::from_secs(10)).unwrap();
            let client = Client::new(manager, 1, Mutation::default()).unwrap();
            Self { file, client, serving }
        }

        async fn write(&self, key: &str, value: &str) -> Result<(), String> {
            let written = self.client.write(self.client.storage(), key, value).await;
            written.map_err(|error| error.to_string())
        }
    }

    #[tokio::test]
    async fn a_write_that_failed_is_not_acknowledged_and_ends_the_server() {
        let node = Running::start(Mutation::default()).await;
        node.write("k", "1").await.unwrap();
        node.file.fail();
        let refused = node.write("k", "2").await.unwrap_err();
        assert!(refused.contains("the store of this node has failed: "), "{refused}");
        assert!(refused.contains("the disk of this test fails"), "{refused}");

        let ended = tokio::time::timeout(Duration::from_secs(10), node.serving).await;
        let ended = format!("{:#}", ended.unwrap().unwrap().unwrap_err());
        assert!(ended.starts_with("this server has ended because its store failed"), "{ended}");
        assert!(ended.contains("the disk of this test fails"), "{ended}");
    }

    #[cfg(feature = "mutants")]
    mod mutants {
        use super::*;
        use crate::mutant::Mutant;

        #[tokio::test]
        async fn acknowledge_what_is_not_stored() {
            for mutant in [Mutant::AcknowledgeBeforeStoring, Mutant::AckOnError] {
                let node = Running::start(mutant.into()).await;
                node.file.fail();
                node.write("k", "1").await.unwrap();
            }
        }

        #[tokio::test]
        async fn answer_with_the_reply_to_another_call() {
            let node = Running::start(Mutant::ReplyForAnotherCall.into()).await;
            node.write("a", "of a").await.unwrap();
            node.write("b", "of b").await.unwrap();
            let (client, storage) = (&node.client, node.client.storage());
            client.read(storage, "a").await.unwrap();
            assert_eq!(client.read(storage, "b").await.unwrap().unwrap(), "of a");
        }
    }
}
