use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

/// The wait of a queue whose first message is held back.
#[derive(Debug, Default)]
pub(super) struct Hold(Option<Pin<Box<Sleep>>>);

impl Hold {
    /// Ready when the moment has come. If not, the task is woken then.
    pub(super) fn poll(&mut self, until: Instant, task: &Context<'_>) -> Poll<()> {
        if until <= Instant::now() {
            self.0 = None;
            return Poll::Ready(());
        }
        let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(&mut Context::from_waker(task.waker()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::task::noop_waker_ref;

    use super::super::{Epoch, Limits, Outbox};
    use super::*;
    use crate::call::Inbox;
    use crate::link::delivery::{Delivery, Outgoing};
    use crate::wire::Envelope;

    const SECOND: Duration = Duration::from_secs(1);

    /// Pushes a message that is held back this long, and whose caller gives up then.
    fn push(outbox: &Outbox, sequence: u64, hold: Duration, deadline: Option<Duration>) {
        let (delivery, now) = (Delivery::default(), Instant::now());
        let envelope = Envelope { sequence, ..Envelope::default() };
        let reply_to = std::sync::Arc::new(Inbox::default()).slot(1.into());
        let deadline = deadline.map(|after| now + after);
        let not_before = Some(now + hold);
        outbox.push(Outgoing::new(envelope, 10, reply_to, delivery, deadline, not_before));
    }

    fn pop(outbox: &Outbox, epoch: Epoch) -> Poll<Option<u64>> {
        let popped = outbox.poll_pop(epoch, &Context::from_waker(noop_waker_ref()));
        popped.map(|envelope| envelope.map(|envelope| envelope.sequence))
    }

    fn outbox() -> (Outbox, Epoch) {
        let outbox = Outbox::new(Limits { requests: 10, bytes: 10_000 });
        let epoch = outbox.attach();
        (outbox, epoch)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_behind_a_held_message_waits_although_it_is_not_held_itself() {
        let (outbox, epoch) = outbox();
        push(&outbox, 1, SECOND, None);
        push(&outbox, 2, Duration::ZERO, None);
        assert_eq!(pop(&outbox, epoch), Poll::Pending);
        tokio::time::advance(SECOND / 2).await;
        assert_eq!(pop(&outbox, epoch), Poll::Pending);
        tokio::time::advance(SECOND / 2).await;
        assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
        assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_task_is_woken_when_the_time_has_come() {
        let (outbox, epoch) = outbox();
        push(&outbox, 1, SECOND, None);
        let begun = Instant::now();
        let popped = std::future::poll_fn(|task| outbox.poll_pop(epoch, task)).await;
        assert_eq!((popped.map(|envelope| envelope.sequence), begun.elapsed()), (Some(1), SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_message_whose_caller_gave_up_holds_nobody_up() {
        let (outbox, epoch) = outbox();
        push(&outbox, 1, 60 * SECOND, Some(SECOND));
        push(&outbox, 2, Duration::ZERO, None);
        assert_eq!(pop(&outbox, epoch), Poll::Pending);
        tokio::time::advance(SECOND).await;
        assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_outbox_still_sends_what_it_holds_back() {
        let (outbox, epoch) = outbox();
        push(&outbox, 1, SECOND, None);
        outbox.close();
        assert_eq!(pop(&outbox, epoch), Poll::Pending);
        tokio::time::advance(SECOND).await;
        assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
        assert_eq!(pop(&outbox, epoch), Poll::Ready(None));
    }
}
