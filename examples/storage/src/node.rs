//! A server process: its store, and serving it.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use example_support::identity::Identity;
use example_support::membership::{Member, Terms};
use quorum_runtime::{Server, Service, host};
use tokio::net::TcpListener;

use crate::database::Database;
use crate::mutant::Mutation;
use crate::signature::Authority;
use crate::store::Store;

/// What clients and servers speak.
pub(crate) const PROTOCOL: &str = "storage/1";

/// What a server process is.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) identity: Identity,
    /// Who may write, where servers may lie.
    pub(crate) authority: Option<Authority>,
    pub(crate) mutation: Mutation,
}

impl Node {
    /// Its store: in a folder, or in memory where there is none.
    pub(crate) async fn open(&self, folder: Option<&Path>) -> anyhow::Result<Store> {
        let (identity, mutation) = (self.identity.clone(), self.mutation);
        let place = folder.map(|folder| format!("cannot open the store in {}", folder.display()));
        let folder = folder.map(Path::to_owned);
        let database = host::blocking(move || {
            let database = match folder {
                Some(folder) => Database::in_folder(&folder, &identity, mutation)?,
                None => Database::in_memory(mutation)?,
            };
            #[cfg(feature = "mutants")]
            crate::mutant::forget_versions(&database)?;
            anyhow::Ok(database)
        });
        let database = database.await.with_context(|| place.unwrap_or_default())?;
        Ok(Store::new(database, self.authority.clone(), mutation))
    }

    /// Answers those who want this node.
    pub(crate) fn server(&self, service: impl Service) -> Server {
        let Identity { cluster, node } = &self.identity;
        let member = Member::new(*node, Terms::new(cluster, PROTOCOL));
        Server::builder().intercept(member).service(service)
    }
}

/// Serves a store until `stop` completes, or until the store fails: then that is the error.
pub(crate) async fn serve(
    server: Server,
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
    server.serve_with_listener(listener, end).await?;
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
    use crate::client::{Client, Register};
    use crate::connection::connect;
    use crate::storage::StorageServer;
    use example_support::backend::WatchedFile;

    struct Running {
        file: WatchedFile,
        client: Client,
        serving: JoinHandle<anyhow::Result<()>>,
    }

    impl Running {
        async fn start(mutation: Mutation) -> Self {
            let file = WatchedFile::default();
            let database = Database::on(file.clone(), mutation);
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addresses = [listener.local_addr().unwrap().to_string()];
            let identity = Identity::new("test", 0);
            let node = Node { identity, authority: None, mutation };
            let store = Store::new(database, None, mutation);
            let server = node.server(StorageServer::new(store.clone()));
            let serving = tokio::spawn(serve(server, listener, store, std::future::pending()));
            let manager = connect("test", &addresses, Duration::from_secs(10)).build().unwrap();
            let client = Client::new(manager, Register::default(), 1, Mutation::default()).unwrap();
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
