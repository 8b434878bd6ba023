use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

/// The wait of a queue whose first message is held back.
#[derive(Debug, Default)]
pub(super) struct Hold(Option<Pin<Box<Sleep>>>);

impl Hold {
    /// Ready when the moment has come, or when there is none. If not, the task is woken then.
    pub(super) fn poll(&mut self, until: Option<Instant>, task: &Context<'_>) -> Poll<()> {
        let Some(until) = until.filter(|until| *until > Instant::now()) else {
            self.0 = None;
            return Poll::Ready(());
        };
        let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(&mut Context::from_waker(task.waker()))
    }
}
