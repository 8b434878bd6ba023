use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use quorum_runtime::{Call, Replier, Requests, Status};
use tokio::sync::Semaphore;

use crate::recorder::{Item, Recorder};

/// A server that notes the numbers it is asked, in the order in which their handlers end.
#[derive(Clone, Debug)]
pub struct Recording {
    noted: Arc<Mutex<Vec<u64>>>,
    /// What a handler told to `wait` waits for.
    gate: Arc<Semaphore>,
    waited: Arc<AtomicUsize>,
    sessions_ended: Arc<AtomicUsize>,
    watches_begun: Arc<AtomicUsize>,
    watches_ended: Arc<AtomicUsize>,
}

/// Counts a session or a watch that ended, however it did.
struct Ended(Arc<AtomicUsize>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Default for Recording {
    fn default() -> Self {
        let gate = Arc::new(Semaphore::new(0));
        Self {
            noted: Arc::default(),
            gate,
            waited: Arc::default(),
            sessions_ended: Arc::default(),
            watches_begun: Arc::default(),
            watches_ended: Arc::default(),
        }
    }
}

impl Recording {
    /// The numbers so far.
    #[must_use]
    pub fn noted(&self) -> Vec<u64> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the numbers so far away.
    #[must_use]
    pub fn take(&self) -> Vec<u64> {
        std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many watches have begun, and how many of them have ended.
    #[must_use]
    pub fn watches(&self) -> (usize, usize) {
        (self.watches_begun.load(Ordering::Relaxed), self.watches_ended.load(Ordering::Relaxed))
    }

    /// How many sessions have ended, in whatever way.
    #[must_use]
    pub fn sessions_ended(&self) -> usize {
        self.sessions_ended.load(Ordering::Relaxed)
    }

    /// How many handlers have come to wait so far.
    #[must_use]
    pub fn waited(&self) -> usize {
        self.waited.load(Ordering::Relaxed)
    }

    /// Lets this many handlers that wait, now or later, go on.
    pub fn open(&self, handlers: usize) {
        self.gate.add_permits(handlers);
    }

    fn push(&self, item: &Item) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).push(item.number);
    }

    async fn wait(&self) {
        self.waited.fetch_add(1, Ordering::Relaxed);
        if let Ok(permit) = self.gate.acquire().await {
            permit.forget();
        }
    }
}

impl Recorder for Recording {
    async fn record(&self, _call: Call, request: Item) -> Result<Item, Status> {
        if request.text == "wait" {
            self.wait().await;
        }
        self.push(&request);
        Ok(request)
    }

    async fn ask(&self, call: Call, request: Item) -> Result<Item, Status> {
        self.act(call, request).await
    }

    async fn ask_beside(&self, call: Call, request: Item) -> Result<Item, Status> {
        self.act(call, request).await
    }

    async fn ask_again(&self, call: Call, request: Item) -> Result<Item, Status> {
        self.act(call, request).await
    }

    async fn watch(
        &self,
        _call: Call,
        request: Item,
        replies: Replier<Item>,
    ) -> Result<(), Status> {
        self.watches_begun.fetch_add(1, Ordering::Relaxed);
        let _ended = Ended(Arc::clone(&self.watches_ended));
        loop {
            replies.send(request.clone()).await?;
            let pause = if request.text == "slowly" { 10_000 } else { 5 };
            tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        }
    }

    async fn chat(
        &self,
        _call: Call,
        mut requests: Requests<Item>,
        replies: Replier<Item>,
    ) -> Result<(), Status> {
        let _ended = Ended(Arc::clone(&self.sessions_ended));
        let Some(first) = requests.next().await.transpose()? else {
            return replies.send(crate::text("nothing came")).await;
        };
        match first.text.as_str() {
            "refuse" => return Err(Status::permission_denied("not with you")),
            "panic" => panic!("told to"),
            "large" => return replies.send(crate::text(&"x".repeat(5 * 1024 * 1024))).await,
            "deaf" => {
                self.wait().await;
                return Ok(());
            }
            "count" => {
                let mut sum = 0;
                while let Some(item) = requests.next().await.transpose()? {
                    sum += item.number;
                }
                return replies.send(crate::item(sum)).await;
            }
            _ => {}
        }
        self.push(&first);
        replies.send(first).await?;
        while let Some(item) = requests.next().await.transpose()? {
            self.push(&item);
            replies.send(item).await?;
        }
        Ok(())
    }

    async fn beat(&self, _call: Call, request: Item) {
        self.push(&request);
    }

    async fn tell(&self, _call: Call, request: Item) {
        self.push(&request);
    }

    async fn note(&self, _call: Call, request: Item) {
        self.push(&request);
    }
}

impl Recording {
    /// Does what the text says, then notes the number.
    async fn act(&self, call: Call, mut request: Item) -> Result<Item, Status> {
        match request.text.as_str() {
            wait if wait.starts_with("wait") => self.wait().await,
            "release" => {
                call.release();
                self.wait().await;
            }
            "fail" => return Err(Status::not_found("no such item")),
            "panic" => panic!("told to"),
            "large" => request.text = "x".repeat(5 * 1024 * 1024),
            "deadline" => {
                let now = tokio::time::Instant::now();
                let left = call.deadline().map(|at| at.saturating_duration_since(now));
                request.number = left.map_or(0, |left| left.as_millis().try_into().unwrap_or(0));
            }
            "metadata" => {
                let value = call.metadata().get("key").and_then(|value| value.to_str().ok());
                request.text = value.unwrap_or_default().to_owned();
            }
            _ => {}
        }
        self.push(&request);
        Ok(request)
    }
}
