//! A node: what it has on disk, the tasks that work on it, and the server in front of them.

use std::future::Future;
use std::sync::Arc;

use anyhow::Context as _;
use quorum_runtime::host::{self, Disk};
use quorum_runtime::{Manager, ManagerBuilder, Server};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::agreement;
use crate::config::Config;
use crate::consensus::{
    Acceptor, Ballot, Clock, Leader, Learner, Log, Proposals, Quorums, Role, proposals, stand,
};
use crate::error::StoreError;
use crate::map::Map;
use crate::paxos::{AcceptorManager as _, AcceptorServer, ReplicaServer, SynchronisationServer};
use crate::replica::Replica;
use crate::sync::{Holds, Local, Own, Scrubs, Synchronisation};

/// A node that is about to serve.
pub(crate) struct Node {
    log: Log,
    leader: Leader,
    proposals: Proposals,
    copies: Synchronisation,
    manager: Manager,
    server: Server,
}

impl Node {
    /// Opens the data of a node, and connects to its peers: by `edge`, which may say how.
    pub(crate) async fn open(
        config: Config,
        edge: impl FnOnce(ManagerBuilder, Server) -> (ManagerBuilder, Server),
    ) -> anyhow::Result<Self> {
        let config = Arc::new(config);
        let mutation = config.mutation;
        let (log, promised, map) = data(&config).await?;
        let clock = Clock::new(config.clock_rate, mutation);
        let (scrubs, holds) = (Scrubs::default(), Holds::default());
        let learner = Learner::start(map, log.clone(), scrubs.clone(), mutation).await?;
        let lease = config.agreement.lease;
        let acceptor =
            Acceptor::new((log.clone(), promised), learner.clone(), clock, lease, mutation);

        let manager = Manager::builder().nodes(&config.peers).local(config.id).timeout(lease);
        let manager = manager.intercept(agreement::of_node(&config.agreement));
        let server = Server::builder().intercept(agreement::compared(&config));
        let (manager, server) = edge(manager, server);
        let manager = manager.build()?;
        let paxos = manager.acceptor(Quorums::new(&config.agreement, mutation))?;
        let (proposer, proposals) = proposals(config.batch_bytes);
        let role = watch::Sender::new(Role::default());
        let local = Local {
            manager: manager.clone(),
            learner: learner.clone(),
            log: log.clone(),
            role: role.subscribe(),
        };
        let own = Own {
            folder: config.folder.clone(),
            identity: config.identity(),
            incarnation: config.seed,
            chunk_keys: config.chunk_keys,
            mutation,
        };
        let copies = Synchronisation::new(local, own, holds.clone(), scrubs);
        let replica = Replica {
            config: Arc::clone(&config),
            acceptor: acceptor.clone(),
            learner: learner.clone(),
            log: log.clone(),
            clock,
            role: role.subscribe(),
            proposer,
            copies: copies.clone(),
        };
        let server = server
            .service(AcceptorServer::new(acceptor.clone()))
            .service(ReplicaServer::new(replica))
            .service(SynchronisationServer::new(copies.clone()))
            .peers(&manager);
        let leader =
            Leader { config, paxos, acceptor, learner, log: log.clone(), clock, role, holds };
        Ok(Self { log, leader, proposals, copies, manager, server })
    }

    /// Serves until `stop` completes, or until the disk fails: then that is the error. If this is dropped,
    /// the node ends as if it were killed.
    pub(crate) async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send,
    ) -> anyhow::Result<()> {
        let Self { log, leader, proposals, copies, manager, server } = self;
        let mut failed = None;
        let end = async {
            tokio::select! { biased;
                error = log.failure() => failed = Some(error),
                () = stop => {}
                () = stand(&leader, proposals) => {}
                () = copies.run() => {}
                () = copies.ask_when_behind(&leader.acceptor) => {}
            }
        };
        server.serve_with_listener(listener, end).await?;
        manager.close().await;
        if failed.is_none() {
            // So that who looks at the folders of stopped nodes sees all that they have executed.
            failed = leader.learner.persist().await.map_err(Arc::new).err();
        }
        failed.map_or(Ok(()), |error| Err(because(error)))
    }

    /// Serves for ever, or until the disk fails: then the node ends at once.
    #[cfg(feature = "sim")]
    pub(crate) async fn serve_at(self, address: std::net::SocketAddr) -> anyhow::Result<()> {
        let Self { log, leader, proposals, copies, manager: _connected, server } = self;
        tokio::select! { biased;
            error = log.failure() => Err(because(error)),
            () = stand(&leader, proposals) => Ok(()),
            () = copies.run() => Ok(()),
            () = copies.ask_when_behind(&leader.acceptor) => Ok(()),
            served = server.serve(address) => Ok(served?),
        }
    }
}

fn because(error: Arc<StoreError>) -> anyhow::Error {
    anyhow::Error::new(error)
        .context("this node has ended because its store failed; mend that and start it again")
}

/// What a node has on disk, made where it may be made. The log comes last: where it is, all is.
async fn data(config: &Arc<Config>) -> anyhow::Result<(Log, Ballot, Map)> {
    let (runtime, config) = (tokio::runtime::Handle::current(), Arc::clone(config));
    host::blocking(move || {
        let _entered = runtime.enter();
        let Config { ref folder, new, mutation, .. } = *config;
        let disk =
            Disk::folder(folder).with_context(|| format!("cannot use {}", folder.display()))?;
        let identity = config.identity();
        let opened = || {
            if !new && !Log::is_in(&disk)? {
                return Err(StoreError::Missing);
            }
            let map = Map::open(folder, &identity, new, mutation)?;
            let (log, promised) = Log::open(&disk, &identity, mutation)?;
            Ok((log, promised, map))
        };
        opened().with_context(|| format!("cannot open the data in {}", folder.display()))
    })
    .await
}
