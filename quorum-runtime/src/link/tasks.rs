use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TrackedFuture;

use super::driver::LINGER;

/// The tasks of one manager, so that closing it can wait for their ends. All of them run on the
/// runtime that the manager was built in.
#[derive(Clone, Debug)]
pub(crate) struct Tasks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    runtime: Handle,
    /// One task for each link that was started. Each ends by itself after its link was closed.
    links: TaskTracker,
    /// Those that HTTP/2 runs for the connections of links and sessions, and one for each session
    /// that is being opened.
    connections: TaskTracker,
    /// What HTTP/2 runs, to be aborted: a session ends when its user likes, and a connection whose
    /// peer reads nothing waits for its keep-alive.
    transport: Mutex<JoinSet<()>>,
    aborted: CancellationToken,
}

impl Tasks {
    pub(crate) fn new(runtime: Handle) -> Self {
        Self(Arc::new(Inner {
            runtime,
            links: TaskTracker::new(),
            connections: TaskTracker::new(),
            transport: Mutex::default(),
            aborted: CancellationToken::new(),
        }))
    }

    /// The task of a link, which counts from now on, although it does not run yet.
    pub(super) fn link<F>(&self, driver: F) -> LinkTask<'_, F>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        LinkTask { runtime: &self.0.runtime, task: self.0.links.track_future(driver) }
    }

    /// Runs what opens a session. `None` comes of it when the manager was closed before it was done.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<Option<T>> {
        let aborted = self.0.aborted.clone();
        self.0.connections.spawn_on(aborted.run_until_cancelled_owned(task), &self.0.runtime)
    }

    /// Waits until no task is left. Links must have been closed before. What opens or keeps a
    /// session is aborted when it has had as long as a closed link has to send what it holds.
    pub(crate) async fn ended(&self) {
        let Inner { runtime, links, connections, .. } = &*self.0;
        let overdue = {
            let _entered = runtime.enter();
            tokio::time::sleep_until(Instant::now() + LINGER)
        };
        links.close();
        links.wait().await;
        connections.close();
        tokio::select! { biased;
            () = connections.wait() => return,
            () = overdue => self.abort(),
        }
        connections.wait().await;
    }

    fn abort(&self) {
        self.0.aborted.cancel();
        self.transport().abort_all();
    }

    fn transport(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.0.transport.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For HTTP/2.
impl hyper::rt::Executor<Pin<Box<dyn Future<Output = ()> + Send>>> for Tasks {
    fn execute(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let task = self.0.connections.track_future(task);
        let mut transport = self.transport();
        while transport.try_join_next().is_some() {}
        let handle = transport.spawn_on(task, &self.0.runtime);
        if self.0.aborted.is_cancelled() {
            handle.abort();
        }
    }
}

#[must_use = "it does not run by itself"]
pub(super) struct LinkTask<'a, F> {
    runtime: &'a Handle,
    task: TrackedFuture<F>,
}

impl<F: Future<Output = ()> + Send + 'static> LinkTask<'_, F> {
    pub(super) fn spawn(self) {
        self.runtime.spawn(self.task);
    }
}
