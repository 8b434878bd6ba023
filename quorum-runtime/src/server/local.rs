use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::watch;

use super::host::Host;
use super::in_process::InProcess;
use crate::error::ConnectionError;
use crate::link::{Callee, Connection, Conversation, RequestStream};
use crate::transport::boxed;
use crate::wire::Hello;

/// Where the manager of a process finds the server of the same process, once it serves.
#[derive(Debug, Default)]
pub(crate) struct Local(watch::Sender<Option<Arc<Host>>>);

impl Local {
    /// The server serves until what is returned is dropped.
    pub(super) fn serve(self: &Arc<Self>, host: &Arc<Host>) -> Serving {
        self.0.send_replace(Some(Arc::clone(host)));
        Serving { local: Arc::clone(self), host: Arc::clone(host) }
    }
}

impl Local {
    fn host(&self) -> Result<Arc<Host>, ConnectionError> {
        let host = self.0.borrow().clone();
        host.ok_or_else(|| ConnectionError::new("the server of this process does not run"))
    }
}

impl Callee for Local {
    fn ready(&self) -> BoxFuture<'_, ()> {
        let mut host = self.0.subscribe();
        async move {
            // The sender lives as long as this does.
            let _ = host.wait_for(Option::is_some).await;
        }
        .boxed()
    }

    fn connection(&self) -> Result<Connection, ConnectionError> {
        Ok(Connection::new(boxed(InProcess::new(self.host()?))))
    }

    fn handle(
        &self,
        caller: Hello,
        requests: RequestStream,
    ) -> Result<Conversation, ConnectionError> {
        Ok(self.host()?.handle(caller, requests))
    }
}

/// A server that serves, as its own process sees it.
#[derive(Debug)]
pub(super) struct Serving {
    local: Arc<Local>,
    host: Arc<Host>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let is_mine = |host: &mut Option<Arc<Host>>| {
            let is_mine = host.as_ref().is_some_and(|host| Arc::ptr_eq(host, &self.host));
            if is_mine {
                *host = None;
            }
            is_mine
        };
        self.local.0.send_if_modified(is_mine);
    }
}
