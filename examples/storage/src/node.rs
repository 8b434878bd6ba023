//! A server process: its store, and serving it.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use quorum_runtime::{Server, host};
use tokio::net::TcpListener;

use crate::database::Database;
use crate::mutant::Mutation;
use crate::storage::StorageServer;
use crate::store::Store;

/// The store of a node: in a folder, or in memory where there is none.
pub(crate) async fn open(folder: Option<&Path>, mutation: Mutation) -> anyhow::Result<Store> {
    let folder = folder.map(Path::to_owned);
    let database = host::blocking(move || match folder {
        Some(folder) => Database::in_folder(&folder, mutation),
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
        Some(error) => Err(anyhow::Error::new(Arc::clone(&error)))
            .context("the store failed, so this server has ended; start it again to go on from what is on the disk"),
    }
}
